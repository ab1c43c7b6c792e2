"""The one graph writer: a child network as an ONNX graph of default-domain operators and, for strings, LabelEncoder.

Every operator here costs half a microsecond for one row, so a part is written only for a table that needs it. No file
is touched and no metadata written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from mothernet_export.child import CategoricalColumn, ChildNetwork, FloatArray, inverse_widths

LABEL_ENCODER_DOMAIN = "ai.onnx.ml"


def build_graph(child: ChildNetwork) -> GraphProto:
    """Write `child` as a flat graph, valid in every opset from 13.

    Inputs are `numeric` (float32 [N, Fn]) and `categorical` (string [N, Fc]), each only if the table has such columns;
    outputs are `label` ([N], int64 or string) and `probabilities` (float32 [N, C]).
    """
    g = _Graph()
    n_hidden, n_classes = child.width, len(child.classes)
    numeric = _numeric_inputs(g, child)
    summed_rows = _category_rows(g, child)
    if numeric is None and summed_rows is None:
        logits = _constant_logits(g, child)
    else:
        pre = summed_rows
        if numeric is not None:
            inputs, weight = numeric
            bias = summed_rows or g.constant("first_bias", child.first_bias)
            pre = g.op("Gemm", inputs, g.constant("first_weight", weight), bias, to="pre")
        assert pre is not None
        hidden, direct = "hidden_pre", "direct"
        sizes = g.constant("parts", np.array([n_hidden, n_classes], np.int64))
        g.node("Split", [pre, sizes], [hidden, direct], axis=1)
        hidden = g.op({"tanh": "Tanh", "relu": "Relu"}[child.activation], hidden, to="hidden")
        logits = g.op("Gemm", hidden, g.constant("output_weight", child.output_weight), direct, to="logits")
    g.op("Softmax", logits, axis=1, to="probabilities")
    _label(g, child)
    return g.finish(child)


class _Graph:
    """Nodes and constants under exact names, in the order in which they are asked for."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def node(self, op_type: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> None:
        self.nodes.append(helper.make_node(op_type, inputs, outputs, name=f"{op_type}_{outputs[0]}", **attributes))

    def op(self, op_type: str, *inputs: str, to: str, **attributes: Any) -> str:
        self.node(op_type, inputs, [to], **attributes)
        return to

    def constant(self, name: str, values: npt.NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def strings(self, name: str, values: Sequence[str]) -> str:
        encoded = [value.encode() for value in values]
        tensor = TensorProto(name=name, data_type=TensorProto.STRING, dims=[len(encoded)], string_data=encoded)
        self.constants.append(tensor)
        return name

    def finish(self, child: ChildNetwork) -> GraphProto:
        inputs: list[ValueInfoProto] = []
        if child.numeric_columns:
            n_columns = len(child.numeric_columns)
            inputs.append(helper.make_tensor_value_info("numeric", TensorProto.FLOAT, ["N", n_columns]))
        if child.categorical_columns:
            n_columns = len(child.categorical_columns)
            inputs.append(helper.make_tensor_value_info("categorical", TensorProto.STRING, ["N", n_columns]))
        label_type = TensorProto.INT64 if child.class_kind == "integer" else TensorProto.STRING
        outputs = [
            helper.make_tensor_value_info("label", label_type, ["N"]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(child.classes)]),
        ]
        return helper.make_graph(self.nodes, "mothernet_child", inputs, outputs, self.constants)


def _numeric_inputs(g: _Graph, child: ChildNetwork) -> tuple[str, FloatArray] | None:
    """Ramps and missing indicators of the numeric columns (N, P) and their weights (P, H + C), or None without any."""
    columns = child.numeric_columns
    n_ramps = [max(len(column.knots) - 1, 0) for column in columns]
    n_missing = [int(column.missing_indicator) for column in columns]
    if not any(n_ramps) and not any(n_missing):
        return None
    is_missing = g.op("IsNaN", "numeric", to="is_missing")  # (N, Fn)
    parts, weights = [], []
    if any(n_ramps):
        centres = g.constant("centres", np.array([column.centre for column in columns], np.float32))
        x = g.op("Where", is_missing, centres, "numeric", to="filled")  # (N, Fn)
        x, places = _spread(g, x, n_ramps, "ramp_columns")  # (N, P)
        low = [columns[i].knots[k] if k < n_ramps[i] else 0.0 for i, k in places]
        scales = [inverse_widths(column) for column in columns]
        scale = [scales[i][k] if k < n_ramps[i] else 1.0 for i, k in places]
        x = g.op("Sub", x, g.constant("knots", np.array(low, np.float32)), to="above_knot")
        x = g.op("Mul", x, g.constant("inverse_widths", np.array(scale, np.float32)), to="unclipped")
        zero, one = g.constant("zero", np.array(0, np.float32)), g.constant("one", np.array(1, np.float32))
        parts.append(g.op("Clip", x, zero, one, to="ramps"))
        weights.append(_placed(child.first_weight[: sum(n_ramps)], n_ramps, places))
    if any(n_missing):
        taken, places = _spread(g, is_missing, n_missing, "missing_columns")
        g.node("Cast", [taken], ["missing_indicators"], to=TensorProto.FLOAT)
        parts.append("missing_indicators")
        weights.append(_placed(child.first_weight[sum(n_ramps) : sum(n_ramps) + sum(n_missing)], n_missing, places))
    inputs = parts[0] if len(parts) == 1 else g.op("Concat", *parts, axis=1, to="first_inputs")
    return inputs, np.concatenate(weights)


