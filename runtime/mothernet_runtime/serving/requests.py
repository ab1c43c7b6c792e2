"""What every route shares: the limits, reading a body as JSON, what a good answer is, and what a bad request is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mothernet_runtime.text import shortened

__all__ = ["Limits", "Reply", "RequestError", "checked_rows", "compact_json", "read_json"]

JSON = "application/json"


@dataclass(frozen=True)
class Limits:
    """What one request, and all together, may ask for.

    Parameters
    ----------
    rows, bytes : int
        Of one request.
    requests : int
        In work at a time; others are told to come again.
    body_seconds : float
        Until the body has arrived.
    """

    rows: int = 10_000
    bytes: int = 2**23
    requests: int = 128
    body_seconds: float = 30.0


class RequestError(ValueError):
    """A request that is refused; `status` is that of HTTP (4xx, or 503 where the server is busy)."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Reply:
    """The answer to a request for predictions, and the number of rows that it answers."""

    body: bytes
    n_rows: int
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def read_json(body: bytes) -> dict[str, Any]:
    """The object that a body holds; NaN and Infinity are numbers, as Python and NumPy write them.

    Raises
    ------
    RequestError
        The body is no JSON in UTF-8, no object, nests too deep, or repeats a key.
    """
    try:
        value = _DECODER.decode(body.decode())
    except RecursionError:
        raise RequestError("the body must not nest so deep. Send the rows as the documentation shows.") from None
    except RequestError:
        raise
    except ValueError as error:  # also what is no UTF-8, and integers of thousands of digits
        raise RequestError(f"the body must be JSON in UTF-8, however: {shortened(str(error), 200)}") from None
    if type(value) is not dict:
        raise RequestError(f"the body must be a JSON object, however: {shortened(repr(value))}")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise RequestError(f"keys of an object must be unique, however: {shortened(repr(twice))} comes twice")
    return found


def compact_json(value: Any) -> bytes:
    """A value as JSON without spaces, in ASCII."""
    return _ENCODER.encode(value).encode()


def checked_rows(n_rows: int, max_rows: int) -> int:
    """The number of rows; raises RequestError if there are more than one request may have."""
    if n_rows > max_rows:
        raise RequestError(
            f"a request must have at most {max_rows:,} rows, however: {n_rows:,}. Send them in parts.", status=413
        )
    return n_rows


_DECODER = json.JSONDecoder(object_pairs_hook=_object)  # made once: that takes longer than a small body
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
