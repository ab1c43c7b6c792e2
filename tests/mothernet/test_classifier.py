"""The estimator: scikit-learn's rules, real tables, determinism, and what each bad input says."""

import os
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_breast_cancer, load_iris, load_wine, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from mothernet import MotherNetClassifier
from mothernet.network.checkpoint import load_checkpoint, save_checkpoint
from mothernet.network.config import HypernetworkConfig
from mothernet.network.hypernetwork import Hypernetwork, weights_of
from mothernet.settings import FitSettings

EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "weights act on the loss alone; a repeated row moves folds too"
}


@parametrize_with_checks([MotherNetClassifier(width=16)], expected_failed_checks=lambda _: EXPECTED_FAILURES)
def test_scikit_learn_conventions(estimator, check, monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # without which scikit-learn skips a check
    check(estimator)


@pytest.fixture
def people():
    rng = np.random.default_rng(0)
    n = 240
    age = np.where(rng.random(n) < 0.15, np.nan, rng.uniform(1, 90, n).round())
    town = rng.choice(["Bern", "Basel", "Genève", None], n)
    member = rng.random(n) < 0.5
    score = np.nan_to_num(age, nan=40) / 30 + (town == "Bern") * 1.5 - member + rng.normal(size=n) * 0.4
    frame = pd.DataFrame(
        {
            "age": pd.array(age, "Float64"),
            "visits": pd.array(rng.integers(0, 9, n), "Int64"),
            "town": town,
            "member": member,
            "plan": pd.Categorical(rng.choice(["a", "b"], n)),
        }
    )
    return frame, np.where(score > np.median(score), "yes", "no")


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer])
def test_bundled_tables_are_learned_as_well_as_by_logistic_regression(load):
    X, y = load(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0, stratify=y)
    ours = MotherNetClassifier().fit(X_train, y_train)
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(X_train, y_train)
    assert ours.score(X_test, y_test) > linear.score(X_test, y_test) - 0.04
    # with 75 rows of iris the penalty comes out too weak (docs/log/): 0.298 against 0.172
    assert log_loss(y_test, ours.predict_proba(X_test)) < log_loss(y_test, linear.predict_proba(X_test)) + 0.15


def test_units_learn_what_no_linear_model_can():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (600, 2))
    y = ((X**2).sum(1) > 0.65).astype(int)
    # 0.977 without the limit on float32 rounding, see docs/log/; a linear model stays near 0.5
    assert MotherNetClassifier().fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.9


def test_frames_of_every_column_type(people):
    X, y = people
    model = MotherNetClassifier(size="large").fit(X, y)
    assert model.score(X, y) > 0.85
    assert model.classes_.tolist() == ["no", "yes"]
    assert model.feature_names_in_.tolist() == list(X)
    assert [type(column).__name__[:3] for column in model.child_.columns] == ["Num", "Num", "Cat", "Num", "Cat"]


def test_missing_and_unseen_cells_are_never_an_error(people):
    X, y = people
    model = MotherNetClassifier().fit(X, y)
    odd = X.head(3).copy()
    odd["age"] = pd.array([np.inf, -np.inf, None], "Float64")
    odd["town"] = ["Atlantis", None, ""]
    odd["visits"] = pd.array([None, 3, 10**9], "Int64")
    assert np.isfinite(model.predict_proba(odd)).all()
    one, two = odd.assign(town=None), odd.assign(town="")
    assert np.array_equal(model.predict_proba(one), model.predict_proba(two))


def test_fit_is_deterministic_and_leaves_global_random_state_alone(people):
    X, y = people
    before = np.random.get_state()[1].tolist()
    one, two = (MotherNetClassifier().fit(X, y).child_ for _ in range(2))
    assert one == two
    assert before == np.random.get_state()[1].tolist()


@pytest.mark.parametrize("label_type", ["string", "integer", "boolean", "float"])
def test_labels_keep_their_type(label_type):
    labels = {"string": ["a", "b"], "integer": [3, 7], "boolean": [False, True], "float": [0.0, 1.0]}[label_type]
    X, y = make_classification(80, 4, random_state=0)
    target = np.array(labels)[y]
    model = MotherNetClassifier(width=8).fit(X, target)
    assert model.child_.target.label_type == label_type
    assert model.predict(X).dtype == target.dtype
    assert model.predict(X).tolist() == [model.classes_[k] for k in model.predict_proba(X).argmax(1)]


