"""The distinct texts of a column, from which it is decided how it is read, and what a rule makes of all of them.

Of columns with many, texts stay in the bytes of their file; only those are made that somebody looks at.

Axis letters: T distinct texts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from mothernet_runtime.byte_cells import ByteCells
from mothernet_runtime.byte_columns import found_values
from mothernet_runtime.cells import BLANKS, DateRule, NumberRule, trimmed
from mothernet_runtime.numerals import WHITE

from mothernet.tables.words import MARKERS

__all__ = ["DistinctTexts", "ReadTexts"]

_BLANK_FIRST, _BLANK_LAST = ("\0" + "".join(each[k : k + 1 or None] for each in BLANKS) for k in (0, -1))
_AT_ONCE = 1 << 12  # texts that no fast way reads


class ReadTexts(NamedTuple):
    """What a rule makes of T distinct texts.

    Attributes
    ----------
    values : ndarray (T,)
        NaN where missing, or refused.
    markers, odd : dict of str to int
        Refused texts that usually stand for a missing cell, and others, with their numbers of rows.
    """

    values: npt.NDArray[np.float64]
    markers: dict[str, int]
    odd: dict[str, int]

    @property
    def refused_rows(self) -> int:
        """How many rows hold a text that is refused."""
        return sum(self.markers.values()) + sum(self.odd.values())


class DistinctTexts:
    """T distinct texts, trimmed, without those that are missing in a column of any type.

    Parameters
    ----------
    texts : sequence of str
        In the order of their first rows.
    rows : ndarray (T,)
        How many rows hold each.
    n_blank : int
        How many hold a text that is missing in any column.
    """

    def __init__(self, texts: Sequence[str], rows: npt.NDArray[np.int64], n_blank: int) -> None:
        self._texts, self.rows, self.n_blank = texts, rows, n_blank
        self.n_rows = int(rows.sum())

    @classmethod
    def of(cls, texts: Mapping[str, int]) -> DistinctTexts:
        """From texts as written, and their numbers of rows."""
        counts: Counter[str] = Counter()
        if {character for text in texts for character in (text[:1], text[-1:])}.isdisjoint(WHITE):  # nothing to trim
            counts.update(texts)
        else:
            for text, rows in texts.items():
                counts[trimmed(text)] += rows
        n_blank = sum(counts.pop(blank, 0) for blank in BLANKS)
        return cls(list(counts), np.fromiter(counts.values(), np.int64, len(counts)), n_blank)

    @classmethod
    def of_cells(cls, cells: ByteCells) -> DistinctTexts | None:
        """From the cells of a column; None if they have to be trimmed, or are too long."""
        distinct = cells.distinct()
        if distinct is None:
            return None
        texts, rows = distinct
        first, last = texts.edges()
        if any(_are_among(each, WHITE).any() for each in (first, last)):
            return None
        may_be_blank = _are_among(first, _BLANK_FIRST) & _are_among(last, _BLANK_LAST)
        kept = np.ones(len(rows), np.bool_)
        for row in np.flatnonzero(may_be_blank).tolist():
            kept[row] = texts[row] not in BLANKS
        return cls(texts[kept], rows[kept], int(rows[~kept].sum()))

    def __len__(self) -> int:
        return len(self.rows)

    def counts(self) -> Counter[str]:
        """All texts and their numbers of rows."""
        return Counter(dict(zip(self._texts, self.rows.tolist(), strict=True)))

    def most_common(self, n: int) -> DistinctTexts:
        """The n texts of most rows, the first of equally frequent ones."""
        order = np.argsort(-self.rows, kind="stable")[:n]
        return DistinctTexts(_taken(self._texts, order), self.rows[order], 0)

    def read(self, rule: NumberRule | DateRule, max_odd: float = math.inf) -> ReadTexts:
        """What each text says, as ``rule.read_text``; of odd ones at most one more than `max_odd`, which ends it."""
        values, found = self._found_values(rule)
        markers: dict[str, int] = {}
        odd: dict[str, int] = {}
        rest = np.flatnonzero(~found)
        for start in range(0, len(rest), _AT_ONCE):
            part = rest[start : start + _AT_ONCE]
            for i, text in zip(part.tolist(), _taken(self._texts, part), strict=True):
                value = rule.read_text(text)
                if value is not None:
                    values[i] = value
                    continue
                (markers if text.lower() in MARKERS else odd)[text] = int(self.rows[i])
                if len(odd) > max_odd:
                    return ReadTexts(values, markers, odd)
        return ReadTexts(values, markers, odd)

    def _found_values(self, rule: NumberRule | DateRule) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Values that are found in the texts' bytes, and which those are (T,)."""
        try:
            cells = self._texts if isinstance(self._texts, ByteCells) else ByteCells.of(self._texts)
        except UnicodeEncodeError:  # a lone surrogate in a cell that a caller gives
            return np.full(len(self), np.nan), np.zeros(len(self), np.bool_)
        return found_values(rule, cells)


def _are_among(characters: npt.NDArray[np.uint8], some: str) -> npt.NDArray[np.bool_]:
    is_one = np.zeros(256, np.bool_)
    is_one[list(some.encode())] = True
    return is_one[characters]


def _taken(texts: Sequence[str], order: npt.NDArray[np.int64]) -> Sequence[str]:
    return texts[order] if isinstance(texts, ByteCells) else [texts[i] for i in order.tolist()]
