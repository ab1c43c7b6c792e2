"""The answers that export/FORMAT.md defines, one cell after the other: slow, obvious, on purpose independent.

Nothing here comes from the exporter's reference or from the runtime; of the record, only its fields are read. Raw cells
are read by `cell_grammar`, ramps are float32 steps and everything after them is float64, as section 4 says.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from cell_grammar import category, number, part, seconds
from mothernet_export import CategoricalColumn, ChildNetwork, NumericColumn

Inputs = list[float | str]  # of the columns that are not ignored, in order


def float32(value: float) -> float:
    """The nearest float32, ties to even; infinite beyond its range."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def class_text(label: Any) -> str:
    """A class as the output `label` holds it (section 3), integers as decimal digits."""
    return label if isinstance(label, str) else repr(label)


def graph_inputs(child: ChildNetwork, row: Mapping[str, Any]) -> Inputs:
    """What the graph takes of one row of raw cells (section 2), column by column; ValueError if a cell does not fit."""
    inputs: Inputs = []
    for column in child.columns:
        if isinstance(column, CategoricalColumn):
            inputs.append(category(row[column.name], column.rule))
        elif isinstance(column, NumericColumn):
            cell = row[column.name]
            is_date = column.part != "value"
            value = part(seconds(cell, column.rule), column.part) if is_date else number(cell, column.rule)
            inputs.append(float32(value - column.offset))
    return inputs


def probabilities(child: ChildNetwork, cells: Inputs) -> list[float]:
    """The C probabilities of one row (section 4)."""
    inputs = _first_layer_inputs(child, cells)
    width, n_classes = child.width, len(child.target.classes)
    pre = [
        float(child.first_bias[j]) + math.fsum(x * float(child.first_weight[i, j]) for i, x in enumerate(inputs))
        for j in range(width + n_classes)
    ]
    hidden = [min(max(x, 0.0), 1.0) for x in pre[:width]]
    logits = [
        pre[width + c] + math.fsum(hidden[h] * float(child.output_weight[h, c]) for h in range(width))
        for c in range(n_classes)
    ]
    exponentials = [math.exp(logit - max(logits)) for logit in logits]
    return [e / math.fsum(exponentials) for e in exponentials]


def _first_layer_inputs(child: ChildNetwork, cells: Inputs) -> list[float]:
    columns = [column for column in child.columns if isinstance(column, NumericColumn | CategoricalColumn)]
    ramps: list[float] = []
    indicators: list[float] = []
    one_hot: list[float] = []
    for column, cell in zip(columns, cells, strict=True):
        if isinstance(column, NumericColumn):
            assert isinstance(cell, float)
            ramps += _ramps(column, cell)
            indicators += [float(math.isnan(cell))] if column.missing_indicator else []
        elif column.categories:
            assert isinstance(cell, str)
            known = [float(cell.encode() == text.encode()) for text in column.categories]
            one_hot += [*known, 1.0 - sum(known)]
    return ramps + indicators + one_hot


def _ramps(column: NumericColumn, cell: float) -> Sequence[float]:
    x = float32(column.centre) if math.isnan(cell) else cell
    ramps = []
    for low, high in itertools.pairwise(column.knots):
        inverse_width = float32(1.0 / (high - low))
        ramps.append(min(max(float32(float32(x - low) * inverse_width), 0.0), 1.0))
    return ramps
