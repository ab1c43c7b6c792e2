"""The answers that export/FORMAT.md defines, one cell after the other: slow, obvious, on purpose independent.

Nothing here comes from the exporter's reference or from the runtime; of the record, only its fields are read. Ramps are
float32 steps and everything after them is float64, as section 4 says.
"""

from __future__ import annotations

import itertools
import math
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from mothernet_export import CategoricalColumn, ChildNetwork, NumericColumn

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_INFINITIES = {"inf": math.inf, "-inf": -math.inf}


def float32(value: float) -> float:
    """The nearest float32, ties to even; infinite beyond its range."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def number_from_text(text: str) -> float:
    """A cell of a numeric column in a CSV file; ValueError if it is none (section 2)."""
    text = text.strip(" \t\n\v\f\r")
    if not text or text.lower() == "nan":
        return math.nan
    if text in _INFINITIES:
        return _INFINITIES[text]
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"a number was expected, however: {text!r}")
    return float32(float(text))


def number_from_json(value: Any) -> float:
    """A cell of a numeric column in rows.json (section 6)."""
    if value is None:
        return math.nan
    return _INFINITIES[value] if isinstance(value, str) else float32(float(value))


def text_from_json(value: Any) -> str:
    """The text form of a cell of a categorical column in rows.json (section 2)."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else repr(value)


def class_text(label: Any) -> str:
    """A class as the output `label` holds it (section 3), integers as decimal digits."""
    return label if isinstance(label, str) else repr(label)


def typed_cells(child: ChildNetwork, row: Mapping[str, Any], *, is_text: bool) -> dict[str, float | str]:
    """The cells of one row of rows.csv (`is_text`) or rows.json as the graph takes them."""
    number, text = (number_from_text, str) if is_text else (number_from_json, text_from_json)
    return {
        column.name: number(row[column.name]) if isinstance(column, NumericColumn) else text(row[column.name])
        for column in child.columns
    }


def probabilities(child: ChildNetwork, cells: Mapping[str, Any]) -> list[float]:
    """The C probabilities of one row (section 4)."""
    inputs = _inputs(child, cells)
    width, n_classes = child.width, len(child.target.classes)
    pre = [
        float(child.first_bias[j]) + math.fsum(x * float(child.first_weight[i, j]) for i, x in enumerate(inputs))
        for j in range(width + n_classes)
    ]
    hidden = [math.tanh(x) if child.activation == "tanh" else max(x, 0.0) for x in pre[:width]]
    logits = [
        pre[width + c] + math.fsum(hidden[h] * float(child.output_weight[h, c]) for h in range(width))
        for c in range(n_classes)
    ]
    exponentials = [math.exp(logit - max(logits)) for logit in logits]
    return [e / math.fsum(exponentials) for e in exponentials]


def _inputs(child: ChildNetwork, cells: Mapping[str, Any]) -> list[float]:
    numeric = [column for column in child.columns if isinstance(column, NumericColumn)]
    ramps = [ramp for column in numeric for ramp in _ramps(column, cells[column.name])]
    indicators = [float(math.isnan(cells[column.name])) for column in numeric if column.missing_indicator]
    one_hot: list[float] = []
    for column in child.columns:
        if isinstance(column, CategoricalColumn) and column.categories:
            known = [float(cells[column.name].encode() == category.encode()) for category in column.categories]
            one_hot += [*known, 1.0 - sum(known)]
    return ramps + indicators + one_hot


def _ramps(column: NumericColumn, cell: float) -> Sequence[float]:
    x = float32(column.centre) if math.isnan(cell) else cell
    ramps = []
    for low, high in itertools.pairwise(column.knots):
        inverse_width = float32(1.0 / (high - low))
        ramps.append(min(max(float32(float32(x - low) * inverse_width), 0.0), 1.0))
    return ramps
