"""From a table to a file that was checked, and a report of both: what ``mothernet export`` does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from mothernet_export import check_export, to_onnx
from mothernet_runtime.output import written
from sklearn.model_selection import train_test_split

from mothernet.classifier import MotherNetClassifier
from mothernet.commands.report import ExportReport, HoldOut, column_reports, score
from mothernet.settings import DEFAULT_SETTINGS, Size
from mothernet.tables import Table

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
    progress: Callable[[str], None] = lambda stage: None,
) -> ExportReport:
    """Estimate on held-out rows, fit on all, write the file, compare it with the model, then put it in place.

    Parameters
    ----------
    table : Table
    output : path-like
        The file; until all of the above has succeeded it stays as it was.
    size, width
        As for :class:`mothernet.MotherNetClassifier`.
    max_bytes : int, optional
        Largest file. Columns of many categories keep as many as fit; the others are pooled.
    progress : callable
        Told what comes next.

    Raises
    ------
    ParityError
        If the file answers otherwise than the model.
    ValueError, OSError
        If a parameter cannot be used or the file cannot be written.
    """
    X, y = table.features, table.target.to_numpy()

    settings = DEFAULT_SETTINGS

    def classifier() -> MotherNetClassifier:
        return MotherNetClassifier(
            width=width,
            size=size,
            checkpoint=checkpoint,
            random_state=seed,
            columns=table.rules,
            settings=settings,
        )

    estimate, skipped = None, "as asked" if not hold_out else _hold_out_obstacle(y)
    if not skipped:
        progress("hold-out estimate")
        estimate = _hold_out(classifier(), X, y, seed)
    progress("fit on all rows")
    start = time.perf_counter()
    model = classifier().fit(X, y)
    while max_bytes is not None and (n_bytes := to_onnx(model, opset=opset).ByteSize()) > max_bytes:
        most = max((len(column.categories) for column in model.child_.categorical_columns), default=0)
        if most <= settings.max_category_features:
            raise ValueError(
                f"--max-bytes must be at least {n_bytes:,} for this table and size, however: {max_bytes:,}. "
                "Choose a smaller --size or --width, or --drop columns."
            )
        settings = replace(settings, max_categories=max(settings.max_category_features, most // 2))
        model = classifier().fit(X, y)
    fit_seconds = time.perf_counter() - start
    child = model.child_

    progress("write and compare")
    rows = np.sort(np.random.default_rng(seed).permutation(len(X))[:_PARITY_ROWS])
    inputs = model.graph_inputs(X.iloc[rows])
    with written(output) as temporary:
        to_onnx(model, temporary, opset=opset)
        parity = check_export(
            temporary,
            child,
            inputs.get("numeric"),
            inputs.get("categorical"),
            evaluator_rows=_PARITY_EVALUATOR_ROWS,
        )
        if not parity.ok:
            raise ParityError(
                f"the file must answer as the model does (probabilities within {parity.tolerance:g}), however: "
                f"{parity.comparisons}. {str(output)!r} was left as it was. Please report this with the table."
            )
        size_bytes = temporary.stat().st_size
    return ExportReport(
        path=str(output),
        size_bytes=size_bytes,
        opset=opset,
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
    )


def _hold_out_obstacle(y: npt.NDArray[Any]) -> str:
    labels, counts = np.unique(y, return_counts=True)
    if counts.min() >= _HOLD_OUT_CLASS_ROWS:
        return ""
    label, rows = labels[counts.argmin()], int(counts.min())
    return f"since class {label!s} has {rows} row{'s'[: rows > 1]} and {_HOLD_OUT_CLASS_ROWS} are needed"


def _hold_out(model: MotherNetClassifier, X: Any, y: npt.NDArray[Any], seed: int) -> HoldOut:
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=max(_HOLD_OUT_SHARE, len(np.unique(y)) / len(y)), random_state=seed, stratify=y
    )
    probabilities = model.fit(X_train, y_train).predict_proba(X_test)  # (N, C)
    frequencies = np.mean(y_train[:, None] == model.classes_, axis=0)  # (C,)
    baseline = np.tile(frequencies, (len(y_test), 1))
    return HoldOut(len(y_test), score(y_test, probabilities, model.classes_), score(y_test, baseline, model.classes_))
