"""What the hypernetwork and the output layer see of a raw row, as piecewise-linear maps that the child can fold.

A number becomes up to two *features*: its standardised, softly clipped value, and whether it is missing. A categorical
column becomes one feature per frequent category, the others pooled; a column of many categories also becomes their
log-odds of the classes (:mod:`mothernet.tables.category_odds`). Beside the features stand the *ramps* of
numeric columns, which rise from 0 to 1 between neighbouring quantiles: the output layer and the units build
piecewise-linear functions of them. All of it is piecewise linear in the raw number, so it shares one set of the child's
ramps, and every input is affine in the inputs of the child's first layer, its *basis*:
``inputs = base + matrix @ basis``.

Of a large table come *fine inputs* last, which the hypernetwork does not know: ramps between knots where the labels
change (:mod:`mothernet.tables.label_knots`), and indicators of categories beyond the frequent ones.

Axis letters: N rows, F raw columns, D inputs (features, ramps, fine inputs), R inputs of the child's first layer.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from mothernet_export import CategoricalColumn, IgnoredColumn, NumericColumn

from mothernet.settings import DEFAULT_SETTINGS, FitSettings
from mothernet.tables.category_odds import Labels, category_log_odds
from mothernet.tables.label_knots import label_knots
from mothernet.tables.piecewise import MIN_RAMP_WIDTH, mid_ranks_below, ramp_levels, soft_clip
from mothernet.tables.raw_inputs import RawCategories, RawColumn, RawNumbers

__all__ = ["Encoding", "fit_encoding"]

Array = npt.NDArray[np.float64]

_LARGEST_DENSE = 10_000_000  # entries of the matrix
_LARGEST = 1e37  # knots further apart have no float32 inverse width


class Encoding(NamedTuple):
    """Raw columns as the child records them, and the affine map from its first-layer basis to the D inputs."""

    columns: tuple[NumericColumn | CategoricalColumn | IgnoredColumn, ...]
    base: Array  # (D,)
    matrix: Any  # (D, R) float64, of NumPy or, if it is large, of scipy.sparse
    inputs: npt.NDArray[np.float32]  # (N, D) of the rows that were fitted
    ramp_index: npt.NDArray[np.int64]  # (ramps, 2) feature and number among its ramps; the inputs before the fine ones
    input_column: npt.NDArray[np.int64]  # (D,) number of the column that an input is of
    is_of_ramps: npt.NDArray[np.bool_]  # (D,) whether an input is a function of the child's ramps
    n_fine: int  # the last inputs


class _Input(NamedTuple):
    """One input: its value at zero basis, its change with each basis entry, and its values in training."""

    base: float
    weights: Array
    values: npt.NDArray[np.float32]  # (N,)


class _EncodedColumn(NamedTuple):
    """One raw column's record and inputs; ``indicator`` tells its missing cells, ``ramps`` are by number."""

    column: NumericColumn | CategoricalColumn | IgnoredColumn
    features: list[_Input]
    indicator: _Input | None = None
    ramps: tuple[tuple[int, _Input], ...] = ()
    fine: tuple[_Input, ...] = ()


