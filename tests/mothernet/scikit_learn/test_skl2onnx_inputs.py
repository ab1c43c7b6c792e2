"""Columns of every type, one by one or as one tensor, through the graph that skl2onnx writes."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mothernet_runtime.cells import BLANKS
from skl2onnx.common.data_types import (
    Complex64TensorType,
    DoubleTensorType,
    FloatTensorType,
    Int8TensorType,
    Int16TensorType,
    Int32TensorType,
    Int64TensorType,
    StringTensorType,
    UInt8TensorType,
    UInt16TensorType,
)
from sklearn.datasets import load_breast_cancer, load_wine

from mothernet import MotherNetClassifier

sys.path.insert(0, str(Path(__file__).parent))

from converted import TOLERANCE, assert_equal, converted, evaluate, frame_types, run


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True)
    return MotherNetClassifier(width=16).fit(X, y), X


def test_columns_of_every_type_with_missing_and_unseen_cells(model, rows):
    file = converted(model, initial_types=frame_types(rows))
    assert_equal(file, model, rows)
    ours, onnxs = run(file, rows), evaluate(file, rows)
    assert ours[0].tolist() == onnxs[0].tolist()
    assert np.abs(ours[1] - onnxs[1]).max() < TOLERANCE


def test_every_column_of_the_table_has_an_influence(model, rows):
    """Or else the other tests would compare nothing."""
    unused = {parts[0].name for parts in model.child_.raw_columns if not sum(part.n_inputs for part in parts)}
    assert unused == {"constant"}


def test_a_data_frame_says_its_types_itself(model, train, rows):
    file = converted(model, train.iloc[1:2])
    assert [each.name for each in file.graph.input] == list(train.columns)
    assert_equal(file, model, rows)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_matrix_of_numbers(wine, dtype):
    model, X = wine
    file = converted(model, X[:1].astype(dtype))
    probabilities = run(file, X)[1]
    assert probabilities.dtype == dtype  # what an ensemble of skl2onnx computes with
    assert_equal(file, model, X)
    X = X.copy()
    X[::3, 2], X[1::3, 0] = np.nan, np.inf
    assert np.abs(run(file, X)[1] - model.predict_proba(X)).max() < TOLERANCE


@pytest.mark.parametrize("number_type", [Int8TensorType, Int32TensorType, Int64TensorType, UInt8TensorType])
def test_one_matrix_of_integers(number_type):
    X = np.random.default_rng(0).integers(0, 100, (300, 5))
    model = MotherNetClassifier(width=16).fit(X, X[:, 0] + X[:, 1] > X[:, 2] + 50)
    file = converted(model, initial_types=[("X", number_type([None, 5]))])
    assert_equal(file, model, X, labels=[0, 1])


@pytest.mark.parametrize("number_type", [Int16TensorType, UInt16TensorType])
def test_columns_of_small_integers(model, rows, number_type):
    assert_equal(converted(model, initial_types=frame_types(rows, visits=number_type, grade=number_type)), model, rows)


def test_columns_that_have_no_influence_may_be_of_any_type_and_rows_may_be_none(wine):
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X = X.assign(note=pd.date_range("2024-01-01", periods=len(X)).astype(str) + " note " + X.index.astype(str))
    with pytest.warns(UserWarning, match="'note' is ignored"):
        model = MotherNetClassifier(width=16).fit(X, y)
    assert any(not column.n_inputs for column in model.child_.columns)
    file = converted(model, initial_types=frame_types(X))
    assert_equal(file, model, X)
    assert [each.shape for each in run(file, X[:0])] == [(0,), (0, 2)]


def test_ignored_columns_may_be_left_out_and_columns_may_be_in_another_order(model, rows):
    shuffled = rows[["ratio", *[name for name in rows.columns if name not in ("ratio", "constant")]]]
    file = converted(model, initial_types=frame_types(shuffled))
    assert_equal(file, model, rows, X_file=shuffled)


def test_a_table_without_a_useful_column_gives_the_class_shares():
    frame = pd.DataFrame({"town": ["Bern"] * 60})
    model = MotherNetClassifier(width=8).fit(frame, ["a", "b", "b"] * 20)
    probabilities = run(converted(model, frame[:1]), frame[:5])[1]
    assert np.abs(probabilities - model.predict_proba(frame[:5])).max() < TOLERANCE


def test_missing_texts_are_the_empty_string_or_any_blank(model, rows):
    """onnxruntime's Python binding writes None as "None" and NaN as "nan"."""
    file = converted(model, initial_types=frame_types(rows))
    one = rows[:1].assign(town=None)
    expected = model.predict_proba(one)
    for blank in [None, np.nan, *sorted(BLANKS), " "]:
        got = run(file, one.assign(town=pd.Series([blank], dtype=object)))[1]
        assert np.abs(got - expected).max() < TOLERANCE, blank
    assert np.abs(run(file, one.assign(town="Bern"))[1] - expected).max() > 0.01


def test_usual_spellings_of_categories_and_booleans_are_understood(model, rows):
    file = converted(model, initial_types=frame_types(rows, grade=StringTensorType, member=StringTensorType))
    one = rows[:1].assign(town="Genève", grade="3", member="True", answer="no")
    expected = model.predict_proba(one)
    for change in (
        {"town": " Genève"}, {"town": "Genève "}, {"town": "Gene\u0300ve"}, {"grade": "3.0"}, {"member": "1"},
        {"member": "YES"}, {"answer": "No"}, {"answer": "false"},
    ):  # fmt: skip
        changed = one.assign(**change)
        assert np.abs(model.predict_proba(changed) - expected).max() < 1e-6, change
        assert np.abs(run(file, changed)[1] - expected).max() < TOLERANCE, change
    assert (
        np.abs(run(file, one.assign(answer="neither"))[1] - model.predict_proba(one.assign(answer=None))).max() < 1e-5
    )


