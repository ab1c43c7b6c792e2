"""From a matplotlib figure to what the page and the documents hold: SVG that follows the page's theme, and PNG.

For the page a figure is drawn in colours that stand for CSS variables, if need be in a wide and a narrow layout, of
which the page shows the one that fits; for PNG it is drawn in the colours of a theme.
"""

from __future__ import annotations

import io
import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from mothernet_runtime.output import written

from report.appearance import DARK, LIGHT, appearance

__all__ = [
    "Palette",
    "hover",
    "legend",
    "log_ticks",
    "new_figure",
    "page_palette",
    "plain_axes",
    "png",
    "spread",
    "svg",
]
__all__ += ["theme_palette", "title", "variables"]

FONT_SIZE = 9.0
STYLE = {"svg.fonttype": "none", "font.size": FONT_SIZE, "font.family": "DejaVu Sans", "axes.unicode_minus": True}
_SHORTER = [  # what the page sets itself, names that nothing refers to, digits that nobody sees
    (re.compile(r' (?:width|height)="[\d.]+pt"'), ""),
    (re.compile(r"<metadata>.*?</metadata>|<style.*?</style>", re.DOTALL), ""),
    (re.compile(r'<g id="(?!hover)[^"]*"(/?)>'), r"<g\1>"),
    (re.compile(r"<g/>"), ""),
    (re.compile(r"font-family: [^;\"]*;? ?"), ""),
    (re.compile(r"(\d\.\d)\d{4,}"), r"\1"),  # of coordinates: what is to be read has four at most
    (re.compile(r"\s*\n\s*"), "\n"),
]
_HOVER = re.compile(r'<g id="hover-\d+-([0-9a-f]+)">')
_numbers = itertools.count()


class Palette(Mapping[str, str]):
    """Colours by the name of a role (``ink``) or of a model."""

    def __init__(self, roles: dict[str, str], models: Mapping[str, str] | None, theme: int) -> None:
        self._roles, self._models, self._theme = roles, models, theme

    def __getitem__(self, name: str) -> str:
        if name in self._roles:
            return self._roles[name]
        return self._models[name] if self._models is not None else appearance(name)[self._theme]

    def __iter__(self) -> Iterator[str]:
        return iter((*self._roles, *(self._models or ())))

    def __len__(self) -> int:
        return len(list(iter(self)))


def theme_palette(*, dark: bool = False) -> Palette:
    """The colours of a theme."""
    return Palette(DARK if dark else LIGHT, None, 2 if dark else 1)


def page_palette(models: Sequence[str]) -> Palette:
    """Colours that :func:`svg` turns into the page's CSS variables."""
    marks = {name: f"#fe{i:04x}" for i, name in enumerate((*LIGHT, *models))}
    return Palette({name: marks[name] for name in LIGHT}, {name: marks[name] for name in models}, 1)


def variables(models: Sequence[str], *, dark: bool) -> str:
    """CSS that sets the variables of a theme."""
    palette = theme_palette(dark=dark)
    return " ".join(f"--{name}: {palette[name]};" for name in (*LIGHT, *models))


def new_figure(width: float, height: float) -> Figure:
    """A figure of a size in inches, without a background, whose layout makes room for what lies outside of axes."""
    with rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
    figure.get_layout_engine().set(h_pad=0.09)
    return figure


def svg(figure: Figure, palette: Palette, name: str, label: str) -> str:
    """The figure as an element of a page, in CSS variables, with texts to hover over."""
    buffer = io.StringIO()
    with rc_context({**STYLE, "svg.hashsalt": name}):  # so that ids differ between figures and not between runs
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    for key in palette:
        text = text.replace(palette[key], f"var(--{key})")
    text = _HOVER.sub(lambda found: f"<g><title>{escape(bytes.fromhex(found[1]).decode())}</title>", text)
    for pattern, new in _SHORTER:
        text = pattern.sub(new, text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(label, quote=True)}" ', 1)


def png(figure: Figure, path: Path, palette: Palette) -> None:
    """The figure as a picture, on the background of its theme."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with rc_context(STYLE), written(path) as temporary:
        figure.savefig(temporary, format="png", dpi=130, facecolor=palette["surface"], metadata={"Software": None})


def hover(artist: Any, text: str) -> None:
    """Text that the page shows over an artist."""
    artist.set_gid(f"hover-{next(_numbers)}-{text.encode().hex()}")


def plain_axes(axes: Axes, palette: Palette) -> None:
    """Thin lines, no frame, a faint grid, in the colours of the theme."""
    axes.set_facecolor("none")
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(palette["grid"])
    axes.grid(color=palette["grid"], linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=palette["muted"], labelsize=FONT_SIZE, length=0)
    for text in (axes.xaxis.label, axes.yaxis.label):
        text.set(color=palette["muted"], fontsize=FONT_SIZE)


def title(axes: Axes, text: str, palette: Palette) -> None:
    """Above the axes, at the left."""
    axes.set_title(text, loc="left", color=palette["ink"], fontsize=FONT_SIZE + 0.5)


def legend(figure: Figure, handles: Sequence[Artist], columns: int, colour: str) -> None:
    """Below all axes."""
    style = {"frameon": False, "labelcolor": colour, "fontsize": FONT_SIZE}
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, **style)


def log_ticks(axis: Any, plain: Callable[[float], str], most: int) -> None:
    """At most so many round values with their unit: powers of ten, or what lies between; call it after plotting."""
    low, high = axis.get_view_interval()
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**k for k in decades for step in steps if low <= step * 10.0**k <= high]
        if len(ticks) <= most:
            break
    if len(ticks) < 2:
        ticks = [tick for tick in MaxNLocator(3).tick_values(low, high) if low <= tick <= high]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: plain(value)))


def spread(positions: Sequence[float], gap: float, low: float = 0.0, high: float = 1.0) -> list[float]:
    """Positions at least a gap apart that keep their order and stay as near to the wanted ones as can be.

    Neighbours that are too near become a block around the mean of what its members want, until no blocks overlap
    (pool adjacent violators, of positions less the gaps before them).
    """
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    blocks: list[tuple[float, int]] = []  # mean of wanted offsets, members
    for rank, i in enumerate(order):
        blocks.append((positions[i] - rank * gap, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, n), (b, m) = blocks[-2:]
            blocks[-2:] = [((a * n + b * m) / (n + m), n + m)]
    offsets = [mean for mean, members in blocks for _ in range(members)]
    room = high - gap * (len(order) - 1)  # for the offset of the last one
    found = [0.0] * len(positions)
    for rank, i in enumerate(order):
        found[i] = max(min(offsets[rank], room), low) + rank * gap
    return found
