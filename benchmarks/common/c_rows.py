"""A child's C source as a library that predicts many rows of numbers and codes in one call."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from mothernet_export import CategoricalColumn, to_c
from mothernet_export.c_writer.fields import Field, fields_of
from mothernet_export.child import ChildNetwork
from mothernet_runtime.columns import read_column

from common.predictors import Arrays, Call, Failure, Predictor

__all__ = ["c_predictor", "typed_columns"]

COMPILER = "gcc"
LOOP = """#include "model.h"
void predict_rows(const model_row *rows, int n_rows, float *probabilities) {
  for (int i = 0; i < n_rows; ++i) model_predict(rows + i, probabilities + (long)i * MODEL_CLASSES);
}
"""
TYPES = {"float": np.float32, "double": np.float64, "int": np.int32}


def c_predictor(
    name: str,
    child: ChildNetwork,
    frame: pd.DataFrame,
    expected: npt.NDArray[np.float64],
    tolerance: float,
    folder: Path,
) -> Predictor | Failure:
    """The source compiled with -O2, on typed rows; making the structs is not timed."""
    if shutil.which(COMPILER) is None:
        return Failure(name, COMPILER, "codes", f"needs {COMPILER}, which is not installed")
    to_c(child, folder / "model.c")
    (folder / "loop.c").write_text(LOOP)
    library = folder / f"{name}.so"
    command = [COMPILER, "-std=c99", "-O2", "-shared", "-fPIC", "-I.", "model.c", "loop.c", "-o", library.name]
    subprocess.run(command, cwd=folder, check=True)
    function = ctypes.CDLL(str(library)).predict_rows
    fields = fields_of(child)
    row = np.dtype([(field.field, TYPES[field.c_type]) for field in fields], align=True)

    def ready(columns: Arrays, threads: int) -> Call:
        n_rows = len(columns[fields[0].field])
        rows, answer = np.zeros(n_rows, row), np.empty((n_rows, child.target.n_outputs), np.float32)
        for field in fields:
            rows[field.field] = columns[field.field]
        arguments = ctypes.c_void_p(rows.ctypes.data), n_rows, ctypes.c_void_p(answer.ctypes.data)

        def call() -> npt.NDArray[np.float32]:
            assert len(rows)  # which the call reads
            function(*arguments)
            return answer

        return call

    size = library.stat().st_size
    arrays = typed_columns(fields, frame)
    return Predictor(
        name, "compiled", COMPILER, "codes", arrays, ready, expected, tolerance, size_bytes=size, single_threaded=True
    )


def typed_columns(fields: list[Field], frame: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """The fields (N,) of a table's rows, by name: numbers, seconds, codes of categories."""
    columns: dict[str, npt.NDArray[Any]] = {}
    for field in fields:
        values = read_column(field.name, field.column.rule, frame[field.name])  # type: ignore[union-attr]
        if isinstance(field.column, CategoricalColumn):
            codes = {text: code for code, text in enumerate(field.column.categories)}
            values = np.array([codes.get(text, -1) for text in values], np.int32)
        columns[field.field] = values
    return columns