def fit_encoding(
    columns: Sequence[RawColumn],
    n_ramps: int,
    labels: Labels,
    row_weight: Array | None = None,
    settings: FitSettings = DEFAULT_SETTINGS,
    knot_rows: npt.NDArray[np.bool_] | None = None,
) -> Encoding:
    """Learn the encoding of a training table and encode it.

    Parameters
    ----------
    columns : sequence of RawColumn
        At least one.
    n_ramps : int
        Ramps per numeric column, at most.
    labels : Labels
        By which columns of many categories are encoded.
    row_weight : (N,) array, optional
        Weights of the rows in the quantiles between which ramps rise. Default: all equal.
    settings : FitSettings
        Constants of the encoding.
    knot_rows : (N,) array, optional
        Rows whose labels say where fine ramps stand. Default: there are no fine inputs.
    """
    n = len(labels.y)
    weight = np.ones(n) if row_weight is None else row_weight
    encoded = _without_repeats([_encode(column, n_ramps, weight, labels, settings, knot_rows) for column in columns])
    # the basis: all ramps of the child, then all missing indicators, then all categories
    numeric = [k for k, part in enumerate(encoded) if isinstance(part.column, NumericColumn)]
    groups = [(k, encoded[k].features) for k in numeric]
    groups += [(k, [indicator]) for k in numeric if (indicator := encoded[k].indicator) is not None]
    groups += [(k, part.features) for k, part in enumerate(encoded) if isinstance(part.column, CategoricalColumn)]
    start = 0
    placed: list[tuple[int, _Input]] = []  # first basis entry that an input weighs, and the input
    ramps: list[tuple[int, _Input]] = []
    ramp_index: list[tuple[int, int]] = []
    column_of: list[int] = []
    column_of_ramp: list[int] = []
    fine: list[tuple[int, _Input]] = []
    column_of_fine: list[int] = []
    n_features_of_ramps = 0
    for position, (k, group) in enumerate(groups):
        if position < len(numeric):
            n_features_of_ramps += len(group)
            for ramp_number, ramp in encoded[k].ramps:
                ramps.append((start, ramp))
                ramp_index.append((len(placed), ramp_number))
                column_of_ramp.append(k)
        if position < len(numeric) or isinstance(encoded[k].column, CategoricalColumn):
            fine += [(start, entry) for entry in encoded[k].fine]
            column_of_fine += [k] * len(encoded[k].fine)
        placed += [(start, feature) for feature in group]
        column_of += [k] * len(group)
        start += len(group[0].weights) if group else 0
    number = np.arange(len(placed) + len(ramps))
    is_of_ramps = (number < n_features_of_ramps) | (number >= len(placed))
    is_fine_ramp = [isinstance(encoded[k].column, NumericColumn) for k in column_of_fine]
    placed += ramps + fine
    entries = [entry for _, entry in placed]
    inputs = np.empty((n, len(entries)), np.float32)
    for d, entry in enumerate(entries):
        inputs[:, d] = entry.values
    return Encoding(
        tuple(part.column for part in encoded),
        np.array([entry.base for entry in entries]),
        _matrix(placed, sum(part.column.n_inputs for part in encoded)),
        inputs,
        np.array(ramp_index, np.int64).reshape(-1, 2),
        np.array(column_of + column_of_ramp + column_of_fine, np.int64),
        np.concatenate([is_of_ramps, np.array(is_fine_ramp, bool)]),
        len(fine),
    )


def _matrix(placed: Sequence[tuple[int, _Input]], n_basis: int) -> Any:
    """The rows of the inputs, each with its weights from a basis entry on."""
    if len(placed) * n_basis > _LARGEST_DENSE:
        from scipy.sparse import csr_array  # takes time to import

        column = [np.arange(offset, offset + len(entry.weights)) for offset, entry in placed]
        row_ends = np.cumsum([0, *(len(part) for part in column)])
        weights = np.concatenate([entry.weights for _, entry in placed])
        return csr_array((weights, np.concatenate(column), row_ends), shape=(len(placed), n_basis))
    matrix = np.zeros((len(placed), n_basis))
    for row, (offset, entry) in zip(matrix, placed, strict=True):
        row[offset : offset + len(entry.weights)] = entry.weights
    return matrix


def _encode(
    column: RawColumn,
    n_ramps: int,
    row_weight: Array,
    labels: Labels,
    settings: FitSettings,
    knot_rows: npt.NDArray[np.bool_] | None,
) -> _EncodedColumn:
    if isinstance(column, RawNumbers):
        fine = np.empty(0)
        if knot_rows is not None:
            told = knot_rows & np.isfinite(column.values)
            cells = column.values[told].astype(np.float64)
            fine = label_knots(cells, labels.y[told], labels.n_classes, settings) if len(cells) else fine
        return _encode_numbers(column, n_ramps, row_weight, settings, fine)
    if isinstance(column, RawCategories):
        return _encode_categories(column, labels, settings, has_fine=knot_rows is not None)
    return _EncodedColumn(IgnoredColumn(column.name), [])


