"""Pictures of how good answers are: the child's scores minus another model's, by table and on average."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from report.appearance import OURS, appearance, suite_title
from report.comparisons import SCORES, differences, mean_interval, others, suites_of
from report.drawing import FONT_SIZE, Palette, hover, legend, new_figure, plain_axes, title
from report.words import signed

__all__ = ["mean_differences", "table_differences"]


def mean_differences(accuracy: pd.DataFrame, palette: Palette, *, narrow: bool = False) -> Figure:
    """The mean over tables of the child's score minus every other model's, with its interval, by suite."""
    names, suites = others(accuracy), suites_of(accuracy)
    scores = [score for score in SCORES if accuracy[score].notna().any()]
    height = 0.9 + 0.36 * len(names)
    figure = new_figure(4.3, height * len(scores) + 0.4) if narrow else new_figure(10.6, height + 0.4)
    grid = figure.subplots(len(scores) if narrow else 1, 1 if narrow else len(scores), squeeze=False)
    for k, (axes, score) in enumerate(zip(grid.flat, scores, strict=True)):
        for place, other in enumerate(names):
            for i, suite in enumerate(suites):
                values = differences(accuracy[accuracy["suite"] == suite], score, other)
                if len(values):
                    offset = 0.32 * (i - (len(suites) - 1) / 2)
                    _interval(axes, values, place + offset, other, score, suite_title(suite, len(values)), i, palette)
        _zero(axes, palette, score)
        titles = [appearance(name).title for name in names] if narrow or k == 0 else [""] * len(names)
        axes.set_yticks(range(len(names)), titles)
        axes.set_ylim(len(names) - 0.4, -0.6)
        plain_axes(axes, palette)
        axes.tick_params(axis="y", labelcolor=palette["ink"])
        title(axes, _titled(score), palette)
    counts = accuracy.groupby("suite")["table"].nunique()
    handles = [_suite_handle(suite_title(suite, counts[suite]), i, palette) for i, suite in enumerate(suites)]
    ncols = 1 if narrow else len(suites)
    legend(figure, handles, ncols, palette["muted"])
    return figure


def _interval(
    axes: Axes, values: pd.Series, place: float, other: str, score: str, where: str, i: int, palette: Palette
) -> None:
    mean, low, high = mean_interval(values)
    axes.plot([low, high], [place, place], color=palette[other], linewidth=1.6)
    (dot,) = axes.plot(mean, place, color=palette[other], marker=appearance(other).marker, markersize=5.5)
    dot.set(markerfacecolor=_inside(i, palette[other], palette), markeredgewidth=1.3)
    hover(dot, f"{where}: child minus {appearance(other).title}, {signed(mean)} ({signed(low)} to {signed(high)})")


def _inside(i: int, colour: str, palette: Palette) -> str:
    """Of the markers of a suite."""
    return (colour, palette["surface"], palette["grid"])[i % 3]


def _suite_handle(title: str, i: int, palette: Palette) -> Line2D:
    colour = palette["muted"]
    return Line2D([], [], color=colour, marker="o", markerfacecolor=_inside(i, colour, palette), label=title)


def table_differences(accuracy: pd.DataFrame, palette: Palette, other: str, score: str) -> Figure:
    """The child's score minus another model's on every table, the best for the child on top, and their mean."""
    suites = suites_of(accuracy)
    gain = 1 if SCORES[score].more_is_better else -1
    values = differences(accuracy, score, other).sort_values(ascending=gain < 0)
    figure = new_figure(4.5, 1.2 + 0.185 * len(values))
    axes = figure.subplots()
    frame = values.rename("value").reset_index().assign(place=range(len(values)))
    frame["winner"] = (gain * frame["value"] > 0).map({True: OURS, False: other})
    for (winner, suite), own in frame.groupby(["winner", "suite"]):
        colour = palette[winner]
        x = [x for value in own["value"] for x in (0, value, np.nan)]  # all stems are one path: the page stays small
        y = [y for place in own["place"] for y in (place, place, np.nan)]
        axes.plot(x, y, color=colour, linewidth=1.1, alpha=0.6)
        inside = _inside(suites.index(suite), colour, palette)
        style = {"marker": appearance(winner).marker, "markersize": 4.6, "linestyle": "none", "markeredgewidth": 1.1}
        axes.plot(own["value"], own["place"], color=colour, markerfacecolor=inside, **style)
    mean, low, high = mean_interval(values)
    axes.axvspan(low, high, color=palette["muted"], alpha=0.18, linewidth=0, zorder=0.5)
    axes.axvline(mean, color=palette["muted"], linewidth=1.2, linestyle="--")
    _zero(axes, palette, score)
    names = [f"{table}  {signed(value, 3)}" for (_, table), value in values.items()]
    axes.set_yticks(range(len(values)), names)
    axes.set_ylim(len(values) - 0.3, -0.7)
    plain_axes(axes, palette)
    axes.tick_params(axis="y", labelcolor=palette["ink"], labelsize=FONT_SIZE - 1)
    words = f"{_titled(score)}\nmean {signed(mean)} ({signed(low)} to {signed(high)})"
    figure.suptitle(words, x=0.02, ha="left", color=palette["ink"], fontsize=FONT_SIZE + 0.5)
    return figure


def _titled(score: str) -> str:
    name = SCORES[score].title
    return f"{name}, ours better →" if SCORES[score].more_is_better else f"{name}, ← ours better"


def _zero(axes: Axes, palette: Palette, score: str) -> None:
    """A line at no difference, and the side shaded on which the child is better."""
    low, high = axes.get_xlim()
    edge = max(abs(low), abs(high)) * 50
    axes.axvspan(*((0, edge) if SCORES[score].more_is_better else (-edge, 0)), color=palette["better"], zorder=0)
    axes.axvline(0, color=palette["ink"], linewidth=1)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    room = 0.06 * (max(high, 0) - min(low, 0))
    axes.set_xlim(min(low, -room), max(high, room))
