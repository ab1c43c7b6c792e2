"""From an operator of skl2onnx to nodes: the child's graph, with labels and types as skl2onnx's users expect them.

The nodes are those of `onnx_writer`; what stands before them, for columns as skl2onnx passes them, is in `inputs.py`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from mothernet_runtime.container import OPSETS
from onnx import GraphProto, helper
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType

from mothernet_export.child import ChildNetwork, child_of
from mothernet_export.onnx_writer.builder import ML_DOMAIN, ML_OPSET, GraphBuilder
from mothernet_export.onnx_writer.graph import child_answers
from mothernet_export.skl2onnx_converter.inputs import graph_inputs
from mothernet_export.target import ClassTarget

_OPSETS = {"": OPSETS["ai.onnx"][0], ML_DOMAIN: ML_OPSET}  # from these on, our graphs are valid as they are


def calculate_output_shapes(operator: Any) -> None:
    """Set the types of label and probabilities."""
    target = _target(operator, operator.scope_inst)
    n_rows = operator.inputs[0].get_first_dimension()
    label_type = Int64TensorType if target.label_type == "integer" else StringTensorType
    operator.outputs[0].type = label_type([n_rows])
    # an ensemble that declares doubles computes with them; what else some declare (integers) are no probabilities
    wants_doubles = isinstance(operator.outputs[1].type, DoubleTensorType)
    is_zipped = any(reader.type == "SklearnZipMap" for reader in operator.outputs[1].operators_inputs_)
    number_type = DoubleTensorType if wants_doubles and not is_zipped else FloatTensorType  # ZipMap takes float32 only
    operator.outputs[1].type = number_type([n_rows, target.n_outputs])


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of a classifier to the container."""
    for domain, oldest in _OPSETS.items():
        version = container.target_opset_any_domain(domain)
        if version < oldest:
            raise ValueError(
                f"target_opset must be at least {oldest} in the domain {domain or 'ai.onnx'} for "
                f"{type(operator.raw_operator).__name__}, however: {version}. "
                f"Pass target_opset={{'': 17, '{ML_DOMAIN}': 3}}."
            )
    _add(_graph(operator, _target(operator, scope)), scope, container)


def _add(graph: GraphProto, scope: Any, container: Any) -> None:
    """Add the nodes and constants of a graph under names that are free; inputs and outputs have theirs already.

    `skl2onnx.helpers.add_onnx_graph` fails where an input is not used, and copies each of them.
    """
    names = {each.name: each.name for each in (*graph.input, *graph.output)}
    for constant in graph.initializer:
        names[constant.name] = constant.name = scope.get_unique_variable_name(constant.name)
        container.initializers.append(constant)
    for node in graph.node:
        for result in node.output:
            if result not in names:
                names[result] = scope.get_unique_variable_name(result)
        container.add_node(
            node.op_type,
            [names[operand] for operand in node.input],
            [names[result] for result in node.output],
            op_domain=node.domain,
            op_version=_OPSETS[node.domain],
            name=scope.get_unique_operator_name(node.name),
            **{attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute},
        )


def _graph(operator: Any, target: ClassTarget) -> GraphProto:
    g = GraphBuilder("mothernet_child", float64=True)
    child: ChildNetwork = dataclasses.replace(child_of(operator.raw_operator), target=target)
    child, numeric, categorical = graph_inputs(g, child, operator.inputs)
    label, probabilities = child_answers(g, child, numeric, categorical)
    if isinstance(operator.outputs[1].type, DoubleTensorType):
        probabilities = g.cast(probabilities, "float64")
    first, second = target.graph_outputs
    g.output(label, operator.outputs[0].onnx_name, first.element_type, first.shape)
    g.output(probabilities, operator.outputs[1].onnx_name, second.element_type, second.shape)
    return g.finish()


def _target(operator: Any, scope: Any) -> ClassTarget:
    """The classes as labels of skl2onnx: booleans and whole floats are integers, and with `nocl` all are numbers."""
    target = child_of(operator.raw_operator).target
    if scope.get_options(operator.raw_operator, {"nocl": False})["nocl"]:
        return ClassTarget(tuple(range(target.n_outputs)))
    if target.label_type in ("boolean", "float"):  # scikit-learn takes no other floats for classes than whole ones
        return ClassTarget(tuple(int(label) for label in target.classes))
    return target
