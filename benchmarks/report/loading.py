"""Which results files count, and their rows.

Of every suite and model the newest complete run of ``accuracy.py`` counts; of ``latency.py`` and ``whole_cost.py``,
whose models are measured side by side, the newest complete run. Complete are runs of whole suites, of one row and of
1,000 rows on at least five tables, and of at least three repeats. Files of an earlier form, without the columns that
are needed, are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from common.results import every_result, read_rows

__all__ = ["COLUMNS", "Results", "SourceRun", "load"]

COLUMNS = {
    "accuracy": ("suite", "table", "split", "model", "auc", "log_loss", "fit_seconds"),
    "latency": ("table", "model", "form", "engine", "inputs", "threads", "rows", "p50_us", "p99_us", "size_bytes"),
    "whole_cost": ("rows", "columns", "model", "wall_seconds", "cpu_seconds", "peak_bytes"),
}
MIN_TABLES, MIN_REPEATS, BATCHES = 5, 3, {1, 1_000}  # of a complete run


@dataclass(frozen=True)
class SourceRun:
    """A results file that the report is made of."""

    benchmark: str
    name: str
    content: dict[str, Any]  # question, environment, protocol, summary
    rows: pd.DataFrame
    complete: bool


@dataclass(frozen=True)
class Results:
    """Rows that count, and where they are from; a benchmark without results has no rows."""

    accuracy: pd.DataFrame
    latency: pd.DataFrame
    cost: pd.DataFrame
    runs: list[SourceRun]

    @property
    def failures(self) -> list[dict[str, Any]]:
        """What could not be converted or measured, as the runs say."""
        return [failure for run in self.runs for failure in run.content["summary"].get("failures", [])]


def load(folder: Path, *, incomplete: bool = False) -> Results:
    """The results that count.

    Parameters
    ----------
    folder : pathlib.Path
        With a folder for each benchmark.
    incomplete : bool
        Runs that are quick, or of chosen tables, count as well.

    Raises
    ------
    ValueError
        There is no run of ``accuracy.py`` that counts.
    """
    runs = {name: [run for run in _runs(name, folder) if run.complete or incomplete] for name in COLUMNS}
    if not runs["accuracy"]:
        raise ValueError(
            f"{folder.name}/accuracy must have a run of whole suites, however: it has none. Run benchmarks/accuracy.py."
        )
    accuracy, sources = _newest_by_suite_and_model(runs["accuracy"])
    newest = {name: runs[name][-1:] for name in ("latency", "whole_cost")}
    latency, cost = (_rows(newest[name], name) for name in newest)
    return Results(accuracy, latency, cost, [*sources, *newest["latency"], *newest["whole_cost"]])


def _runs(benchmark: str, folder: Path) -> list[SourceRun]:
    """All runs with the columns that are needed, the oldest first."""
    found = []
    for path, content in every_result(benchmark, folder):
        rows = read_rows(path)
        if set(COLUMNS[benchmark]) <= set(rows.columns):
            found.append(SourceRun(benchmark, path.name, content, rows, _is_complete(benchmark, content, rows)))
    return found


def _is_complete(benchmark: str, content: dict[str, Any], rows: pd.DataFrame) -> bool:
    if benchmark == "accuracy":
        return not content["protocol"].get("only")
    if benchmark == "latency":
        return rows["table"].nunique() >= MIN_TABLES and set(rows["rows"]) >= BATCHES
    return bool(rows.groupby(["rows", "columns", "model"]).size().min() >= MIN_REPEATS)


def _rows(runs: list[SourceRun], benchmark: str) -> pd.DataFrame:
    return runs[0].rows if runs else pd.DataFrame(columns=list(COLUMNS[benchmark]))


def _newest_by_suite_and_model(runs: list[SourceRun]) -> tuple[pd.DataFrame, list[SourceRun]]:
    """Rows of the newest run of each suite and model, and the runs that have some."""
    frames = [run.rows.assign(run=i) for i, run in enumerate(runs)]
    rows = pd.concat(frames, ignore_index=True)
    rows = rows[rows["run"] == rows.groupby(["suite", "model"])["run"].transform("max")]
    if "calibration_error" not in rows:
        rows["calibration_error"] = float("nan")
    return rows.drop(columns="run"), [runs[i] for i in sorted(set(rows["run"]))]
