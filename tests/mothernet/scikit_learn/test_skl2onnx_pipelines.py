"""The classifier within pipelines, searches and ensembles, as far as skl2onnx knows them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from skl2onnx.common.exceptions import MissingShapeCalculator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_wine
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from mothernet import MotherNetClassifier

sys.path.insert(0, str(Path(__file__).parent))

from converted import TOLERANCE, assert_equal, converted, frame_types, run

X, Y = load_wine(return_X_y=True)
NUMBERS = ["age", "visits", "opened"]


def ours(width=8, **parameters):
    return MotherNetClassifier(width=width, **parameters)


def bayes():
    return make_pipeline(StandardScaler(), GaussianNB())


def regression():
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1))


MODELS = {
    "pipeline": lambda: make_pipeline(StandardScaler(), ours()),
    "union": lambda: make_pipeline(make_union(StandardScaler(), "passthrough"), ours()),
    "search": lambda: GridSearchCV(ours(), {"width": [4, 8]}, cv=2),
    "search in a pipeline": lambda: make_pipeline(StandardScaler(), GridSearchCV(ours(), {"width": [8]}, cv=2)),
    "vote": lambda: VotingClassifier([("a", ours()), ("b", bayes())], voting="soft", flatten_transform=False),
    "vote of two": lambda: VotingClassifier(
        [("a", ours()), ("b", ours(4))], voting="soft", weights=np.array([2, 1]), flatten_transform=False
    ),
    "stack": lambda: StackingClassifier([("a", ours()), ("b", bayes())], regression(), cv=2),
    "stack with the columns": lambda: StackingClassifier([("a", ours())], regression(), cv=2, passthrough=True),
    "stack below ours": lambda: StackingClassifier([("a", regression())], ours(), cv=2),
    "calibration": lambda: CalibratedClassifierCV(ours(), cv=2),
    "calibration, one fit": lambda: CalibratedClassifierCV(ours(), cv=2, ensemble=False),
    "bagging": lambda: BaggingClassifier(ours(), n_estimators=2, random_state=0),
    "one against the rest": lambda: OneVsRestClassifier(ours()),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("classes", [2, 3])
def test_a_matrix_of_numbers(name, classes):
    labels = np.array(["red", "green", "blue"])[Y] if classes == 3 else np.where(Y == 1, 7, -1)
    model = MODELS[name]().fit(X, labels)
    # scalers compute in the type of the input: as float32, numbers of another size than the classifier saw
    assert_equal(converted(model, X[:1]), model, X)
    if classes == 2:
        probabilities = run(converted(model, X[:1].astype(np.float32)), X)[1]
        assert probabilities.dtype == np.float32
        assert np.abs(probabilities - model.predict_proba(X)).max() < TOLERANCE


def test_a_vote_by_labels():
    voters = [("a", ours()), ("b", bayes()), ("c", ours(4))]
    for labels in (Y, np.array(["red", "green", "blue"])[Y]):
        model = VotingClassifier(voters, voting="hard", flatten_transform=False).fit(X, labels)
        assert run(converted(model, X[:1]), X)[0].tolist() == model.predict(X).tolist()


@pytest.mark.parametrize("zipmap", [True, "columns"])
def test_zipmap_of_a_pipeline(zipmap):
    model = make_pipeline(StandardScaler(), ours()).fit(X, Y)
    label, *rest = run(converted(model, X[:1].astype(np.float32), options={"zipmap": zipmap}), X)
    columns = np.array([[row[k] for k in range(3)] for row in rest[0]]) if zipmap is True else np.stack(rest, axis=1)
    assert np.abs(columns - model.predict_proba(X)).max() < TOLERANCE
    assert label.tolist() == model.predict(X).tolist()


def logistic():
    columns = make_column_transformer((StandardScaler(), ["visits"]), (OneHotEncoder(), ["answer"]))
    return make_pipeline(columns, LogisticRegression())


FRAMES = {
    "numbers scaled, one category coded": lambda: make_pipeline(
        make_column_transformer((StandardScaler(), NUMBERS), (OrdinalEncoder(), ["answer"])), ours()
    ),
    "one-hot": lambda: make_pipeline(
        make_column_transformer((StandardScaler(), NUMBERS), (OneHotEncoder(sparse_output=False), ["answer", "grade"])),
        ours(),
    ),
    "numbers passed through": lambda: make_pipeline(
        make_column_transformer((StandardScaler(), ["age"]), ("passthrough", ["visits", "grade"])), ours()
    ),
    "frames between steps": lambda: make_pipeline(
        make_column_transformer((StandardScaler(), ["age"]), ("passthrough", ["visits"])).set_output(
            transform="pandas"
        ),
        ours(),
    ),
    "texts chosen": lambda: make_pipeline(make_column_transformer(("passthrough", ["town", "answer"])), ours()),
    "texts passed through beside numbers": lambda: make_pipeline(
        make_column_transformer((StandardScaler(), ["age", "visits"]), ("passthrough", ["town", "member", "grade"])),
        ours(size="large"),
    ),
    "search": lambda: GridSearchCV(ours(), {"width": [4, 8]}, cv=2),
    "vote": lambda: VotingClassifier([("a", ours()), ("b", logistic())], voting="soft", flatten_transform=False),
    "no other step": lambda: make_pipeline(ours()),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_data_frame_of_every_type(name, train, rows, labels):
    filled = {"town": "Bern"}  # what came before the classifier is not what is tested
    rows = rows.fillna(filled).assign(product=rows["product"].astype(float))
    frame = train.fillna(filled).assign(product=train["product"].astype(float))
    rows = rows[rows["grade"] != 77]
    model = FRAMES[name]().fit(frame, labels)
    assert_equal(converted(model, initial_types=frame_types(frame)), model, rows)


def test_numbers_among_texts_that_float32_merges_are_refused(train, labels):
    columns = make_column_transformer(("passthrough", ["opened", "town"]))
    frame = train.fillna({"town": "Bern"})
    model = make_pipeline(columns, ours(size="large")).fit(frame, frame["opened"] % 5000 > 2500)
    with pytest.raises(TypeError, match=r"'x0' must be numbers, as in the fit.*holds texts"):
        converted(model, initial_types=frame_types(frame))


def test_numbers_that_a_column_writes_in_its_own_way_are_refused():
    """onnxruntime would read 1,5 as 1."""
    rng = np.random.default_rng(0)
    price = rng.uniform(0, 9, 300).round(1)
    frame = pd.DataFrame({"price": [str(each).replace(".", ",") for each in price], "x": rng.normal(size=300)})
    columns = make_column_transformer((StandardScaler(), ["x"]), ("passthrough", ["price"]))
    model = make_pipeline(columns, ours(size="large")).fit(frame, price > 4.5)
    with pytest.raises(TypeError, match=r"'x1' must be numbers, as in the fit.*holds texts"):
        converted(model, initial_types=frame_types(frame))


# What skl2onnx itself cannot or does wrong, whatever the classifier: documented in export/README.md. A test that fails
# here says that the documentation is out of date.


def test_isotonic_calibration_is_not_exact_in_skl2onnx():
    noisy = np.where(np.random.default_rng(0).random(len(Y)) < 0.2, 0, Y)
    for base in (ours(), GaussianNB()):
        model = CalibratedClassifierCV(base, method="isotonic", cv=2).fit(X, noisy)
        difference = np.abs(run(converted(model, X[:1]), X)[1] - model.predict_proba(X)).max()
        assert difference > 1e-3


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: VotingClassifier([("a", ours())], voting="soft"), NotImplementedError),  # flatten_transform=True
        (lambda: RandomizedSearchCV(ours(), {"width": [8]}, n_iter=1, cv=2), MissingShapeCalculator),
        (lambda: CalibratedClassifierCV(ours(), method="temperature", cv=2), AttributeError),
        (lambda: make_pipeline("passthrough", ours()), AttributeError),
    ],
)
def test_what_skl2onnx_refuses(make, error):
    model = make().fit(X, Y)
    with pytest.raises(error):
        converted(model, X[:1])


@pytest.mark.parametrize(
    "make", [lambda: CalibratedClassifierCV(ours(), cv=2), lambda: StackingClassifier([("a", ours())], cv=2)]
)
def test_some_ensembles_of_skl2onnx_take_one_matrix_only(make, train, labels):
    frame = train[["age", "visits", "member"]]
    model = make().fit(frame, labels)
    with pytest.raises(RuntimeError, match="at most 1 input"):
        converted(model, initial_types=frame_types(frame))
