"""Where the child loses, as sentences computed from the rows: a result that turns round turns its sentence round.

The child is the one of the default size; its other sizes are no rivals, the one with an untrained hypernetwork is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from report.appearance import CHILDREN, OURS, appearance, suite_title, variant_title
from report.comparisons import (
    SCORES,
    VARIANT,
    child_rows,
    costs,
    differences,
    rivals,
    scores_of,
    sizes,
    suites_of,
    wins,
)
from report.words import plain_size, plain_time

__all__ = ["Finding", "findings", "in_one_sentence"]

BATCHES = (1, 1_000)
VISIBLE = 0.00005  # difference of scores with four digits
COSTS = {"wall_seconds": "wall time", "cpu_seconds": "processor time", "peak_bytes": "memory"}


class Better(NamedTuple):
    """A rival that beats the child, and by how much."""

    name: str
    text: str


class Finding(NamedTuple):
    """One question, and who answers it better than the child, the best first."""

    topic: str
    better: list[Better]
    ours: str
    rest: str = ""  # what else a sceptic would ask

    @property
    def sentence(self) -> str:
        """With every rival that is better."""
        if not self.better:
            return f"{self.topic}: no other model is better than ours, {self.ours}. {self.rest}".strip()
        names = "; ".join(f"{rival.name} {rival.text}" for rival in self.better)
        verb = "is" if len(self.better) == 1 else "are"
        return f"{self.topic}: ours {self.ours}; better {verb} {names}. {self.rest}".strip()


def findings(accuracy: pd.DataFrame, latency: pd.DataFrame, cost: pd.DataFrame) -> list[Finding]:
    """One for each score and suite, number of rows, the file, and the whole cost, as far as they were measured."""
    found = _of_scores(accuracy)
    if not latency.empty:
        found += [finding for rows in BATCHES for finding in _of_time(latency, rows)]
        found += _of_size(latency)
    return found + _of_cost(cost)


def in_one_sentence(found: list[Finding]) -> str:
    """The questions that the child does not answer best, with who does."""
    lost = [f"in {finding.topic} to {_first_of(finding.better)}" for finding in found if finding.better]
    return f"Ours loses {'; '.join(lost)}." if lost else "Ours loses in nothing that was measured."


def _first_of(better: list[Better]) -> str:
    rest = len(better) - 1
    return better[0].name + (f" and {rest} other{'s' if rest > 1 else ''}" if rest else "")


def _of_scores(accuracy: pd.DataFrame) -> list[Finding]:
    """By differences within tables, so that a model that failed on some is not favoured."""
    found = []
    for suite in suites_of(accuracy):
        rows = accuracy[accuracy["suite"] == suite]
        scores, names = scores_of(accuracy, suite), rivals(rows)
        if OURS not in scores.index:
            continue
        where = suite_title(suite, int(scores.loc[OURS, "tables"])).partition(" (")[0]
        for score in (name for name in SCORES if rows[name].notna().any()):
            sign = 1 if SCORES[score].more_is_better else -1
            by_table = {name: differences(rows, score, name) for name in names}
            gains = {name: sign * float(values.mean()) for name, values in by_table.items() if len(values)}
            better = sorted((name for name in gains if gains[name] <= -VISIBLE), key=lambda name: gains[name])
            texts = [Better(appearance(name).title, f"{scores.loc[name, score]:.4f}") for name in better]
            topic = f"{SCORES[score].title.partition(' (')[0]}, {where}"
            found.append(Finding(topic, texts, f"{scores.loc[OURS, score]:.4f}", _table_losses(by_table, score)))
    return found


def _table_losses(by_table: dict[str, pd.Series], score: str) -> str:
    """How often the child is worse than whichever rival it loses to most often."""
    counts = {name: wins(values, score) for name, values in by_table.items()}
    if not counts:
        return ""
    name = max(counts, key=lambda other: counts[other][2])
    return f"By table it loses most often to {appearance(name).title}: on {counts[name][2]} of {sum(counts[name])}."


def _of_time(latency: pd.DataFrame, rows: int) -> list[Finding]:
    """By ratios within tables, for the same reason; of a rival, its fastest way."""
    measured = latency[(latency["threads"] == 1) & (latency["rows"] == rows)]
    ours = child_rows(measured).set_index("table")["p50_us"]
    if ours.empty:
        return []
    fastest: dict[str, tuple[float, Better]] = {}
    for variant, own in measured[~measured["model"].isin(CHILDREN)].groupby(VARIANT):
        times = own.set_index("table")["p50_us"]
        ratio = float((ours / times).median())
        if ratio > max(1, fastest[variant[0]][0] if variant[0] in fastest else 1):
            text = f"{plain_time(times.median())}, {ratio:.3g} times as fast"
            fastest[variant[0]] = ratio, Better(variant_title(*variant), text)
    better = [rival for _, rival in sorted(fastest.values(), reverse=True)]
    return [Finding("time of one row" if rows == 1 else f"time of {rows:,} rows", better, plain_time(ours.median()))]


def _of_size(latency: pd.DataFrame) -> list[Finding]:
    files = sizes(latency)["median"]
    if (OURS, "raw") not in files.index:
        return []
    ours = float(files[OURS, "raw"])
    rest = files[~files.index.get_level_values("model").isin(CHILDREN)].groupby("model").min()
    smaller = rest[rest < ours].sort_values()
    better = [Better(appearance(name).title, plain_size(size)) for name, size in smaller.items()]
    return [Finding("size of the ONNX file", better, plain_size(ours))]


def _of_cost(cost: pd.DataFrame) -> list[Finding]:
    """For each quantity and rival, the shapes of tables in which the rival is cheaper."""
    if cost.empty:
        return []
    table = costs(cost)
    table["shape"] = [f"{rows:,} × {columns:,}" for rows, columns in zip(table["rows"], table["columns"], strict=True)]
    found = []
    for name, title in COSTS.items():
        plain: Callable[[float], str] = plain_size if name == "peak_bytes" else lambda value: plain_time(1e6 * value)
        by_model = table.pivot(index="shape", columns="model", values=name)
        by_model = by_model.loc[table["shape"].unique()]
        if OURS not in by_model:
            continue
        ours = by_model[OURS]
        cheaper = [model for model in by_model if model not in CHILDREN and (by_model[model] < ours).any()]
        cheaper.sort(key=lambda model: (by_model[model] / ours).min())
        texts = []
        for model in cheaper:
            less = by_model[model][by_model[model] < ours]
            text = ", ".join(f"{plain(value)} at {shape}" for shape, value in less.items())
            texts.append(Better(appearance(model).title, text))
        everything = ", ".join(f"{plain(value)} at {shape}" for shape, value in ours.items()) + " (rows × columns)"
        found.append(Finding(f"{title} of the whole export", texts, everything))
    return found
