"""From the values of a training column to what the child's file takes: numbers in float32, or canonical texts.

A date becomes several numbers. Where float32 cannot tell a column's numbers apart (timestamps, long codes), an offset
is subtracted first, in float64; every reader of the file does the same. How a raw cell becomes a value is
:mod:`mothernet_runtime.cells`' business.

Axis letters: N rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from mothernet_runtime.cells import CategoryRule, CellRule, DateRule, IgnoredRule, NumberRule, date_part

__all__ = ["RawCategories", "RawColumn", "RawIgnored", "RawNumbers", "raw_columns"]

InputPart = Literal["value", "days", "month", "weekday", "hour"]

_KEPT_SHARE = 0.98  # of the distinct numbers that float32 must keep, or an offset is subtracted


class RawNumbers(NamedTuple):
    """One numeric input of the graph."""

    name: str
    rule: NumberRule | DateRule
    part: InputPart
    offset: float
    values: npt.NDArray[np.float32]  # (N,) minus the offset, NaN where missing


class RawCategories(NamedTuple):
    """One categorical input of the graph."""

    name: str
    rule: CategoryRule
    texts: npt.NDArray[np.object_]  # (N,) canonical, "" where missing


class RawIgnored(NamedTuple):
    """A column that is not read."""

    name: str


RawColumn = RawNumbers | RawCategories | RawIgnored


_DATE_PARTS: tuple[Literal["days", "month", "weekday", "hour"], ...] = ("days", "month", "weekday", "hour")


def raw_columns(columns: Iterable[tuple[str, CellRule, npt.NDArray[Any]]]) -> list[RawColumn]:
    """The graph's inputs from names, rules and values (as :func:`mothernet_runtime.columns.read_column` gives them)."""
    raw: list[RawColumn] = []
    for name, rule, values in columns:
        if isinstance(rule, IgnoredRule):
            raw.append(RawIgnored(name))
        elif isinstance(rule, CategoryRule):
            raw.append(RawCategories(name, rule, values))
        elif isinstance(rule, NumberRule):
            raw.append(_numbers(name, rule, "value", values))
        else:
            raw += _dates(name, rule, values)
    return raw


def _dates(name: str, rule: DateRule, seconds: npt.NDArray[np.float64]) -> list[RawColumn]:
    """Days, and month, weekday and hour where they vary; of times of day the hour alone."""
    parts: list[RawColumn] = []
    for part in _DATE_PARTS:
        values = date_part(seconds, part)
        if len(np.unique(values[np.isfinite(values)])) > 1:
            parts.append(_numbers(name, rule, part, values))
    return parts or [_numbers(name, rule, "days", date_part(seconds, "days"))]


def _numbers(name: str, rule: NumberRule | DateRule, part: InputPart, values: npt.NDArray[np.float64]) -> RawNumbers:
    offset = _offset(values)
    with np.errstate(over="ignore"):  # beyond float32 counts as infinite, which is clipped like any extreme
        return RawNumbers(name, rule, part, offset, (values - offset if offset else values).astype(np.float32))


def _offset(values: npt.NDArray[np.float64]) -> float:
    """The median number where float32 merges the column's numbers, else zero."""
    finite = np.sort(values[np.isfinite(values)])
    with np.errstate(over="ignore"):
        single = finite.astype(np.float32)
    distinct, kept = (1 + np.count_nonzero(each[1:] != each[:-1]) for each in (finite, single))
    return float(finite[len(finite) // 2]) if kept < _KEPT_SHARE * distinct else 0.0
