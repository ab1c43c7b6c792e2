"""The one graph writer: a child network as an ONNX graph of default-domain operators and, for strings, LabelEncoder.

Every operator here costs half a microsecond for one row, so a part is written only for a table that needs it. No file
is touched and no metadata written here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from onnx import GraphProto

from mothernet_export.child import ChildNetwork
from mothernet_export.onnx_writer.builder import GraphBuilder, Value
from mothernet_export.onnx_writer.first_layer import category_sums, numeric_inputs
from mothernet_export.reference import predict_logits
from mothernet_export.target import ClassTarget, Target


def build_graph(child: ChildNetwork) -> GraphProto:
    """Write `child` as a flat graph, valid in every opset from 13.

    Inputs are `numeric` (float32 [N, Fn]) and `categorical` (string [N, Fc]), each only if the table has such columns;
    outputs are those of the child's target.
    """
    g = GraphBuilder("mothernet_child")
    inputs = {}
    if child.numeric_columns:
        inputs["numeric"] = g.input("numeric", "float32", ("N", len(child.numeric_columns)))
    if child.categorical_columns:
        inputs["categorical"] = g.input("categorical", "string", ("N", len(child.categorical_columns)))

    pre = _first_layer(g, child, inputs)
    logits = _constant_logits(g, child, inputs) if pre is None else _output_layer(g, child, pre)
    answers = target_answers(g, child.target, logits)
    for value, output in zip(answers, child.target.graph_outputs, strict=True):
        g.output(value, output.name, output.element_type, output.shape)
    return g.finish()


def _first_layer(g: GraphBuilder, child: ChildNetwork, inputs: Mapping[str, Value]) -> Value | None:
    """``first_inputs @ first_weight + first_bias``, (N, H + C), or None if no column is used."""
    first_inputs = sums = None
    if any(column.n_inputs for column in child.numeric_columns):
        first_inputs = numeric_inputs(g, inputs["numeric"], child)
    if any(column.n_inputs for column in child.categorical_columns):
        sums = category_sums(g, inputs["categorical"], child)
    if first_inputs is None:
        return sums
    x, weight = first_inputs
    return g.gemm(x, weight, child.first_bias if sums is None else sums)


def _output_layer(g: GraphBuilder, child: ChildNetwork, pre: Value) -> Value:
    """``activation(pre[:, :H]) @ output_weight + pre[:, H:]``, (N, C)."""
    hidden, direct = g.split(pre, [child.width, child.target.n_outputs], axis=1)
    activate = {"tanh": g.tanh, "relu": g.relu}[child.activation]
    return g.gemm(activate(hidden), child.output_weight, direct)


def _constant_logits(g: GraphBuilder, child: ChildNetwork, inputs: Mapping[str, Value]) -> Value:
    """No column is used: the same row of logits, as often as the input has rows; (N, C)."""
    n_numeric, n_categorical = len(child.numeric_columns), len(child.categorical_columns)
    row = predict_logits(child, np.zeros((1, n_numeric), np.float32), np.full((1, n_categorical), "", object))
    n_rows = g.gather(g.shape(next(iter(inputs.values()))), np.array([0], np.int64))
    return g.expand(row, g.concat([n_rows, np.array([1], np.int64)], axis=0))


def target_answers(g: GraphBuilder, target: Target, outputs: Value) -> tuple[Value, ...]:
    """The answers of a target from the network's outputs (N, C), in the order of `target.graph_outputs`.

    The one function of the writer that depends on what is predicted.
    """
    if isinstance(target, ClassTarget):
        probabilities = g.softmax(outputs, axis=1)
        return _label(g, target, probabilities), probabilities
    raise TypeError(f"the ONNX writer must know the target, however: {type(target).__name__}")


def _label(g: GraphBuilder, target: ClassTarget, probabilities: Value) -> Value:
    """The label of the largest probability; (N,)."""
    best = g.arg_max(probabilities, axis=1)
    if target.labels == tuple(range(target.n_outputs)):
        return best
    return g.gather(np.array(target.labels, np.int64 if target.label_type == "integer" else object), best)
