"""Cells of categorical columns, texts or numbers of any type, as the texts that the child's graph compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mothernet_export.columns import CategoricalColumn
from mothernet_export.onnx_writer.builder import ML_DOMAIN, ElementType, GraphBuilder, Value
from mothernet_export.skl2onnx_converter.spellings import UNSEEN, numbers, spellings

_MISSING = np.array([""], object)
_BEYOND_INT64 = 2.0**63


def category_texts(
    g: GraphBuilder, cells: Value, element_type: ElementType, columns: Sequence[CategoricalColumn]
) -> Value:
    """Canonical texts of the cells (N, columns) of columns that share one rule; others than categories are `UNSEEN`."""
    rule = columns[0].rule
    categories = list(dict.fromkeys(category for column in columns for category in column.categories))
    if element_type == "string":
        return _encoded(g, cells, "keys_strings", spellings(rule, categories))
    if element_type == "bool":
        return _looked_up(g, g.cast(cells, "int64"), {int(value): rule.read(value) for value in (False, True)})
    known = numbers(rule, categories)
    whole = {int(value): text for value, text in known.items() if value == int(value) and abs(value) < _BEYOND_INT64}
    if element_type == "float16":
        cells, element_type = g.as_float32(cells), "float32"
    if element_type in ("float32", "float64"):
        return _texts_of_floats(g, cells, element_type, known, whole, columns[0].name)
    return _looked_up(g, cells if element_type == "int64" else g.cast(cells, "int64"), whole)


def _texts_of_floats(
    g: GraphBuilder,
    cells: Value,
    element_type: ElementType,
    known: Mapping[float, str],
    whole: Mapping[int, str],
    name: str,
) -> Value:
    """Whole numbers are compared as int64, which keeps all digits; if there are others, all as float32."""
    if len(whole) == len(known):
        integers = g.cast(cells, "int64")
        is_whole = g.operator("Equal", a=g.cast(integers, element_type), b=cells)
        texts = g.where(is_whole, _looked_up(g, integers, whole), np.array([UNSEEN], object))
    else:
        keys = {float(np.float32(value)): text for value, text in known.items()}
        if len(keys) < len(known):
            raise ValueError(
                f"categories of column {name!r} must differ as float32, which is how a graph compares numbers with "
                "decimals, however: some do not. Pass the column as texts, in the fit and in initial_types."
            )
        texts = _encoded(g, cells if element_type == "float32" else g.as_float32(cells), "keys_floats", keys)
    return g.where(g.is_nan(cells), _MISSING, texts)


def _looked_up(g: GraphBuilder, integers: Value, known: Mapping[int, str]) -> Value:
    return _encoded(g, integers, "keys_int64s", known or {0: UNSEEN})


def _encoded(g: GraphBuilder, cells: Value, keys: str, texts: Mapping[Any, str]) -> Value:
    attributes = {keys: list(texts), "values_strings": list(texts.values()), "default_string": UNSEEN}
    return g.operator("LabelEncoder", attributes, ML_DOMAIN, x=cells)
