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
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

from mothernet.network.checkpoint import Checkpoint

__all__ = ["transformer_model"]

_OPSET, _IR_VERSION = 20, 9  # the first opset with Gelu
_EPSILON = 1e-5  # of torch's LayerNorm


class _Graph:
    """Operators in the order in which they are asked for. Operands are names or arrays, which become constants."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def add(
        self, op_type: str, *operands: str | npt.NDArray[Any], outputs: int = 1, domain: str = "", **attributes: Any
    ) -> Any:
        names = [operand if isinstance(operand, str) else self._constant(operand) for operand in operands]
        results = [f"v{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(op_type, names, results, domain=domain, **attributes))
        return results[0] if outputs == 1 else results

    def _constant(self, array: npt.NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), f"c{len(self.constants)}"))
        return self.constants[-1].name


def transformer_model(checkpoint: Checkpoint) -> bytes:
    """A serialised ONNX model.

    Inputs: ``value`` (S, F, 2) float32, standardised features and their normal scores; ``label`` (S,) int64, codes of
    the classes; ``code`` (F,) int64, codes of the columns; ``learned`` (1,) int64, L; ``size`` (3,) float32, logarithms
    of S, F and C as :meth:`.Hypernetwork._predict_penalties` scales them.

    Outputs: ``weight`` (L, F, 1 + M), ``bias`` (L,), ``setting`` (4,).
    """
    config, weights = checkpoint.config, checkpoint.weights
    g, E = _Graph(), config.embedding

    def linear(x: str, name: str) -> str:
        product: str = g.add("MatMul", x, weights[f"{name}.weight"].T)
        return g.add("Add", product, weights[f"{name}.bias"]) if f"{name}.bias" in weights else product

    def norm(x: str, name: str) -> str:
        scale, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        result: str = g.add("LayerNormalization", x, scale, bias, axis=-1, epsilon=_EPSILON)
        return result

    def part(x: str, start: int | str, end: int | str, axis: int) -> str:
        bounds = [bound if isinstance(bound, str) else np.array([bound]) for bound in (start, end)]
        result: str = g.add("Slice", x, *bounds, np.array([axis]))
        return result

    def attention(x: str, context: str, name: str) -> str:  # (*, L, E) and (*, M, E)
        both = g.add("MatMul", context, weights[f"{name}.key_value.weight"].T)
        mixed = g.add(
            "MultiHeadAttention",
            g.add("MatMul", x, weights[f"{name}.query.weight"].T),
            part(both, 0, E, 2),
            part(both, E, 2 * E, 2),
            domain="com.microsoft",
            num_heads=config.attention_heads,
        )
        result: str = g.add("MatMul", mixed, weights[f"{name}.out.weight"].T)
        return result

    def with_mlp(tokens: str, name: str) -> str:
        inner = g.add("Gelu", linear(norm(tokens, f"{name}.norms.2"), f"{name}.mlp.0"))
        result: str = g.add("Add", tokens, linear(inner, f"{name}.mlp.2"))
        return result

    def transposed(x: str) -> str:
        result: str = g.add("Transpose", x, perm=[1, 0, 2])
        return result

    n_rows = g.add("Shape", "value", start=0, end=1)  # (1,) S
    n_features = g.add("Shape", "value", start=1, end=2)  # (1,) F
    last, end = np.array([-1]), np.iinfo(np.int64).max

    value = g.add("Unsqueeze", "value", last)  # (S, F, 2, 1)
    angle = g.add("Mul", value, weights["frequency"])  # (S, F, 2, frequencies)
    waves = g.add("Concat", value, g.add("Sin", angle), g.add("Cos", angle), axis=-1)
    cells = linear(g.add("Reshape", waves, np.array([0, 0, -1])), "cell")  # (S, F, E)
    label = g.add("Unsqueeze", g.add("Gather", weights["label.weight"], "label"), np.array([1]))
    rows = g.add("Concat", cells, label, axis=1)  # (S, G, E)
    unit = g.add("Unsqueeze", g.add("Slice", weights["unit_cell"], np.array([0]), "learned"), np.array([1]))
    spread = g.add("Concat", np.array([1]), n_features, np.array([1]), axis=0)
    unit_label = g.add("Unsqueeze", g.add("Slice", weights["unit_label"], np.array([0]), "learned"), np.array([1]))
    units = g.add("Concat", g.add("Expand", unit, spread), unit_label, axis=1)  # (L, G, E)
    tokens = g.add("Concat", rows, units, axis=0)  # (T, G, E)

    for k in range(config.blocks):
        name = f"blocks.{k}"
        normed = norm(tokens, f"{name}.norms.0")
        tokens = g.add("Add", tokens, attention(normed, normed, f"{name}.across"))
        columns = transposed(norm(tokens, f"{name}.norms.1"))  # (G, T, E)
        context = part(columns, 0, n_rows, 1)  # (G, S, E)
        if k < config.blocks - 1:
            tokens = with_mlp(g.add("Add", tokens, transposed(attention(columns, context, f"{name}.down"))), name)
            continue
        # nobody reads the support rows' cells any more, but for their labels
        above = transposed(attention(part(columns, n_rows, end, 1), context, f"{name}.down"))
        units = with_mlp(g.add("Add", part(tokens, n_rows, end, 0), above), name)  # (L, G, E)
        labels = part(context, -1, end, 0)  # (1, S, E)
        above = transposed(attention(labels, labels, f"{name}.down"))
        labels = with_mlp(g.add("Add", part(part(tokens, 0, n_rows, 0), -1, end, 1), above), name)  # (S, 1, E)

    units, labels = norm(units, "norm"), norm(labels, "norm")
    cells = part(units, 0, -1, 1)  # (L, F, E)
    weight = linear(cells, "weight")  # (L, F, 1 + M)
    if config.column_codes:
        code = g.add("Gather", weights["column.weight"], "code")  # (F, E)
        alone = g.add("ReduceSum", g.add("Mul", cells, code), last, keepdims=1)  # (L, F, 1)
        weight = g.add("Concat", g.add("Add", part(weight, 0, 1, 2), alone), part(weight, 1, end, 2), axis=2)
    bias = g.add("Reshape", linear(part(units, -1, end, 1), "bias"), last)
    pooled = g.add("Reshape", g.add("ReduceMean", labels, np.array([0, 1])), last)
    setting = linear(g.add("Concat", pooled, "size", axis=0), "setting")
    for result, output in ((weight, "weight"), (bias, "bias"), (setting, "setting")):
        g.nodes.append(helper.make_node("Identity", [result], [output]))

    def info(name: str, element_type: int, shape: list[int | str]) -> Any:
        return helper.make_tensor_value_info(name, element_type, shape)

    inputs = [
        info("value", TensorProto.FLOAT, ["S", "F", 2]),
        info("label", TensorProto.INT64, ["S"]),
        info("code", TensorProto.INT64, ["F"]),
        info("learned", TensorProto.INT64, [1]),
        info("size", TensorProto.FLOAT, [3]),
    ]
    outputs = [
        info("weight", TensorProto.FLOAT, ["L", "F", 1 + config.ramps]),
        info("bias", TensorProto.FLOAT, ["L"]),
        info("setting", TensorProto.FLOAT, [4]),
    ]
    graph = helper.make_graph(g.nodes, "transformer", inputs, outputs, g.constants)
    imports = [helper.make_opsetid("", _OPSET), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=_IR_VERSION)
    serialised: bytes = model.SerializeToString()
    return serialised
