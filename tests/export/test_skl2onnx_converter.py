"""The converter on random networks: a file of skl2onnx says what the reference says, whatever columns are called."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mothernet_export import CategoricalColumn, NumericColumn, predict_proba
from mothernet_export.skl2onnx_converter import register
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType
from sklearn.base import BaseEstimator, ClassifierMixin


class Stub(ClassifierMixin, BaseEstimator):
    """A fitted classifier that holds a given child network."""

    def __init__(self, child):
        self.child_ = child
        self.classes_ = np.array(child.target.classes)


@pytest.fixture(scope="module", autouse=True)
def _registered():
    register(Stub)


def convert(child, types, options=None):
    file = to_onnx(Stub(child), initial_types=types, options={"zipmap": False, **(options or {})})
    onnx.checker.check_model(file, full_check=True)
    return file


def run(file, arrays):
    session = onnxruntime.InferenceSession(file.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {each.name: array for each, array in zip(session.get_inputs(), arrays, strict=True)})


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_tables_column_by_column(tables, data):
    child, numeric, categorical = data.draw(tables)
    number_type, dtype = data.draw(st.sampled_from([(FloatTensorType, np.float32), (DoubleTensorType, np.float64)]))
    numbers, texts = iter(numeric.T), iter(categorical.T)
    types, arrays = [], []
    with np.errstate(over="ignore"):
        for column in child.columns:
            is_number = isinstance(column, NumericColumn)
            types.append((column.name, (number_type if is_number else StringTensorType)([None, 1])))
            arrays.append(next(numbers).astype(dtype)[:, None] if is_number else next(texts)[:, None])
    label, probabilities = run(convert(child, types, {"nocl": True}), arrays)
    expected = predict_proba(child, numeric, categorical)
    assert probabilities.shape == expected.shape and label.dtype == np.int64
    assert np.abs(probabilities - expected).max(initial=0) < 1e-5
    clear = np.sort(expected, axis=1)[:, -1] - np.sort(expected, axis=1)[:, -2] > 1e-4
    assert (label == expected.argmax(axis=1))[clear].all()


@pytest.mark.parametrize("names", [("label", "probabilities"), ("gemm", "label_encoder"), ("a b", "ü (%)"), ("", "1")])
def test_columns_may_have_any_name(make_child, names):
    child = make_child(
        NumericColumn(names[0], 0.0, (-1.0, 0.0, 1.0), True), CategoricalColumn(names[1], ("", "a", "b"))
    )
    types = [
        ("one" if names[0] == "" else names[0], FloatTensorType([None, 1])),
        (names[1], StringTensorType([None, 1])),
    ]
    numeric, texts = np.array([[0.5], [np.nan], [-2]], np.float32), np.array([["a"], [""], ["c"]], object)
    label, probabilities = run(convert(child, types), [numeric, texts])
    expected = predict_proba(child, numeric, texts)
    assert np.abs(probabilities - expected).max() < 1e-6
    assert label.tolist() == [child.target.classes[k] for k in expected.argmax(axis=1)]
