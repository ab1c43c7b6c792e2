"""Preprocessing: what the hypernetwork and the head see of a raw row, as piecewise-linear maps that the child can fold.

A numeric column becomes up to two *features*: its standardised, softly clipped value, and whether it is missing. A
categorical column becomes one feature per category, rare ones pooled. Beside the features stand the *ramps* of
numeric columns, which rise from 0 to 1 between neighbouring quantiles: the head and the units build piecewise-linear
functions of them. All of it is piecewise linear in the raw number, so it shares one set of the child's ramps, and
every input is affine in the rows of the child's first layer: ``inputs = base + matrix @ basis``.

Axis letters: N rows, F raw columns, D inputs (features, then ramps), R rows of the child's first layer.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from mothernet_export import CategoricalColumn, NumericColumn

from mothernet.columns import Cells, ColumnKind

__all__ = ["Encoding", "fit_encoding"]

Array = npt.NDArray[np.float64]

MAX_CATEGORIES = 16  # per column; the rest is pooled with the rare ones
MIN_CATEGORY_ROWS = 2
_BENDS = np.array([2.0, 4.0, 10.0, 30.0])  # standard deviations at which the soft clipping's slope changes
_OUTER_QUANTILE = 0.01
_LEAST_RAMP = 1e-4  # standard deviations, as in the hypernetwork
_LARGEST = 1e37  # knots further apart have no float32 inverse width


class Encoding(NamedTuple):
    """Raw columns as the child records them, and the affine map from its first-layer basis to the D inputs."""

    columns: tuple[NumericColumn | CategoricalColumn, ...]
    base: Array  # (D,)
    matrix: Array  # (D, R)
    inputs: npt.NDArray[np.float32]  # (N, D) of the rows that were fitted
    ramp_places: npt.NDArray[np.int64]  # (ramps, 2) feature and number among its ramps, of the last inputs


class _View(NamedTuple):
    """One input: its value without the column's basis rows, its change by each of them, and its values in training."""

    base: float
    weights: Array
    values: npt.NDArray[np.float32]  # (N,)


class _Part(NamedTuple):
    """One raw column's record and views; ``indicator`` is the view of its missing cells, ``ramps`` are by number."""

    column: NumericColumn | CategoricalColumn
    views: list[_View]
    indicator: _View | None = None
    ramps: tuple[tuple[int, _View], ...] = ()


