"""Files of skl2onnx, run and compared with the estimator; no tests here."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx.reference import ReferenceEvaluator
from skl2onnx import to_onnx
from skl2onnx.common.data_types import BooleanTensorType, DoubleTensorType, Int64TensorType, StringTensorType

TOLERANCE = 1e-5
TYPES = {"f": DoubleTensorType, "i": Int64TensorType, "b": BooleanTensorType}


def frame_types(frame, **others):
    """`initial_types` of a DataFrame: doubles, int64, booleans and texts, and others by name."""
    return [
        (name, others.get(name, TYPES.get(frame[name].dtype.kind, StringTensorType))([None, 1]))
        for name in frame.columns
    ]


def converted(model, X=None, **options):
    """The checked file, without ZipMap unless asked for."""
    types = options.pop("initial_types", None)
    file = to_onnx(model, X, initial_types=types, **{"options": {"zipmap": False}, **options})
    onnx.checker.check_model(file, full_check=True)
    return file


def feeds(file, X):
    """Inputs by name: one matrix, or a column each, of the type that the file wants."""
    columns = [X] if isinstance(X, np.ndarray) else [X[[name]].to_numpy(object) for name in X.columns]
    return {
        each.name: column.astype(onnx.helper.tensor_dtype_to_np_dtype(each.type.tensor_type.elem_type))
        for each, column in zip(file.graph.input, columns, strict=True)
    }


def run(file, X):
    """Outputs of onnxruntime."""
    session = onnxruntime.InferenceSession(file.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds(file, X))


def evaluate(file, X):
    """Outputs of onnx's own evaluator, which takes no None for a text."""
    return ReferenceEvaluator(file).run(None, feeds(file, X.astype({"town": object}).fillna({"town": ""})))


def assert_equal(file, model, X, labels=None, X_file=None):
    """Labels as the model's (or as `labels` names its classes), probabilities within the tolerance."""
    label, probabilities = run(file, X if X_file is None else X_file)
    expected = model.predict_proba(X)
    assert np.abs(probabilities - expected).max() < TOLERANCE
    assert probabilities.shape == expected.shape
    classes = model.classes_ if labels is None else np.asarray(labels)
    ordered = np.sort(expected, axis=1)
    clear = ordered[:, -1] - ordered[:, -2] > 1e-4
    assert clear.mean() > 0.9
    assert (label == classes[expected.argmax(axis=1)])[clear].all()
