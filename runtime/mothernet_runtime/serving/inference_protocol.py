"""The Open Inference Protocol v2: what it calls metadata and an inference, of one model.

https://github.com/kserve/open-inference-protocol, with Triton's extension for binary tensor data. A raw column is an
input of its own, so that a client sends cells and knows nothing of the graph.

Axis letters: N rows, C classes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mothernet_runtime.model import Model
from mothernet_runtime.serving.requests import Reply, RequestError, checked_rows, compact_json, read_json
from mothernet_runtime.serving.tensors import (
    BYTES,
    cells_of_bytes,
    cells_of_json,
    datatype_of_labels,
    shape_rows,
    tensor_bytes,
)
from mothernet_runtime.text import shortened

__all__ = ["VERSION", "infer", "model_metadata"]

VERSION = "1"  # of every model: a file is one
HEADER_LENGTH = "Inference-Header-Content-Length"  # bytes of JSON, where bytes of tensors follow
_OUTPUTS = ("label", "probabilities")
_DATATYPES = {"number": "FP64", "boolean": "BOOL", "date": BYTES, "category": BYTES}  # what metadata recommends
_FEW_ROWS = 16  # read as records, which takes less than columns do


def model_metadata(name: str, model: Model) -> dict[str, Any]:
    """Inputs and outputs of a model; each column that is not ignored is an input."""
    classes = json.dumps(model.classes_.tolist(), ensure_ascii=False)
    return {
        "name": name,
        "versions": [VERSION],
        "platform": "onnxruntime_onnx",
        "inputs": [
            {
                "name": column.name,
                "datatype": _DATATYPES[column.type],
                "shape": [-1],
                "parameters": {"column_type": column.type},
            }
            for column in model.columns_
            if not column.is_ignored
        ],
        "outputs": [
            {"name": "label", "datatype": datatype_of_labels(model.classes_), "shape": [-1]},
            {
                "name": "probabilities",
                "datatype": "FP32",
                "shape": [-1, len(model.classes_)],
                "parameters": {"classes": classes},
            },
        ],
    }


def infer(name: str, model: Model, body: bytes, headers: Mapping[str, str], max_rows: int) -> Reply:
    """Answer the body of an inference request.

    Parameters
    ----------
    name : str
        Of the model, for the answer.
    headers : mapping
        Of the request; names in any letter case.

    Raises
    ------
    ValueError, TypeError
        The request is not as it should be: `RequestError`, or what the model says of its rows.
    """
    view = memoryview(body)
    length = _header_length(headers.get(HEADER_LENGTH), len(body))
    request = read_json(bytes(view[:length]))
    identifier = request.get("id", "")
    if type(identifier) is not str:
        raise RequestError(f"id must be a string, however: {shortened(repr(identifier))}")
    wanted = _wanted(request)
    columns, n_rows = _columns(request.get("inputs"), view[length:], max_rows)
    answers = _answers(model, _rows(columns, n_rows), wanted)
    parts: list[bytes] = []
    outputs = [_output(output, answers[output], model, is_binary, parts) for output, is_binary in wanted.items()]
    reply = {"model_name": name, "model_version": VERSION, "outputs": outputs}
    head = compact_json({**reply, "id": identifier} if identifier else reply)
    if not any(wanted.values()):
        return Reply(head, n_rows)
    return Reply(b"".join([head, *parts]), n_rows, "application/octet-stream", {HEADER_LENGTH: str(len(head))})


def _header_length(given: str | None, n_bytes: int) -> int:
    if given is None:
        return n_bytes
    if not (given.isascii() and given.isdigit() and len(given) < 16 and int(given) <= n_bytes):
        raise RequestError(
            f"{HEADER_LENGTH} must be the bytes of JSON, at most the {n_bytes:,} of the body, however: "
            f"{shortened(repr(given))}"
        )
    return int(given)


def _wanted(request: Mapping[str, Any]) -> dict[str, bool]:
    """Names of the outputs to give, and whether as bytes."""
    as_bytes = _parameters(request, "the request").get("binary_data_output", False)
    outputs = request.get("outputs")
    if outputs in (None, []):
        outputs = [{"name": name} for name in _OUTPUTS]
    if type(outputs) is not list or not all(type(output) is dict for output in outputs):
        raise RequestError(f"outputs must be an array of objects, however: {shortened(repr(outputs))}")
    wanted = {}
    for output in outputs:
        name = output.get("name")
        if name not in _OUTPUTS or name in wanted:
            raise RequestError(f"outputs must be of {', '.join(_OUTPUTS)}, each once, however: {shortened(repr(name))}")
        parameters = _parameters(output, f"output {name!r}")
        if unknown := {"classification", "shared_memory_region"} & parameters.keys():
            raise RequestError(f"output {name!r} must be asked for as it is, however: with {unknown.pop()!r}")
        wanted[name] = parameters.get("binary_data", as_bytes)
        if type(wanted[name]) is not bool:
            raise RequestError(f"binary_data must be true or false, however: {shortened(repr(wanted[name]))}")
    return wanted


def _columns(inputs: Any, raw: memoryview, max_rows: int) -> tuple[dict[str, Any], int]:
    """Cells by column, and the number of rows N that all of them have."""
    if type(inputs) is not list or not inputs or not all(type(tensor) is dict for tensor in inputs):
        raise RequestError(f"inputs must be an array of objects, one per column, however: {shortened(repr(inputs))}")
    columns: dict[str, Any] = {}
    sizes: dict[str, int] = {}
    start = 0
    for tensor in inputs:
        name = tensor.get("name")
        if type(name) is not str or name in columns:
            raise RequestError(f"inputs must have names, each another, however: {shortened(repr(name))}")
        where = f"input {shortened(repr(name))}"
        sizes[name] = n_rows = checked_rows(shape_rows(tensor.get("shape"), where), max_rows)
        size = _parameters(tensor, where).get("binary_data_size")
        if (size is None) is ("data" not in tensor):
            raise RequestError(f"{where} must have either data or the parameter binary_data_size")
        if size is None:
            columns[name] = cells_of_json(tensor["data"], tensor.get("datatype"), n_rows, where)
            continue
        if type(size) is not int or not 0 <= size <= len(raw) - start:
            raise RequestError(
                f"binary_data_size of {where} must be a number of bytes that the body still has "
                f"({len(raw) - start:,}), however: {shortened(repr(size))}"
            )
        columns[name] = cells_of_bytes(raw[start : start + size], tensor.get("datatype"), n_rows, where)
        start += size
    if start != len(raw):
        raise RequestError(f"the body must end with its last tensor, however: {len(raw) - start:,} bytes follow")
    if len(set(sizes.values())) > 1:
        raise RequestError(f"inputs must have equally many rows, however: {shortened(repr(sizes), 200)}")
    return columns, n_rows


def _rows(columns: dict[str, Any], n_rows: int) -> Any:
    """The same for a model, in the form that it reads fastest."""
    if not 0 < n_rows <= _FEW_ROWS:
        return columns
    lists = [cells if type(cells) is list else cells.tolist() for cells in columns.values()]
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*lists, strict=True)]
    return rows[0] if n_rows == 1 else rows


def _answers(model: Model, rows: Any, wanted: Collection[str]) -> dict[str, npt.NDArray[Any]]:
    """The outputs by name; one alone takes less time."""
    if len(wanted) > 1:
        return dict(zip(_OUTPUTS, model.predict_both(rows), strict=True))
    (name,) = wanted
    return {name: model.predict(rows) if name == "label" else model.predict_proba(rows)}


def _output(name: str, answers: npt.NDArray[Any], model: Model, is_binary: bool, parts: list[bytes]) -> dict[str, Any]:
    datatype = datatype_of_labels(model.classes_) if name == "label" else "FP32"
    output: dict[str, Any] = {"name": name, "datatype": datatype, "shape": list(answers.shape)}
    if is_binary:
        parts.append(tensor_bytes(answers))
        return {**output, "parameters": {"binary_data_size": len(parts[-1])}}
    return {**output, "data": np.ravel(answers).tolist()}


def _parameters(of: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    parameters = of.get("parameters", {})
    if type(parameters) is not dict:
        raise RequestError(f"parameters of {where} must be an object, however: {shortened(repr(parameters))}")
    return parameters
