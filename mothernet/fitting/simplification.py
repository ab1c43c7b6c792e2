"""A smaller child from a fitted one: fewer units, fewer ramps, fewer columns, solved again to say the same.

The fitted child is the teacher. What is smaller is judged by how far its probabilities are from the teacher's
(Kullback-Leibler divergence, nats) on training rows and on rows made of them, in which some cells are another row's;
labels are not looked at again, so nothing can be overfitted that the teacher has not. Units go first
(:mod:`mothernet.fitting.selection`). Then neighbouring ramps are merged, and ramps and columns dropped, the cheapest
first. Everything goes that costs less than the price of an input or unit. At last the output layer is solved with the
teacher's probabilities as targets (Hinton, Vinyals and Dean, arXiv 1503.02531), and all weights move towards them
(:mod:`mothernet.fitting.matching`).

Axis letters: N rows, D inputs, R inputs of the teacher's first layer, P ramps, H units kept, C classes, M = H + C.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from mothernet_export import CategoricalColumn, IgnoredColumn, NumericColumn

from mothernet.fitting.child import ChildWeights, rounding_error
from mothernet.fitting.curvature import mean_curvature
from mothernet.fitting.folding import Columns, FoldedChild
from mothernet.fitting.judged_rows import draw_judged_rows
from mothernet.fitting.matching import matched
from mothernet.fitting.merging import Ramps
from mothernet.fitting.output_layer import OutputLayer, solve
from mothernet.fitting.probabilities import log_softmax, softmax
from mothernet.fitting.selection import heaviest_units, surviving_units
from mothernet.fitting.teaching import Lesson
from mothernet.settings import FitSettings
from mothernet.tables.encoding import Encoding
from mothernet.tables.raw_inputs import RawColumn, RawNumbers

__all__ = ["simplified"]

Array = npt.NDArray[np.float64]


class _Teacher(NamedTuple):
    """The fitted child on the rows by which it is judged."""

    inputs: Array  # (N, D)
    cells: list[Array | None]  # per column, its ramps (N, k) if it is numeric
    units: npt.NDArray[np.float32]  # (N, all units)
    probabilities: Array  # (N, C)
    logits: Array  # (N, C) with mean zero in each row
    row_weight: Array  # (N,) sums to one


def simplified(
    encoding: Encoding,
    raw: Sequence[RawColumn],
    weights: ChildWeights,
    y: npt.NDArray[np.int64],
    price: float,
    rng: np.random.Generator,
    settings: FitSettings,
    row_weight: Array | None = None,
    max_units: int | None = None,
    lesson: Lesson | None = None,
) -> FoldedChild:
    """Make a child smaller.

    Parameters
    ----------
    encoding, raw : Encoding and its columns
        Of the training table.
    weights : ChildWeights
        The fitted child.
    y : (N,) array
        Labels, by which rows of a large table are chosen.
    price : float
        Share of what the teacher knows beyond the class frequencies (and at most of half a nat) that an input or a
        unit must be worth.
    row_weight : (N,) array, optional
        Weights of the training rows. Default: all equal.
    max_units : int, optional
        Units that are kept at most. Default: ``settings.max_units``.
    lesson : Lesson, optional
        What another classifier says of the rows by which the smaller child is judged.
    """
    max_units = settings.max_units if max_units is None else max_units
    teacher = _teach(encoding, raw, weights, y, rng, settings, row_weight, lesson)
    nats = price * min(_information(teacher), settings.max_priced_information)
    allowed = max((1 + settings.unit_price) * settings.max_prices_paid * nats, settings.always_allowed)
    n_units = len(weights.output_weight)
    for _ in range(settings.max_attempts if lesson is None else settings.max_taught_attempts):
        kept, direct, output, bias = _choose_units(teacher, weights, settings.unit_price * nats, max_units, settings)
        first = np.concatenate([weights.first_weight[:, :n_units][:, kept], direct], axis=1)  # (D, M)
        first_bias = np.concatenate([weights.first_bias[:n_units][kept], bias])  # (M,)
        ramps, rest, first_bias = _choose_inputs(encoding, teacher, first, first_bias, output, nats, settings)
        child, divergence = _solved(encoding, teacher, ramps, rest, ChildWeights(first, first_bias, output), settings)
        if divergence <= allowed or not price:
            return child
        nats /= 4  # what alike columns say together is lost together, though each alone costs little
    return child


def _teach(
    encoding: Encoding,
    raw: Sequence[RawColumn],
    weights: ChildWeights,
    y: npt.NDArray[np.int64],
    rng: np.random.Generator,
    settings: FitSettings,
    row_weight: Array | None,
    lesson: Lesson | None,
) -> _Teacher:
    """Real rows, rows in which some columns' cells are another row's, and what the teacher says of both."""
    size = dict.fromkeys((column.name for column in raw), 0.0)
    for i, each in zip(encoding.input_column, np.abs(weights.first_weight).sum(axis=1), strict=True):
        size[raw[i].name] += float(each)
    # by their weights, so that neither names nor the order of columns decide what is drawn
    names = {name: k for k, name in enumerate(sorted(size, key=lambda name: size[name]))}
    rows = draw_judged_rows(y, len(names), rng, settings, row_weight)
    source = rows.source  # (N, raw columns) training row of each cell
    column_of_input = np.array([names[raw[column].name] for column in encoding.input_column], np.int64)
    single = np.take_along_axis(encoding.inputs, source[:, column_of_input], axis=0)  # (N, D)
    cells = [
        _ramp_values(column, part.values[source[:, names[part.name]]])
        if isinstance(column, NumericColumn) and isinstance(part, RawNumbers)
        else None
        for column, part in zip(encoding.columns, raw, strict=True)
    ]
    n_units = len(weights.output_weight)
    # units in float32, of which there are many: what it loses is far less than what a smaller child does
    units = single @ weights.first_weight[:, :n_units].astype(np.float32)
    units += weights.first_bias[:n_units].astype(np.float32)
    np.clip(units, 0, 1, out=units)
    inputs = single.astype(np.float64)
    logits: Array = inputs @ weights.first_weight[:, n_units:] + weights.first_bias[n_units:]
    logits += units @ weights.output_weight.astype(np.float32)
    if lesson is not None:
        order = [names[name] for name in size]  # of the table
        logits = lesson.mixed(logits, rows._replace(source=source[:, order]))
    return _Teacher(inputs, cells, units, softmax(logits), logits - logits.mean(axis=1, keepdims=True), rows.weight)


def _ramp_values(column: NumericColumn, values: npt.NDArray[np.float32]) -> Array:
    """Ramps of a column (N, k), as the file computes them but in float64."""
    x = np.where(np.isnan(values), np.float32(column.centre), values).astype(np.float64)
    ramps: Array = x[:, None] - np.array(column.knots[:-1])
    ramps *= column.inverse_widths.astype(np.float64)
    return ramps.clip(0, 1, out=ramps)


def _information(teacher: _Teacher) -> float:
    """Nats by which the teacher's probabilities differ from their mean: its mutual information with the rows."""
    p = np.clip(teacher.probabilities, 1e-12, 1)
    mean = teacher.row_weight @ p
    return float(teacher.row_weight @ (p * np.log(p / mean)).sum(axis=1))


