"""The ORT container of a file, onnxruntime's flatbuffer, read and checked without onnxruntime: section 10 of FORMAT.md.

It is the counterpart of `container.py`: the same model, the same demands, other bytes. The flatbuffer is parsed by the
tables below, which are those of onnxruntime's ``ort.fbs``. It is imported when such a file is read.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mothernet_runtime.graph_rules import (
    OPSETS,
    Container,
    ModelFileError,
    Tensor,
    check_attribute,
    check_operator,
    check_versions,
    is_ort,
    metadata_of,
    stored_type,
)

__all__ = ["HASH_KEY", "OrtNode", "hash_position", "is_ort", "ort_hash", "read_ort_container", "read_ort_metadata"]

HASH_KEY = "mothernet.graph_hash"

_HASH_DIGITS = 64
_MAX_DIMENSIONS = 8
_CPU = ("", "CPUExecutionProvider")

# Per table, its fields in order, vectors with a "*"; of bytes the "size" is taken. "-" are passed over, "refused" must
# be absent, "empty" without elements; a field beyond the last is refused. Tables nest as deep as this says, no deeper.
_TABLES = {
    "InferenceSession": "ort_version:text model:Model session_state:refused kernel_type_str_resolver:-",
    "Model": "ir_version:i64 opset_import:OperatorSetId* producer_name:text producer_version:text domain:text "
    "model_version:i64 doc_string:text graph:Graph graph_doc_string:text metadata_props:StringStringEntry*",
    "OperatorSetId": "domain:text version:i64",
    "StringStringEntry": "key:text value:text",
    "Graph": "initializers:Tensor* node_args:ValueInfo* nodes:Node* max_node_index:- node_edges:- inputs:text* "
    "outputs:text* sparse_initializers:empty runtime_optimizations:refused",
    "Tensor": "name:text doc_string:text dims:i64* data_type:i32 raw_data:size string_data:text* "
    "external_data_offset:i64",
    "ValueInfo": "name:text doc_string:text type:TypeInfo",
    "TypeInfo": "denotation:text value_type:u8 value:TensorTypeAndShape",
    "TensorTypeAndShape": "elem_type:i32 shape:Shape",
    "Shape": "dim:Dimension*",
    "Dimension": "value:DimensionValue denotation:text",
    "DimensionValue": "dim_type:i8 dim_value:i64 dim_param:text",
    "Node": "name:text doc_string:text domain:text since_version:i32 index:- op_type:text type:i32 "
    "execution_provider_type:text inputs:text* outputs:text* attributes:Attribute* input_arg_counts:- "
    "implicit_inputs:empty",
    "Attribute": "name:text doc_string:text type:i32 f:- i:i64 s:text t:Tensor g:refused floats:- ints:- strings:text* "
    "tensors:empty graphs:empty",
}
_REFUSED = {
    "g": "subgraphs",
    "graphs": "subgraphs",
    "implicit_inputs": "subgraphs",
    "runtime_optimizations": "saved optimizations",
    "session_state": "state of a session",
    "sparse_initializers": "sparse tensors",
    "tensors": "lists of tensors as attributes",
}
_FIELDS = {
    table: [(name, kind) for name, _, kind in (each.partition(":") for each in fields.split())]
    for table, fields in _TABLES.items()
}
_SIZES = {"bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "float16": 2}
_SIZES |= {"int32": 4, "uint32": 4, "float32": 4, "int64": 8, "uint64": 8}
_SCALARS = {"i8": "<b", "u8": "<B", "i32": "<i", "i64": "<q"}


@dataclass(frozen=True)
class OrtNode:
    """An operator, with the version of its set since which it is what it is."""

    domain: str
    since_version: int
    operator: str


class _Malformed(ValueError):
    """The bytes are no flatbuffer of an ORT model."""


def read_ort_metadata(data: bytes, source: str) -> dict[str, str]:
    """The metadata of a file's bytes; `source` names the file in errors.

    Raises
    ------
    ModelFileError
        If the bytes are cut off or damaged.
    """
    reader = _Reader(data)
    try:
        entries = [reader.table(each, "StringStringEntry") for each in _metadata_entries(reader)]
    except ValueError as error:
        raise ModelFileError(
            f"{source} is cut off or damaged ({len(data):,} bytes: {error}). Copy or export the file again."
        ) from None
    return {entry.get("key", ""): entry.get("value", "") for entry in entries}


def read_ort_container(data: bytes) -> tuple[Container, tuple[OrtNode, ...]]:
    """Parse a file's bytes and check everything that section 10 of FORMAT.md demands; with the operators of the graph.

    Takes time and memory in proportion to the size of the file, whatever it holds.

    Raises
    ------
    ValueError
        If the bytes are no ORT model or break a rule; the error says which one.
    """
    reader = _Reader(data)
    model = reader.table(reader.root(), "InferenceSession").get("model", {})
    # onnxruntime names all domains that it knows, used or not
    imports = [each for each in model.get("opset_import", []) if (each.get("domain") or "ai.onnx") in OPSETS]
    domains = check_versions(model.get("ir_version"), imports)
    graph = model.get("graph", {})
    nodes = graph.get("nodes", [])
    for node in nodes:
        check_operator(node.get("domain", ""), node.get("op_type", ""), domains)
        if node.get("type", 0) or node.get("execution_provider_type", "") not in _CPU:
            raise ValueError(f"operators must be for any CPU, however: {node.get('op_type', '')!r:.60} is not")
        for attribute in node.get("attributes", []):
            check_attribute(node.get("op_type", ""), attribute)
            if "t" in attribute:
                _check_tensor(attribute["t"])
    for tensor in graph.get("initializers", []):
        _check_tensor(tensor)
    values = {value.get("name", ""): _tensor(value) for value in graph.get("node_args", [])}
    metadata = metadata_of(model.get("metadata_props", []))
    inputs, outputs = (tuple(_named(values, name) for name in graph.get(names, [])) for names in ("inputs", "outputs"))
    operators = tuple(
        OrtNode(node.get("domain") or "ai.onnx", node.get("since_version", 0), node.get("op_type", ""))
        for node in nodes
    )
    return Container(inputs, outputs, metadata, ort_hash(data, hash_position(data))), operators


def hash_position(data: bytes) -> int:
    """Where the 64 digits of `HASH_KEY` begin.

    Raises
    ------
    ValueError
        If the metadata has no such key, or another length.
    """
    reader = _Reader(data)
    for entry in _metadata_entries(reader):
        key, value = (reader.field(entry, "StringStringEntry", name) for name in ("key", "value"))
        if key and value and reader.text(key) == HASH_KEY and len(reader.text(value)) == _HASH_DIGITS:
            return reader.target(value) + 4
    raise ValueError(f"the metadata must have all keys, however: {HASH_KEY!r} is missing")


def ort_hash(data: bytes, position: int) -> str:
    """SHA-256 of the bytes with zeros in place of the digits at `position`, in hexadecimal."""
    found = hashlib.sha256(memoryview(data)[:position])
    found.update(b"0" * _HASH_DIGITS)
    found.update(memoryview(data)[position + _HASH_DIGITS :])
    return found.hexdigest()


def _metadata_entries(reader: _Reader) -> Iterator[int]:
    model = reader.field(reader.root(), "InferenceSession", "model")
    if not model:
        raise _Malformed("it has no model")
    yield from reader.tables(reader.field(reader.target(model), "Model", "metadata_props"))


def _check_tensor(tensor: dict[str, Any]) -> None:
    element = stored_type(tensor.get("data_type"))
    if tensor.get("external_data_offset", -1) != -1:
        raise ValueError("the file must hold all its tensors, however: one lies in another file")
    dims, is_text = tensor.get("dims", ()), element == "string"
    held = len(tensor.get("string_data", ())) if is_text else tensor.get("raw_data", 0)
    if min(dims, default=0) < 0 or math.prod(dims) * (1 if is_text else _SIZES[element]) != held:
        raise ValueError(
            f"tensors must have the size of their shape, however: one of {dims} holds {held} bytes or texts"
        )


def _tensor(value: dict[str, Any]) -> Tensor:
    """A value's type and shape; constants are values too. What onnxruntime has not inferred has no type."""
    info = value.get("type", {})
    if info and info.get("value_type") != 1:  # TypeInfoValue.tensor_type
        raise ValueError("the model must have no values that are no tensors, however: it has one")
    tensor = info.get("value", {})
    shape = []
    for dimension in tensor.get("shape", {}).get("dim", []):
        size = dimension.get("value", {})
        shape.append(size.get("dim_value", 0) if size.get("dim_type") == 1 else size.get("dim_param") or "?")
    number = tensor.get("elem_type") if info else 1
    return Tensor(value.get("name", ""), stored_type(number), tuple(shape))


