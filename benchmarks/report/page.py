"""The page: everything that was measured, in one HTML file that opens from a disk and asks no network for anything."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import jinja2
import pandas as pd
from matplotlib.figure import Figure
from tqdm import tqdm

from report import accuracy_figures, page_tables, speed_figures
from report.appearance import CHILDREN, INPUTS, OURS, appearance, in_order, suite_title
from report.comparisons import (
    SCORES,
    TIE,
    differences,
    front_suite,
    others,
    suites_of,
)
from report.drawing import Palette, page_palette, svg, variables
from report.loading import Results
from report.losses import findings
from report.page_tables import BY_TABLE

__all__ = ["page", "strongest"]

FOLDER = Path(__file__).parent
RATIO_BATCHES = (1, 1_000)


class Tab(NamedTuple):
    """What a button shows: pictures side by side, each in a layout for wide and one for narrow pages, or in one."""

    words: str
    pictures: list[tuple[str, ...]]


def page(results: Results) -> str:
    """The whole page."""
    accuracy, latency, cost = results.accuracy, results.latency, results.cost
    models = in_order([*accuracy["model"], *latency["model"], *cost["model"], OURS])
    palette = page_palette(models)
    suite = front_suite(accuracy)
    loader = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return loader.get_template("page.html").render(
        css=(FOLDER / "page.css").read_text(encoding="utf-8"),
        script=(FOLDER / "page.js").read_text(encoding="utf-8"),
        light=variables(models, dark=False),
        dark=variables(models, dark=True),
        complete=all(run.complete for run in results.runs),
        runs=results.runs,
        findings=findings(accuracy, latency, cost),
        suite=suite_title(suite, accuracy[accuracy["suite"] == suite]["table"].nunique()),
        speed_tables=latency["table"].nunique(),
        tie=TIE,
        fronts=list(_fronts(results, palette)),
        batches=_tabs(
            lambda narrow: speed_figures.batches(latency, palette, narrow=narrow), palette, "batches", latency
        ),
        sizes=_tabs(lambda narrow: speed_figures.size(latency, palette, narrow=narrow), palette, "sizes", latency),
        costs=_tabs(lambda narrow: speed_figures.cost(cost, palette, narrow=narrow), palette, "costs", cost),
        mean_differences=_tabs(
            lambda narrow: accuracy_figures.mean_differences(accuracy, palette, narrow=narrow),
            palette,
            "means",
            accuracy,
        ),
        by_table=list(_by_table(accuracy, palette)),
        score_tables=[page_tables.score_table(accuracy, name) for name in suites_of(accuracy)],
        win_table=page_tables.win_table(accuracy),
        speed_table=page_tables.speed_table(latency),
        ratio_tables=[table for rows in RATIO_BATCHES if (table := page_tables.ratio_table(latency, rows))],
        failures=results.failures,
        capital=lambda text: text[0].upper() + text[1:],
    )


def strongest(accuracy: pd.DataFrame) -> str:
    """Of the models that are not ours, the one whose AUC is the best beside the child's."""
    rest = [name for name in others(accuracy) if name not in ("untrained", "predicted-penalty")]
    rest = [name for name in rest if name not in CHILDREN] or others(accuracy)
    return min(rest, key=lambda other: differences(accuracy, "auc", other).mean())


def _tabs(
    draw: Callable[[bool], Figure], palette: Palette, name: str, frame: pd.DataFrame, words: str = ""
) -> list[Tab]:
    """One picture; none if there is nothing to draw."""
    if frame.empty:
        return []
    texts = [svg(draw(narrow), palette, f"{name}-{'narrow' if narrow else 'wide'}", name) for narrow in (False, True)]
    return [Tab(words, [tuple(texts)])]


def _fronts(results: Results, palette: Palette) -> Iterator[Tab]:
    for score in ("auc", "log_loss"):
        for inputs in speed_figures.front_inputs(results.latency):
            words = f"{SCORES[score].title.partition(' (')[0]}, others on {INPUTS[inputs]}"

            def draw(narrow: bool, score: str = score, inputs: str = inputs) -> Figure:
                return speed_figures.front(results.accuracy, results.latency, palette, score, inputs, narrow=narrow)

            yield from _tabs(draw, palette, f"front-{score}-{inputs}", results.latency, words)


def _by_table(accuracy: pd.DataFrame, palette: Palette) -> Iterator[Tab]:
    names = others(accuracy)
    if OURS not in set(accuracy["model"]) or not names:
        return
    first = strongest(accuracy)
    shown = [first, *(name for name in names if name != first)]
    for other in tqdm(shown, desc="differences by table", file=sys.stderr):
        if len(differences(accuracy, "auc", other)):
            yield Tab(appearance(other).title, [(_differences(accuracy, palette, other, score),) for score in BY_TABLE])


def _differences(accuracy: pd.DataFrame, palette: Palette, other: str, score: str) -> str:
    figure = accuracy_figures.table_differences(accuracy, palette, other, score)
    label = f"{SCORES[score].title} of ours minus that of {appearance(other).title}, by table"
    return svg(figure, palette, f"{other}-{score}", label)
