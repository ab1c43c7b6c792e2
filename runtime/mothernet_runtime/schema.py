"""The columns that a file describes: how raw cells are read, and which inputs of the graph they become.

FORMAT.md sections 2 and 5. Classes, the self-test and the rest of the metadata are :mod:`mothernet_runtime.file`'s.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from mothernet_runtime.cells import CategoryRule, CellRule, DateRule, IgnoredRule, rule_of_schema
from mothernet_runtime.dates import DATE_PARTS, DatePart
from mothernet_runtime.json_text import check_text, check_unique, entry, shown

__all__ = ["INPUTS", "Column", "Input", "InputName", "read_columns"]

InputName = Literal["numeric", "categorical"]
INPUTS: tuple[InputName, ...] = get_args(InputName)


@dataclass(frozen=True)
class Input:
    """One column of an input of the graph, and what of a cell it takes.

    Parameters
    ----------
    input : {"numeric", "categorical"}
    position : int
        From 0.
    part : {"value", "days", "month", "weekday", "hour"}
        Of a date one of the latter, else ``"value"``.
    offset : float
        What is subtracted in float64, before rounding to float32.
    """

    input: InputName
    position: int
    part: Literal["value"] | DatePart = "value"
    offset: float = 0.0


@dataclass(frozen=True)
class Column:
    """One raw column of the training table.

    Parameters
    ----------
    name : str
    rule : CellRule
        What its cells mean.
    inputs : tuple of Input
        What it becomes; none if it is ignored.
    used : bool
        Whether its cells have an influence.
    missing_in_training : bool
    categories : tuple of str
        Empty unless cells are categories and used.
    """

    name: str
    rule: CellRule
    inputs: tuple[Input, ...]
    used: bool = True
    missing_in_training: bool = False
    categories: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """``"number"``, ``"boolean"``, ``"date"``, ``"category"`` or ``"ignored"``."""
        return self.rule.type

    @cached_property
    def known(self) -> frozenset[str]:
        """The categories, for a look whether one is there."""
        return frozenset(self.categories)

    @property
    def is_ignored(self) -> bool:
        """Whether cells are not read, and rows may leave the column out."""
        return isinstance(self.rule, IgnoredRule)


def read_columns(entries: Sequence[Any]) -> tuple[Column, ...]:
    """The columns of a schema, from its JSON.

    Raises
    ------
    ValueError
        They are not as FORMAT.md says.
    """
    positions = Counter[str]()
    columns = tuple(_column(each, f"column {number}", positions) for number, each in enumerate(entries))
    check_unique([column.name for column in columns], "names of columns")
    if not positions.total():
        raise ValueError("the schema must have at least one column that is not ignored, however: it has none")
    return columns


def _column(value: Any, where: str, positions: Counter[str]) -> Column:
    if type(value) is not dict:
        raise ValueError(f"{where} must be an object, however: {shown(value)}")
    name = entry(value, "name", str, where)
    check_text(name, f"the name of {where}")
    rule = rule_of_schema(value, where)
    used, missing = entry(value, "used", bool, where), entry(value, "missing_in_training", bool, where)
    inputs = _inputs(entry(value, "inputs", list, where), rule, where, positions)
    categories: tuple[str, ...] = ()
    if isinstance(rule, CategoryRule):
        categories = _categories(entry(value, "categories", list, where), rule, where)
        if used != bool(categories) or missing != ("" in categories):
            raise ValueError(
                f"used and missing_in_training of {where} must be {bool(categories)} and {'' in categories} "
                f"for its categories, however: {used} and {missing}"
            )
    elif "categories" in value:
        raise ValueError(f"{where} is of type {rule.type} and must have no categories, however: it has")
    elif (missing and not used) or (used and isinstance(rule, IgnoredRule)):
        raise ValueError(
            f"used and missing_in_training of {where}, of type {rule.type}, must not be {used} and {missing}"
        )
    return Column(name, rule, inputs, used, missing, categories)


def _inputs(values: list[Any], rule: CellRule, where: str, positions: Counter[str]) -> tuple[Input, ...]:
    """The inputs of one column; `positions` counts those of each input of the graph."""
    inputs: list[Input] = []
    matrix: InputName = "categorical" if isinstance(rule, CategoryRule) else "numeric"
    for value in values:
        if type(value) is not dict:
            raise ValueError(f"inputs of {where} must be objects, however: {shown(value)}")
        if entry(value, "input", str, f"the inputs of {where}") != matrix:
            raise ValueError(
                f"inputs of {where} must be {matrix} for its type {rule.type}, however: {shown(value['input'])}"
            )
        if entry(value, "position", int, f"the inputs of {where}") != positions[matrix]:
            raise ValueError(
                f"the position of {where} must be {positions[matrix]}, after the {matrix} inputs before it, "
                f"however: {value['position']}"
            )
        positions[matrix] += 1
        inputs.append(_numeric_input(value, rule, where) if matrix == "numeric" else Input(matrix, value["position"]))
    expected = "none" if isinstance(rule, IgnoredRule) else "one to four" if isinstance(rule, DateRule) else "one"
    if not {"none": 0, "one": 1, "one to four": 1}[expected] <= len(inputs) <= {"none": 0, "one": 1}.get(expected, 4):
        raise ValueError(f"inputs of {where} must be {expected} for its type {rule.type}, however: {len(inputs)}")
    check_unique([each.part for each in inputs], f"parts of {where}")
    return tuple(inputs)


def _numeric_input(value: dict[str, Any], rule: CellRule, where: str) -> Input:
    parts = DATE_PARTS if isinstance(rule, DateRule) else ("value",)
    part, offset = entry(value, "part", str, f"the inputs of {where}"), value.get("offset")
    if part not in parts:
        raise ValueError(f"the part of {where} must be one of {', '.join(parts)}, however: {shown(part)}")
    if type(offset) not in (int, float) or not math.isfinite(_as_float(offset)):
        raise ValueError(f"the offset of {where} must be a finite number, however: {shown(offset)}")
    return Input("numeric", value["position"], part, _as_float(offset))


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _categories(values: list[Any], rule: CategoryRule, where: str) -> tuple[str, ...]:
    for value in values:
        check_text(value, f"categories of {where}")
        if rule.read_text(value) != value:
            raise ValueError(
                f"categories of {where} must be as its cells are read, however: {shown(value)} "
                f"is read as {shown(rule.read_text(value))}"
            )
    check_unique(values, f"categories of {where}")
    return tuple(values)
