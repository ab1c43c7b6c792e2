"""The page's tables: scores, wins, times and sizes of every way to run a model, ratios by table."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pandas as pd

from report.appearance import appearance, in_order, suite_title, variant_title
from report.comparisons import (
    SCORES,
    VARIANT,
    differences,
    mean_interval,
    others,
    scores_of,
    suites_of,
    time_ratios,
    wins,
)
from report.words import plain_size, plain_time, signed

__all__ = ["BY_TABLE", "Table", "ratio_table", "score_table", "speed_table", "win_table"]

BY_TABLE = ("auc", "log_loss")
MANY_ROWS = 1_000  # the call that is shown with more threads
ONCE = {  # of a file
    "size_bytes": "file",
    "session_ms": "session",
    "first_call_us": "first call",
    "memory_bytes": "memory",
    "instructions": "instructions, one row",
}


class Table(NamedTuple):
    """Cells are text, or text with a class."""

    head: list[str]
    rows: list[list[Any]]
    caption: str = ""


def score_table(accuracy: pd.DataFrame, suite: str) -> Table:
    means = scores_of(accuracy, suite)
    head = [
        "model",
        "AUC",
        "log loss (nats)",
        "calibration error",
        "accuracy",
        "mean rank (AUC)",
        "fit, mean",
        "tables",
    ]
    columns = ["auc", "log_loss", "calibration_error", "accuracy"]
    best = {
        "auc": means["auc"].max(),
        "log_loss": means["log_loss"].min(),
        "calibration_error": means["calibration_error"].min(),
        "accuracy": means["accuracy"].max(),
    }
    rows = []
    for model, row in means.iterrows():
        cells = [_cell(f"{row[name]:.4f}", "best" if row[name] == best[name] else "", row[name]) for name in columns]
        fit = plain_time(1e6 * row["fit_seconds"])
        rows.append([appearance(model).title, *cells, f"{row['rank']:.2f}", fit, f"{row['tables']:.0f}"])
    return Table(head, rows, f"{suite_title(suite, int(means['tables'].max()))}; the best of a column is bold")


def win_table(accuracy: pd.DataFrame) -> Table:
    head = ["ours beside", "suite"]
    for score in BY_TABLE:
        head += [f"{SCORES[score].title.partition(' (')[0]}: better / alike / worse", "mean difference (95 %)"]
    rows = []
    for other in others(accuracy):
        for suite in suites_of(accuracy):
            own = accuracy[accuracy["suite"] == suite]
            by_score = {score: differences(own, score, other) for score in BY_TABLE}
            if all(len(values) for values in by_score.values()):
                cells = [cell for score, values in by_score.items() for cell in _win_cells(values, score)]
                rows.append([appearance(other).title, suite, *cells])
    return Table(head, rows)


def _win_cells(values: pd.Series, score: str) -> list[Any]:
    mean, low, high = mean_interval(values)
    sure = "" if not low * high > 0 else "good" if (mean > 0) == SCORES[score].more_is_better else "bad"
    return [" / ".join(map(str, wins(values, score))), (f"{signed(mean)} ({signed(low)} to {signed(high)})", sure)]


def speed_table(latency: pd.DataFrame) -> Table | None:
    """Every variant: times by rows in a call, with more threads too, and what is measured once of a file."""
    if latency.empty:
        return None
    once = {name: words for name, words in ONCE.items() if name in latency and latency[name].notna().any()}
    calls = [(1, rows) for rows in sorted(set(latency["rows"]))]
    calls += [(threads, MANY_ROWS) for threads in sorted(set(latency["threads"]) - {1})]
    head = ["model, form, inputs", *(_call_title(*call) for call in calls), "one row, p99", *once.values(), "tables"]
    rank = in_order(latency["model"])
    groups = sorted(latency.groupby(VARIANT), key=lambda item: (rank.index(item[0][0]), item[0][1:]))
    rows = []
    for variant, own in groups:
        medians = own.groupby(["threads", "rows"])[["p50_us", "p99_us"]].median()
        cells = [_time(medians["p50_us"].get(call)) for call in calls]
        cells.append(_time(medians["p99_us"].get((1, 1))))
        of_table = own.groupby("table").first()
        cells += [_quantity(name, of_table[name].median()) for name in once]
        rows.append([variant_title(*variant), *cells, str(len(of_table))])
    return Table(head, rows)


def _call_title(threads: int, rows: int) -> str:
    return ("one row" if rows == 1 else f"{rows:,} rows") + (f", {threads} threads" if threads > 1 else "")


def _time(value: float | None) -> str:
    return plain_time(value) if value is not None and math.isfinite(value) else ""


def _quantity(name: str, value: float) -> str:
    if not math.isfinite(value):
        return ""
    if name.endswith("_bytes"):
        return plain_size(value)
    return f"{value:,.0f}" if name == "instructions" else plain_time(value * (1e3 if name.endswith("_ms") else 1))


def ratio_table(latency: pd.DataFrame, rows: int) -> Table | None:
    if latency.empty or (ratios := time_ratios(latency, rows)).empty:
        return None
    head = ["table", *(variant_title(*variant) for variant in ratios.columns)]
    lines = [
        [name, *(_ratio(value) for value in line)] for name, line in zip(ratios.index, ratios.to_numpy(), strict=True)
    ]
    lines.append(["median", *(_ratio(value) for value in ratios.median())])
    lines.append(
        ["tables where ours is faster", *(f"{int((c > 1).sum())} of {c.notna().sum()}" for _, c in ratios.items())]
    )
    return Table(head, lines, f"{'one row' if rows == 1 else f'{rows:,} rows'}: time of the others divided by ours")


def _ratio(value: float) -> tuple[str, str]:
    if not math.isfinite(value):
        return ("", "")
    return (f"{value:.2f}" if value < 10 else f"{value:,.0f}", "good" if value > 1 else "bad")


def _cell(text: str, css: str, value: float) -> tuple[str, str]:
    return (text, css) if math.isfinite(value) else ("", "")