def _standardised_indicator(share: float) -> tuple[float, float]:
    """Standardised, softly clipped values of 0 and of 1 of an indicator that is 1 in ``share`` of the rows."""
    scale = max(np.sqrt(share * (1 - share)), 1e-3)
    low, high = soft_clip((np.array([0.0, 1.0]) - share) / scale, np)
    return float(low), float(high)


def _encode_numbers(
    raw: RawNumbers, n_ramps: int, row_weight: Array, settings: FitSettings, fine: Array
) -> _EncodedColumn:
    cells = raw.values

    def record(centre: float, knots: tuple[float, ...], missing_indicator: bool) -> NumericColumn:
        return NumericColumn(
            raw.name, centre, knots, missing_indicator, rule=raw.rule, offset=raw.offset, part=raw.part
        )

    absent = np.isnan(cells)
    finite = cells[np.isfinite(cells)].astype(np.float64).clip(-_LARGEST, _LARGEST)
    if not len(finite):
        return _EncodedColumn(record(0.0, (), False), [])
    values = np.clip(np.where(absent, np.median(finite), cells.astype(np.float64)), finite.min(), finite.max())
    centre = float(np.float32(np.median(finite)))
    indicator = None
    if absent.any():
        low, high = _standardised_indicator(float(absent.mean()))
        indicator = _Input(low, np.array([high - low]), np.where(absent, high, low).astype(np.float32))
    low, high = _outer_bounds(finite, settings)
    clipped = np.clip(values, low, high)
    mean, scale = float(clipped.mean()), float(clipped.std())
    bends = np.array(settings.clip_bends)
    bends = mean + scale * np.concatenate([-bends[::-1], bends])
    quantiles = _quantiles(clipped, n_ramps, row_weight)
    risen = [(k, a, b) for k, (a, b) in enumerate(pairwise(quantiles)) if b - a > MIN_RAMP_WIDTH * scale]
    if len(risen) < 2:  # two values: the feature itself says all
        risen = []
    knots = _distinct(
        np.concatenate([[low, high], bends[(bends > low) & (bends < high)], quantiles if risen else [], fine]),
        low,
        high,
    )
    if len(knots) < 2:
        return _EncodedColumn(record(centre, (), indicator is not None), [], indicator)

    segment = np.searchsorted(knots[1:-1], values, side="right")  # (N,) once for all curves
    beyond = np.clip(values, knots[0], knots[-1]) - knots[segment]

    def piecewise_linear(curve: Array) -> _Input:  # by its values at the knots
        rise = np.diff(curve)
        return _Input(
            float(curve[0]),
            rise,
            ((rise / np.diff(knots))[segment] * beyond + curve[segment]).astype(np.float32),
        )

    ramps = tuple((k, piecewise_linear(np.clip((knots - a) / (b - a), 0, 1))) for k, a, b in risen)
    column = record(centre, tuple(knots.tolist()), indicator is not None)
    feature = piecewise_linear(soft_clip((knots - mean) / scale, np))
    fine = knots[np.isin(knots, np.clip(fine, low, high).astype(np.float32).astype(np.float64))]
    return _EncodedColumn(column, [feature], indicator, ramps, _fine_ramps(values, knots, fine))


def _fine_ramps(values: Array, knots: Array, fine: Array) -> tuple[_Input, ...]:
    """Ramps between neighbours among some of the knots, if there are two or more."""
    if len(fine) < 3:
        return ()

    def ramp(x: npt.NDArray[Any], a: float, b: float) -> npt.NDArray[Any]:
        return np.clip((x - a) / (b - a), 0, 1)

    short = values.astype(np.float32)
    return tuple(_Input(0.0, np.diff(ramp(knots, a, b)), ramp(short, a, b)) for a, b in pairwise(fine))


def _outer_bounds(finite: Array, settings: FitSettings) -> tuple[float, float]:
    """Range of the data, without what lies far beyond its outer quantiles."""
    low, high = np.quantile(finite, [settings.outer_quantile, 1 - settings.outer_quantile])
    margin = settings.outer_margin * (high - low)
    if margin == 0:
        return float(finite.min()), float(finite.max())
    return float(max(finite.min(), low - margin)), float(min(finite.max(), high + margin))


