"""What is computed of the rows: means, differences by table with their interval, and times beside the child's."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from common import statistics
from common.statistics import TIE

from report.appearance import CHILDREN, OURS, in_order

__all__ = ["SCORES", "TIE", "VARIANT", "Interval", "Score", "child_rows", "costs", "differences", "front_suite"]
__all__ += ["mean_interval", "others", "rivals", "scores_of", "sizes", "speeds", "suites_of", "time_ratios", "wins"]

VARIANT = ["model", "form", "engine", "inputs"]


class Score(NamedTuple):
    """A score of probabilities: its name, and whether more of it is better."""

    title: str
    more_is_better: bool


SCORES = {
    "auc": Score("AUC", True),
    "log_loss": Score("log loss (nats)", False),
    "calibration_error": Score("calibration error", False),
}


class Interval(NamedTuple):
    """A mean over tables and its bootstrapped 95 % interval (NaN if there is one table only)."""

    mean: float
    low: float
    high: float


def suites_of(accuracy: pd.DataFrame) -> list[str]:
    """Names of the suites; the one no choices were made on comes first."""
    return sorted(set(accuracy["suite"]), key=lambda suite: (suite != "cc18", suite != "dev", suite))


def front_suite(accuracy: pd.DataFrame) -> str:
    """The suite whose means stand against latency."""
    return suites_of(accuracy)[0]


def scores_of(accuracy: pd.DataFrame, suite: str) -> pd.DataFrame:
    """Means over tables and splits, by model: scores, seconds of a fit, rank by AUC, number of tables."""
    rows = accuracy[accuracy["suite"] == suite]
    columns = [name for name in (*SCORES, "accuracy", "fit_seconds", "predict_seconds") if name in rows]
    means = rows.groupby("model")[columns].mean()
    by_table = rows.groupby(["table", "model"])["auc"].mean().unstack()
    means["rank"] = by_table.dropna().rank(axis=1, ascending=False).mean()
    means["tables"] = rows.groupby("model")["table"].nunique()
    return means.loc[in_order(means.index)]


def others(accuracy: pd.DataFrame) -> list[str]:
    """All models but the default child, in order."""
    return [name for name in in_order(accuracy["model"]) if name != OURS]


def rivals(accuracy: pd.DataFrame) -> list[str]:
    """All models that are no children of another size."""
    return [name for name in others(accuracy) if name not in CHILDREN]


def differences(accuracy: pd.DataFrame, score: str, other: str) -> pd.Series:
    """The child's score minus another model's, by suite and table (mean over splits that both have), ascending."""
    by_model = accuracy.pivot_table(index=["suite", "table", "split"], columns="model", values=score)
    if not {OURS, other} <= set(by_model):
        return pd.Series(dtype=float)
    by_split = (by_model[OURS] - by_model[other]).dropna()
    return by_split.groupby(level=["suite", "table"]).mean().sort_values()


def mean_interval(values: pd.Series) -> Interval:
    """Mean of differences over tables, and how it would be on other tables like these."""
    x = values.to_numpy(float)
    if len(x) < 2:
        return Interval(float(x.mean()) if len(x) else np.nan, np.nan, np.nan)
    return Interval(float(x.mean()), *statistics.mean_interval(x))


def wins(values: pd.Series, score: str) -> tuple[int, int, int]:
    """Tables on which the child is better, alike and worse."""
    gains = values if SCORES[score].more_is_better else -values
    return int((gains >= TIE).sum()), int((gains.abs() < TIE).sum()), int((gains <= -TIE).sum())


def speeds(latency: pd.DataFrame) -> pd.DataFrame:
    """On one thread, by variant and number of rows: medians over tables, and how many tables."""
    rows = latency[latency["threads"] == 1]
    found = rows.groupby([*VARIANT, "rows"]).agg(
        p50_us=("p50_us", "median"), p99_us=("p99_us", "median"), tables=("table", "nunique")
    )
    return found.reset_index()


def child_rows(latency: pd.DataFrame, model: str = OURS) -> pd.DataFrame:
    """A child's ONNX file on raw cells, one thread."""
    of_child = (latency["model"] == model) & (latency["form"] == "onnx") & (latency["inputs"] == "raw")
    return latency[of_child & (latency["threads"] == 1)]


def time_ratios(latency: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Time of every other variant divided by the child's, by table (rows) and variant (columns), one thread."""
    measured = latency[(latency["threads"] == 1) & (latency["rows"] == rows)]
    child = child_rows(measured).set_index("table")["p50_us"]
    rest = measured[~measured["model"].isin(CHILDREN)]
    times = rest.pivot_table(index="table", columns=VARIANT, values="p50_us")
    ratios = times.div(child, axis=0).dropna(how="all")
    rank = in_order(model for model, *_ in ratios.columns)
    return ratios[sorted(ratios.columns, key=lambda variant: (rank.index(variant[0]), variant[1:]))]


def sizes(latency: pd.DataFrame) -> pd.DataFrame:
    """Bytes of the ONNX file by model and inputs: median, smallest, largest over tables; one size for all batches."""
    files = latency[latency["form"] == "onnx"].groupby(["model", "inputs", "table"])["size_bytes"].first()
    found = files.groupby(["model", "inputs"]).agg(["median", "min", "max", "count"])
    return found.loc[sorted(found.index, key=lambda key: (in_order(set(latency["model"])).index(key[0]), key[1]))]


def costs(cost: pd.DataFrame) -> pd.DataFrame:
    """Medians over repeats of the whole cost, by shape of the table and model."""
    values = [name for name in ("wall_seconds", "cpu_seconds", "peak_bytes", "size_bytes") if name in cost]
    return cost.groupby(["rows", "columns", "model"])[values].median().reset_index()
