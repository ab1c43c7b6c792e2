"""What a MotherNet .onnx file says about itself: its columns, classes, versions and self-test vector.

The metadata is read from the protobuf directly, so that a file that is cut off, foreign or too new gets an error of its
own before onnxruntime sees it, whose messages tell these cases apart badly. The graph is not read here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

FORMAT = 1  # the newest `mothernet.format` that this runtime reads
_GRAPH, _METADATA_PROPS = 7, 14  # field numbers of ModelProto; a StringStringEntryProto is {1: key, 2: value}
_CLASS_DTYPES = {"string": np.str_, "integer": np.int64, "boolean": np.bool_, "float": np.float64}


class ModelFileError(ValueError):
    """The file is no MotherNet .onnx file, or one that is damaged or too new."""


@dataclass(frozen=True)
class Column:
    """One column of the training table; `categories` is empty unless `kind` is "categorical"."""

    name: str
    kind: Literal["numeric", "categorical"]
    missing_in_training: bool
    used: bool
    categories: tuple[str, ...]


@dataclass(frozen=True)
class ModelFile:
    """The bytes of a file and what its metadata says.

    Parameters
    ----------
    data : bytes
    columns : tuple of Column
        In the order of the training table.
    classes : ndarray (C,)
        In the order of the probabilities; str, int64, bool or float64.
    schema : dict
        ``mothernet.schema`` as written, with ``schema_hash``, ``format`` and ``versions`` beside it.
    self_test : dict
        ``mothernet.self_test`` as written.
    """

    data: bytes
    columns: tuple[Column, ...]
    classes: npt.NDArray[Any]
    schema: dict[str, Any]
    self_test: dict[str, Any]


def read_model(data: bytes, source: str) -> ModelFile:
    """Read the metadata of a file's bytes; `source` names the file in errors.

    Raises
    ------
    ModelFileError
        If the bytes are empty, no ONNX file, cut off, not written by MotherNet, of a newer format, or damaged.
    """
    metadata = _read_metadata(data, source)
    if "mothernet.format" not in metadata:
        raise ModelFileError(
            f"{source} is an ONNX file, but not one of MotherNet (its metadata has no 'mothernet.format'). "
            "Write one with `mothernet export`, or run this one with onnxruntime itself."
        )
    version = metadata["mothernet.format"]
    if not version.isdecimal() or int(version) > FORMAT:
        raise ModelFileError(
            f"{source} has format {version!r}; this runtime reads format {FORMAT}. Upgrade mothernet-runtime."
        )
    try:
        text = metadata["mothernet.schema"]
        if hashlib.sha256(text.encode()).hexdigest() != metadata["mothernet.schema_hash"]:
            raise ValueError("the schema does not match its hash")
        schema = json.loads(text)
        columns = tuple(
            Column(c["name"], c["kind"], c["missing_in_training"], c["used"], tuple(c.get("categories", ())))
            for c in schema["columns"]
        )
        classes: npt.NDArray[Any] = np.array(schema["classes"], dtype=_CLASS_DTYPES[schema["class_kind"]])
        about = {"format": int(version), "schema_hash": metadata["mothernet.schema_hash"]}
        about["versions"] = json.loads(metadata["mothernet.versions"])
        self_test = json.loads(metadata["mothernet.self_test"])
    except (ValueError, KeyError, TypeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise ModelFileError(f"{source} has damaged metadata: {reason}. Copy or export the file again.") from error
    return ModelFile(data, columns, classes, {**schema, **about}, self_test)


def _read_metadata(data: bytes, source: str) -> dict[str, str]:
    if not data:
        raise ModelFileError(f"{source} is empty. Copy or export the file again.")
    metadata, has_graph = {}, False
    try:
        for number, value in _fields(data):
            has_graph |= number == _GRAPH
            if number == _METADATA_PROPS:
                entry = dict(_fields(value))
                metadata[entry[1].decode()] = entry.get(2, b"").decode()
    except (ValueError, IndexError, KeyError) as error:
        if data[0] == 0x08:  # ir_version, with which every ONNX file starts
            raise ModelFileError(
                f"{source} is cut off or damaged ({len(data):,} bytes). Copy or export the file again."
            ) from error
        has_graph = False
    if not has_graph:
        raise ModelFileError(f"{source} is not an ONNX file (it starts with {data[:8]!r})")
    return metadata


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and payload of each field of one protobuf message; numbers (wire types 0, 1, 5) have the payload b""."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        payload, wire_type = b"", key & 7
        if wire_type == 0:
            _, position = _varint(data, position)
        elif wire_type == 2:
            length, position = _varint(data, position)
            payload, position = data[position : position + length], position + length
        elif wire_type in (1, 5):
            position += 8 if wire_type == 1 else 4
        else:
            raise ValueError(f"wire type {wire_type}")
        if position > len(data):
            raise IndexError("a field ends behind the end of the file")
        yield key >> 3, payload


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """The number at `position`, seven bits a byte, the lowest first, and the position behind it."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
