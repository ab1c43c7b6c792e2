"""The one graph writer: a child network as an ONNX graph of default-domain operators and a few of ai.onnx.ml.

Every operator costs half a microsecond for one row, so a part is written only for a table that needs it, and operators
are those that onnxruntime fuses: a table of numbers takes Imputer, Clip, two Gemm (each with its HardSigmoid) and a
LinearClassifier. No file is touched and no metadata written here.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from onnx import GraphProto

from mothernet_export.child import ChildNetwork
from mothernet_export.columns import FloatArray
from mothernet_export.onnx_writer.builder import GraphBuilder, Operand, Value
from mothernet_export.onnx_writer.core_layer import core_columns, core_layer, filled_cells
from mothernet_export.onnx_writer.first_layer import LARGEST, Layer, first_layer
from mothernet_export.quantization import SmallWeights
from mothernet_export.reference import predict_logits
from mothernet_export.target import ClassTarget, Target

Array = npt.NDArray[np.float64]

_MAX_SIZE = 256.0  # of direct outputs in the hidden layer, beyond which float32 rounds them by more than 2e-6
_MARGIN = 1e-3  # of the largest direct output, so that rounding clips none of them


class _Network(NamedTuple):
    """A child network of which all outputs pass through the hidden layer: M = H + C units, or M = C and none hidden."""

    first_weight: Array  # (D, M)
    first_bias: Array  # (M,)
    output_weight: Array  # (M, C)
    output_bias: Array  # (C,)
    bounded: bool = True  # or else the direct outputs are as they are, and the clip must not see them
    direct_size: float = 1.0  # by which the weights of the direct outputs are divided
    small: SmallWeights | None = None

    def stored(self, g: GraphBuilder, matrix: Array) -> Operand:
        """Rows of the first layer (n, M) as the file holds them."""
        if self.small is None:
            return matrix.astype(np.float32)
        M, C = self.output_weight.shape
        scales = self.small.scales / np.where(np.arange(M) < M - C, 1, self.direct_size)  # (M,)
        return g.scaled(np.rint(matrix / scales).astype(self.small.dtype), scales.astype(np.float32))


def build_graph(child: ChildNetwork, small: SmallWeights | None = None) -> GraphProto:
    """Write `child` as a flat graph, valid in every opset from 13.

    Inputs are `numeric` (float32 [N, Fn]) and `categorical` (string [N, Fc]), each only if the table has such columns;
    outputs are those of the child's target. With `small`, whose child is `child`, the matrices of the first layer are
    stored as whole numbers; onnxruntime multiplies them out when it loads the file, so a row costs the same.
    """
    g = GraphBuilder("mothernet_child")
    numeric = categorical = None
    if child.numeric_columns:
        numeric = g.input("numeric", "float32", ("N", len(child.numeric_columns)))
    if child.categorical_columns:
        categorical = g.input("categorical", "string", ("N", len(child.categorical_columns)))
    answers = child_answers(g, child, numeric, categorical, small)
    for value, output in zip(answers, child.target.graph_outputs, strict=True):
        g.output(value, output.name, output.element_type, output.shape)
    return g.finish()


def child_answers(
    g: GraphBuilder,
    child: ChildNetwork,
    numeric: Value | None,
    categorical: Value | None,
    small: SmallWeights | None = None,
) -> tuple[Value, ...]:
    """The answers of `child` in the order of its target's outputs, from float32 (N, Fn) and strings (N, Fc)."""
    network = _bounded(child, small)
    stored = partial(network.stored, g)
    layer = first_layer(g, child, network.first_weight, network.first_bias, numeric, categorical, stored)
    if layer.inputs is None and not isinstance(layer.offset, Value):  # no column is used
        x: Value = _constant_logits(g, child, (numeric, categorical))
        weight, bias = np.eye(child.target.n_outputs), np.zeros(child.target.n_outputs)
    else:
        x, weight, bias = _last_layer(g, child, network, layer)
    return target_answers(g, child.target, x, weight.astype(np.float32), bias.astype(np.float32))


class _CoreBuilder(GraphBuilder):
    """Around what OpenVINO 2026.4 does: it takes a HardSigmoid's beta of 0 for 0.5, and (x - a) * b for x * b - a * b,
    which rounds at the size of x, unless there is an operator between the two. What it gathers of int8 times scales
    is wrong and corrupts its memory, unless there is one before Gather."""

    def clip_unit(self, x: Operand) -> Value:
        return self.clip(x, np.float32(0), np.float32(1))

    def ramp(self, x: Operand, low: Operand, inverse_width: Operand) -> Value:
        return self.clip_unit(self.mul(self.relu(self.sub(x, low)), inverse_width))

    def scaled(self, whole: Operand, scales: Operand) -> Value:
        return self.clip(super().scaled(whole, scales), -LARGEST, LARGEST)


def build_core(child: ChildNetwork, small: SmallWeights | None = None) -> GraphProto:
    """Write `child` as a flat graph of default-domain operators, numbers in and numbers out, valid from opset 13.

    The input is `numbers` (float32 [N, F]), categories as codes; outputs are `class_index` (int64 [N]) and
    `probabilities` (float32 [N, C]). `small` as for `build_graph`.
    """
    if not isinstance(child.target, ClassTarget):
        raise TypeError(f"the numeric core must know the target, however: {type(child.target).__name__}")
    g = _CoreBuilder("mothernet_core")
    F, C = len(core_columns(child)), child.target.n_outputs
    numbers = g.input("numbers", "float32", ("N", F))

    if any(column.n_inputs for column in child.columns):
        network = _bounded(child, small)
        layer = core_layer(g, child, network.first_weight, network.first_bias, numbers, partial(network.stored, g))
        x, weight, bias = _last_layer(g, child, network, layer)
    else:
        x = g.clip(filled_cells(g, child, numbers), np.float32(0), np.float32(0))
        weight, bias = np.zeros((F, C)), _logits_of_any_row(child).astype(np.float64)
    probabilities = g.softmax(g.gemm(x, weight.astype(np.float32), bias.astype(np.float32)))
    g.output(g.arg_max(probabilities), "class_index", "int64", ("N",))
    g.output(probabilities, "probabilities", "float32", ("N", C))
    return g.finish()