def test_column_order_and_row_order_hardly_matter(people):
    X, y = people
    for size in ("large", "default"):
        model = MotherNetClassifier(size=size).fit(X, y)
        other = MotherNetClassifier(size=size).fit(X[X.columns[::-1]], y)
        difference = np.abs(model.predict_proba(X) - other.predict_proba(X[X.columns[::-1]]))
        assert difference.mean() < 0.02
        if size == "large":  # what a smaller child keeps may hang by a hair
            assert difference.max() < 0.02


def test_more_classes_than_label_codes_and_classes_of_one_row():
    rng = np.random.default_rng(0)
    y = np.append(np.repeat(np.arange(30), 8), [30, 31])
    X = np.stack([np.cos(y), np.sin(y), y / 10], 1) + 0.05 * rng.normal(size=(len(y), 3))
    model = MotherNetClassifier().fit(X, y)
    assert model.predict_proba(X).shape == (len(y), 32)
    assert model.score(X, y) > 0.9


@pytest.mark.parametrize("width", [1, 16, 256])
def test_any_width_is_a_valid_child(width):
    X, y = load_iris(return_X_y=True)
    model = MotherNetClassifier(width=width, size="large").fit(X, y)
    assert 0 < model.child_.width <= 128  # of generated units and rules
    assert model.score(X, y) > 0.9


def test_wide_tables_and_more_columns_than_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 700))
    y = (X[:, 5] + X[:, 600] > 0).astype(int)
    assert MotherNetClassifier(width=16).fit(X, y).score(X, y) > 0.9


def test_a_table_without_a_useful_column_predicts_the_class_shares():
    X, y = pd.DataFrame({"constant": [1.0] * 40, "same": ["a"] * 40}), np.repeat(["a", "b"], [10, 30])
    probabilities = MotherNetClassifier().fit(X, y).predict_proba(X)
    assert np.allclose(probabilities, [0.25, 0.75], atol=1e-3)


def test_penalties_may_be_predicted_by_the_hypernetwork(people):
    X, y = people
    assert MotherNetClassifier(penalty="predicted").fit(X, y).score(X, y) > 0.75


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: (X, np.repeat("yes", len(y))), "only one class"),
        (lambda X, y: (X.assign(span=pd.Timedelta(1, "h")), y), "column 'span' is of type timedelta64"),
        (lambda X, y: (X.assign(bad=[{1}] * len(X)), y), "column 'bad' holds"),
    ],
)
def test_bad_training_tables_say_what_is_wrong(people, change, message):
    with pytest.raises((ValueError, TypeError), match=message):
        MotherNetClassifier().fit(*change(*people))


def test_categorical_features_by_number_name_and_array(people):
    X, y = people
    numbers = X[["age", "visits"]].to_numpy(float, na_value=np.nan)
    for columns in ([1], np.array([1])):
        child = MotherNetClassifier(categorical_features=columns).fit(numbers, y).child_
        assert [len(child.numeric_columns), len(child.categorical_columns)] == [1, 1]
    child = MotherNetClassifier(categorical_features=pd.Index(["visits"])).fit(X, y).child_
    assert "visits" in [column.name for column in child.categorical_columns]
    with pytest.raises(TypeError, match="must be a list of columns, however: 'visits'"):
        MotherNetClassifier(categorical_features="visits").fit(X, y)


def test_frames_with_numbers_for_names_keep_them(people):
    X, y = people
    renamed = X.set_axis(range(X.shape[1]), axis=1)
    model = MotherNetClassifier(width=8).fit(renamed, y)
    assert [column.name for column in model.child_.columns] == ["0", "1", "2", "3", "4"]
    with pytest.raises(ValueError, match="X must have the columns"):
        model.predict(renamed[[1, 0, 2, 3, 4]])


@pytest.mark.parametrize("labels", [["a", None], ["a", np.nan], ["a", pd.NA], [1.0, np.nan]])
def test_missing_labels_are_an_error_with_their_count(labels):
    y = pd.Series(labels * 20)
    with pytest.raises(ValueError, match="y must have a label in every row, however: 20 are missing"):
        MotherNetClassifier().fit(np.arange(40.0)[:, None], y)


@pytest.mark.parametrize("labels", [[True, False], [1, 2], ["a", "b"], [np.str_("a"), np.str_("b")]])
def test_labels_in_object_arrays_are_understood(labels):
    y = np.array(labels * 20, dtype=object)
    model = MotherNetClassifier(width=8).fit(np.arange(40.0)[:, None], y)
    assert model.classes_.tolist() == sorted(labels)


def test_labels_of_several_types_are_an_error():
    with pytest.raises(TypeError, match="labels of one type"):
        MotherNetClassifier().fit(np.arange(40.0)[:, None], np.array([1, "a"] * 20, dtype=object))


