"""From a table to a file that was checked, and a report of both: what ``mothernet export`` does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from mothernet_export import ChildNetwork, NumericColumn, check_export, to_onnx
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

from mothernet.classifier import MotherNetClassifier
from mothernet.files import replaced
from mothernet.table import Table

__all__ = ["ExportReport", "HoldOut", "ParityError", "Scores", "export_table"]

_HOLD_OUT_SHARE = 0.25
_HOLD_OUT_CLASS_ROWS = 4  # the smallest class must have so many, or a quarter of it is nothing
_PARITY_ROWS = 1000
_PARITY_EVALUATOR_ROWS = 200  # of them by onnx.reference, which looks strings up one by one in Python


class ParityError(RuntimeError):
    """The file does not say what the model says; it was not put in place."""


@dataclass(frozen=True)
class Scores:
    """Mean one-vs-one ROC AUC, log loss (nats) and accuracy."""

    auc: float
    log_loss: float
    accuracy: float


@dataclass(frozen=True)
class HoldOut:
    """Scores on rows that were held out before a first fit, and what the class frequencies alone reach there."""

    rows: int
    model: Scores
    class_frequencies: Scores


@dataclass(frozen=True)
class ExportReport:
    """What was read, fitted and written.

    Attributes
    ----------
    columns : tuple of dict
        ``name``, ``kind``, ``missing`` (cells), ``used`` and, if categorical, ``values`` (different ones) and
        ``categories`` (those that have weights of their own).
    classes : tuple of dict
        ``label`` and ``rows``.
    fit_seconds : float
        Of the final fit, on all rows; with the loading of the checkpoint if there was no hold-out before it.
    parity_rows, parity_max_difference, parity_evaluators
        Rows of the table on which the file was compared with the NumPy reference, the greatest difference of a
        probability, and by what the file was run.
    hold_out_skipped : str
        Why there is no hold-out estimate; ``""`` if there is one.
    """

    path: str
    size_bytes: int
    opset: int
    width: int
    rows: int
    columns: tuple[Mapping[str, Any], ...]
    classes: tuple[Mapping[str, Any], ...]
    fit_seconds: float
    parity_rows: int
    parity_max_difference: float
    parity_evaluators: tuple[str, ...]
    hold_out: HoldOut | None
    hold_out_skipped: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        name_width = max(len(column["name"]) for column in self.columns)
        lines = [
            f"{self.path}: {self.size_bytes:,} bytes, {self.width} hidden units, opset {self.opset}",
            f"rows: {self.rows:,}, fitted in {self.fit_seconds:.2f} s",
            f"classes ({len(self.classes)}): " + _shortened([f"{c['label']} {c['rows']:,}" for c in self.classes]),
            f"columns ({len(self.columns)}):",
            *(f"  {c['name']:{name_width}}  {c['kind']:11}  {_remarks(c)}".rstrip() for c in self.columns),
            f"parity: probabilities within {self.parity_max_difference:.1e} of the reference on {self.parity_rows:,} "
            f"rows, labels equal ({', '.join(self.parity_evaluators)})",
        ]
        if self.hold_out is None:
            return "\n".join([*lines, f"hold-out: none, {self.hold_out_skipped}"])
        model, frequencies = self.hold_out.model, self.hold_out.class_frequencies
        lines += [
            f"hold-out ({self.hold_out.rows:,} rows, before the final fit; in brackets: class frequencies alone):",
            f"  AUC {model.auc:.4f} ({frequencies.auc:.4f}), log loss {model.log_loss:.4f} "
            f"({frequencies.log_loss:.4f}), accuracy {model.accuracy:.4f} ({frequencies.accuracy:.4f})",
        ]
        return "\n".join(lines)


def export_table(
    table: Table,
    output: str | os.PathLike[str],
    *,
    width: int | None = None,
    opset: int = 17,
    checkpoint: str | os.PathLike[str] | None = None,
    seed: int = 0,
    hold_out: bool = True,
    progress: Callable[[str], None] = lambda stage: None,
) -> ExportReport:
    """Estimate on held-out rows, fit on all, write the file, compare it with the model, then put it in place.

    Parameters
    ----------
    table : Table
    output : path-like
        The file; until all of the above has succeeded it stays as it was.
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

    def classifier() -> MotherNetClassifier:
        return MotherNetClassifier(width=width, checkpoint=checkpoint, random_state=seed)

    estimate, skipped = None, "none was asked for" if not hold_out else _hold_out_obstacle(y)
    if not skipped:
        progress("hold-out estimate")
        estimate = _hold_out(classifier(), X, y, seed)
    progress("fit on all rows")
    start = time.perf_counter()
    model = classifier().fit(X, y)
    fit_seconds = time.perf_counter() - start
    child = model.child_

    progress("write and compare")
    rows = np.sort(np.random.default_rng(seed).permutation(len(X))[:_PARITY_ROWS])
    numeric = X[[column.name for column in child.numeric_columns]].to_numpy(np.float64)[rows]
    categorical = X[[column.name for column in child.categorical_columns]].to_numpy(object)[rows]
    with replaced(output) as temporary:
        to_onnx(model, temporary, opset=opset)
        parity = check_export(temporary, child, numeric, categorical, evaluator_rows=_PARITY_EVALUATOR_ROWS)
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
        columns=tuple(_column_reports(child, table)),
        classes=tuple({"label": label, "rows": int((y == label).sum())} for label in child.classes),
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
    return HoldOut(
        len(y_test), _scores(y_test, probabilities, model.classes_), _scores(y_test, baseline, model.classes_)
    )


def _scores(y: npt.NDArray[Any], probabilities: npt.NDArray[Any], classes: npt.NDArray[Any]) -> Scores:
    probabilities = probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)  # scikit-learn wants float64 sums
    if len(classes) == 2:
        auc = roc_auc_score(y == classes[1], probabilities[:, 1])
    else:
        auc = roc_auc_score(y, probabilities, multi_class="ovo", labels=classes)
    return Scores(
        float(auc),
        float(log_loss(y, probabilities, labels=classes)),
        float(accuracy_score(y, classes[probabilities.argmax(axis=1)])),
    )


def _column_reports(child: ChildNetwork, table: Table) -> list[dict[str, Any]]:
    reports = []
    for column in child.columns:
        cells = table.features[column.name]
        report: dict[str, Any] = {"name": column.name, "used": column.n_rows > 0}
        if isinstance(column, NumericColumn):
            report |= {"kind": "numeric", "missing": int(cells.isna().sum())}
        else:
            report |= {"kind": "categorical", "missing": int((cells == "").sum())}
            report |= {"values": int(cells.nunique()), "categories": len(column.categories)}
        reports.append(report)
    return reports


def _remarks(column: Mapping[str, Any]) -> str:
    remarks = []
    if "values" in column and column["used"]:
        pooled = column["values"] - column["categories"]
        remarks.append(f"{column['values']:,} values" + (f", {pooled:,} of them pooled" if pooled > 0 else ""))
    if column["missing"]:
        remarks.append(f"{column['missing']:,} missing")
    if not column["used"]:
        remarks.append("ignored: constant, different in every row, or repeats another column")
    return ", ".join(remarks)


def _shortened(texts: list[str]) -> str:
    return ", ".join(texts[:10]) + (f" and {len(texts) - 10} more" if texts[10:] else "")
