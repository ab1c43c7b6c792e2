"""Where each raw column of a child network stands among the inputs that skl2onnx passes: one tensor, or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mothernet_export.child import ChildNetwork
from mothernet_export.columns import IgnoredColumn
from mothernet_export.onnx_writer.builder import ELEMENT_TYPES, ElementType, GraphBuilder, Value


class Tensor(NamedTuple):
    """An input (N, n_columns) of the graph, which its caller feeds or another part of a pipeline computes."""

    value: Value
    name: str
    element_type: ElementType
    n_columns: int
    is_computed: bool


class Source(NamedTuple):
    """A raw column: the column `position` of a tensor."""

    tensor: Tensor
    position: int


def column_sources(g: GraphBuilder, child: ChildNetwork, variables: Sequence[Any]) -> dict[str, Source]:
    """Declare skl2onnx's variables as inputs of the graph and find the raw columns of `child` among them, by name.

    Columns that are passed one by one under the names of the table are found by name, and ignored ones may be left out;
    all others by position.

    Raises
    ------
    ValueError, TypeError
        If their number is another, or an input has a type or shape that no table has.
    """
    names = [parts[0].name for parts in child.raw_columns]
    needed = {parts[0].name for parts in child.raw_columns if not isinstance(parts[0], IgnoredColumn)}
    widths = _widths(variables, len(names))
    tensors = [_tensor(g, variable, width) for variable, width in zip(variables, widths, strict=True)]
    given = [tensor.name for tensor in tensors]
    if set(widths) == {1} and len(set(given)) == len(given) and needed <= set(given) <= set(names):
        return {tensor.name: Source(tensor, 0) for tensor in tensors}
    places = [Source(tensor, position) for tensor in tensors for position in range(tensor.n_columns)]
    if len(places) != len(names):
        raise ValueError(
            f"inputs must have the {len(names)} columns that the classifier was fitted on, {names}, however: "
            f"{len(places)} in {given}. Pass all of them; what reads one tensor only, as skl2onnx's StackingClassifier "
            "does, needs them as one matrix."
        )
    return dict(zip(names, places, strict=True))


def _widths(variables: Sequence[Any], n_columns: int) -> list[int]:
    """Columns of each variable; what skl2onnx does not know is what the others leave."""
    widths = [variable.get_second_dimension() for variable in variables]
    unknown = [i for i, width in enumerate(widths) if width is None]
    if len(unknown) == 1:
        widths[unknown[0]] = max(n_columns - sum(width for width in widths if width is not None), 1)
    return [1 if width is None else int(width) for width in widths]


def _tensor(g: GraphBuilder, variable: Any, n_columns: int) -> Tensor:
    element_number = variable.type.to_onnx_type().tensor_type.elem_type
    element_type = next((name for name, number in ELEMENT_TYPES.items() if number == element_number), None)
    if element_type is None:
        raise TypeError(
            f"input {variable.raw_name!r} must be numbers, booleans or texts, however: "
            f"{variable.type}. Convert it before the classifier is fitted."
        )
    if len(variable.type.shape) == 1:
        raise ValueError(
            f"input {variable.raw_name!r} must have the shape [None, columns], however: {variable.type.shape}. "
            "Write [None, 1] for one column."
        )
    value = g.input(variable.onnx_name, element_type, ("N", n_columns))
    return Tensor(value, variable.raw_name, element_type, n_columns, is_computed=not variable.is_root)
