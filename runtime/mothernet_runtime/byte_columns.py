"""What the cells of a column in bytes mean by its rule, many at once.

Numbers and dates of the usual layouts are found in their characters. Any other text is read by the rule itself, each
distinct one once, and so is what the rule may take for a missing cell: no cell means anything else than cell by cell.

Axis letters: N cells.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mothernet_runtime.byte_cells import ByteCells
from mothernet_runtime.cells import CategoryRule, DateRule, NumberRule
from mothernet_runtime.dates import LAYOUT_LENGTHS, seconds_of_characters

__all__ = ["found_values", "values_of_bytes"]

FloatArray = npt.NDArray[np.float64]


def values_of_bytes(rule: NumberRule | DateRule | CategoryRule, cells: ByteCells) -> npt.NDArray[Any]:
    """The values (N,) of cells, as :func:`mothernet_runtime.columns.read_column` gives them.

    Raises
    ------
    ValueError
        A cell is no number or date.
    """
    if isinstance(rule, CategoryRule):
        codes, texts = cells.coded()
        categories = np.empty(len(texts), object)
        categories[:] = list(map(rule.read_text, texts))
        return categories[codes]
    values, found = found_values(rule, cells)
    rest = np.flatnonzero(~found)
    if len(rest):
        codes, texts = cells[rest].coded()
        values[rest] = rule.read_texts(texts)[codes]
    return values


def found_values(rule: NumberRule | DateRule, cells: ByteCells) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Values (N,) of cells that are read without making texts of them, and which those are (N,)."""
    if isinstance(rule, NumberRule):
        values, found = cells.numbers(rule.decimal)
        if not rule.takes_digits:
            found[:] = False
    else:
        values, found = _dates(rule, cells)
    for value in rule.marked:
        found &= values != value
    found |= cells.starts == cells.ends
    values[~found] = np.nan
    return values, found


def _dates(rule: DateRule, cells: ByteCells) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    lengths = cells.ends - cells.starts
    values, found = np.full(len(cells), np.nan), np.zeros(len(cells), np.bool_)
    for length in LAYOUT_LENGTHS:
        rows = np.flatnonzero(lengths == length)
        if len(rows):
            values[rows], found[rows] = seconds_of_characters(cells[rows].matrix(length), rule.pattern)
    return values, found
