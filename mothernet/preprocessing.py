"""Preprocessing: what the hypernetwork and the head see of a raw row, as piecewise-linear maps that the child can fold.

A numeric column becomes up to three *inputs*: its standardised, softly clipped value; a rank-Gaussian view of skewed
columns; and whether it is missing. Both views are piecewise linear in the raw number, so they share one set of ramps
in the child. A categorical column becomes one input per category, rare ones pooled. Every input is therefore affine
in the rows of the child's first layer: ``inputs = base + matrix @ basis``.

Axis letters: N rows, F raw columns, D inputs, R rows of the child's first layer.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from mothernet_export import CategoricalColumn, NumericColumn
from scipy.special import ndtri

from mothernet.columns import Cells, ColumnKind

__all__ = ["Encoding", "fit_encoding"]

Array = npt.NDArray[np.float64]

MAX_CATEGORIES = 16  # per column; the rest is pooled with the rare ones
MIN_CATEGORY_ROWS = 2
RANK_KNOTS = 9  # of the rank-Gaussian view
RANK_VIEW_SKEWNESS = 0.5  # a column more skewed than this gets the rank-Gaussian view too
_BENDS = np.array([2.0, 4.0, 10.0, 30.0])  # standard deviations at which the soft clipping's slope changes
_OUTER_QUANTILE = 0.01
_LARGEST = 1e37  # knots further apart have no float32 inverse width


class Encoding(NamedTuple):
    """Raw columns as the child records them, and the affine map from its first-layer basis to the D inputs."""

    columns: tuple[NumericColumn | CategoricalColumn, ...]
    base: Array  # (D,)
    matrix: Array  # (D, R)
    inputs: npt.NDArray[np.float32]  # (N, D) of the rows that were fitted


class _View(NamedTuple):
    """One input: its value without the column's basis rows, its change by each of them, and its values in training."""

    base: float
    weights: Array
    values: npt.NDArray[np.float32]  # (N,)


class _Part(NamedTuple):
    """One raw column's record and views; ``indicator`` is the view of its missing cells."""

    column: NumericColumn | CategoricalColumn
    views: list[_View]
    indicator: _View | None


def fit_encoding(cells: Cells, names: Sequence[str], kinds: Sequence[ColumnKind]) -> Encoding:
    """Learn the encoding of a training table and encode it."""
    numbers, texts = iter(cells.numeric.T), iter(cells.categorical.T)
    parts = [
        _numeric_part(name, next(numbers)) if kind == "numeric" else _categorical_part(name, next(texts))
        for name, kind in zip(names, kinds, strict=True)
    ]
    parts = _without_repeats(parts)
    # first-layer rows: all ramps, then all missing indicators, then all categories
    numeric = [part for part in parts if isinstance(part.column, NumericColumn)]
    categorical = [part for part in parts if isinstance(part.column, CategoricalColumn)]
    groups = [part.views for part in numeric]
    groups += [[part.indicator] for part in numeric if part.indicator is not None]
    groups += [part.views for part in categorical]
    n_rows = sum(part.column.n_rows for part in parts)
    views: list[_View] = []
    blocks: list[tuple[int, Array]] = []
    start = 0
    for group in groups:
        for view in group:
            blocks.append((start, view.weights))
            views.append(view)
        start += len(group[0].weights) if group else 0
    matrix = np.zeros((len(views), n_rows))
    for row, (offset, weights) in zip(matrix, blocks, strict=True):
        row[offset : offset + len(weights)] = weights
    n = max(len(cells.numeric), len(cells.categorical))
    inputs = np.stack([view.values for view in views], 1) if views else np.empty((n, 0), np.float32)
    return Encoding(
        tuple(p.column for p in parts), np.array([v.base for v in views]), matrix, inputs.astype(np.float32)
    )


def _soft_clip(z: Array) -> Array:
    """The identity up to two standard deviations, then growing with the logarithm."""
    size = np.abs(z)
    return np.sign(z) * np.where(size < 2, size, 2 + np.log1p(np.maximum(size - 2, 0)))


def _two_valued(at_zero: float, at_one: float, share: float) -> tuple[float, float]:
    """Standardised, softly clipped values of an indicator that is 1 in ``share`` of the rows."""
    scale = max(np.sqrt(share * (1 - share)), 1e-3)
    low, high = _soft_clip((np.array([at_zero, at_one]) - share) / scale)
    return float(low), float(high)


