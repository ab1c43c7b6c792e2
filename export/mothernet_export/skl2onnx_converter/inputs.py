"""From tensors as skl2onnx passes them to the two inputs of a child's graph: numbers (N, Fn) and texts (N, Fc).

Nobody reads cells here as the runtime does, so the graph does what a graph can: types are converted, offsets
subtracted in float64, words for true and false and usual spellings of categories looked up. What it cannot do is an
error. Columns of one type are converted together, as every operator costs time.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

import numpy as np
from mothernet_runtime.cells import DateRule, NumberRule

from mothernet_export.child import ChildNetwork
from mothernet_export.columns import CategoricalColumn, Column, IgnoredColumn, NumericColumn
from mothernet_export.onnx_writer.builder import ML_DOMAIN, ElementType, GraphBuilder, Value
from mothernet_export.onnx_writer.first_layer import columns_of
from mothernet_export.skl2onnx_converter.categories import category_texts
from mothernet_export.skl2onnx_converter.sources import Source, column_sources
from mothernet_export.skl2onnx_converter.spellings import boolean_words

Inputs = tuple[ChildNetwork, Value | None, Value | None]
AnyColumn = TypeVar("AnyColumn", NumericColumn, CategoricalColumn)


def graph_inputs(g: GraphBuilder, child: ChildNetwork, variables: Sequence[Any]) -> Inputs:
    """The child without what has no influence, its numbers (N, Fn) and texts (N, Fc), from skl2onnx's variables.

    Raises
    ------
    ValueError, TypeError
        If the variables are not the columns of the child, or a column's type cannot be read within a graph.
    """
    sources = column_sources(g, child, variables)
    used = tuple(column for column in child.columns if column.n_inputs)
    if not used:  # the graph asks for the number of rows only
        first = next(column for column in child.columns if not isinstance(column, IgnoredColumn))
        used = (NumericColumn(first.name, 0.0, (), False, rule=NumberRule(boolean=True)),)
    child = dataclasses.replace(child, columns=used)
    for column in used:
        _check_readable(column, sources[column.name])
    numeric = [(column, sources[column.name]) for column in child.numeric_columns]
    categorical = [(column, sources[column.name]) for column in child.categorical_columns]
    return child, _numbers(g, numeric) if numeric else None, _texts(g, categorical) if categorical else None


def _check_readable(column: Column, source: Source) -> None:
    if isinstance(column, CategoricalColumn):
        return
    assert isinstance(column, NumericColumn)
    if isinstance(column.rule, DateRule):
        raise TypeError(
            f"column {column.name!r} must not hold dates, for which skl2onnx has no type. Put numbers in their place "
            "before the fit (days, month, weekday), or write the classifier by mothernet_export.to_onnx, whose "
            "files take dates."
        )
    # a ColumnTransformer that passes texts through makes texts of numbers too, of eight digits, which can be read back
    is_plain = dataclasses.replace(column.rule, missing=()) == NumberRule() and not column.offset
    is_text = source.tensor.element_type == "string" and not column.rule.boolean
    if is_text and not (is_plain and source.tensor.is_computed):
        raise TypeError(
            f"column {column.name!r} must be numbers, as in the fit, however: input {source.tensor.name!r} holds texts."
            " Give skl2onnx a DataFrame, or initial_types with an input for each column, so that each keeps its type."
        )
    if column.offset and source.tensor.element_type == "float32":
        warnings.warn(
            f"column {column.name!r} has numbers that float32 cannot tell apart, and input {source.tensor.name!r} is "
            "float32: answers will differ from the classifier's. Pass it as float64 or int64.",
            stacklevel=2,
        )


def _numbers(g: GraphBuilder, columns: Sequence[tuple[NumericColumn, Source]]) -> Value:
    """Numbers less their offsets, float32 (N, Fn)."""

    def read(cells: Value, element_type: ElementType, alike: Sequence[NumericColumn]) -> Value:
        if element_type == "string" and _are_words(alike[0]):
            return g.operator("LabelEncoder", boolean_words(), ML_DOMAIN, x=cells)
        offsets = np.array([column.offset for column in alike])
        if not offsets.any():
            return cells if element_type == "float32" else g.as_float32(cells)
        doubles = cells if element_type == "float64" else g.cast(cells, "float64")
        return g.as_float32(g.sub(doubles, offsets))

    return _by_groups(g, columns, _are_words, read)


def _texts(g: GraphBuilder, columns: Sequence[tuple[CategoricalColumn, Source]]) -> Value:
    """Categories in the form that the child's graph compares, strings (N, Fc)."""

    def read(cells: Value, element_type: ElementType, alike: Sequence[CategoricalColumn]) -> Value:
        return category_texts(g, cells, element_type, alike)

    return _by_groups(g, columns, lambda column: column.rule, read)


def _are_words(column: NumericColumn) -> bool:
    return isinstance(column.rule, NumberRule) and column.rule.boolean


def _by_groups(
    g: GraphBuilder,
    columns: Sequence[tuple[AnyColumn, Source]],
    kind: Callable[[AnyColumn], Hashable],
    read: Callable[[Value, ElementType, Sequence[AnyColumn]], Value],
) -> Value:
    """The columns (N, columns), each read together with those of the same element type and kind."""
    keys = [(source.tensor.element_type, kind(column)) for column, source in columns]
    blocks, order = [], []
    for key in dict.fromkeys(keys):
        chosen = [i for i, each in enumerate(keys) if each == key]
        cells = _side_by_side(g, [columns[i][1] for i in chosen])
        blocks.append(read(cells, key[0], [columns[i][0] for i in chosen]))
        order += chosen
    return columns_of(g, g.concat(blocks, axis=1), np.argsort(order).tolist(), len(order))


def _side_by_side(g: GraphBuilder, sources: Sequence[Source]) -> Value:
    """The cells of columns of one type, (N, columns)."""
    tensors = list(dict.fromkeys(source.tensor for source in sources))
    starts = dict(zip(tensors, np.cumsum([0, *(tensor.n_columns for tensor in tensors)]).tolist(), strict=False))
    cells = g.concat([tensor.value for tensor in tensors], axis=1)
    index = [starts[source.tensor] + source.position for source in sources]
    return columns_of(g, cells, index, sum(tensor.n_columns for tensor in tensors))
