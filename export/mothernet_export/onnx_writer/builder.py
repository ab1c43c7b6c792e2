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

ElementType = Literal["float32", "int64", "string"]
ML_DOMAIN = "ai.onnx.ml"

_ELEMENT_TYPES: dict[ElementType, int] = {
    "float32": TensorProto.FLOAT,
    "int64": TensorProto.INT64,
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

    def __init__(self, name: str) -> None:
        self._name = name
        self._names: dict[Value, str] = {}  # of inputs and outputs; all others get theirs at the end
        self._nodes: list[_Node] = []
        self._inputs: list[ValueInfoProto] = []
        self._outputs: list[ValueInfoProto] = []

    def input(self, name: str, element_type: ElementType, shape: Sequence[int | str]) -> Value:
        """Declare an input of the graph; a string in `shape` is a symbolic dimension."""
        self._inputs.append(helper.make_tensor_value_info(name, _ELEMENT_TYPES[element_type], shape))
        value = Value()
        self._names[value] = name
        return value

    def output(self, value: Value, name: str, element_type: ElementType, shape: Sequence[int | str]) -> None:
        """Declare the result of an operator as an output of the graph, under this name."""
        assert value not in self._names, "an input or output already"
        self._outputs.append(helper.make_tensor_value_info(name, _ELEMENT_TYPES[element_type], shape))
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
                    constants.append(_constant(operand, unique(f"{name}_{role}")))
                    inputs.append(constants[-1].name)
            outputs = [names[value] for value in node.outputs]
            made = helper.make_node(node.op_type, inputs, outputs, name, domain=node.domain or None, **node.attributes)
            nodes.append(made)
        return helper.make_graph(nodes, self._name, self._inputs, self._outputs, constants)

    # operators, element by element (operands broadcast as in NumPy)

    def add(self, a: Operand, b: Operand) -> Value:
        """``a + b``."""
        return self._op("Add", a=a, b=b)

    def sub(self, a: Operand, b: Operand) -> Value:
        """``a - b``."""
        return self._op("Sub", a=a, b=b)

    def mul(self, a: Operand, b: Operand) -> Value:
        """``a * b``."""
        return self._op("Mul", a=a, b=b)

    def clip(self, x: Operand, low: Operand, high: Operand) -> Value:
        """``min(max(x, low), high)``; the bounds are scalars."""
        return self._op("Clip", x=x, low=low, high=high)

    def is_nan(self, x: Operand) -> Value:
        """Whether `x` is NaN, as booleans."""
        return self._op("IsNaN", x=x)

    def where(self, condition: Operand, x: Operand, y: Operand) -> Value:
        """`x` where the condition holds, `y` elsewhere."""
        return self._op("Where", condition=condition, x=x, y=y)

    def tanh(self, x: Operand) -> Value:
        """Hyperbolic tangent."""
        return self._op("Tanh", x=x)

    def relu(self, x: Operand) -> Value:
        """``max(x, 0)``."""
        return self._op("Relu", x=x)

    def as_float32(self, x: Operand) -> Value:
        """Numbers or booleans as float32."""
        return self._op("Cast", {"to": TensorProto.FLOAT}, x=x)

    def label_encoder(self, x: Operand, table: Mapping[str, int] | Mapping[int, int], default: int) -> Value:
        """The int64 that `table` holds for each string or int64 of `x`, or `default`."""
        keys = "keys_strings" if isinstance(next(iter(table)), str) else "keys_int64s"
        attributes = {keys: list(table), "values_int64s": list(table.values()), "default_int64": default}
        return self._op("LabelEncoder", attributes, ML_DOMAIN, x=x)

    # operators on rows, columns and shapes

    def gemm(self, a: Operand, b: Operand, c: Operand) -> Value:
        """``a @ b + c``."""
        return self._op("Gemm", a=a, b=b, c=c)

    def softmax(self, x: Operand, axis: int) -> Value:
        """Exponentials divided by their sum along the axis."""
        return self._op("Softmax", {"axis": axis}, x=x)

    def arg_max(self, x: Operand, axis: int) -> Value:
        """Index of the first maximum along the axis, which is dropped."""
        return self._op("ArgMax", {"axis": axis, "keepdims": 0}, x=x)

    def reduce_sum(self, x: Operand, axis: int) -> Value:
        """Sum along the axis, which is dropped."""
        return self._op("ReduceSum", {"keepdims": 0}, x=x, axes=np.array([axis], np.int64))

    def squeeze(self, x: Operand, axis: int) -> Value:
        """Drop an axis of length 1."""
        return self._op("Squeeze", x=x, axes=np.array([axis], np.int64))

    def split(self, x: Operand, sizes: Sequence[int], axis: int) -> tuple[Value, ...]:
        """Parts of these sizes along the axis."""
        results = tuple(Value() for _ in sizes)
        inputs = {"x": x, "sizes": np.array(sizes, np.int64)}
        self._nodes.append(_Node("Split", inputs, results, "", {"axis": axis}))
        return results

    def concat(self, parts: Sequence[Operand], axis: int) -> Value:
        """All parts one after the other along the axis."""
        return self._op("Concat", {"axis": axis}, **{f"part_{i}": part for i, part in enumerate(parts)})

    def gather(self, data: Operand, indices: Operand, axis: int = 0) -> Value:
        """``numpy.take(data, indices, axis)``."""
        return self._op("Gather", {"axis": axis} if axis else {}, data=data, indices=indices)

    def shape(self, x: Operand) -> Value:
        """The shape of `x`, int64."""
        return self._op("Shape", x=x)

    def expand(self, x: Operand, shape: Operand) -> Value:
        """``numpy.broadcast_to``, except that a dimension may be 1 in `shape` and longer in `x`."""
        return self._op("Expand", x=x, shape=shape)

    def _op(
        self, op_type: str, attributes: Mapping[str, Any] | None = None, domain: str = "", /, **inputs: Operand
    ) -> Value:
        result = Value()
        self._nodes.append(_Node(op_type, inputs, (result,), domain, attributes or {}))
        return result


def _snake_case(op_type: str) -> str:
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", op_type.replace("NaN", "Nan")).lower()


def _constant(values: npt.NDArray[Any] | np.generic, name: str) -> TensorProto:
    array = np.asarray(values)
    if array.dtype.kind in "OU":
        encoded = [text.encode() for text in array.ravel().tolist()]
        return TensorProto(name=name, data_type=TensorProto.STRING, dims=array.shape, string_data=encoded)
    if array.dtype not in (np.float32, np.int64):
        raise TypeError(f"constants must be float32, int64 or strings, however: {array.dtype} for {name!r}. Cast them.")
    return numpy_helper.from_array(array, name)