def fit_encoding(
    cells: Cells,
    names: Sequence[str],
    kinds: Sequence[ColumnKind],
    n_ramps: int,
    row_weight: Array | None = None,
) -> Encoding:
    """Learn the encoding of a training table and encode it.

    Parameters
    ----------
    n_ramps : int
        Ramps per numeric column, at most.
    row_weight : (N,) array, optional
        Weights of the rows in the quantiles between which ramps rise. Default: all equal.
    """
    n = max(len(cells.numeric), len(cells.categorical))
    weight = np.ones(n) if row_weight is None else row_weight
    numbers, texts = iter(cells.numeric.T), iter(cells.categorical.T)
    parts = [
        _numeric_part(name, next(numbers), n_ramps, weight)
        if kind == "numeric"
        else _categorical_part(name, next(texts))
        for name, kind in zip(names, kinds, strict=True)
    ]
    parts = _without_repeats(parts)
    # first-layer rows: all ramps, then all missing indicators, then all categories
    numeric = [part for part in parts if isinstance(part.column, NumericColumn)]
    categorical = [part for part in parts if isinstance(part.column, CategoricalColumn)]
    groups = [part.views for part in numeric]
    groups += [[part.indicator] for part in numeric if part.indicator is not None]
    groups += [part.views for part in categorical]
    start = 0
    placed: list[tuple[int, _View]] = []  # first row of the child's first layer that a view weighs, and the view
    ramps: list[tuple[int, _View]] = []
    places: list[tuple[int, int]] = []
    for k, group in enumerate(groups):
        for number, view in numeric[k].ramps if k < len(numeric) else ():
            ramps.append((start, view))
            places.append((len(placed), number))
        placed += [(start, view) for view in group]
        start += len(group[0].weights) if group else 0
    placed += ramps
    matrix = np.zeros((len(placed), sum(part.column.n_rows for part in parts)))
    for row, (offset, view) in zip(matrix, placed, strict=True):
        row[offset : offset + len(view.weights)] = view.weights
    views = [view for _, view in placed]
    inputs = np.stack([view.values for view in views], 1) if views else np.empty((n, 0), np.float32)
    return Encoding(
        tuple(p.column for p in parts),
        np.array([v.base for v in views]),
        matrix,
        inputs.astype(np.float32),
        np.array(places, np.int64).reshape(-1, 2),
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


def _numeric_part(name: str, cells: npt.NDArray[np.float32], n_ramps: int, row_weight: Array) -> _Part:
    absent = np.isnan(cells)
    finite = cells[np.isfinite(cells)].astype(np.float64).clip(-_LARGEST, _LARGEST)
    if not len(finite):
        return _Part(NumericColumn(name, 0.0, (), False), [])
    values = np.clip(np.where(absent, np.median(finite), cells.astype(np.float64)), finite.min(), finite.max())
    centre = float(np.float32(np.median(finite)))
    indicator = None
    if absent.any():
        low, high = _two_valued(0.0, 1.0, float(absent.mean()))
        indicator = _View(low, np.array([high - low]), np.where(absent, high, low).astype(np.float32))
    low, high = _outer_bounds(finite)
    clipped = np.clip(values, low, high)
    mean, scale = float(clipped.mean()), float(clipped.std())
    bends = mean + scale * np.concatenate([-_BENDS[::-1], _BENDS])
    quantiles = _quantiles(clipped, n_ramps, row_weight)
    risen = [(k, a, b) for k, (a, b) in enumerate(pairwise(quantiles)) if b - a > _LEAST_RAMP * scale]
    if len(risen) < 2:  # two values: the feature itself says all
        risen = []
    knots = _distinct(
        np.concatenate([[low, high], bends[(bends > low) & (bends < high)], quantiles if risen else []]), low, high
    )
    if len(knots) < 2:
        return _Part(NumericColumn(name, centre, (), indicator is not None), [], indicator)

    def view(curve: Array) -> _View:  # of values at the knots
        return _View(float(curve[0]), np.diff(curve), np.interp(values, knots, curve).astype(np.float32))

    ramps = tuple((k, view(np.clip((knots - a) / (b - a), 0, 1))) for k, a, b in risen)
    column = NumericColumn(name, centre, tuple(knots.tolist()), indicator is not None)
    return _Part(column, [view(_soft_clip((knots - mean) / scale))], indicator, ramps)


def _outer_bounds(finite: Array) -> tuple[float, float]:
    """Range of the data, without what lies far beyond its outer quantiles."""
    low, high = np.quantile(finite, [_OUTER_QUANTILE, 1 - _OUTER_QUANTILE])
    margin = 3 * (high - low)
    if margin == 0:
        return float(finite.min()), float(finite.max())
    return float(max(finite.min(), low - margin)), float(min(finite.max(), high + margin))


def _quantiles(values: Array, n_ramps: int, row_weight: Array) -> Array:
    """The n_ramps + 1 evenly spread quantiles, as :class:`mothernet.hypernetwork.Ramps` takes them."""
    order = values.argsort(kind="stable")
    weight = row_weight[order]
    below = (weight.cumsum() - weight / 2) / weight.sum()
    place = np.searchsorted(below, np.arange(1, n_ramps) / max(n_ramps, 1)).clip(max=len(values) - 1)
    return values[order][np.concatenate([[0], place, [-1]])]


def _distinct(knots: Array, low: float, high: float) -> Array:
    """Sorted knots that float32 holds, none nearer to the one before than a millionth of the range."""
    kept: list[float] = []
    for knot in np.unique(np.clip(knots, low, high).astype(np.float32)).astype(np.float64):
        if not kept or knot - kept[-1] > max(1e-6 * (high - low), 1e-37):
            kept.append(float(knot))
    return np.array(kept)


def _categorical_part(name: str, cells: npt.NDArray[np.object_]) -> _Part:
    counts = Counter(cells.tolist())
    ordered = sorted(counts, key=lambda text: (-counts[text], text))  # most frequent first, then by name
    kept = [text for text in ordered[:MAX_CATEGORIES] if counts[text] >= MIN_CATEGORY_ROWS]
    if len(kept) < 1 or len(counts) < 2:
        return _Part(CategoricalColumn(name, ()), [])
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
    return _Part(CategoricalColumn(name, tuple(kept)), views)


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
    for column, views, indicator, ramps in parts:
        views = views if views and is_new(views) else []
        indicator = indicator if indicator and is_new([indicator]) else None
        if isinstance(column, NumericColumn):
            column = replace(column, knots=column.knots if views else (), missing_indicator=indicator is not None)
        elif not views:
            column = replace(column, categories=())
        kept.append(_Part(column, views, indicator, ramps if views else ()))
    return kept