def _choose_units(
    teacher: _Teacher, weights: ChildWeights, price: float, max_units: int, settings: FitSettings
) -> tuple[npt.NDArray[np.int64], Array, Array, Array]:
    """Units that are worth their price, and a layer on inputs and these units that explains the logits.

    Of a wide table the inputs are seen through the teacher's own direct weights only.

    Returns
    -------
    Indices of the units (H,), weights of the inputs (D, C), of the units (H, C), and the bias (C,).
    """
    n_units = len(weights.output_weight)
    is_wide, view = teacher.inputs.shape[1] > settings.max_matched_inputs, weights.first_weight[:, n_units:]
    pool = heaviest_units(teacher.units, weights.output_weight, teacher.row_weight, settings.max_matched_units)
    kept, direct, output, bias = surviving_units(
        teacher.inputs @ view if is_wide else teacher.inputs,
        teacher.units[:, pool],
        teacher.logits,
        teacher.row_weight * (1 - (teacher.probabilities**2).sum(axis=1)),
        price=price,
        budget=settings.max_prices_paid * price,
        max_units=max_units,
        scale_floor=settings.scale_floor,
    )
    return pool[kept], view @ direct if is_wide else direct, output, bias


def _choose_inputs(
    encoding: Encoding,
    teacher: _Teacher,
    first: Array,
    bias: Array,
    output: Array,
    price: float,
    settings: FitSettings,
) -> tuple[dict[int, Ramps], npt.NDArray[np.int64], Array]:
    """Merge and drop ramps, and drop columns, as long as a change costs less than the price.

    The cost of changing what a column adds to the layer before the units, by e(x) u with a function e of the cell and
    weights u, is var(e) |u|^2 / 2, with |u| measured by the mean curvature of the divergence.

    Returns
    -------
    Ramps of the numeric columns that have any, by number; indices of the other inputs that are kept; and the bias.
    """
    root = _root_curvature(teacher, first, bias, output)
    n_ramps = sum(column.n_ramps for column in encoding.columns if isinstance(column, NumericColumn))
    folded_weight, start = encoding.matrix[:, :n_ramps].T @ first, 0  # (ramps, M)
    columns: dict[int, Ramps] = {}
    others: dict[int, npt.NDArray[np.int64]] = {}
    for i, (column, values) in enumerate(zip(encoding.columns, teacher.cells, strict=True)):
        mine = np.flatnonzero((encoding.input_column == i) & ~encoding.is_of_ramps)
        if len(mine):
            others[i] = mine
        if not isinstance(column, NumericColumn) or values is None or not column.n_ramps:
            continue
        centred = values - teacher.row_weight @ values
        weight = folded_weight[start : start + column.n_ramps]
        start += column.n_ramps
        columns[i] = Ramps(
            list(column.knots),
            np.eye(column.n_ramps),
            (centred * teacher.row_weight[:, None]).T @ centred,
            weight,
            weight @ root,
        )
    bias = bias + encoding.base[encoding.is_of_ramps] @ first[encoding.is_of_ramps]
    queue = [(*ramps.cheapest_change(), i, len(ramps.weight)) for i, ramps in columns.items()]
    for i, inputs in others.items():
        part = teacher.inputs[:, inputs]
        spread = (part - teacher.row_weight @ part) @ (first[inputs] @ root)  # (N, M)
        cost = float(teacher.row_weight @ (spread**2).sum(axis=1)) / 2
        if isinstance(encoding.columns[i], CategoricalColumn):
            cost /= settings.text_price
        queue.append((cost, "drop column", 0, i, 0))
    heapq.heapify(queue)
    remaining, budget = len(columns) + len(others), settings.max_prices_paid * price
    while queue and queue[0][0] < min(price, budget):
        cost, kind, k, i, _ = heapq.heappop(queue)
        budget -= cost
        is_last = kind == "drop column" or (kind == "drop" and len(columns[i].weight) == 1)
        if is_last and remaining == 1:
            break
        if kind == "drop column":
            inputs = others.pop(i)
            bias += teacher.row_weight @ teacher.inputs[:, inputs] @ first[inputs]
        elif kind == "merge":
            columns[i].merge(k)
        else:
            values = teacher.cells[i]
            assert values is not None
            bias += (teacher.row_weight @ values @ columns[i].mixture[k]) * columns[i].weight[k]
            columns[i].drop(k)
        if is_last:
            remaining -= 1
            if kind == "drop":
                del columns[i]
        else:
            heapq.heappush(queue, (*columns[i].cheapest_change(), i, len(columns[i].weight)))
    rest = np.sort(np.concatenate([*others.values(), np.empty(0, np.int64)])).astype(np.int64)
    return columns, rest, bias