def _last_layer(g: GraphBuilder, child: ChildNetwork, network: _Network, layer: Layer) -> tuple[Value, Array, Array]:
    """What the outputs of the network are a linear map of (N, K), and that map: (K, C) and (C,)."""
    C = child.target.n_outputs
    if child.width and network.bounded:
        return g.clip_unit(_summed(g, network, layer)), network.output_weight, network.output_bias
    if child.width:
        pre = _summed(g, network, layer)
        direct = g.gemm(pre, np.eye(child.width + C, C, -child.width, np.float32), np.zeros(C, np.float32))
        x = g.gemm(g.clip_unit(pre), network.output_weight.astype(np.float32), direct)
        return x, np.eye(C), network.output_bias
    if network.small is None and layer.inputs is not None and not isinstance(layer.offset, Value):
        return layer.inputs, layer.weight, layer.offset
    return _summed(g, network, layer), network.output_weight, network.output_bias


def _summed(g: GraphBuilder, network: _Network, layer: Layer) -> Value:
    """``inputs @ weight + offset``, (N, M)."""
    if layer.inputs is None:
        assert isinstance(layer.offset, Value)
        return layer.offset
    offset = layer.offset if isinstance(layer.offset, Value) else layer.offset.astype(np.float32)
    return g.gemm(layer.inputs, network.stored(g, layer.weight), offset)


def _bounded(child: ChildNetwork, small: SmallWeights | None) -> _Network:
    """The direct outputs as further hidden units: they are bounded, so after scaling the clip changes none of them.

    That is one operator less than adding them to what the hidden units give. The scale is a power of two, so that
    nothing is rounded that was not before, and equal logits stay equal.
    """
    H, C = child.width, child.target.n_outputs
    first, bias, output = (
        each.astype(np.float64) for each in (child.first_weight, child.first_bias, child.output_weight)
    )
    if not H:
        return _Network(first, bias, np.eye(C), np.zeros(C), small=small)
    size = _size_of_direct_outputs(child, first[:, H:], bias[H:])
    if size > _MAX_SIZE:
        output = np.concatenate([output, np.zeros((C, C))])
        return _Network(first, bias, output, np.zeros(C), bounded=False, small=small)
    first[:, H:] /= size
    bias[H:] = bias[H:] / size + 0.5
    return _Network(first, bias, np.concatenate([output, size * np.eye(C)]), np.full(C, -size / 2), True, size, small)


def _size_of_direct_outputs(child: ChildNetwork, weight: Array, bias: Array) -> float:
    """A power of two, more than twice any direct output that the weights (D, C) and biases (C,) give for any row."""
    low, high = bias, bias
    nothing = np.zeros((1, weight.shape[1]))
    start = 0
    sums = []  # for each column or indicator, all sums of weights that it may contribute
    for column in child.numeric_columns:
        # a cell lies on one ramp, those before it are at 1 and those after it at 0
        sums.append(np.cumsum(np.concatenate([nothing, weight[start : start + column.n_ramps]]), axis=0))
        start += column.n_ramps
    for column in child.numeric_columns:
        if column.missing_indicator:
            sums.append(np.concatenate([nothing, weight[start : start + 1]]))
            start += 1
    for categories in child.categorical_columns:
        if categories.categories:
            sums.append(weight[start : start + categories.n_inputs])
            start += categories.n_inputs
    for each in sums:
        low, high = low + each.min(axis=0), high + each.max(axis=0)
    largest = float(np.maximum(np.abs(low), np.abs(high)).max())
    return float(2.0 ** np.ceil(np.log2(2 * (1 + _MARGIN) * max(largest, 2.0**-20))))


def _constant_logits(g: GraphBuilder, child: ChildNetwork, inputs: tuple[Value | None, ...]) -> Value:
    """No column is used: the same row of logits, as often as the input has rows; (N, C)."""
    first = next(value for value in inputs if value is not None)
    n_rows = g.gather(g.shape(first), np.array([0], np.int64))
    return g.expand(_logits_of_any_row(child)[None], g.concat([n_rows, np.array([1], np.int64)], axis=0))


def _logits_of_any_row(child: ChildNetwork) -> FloatArray:
    n_numeric, n_categorical = len(child.numeric_columns), len(child.categorical_columns)
    row = predict_logits(child, np.zeros((1, n_numeric)), np.full((1, n_categorical), "", object))
    return row.ravel()  # (C,)


def target_answers(
    g: GraphBuilder, target: Target, x: Value, weight: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]
) -> tuple[Value, ...]:
    """The answers of a target, in the order of `target.graph_outputs`; the network's outputs are x @ weight + bias.

    The one function of the writer that depends on what is predicted.
    """
    if isinstance(target, ClassTarget):
        return g.linear_classifier(x, weight, bias, target.labels)
    raise TypeError(f"the ONNX writer must know the target, however: {type(target).__name__}")
