"""Pictures of what an answer costs: accuracy against latency, latency over batch size, file size, the whole export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from report.appearance import CHILDREN, FORMS, INPUTS, OURS, appearance, in_order, variant_title
from report.comparisons import SCORES, VARIANT, costs, front_suite, scores_of, sizes, speeds
from report.drawing import FONT_SIZE, Palette, hover, legend, log_ticks, new_figure, plain_axes, spread, title
from report.words import plain_size, plain_time

__all__ = ["batches", "cost", "front", "front_inputs", "size"]

FRONT_BATCHES = (1, 1_000)
MARKER_SIZE = {"mothernet-small": 5.0, "mothernet": 7.0, "mothernet-large": 9.0}
COSTS = (("wall_seconds", "wall time", 1e6), ("cpu_seconds", "processor time", 1e6), ("peak_bytes", "memory", 1.0))


def front_inputs(latency: pd.DataFrame) -> list[str]:
    """The kinds of inputs for which models other than the child were measured."""
    found = set(latency.loc[~latency["model"].isin(CHILDREN), "inputs"])
    return [name for name in INPUTS if name in found] or ["raw"]


def front(
    accuracy: pd.DataFrame, latency: pd.DataFrame, palette: Palette, score: str, inputs: str, *, narrow: bool = False
) -> Figure:
    """Mean score against the time of one row and of 1,000; the child always takes raw cells.

    A model is a line at the height of its score, from its fastest form to its slowest; the children of different sizes
    are joined. The grey steps are the front: nothing measured is both faster and better.
    """
    scores = scores_of(accuracy, front_suite(accuracy))[score]
    table = speeds(latency)
    table = table[table["model"].isin(scores.index)]
    ours = table["model"].isin(CHILDREN)
    table = table[(ours & (table["inputs"] == "raw")) | (~ours & (table["inputs"] == inputs))]
    count = len(FRONT_BATCHES)
    figure = new_figure(4.3, 8.6) if narrow else new_figure(10.6, 4.9)
    grid = figure.subplots(count if narrow else 1, 1 if narrow else count, sharey=True, squeeze=False)
    shown = scores[scores.index.isin(table["model"])]
    room = 0.07 * (shown.max() - shown.min()) or 0.01
    limits = shown.min() - room, shown.max() + room
    for axes, rows in zip(grid.flat, FRONT_BATCHES, strict=True):
        axes.set_ylim(limits if SCORES[score].more_is_better else limits[::-1])
        points = table[table["rows"] == rows].assign(score=lambda frame: frame["model"].map(scores))
        _front_panel(axes, points, palette, SCORES[score].more_is_better, narrow=narrow)
        title(axes, "one row" if rows == 1 else f"{rows:,} rows in one call", palette)
        axes.set_xlabel("time of a call, median over tables (log)")
        axes.set_ylabel(f"mean {SCORES[score].title}, better is up")
        axes.tick_params(labelleft=True)
        plain_axes(axes, palette)
    forms = [name for name in FORMS if name in set(table["form"])]
    handles = [_form_handle(name, palette) for name in forms]
    legend(figure, handles, 2 if narrow else 3, palette["muted"])
    return figure


def _front_panel(axes: Axes, points: pd.DataFrame, palette: Palette, more_is_better: bool, *, narrow: bool) -> None:
    axes.set_xscale("log")
    for model, own in points.groupby("model"):
        own = own.sort_values("p50_us")
        axes.plot(own["p50_us"], own["score"], color=palette[model], linewidth=1, alpha=0.55)
        for _, point in own.iterrows():
            (dot,) = axes.plot(point["p50_us"], point["score"], **_marker(model, point["form"], palette))
            how = variant_title(*(point[name] for name in VARIANT))
            hover(dot, f"{how}: {plain_time(point['p50_us'])}, {point['score']:.4f} ({point['tables']} tables)")
    children = points[points["model"].isin(CHILDREN) & (points["form"] == "onnx")].set_index("model")
    children = children.loc[[name for name in CHILDREN if name in children.index]]
    axes.plot(children["p50_us"], children["score"], color=palette[OURS], linewidth=2.2, zorder=1.5)
    _front_steps(axes, points, palette, more_is_better)
    axes.margins(x=0.06)
    log_ticks(axes.xaxis, plain_time, 4 if narrow else 5)
    _names_at_the_right(axes, points, palette, reverse=not more_is_better, narrow=narrow)


def _front_steps(axes: Axes, points: pd.DataFrame, palette: Palette, more_is_better: bool) -> None:
    ordered = points.sort_values("p50_us")
    best = ordered["score"].cummax() if more_is_better else ordered["score"].cummin()
    last = ordered["p50_us"].max() if len(ordered) else 1
    axes.step([*ordered["p50_us"], last], [*best, *best.iloc[-1:]], where="post", **_front_style(palette))


def _front_style(palette: Palette) -> dict[str, Any]:
    return {"color": palette["muted"], "linewidth": 5, "alpha": 0.16, "zorder": 1, "solid_capstyle": "round"}


def _names_at_the_right(axes: Axes, points: pd.DataFrame, palette: Palette, *, reverse: bool, narrow: bool) -> None:
    """A model's name beside the axes, at the height of its points as far as names do not collide."""
    low, high = sorted(axes.get_ylim())
    by_model = points.groupby("model")["score"].first()
    heights = (by_model - low) / (high - low)
    heights = 1 - heights if reverse else heights
    gap = 1.5 * FONT_SIZE / (72 * (3.1 if narrow else 3.7))
    places = spread(list(heights), gap, 0, 1)
    for model, height, place in zip(by_model.index, heights, places, strict=True):
        axes.annotate(
            appearance(model).title,
            xy=(1.005, height),
            xytext=(1.06, place),
            xycoords="axes fraction",
            va="center",
            fontsize=FONT_SIZE - (1 if narrow else 0),
            color=palette["ink"],
            arrowprops={"arrowstyle": "-", "color": palette[model], "linewidth": 1.2, "shrinkA": 1, "shrinkB": 0},
        )