def _named(values: dict[str, Tensor], name: str) -> Tensor:
    if name not in values:
        raise _Malformed("an input or output is no value")
    return values[name]


@dataclass
class _Reader:
    """Bounds-checked access to a flatbuffer. References that are followed are counted: a whole file has no more than
    one for every four bytes, and one that is shared, so as to be read again and again, soon exceeds that."""

    data: bytes
    followed: int = 0
    texts: dict[int, str] = field(default_factory=dict)

    def root(self) -> int:
        """Position of the root table."""
        return self.target(0)

    def field(self, table: int, table_type: str, name: str) -> int:
        """Position of a field of the table at a position, 0 if it is absent."""
        names = [each for each, _ in _FIELDS[table_type]]
        return dict(self._entries(table)).get(names.index(name), 0) if table else 0

    def tables(self, place: int) -> Iterator[int]:
        """Positions of the tables in the vector that a field refers to."""
        if place:
            start, count = self._vector(place, 4)
            for i in range(count):
                yield self.target(start + 4 * i)

    def table(self, table: int, table_type: str) -> dict[str, Any]:
        """The fields of a table by name, without those that are passed over."""
        found: dict[str, Any] = {}
        fields = _FIELDS[table_type]
        for number, place in self._entries(table):
            if number >= len(fields):
                raise _Malformed(f"{table_type} has an unknown field {number}")
            name, kind = fields[number]
            if kind == "refused" or (kind == "empty" and self._vector(place, 1)[1]):
                raise ValueError(f"the model must have no {_REFUSED[name]}, however: its {table_type} has {name!r}")
            if kind in _SCALARS:
                found[name] = self._scalar(place, _SCALARS[kind])
            elif kind == "text":
                found[name] = self.text(place)
            elif kind == "size":
                found[name] = self._vector(place, 1)[1]
            elif kind == "i64*":
                start, count = self._vector(place, 8)
                if count > _MAX_DIMENSIONS:
                    raise _Malformed(f"a tensor has {count} dimensions")
                found[name] = struct.unpack_from(f"<{count}q", self.data, start)
            elif kind == "text*":
                start, count = self._vector(place, 4)
                found[name] = [self.text(start + 4 * i) for i in range(count)]
            elif kind.endswith("*"):
                found[name] = [self.table(each, kind[:-1]) for each in self.tables(place)]
            elif kind in _FIELDS:
                found[name] = self.table(self.target(place), kind)
        return found

    def text(self, place: int) -> str:
        """The string that a field or an element refers to."""
        position = self.target(place)
        if position not in self.texts:
            length = self._scalar(position, "<I")
            self._check(position + 4, length)
            try:
                self.texts[position] = self.data[position + 4 : position + 4 + length].decode()
            except UnicodeDecodeError:
                raise _Malformed("a text is not UTF-8") from None
        return self.texts[position]

    def target(self, place: int) -> int:
        """The position that a reference at `place` names."""
        self.followed += 1
        if self.followed > len(self.data) // 4:
            raise _Malformed("parts of it are used more than once")
        position = place + int(self._scalar(place, "<I"))
        self._check(position, 4)
        return position

    def _entries(self, table: int) -> Iterator[tuple[int, int]]:
        """Number and position of each field that a table has."""
        vtable = table - int(self._scalar(table, "<i"))
        size = int(self._scalar(vtable, "<H"))
        self._check(vtable, size)
        for number in range((size - 4) // 2):
            offset = int(self._scalar(vtable + 4 + 2 * number, "<H"))
            if offset:
                yield number, table + offset

    def _vector(self, place: int, item_size: int) -> tuple[int, int]:
        """Start and number of the elements of the vector that a field refers to."""
        position = self.target(place)
        count = int(self._scalar(position, "<I"))
        self._check(position + 4, count * item_size)
        return position + 4, count

    def _scalar(self, place: int, code: str) -> Any:
        self._check(place, struct.calcsize(code))
        return struct.unpack_from(code, self.data, place)[0]

    def _check(self, start: int, length: int) -> None:
        if start < 0 or start + length > len(self.data):
            raise _Malformed("it ends within a field")