def test_repeated_column_names_are_an_error(people):
    X, y = people
    with pytest.raises(ValueError, match=r"column names must differ, however: \['age'\] come more than once"):
        MotherNetClassifier().fit(X.rename(columns={"visits": "age"}), y)


def test_numbers_that_float32_cannot_tell_apart_are_told_apart():
    rng = np.random.default_rng(0)
    second = rng.permutation(300)
    X = pd.DataFrame({"t": 1.7e9 + second, "z": rng.normal(size=300)})
    model = MotherNetClassifier(width=8).fit(X, second > 150)
    assert model.score(X, second > 150) > 0.97


def test_identifiers_are_ignored_with_a_warning_and_can_be_used(people):
    X, y = people
    X = X.assign(customer_id=np.random.default_rng(0).permutation(90_000)[: len(X)])
    with pytest.warns(UserWarning, match="column 'customer_id' is ignored: an identifier by its name"):
        model = MotherNetClassifier(width=8).fit(X, y)
    assert np.array_equal(model.predict_proba(X), model.predict_proba(X.assign(customer_id=0)))
    forced = MotherNetClassifier(width=8, columns={"customer_id": "number"}).fit(X, y)
    assert forced.child_.columns[-1].n_inputs > 0


def test_most_cells_unseen_are_warned_of_once(people):
    X, y = people
    model = MotherNetClassifier(width=8).fit(X, y)
    with pytest.warns(
        UserWarning, match=r"cells of column 'town' \(100%\) are categories that the model does not know"
    ):
        model.predict(X.assign(town="Atlantis"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(X.assign(town="Atlantis"))


def test_weights_of_rows_and_classes_move_the_probabilities():
    X, y = make_classification(300, 4, weights=[0.8], flip_y=0.2, random_state=0)
    plain = MotherNetClassifier(width=8).fit(X, y).predict_proba(X)[:, 1].mean()
    balanced = MotherNetClassifier(width=8, class_weight="balanced").fit(X, y).predict_proba(X)[:, 1].mean()
    heavy = (
        MotherNetClassifier(width=8).fit(X, y, sample_weight=np.where(y == 1, 5.0, 1.0)).predict_proba(X)[:, 1].mean()
    )
    assert plain < y.mean() + 0.05 and balanced > plain + 0.1 and heavy > plain + 0.1


def test_rows_of_weight_zero_are_left_out():
    X, y = make_classification(200, 4, random_state=0)
    kept = np.arange(200) < 120
    alone = MotherNetClassifier(width=8).fit(X[kept], y[kept], sample_weight=np.full(120, 2.0)).child_
    assert MotherNetClassifier(width=8).fit(X, np.where(kept, y, 0), sample_weight=kept.astype(float)).child_ == alone
    with pytest.raises(ValueError, match="must contain at least one non-zero number"):
        MotherNetClassifier(width=8).fit(X, y, sample_weight=np.zeros(200))


def test_rows_that_are_alone_in_their_class_do_not_decide_the_penalty():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 40)
    X = rng.normal(size=(120, 4)) + 1.2 * y[:, None]
    alone = np.append(X, rng.normal(size=(2, 4)), 0), np.append(y, [3, 4])
    shares = [
        MotherNetClassifier(width=16).fit(*table).predict_proba(X)[:, :3].max(1).mean() for table in ((X, y), alone)
    ]
    assert abs(shares[0] - shares[1]) < 0.05


def test_bad_rows_at_prediction_say_what_is_wrong(people):
    X, y = people
    model = MotherNetClassifier(width=8).fit(X, y)
    with pytest.raises(ValueError, match=r"row 0: column 'age' must hold numbers .*, however: 'old'"):
        model.predict(X.assign(age="old"))
    with pytest.raises(ValueError, match="age"):
        model.predict(X.drop(columns="age"))
    with pytest.raises(ValueError, match="unseen at fit time"):
        model.predict(X.assign(shoe=1))


def test_bad_parameters_say_what_is_wrong(people, tmp_path):
    X, y = people
    with pytest.raises(ValueError, match="width must be between 1 and 256, a whole number, however: width=300"):
        MotherNetClassifier(width=300).fit(X, y)
    with pytest.raises(ValueError, match="categorical_features names 'shoe', which is not a column"):
        MotherNetClassifier(categorical_features=["shoe"]).fit(X, y)
    with pytest.raises(ValueError, match="penalty must be 'cross-validated' or 'predicted', however: penalty='guess'"):
        MotherNetClassifier(penalty="guess").fit(X, y)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        MotherNetClassifier(checkpoint=tmp_path / "none.safetensors").fit(X, y)
    with pytest.raises(ValueError, match=r"width must be between 1 and 256, a whole number, however: width=64\.0"):
        MotherNetClassifier(width=64.0).fit(X, y)
    with pytest.raises(ValueError, match="device must be 'cpu' or 'cuda', however: device='tpu'"):
        MotherNetClassifier(device="tpu").fit(X, y)


def test_bad_checkpoints_say_what_is_wrong(tmp_path):
    path = tmp_path / "wrong.safetensors"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match="is not a whole safetensors file"):
        load_checkpoint(path)
    save_checkpoint(
        path,
        HypernetworkConfig(embedding=16),
        weights_of(Hypernetwork(HypernetworkConfig(embedding=32)).state_dict()),
        {},
    )
    with pytest.raises(ValueError, match="does not fit this version"):
        load_checkpoint(path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match="is not a whole safetensors file"):
        load_checkpoint(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="is not a MotherNet checkpoint"):
        load_checkpoint(path)