def _marker(model: str, form: str, palette: Palette) -> dict[str, Any]:
    """Shape and colour say which model, the inside says which form."""
    colour = palette[model]
    inside = {"onnx": colour, "native": palette["surface"], "compiled": palette["grid"]}[form]
    size = MARKER_SIZE.get(model, 6.5)
    return {
        "marker": appearance(model).marker,
        "markersize": size,
        "markerfacecolor": inside,
        "markeredgecolor": colour,
        "markeredgewidth": 1.3,
        "linestyle": "none",
        "zorder": 3 if model in CHILDREN else 2.5,
    }


def _form_handle(form: str, palette: Palette) -> Line2D:
    words = {"onnx": "filled: ONNX", "native": "hollow: its own library", "compiled": "grey inside: compiled"}
    inside = {"onnx": palette["muted"], "native": palette["surface"], "compiled": palette["grid"]}[form]
    return Line2D(
        [], [], marker="o", linestyle="none", color=palette["muted"], markerfacecolor=inside, label=words[form]
    )


def batches(latency: pd.DataFrame, palette: Palette, *, narrow: bool = False) -> Figure:
    """Time for one row over the number of rows in a call, a panel for each way of running the other models."""
    table = speeds(latency).assign(per_row=lambda frame: frame["p50_us"] / frame["rows"])
    rest = table[~table["model"].isin(CHILDREN)]
    panels = [key for key, _ in rest.groupby(["form", "inputs"])] or [("onnx", "raw")]
    panels.sort(key=lambda key: (list(FORMS).index(key[0]), list(INPUTS).index(key[1])))
    columns = 1 if narrow else min(3, len(panels))
    lines = -(-len(panels) // columns)
    figure = new_figure(4.3, 2.9 * lines + 1.6) if narrow else new_figure(10.6, 3.4 * lines + 0.9)
    grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    children = table[table["model"].isin(CHILDREN) & (table["form"] == "onnx") & (table["inputs"] == "raw")]
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (form, inputs) in zip(grid.flat, panels, strict=False):
        axes.set(xscale="log", yscale="log")
        own = rest[(rest["form"] == form) & (rest["inputs"] == inputs)]
        for (model, how, engine, _), line in pd.concat([own, children]).groupby(VARIANT):
            _batch_line(axes, line.sort_values("rows"), palette, model, how, engine)
        title(axes, f"others: {FORMS[form]}, {INPUTS[inputs]}", palette)
        log_ticks(axes.yaxis, plain_time, 6)
        axes.xaxis.set_major_locator(FixedLocator(sorted(set(table["rows"]))))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.tick_params(labelbottom=True, labelleft=True)
        plain_axes(axes, palette)
        axes.set_xlabel("rows in a call (log)")
    for axes in grid[:, 0]:
        axes.set_ylabel("time for one row (log)")
        axes.yaxis.label.set_color(palette["muted"])
    handles = [_model_handle(model, palette) for model in in_order([*rest["model"], *children["model"]])]
    ncols = 2 if narrow else 4
    legend(figure, handles, ncols, palette["ink"])
    return figure


def _batch_line(axes: Axes, line: pd.DataFrame, palette: Palette, model: str, form: str, engine: str) -> None:
    thick = 2.2 if model == OURS else 1.3
    style = ":" if engine in ("tl2cgen", "timber") else "-"  # of two compilers of a model
    axes.plot(line["rows"], line["per_row"], color=palette[model], linewidth=thick, linestyle=style)
    for _, point in line.iterrows():
        (dot,) = axes.plot(point["rows"], point["per_row"], **_marker(model, form, palette))
        how = variant_title(*(point[name] for name in VARIANT))
        hover(dot, f"{how}, {point['rows']:,} rows: {plain_time(point['per_row'])} a row")


def _model_handle(model: str, palette: Palette) -> Line2D:
    return Line2D([], [], color=palette[model], marker=appearance(model).marker, label=appearance(model).title)


def size(latency: pd.DataFrame, palette: Palette, *, narrow: bool = False) -> Figure:
    """Bytes of the ONNX file: the median and the range over tables."""
    table = sizes(latency)
    figure = new_figure(4.3 if narrow else 10.6, 0.9 + 0.3 * len(table))
    axes = figure.subplots()
    axes.set_xscale("log")
    for place, ((model, inputs), row) in enumerate(table.iterrows()):
        axes.plot([row["min"], row["max"]], [place, place], color=palette[model], linewidth=1.6, alpha=0.6)
        (dot,) = axes.plot(row["median"], place, **_marker(model, "onnx", palette))
        hover(
            dot, f"{appearance(model).title}, {INPUTS[inputs]}: {plain_size(row['median'])} ({row['count']:.0f} tables)"
        )
        axes.annotate(
            plain_size(row["median"]), (row["median"], place), (0, 6.5), textcoords="offset points", ha="center"
        )
        axes.texts[-1].set(color=palette["ink"], fontsize=FONT_SIZE - 2)
    names = [f"{appearance(model).title}, {INPUTS[inputs]}" for model, inputs in table.index]
    _rows_of_names(axes, names, palette)
    log_ticks(axes.xaxis, plain_size, 4 if narrow else 6)
    axes.set_xlabel("ONNX file (log)")
    return figure


def cost(frame: pd.DataFrame, palette: Palette, *, narrow: bool = False) -> Figure:
    """Wall time, processor time and memory from a table to a file, by shape of the table."""
    table = costs(frame)
    shapes = sorted(set(zip(table["rows"], table["columns"], strict=True)))
    models = in_order(table["model"])
    lines, columns = (len(shapes) * len(COSTS), 1) if narrow else (len(shapes), len(COSTS))
    height = 0.75 + 0.22 * len(models)
    figure = new_figure(4.3 if narrow else 10.6, height * lines)
    grid = figure.subplots(lines, columns, squeeze=False)
    panels = [(shape, column) for shape in shapes for column in COSTS]
    for axes, (shape, (name, quantity, factor)) in zip(grid.flat, panels, strict=True):
        own = table[(table["rows"] == shape[0]) & (table["columns"] == shape[1])].set_index("model")[name] * factor
        plain = plain_size if name == "peak_bytes" else plain_time
        axes.set_xscale("log")
        for place, model in enumerate(models):
            if model not in own.index or not np.isfinite(own[model]):
                continue
            (dot,) = axes.plot(own[model], place, **_marker(model, "onnx", palette))
            hover(dot, f"{appearance(model).title}: {quantity} {plain(own[model])}")
            axes.annotate(plain(own[model]), (own[model], place), (7, 0), textcoords="offset points", va="center")
            axes.texts[-1].set(color=palette["ink"], fontsize=FONT_SIZE - 1.5)
        with_names = narrow or quantity == COSTS[0][1]
        _rows_of_names(axes, [appearance(model).title if with_names else "" for model in models], palette)
        axes.margins(x=0.3)
        log_ticks(axes.xaxis, plain, 4)
        title(axes, f"{quantity}, {shape[0]:,} rows × {shape[1]:,} columns", palette)
    return figure


def _rows_of_names(axes: Axes, names: Sequence[str], palette: Palette) -> None:
    """One line for each name, the first one on top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.3, -0.7)
    plain_axes(axes, palette)
    axes.tick_params(axis="y", labelcolor=palette["ink"])
