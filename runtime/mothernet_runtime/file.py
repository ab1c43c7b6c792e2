"""What a MotherNet .onnx file says about itself: columns, classes, versions and self-test, checked against FORMAT.md.

Only a file that is valid from end to end becomes a `ModelFile`. The container is parsed in `container.py`; nothing is
run here.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mothernet_runtime.container import Container, ModelFileError, Tensor, read_container, read_metadata
from mothernet_runtime.text import shortened

FORMAT = "1"  # the only `mothernet.format` that this runtime reads
ColumnType = Literal["numeric", "categorical"]

_TYPES: tuple[ColumnType, ...] = ("numeric", "categorical")
_CLASS_TYPES: dict[str, tuple[type, Any]] = {
    "string": (str, np.str_),
    "integer": (int, np.int64),
    "boolean": (bool, np.bool_),
    "float": (float, np.float64),
}
_JSON_TYPES = {dict: "an object", list: "an array", str: "a string", bool: "true or false", int: "an integer"}
_MAX_NESTING = 32  # levels of arrays and objects
_MAX_DIGITS = 40  # of an integer: more than 64 bits need, few enough to be read in no time
_MAX_SELF_TEST_ROWS = 8


@dataclass(frozen=True)
class Column:
    """One column of the training table; `categories` is empty unless `type` is "categorical"."""

    name: str
    type: ColumnType
    missing_in_training: bool
    used: bool
    categories: tuple[str, ...]


@dataclass(frozen=True)
class SelfTest:
    """The rows of ``mothernet.self_test`` and the answers recorded for them.

    Parameters
    ----------
    columns : dict of str to list
        Raw cells of each column; n rows.
    labels : list of int or str
        As the output `label`, n of them.
    probabilities : ndarray (n, C), float64
    """

    columns: dict[str, list[Any]]
    labels: list[Any]
    probabilities: npt.NDArray[np.float64]


@dataclass(frozen=True)
class ModelFile:
    """The bytes of a valid file and what its metadata says.

    Parameters
    ----------
    data : bytes
    columns : tuple of Column
        In the order of the training table.
    classes : ndarray (C,)
        In the order of the probabilities; str, int64, bool or float64.
    labels : tuple of int or str
        The same classes as the graph's output `label` has them.
    schema : dict
        ``mothernet.schema`` as written, with ``schema_hash``, ``format`` and ``versions`` beside it.
    self_test : SelfTest
    """

    data: bytes
    columns: tuple[Column, ...]
    classes: npt.NDArray[Any]
    labels: tuple[Any, ...]
    schema: dict[str, Any]
    self_test: SelfTest


def read_model(data: bytes, source: str) -> ModelFile:
    """Read and check a file's bytes; `source` names the file in errors.

    Raises
    ------
    ModelFileError
        If the bytes are empty, no ONNX file, cut off, not written by MotherNet, of another format, or in any way not as
        FORMAT.md demands.
    """
    metadata = read_metadata(data, source)
    if "mothernet.format" not in metadata:
        raise ModelFileError(
            f"{source} is an ONNX file, but not one of MotherNet (its metadata has no 'mothernet.format'). "
            "Write one with `mothernet export`, or run this one with onnxruntime itself."
        )
    version = metadata["mothernet.format"]
    if version != FORMAT:
        is_newer = version.isascii() and version.isdecimal() and version[0] != "0"
        raise ModelFileError(
            f"{source} has format {shortened(repr(version))}; this runtime reads format {FORMAT}. "
            + ("Upgrade mothernet-runtime." if is_newer else "Copy or export the file again.")
        )
    try:
        return _read_valid(data, read_container(data))
    except ValueError as error:
        raise ModelFileError(
            f"{source} is not as format {FORMAT} demands: {error}. Copy or export the file again."
        ) from error


def _read_valid(data: bytes, container: Container) -> ModelFile:
    metadata = container.metadata
    for key in ("schema", "schema_hash", "versions", "self_test"):
        if f"mothernet.{key}" not in metadata:
            raise ValueError(f"the metadata must have all keys, however: 'mothernet.{key}' is missing")
    text = metadata["mothernet.schema"]
    if hashlib.sha256(text.encode()).hexdigest() != metadata["mothernet.schema_hash"]:
        raise ValueError("the schema does not match its hash")
    schema = _read_object(text, "the schema")
    versions = _read_object(metadata["mothernet.versions"], "versions")
    for name in versions:
        _entry(versions, name, str, "versions")
    columns = _columns(_entry(schema, "columns", list, "the schema"))
    class_kind = _entry(schema, "class_kind", str, "the schema")
    if class_kind not in _CLASS_TYPES:
        raise ValueError(f"class_kind must be one of {', '.join(_CLASS_TYPES)}, however: {_shown(class_kind)}")
    classes = _classes(_entry(schema, "classes", list, "the schema"), class_kind)
    if _entry(schema, "width", int, "the schema") < 1:
        raise ValueError(f"width must be at least 1, however: {schema['width']}")
    labels = tuple(label if class_kind == "integer" else str(label) for label in classes)
    _check_graph(container, columns, len(classes), "int64" if class_kind == "integer" else "string")
    if metadata.get("mothernet.graph_hash", container.graph_hash) != container.graph_hash:
        raise ValueError("the graph does not match its hash")
    return ModelFile(
        data=data,
        columns=columns,
        classes=np.array(classes, dtype=_CLASS_TYPES[class_kind][1]),
        labels=labels,
        schema={
            **schema,
            "format": int(FORMAT),
            "schema_hash": metadata["mothernet.schema_hash"],
            "versions": versions,
        },
        self_test=_self_test(_read_object(metadata["mothernet.self_test"], "the self-test"), columns, labels),
    )


def _columns(entries: list[Any]) -> tuple[Column, ...]:
    columns: list[Column] = []
    positions = Counter[str]()
    for number, entry in enumerate(entries):
        where = f"column {number}"
        if type(entry) is not dict:
            raise ValueError(f"{where} must be an object, however: {_shown(entry)}")
        name, column_type = _entry(entry, "name", str, where), _entry(entry, "kind", str, where)
        if column_type not in _TYPES or entry.get("input") != column_type:
            raise ValueError(
                f"kind and input of {where} must both be {' or both '.join(_TYPES)}, "
                f"however: {_shown(column_type)} and {_shown(entry.get('input'))}"
            )
        if _entry(entry, "position", int, where) != positions[column_type]:
            raise ValueError(
                f"the position of {where} must be {positions[column_type]}, after the {column_type} columns before it, "
                f"however: {entry['position']}"
            )
        positions[column_type] += 1
        missing, used = _entry(entry, "missing_in_training", bool, where), _entry(entry, "used", bool, where)
        categories: tuple[str, ...] = ()
        if column_type == "categorical":
            categories = _categories(_entry(entry, "categories", list, where), where)
            if used != bool(categories) or missing != ("" in categories):
                raise ValueError(
                    f"used and missing_in_training of {where} must be {bool(categories)} and {'' in categories} "
                    f"for its categories, however: {used} and {missing}"
                )
        elif "categories" in entry:
            raise ValueError(f"{where} is numeric and must have no categories, however: it has")
        columns.append(Column(name, column_type, missing, used, categories))
    _check_unique([column.name for column in columns], "names of columns")
    if not columns:
        raise ValueError("the schema must have at least one column, however: it has none")
    return tuple(columns)


def _categories(values: list[Any], where: str) -> tuple[str, ...]:
    for value in values:
        _check_text(value, f"categories of {where}")
    _check_unique(values, f"categories of {where}")
    return tuple(values)


def _classes(values: list[Any], class_kind: str) -> list[Any]:
    """The classes as Python values, strictly increasing."""
    if class_kind == "float":
        values = [float(value) if type(value) is int else value for value in values]  # JSON has one type of number
    wrong = [value for value in values if type(value) is not _CLASS_TYPES[class_kind][0]]
    if wrong:
        raise ValueError(f"classes of class_kind {class_kind!r} must be of that type, however: {_shown(wrong[0])}")
    for value in values:
        if class_kind == "string":
            _check_text(value, "classes")
        if not (
            -(2**63) <= value < 2**63 if class_kind == "integer" else class_kind != "float" or math.isfinite(value)
        ):
            raise ValueError(f"classes must be finite and fit into 64 bits, however: {_shown(value)}")
    for low, high in itertools.pairwise(values):
        if not low < high:
            raise ValueError(f"classes must be strictly increasing, however: {_shown(low)} comes before {_shown(high)}")
    if len(values) < 2:
        raise ValueError(f"classes must be at least two, however: {len(values)}")
    return values


def _check_graph(container: Container, columns: tuple[Column, ...], n_classes: int, label_type: str) -> None:
    """Inputs and outputs of the graph follow from the schema."""
    counts = Counter(column.type for column in columns)
    inputs = [Tensor("numeric", "float32", ("N", counts["numeric"]))] if counts["numeric"] else []
    inputs += [Tensor("categorical", "string", ("N", counts["categorical"]))] if counts["categorical"] else []
    outputs = [Tensor("label", label_type, ("N",)), Tensor("probabilities", "float32", ("N", n_classes))]
    for what, expected, found in (
        ("inputs", inputs, container.inputs),
        ("outputs", outputs, container.outputs),
    ):
        if tuple(expected) != found:
            raise ValueError(
                f"{what} of the graph must be {', '.join(map(str, expected))} to fit the schema, "
                f"however: {shortened(repr(', '.join(map(str, found))), 300)}"
            )


def _self_test(test: dict[str, Any], columns: tuple[Column, ...], labels: tuple[Any, ...]) -> SelfTest:
    where = "the self-test"
    cells = _entry(test, "columns", dict, where)
    recorded, rows = _entry(test, "labels", list, where), _entry(test, "probabilities", list, where)
    if not 1 <= len(recorded) <= _MAX_SELF_TEST_ROWS:
        raise ValueError(f"the self-test must have 1 to {_MAX_SELF_TEST_ROWS} rows, however: {len(recorded)}")
    if cells.keys() != {column.name for column in columns}:
        raise ValueError("the self-test must have the columns of the schema, however: it has others")
    for column in columns:
        values = _entry(cells, column.name, list, where)
        if len(values) != len(recorded) or not all(_is_cell(value, column.type) for value in values):
            raise ValueError(
                f"column {_shown(column.name)} of the self-test must hold {len(recorded)} {column.type} cells, "
                f"however: {_shown(values)}"
            )
    if not all(type(label) is type(labels[0]) and label in labels for label in recorded):
        raise ValueError(f"labels of the self-test must be classes, however: {_shown(recorded)}")
    if len(rows) != len(recorded) or not all(
        type(row) is list and len(row) == len(labels) and all(_is_number(value) for value in row) for row in rows
    ):
        raise ValueError(
            f"probabilities of the self-test must be {len(recorded)} rows of {len(labels)} finite numbers, "
            f"however: {_shown(rows)}"
        )
    return SelfTest(cells, recorded, np.array(rows, np.float64))


def _is_cell(value: object, column_type: ColumnType) -> bool:
    if value is None:
        return True
    if column_type == "categorical":
        return type(value) is str
    return _is_number(value) or (type(value) is str and value in ("inf", "-inf"))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _entry(mapping: dict[str, Any], key: str, json_type: type, where: str) -> Any:
    """The value of a key that must be there and of one JSON type."""
    if key not in mapping:
        raise ValueError(f"{where} must have the key {_shown(key)}, however: it is missing")
    if type(mapping[key]) is not json_type:
        raise ValueError(f"{_shown(key)} of {where} must be {_JSON_TYPES[json_type]}, however: {_shown(mapping[key])}")
    return mapping[key]


def _check_text(value: object, what: str) -> None:
    if type(value) is not str or "\0" in value:
        raise ValueError(f"{what} must be strings without NUL, however: {_shown(value)}")


def _check_unique(values: list[str], what: str) -> None:
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise ValueError(f"{what} must be unique, however: {_shown(twice[0])} comes twice")


def _read_object(text: str, what: str) -> dict[str, Any]:
    """A JSON object without repeated keys, huge integers, NaN, deep nesting or invalid Unicode."""
    try:
        value = json.loads(text, object_pairs_hook=_pairs, parse_int=_integer, parse_constant=_constant)
        _check_nesting(value)
    except RecursionError:
        raise ValueError(f"{what} must nest at most {_MAX_NESTING} levels, however: it nests more") from None
    except ValueError as error:
        raise ValueError(f"{what} must be valid JSON, however: {shortened(str(error), 200)}") from None
    if type(value) is not dict:
        raise ValueError(f"{what} must be a JSON object, however: {_shown(value)}")
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _check_unique([key for key, _ in pairs], "keys")
    return dict(pairs)


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"an integer has {len(digits)} digits")
    return int(digits)


def _constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _check_nesting(value: Any) -> None:
    level = [value]
    for _ in range(_MAX_NESTING + 1):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += [*item.keys(), *item.values()]
            elif isinstance(item, list):
                below += item
            elif isinstance(item, str):
                item.encode()  # an escaped lone surrogate is no text
        if not below:
            return
        level = below
    raise RecursionError


def _shown(value: object) -> str:
    return shortened(repr(value))


__all__ = ["FORMAT", "Column", "ColumnType", "ModelFile", "ModelFileError", "SelfTest", "read_model"]
