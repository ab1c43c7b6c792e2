"""scikit-learn's searches, pipelines and ensembles around a classifier: which of them are one child network."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from mothernet_export import ChildNetwork, check_export, to_c, to_onnx
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X, Y = np.random.default_rng(0).random((40, 2)), np.arange(40) % 2


class Stub(ClassifierMixin, BaseEstimator):
    """A classifier that holds a child network once it is fitted."""

    child: ChildNetwork

    def __init__(self, dial: int = 1) -> None:
        self.dial = dial

    def fit(self, X: object, y: object) -> Stub:
        self.classes_, self.child_ = np.unique(y), self.child
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return np.stack([1 - X[:, 0], X[:, 0]], axis=1)

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.classes_[(X[:, 0] > 0.5).astype(int)]


@pytest.fixture(autouse=True)
def _child(mixed_child: ChildNetwork) -> None:
    Stub.child = mixed_child


DIALS = {"dial": [1, 2]}
ONE_NETWORK = {
    "alone": Stub,
    "grid": lambda: GridSearchCV(Stub(), DIALS, cv=2),
    "random": lambda: RandomizedSearchCV(Stub(), DIALS, n_iter=1, cv=2),
    "halving": lambda: HalvingGridSearchCV(Stub(), DIALS, cv=2),
    "pipeline": lambda: make_pipeline(Stub()),
    "pipeline that passes through": lambda: make_pipeline("passthrough", None, Stub()),
    "grid around a pipeline": lambda: GridSearchCV(make_pipeline(Stub()), {"stub__dial": [1, 2]}, cv=2),
    "pipeline around a grid": lambda: make_pipeline(GridSearchCV(Stub(), DIALS, cv=2)),
    "frozen": lambda: FrozenEstimator(Stub().fit(X, Y)),
}
MORE = {
    "vote": lambda: VotingClassifier([("a", Stub()), ("b", Stub())], voting="soft"),
    "stack": lambda: StackingClassifier([("a", Stub())], cv=2),
    "bagging": lambda: BaggingClassifier(Stub(), n_estimators=2),
    "calibration": lambda: CalibratedClassifierCV(Stub(), cv=2),
    "one against the rest": lambda: OneVsRestClassifier(Stub()),
    "fixed threshold": lambda: FixedThresholdClassifier(Stub()),
    "tuned threshold": lambda: TunedThresholdClassifierCV(Stub(), cv=2),
}


@pytest.mark.parametrize("name", ONE_NETWORK)
def test_one_network_is_written_and_checked_as_such(name, mixed_child, mixed_rows):
    model = ONE_NETWORK[name]().fit(X, Y)
    file = to_onnx(model)
    assert file.SerializeToString(deterministic=True) == to_onnx(mixed_child).SerializeToString(deterministic=True)
    assert check_export(file, model, *mixed_rows).ok
    assert isinstance(file, onnx.ModelProto)


@pytest.mark.parametrize("name", MORE)
def test_what_is_more_than_one_network_is_refused_with_what_to_do(name, tmp_path):
    model = MORE[name]().fit(X, Y)
    for write, path in ((to_onnx, tmp_path / "model.onnx"), (to_c, tmp_path / "model.c")):
        with pytest.raises(TypeError, match=r"must be one child network, however: .*skl2onnx\.to_onnx\(model"):
            write(model, path)
    assert not list(tmp_path.iterdir())


def test_other_steps_are_named():
    model = make_pipeline(StandardScaler(), "passthrough", Stub()).fit(X, Y)
    with pytest.raises(TypeError, match=r"steps before the classifier, \['standardscaler'\]. Leave them out.*skl2onnx"):
        to_onnx(model)


@pytest.mark.parametrize("name", [*ONE_NETWORK, *MORE])
def test_unfitted_ones_are_refused_with_what_to_do(name):
    if name != "frozen":
        with pytest.raises(TypeError, match=r"Call fit first|Fit it with refit=True"):
            to_onnx({**ONE_NETWORK, **MORE}[name]())


def test_a_search_that_keeps_no_best_estimator():
    model = GridSearchCV(Stub(), DIALS, cv=2, refit=False).fit(X, Y)
    with pytest.raises(TypeError, match=r"GridSearchCV has no best_estimator_\. Fit it with refit=True\."):
        to_onnx(model)


@pytest.mark.parametrize("model", [3, None, StandardScaler(), make_pipeline(StandardScaler())])
def test_anything_else_holds_no_network(model):
    with pytest.raises(TypeError, match="model must be a ChildNetwork or a fitted estimator"):
        to_onnx(model)