def _numeric_part(name: str, cells: npt.NDArray[np.float32]) -> _Part:
    absent = np.isnan(cells)
    finite = cells[np.isfinite(cells)].astype(np.float64).clip(-_LARGEST, _LARGEST)
    if not len(finite):
        return _Part(NumericColumn(name, 0.0, (), False), [], None)
    values = np.clip(np.where(absent, np.median(finite), cells.astype(np.float64)), finite.min(), finite.max())
    centre = float(np.float32(np.median(finite)))
    indicator = None
    if absent.any():
        low, high = _two_valued(0.0, 1.0, float(absent.mean()))
        indicator = _View(low, np.array([high - low]), np.where(absent, high, low).astype(np.float32))
    low, high = _outer_bounds(finite)
    clipped = np.clip(values, low, high)
    mean, scale = float(clipped.mean()), float(clipped.std())
    quantiles = np.quantile(finite, np.linspace(0, 1, RANK_KNOTS))
    bends = mean + scale * np.concatenate([-_BENDS[::-1], _BENDS])
    skewed = _skewness(clipped) > RANK_VIEW_SKEWNESS
    knots = _distinct(
        np.concatenate([[low, high], bends[(bends > low) & (bends < high)], quantiles if skewed else []]), low, high
    )
    if len(knots) < 2:
        return _Part(NumericColumn(name, centre, (), indicator is not None), [], indicator)
    curves = [_soft_clip((knots - mean) / scale)]
    if skewed:
        curves.append(np.interp(knots, *_normal_scores(finite, quantiles)))
    views = [
        _View(float(curve[0]), np.diff(curve), np.interp(values, knots, curve).astype(np.float32)) for curve in curves
    ]
    return _Part(NumericColumn(name, centre, tuple(knots.tolist()), indicator is not None), views, indicator)


def _outer_bounds(finite: Array) -> tuple[float, float]:
    """Range of the data, without what lies far beyond its outer quantiles."""
    low, high = np.quantile(finite, [_OUTER_QUANTILE, 1 - _OUTER_QUANTILE])
    margin = 3 * (high - low)
    if margin == 0:
        return float(finite.min()), float(finite.max())
    return float(max(finite.min(), low - margin)), float(min(finite.max(), high + margin))


def _distinct(knots: Array, low: float, high: float) -> Array:
    """Sorted knots that float32 holds, none nearer to the one before than a millionth of the range."""
    kept: list[float] = []
    for knot in np.unique(np.clip(knots, low, high).astype(np.float32)).astype(np.float64):
        if not kept or knot - kept[-1] > max(1e-6 * (high - low), 1e-37):
            kept.append(float(knot))
    return np.array(kept)


def _skewness(values: Array) -> float:
    deviation = values - values.mean()
    scale = np.sqrt(np.mean(deviation**2))
    return float(abs(np.mean((deviation / scale) ** 3))) if scale > 0 else 0.0


def _normal_scores(finite: Array, quantiles: Array) -> tuple[Array, Array]:
    """Normal scores of the mid-ranks of some quantiles: (places, scores)."""
    places = np.unique(quantiles)
    ordered = np.sort(finite)
    rank = (np.searchsorted(ordered, places, "left") + np.searchsorted(ordered, places, "right")) / (2 * len(ordered))
    return places, ndtri(np.clip(rank, 0.5 / len(ordered), 1 - 0.5 / len(ordered)))


def _categorical_part(name: str, cells: npt.NDArray[np.object_]) -> _Part:
    counts = Counter(cells.tolist())
    ordered = sorted(counts, key=lambda text: (-counts[text], text))  # most frequent first, then by name
    kept = [text for text in ordered[:MAX_CATEGORIES] if counts[text] >= MIN_CATEGORY_ROWS]
    if len(kept) < 1 or len(counts) < 2:
        return _Part(CategoricalColumn(name, ()), [], None)
    place = {text: i for i, text in enumerate(kept)}
    code = np.array([place.get(text, len(kept)) for text in cells])  # (N,), len(kept) = pooled
    pooled = len(counts) > len(kept)
    n_views = len(kept) + pooled
    views = []
    for k in range(1 if n_views == 2 else n_views):  # of two, the second is the first's complement
        low, high = _two_valued(0.0, 1.0, float((code == k).mean()))
        weights = np.full(len(kept) + 1, low)
        weights[k] = high
        if not pooled:
            weights[-1] = 0.0  # nothing was pooled in training: another string counts as the average row
        views.append(_View(0.0, weights, np.where(code == k, high, low).astype(np.float32)))
    return _Part(CategoricalColumn(name, tuple(kept)), views, None)


def _without_repeats(parts: list[_Part]) -> list[_Part]:
    """Take away what repeats an earlier column exactly: values, and indicators of the same missing rows."""
    seen: set[bytes] = set()

    def is_new(views: list[_View]) -> bool:
        digest = hashlib.blake2b()
        for view in views:
            digest.update(view.values.tobytes())
        known = digest.digest() in seen
        seen.add(digest.digest())
        return not known

    kept = []
    for column, views, indicator in parts:
        views = views if views and is_new(views) else []
        indicator = indicator if indicator and is_new([indicator]) else None
        if isinstance(column, NumericColumn):
            column = replace(column, knots=column.knots if views else (), missing_indicator=indicator is not None)
        elif not views:
            column = replace(column, categories=())
        kept.append(_Part(column, views, indicator))
    return kept
