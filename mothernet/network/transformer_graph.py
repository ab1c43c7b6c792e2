"""The transformer of the hypernetwork as an ONNX graph, for onnxruntime: what :class:`.hypernetwork.Hypernetwork` does
with weights, for one table and without torch.

It is made from a checkpoint when one is loaded, so there is no second file to keep in step. Numbers of rows, features,
classes and units are free.

Axis letters: S support rows, F features, G = F + 1 columns of tokens, M ramps per feature, L learned units, E
embedding, T = S + L rows of tokens.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mothernet_export.onnx_writer.builder import GraphBuilder, Operand, Value
from onnx import helper

from mothernet.network.checkpoint import Checkpoint

__all__ = ["transformer_model"]

_OPSET, _IR_VERSION = 20, 9  # the first opset with Gelu
_EPSILON = 1e-5  # of torch's LayerNorm


def transformer_model(checkpoint: Checkpoint) -> bytes:
    """A serialised ONNX model.

    Inputs: ``value`` (S, F, 2) float32, standardised features and their normal scores; ``label`` (S,) int64, codes of
    the classes; ``code`` (F,) int64, codes of the columns; ``learned`` (1,) int64, L; ``size`` (3,) float32, logarithms
    of S, F and C as :meth:`.Hypernetwork._predict_penalties` scales them.

    Outputs: ``weight`` (L, F, 1 + M), ``bias`` (L,), ``setting`` (4,).
    """
    config, weights = checkpoint.config, checkpoint.weights
    g = GraphBuilder("transformer")

    def add(op_type: str, *operands: Operand, domain: str = "", **attributes: Any) -> Value:
        return g.operator(op_type, attributes, domain, **{f"operand_{k}": each for k, each in enumerate(operands)})

    def linear(x: Value, name: str) -> Value:
        product = add("MatMul", x, weights[f"{name}.weight"].T)
        return add("Add", product, weights[f"{name}.bias"]) if f"{name}.bias" in weights else product

    def norm(x: Value, name: str) -> Value:
        scale, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return add("LayerNormalization", x, scale, bias, axis=-1, epsilon=_EPSILON)

    def part(x: Value, start: int | Value, end: int | Value, axis: int) -> Value:
        bounds = [bound if isinstance(bound, Value) else np.array([bound]) for bound in (start, end)]
        return add("Slice", x, *bounds, np.array([axis]))

    def attention(x: Value, context: Value, name: str) -> Value:  # (*, L, E) and (*, M, E)
        key, value = np.split(weights[f"{name}.key_value.weight"], 2)
        projected = [
            add("MatMul", *pair)
            for pair in ((x, weights[f"{name}.query.weight"].T), (context, key.T), (context, value.T))
        ]
        heads = config.attention_heads
        mixed = add("MultiHeadAttention", *projected, domain="com.microsoft", num_heads=heads)
        return add("MatMul", mixed, weights[f"{name}.out.weight"].T)

    def with_mlp(tokens: Value, name: str) -> Value:
        inner = add("Gelu", linear(norm(tokens, f"{name}.norms.2"), f"{name}.mlp.0"))
        return add("Add", tokens, linear(inner, f"{name}.mlp.2"))

    def transposed(x: Value) -> Value:
        return add("Transpose", x, perm=[1, 0, 2])

    given = g.input("value", "float32", ("S", "F", 2))
    classes, codes = g.input("label", "int64", ("S",)), g.input("code", "int64", ("F",))
    learned, size = g.input("learned", "int64", (1,)), g.input("size", "float32", (3,))
    n_rows = add("Shape", given, start=0, end=1)  # (1,) S
    n_features = add("Shape", given, start=1, end=2)  # (1,) F
    last, end = np.array([-1]), np.iinfo(np.int64).max

    value = add("Unsqueeze", given, last)  # (S, F, 2, 1)
    angle = add("Mul", value, weights["frequency"])  # (S, F, 2, frequencies)
    waves = add("Concat", value, add("Sin", angle), add("Cos", angle), axis=-1)
    cells = linear(add("Reshape", waves, np.array([0, 0, -1])), "cell")  # (S, F, E)
    label = add("Unsqueeze", add("Gather", weights["label.weight"], classes), np.array([1]))
    rows = add("Concat", cells, label, axis=1)  # (S, G, E)
    unit = add("Unsqueeze", add("Slice", weights["unit_cell"], np.array([0]), learned), np.array([1]))
    spread = add("Concat", np.array([1]), n_features, np.array([1]), axis=0)
    unit_label = add("Unsqueeze", add("Slice", weights["unit_label"], np.array([0]), learned), np.array([1]))
    units = add("Concat", add("Expand", unit, spread), unit_label, axis=1)  # (L, G, E)
    tokens = add("Concat", rows, units, axis=0)  # (T, G, E)

    for k in range(config.blocks):
        name = f"blocks.{k}"
        normed = norm(tokens, f"{name}.norms.0")
        tokens = add("Add", tokens, attention(normed, normed, f"{name}.across"))
        columns = transposed(norm(tokens, f"{name}.norms.1"))  # (G, T, E)
        context = part(columns, 0, n_rows, 1)  # (G, S, E)
        if k < config.blocks - 1:
            tokens = with_mlp(add("Add", tokens, transposed(attention(columns, context, f"{name}.down"))), name)
            continue
        # nobody reads the support rows' cells any more, but for their labels
        above = transposed(attention(part(columns, n_rows, end, 1), context, f"{name}.down"))
        units = with_mlp(add("Add", part(tokens, n_rows, end, 0), above), name)  # (L, G, E)
        labels = part(context, -1, end, 0)  # (1, S, E)
        above = transposed(attention(labels, labels, f"{name}.down"))
        labels = with_mlp(add("Add", part(part(tokens, 0, n_rows, 0), -1, end, 1), above), name)  # (S, 1, E)

    units, labels = norm(units, "norm"), norm(labels, "norm")
    cells = part(units, 0, -1, 1)  # (L, F, E)
    weight = linear(cells, "weight")  # (L, F, 1 + M)
    if config.column_codes:
        code = add("Gather", weights["column.weight"], codes)  # (F, E)
        alone = add("ReduceSum", add("Mul", cells, code), last, keepdims=1)  # (L, F, 1)
        weight = add("Concat", add("Add", part(weight, 0, 1, 2), alone), part(weight, 1, end, 2), axis=2)
    bias = add("Reshape", linear(part(units, -1, end, 1), "bias"), last)
    pooled = add("Reshape", add("ReduceMean", labels, np.array([0, 1])), last)
    setting = linear(add("Concat", pooled, size, axis=0), "setting")
    g.output(weight, "weight", "float32", ("L", "F", 1 + config.ramps))
    g.output(bias, "bias", "float32", ("L",))
    g.output(setting, "setting", "float32", (4,))
    imports = [helper.make_opsetid("", _OPSET), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(g.finish(), opset_imports=imports, ir_version=_IR_VERSION)
    serialised: bytes = model.SerializeToString()
    return serialised