def test_a_checkpoint_written_anew_is_read_anew(people, tmp_path):
    X, y = people
    children = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        network = Hypernetwork(HypernetworkConfig(embedding=16, blocks=1, attention_heads=2, units=8))
        save_checkpoint(tmp_path / "c.safetensors", network.config, weights_of(network.state_dict()), {})
        os.utime(tmp_path / "c.safetensors", (seed, seed))
        model = MotherNetClassifier(checkpoint=tmp_path / "c.safetensors", size="large")
        children.append(model.fit(X, y).child_)
    assert not np.array_equal(children[0].first_weight, children[1].first_weight)
    assert children[0].versions["checkpoint"] != children[1].versions["checkpoint"]


def test_the_built_in_checkpoint_says_how_it_was_made():
    info = load_checkpoint().info
    assert info["tasks"] > 0 and info["cpu_seconds"] > 0
    assert info["prior"] and info["pretraining"]


@pytest.mark.parametrize("size", ["small", "default", "large"])
@pytest.mark.parametrize("n_columns", [1, 2, 3])
def test_narrow_tables_of_every_size(size, n_columns):
    rng = np.random.default_rng(n_columns)
    X = rng.normal(size=(150, n_columns))
    y = (X[:, 0] + 0.3 * rng.normal(size=150) > 0).astype(int)
    assert MotherNetClassifier(size=size).fit(X, y).score(X, y) > 0.8


@pytest.mark.parametrize("y", [[0, 1, 0], [0] * 5 + [1] * 4 + [2]])
def test_no_usable_column_and_a_class_of_one_row(y):
    X = pd.DataFrame({"a": ["x"] * len(y)})
    expected = np.bincount(y) / len(y)
    np.testing.assert_allclose(MotherNetClassifier().fit(X, y).predict_proba(X[:1])[0], expected, atol=1e-5)


def test_a_large_table_that_is_not_refined_gets_rules():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, size=(5_200, 6)).astype(float)
    y = X[:, :3].sum(axis=1).astype(int) % 2  # a parity
    settings = FitSettings(min_refinement_errors=1e9)  # nothing is gain enough
    assert MotherNetClassifier(settings=settings).fit(X, y).score(X, y) > 0.95


def test_trained_weights_that_float32_cannot_sum_are_given_up():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5_200, 3))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)  # training helps
    trained, given_up, solved = (
        MotherNetClassifier(settings=FitSettings(max_solved_again=0, **limit)).fit(X, y).predict_proba(X)
        for limit in ({}, {"max_rounding_error": 0.0}, {"min_refinement_errors": 1e9})
    )
    assert 3 * np.abs(given_up - solved).mean() < np.abs(trained - solved).mean()  # made smaller by other rows


@pytest.mark.parametrize("weights", [{0: -1, 1: 1}, {0: float("nan"), 1: 1}])
def test_impossible_class_weights_are_refused(weights):
    with pytest.raises(ValueError, match="class_weight must hold weights of at least 0, however"):
        MotherNetClassifier(class_weight=weights).fit(np.arange(20.0)[:, None], np.arange(20) % 2)


def test_huge_sample_weights_are_weights():
    X, y = np.arange(40.0)[:, None], np.arange(40) // 20
    huge = MotherNetClassifier().fit(X, y, sample_weight=np.full(40, 1e308)).predict_proba(X)
    np.testing.assert_allclose(huge, MotherNetClassifier().fit(X, y).predict_proba(X), atol=1e-6)
