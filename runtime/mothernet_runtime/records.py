"""A few rows given as dicts of raw cells, read cell by cell into what the graph reads.

The same meaning as columns have (`columns.py`), for rows so few that each microsecond of Python counts. Whether a dict
has the right keys is asked here and answered by the caller.

Axis letters: N rows, Fn numeric and Fc categorical inputs of the graph.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter, sub
from typing import Any

import numpy as np
import numpy.typing as npt

from mothernet_runtime.cells import BLANKS, CategoryRule, DatePart, DateRule, NumberRule
from mothernet_runtime.columns import CellError, expected_cells
from mothernet_runtime.dates import date_part_of_cell
from mothernet_runtime.numerals import plain_numbers
from mothernet_runtime.schema import Column

__all__ = ["RecordReader"]

_REALS = frozenset([float, int, bool])  # exactly these: what is a number without a rule
_TEXT_OR_NONE = frozenset([str, type(None)])
_CELLS = _REALS | _TEXT_OR_NONE
_WORDS = ("0", "1", "true", "false", "t", "f", "yes", "no", "y", "n", "on", "off")

Record = Mapping[str, Any]


class RecordReader:
    """Turns rows, each a dict of cells by column, into what the graph reads.

    Parameters
    ----------
    columns : sequence of Column
        In the order of the training table.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = tuple(columns)
        self._known = frozenset(column.name for column in columns)
        self._needed = frozenset(column.name for column in columns if not column.is_ignored)
        self._numbers = [
            (column.name, column.rule, _parts(column), _numbers_of_words(column.rule))
            for column in columns
            if isinstance(column.rule, NumberRule | DateRule)
        ]
        self._categories = [
            (column.name, column.rule, column.known) for column in columns if isinstance(column.rule, CategoryRule)
        ]
        self._words = [words for *_, words in self._numbers]
        self._expect_words = any(isinstance(rule, NumberRule) and rule.boolean for _, rule, *_ in self._numbers)
        self._number_cells = _cells_of([name for name, *_ in self._numbers])
        self._category_cells = _cells_of([name for name, _, _ in self._categories])
        self._are_plain = all(isinstance(rule, NumberRule) for _, rule, *_ in self._numbers)
        self._take_plain = all(isinstance(rule, NumberRule) and rule.takes_plain for _, rule, *_ in self._numbers)
        self._offsets = [each.offset for column in columns for each in column.inputs if each.input == "numeric"]
        self._has_offsets = any(self._offsets)

    def __reduce__(self) -> tuple[Any, ...]:
        return RecordReader, (self._columns,)  # its functions do not pickle

    def read_plain(self, row: Record) -> dict[str, npt.NDArray[Any]] | None:
        """The inputs of the graph for one dict of plain cells: numbers, booleans, texts, None.

        None if a cell is of another type or does not fit, a column is a date, or the dict has other keys: that is for
        `read`, or the caller, to judge.
        """
        if not self._are_plain:
            return None
        if len(row) != len(self._needed) and not (
            self._known.issuperset(row) and _CELLS.issuperset(map(type, row.values()))
        ):
            return None
        try:
            cells, texts = self._number_cells(row), self._category_cells(row)
        except KeyError:
            return None
        numbers = self._plain_numbers(cells)
        if numbers is None or not _TEXT_OR_NONE.issuperset(map(type, texts)):
            return None
        try:
            return self._inputs(numbers, self._texts(texts), 1)
        except OverflowError:  # an integer beyond float64
            return None

    def read(self, rows: Sequence[Record], check: Callable[[int, Record], None]) -> dict[str, npt.NDArray[Any]]:
        """The inputs of the graph for N dicts of any cells; `check` must raise for keys that are not as they should be.

        Raises
        ------
        CellError
            A cell does not fit its column.
        """
        numbers: list[float] = []
        texts: list[str] = []
        for i, row in enumerate(rows):
            if row.keys() != self._needed:
                check(i, row)
            for name, rule, parts, _ in self._numbers:
                cell = row[name]
                if type(cell) is float and not parts:
                    numbers.append(cell)
                    continue
                try:
                    number = rule.read(cell)
                except (TypeError, ValueError):
                    raise CellError(name, i, cell, expected_cells(rule)) from None
                if parts:
                    numbers += [date_part_of_cell(number, part) for part in parts]
                else:
                    numbers.append(number)
            for name, category_rule, known in self._categories:
                cell = row[name]
                try:
                    texts.append(cell if type(cell) is str and cell in known else category_rule.read(cell))
                except (TypeError, ValueError):
                    raise CellError(name, i, cell, expected_cells(category_rule)) from None
        return self._inputs(numbers, texts, len(rows))

    def _plain_numbers(self, cells: Sequence[Any]) -> Sequence[float] | None:
        """The numbers of one row's cells, None if not all are plain."""
        if self._take_plain and cells and type(cells[0]) is str:
            plain = plain_numbers(cells, self._words, self._expect_words)
            if plain is not None:
                return plain
        elif _REALS.issuperset(map(type, cells)):
            return cells
        numbers = []
        for cell, (_, rule, _, words) in zip(cells, self._numbers, strict=True):
            number: float | None = cell
            if type(cell) is str:
                number = words.get(cell)
                if number is None:
                    number = rule.read_text(cell)
            elif cell is None:
                number = math.nan
            elif type(cell) not in _REALS:
                return None
            if number is None:
                return None
            numbers.append(number)
        return numbers

    def _texts(self, cells: Sequence[Any]) -> list[str]:
        return [
            cell if cell in known else rule.read(cell)
            for cell, (_, rule, known) in zip(cells, self._categories, strict=True)
        ]

    def _inputs(self, numbers: Sequence[float], texts: Sequence[str], n_rows: int) -> dict[str, npt.NDArray[Any]]:
        """The matrices of N rows from their cells, row by row."""
        inputs: dict[str, npt.NDArray[Any]] = {}
        if numbers:
            if self._has_offsets:
                numbers = list(map(sub, numbers, self._offsets * n_rows))
            # not by NumPy, which warns of numbers beyond float32: they are infinite, and infinite saturates
            inputs["numeric"] = np.frombuffer(array("f", numbers), np.float32).reshape(n_rows, -1)  # (N, Fn)
        if texts:
            inputs["categorical"] = np.array(texts, object).reshape(n_rows, -1)  # (N, Fc)
        return inputs


def _cells_of(names: Sequence[str]) -> Callable[[Record], tuple[Any, ...]]:
    """The cells of columns by name, in this order, of one row."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: tuple(row[name] for name in names)


@lru_cache(maxsize=256)  # most columns of a table have the same rule
def _numbers_of_words(rule: NumberRule | DateRule) -> dict[str, float]:
    """What a column's rule makes of texts that are usual and no plain numbers: looked up, not read."""
    if isinstance(rule, DateRule):
        return {}
    spellings = [spelt for word in _WORDS for spelt in (word, word.capitalize(), word.upper())] if rule.boolean else []
    usual = (*BLANKS, *rule.missing, *spellings)
    return {text: number for text in usual if (number := rule.read_text(text)) is not None}


def _parts(column: Column) -> list[DatePart]:
    """Parts of a date that are inputs, none of a number."""
    return [each.part for each in column.inputs if each.part != "value"]
