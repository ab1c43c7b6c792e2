"""MotherNet's children fitted to a real table, in the forms that the latency of others is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import mothernet_runtime
import numpy as np
from mothernet_export import to_onnx
from mothernet_export.check import graph_inputs
from mothernet_export.reference import predict_proba

from common.c_rows import c_predictor
from common.onnx_models import Table
from common.predictors import PARITY_ROWS, Arrays, Call, Failure, Predictor, onnx_predictor
from mothernet import MotherNetClassifier

__all__ = ["CHILDREN", "child_predictors"]

CHILDREN = {"mothernet-small": "small", "mothernet": "default", "mothernet-large": "large"}  # and their size
TOLERANCE = 1e-5  # of a probability, as the format promises


def child_predictors(name: str, table: Table, folder: Path) -> Iterator[Predictor | Failure]:
    """The file in onnxruntime, the NumPy reference on the same matrices, the runtime on a dict of columns; and on codes
    the numeric core in onnxruntime, and the C source."""
    frame = table.data.features
    model = MotherNetClassifier(size=CHILDREN[name]).fit(frame.iloc[table.train], table.data.labels[table.train])
    path = folder / f"{name}.onnx"
    content = to_onnx(model, path).SerializeToString()
    arrays = model.graph_inputs(frame)
    child = model.child_
    expected = np.asarray(model.predict_proba(frame.iloc[:PARITY_ROWS]), float)

    def reference(rows: Arrays, threads: int) -> Call:
        return lambda: predict_proba(child, rows.get("numeric"), rows.get("categorical"))

    def runtime(rows: Arrays, threads: int) -> Call:
        loaded = mothernet_runtime.load(path, threads=threads)
        return lambda: loaded.predict_proba(rows)

    columns = {
        key: column.to_numpy(object if text else float)
        for text, (key, column) in zip(table.is_text, frame.items(), strict=True)
    }
    yield onnx_predictor(name, "raw", arrays, content, expected, TOLERANCE)
    yield Predictor(name, "native", "numpy", "raw", arrays, reference, expected, TOLERANCE)
    yield Predictor(name, "native", "mothernet-runtime", "raw", columns, runtime, expected, TOLERANCE)
    core = to_onnx(model, form="core")
    numbers = graph_inputs(child, arrays.get("numeric"), arrays.get("categorical"), "core")
    yield onnx_predictor(name, "codes", dict(numbers), core.SerializeToString(), expected, TOLERANCE)
    yield c_predictor(name, child, frame, expected, TOLERANCE, folder)
