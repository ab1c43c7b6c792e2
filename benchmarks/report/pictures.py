"""The pictures that documents show: PNG files in the colours of the light and of the dark theme."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from report import accuracy_figures, speed_figures
from report.drawing import Palette, png, theme_palette
from report.loading import Results

__all__ = ["write_pictures"]


def write_pictures(results: Results, folder: Path) -> list[Path]:
    """Draw what was measured; returns the files, ``benchmarks-NAME.png`` and ``benchmarks-NAME-dark.png``."""
    paths = []
    for dark in (False, True):
        palette = theme_palette(dark=dark)
        for name, figure in _figures(results, palette):
            paths.append(folder / f"benchmarks-{name}{'-dark' if dark else ''}.png")
            png(figure, paths[-1], palette)
    return paths


def _figures(results: Results, palette: Palette) -> Iterator[tuple[str, Figure]]:
    accuracy, latency = results.accuracy, results.latency
    yield "differences", accuracy_figures.mean_differences(accuracy, palette)
    if not latency.empty:
        for inputs in speed_figures.front_inputs(latency):
            yield f"front-{inputs}", speed_figures.front(accuracy, latency, palette, "auc", inputs)
        yield "batches", speed_figures.batches(latency, palette)
        yield "sizes", speed_figures.size(latency, palette)
    if not results.cost.empty:
        yield "costs", speed_figures.cost(results.cost, palette)