def _root_curvature(teacher: _Teacher, first: Array, bias: Array, output: Array) -> Array:
    """A root (M, M) of the mean second derivative of the divergence with respect to the layer before the units."""
    H = len(output)
    pre = teacher.inputs @ first[:, :H] + bias[:H]
    gate = ((pre > 0) & (pre < 1)).astype(np.float64)  # (N, H)
    curvature = mean_curvature(gate, teacher.probabilities, output, teacher.row_weight)
    value, vector = np.linalg.eigh(curvature)
    root: Array = vector * np.sqrt(np.maximum(value, 0))
    return root


def _solved(
    encoding: Encoding,
    teacher: _Teacher,
    ramps: dict[int, Ramps],
    rest: npt.NDArray[np.int64],
    start: ChildWeights,
    settings: FitSettings,
) -> tuple[FoldedChild, float]:
    """The child of these ramps, inputs and units, its output layer solved for the teacher's probabilities; and how far
    it is from them (nats)."""
    parts = [values @ ramps[i].mixture.T for i, values in enumerate(teacher.cells) if i in ramps and values is not None]
    ramp_weight = np.concatenate([start.first_weight[:0], *(each.weight for each in ramps.values())])  # (P, M)
    inputs = np.concatenate([*parts, teacher.inputs[:, rest]], axis=1)  # (N, P + rest)
    first = np.concatenate([ramp_weight, start.first_weight[rest]])
    solved, divergence, error = _nearest(inputs, start._replace(first_weight=first), teacher, settings)
    P = len(ramp_weight)
    columns, entries = _remaining_columns(encoding, ramps, rest)
    child = FoldedChild(
        columns,
        np.concatenate([solved.first_weight[:P], encoding.matrix[rest].T[entries] @ solved.first_weight[P:]]),
        solved.first_bias + encoding.base[rest] @ solved.first_weight[P:],
        solved.output_weight,
        error,
    )
    return child, divergence


