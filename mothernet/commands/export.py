"""From a table to a file that was checked, and a report of both: what ``mothernet export`` does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from mothernet_export import ChildNetwork, check_export, to_onnx
from mothernet_export.check import Parity
from mothernet_export.metadata import schema
from mothernet_export.reference import predict_proba
from mothernet_runtime.columns import table_columns
from mothernet_runtime.output import written
from mothernet_runtime.rows import RowReader
from mothernet_runtime.schema import read_columns

from mothernet.commands.report import ExportReport, HoldOut, column_reports
from mothernet.commands.scores import score
from mothernet.fitting.hidden_layer import stratified_rows
from mothernet.fitting.network import FitOptions, fit_network
from mothernet.settings import Size
from mothernet.tables import Table
from mothernet.tables.columns import TrainingColumn

if TYPE_CHECKING:
    from mothernet_export.c_writer import Weights

__all__ = ["ParityError", "export_table"]

_HOLD_OUT_SHARE = 0.25
_HOLD_OUT_CLASS_ROWS = 4  # the smallest class must have so many, or a quarter of it is nothing
_PARITY_ROWS = 1000
_PARITY_EVALUATOR_ROWS = 200  # of them by onnx.reference, which looks strings up one by one in Python


class ParityError(RuntimeError):
    """The file does not say what the model says; it was not put in place."""


def export_table(
    table: Table,
    output: str | os.PathLike[str],
    *,
    size: Size = "default",
    width: int | None = None,
    opset: int = 17,
    checkpoint: str | os.PathLike[str] | None = None,
    seed: int = 0,
    hold_out: bool = True,
    max_bytes: int | None = None,
    weights: Weights = "float32",
    progress: Callable[[str], None] = lambda stage: None,
    part: Callable[[str], None] = lambda name: None,
) -> ExportReport:
    """Estimate on held-out rows, fit on all, write the file, compare it with the model, then put it in place.

    Parameters
    ----------
    table : Table
    output : path-like
        The file; until all of the above has succeeded it stays as it was. A name that ends in ``.c`` makes it C source,
        with the header beside it.
    size, width
        As for :class:`mothernet.MotherNetClassifier`.
    max_bytes : int, optional
        Largest file. Columns of many categories keep as many as fit; the others are pooled.
    weights
        As for :func:`mothernet_export.to_c`.
    progress, part : callable
        Told what comes next, and what of it.

    Raises
    ------
    ParityError
        If the file answers otherwise than the model.
    ValueError, OSError
        If a parameter cannot be used or the file cannot be written.
    """
    is_c = Path(output).suffix == ".c"
    if is_c:
        from mothernet.commands.c_source import check_c_options, write_c  # and its compiler's interface, which few need

        check_c_options(output, max_bytes)
    elif weights != "float32":
        raise ValueError(f"--weights {weights} must go with -o FILE.c, however: {str(output)!r}. Choose such a name.")
    X, y = table.features, table.target.to_numpy()
    options = FitOptions(width, size, checkpoint)
    estimate, skipped = None, "as asked" if not hold_out else _hold_out_obstacle(y)
    if not skipped:
        progress("hold-out estimate")
        estimate = _hold_out(table.columns, X, y, options, seed, part)
    progress("fit on all rows")
    start = time.perf_counter()
    child = fit_network(table.columns, y, options, seed=seed, progress=part)
    while max_bytes is not None and (n_bytes := to_onnx(child, opset=opset).ByteSize()) > max_bytes:
        most = max((len(column.categories) for column in child.categorical_columns), default=0)
        if most <= options.settings.max_category_features:
            raise ValueError(
                f"--max-bytes must be at least {n_bytes:,} for this table and size, however: {max_bytes:,}. "
                "Choose a smaller --size or --width, or --drop columns."
            )
        fewer = max(options.settings.max_category_features, most // 2)
        options = replace(options, settings=replace(options.settings, max_categories=fewer))
        child = fit_network(table.columns, y, options, seed=seed, progress=part)
    fit_seconds = time.perf_counter() - start

    progress("write and compare")
    rows = np.sort(np.random.default_rng(seed).permutation(len(X))[:_PARITY_ROWS])
    rounding = None
    if is_c:
        cells = {column.name: column.take(rows).values for column in table.columns}
        parity, rounding = write_c(child, cells, output, weights)
        _check_parity(parity, output)
        size_bytes = os.stat(output).st_size
    else:
        inputs = _graph_inputs(child, X.iloc[rows])
        with written(output) as temporary:
            to_onnx(child, temporary, opset=opset)
            parity = check_export(
                temporary,
                child,
                inputs.get("numeric"),
                inputs.get("categorical"),
                evaluator_rows=_PARITY_EVALUATOR_ROWS,
            )
            _check_parity(parity, output)
            size_bytes = temporary.stat().st_size
    return ExportReport(
        path=str(output),
        size_bytes=size_bytes,
        opset=None if is_c else opset,
        width=child.width,
        rows=len(X),
        columns=tuple(column_reports(child, table)),
        classes=tuple({"label": label, "rows": int((y == label).sum())} for label in child.target.classes),
        fit_seconds=fit_seconds,
        parity_rows=len(rows),
        parity_max_difference=parity.max_difference,
        parity_evaluators=tuple(comparison.evaluator for comparison in parity.comparisons),
        hold_out=estimate,
        hold_out_skipped=skipped,
        warnings=table.warnings,
        notes=table.notes,
        rounding_max_difference=None if rounding is None else rounding.max_difference,
        rounding_labels=None if rounding is None else rounding.different_labels,
    )


def _check_parity(parity: Parity, output: str | os.PathLike[str]) -> None:
    if not parity.ok:
        raise ParityError(
            f"the file must answer as the model does (probabilities within {parity.tolerance:g}), however: "
            f"{parity.comparisons}. {str(output)!r} was left as it was. Please report this with the table."
        )


def _hold_out_obstacle(y: npt.NDArray[Any]) -> str:
    labels, counts = np.unique(y, return_counts=True)
    if counts.min() >= _HOLD_OUT_CLASS_ROWS:
        return ""
    label, rows = labels[counts.argmin()], int(counts.min())
    return f"since class {label!s} has {rows} row{'s'[: rows > 1]} and {_HOLD_OUT_CLASS_ROWS} are needed"


def _hold_out(
    columns: Sequence[TrainingColumn],
    X: pd.DataFrame,
    y: npt.NDArray[Any],
    options: FitOptions,
    seed: int,
    part: Callable[[str], None],
) -> HoldOut:
    """Fit to three quarters of the rows, predict the others; both hold the classes in proportion."""
    classes, code = np.unique(y, return_inverse=True)
    n_held_out = round(max(_HOLD_OUT_SHARE * len(y), len(classes)))
    held_out = np.zeros(len(y), np.bool_)
    held_out[stratified_rows(code, n_held_out, np.random.default_rng(seed))] = True
    seen = [column.take(~held_out) for column in columns]
    child = fit_network(seen, y[~held_out], options, seed=seed, progress=part)
    inputs = _graph_inputs(child, X[held_out])
    probabilities = predict_proba(child, inputs.get("numeric"), inputs.get("categorical"))
    code, trained = code[held_out], np.bincount(code[~held_out])
    baseline = np.tile(trained / trained.sum(), (len(code), 1))
    return HoldOut(len(code), score(code, probabilities), score(code, baseline))


def _graph_inputs(child: ChildNetwork, X: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """What the file's graph takes for these rows."""
    inputs: dict[str, npt.NDArray[Any]] = RowReader(read_columns(schema(child)["columns"])).read(table_columns(X))[1]
    return inputs
