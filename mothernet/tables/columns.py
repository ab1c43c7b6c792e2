"""The columns of a training table: how each is read, decided once, and what its cells are.

Columns come from files (distinct texts and codes) and from callers' tables (anything that
:mod:`mothernet_runtime.columns` opens); the same cells are read alike through every door. What the values become is
:mod:`mothernet.tables.raw_inputs`' and :mod:`mothernet.tables.encoding`'s business.

Axis letters: N rows.
"""

from __future__ import annotations

import datetime
import numbers
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from mothernet_runtime.cells import CategoryRule, CellRule, DateRule, IgnoredRule, NumberRule
from mothernet_runtime.columns import column_cells, read_column
from mothernet_runtime.text import category_texts, is_missing

from mothernet.tables.distinct_texts import DistinctTexts
from mothernet.tables.inference import ColumnChoice, Reading, identifies_rows, infer_rule
from mothernet.tables.text_columns import TextColumn

__all__ = ["TrainingColumn", "read_training_columns"]

_DATES = (datetime.date, datetime.time, np.datetime64)


class TrainingColumn(NamedTuple):
    """A column as it is read."""

    name: str
    reading: Reading
    values: npt.NDArray[Any]  # (N,) numbers or seconds in float64, canonical texts, or nothing where ignored

    def take(self, rows: npt.NDArray[Any]) -> TrainingColumn:
        """The same column, of these rows."""
        return self._replace(values=self.values[rows]) if len(self.values) else self  # ignored ones have none

    @property
    def rule(self) -> CellRule:
        """The rule of its cells."""
        return self.reading.rule


def read_training_columns(
    columns: Mapping[str, Any],
    choices: Mapping[str, ColumnChoice | CellRule] | None = None,
    *,
    are_named: bool = True,
) -> list[TrainingColumn]:
    """Decide how every column is read, and read it.

    Parameters
    ----------
    columns : mapping of str to column
        In the order of the table.
    choices : mapping, optional
        Types, or whole rules, that the caller names.
    are_named : bool
        Whether the names are the table's own; without them nothing is taken for an identifier.

    Raises
    ------
    ValueError, TypeError
        A column cannot be read as asked, or holds what is no cell.
    """
    choices = choices or {}
    readings = {name: _reading(name, column, choices.get(name), are_named) for name, column in columns.items()}
    if any(isinstance(reading.rule, NumberRule) and reading.rule.decimal == "," for reading in readings.values()):
        for name, reading in readings.items():  # 1,234 is no thousand in a table with decimal commas
            rule, choice = reading.rule, choices.get(name)
            if isinstance(rule, NumberRule) and rule.group == "," and (choice is None or isinstance(choice, str)):
                readings[name] = infer_rule(name, _texts(columns[name]), decimal=",", choice=choice)
    if all(isinstance(reading.rule, IgnoredRule) for reading in readings.values()):  # a file takes one column at least
        first = next(iter(readings))
        readings[first] = Reading(CategoryRule(), readings[first].reason)
    return [
        TrainingColumn(name, reading, _values(name, reading.rule, columns[name])) for name, reading in readings.items()
    ]


def _values(name: str, rule: CellRule, column: Any) -> npt.NDArray[Any]:
    if isinstance(rule, IgnoredRule):
        return np.empty(0)
    if isinstance(column, TextColumn):
        return column.read(name, rule)
    return read_column(name, rule, column)


def _reading(name: str, column: Any, choice: ColumnChoice | CellRule | None, are_named: bool) -> Reading:
    if choice is not None and not isinstance(choice, str):
        return Reading(choice, "as asked")
    typed: CellRule | None = None
    if isinstance(column, TextColumn):
        typed = NumberRule() if column.numbers is not None and choice in (None, "number") else None
    elif choice is None:
        typed = _typed_rule(name, column)
    if typed is None:
        return infer_rule(name, _texts(column), choice=choice)
    if not isinstance(typed, NumberRule):
        return Reading(typed)
    if choice == "number":
        return Reading(typed, "as asked")
    values = _values(name, typed, column)
    present = values[~np.isnan(values)]
    if not len(present):
        return Reading(IgnoredRule(), "all cells are missing")
    if len(present) == len(values) and (present == present[0]).all():
        return Reading(IgnoredRule(), "constant")
    if are_named and (why := identifies_rows(name, present)):
        return Reading(IgnoredRule(), why)
    is_one = present == 1
    are_both = (is_one | (present == 0)).all() and is_one.any() and not is_one.all()
    return Reading(NumberRule(boolean=typed.boolean or bool(are_both)))


def _texts(column: Any) -> Mapping[str, int] | DistinctTexts:
    """The distinct texts of a column and how many rows each has, in the order of first rows."""
    if isinstance(column, TextColumn):
        return column.distinct()
    cells = column_cells(column)
    return Counter(category_texts(cell.decode() if isinstance(cell, bytes) else cell for cell in cells))


def _typed_rule(name: str, column: Any) -> CellRule | None:
    """The rule of a column whose type says what it holds; None if its texts have to."""
    dtype = getattr(column, "dtype", None)
    if type(dtype).__name__ in ("CategoricalDtype", "Categorical", "Enum"):
        return CategoryRule()
    if getattr(dtype, "kind", "") in ("c", "m"):
        raise TypeError(
            f"column {name!r} is of type {dtype}; only numbers, texts, booleans, dates and categories are understood. "
            "Turn it into a number first, or leave it out."
        )
    cells = column_cells(column)
    if isinstance(cells, np.ndarray):
        by_code: dict[str, CellRule] = {"b": NumberRule(boolean=True), "M": DateRule()}
        return by_code.get(cells.dtype.kind, NumberRule())
    others = [cell for cell in cells if type(cell) is not str]  # most objects are texts
    found = {_cell_type(name, cell) for cell in others if not is_missing(cell)}
    if len(others) < len(cells):
        found.add("text")
    if len(found) == 1:
        by_type: dict[str, CellRule] = {"number": NumberRule(), "boolean": NumberRule(boolean=True), "date": DateRule()}
        return by_type.get(found.pop())
    return None


def _cell_type(name: str, cell: object) -> str:
    if isinstance(cell, str | bytes):
        return "text"
    if isinstance(cell, bool | np.bool_):
        return "boolean"
    if isinstance(cell, _DATES):
        return "date"
    if isinstance(cell, numbers.Number) and not isinstance(cell, complex):
        return "number"
    if hasattr(cell, "__float__") and not isinstance(cell, complex | np.timedelta64):
        return "number"
    raise TypeError(f"column {name!r} holds {cell!r}: argument must be a string or a number.")
