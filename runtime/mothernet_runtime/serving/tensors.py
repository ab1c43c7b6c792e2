"""Tensors of the Open Inference Protocol: cells of one column in, labels and probabilities out; as JSON or as bytes.

What cells mean is decided by the column's rule (FORMAT.md 2.6); what a request is, in `inference_protocol.py`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mothernet_runtime.serving.requests import RequestError
from mothernet_runtime.text import shortened

__all__ = ["BYTES", "cells_of_bytes", "cells_of_json", "datatype_of_labels", "shape_rows", "tensor_bytes"]

BYTES = "BYTES"
_NUMBERS: Mapping[str, np.dtype[Any]] = {
    "BOOL": np.dtype("?"),
    **{f"{kind}{8 * size}": np.dtype(f"<{kind[0].lower()}{size}") for kind in ("INT", "UINT") for size in (1, 2, 4, 8)},
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
_JSON_TYPES: Mapping[str, set[type]] = {
    "b": {bool},
    "i": {int},
    "u": {int},
    "f": {int, float},
}  # by the kind of a dtype
_JSON_WORDS = {"b": "true or false", "i": "integers", "u": "integers", "f": "numbers"}
_LABELS = {"U": BYTES, "i": "INT64", "b": "BOOL", "f": "FP64"}
_LENGTH = struct.Struct("<I")  # before each text


def datatype_of_labels(classes: npt.NDArray[Any]) -> str:
    """The datatype of a model's labels."""
    return _LABELS[classes.dtype.kind]


def shape_rows(shape: Any, where: str) -> int:
    """The number of rows N of a tensor of shape [N] or [N, 1].

    Raises
    ------
    RequestError
        It is another shape.
    """
    is_list = type(shape) is list and len(shape) in (1, 2) and all(type(size) is int for size in shape)
    if not is_list or shape[0] < 0 or shape[1:] not in ([], [1]):
        raise RequestError(f"the shape of {where} must be [N] or [N, 1], however: {shortened(repr(shape))}")
    return int(shape[0])


def cells_of_json(data: Any, datatype: Any, n_rows: int, where: str) -> Any:
    """The cells that a tensor holds as JSON: flat, or each in an array of its own; null is missing.

    Returns
    -------
    list or ndarray (N,)

    Raises
    ------
    RequestError
        They are not of the datatype, or not N.
    """
    if type(data) is not list:
        raise RequestError(f"data of {where} must be an array, however: {shortened(repr(data))}")
    if data and all(type(cell) is list and len(cell) == 1 for cell in data):
        data = [cell for (cell,) in data]
    if len(data) != n_rows:
        raise RequestError(f"data of {where} must hold {n_rows:,} cells, as its shape says, however: {len(data):,}")
    types = set(map(type, data)) - {type(None)}
    if _known(datatype, where) == BYTES:
        _check_types(data, types, {str}, "strings", where, datatype)
        return data
    dtype = _NUMBERS[datatype]
    _check_types(data, types, _JSON_TYPES[dtype.kind], _JSON_WORDS[dtype.kind], where, datatype)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        beyond = [cell for cell in data if cell is not None and not limits.min <= cell <= limits.max]
        if beyond:
            raise RequestError(f"data of {where} must fit {datatype}, however: {shortened(repr(beyond[0]))}")
    if dtype.kind != "f":
        return data
    try:
        with np.errstate(over="ignore"):  # beyond the datatype is infinite
            return np.array([math.nan if cell is None else cell for cell in data], np.float64).astype(dtype)
    except OverflowError:
        raise RequestError(f"data of {where} must fit {datatype}, however: one number is beyond float64") from None


def _check_types(
    data: Sequence[Any], found: set[type], allowed: set[type], words: str, where: str, datatype: str
) -> None:
    if not found <= allowed:
        row = next(row for row, cell in enumerate(data) if cell is not None and type(cell) not in allowed)
        raise RequestError(
            f"data of {where} must be {words} ({datatype}) or null, however: cell {row} is {shortened(repr(data[row]))}"
        )


def cells_of_bytes(raw: memoryview, datatype: Any, n_rows: int, where: str) -> Any:
    """The cells that a tensor holds as bytes, as the extension for binary tensor data has them.

    Returns
    -------
    list of str, or ndarray (N,)

    Raises
    ------
    RequestError
        They are not N of the datatype, or texts are not UTF-8.
    """
    if _known(datatype, where) == BYTES:
        return _texts(raw, n_rows, where)
    dtype = _NUMBERS[datatype]
    if len(raw) != n_rows * dtype.itemsize:
        raise RequestError(
            f"binary data of {where} must be {n_rows * dtype.itemsize:,} bytes ({n_rows:,} of {datatype}), "
            f"however: {len(raw):,}"
        )
    if dtype.kind == "b":
        return np.frombuffer(raw, np.uint8) != 0
    return np.frombuffer(raw, dtype).astype(dtype.newbyteorder("="), copy=False)


def _texts(raw: memoryview, n_rows: int, where: str) -> list[str]:
    data, texts, start = bytes(raw), [], 0
    try:
        for _ in range(n_rows):
            (length,) = _LENGTH.unpack_from(data, start)
            end = start + _LENGTH.size + length
            texts.append(data[start + _LENGTH.size : end].decode())
            start = end
    except struct.error:
        start = -1
    except UnicodeDecodeError as error:
        raise RequestError(
            f"texts of {where} must be UTF-8, however: cell {len(texts)} is {shortened(repr(error.object))}"
        ) from None
    if start != len(data):
        raise RequestError(
            f"binary data of {where} must be {n_rows:,} texts, each behind its length, however: "
            f"the {len(data):,} bytes are not so many"
        )
    return texts


def _known(datatype: Any, where: str) -> str:
    if type(datatype) is not str or (datatype != BYTES and datatype not in _NUMBERS):
        known = ", ".join((*_NUMBERS, BYTES))
        raise RequestError(f"the datatype of {where} must be of {known}, however: {shortened(repr(datatype))}")
    return datatype


def tensor_bytes(answers: npt.NDArray[Any]) -> bytes:
    """Labels or probabilities as the extension for binary tensor data has them."""
    if answers.dtype.kind == "U":
        texts = [text.encode() for text in answers.tolist()]
        return b"".join(part for text in texts for part in (_LENGTH.pack(len(text)), text))
    return answers.astype(answers.dtype.newbyteorder("<"), copy=False).tobytes()
