"""The report of an export: what was read, fitted and written, and how good it is on held-out rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mothernet_export import CategoricalColumn, ChildNetwork
from mothernet_runtime.cells import CategoryRule
from mothernet_runtime.text import escaped

from mothernet.commands.reductions import Reduction
from mothernet.commands.scores import ReliabilityBin, Scores
from mothernet.tables import Table

__all__ = ["ExportReport", "HoldOut", "column_reports"]


@dataclass(frozen=True)
class HoldOut:
    """Scores on rows that were held out before a first fit, of what the file says and of the class frequencies alone.

    `reliability` has the rows in bins by confidence.
    """

    rows: int
    model: Scores
    class_frequencies: Scores
    reliability: tuple[ReliabilityBin, ...]


@dataclass(frozen=True)
class ExportReport:
    """What was read, fitted and written.

    Attributes
    ----------
    columns : tuple of dict
        ``name``, ``type``, ``how`` (it is written, or why it is ignored), ``missing`` (cells), ``used`` and, of
        categories, ``values`` (different ones), ``categories`` (those with weights of their own) and their ``bytes``.
    classes : tuple of dict
        ``label`` and ``rows``.
    fit_seconds : float
        Of the final fit, on all rows; with the loading of the checkpoint if there was no hold-out before it.
    size_bytes, constant_bytes : int
        Of the file; and, of C source, of the table's constants, else None.
    opset : int, optional
        None if it is C source.
    parity_rows, parity_max_difference, parity_evaluators
        Rows of the table on which the file was compared with the NumPy reference, the largest difference of a
        probability, and by what the file was run.
    reductions : tuple of Reduction
        What rounded weights and fewer categories change. With rounded weights, parity is that of the rounded network.
    hold_out_skipped : str
        Why there is no hold-out estimate; ``""`` if there is one.
    """

    path: str
    size_bytes: int
    constant_bytes: int | None
    weights: str
    opset: int | None
    width: int
    rows: int
    columns: tuple[Mapping[str, Any], ...]
    classes: tuple[Mapping[str, Any], ...]
    fit_seconds: float
    parity_rows: int
    parity_max_difference: float
    parity_evaluators: tuple[str, ...]
    reductions: tuple[Reduction, ...]
    hold_out: HoldOut | None
    hold_out_skipped: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        names = [escaped(column["name"]) for column in self.columns]
        name_width = max(map(len, names))
        classes = [f"{escaped(str(entry['label']))} {entry['rows']:,}" for entry in self.classes]
        lines = [
            f"{escaped(self.path)}: {self.size_bytes:,} bytes, "
            + (f"{self.constant_bytes:,} of constants, " if self.constant_bytes is not None else "")
            + f"{self.width} hidden units, "
            + ("C99" if self.opset is None else f"opset {self.opset}"),
            f"rows: {self.rows:,}, fitted in {self.fit_seconds:.2f} s",
            f"classes ({len(self.classes)}): {_shortened(classes)}",
            f"columns ({len(self.columns)}):",
            *(
                f"  {name:{name_width}}  {column['type']:11}  {_remarks(column)}".rstrip()
                for name, column in zip(names, self.columns, strict=True)
            ),
            f"parity: probabilities within {self.parity_max_difference:.1e} of the reference on {self.parity_rows:,} "
            f"rows, labels equal ({', '.join(self.parity_evaluators)})"
            if self.parity_evaluators
            else "parity: not checked, since no C compiler was found",
        ]
        lines += [str(each) for each in self.reductions]
        if self.hold_out is None:
            return "\n".join([*lines, f"hold-out: none, {escaped(self.hold_out_skipped)}"])
        model, frequencies = self.hold_out.model, self.hold_out.class_frequencies
        lines += [
            f"hold-out ({self.hold_out.rows:,} rows, before the final fit; in brackets: class frequencies alone):",
            f"  AUC {model.auc:.4f} ({frequencies.auc:.4f}), log loss {model.log_loss:.4f} "
            f"({frequencies.log_loss:.4f}), accuracy {model.accuracy:.4f} ({frequencies.accuracy:.4f})",
            f"  expected calibration error {model.calibration_error:.4f}; rows by their confidence in the label:",
            "       rows  confidence  right",
            *(f"{each.rows:11,}  {each.confidence:10.3f}  {each.accuracy:5.3f}" for each in self.hold_out.reliability),
        ]
        return "\n".join(lines)


def column_reports(child: ChildNetwork, table: Table) -> list[dict[str, Any]]:
    """``ExportReport.columns`` of a child fitted to a table."""
    reports = []
    for name, reading in table.readings.items():
        inputs = [column for column in child.columns if column.name == name]
        cells = table.features[name]
        missing = cells.isna() if reading.rule.type != "category" else cells == ""
        report = {
            "name": name,
            "type": reading.rule.type,
            "how": reading.reason,
            "missing": int(missing.sum()),
            "used": any(column.n_inputs for column in inputs),
        }
        if isinstance(reading.rule, CategoryRule):
            categories = sum(len(column.categories) for column in inputs if isinstance(column, CategoricalColumn))
            report |= {"values": int(cells.nunique()), "categories": categories}
            report |= {"bytes": 4 * categories * (child.width + child.target.n_outputs)}
        reports.append(report)
    return reports


def _remarks(column: Mapping[str, Any]) -> str:
    remarks = [escaped(column["how"])] if column["how"] else []
    if "values" in column and column["used"]:
        pooled = column["values"] - column["categories"]
        remarks.append(f"{column['values']:,} values" + (f", {pooled:,} of them pooled" if pooled > 0 else ""))
        if column["bytes"] > 50_000:
            remarks.append(f"{column['bytes']:,} bytes of the file")
    if column["missing"]:
        remarks.append(f"{column['missing']:,} missing")
    if not column["used"] and column["type"] != "ignored":
        remarks.append("not used: constant, all different, repeats another column, or says too little for this size")
    return ", ".join(remarks)


def _shortened(texts: list[str]) -> str:
    return ", ".join(texts[:10]) + (f" and {len(texts) - 10} more" if texts[10:] else "")