def _nearest(
    inputs: Array, start: ChildWeights, teacher: _Teacher, settings: FitSettings
) -> tuple[ChildWeights, float, float]:
    """The child of these units that is nearest to the teacher on inputs (N, n); how far that is from it (nats); and the
    child's rounding error: if float32 cannot sum the nearest one, it is another one that is a little farther."""
    n, H, p = inputs.shape[1], len(start.output_weight), teacher.probabilities
    unit_weight, unit_bias = start.first_weight[:, :H], start.first_bias[:H]
    phi = np.concatenate([inputs, np.clip(inputs @ unit_weight + unit_bias, 0, 1)], axis=1)
    mean = teacher.row_weight @ phi
    scale = np.sqrt(teacher.row_weight @ (phi - mean) ** 2) + settings.scale_floor
    phi = (phi - mean) / scale
    weight = np.concatenate([start.first_weight[:, H:], start.output_weight])  # (n + H, C)
    layer = OutputLayer((weight * scale[:, None])[None], (start.first_bias[H:] + mean @ weight)[None])
    tried: list[tuple[ChildWeights, float, float]] = []
    for k in range(1 + settings.max_strengthenings):
        layer = solve(
            phi,
            p,
            np.full(n + H, settings.match_penalty * 10**k),
            steps=settings.match_steps,
            tolerance=settings.match_tolerance,
            row_weight=teacher.row_weight[None],
            start=layer,
        )
        weight = layer.weight[0] / scale[:, None]  # (n + H, C)
        child = ChildWeights(
            np.concatenate([unit_weight, weight[:n]], axis=1),
            np.concatenate([unit_bias, layer.bias[0] - mean @ weight]),
            weight[n:],
        )
        if settings.matching_steps and child.first_weight.shape[1] <= settings.max_matching_width:
            child = matched(
                inputs, p, teacher.row_weight, child, steps=settings.matching_steps, scale_floor=settings.scale_floor
            )
        log_p = log_softmax(child.logits(inputs))
        divergence = float(teacher.row_weight @ (p * (np.log(np.maximum(p, 1e-300)) - log_p)).sum(axis=1))
        if tried and divergence > tried[-1][1] + settings.max_strengthening_cost:
            break
        tried.append((child, divergence, rounding_error(inputs, child)))
        if tried[-1][2] < settings.max_rounding_error:
            return tried[-1][0], tried[0][1], tried[-1][2]
    return tried[0]


def _remaining_columns(
    encoding: Encoding, ramps: dict[int, Ramps], rest: npt.NDArray[np.int64]
) -> tuple[Columns, npt.NDArray[np.int64]]:
    """Records of the columns that still have inputs, the others ignored; and the numbers of the inputs of the old first
    layer, ramps left out, that they have."""
    used = set(encoding.input_column[rest].tolist())
    columns: list[NumericColumn | CategoricalColumn | IgnoredColumn] = []
    for i, column in enumerate(encoding.columns):
        if isinstance(column, NumericColumn) and (i in ramps or i in used):
            knots = tuple(ramps[i].knots) if i in ramps else ()
            smaller = replace(
                column, knots=knots, missing_indicator=i in used, missing_in_training=column.missing_indicator
            )
            columns.append(smaller)
        elif isinstance(column, CategoricalColumn) and i in used:
            columns.append(column)
        else:
            columns.append(IgnoredColumn(column.name))
    named = {column.name for column in columns if not isinstance(column, IgnoredColumn)}
    seen: set[str] = set()
    kept = []
    for each in columns:  # parts of a date share a name, and are ignored only all together
        if isinstance(each, IgnoredColumn) and (each.name in named or each.name in seen):
            continue
        seen.add(each.name)
        kept.append(each)
    numeric = [(i, column) for i, column in enumerate(encoding.columns) if isinstance(column, NumericColumn)]
    start, entries = sum(column.n_ramps for _, column in numeric), []
    for i, column in numeric:
        if column.missing_indicator:
            entries += [start] if i in used else []
            start += 1
    for i, other in enumerate(encoding.columns):
        if isinstance(other, CategoricalColumn):
            entries += list(range(start, start + other.n_inputs)) if i in used else []
            start += other.n_inputs
    return tuple(kept), np.array(entries, np.int64)