def _quantiles(values: Array, n_ramps: int, row_weight: Array) -> Array:
    """The n_ramps + 1 evenly spread quantiles, as :class:`mothernet.network.inputs.Ramps` takes them."""
    order = values.argsort(kind="stable")
    below = mid_ranks_below(row_weight[order])
    index = np.searchsorted(below, ramp_levels(n_ramps)).clip(max=len(values) - 1)
    return values[order][np.concatenate([[0], index, [-1]])]


def _distinct(knots: Array, low: float, high: float) -> Array:
    """Sorted knots that float32 holds, none nearer to the one before than a millionth of the range."""
    kept: list[float] = []
    for knot in np.unique(np.clip(knots, low, high).astype(np.float32)).astype(np.float64):
        if not kept or knot - kept[-1] > max(1e-6 * (high - low), 1e-37):
            kept.append(float(knot))
    return np.array(kept)


def _encode_categories(raw: RawCategories, labels: Labels, settings: FitSettings, *, has_fine: bool) -> _EncodedColumn:
    counts = Counter(raw.texts.tolist())
    ordered = sorted(counts, key=lambda text: (-counts[text], text))  # most frequent first, then by name
    known = [text for text in ordered[: settings.max_categories] if counts[text] >= settings.min_category_rows]
    if len(known) < 1 or len(counts) < 2:
        return _EncodedColumn(CategoricalColumn(raw.name, (), rule=raw.rule), [])
    index = {text: i for i, text in enumerate(known)}
    code = np.fromiter((index.get(text, len(known)) for text in raw.texts), np.int64)  # (N,), len(known): pooled
    n_frequent = min(len(known), settings.max_category_features)
    pooled = len(counts) > n_frequent
    n_groups = n_frequent + pooled
    group = np.minimum(code, n_frequent)  # (N,)
    features = []
    for k in range(1 if n_groups == 2 else n_groups):  # of two, the second is the first's complement
        low, high = _standardised_indicator(float((group == k).mean()))
        weights = np.full(len(known) + 1, low)
        weights[k if k < n_frequent else slice(n_frequent, None)] = high
        if not pooled:
            weights[-1] = 0.0  # nothing was pooled in training: another string counts as the average row
        features.append(_Input(0.0, weights, np.where(group == k, high, low).astype(np.float32)))
    if len(known) > n_frequent:
        odds, values = category_log_odds(code, len(known), labels, settings)
        features += [
            _Input(0.0, column, values_of_rows.astype(np.float32))
            for column, values_of_rows in zip(odds.T, values.T, strict=True)
        ]
    fine = []
    for k in range(n_frequent, min(len(known), settings.max_indicated) if has_fine else 0):
        if counts[known[k]] >= settings.min_indicated_rows:
            fine.append(_Input(0.0, np.eye(len(known) + 1)[k], (code == k).astype(np.float32)))
    return _EncodedColumn(CategoricalColumn(raw.name, tuple(known), rule=raw.rule), features, fine=tuple(fine))


def _without_repeats(encoded: list[_EncodedColumn]) -> list[_EncodedColumn]:
    """Take away what repeats an earlier column exactly: values, and indicators of the same missing rows."""
    seen: set[bytes] = set()

    def is_new(inputs: list[_Input]) -> bool:
        digest = hashlib.blake2b()
        for entry in inputs:
            digest.update(entry.values.tobytes())
        known = digest.digest() in seen
        seen.add(digest.digest())
        return not known

    kept = []
    for column, features, indicator, ramps, fine in encoded:
        features = features if features and is_new(features) else []
        indicator = indicator if indicator and is_new([indicator]) else None
        if isinstance(column, NumericColumn):
            column = replace(column, knots=column.knots if features else (), missing_indicator=indicator is not None)
        elif isinstance(column, CategoricalColumn) and not features:
            column = replace(column, categories=())
        kept.append(_EncodedColumn(column, features, indicator, *((ramps, fine) if features else ((), ()))))
    return kept