def _spread(g: _Graph, x: str, counts: list[int], name: str) -> tuple[str, list[tuple[int, int]]]:
    """Give each column i of `x` the `counts[i]` places that it needs: (N, P), and (i, k) of each place.

    Gathering single numbers is the slowest step of a table with several ramps per column (62 % of the time for 1,000
    rows); whole copies of `x` side by side are nearly free. So unless most of them were useless, all columns get as
    many places as the greediest; places with k >= counts[i] then get no weight.
    """
    n_columns, n_copies = len(counts), max(counts)
    if n_copies * n_columns <= 2 * sum(counts):
        copies = x if n_copies == 1 else g.op("Concat", *[x] * n_copies, axis=1, to=f"taken_{name}")
        return copies, [(i, k) for k in range(n_copies) for i in range(n_columns)]
    places = [(i, k) for i in range(n_columns) for k in range(counts[i])]
    return _take_columns(g, x, [i for i, _ in places], n_columns, name), places


def _placed(weight: FloatArray, counts: list[int], places: list[tuple[int, int]]) -> FloatArray:
    """Rows of `weight`, stored column by column, in the order of `places`, and zeros where a place is not needed."""
    first = np.cumsum([0, *counts])
    padded = np.concatenate([weight, np.zeros_like(weight[:1])])
    return padded[[first[i] + k if k < counts[i] else -1 for i, k in places]]


def _category_rows(g: _Graph, child: ChildNetwork) -> str | None:
    """First bias plus the first-layer rows of all categorical cells, summed: (N, H + C), or None without such rows.

    One vocabulary serves all columns: a string becomes a multiple of the number of columns, the column's number is
    added, and a second LabelEncoder finds the row of that pair. Its size is the number of categories; a table of
    (vocabulary, columns) would be quadratic. Whatever it does not find is row 0, the same for all columns:
    u = (first bias + sum of the columns' rows of every other string) / columns. So a known category's row becomes
    row - (row of every other string in its column) + u, and the sum needs no further bias.
    """
    all_columns = child.categorical_columns
    used = [i for i, column in enumerate(all_columns) if column.categories]
    if not used:
        return None
    weight = child.first_weight.astype(np.float64)
    start = len(weight) - sum(column.n_rows for column in all_columns)
    others, known = [], []  # per used column: (H + C,), (categories, H + C)
    for i in used:
        stop = start + all_columns[i].n_rows
        known.append(weight[start : stop - 1])
        others.append(weight[stop - 1])
        start = stop
    unknown = (child.first_bias + np.sum(others, axis=0)) / len(used)  # u, (H + C,)
    rows = np.concatenate([unknown[None], *(k - o + unknown for k, o in zip(known, others, strict=True))])

    cells = _take_columns(g, "categorical", used, len(all_columns), "category_columns")  # (N, used)
    row = _row_numbers(g, cells, [all_columns[i] for i in used])
    cell_rows = g.op("Gather", g.constant("category_weight", rows.astype(np.float32)), row, to="category_rows")
    axis = g.constant("column_axis", np.array([1], np.int64))
    if len(used) == 1:
        return g.op("Squeeze", cell_rows, axis, to="categories")
    return g.op("ReduceSum", cell_rows, axis, keepdims=0, to="categories")


def _row_numbers(g: _Graph, cells: str, columns: list[CategoricalColumn]) -> str:
    """Row of `category_weight` for each cell, 0 for every other string; (N, columns) int64."""
    n_columns = len(columns)
    vocabulary = {text: 0 for column in columns for text in column.categories}
    for number, text in enumerate(vocabulary, start=1):
        vocabulary[text] = number * n_columns
    codes = _encode(g, cells, "code", keys_strings=list(vocabulary), values_int64s=list(vocabulary.values()))
    if n_columns == 1:
        return codes  # the code of the k-th category is k, its row
    numbers = g.constant("column_numbers", np.arange(n_columns, dtype=np.int64))
    pair = g.op("Add", codes, numbers, to="code_in_column")
    keys = [vocabulary[text] + c for c, column in enumerate(columns) for text in column.categories]
    return _encode(g, pair, "category_row", keys_int64s=keys, values_int64s=list(range(1, len(keys) + 1)))


def _encode(g: _Graph, cells: str, to: str, **table: Any) -> str:
    return g.op("LabelEncoder", cells, to=to, domain=LABEL_ENCODER_DOMAIN, default_int64=0, **table)


def _constant_logits(g: _Graph, child: ChildNetwork) -> str:
    """No column is used: the same row of logits, as often as the input has rows."""
    n_numeric, n_categorical = len(child.numeric_columns), len(child.categorical_columns)
    row = child.predict_logits(np.zeros((1, n_numeric), np.float32), np.full((1, n_categorical), "", object))
    shape = g.op("Shape", "numeric" if n_numeric else "categorical", to="input_shape")
    n_rows = g.op("Gather", shape, g.constant("first", np.array([0], np.int64)), to="n_rows")
    shape = g.op("Concat", n_rows, g.constant("single", np.array([1], np.int64)), axis=0, to="column_shape")
    return g.op("Expand", g.constant("constant_logits", row), shape, to="logits")


def _label(g: _Graph, child: ChildNetwork) -> None:
    classes = child.classes
    if child.class_kind == "integer" and classes == tuple(range(len(classes))):
        g.op("ArgMax", "probabilities", axis=1, keepdims=0, to="label")
        return
    best = g.op("ArgMax", "probabilities", axis=1, keepdims=0, to="best")
    if child.class_kind == "integer":
        names = g.constant("classes", np.array(classes, np.int64))
    else:
        names = g.strings("classes", [str(label) for label in classes])
    g.op("Gather", names, best, to="label")


def _take_columns(g: _Graph, x: str, columns: list[int], n_columns: int, name: str) -> str:
    if columns == list(range(n_columns)):
        return x
    return g.op("Gather", x, g.constant(name, np.array(columns, np.int64)), axis=1, to=f"taken_{name}")
