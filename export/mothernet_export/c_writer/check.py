"""Does the C source say what the record says? It is compiled, and its answers are compared with the NumPy reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from mothernet_runtime.cells import date_part
from mothernet_runtime.model import TOLERANCE

from mothernet_export.c_writer.compiled import CompiledChild, find_compiler
from mothernet_export.c_writer.fields import fields_of
from mothernet_export.c_writer.file import CSource
from mothernet_export.c_writer.quantization import rounded
from mothernet_export.check import Comparison, Parity
from mothernet_export.child import ChildNetwork, child_of
from mothernet_export.columns import CategoricalColumn, NumericColumn
from mothernet_export.reference import predict_answers
from mothernet_export.target import Answers

__all__ = ["check_c"]

_INT8_TOLERANCE = 1e-4  # of sums whose factors are rounded too


def check_c(
    source: CSource, child: Any, columns: Mapping[str, npt.NDArray[Any]], *, compiler: str | None = None
) -> Parity:
    """Compile a C source and compare its answers with the record's on the rows given.

    Parameters
    ----------
    source : CSource
    child : ChildNetwork or estimator with `child_`
        What the source should say. With int8 weights, it should say what :func:`rounded` makes of it.
    columns : mapping of str to ndarray (N,)
        Every column that is not ignored, by name, as :func:`mothernet_runtime.columns.read_column` reads it: numbers,
        seconds of dates, texts of categories.
    compiler : str, optional
        By default the one that the environment's CC names, or one that is found.

    Returns
    -------
    Parity
        Without comparisons if there is no compiler.

    Raises
    ------
    RuntimeError
        If the source does not compile.
    """
    record = child_of(child)
    compiler = compiler or find_compiler()
    is_exact = source.weights == "float32"
    tolerance = TOLERANCE if is_exact else _INT8_TOLERANCE
    if compiler is None:
        return Parity((), ("compiled C",), tolerance)
    classes, probabilities = CompiledChild(source, record, compiler).predict(columns)
    labels = np.array(record.target.labels, object)
    got: Answers = {"label": labels[classes], "probabilities": probabilities}
    expected = reference_answers(record if is_exact else rounded(record), columns)
    difference = record.target.difference(expected, got)
    return Parity((Comparison("compiled C", len(classes), *difference),), (), tolerance)


def reference_answers(child: ChildNetwork, columns: Mapping[str, npt.NDArray[Any]]) -> Answers:
    """The answers of a record to columns as `check_c` takes them."""
    numeric: list[npt.NDArray[np.float64]] = []
    categorical: list[npt.NDArray[Any]] = []
    for field in fields_of(child):
        values = columns[field.name]
        for column in field.parts:
            if isinstance(column, CategoricalColumn):
                categorical.append(values)
            elif isinstance(column, NumericColumn):
                numbers = np.asarray(values, np.float64)
                part = numbers if column.part == "value" else date_part(numbers, column.part)
                numeric.append(part - column.offset)
    return predict_answers(
        child,
        np.stack(numeric, axis=1) if numeric else None,
        np.stack(categorical, axis=1) if categorical else None,
    )
