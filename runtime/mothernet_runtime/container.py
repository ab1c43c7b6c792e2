"""The ONNX container of a file, read and checked without onnx or onnxruntime: section 1 of FORMAT.md.

The protobuf is parsed by the tables below, so that a file that is cut off, foreign, too new or hostile gets an error of
its own before onnxruntime sees it. What the metadata means is none of this module's business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from mothernet_runtime.graph_rules import (
    IR_VERSIONS,
    OPSETS,
    Container,
    ModelFileError,
    Tensor,
    check_attribute,
    check_operator,
    check_versions,
    element_type,
    metadata_of,
    stored_type,
)

__all__ = ["IR_VERSIONS", "OPSETS", "read_container", "read_metadata"]

_GRAPH, _METADATA = 7, 14  # fields of ModelProto

# Per message, its fields: number -> name and type. A type with "*" may come more than once; the ones after "-" are
# passed over, with the wire types that they may have; "refused" fields make the file invalid. A field that is not
# listed is refused too: who wrote it meant something by it.
_MESSAGES = {
    "ModelProto": {
        1: "ir_version int",
        2: "producer_name -2",
        3: "producer_version -2",
        4: "domain -2",
        5: "model_version -0",
        6: "doc_string -2",
        7: "graph GraphProto",
        8: "opset_import OperatorSetIdProto*",
        14: "metadata_props StringStringEntryProto*",
        20: "training_info refused",
        25: "functions refused",
        26: "configuration refused",
    },
    "OperatorSetIdProto": {1: "domain text", 2: "version int"},
    "StringStringEntryProto": {1: "key text", 2: "value text"},
    "GraphProto": {
        1: "node NodeProto*",
        2: "name text",
        5: "initializer TensorProto*",
        10: "doc_string -2",
        11: "input ValueInfoProto*",
        12: "output ValueInfoProto*",
        13: "value_info ValueInfoProto*",
        14: "quantization_annotation refused",
        15: "sparse_initializer refused",
        16: "metadata_props -2",
    },
    "NodeProto": {
        1: "input text*",
        2: "output text*",
        3: "name text",
        4: "op_type text",
        5: "attribute AttributeProto*",
        6: "doc_string -2",
        7: "domain text",
        8: "overload text",
        9: "metadata_props -2",
        10: "device_configurations refused",
    },
    "AttributeProto": {
        1: "name text",
        2: "f -5",
        3: "i int",
        4: "s text",
        5: "t TensorProto",
        6: "g refused",
        7: "floats -25",
        8: "ints -02",
        9: "strings text*",
        10: "tensors refused",
        11: "graphs refused",
        13: "doc_string -2",
        14: "tp refused",
        15: "type_protos refused",
        20: "type int",
        21: "ref_attr_name refused",
        22: "sparse_tensor refused",
        23: "sparse_tensors refused",
    },
    "TensorProto": {
        1: "dims -02",
        2: "data_type int",
        3: "segment refused",
        4: "float_data -25",
        5: "int32_data -02",
        6: "string_data text*",
        7: "int64_data -02",
        8: "name text",
        9: "raw_data -2",
        10: "double_data refused",
        11: "uint64_data -02",
        12: "doc_string -2",
        13: "external_data refused",
        14: "data_location int",
        16: "metadata_props -2",
    },
    "ValueInfoProto": {1: "name text", 2: "type TypeProto", 3: "doc_string -2", 4: "metadata_props -2"},
    "TypeProto": {
        1: "tensor_type TypeProto.Tensor",
        4: "sequence_type refused",
        5: "map_type refused",
        6: "denotation -2",
        7: "opaque_type refused",
        8: "sparse_tensor_type refused",
        9: "optional_type refused",
    },
    "TypeProto.Tensor": {1: "elem_type int", 2: "shape TensorShapeProto"},
    "TensorShapeProto": {1: "dim Dimension*"},
    "Dimension": {1: "dim_value int", 2: "dim_param text", 3: "denotation -2"},
}
_REFUSED = {
    "configuration": "device configurations",
    "device_configurations": "device configurations",
    "double_data": "float64 tensors",
    "external_data": "external data",
    "functions": "model-local functions",
    "g": "subgraphs",
    "graphs": "subgraphs",
    "map_type": "values that are no tensors",
    "opaque_type": "values that are no tensors",
    "optional_type": "values that are no tensors",
    "quantization_annotation": "quantization annotations",
    "ref_attr_name": "references to attributes of a function",
    "segment": "tensors in segments",
    "sequence_type": "values that are no tensors",
    "sparse_initializer": "sparse tensors",
    "sparse_tensor": "sparse tensors",
    "sparse_tensor_type": "values that are no tensors",
    "sparse_tensors": "sparse tensors",
    "tensors": "lists of tensors as attributes",
    "tp": "types as attributes",
    "training_info": "training information",
    "type_protos": "types as attributes",
}


def _field(text: str) -> tuple[str, str, bool]:
    """Name, type without "*", and whether the field may come more than once."""
    name, field_type = text.split()
    return name, field_type.rstrip("*"), field_type.endswith("*")


_FIELDS = {message: {number: _field(text) for number, text in fields.items()} for message, fields in _MESSAGES.items()}


class _Malformed(ValueError):
    """The bytes are no protobuf message of the type expected."""


def read_metadata(data: bytes, source: str) -> dict[str, str]:
    """The metadata of a file's bytes, whatever else is in it; `source` names the file in errors.

    Raises
    ------
    ModelFileError
        If the bytes are empty, no ONNX file or cut off.
    """
    if not data:
        raise ModelFileError(f"{source} is empty. Copy or export the file again.")
    metadata, has_graph = {}, False
    try:
        for number, wire_type, start, end in _split(data, 0, len(data)):
            if number == _METADATA and wire_type == 2:
                entry = _parse("StringStringEntryProto", data, start, end)
                metadata[entry.get("key", "")] = entry.get("value", "")
            has_graph |= number == _GRAPH
        if not has_graph:
            raise _Malformed("it has no graph")
    except _Malformed as error:
        if data[0] == 0x08:  # ir_version, with which ONNX files start
            raise ModelFileError(
                f"{source} is cut off or damaged ({len(data):,} bytes: {error}). Copy or export the file again."
            ) from None
        raise ModelFileError(
            f"{source} is not an ONNX file (it starts with {data[:8]!r}). Give a file that `mothernet export` wrote."
        ) from None
    return metadata


def read_container(data: bytes) -> Container:
    """Parse a file's bytes and check everything that section 1 of FORMAT.md demands.

    Takes time and memory in proportion to the size of the file, whatever it holds.

    Raises
    ------
    ValueError
        If the bytes are no ONNX model or break a rule; the error says which one.
    """
    model = _parse("ModelProto", data, 0, len(data))
    domains = check_versions(model.get("ir_version"), model.get("opset_import", []))
    graph = model.get("graph", {})
    for node in graph.get("node", []):
        operator = ":".join(filter(None, (node.get("op_type", ""), node.get("overload"))))
        check_operator(node.get("domain", ""), operator, domains)
        for attribute in node.get("attribute", []):
            check_attribute(operator, attribute)
            if "t" in attribute:
                _check_tensor(attribute["t"])
    for tensor in graph.get("initializer", []):
        _check_tensor(tensor)
    for value in graph.get("value_info", []):
        _tensor(value)
    metadata = metadata_of(model.get("metadata_props", []))
    inputs, outputs = (tuple(map(_tensor, graph.get(name, []))) for name in ("input", "output"))
    start, end = next((start, end) for number, _, start, end in _split(data, 0, len(data)) if number == _GRAPH)
    return Container(inputs, outputs, metadata, hashlib.sha256(memoryview(data)[start:end]).hexdigest())


def _check_tensor(tensor: dict[str, Any]) -> None:
    stored_type(tensor.get("data_type"))
    if tensor.get("data_location", 0):
        raise ValueError("the file must hold all its tensors, however: one lies in another file")


def _tensor(value: dict[str, Any]) -> Tensor:
    tensor = value.get("type", {}).get("tensor_type", {})
    dimensions = tensor.get("shape", {}).get("dim", [])
    shape = tuple(next(iter(dimension.values())) if len(dimension) == 1 else "?" for dimension in dimensions)
    return Tensor(value.get("name", ""), element_type(tensor.get("elem_type")), shape)


def _parse(message: str, data: bytes, start: int, end: int) -> dict[str, Any]:
    """The fields of one message by name, without those that are passed over; repeated ones as lists.

    Messages nest as deep as the table says and no deeper: no message of it holds one of its own type.
    """
    fields = _FIELDS[message]
    found: dict[str, Any] = {}
    for number, wire_type, first, last in _split(data, start, end):
        if number not in fields:
            raise _Malformed(f"{message} has an unknown field {number}")
        name, field_type, repeated = fields[number]
        if field_type == "refused":
            raise ValueError(f"the model must have no {_REFUSED[name]}, however: its {message} has {name!r}")
        if field_type[0] == "-":
            if str(wire_type) not in field_type:
                raise _Malformed(f"{message}.{name} has wire type {wire_type}")
            continue
        if wire_type != (0 if field_type == "int" else 2):
            raise _Malformed(f"{message}.{name} has wire type {wire_type}")
        value: Any = first
        if field_type == "text":
            try:
                value = data[first:last].decode()
            except UnicodeDecodeError:
                raise _Malformed(f"{message}.{name} is not UTF-8") from None
        elif field_type != "int":
            value = _parse(field_type, data, first, last)
        if repeated:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise _Malformed(f"{message}.{name} comes twice")
        else:
            found[name] = value
    return found


def _split(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Field number, wire type, and either the value of a number (wire type 0) or start and end of the content."""
    while position < end:
        key, position = _varint(data, position, end)
        number, wire_type = key >> 3, key & 7
        if wire_type == 0:
            value, position = _varint(data, position, end)
            yield number, wire_type, value, 0
            continue
        if wire_type == 2:
            length, position = _varint(data, position, end)
        elif wire_type in (1, 5):
            length = 8 if wire_type == 1 else 4
        else:
            raise _Malformed(f"a field has wire type {wire_type}")
        start, position = position, position + length
        if position > end:
            raise _Malformed("a field ends beyond its message")
        yield number, wire_type, start, position


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    """The number at `position`, seven bits a byte, the lowest first, at most 64; and the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            raise _Malformed("a number ends beyond its message")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                break
            return value, position
    raise _Malformed("a number has more than 64 bits")
