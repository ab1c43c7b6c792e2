"""A small builder of ONNX graphs, so that graph code reads as mathematics: ``g.mul(g.sub(x, knots), scale)``.

A method adds one operator and returns its result. Operands are such results, or NumPy arrays, which become constants.
Names come by themselves. Only operators that our graphs use are here, in a form that is valid in every opset from 13;
what the graphs compute does not belong here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

ElementType = Literal[
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "bool",
    "string",
]
ML_DOMAIN = "ai.onnx.ml"
ML_OPSET = 2  # LabelEncoder has been as it is used here since then, which every runtime knows

ELEMENT_TYPES: dict[ElementType, int] = {
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int8": TensorProto.INT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8,
    "uint16": TensorProto.UINT16,
    "uint32": TensorProto.UINT32,
    "uint64": TensorProto.UINT64,
    "bool": TensorProto.BOOL,
    "string": TensorProto.STRING,
}


class Value:
    """A tensor of the graph: an input or the result of an operator."""


Operand = Value | npt.NDArray[Any] | np.generic


@dataclass(frozen=True)
class _Node:
    op_type: str
    inputs: Mapping[str, Operand]  # in order; a constant is named after its key
    outputs: tuple[Value, ...]
    domain: str
    attributes: Mapping[str, Any]


class GraphBuilder:
    """An ONNX graph in the making: operators in the order in which they are asked for.

    Parameters
    ----------
    name : str
        Of the graph.
    float64 : bool
        Whether constants may be float64, which no file of ours holds; or else one is an error.

    Examples
    --------
    >>> g = GraphBuilder("line")
    >>> x = g.input("x", "float32", ("N", 2))
    >>> y = g.add(g.mul(x, np.array([2, 3], np.float32)), np.float32(1))
    >>> g.output(y, "y", "float32", ("N", 2))
    >>> graph = g.finish()
    >>> [node.name for node in graph.node], [constant.name for constant in graph.initializer]
    (['mul', 'y'], ['mul_b', 'y_b'])
    """

    def __init__(self, name: str, *, float64: bool = False) -> None:
        self._name = name
        self._constant_types = (np.float32, np.float16, np.int8, np.int64, *((np.float64,) if float64 else ()))
        self._names: dict[Value, str] = {}  # of inputs and outputs; all others get theirs at the end
        self._nodes: list[_Node] = []
        self._inputs: list[ValueInfoProto] = []
        self._outputs: list[ValueInfoProto] = []
        self._typed: dict[Value, tuple[ElementType, Sequence[int | str]]] = {}  # results that onnx cannot infer

    def input(self, name: str, element_type: ElementType, shape: Sequence[int | str]) -> Value:
        """Declare an input of the graph; a string in `shape` is a symbolic dimension."""
        self._inputs.append(helper.make_tensor_value_info(name, ELEMENT_TYPES[element_type], shape))
        value = Value()
        self._names[value] = name
        return value

    def output(self, value: Value, name: str, element_type: ElementType, shape: Sequence[int | str]) -> None:
        """Declare the result of an operator as an output of the graph, under this name."""
        assert value not in self._names, "an input or output already"
        self._outputs.append(helper.make_tensor_value_info(name, ELEMENT_TYPES[element_type], shape))
        self._names[value] = name

    def finish(self) -> GraphProto:
        """The graph. Results and constants are named after their operators, and numbered from the second on."""
        names, taken = dict(self._names), set(self._names.values())

        def unique(stem: str) -> str:
            name, number = stem, 1
            while name in taken:
                number += 1
                name = f"{stem}_{number}"
            taken.add(name)
            return name

        nodes: list[NodeProto] = []
        constants: list[TensorProto] = []
        for node in self._nodes:
            name = names.get(node.outputs[0]) or unique(_snake_case(node.op_type))
            for number, value in enumerate(node.outputs):
                if value not in names:
                    names[value] = name if len(node.outputs) == 1 else unique(f"{name}_{number}")
            inputs = []
            for role, operand in node.inputs.items():
                if isinstance(operand, Value):
                    inputs.append(names[operand])
                else:
                    constants.append(self._constant(operand, unique(f"{name}_{role}")))
                    inputs.append(constants[-1].name)
            outputs = [names[value] for value in node.outputs]
            made = helper.make_node(node.op_type, inputs, outputs, name, domain=node.domain or None, **node.attributes)
            nodes.append(made)
        typed = [
            helper.make_tensor_value_info(names[value], ELEMENT_TYPES[element_type], shape)
            for value, (element_type, shape) in self._typed.items()
        ]
        return helper.make_graph(nodes, self._name, self._inputs, self._outputs, constants, value_info=typed)

    # operators, element by element (operands broadcast as in NumPy)

    def add(self, a: Operand, b: Operand) -> Value:
        """``a + b``."""
        return self.operator("Add", a=a, b=b)

    def sub(self, a: Operand, b: Operand) -> Value:
        """``a - b``."""
        return self.operator("Sub", a=a, b=b)

    def mul(self, a: Operand, b: Operand) -> Value:
        """``a * b``."""
        return self.operator("Mul", a=a, b=b)

    def clip(self, x: Operand, low: Operand, high: Operand) -> Value:
        """``min(max(x, low), high)``; the bounds are scalars."""
        return self.operator("Clip", x=x, low=low, high=high)

    def clip_unit(self, x: Operand) -> Value:
        """``min(max(x, 0), 1)``: HardSigmoid, which onnxruntime computes within the Gemm before it."""
        return self.operator("HardSigmoid", {"alpha": 1.0, "beta": 0.0}, x=x)

    def ramp(self, x: Operand, low: Operand, inverse_width: Operand) -> Value:
        """``clip((x - low) * inverse_width, 0, 1)``, rounded after every step."""
        return self.clip_unit(self.mul(self.sub(x, low), inverse_width))

    def scaled(self, whole: Operand, scales: Operand) -> Value:
        """Whole numbers of any type times scales; of constants onnxruntime does it once, when it loads."""
        return self.mul(self.as_float32(whole), scales)

    def relu(self, x: Operand) -> Value:
        """``max(x, 0)``."""
        return self.operator("Relu", x=x)

    def is_nan(self, x: Operand) -> Value:
        """Whether `x` is NaN, as booleans."""
        return self.operator("IsNaN", x=x)

    def minimum(self, a: Operand, b: Operand) -> Value:
        """The smaller of both."""
        return self.operator("Min", a=a, b=b)

    def maximum(self, a: Operand, b: Operand) -> Value:
        """The larger of both."""
        return self.operator("Max", a=a, b=b)

    def as_float32(self, x: Operand) -> Value:
        """Numbers or booleans as float32; of a constant, which is then stored as it is, onnxruntime does it once."""
        return self.cast(x, "float32")

    def cast(self, x: Operand, element_type: ElementType) -> Value:
        """Numbers or booleans as another type; float32 as integers towards zero."""
        return self.operator("Cast", {"to": ELEMENT_TYPES[element_type]}, x=x)

    def where(self, condition: Operand, a: Operand, b: Operand) -> Value:
        """`a` where the condition is true, else `b`."""
        return self.operator("Where", condition=condition, a=a, b=b)

    def imputer(self, x: Operand, values: Sequence[float]) -> Value:
        """`x` (N, F) with the value of its column in place of each NaN."""
        attributes = {"imputed_value_floats": list(values), "replaced_value_float": float("nan")}
        result = self.operator("Imputer", attributes, ML_DOMAIN, x=x)
        self._typed[result] = "float32", ("N", len(values))
        return result

    def label_encoder(
        self, x: Operand, table: Mapping[str, int] | Mapping[int, int], default: int, *, as_floats: bool = False
    ) -> Value:
        """The number that `table` holds for each string or int64 of `x`, or `default`: int64, or float32 if asked."""
        keys = "keys_strings" if isinstance(next(iter(table)), str) else "keys_int64s"
        attributes: dict[str, Any] = {keys: list(table)}
        if as_floats:
            attributes |= {"values_floats": list(map(float, table.values())), "default_float": float(default)}
        else:
            attributes |= {"values_int64s": list(table.values()), "default_int64": default}
        return self.operator("LabelEncoder", attributes, ML_DOMAIN, x=x)

    def linear_classifier(
        self, x: Operand, weight: npt.NDArray[Any], bias: npt.NDArray[Any], labels: Sequence[int] | Sequence[str]
    ) -> tuple[Value, Value]:
        """The label of the largest of ``x @ weight + bias`` (N,) and their softmax (N, C)."""
        results = Value(), Value()
        attributes = {
            "coefficients": weight.T.ravel().tolist(),
            "intercepts": bias.tolist(),
            "classlabels_strings" if isinstance(labels[0], str) else "classlabels_ints": list(labels),
            "post_transform": "SOFTMAX",
        }
        self._nodes.append(_Node("LinearClassifier", {"x": x}, results, ML_DOMAIN, attributes))
        return results

    # operators on rows, columns and shapes

    def gemm(self, a: Operand, b: Operand, c: Operand, *, transposed: bool = False) -> Value:
        """``a @ b + c``, or ``a @ b.T + c``."""
        return self.operator("Gemm", {"transB": 1} if transposed else {}, a=a, b=b, c=c)

    def softmax(self, x: Operand) -> Value:
        """The softmax of each row (N, C)."""
        return self.operator("Softmax", {"axis": 1}, x=x)

    def arg_max(self, x: Operand) -> Value:
        """Position of the first largest number of each row (N,), int64."""
        return self.operator("ArgMax", {"axis": 1, "keepdims": 0}, x=x)

    def one_hot(self, index: npt.NDArray[np.int64], depth: int) -> Value:
        """Rows of float32 zeros, `depth` long, with a one at each index."""
        return self.operator("OneHot", index=index, depth=np.int64(depth), values=np.array([0, 1], np.float32))

    def sum(self, parts: Sequence[Operand]) -> Value:
        """All parts added; a result alone is itself."""
        if len(parts) == 1 and isinstance(parts[0], Value):
            return parts[0]
        return self.operator("Sum", **{f"part_{i}": part for i, part in enumerate(parts)})

    def concat(self, parts: Sequence[Operand], axis: int) -> Value:
        """All parts one after the other along the axis; a result alone is itself."""
        if len(parts) == 1 and isinstance(parts[0], Value):
            return parts[0]
        return self.operator("Concat", {"axis": axis}, **{f"part_{i}": part for i, part in enumerate(parts)})

    def gather(self, data: Operand, indices: Operand, axis: int = 0) -> Value:
        """``numpy.take(data, indices, axis)``."""
        return self.operator("Gather", {"axis": axis} if axis else {}, data=data, indices=indices)

    def shape(self, x: Operand) -> Value:
        """The shape of `x`, int64."""
        return self.operator("Shape", x=x)

    def expand(self, x: Operand, shape: Operand) -> Value:
        """``numpy.broadcast_to``, except that a dimension may be 1 in `shape` and longer in `x`."""
        return self.operator("Expand", x=x, shape=shape)

    def operator(
        self, op_type: str, attributes: Mapping[str, Any] | None = None, domain: str = "", /, **inputs: Operand
    ) -> Value:
        """Any operator of one result, for graphs that use others than those above; inputs in order, by their roles."""
        result = Value()
        self._nodes.append(_Node(op_type, inputs, (result,), domain, attributes or {}))
        return result

    def _constant(self, values: npt.NDArray[Any] | np.generic, name: str) -> TensorProto:
        array = np.asarray(values)
        if array.dtype.kind in "OU":
            encoded = [text.encode() for text in array.ravel().tolist()]
            return TensorProto(name=name, data_type=TensorProto.STRING, dims=array.shape, string_data=encoded)
        if array.dtype not in self._constant_types:
            known = "float32, float16, int8, int64 or strings"
            raise TypeError(f"constants must be {known}, however: {array.dtype} for {name!r}. Cast them.")
        return numpy_helper.from_array(array, name)


def _snake_case(op_type: str) -> str:
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", op_type.replace("NaN", "Nan")).lower()
