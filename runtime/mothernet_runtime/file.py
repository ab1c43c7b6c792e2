"""What a MotherNet .onnx file says about itself: columns, classes, versions and self-test, checked against FORMAT.md.

Only a file that is valid from end to end becomes a `ModelFile`. The container is parsed in `container.py`; nothing is
run here.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from mothernet_runtime.cells import DateRule
from mothernet_runtime.container import read_container, read_metadata
from mothernet_runtime.graph_rules import Container, ModelFileError, Tensor, is_ort
from mothernet_runtime.json_text import check_text, entry, read_object, shown
from mothernet_runtime.schema import INPUTS, Column, Input, read_columns
from mothernet_runtime.text import shortened

__all__ = ["FORMAT", "Column", "Form", "Input", "ModelFile", "ModelFileError", "SelfTest", "read_model"]

FORMAT = "2"  # the only `mothernet.format` that this runtime reads
Form = Literal["full", "core"]  # raw rows in, or numbers

_CLASS_TYPES: dict[str, tuple[type, Any]] = {
    "string": (str, np.str_),
    "integer": (int, np.int64),
    "boolean": (bool, np.bool_),
    "float": (float, np.float64),
}
MAX_SELF_TEST_ROWS = 8


@dataclass(frozen=True)
class SelfTest:
    """The rows of ``mothernet.self_test`` and the answers recorded for them.

    Parameters
    ----------
    columns : dict of str to list
        Raw cells of each column that is not ignored; n rows.
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
        ``mothernet.schema`` as written, with ``schema_hash``, ``format``, ``form`` and ``versions`` beside it.
    self_test : SelfTest
    form : {"full", "core"}
        What the graph takes: numbers and strings, or numbers alone.
    """

    data: bytes
    columns: tuple[Column, ...]
    classes: npt.NDArray[Any]
    labels: tuple[Any, ...]
    schema: dict[str, Any]
    self_test: SelfTest
    form: Form


def read_model(data: bytes, source: str) -> ModelFile:
    """Read and check a file's bytes; `source` names the file in errors.

    Raises
    ------
    ModelFileError
        If the bytes are empty, no ONNX file, cut off, not written by MotherNet, of another format, or in any way not as
        FORMAT.md demands.
    """
    if is_ort(data):
        from mothernet_runtime import ort_container  # which few files need

        metadata = ort_container.read_ort_metadata(data, source)
    else:
        metadata = read_metadata(data, source)
    if "mothernet.format" not in metadata:
        raise ModelFileError(
            f"{source} is an ONNX file, but not one of MotherNet (its metadata has no 'mothernet.format'). "
            "Write one with `mothernet export`, or run this one with onnxruntime itself."
        )
    version = metadata["mothernet.format"]
    if version != FORMAT:
        is_number = version.isascii() and version.isdecimal() and version[0] != "0"
        is_newer = is_number and (len(version), version) > (len(FORMAT), FORMAT)
        raise ModelFileError(
            f"{source} has format {shortened(repr(version))}; this runtime reads format {FORMAT}. "
            + ("Upgrade mothernet-runtime." if is_newer else "Copy or export the file again.")
        )
    try:
        return _read_valid(data, ort_container.read_ort_container(data)[0] if is_ort(data) else read_container(data))
    except ValueError as error:
        raise ModelFileError(
            f"{source} is not as format {FORMAT} demands: {error}. Copy or export the file again."
        ) from error


def _read_valid(data: bytes, container: Container) -> ModelFile:
    metadata = container.metadata
    for key in ("schema", "schema_hash", "graph_hash", "versions", "self_test"):
        if f"mothernet.{key}" not in metadata:
            raise ValueError(f"the metadata must have all keys, however: 'mothernet.{key}' is missing")
    text = metadata["mothernet.schema"]
    if hashlib.sha256(text.encode()).hexdigest() != metadata["mothernet.schema_hash"]:
        raise ValueError("the schema does not match its hash")
    schema = read_object(text, "the schema")
    versions = read_object(metadata["mothernet.versions"], "versions")
    for name in versions:
        entry(versions, name, str, "versions")
    columns = read_columns(entry(schema, "columns", list, "the schema"))
    label_type = entry(schema, "label_type", str, "the schema")
    if label_type not in _CLASS_TYPES:
        raise ValueError(f"label_type must be one of {', '.join(_CLASS_TYPES)}, however: {shown(label_type)}")
    classes = _classes(entry(schema, "classes", list, "the schema"), label_type)
    if entry(schema, "width", int, "the schema") < 0:
        raise ValueError(f"width must be at least 0, however: {schema['width']}")
    labels = tuple(label if label_type == "integer" else str(label) for label in classes)
    form = _form(metadata)
    _check_graph(container, columns, len(classes), "int64" if label_type == "integer" else "string", form)
    if metadata["mothernet.graph_hash"] != container.graph_hash:
        raise ValueError("the graph does not match its hash")
    return ModelFile(
        data=data,
        columns=columns,
        classes=np.array(classes, dtype=_CLASS_TYPES[label_type][1]),
        labels=labels,
        schema={
            **schema,
            "format": int(FORMAT),
            "form": form,
            "schema_hash": metadata["mothernet.schema_hash"],
            "versions": versions,
        },
        self_test=_self_test(read_object(metadata["mothernet.self_test"], "the self-test"), columns, labels),
        form=form,
    )


def _form(metadata: Mapping[str, str]) -> Form:
    found = metadata.get("mothernet.form", "full")
    if found not in get_args(Form):
        raise ValueError(f"mothernet.form must be one of {', '.join(get_args(Form))}, however: {shown(found)}")
    return cast(Form, found)


def _classes(values: list[Any], label_type: str) -> list[Any]:
    """The classes as Python values, strictly increasing."""
    if label_type == "float":
        values = [float(value) if type(value) is int else value for value in values]  # JSON has one type of number
    wrong = [value for value in values if type(value) is not _CLASS_TYPES[label_type][0]]
    if wrong:
        raise ValueError(f"classes of label_type {label_type!r} must be of that type, however: {shown(wrong[0])}")
    for value in values:
        if label_type == "string":
            check_text(value, "classes")
        if not (
            -(2**63) <= value < 2**63 if label_type == "integer" else label_type != "float" or math.isfinite(value)
        ):
            raise ValueError(f"classes must be finite and fit into 64 bits, however: {shown(value)}")
    for low, high in itertools.pairwise(values):
        if not low < high:
            raise ValueError(f"classes must be strictly increasing, however: {shown(low)} comes before {shown(high)}")
    if len(values) < 2:
        raise ValueError(f"classes must be at least two, however: {len(values)}")
    return values


def _check_graph(
    container: Container, columns: tuple[Column, ...], n_classes: int, label_type: str, form: Form
) -> None:
    """Inputs and outputs of the graph follow from the schema."""
    counts = Counter(each.input for column in columns for each in column.inputs)
    types = {"numeric": "float32", "categorical": "string"}
    inputs = [Tensor(name, types[name], ("N", counts[name])) for name in INPUTS if counts[name]]
    outputs = [Tensor("label", label_type, ("N",)), Tensor("probabilities", "float32", ("N", n_classes))]
    if form == "core":
        inputs = [Tensor("numbers", "float32", ("N", counts.total()))]
        outputs[0] = Tensor("class_index", "int64", ("N",))
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
    cells = entry(test, "columns", dict, where)
    recorded, rows = entry(test, "labels", list, where), entry(test, "probabilities", list, where)
    if not 1 <= len(recorded) <= MAX_SELF_TEST_ROWS:
        raise ValueError(f"the self-test must have 1 to {MAX_SELF_TEST_ROWS} rows, however: {len(recorded)}")
    read = [column for column in columns if not column.is_ignored]
    if not {column.name for column in read} <= cells.keys() <= {column.name for column in columns}:
        raise ValueError("the self-test must have the columns of the schema, however: it has others")
    for column in read:
        values = entry(cells, column.name, list, where)
        if len(values) != len(recorded) or not all(_is_cell(value, column) for value in values):
            raise ValueError(
                f"column {shown(column.name)} of the self-test must hold {len(recorded)} cells of the type "
                f"{column.type}, however: {shown(values)}"
            )
    if not all(type(label) is type(labels[0]) and label in labels for label in recorded):
        raise ValueError(f"labels of the self-test must be classes, however: {shown(recorded)}")
    if len(rows) != len(recorded) or not all(
        type(row) is list and len(row) == len(labels) and all(_is_number(value) for value in row) for row in rows
    ):
        raise ValueError(
            f"probabilities of the self-test must be {len(recorded)} rows of {len(labels)} finite numbers, "
            f"however: {shown(rows)}"
        )
    return SelfTest({column.name: cells[column.name] for column in read}, recorded, np.array(rows, np.float64))


def _is_cell(value: object, column: Column) -> bool:
    if value is None:
        return True
    if isinstance(column.rule, DateRule):
        return type(value) is str and column.rule.read_text(value) is not None
    if column.type == "category":
        return type(value) is str
    if column.type == "boolean" and type(value) is bool:
        return True
    return _is_number(value) or (type(value) is str and value in ("inf", "-inf"))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
