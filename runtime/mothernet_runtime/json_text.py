"""Strict JSON, as metadata of a file may be hostile, and what its entries must be; nothing about columns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from mothernet_runtime.text import shortened

__all__ = ["check_text", "check_unique", "entry", "read_object", "shown"]

_TYPES = {dict: "an object", list: "an array", str: "a string", bool: "true or false", int: "an integer"}
_MAX_NESTING = 32  # levels of arrays and objects
_MAX_DIGITS = 40  # of an integer: more than 64 bits need, few enough to be read in no time


def read_object(text: str, what: str) -> dict[str, Any]:
    """A JSON object without repeated keys, huge integers, NaN, deep nesting or invalid Unicode."""
    try:
        value = json.loads(text, object_pairs_hook=_pairs, parse_int=_integer, parse_constant=_constant)
        _check_nesting(value)
    except RecursionError:
        raise ValueError(f"{what} must nest at most {_MAX_NESTING} levels, however: it nests more") from None
    except ValueError as error:
        raise ValueError(f"{what} must be valid JSON, however: {shortened(str(error), 200)}") from None
    if type(value) is not dict:
        raise ValueError(f"{what} must be a JSON object, however: {shown(value)}")
    return value


def entry(mapping: Mapping[str, Any], key: str, json_type: type, where: str) -> Any:
    """The value of a key that must be there and of one JSON type."""
    if key not in mapping:
        raise ValueError(f"{where} must have the key {shown(key)}, however: it is missing")
    if type(mapping[key]) is not json_type:
        raise ValueError(f"{shown(key)} of {where} must be {_TYPES[json_type]}, however: {shown(mapping[key])}")
    return mapping[key]


def check_text(value: object, what: str) -> None:
    """Raise ValueError unless a value is a string that every language can hold."""
    if type(value) is not str or "\0" in value:
        raise ValueError(f"{what} must be strings without NUL, however: {shown(value)}")


def check_unique(values: list[str], what: str) -> None:
    """Raise ValueError if a value comes twice."""
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise ValueError(f"{what} must be unique, however: {shown(twice[0])} comes twice")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    check_unique([key for key, _ in pairs], "keys")
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


def shown(value: object) -> str:
    """A value of JSON in an error message."""
    return shortened(repr(value))