def test_a_columns_own_marker_of_missing_cells_is_missing_there_only():
    rng = np.random.default_rng(0)
    one, two = rng.choice(["a", "b", "c", "?"], 400), rng.choice(["a", "b", "c", "?"], 400)
    frame = pd.DataFrame({"one": one, "two": two})
    rules = {"one": "category", "two": "category"}
    model = MotherNetClassifier(width=16, size="large", columns=rules).fit(frame, (one == "?") ^ (two == "a"))
    file = converted(model, frame[:1])
    assert_equal(file, model, frame, labels=[0, 1])


@pytest.mark.parametrize("number_type", [FloatTensorType, DoubleTensorType, Int64TensorType, StringTensorType])
def test_categories_of_whole_numbers_come_as_any_type(model, rows, number_type):
    rows = rows.assign(grade=rows["grade"].where(rows.index % 7 != 0, 3))
    file = converted(model, initial_types=frame_types(rows, grade=number_type))
    assert_equal(file, model, rows)


@pytest.mark.parametrize("number_type", [DoubleTensorType, Int64TensorType, StringTensorType])
def test_categories_of_whole_numbers_that_float32_merges_keep_their_digits(model, rows, number_type):
    assert np.float32(20240103) == np.float32(20240104)
    assert_equal(converted(model, initial_types=frame_types(rows, product=number_type)), model, rows)
    one, other = (model.predict_proba(rows.assign(product=each)) for each in (20240103, 20240104))
    assert np.abs(one - other).max() > 0.01


def test_missing_categories_of_numbers_are_nan():
    rng = np.random.default_rng(0)
    grade = np.where(rng.random(400) < 0.2, np.nan, rng.integers(-2, 3, 400))
    frame = pd.DataFrame({"grade": grade, "x": rng.normal(size=400)})
    target = np.isnan(grade) | (grade == -1)
    model = MotherNetClassifier(width=16, size="large", categorical_features=["grade"]).fit(frame, target)
    rows = pd.DataFrame({"grade": [np.nan, -1.0, -1.5, 2.0, 99.0, np.inf], "x": 0.1})
    for number_type in (FloatTensorType, DoubleTensorType):
        file = converted(model, initial_types=frame_types(frame, grade=number_type))
        probabilities = run(file, rows)[1]
        assert np.abs(probabilities - model.predict_proba(rows)).max() < TOLERANCE
        assert probabilities[0, 1] > 0.8 and probabilities[1, 1] > 0.8 > 0.2 > probabilities[3, 1]


def test_numbers_that_float32_merges_keep_their_digits_as_doubles_and_integers(model, rows):
    assert next(column for column in model.child_.numeric_columns if column.name == "opened").offset
    for number_type in (DoubleTensorType, Int64TensorType):
        assert_equal(converted(model, initial_types=frame_types(rows, opened=number_type)), model, rows)


def test_numbers_that_float32_merges_are_warned_of_as_float32(model, rows):
    with pytest.warns(UserWarning, match=r"'opened' has numbers that float32 cannot tell apart.*float64 or int64"):
        file = converted(model, initial_types=frame_types(rows, opened=FloatTensorType))
    rounded = rows.assign(opened=rows["opened"].astype(np.float32).astype(np.float64))
    assert_equal(file, model, rounded)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        converted(model, initial_types=frame_types(rows))


def test_what_a_graph_cannot_read_is_refused_with_what_to_do(model, rows):
    cases = [
        (frame_types(rows, age=StringTensorType), TypeError, "'age' must be numbers.*holds texts.*DataFrame"),
        (
            frame_types(rows, visits=Complex64TensorType),
            TypeError,
            "'visits' must be numbers, booleans or texts.*Complex64",
        ),
        (frame_types(rows)[:4], ValueError, "the 10 columns that the classifier was fitted on.*however: 4 in"),
        ([("X", StringTensorType([None, 10]))], TypeError, "'age' must be numbers"),
        ([("X", FloatTensorType([None]))], ValueError, r"the shape \[None, columns\]"),
    ]
    for types, error, message in cases:
        with pytest.raises(error, match=message):
            converted(model, initial_types=types)


def test_dates_are_refused_with_what_to_do():
    day = pd.date_range("2024-01-01", periods=300)
    frame = pd.DataFrame({"day": day.astype(str), "x": np.arange(300.0) % 7})
    model = MotherNetClassifier(width=16, size="large").fit(frame, np.where(day.month > 5, "late", "early"))
    with pytest.raises(TypeError, match=r"'day' must not hold dates.*before the fit.*mothernet_export\.to_onnx"):
        converted(model, frame[:1])


def test_decimals_as_categories_that_float32_merges_are_refused():
    ratio = np.random.default_rng(0).choice([0.1, 0.1 + 1e-12, 0.5], 300)
    frame = pd.DataFrame({"ratio": ratio})
    model = MotherNetClassifier(width=16, size="large", categorical_features=["ratio"]).fit(frame, ratio == 0.5)
    with pytest.raises(ValueError, match="'ratio' must differ as float32"):
        converted(model, frame[:1])
    texts = frame.astype(str)
    assert_equal(converted(model, texts[:1]), model, texts, labels=[0, 1])
