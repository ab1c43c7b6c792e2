"""Blocks of whole lines that every reader of CSV cuts alike, cut by their delimiters without a look at single cells.

Quotes, delimiters and line ends must show that all records of a block are as long as the header; what is not of that
kind, :mod:`mothernet_runtime.csv_files` reads record by record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mothernet_runtime.byte_cells import Block, ByteCells
from mothernet_runtime.csv_dialect import Dialect

__all__ = ["RegularBlock", "regular_block"]

_LINE_END, _RETURN, _QUOTE, _SPACE = b'\n\r" '


@dataclass(frozen=True)
class RegularBlock:
    """Whole lines of a CSV file that every engine cuts alike.

    Each record has as many cells as there are names; lines end with LF, or CR LF if there are quotes, and none is
    blank; quotes surround whole cells and are doubled within. Spaces at the start of an unquoted cell do not count.

    Attributes
    ----------
    names, lines, dialect
        As in :class:`mothernet_runtime.csv_files.CsvChunk`.
    block : Block
    ends : ndarray (columns, rows)
        The positions of the delimiters and line ends behind the cells.
    """

    names: list[str]
    lines: Sequence[int]
    dialect: Dialect
    block: Block
    ends: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lines)

    def cells(self, index: int) -> ByteCells:
        """The raw cells of a column."""
        characters, ends = self.block.characters, self.ends[index]
        starts = self.ends[index - 1] + 1 if index else np.append(self.block.first, self.ends[-1, :-1] + 1)
        if (characters[starts] == _SPACE).any():
            starts = self.block.behind_spaces(starts, ends)
        if self.block.has_quotes:
            are_quoted = characters[starts] == _QUOTE
            starts = starts + are_quoted
            ends = ends - ((characters[ends] == _LINE_END) & (characters[ends - 1] == _RETURN))
            ends = ends - are_quoted
        return ByteCells(self.block, starts, ends)

    def columns(self) -> list[list[str]]:
        """Per name the raw cells as text."""
        return [self.cells(index).texts() for index in range(len(self.names))]


def regular_block(content: bytes, first_line: int, names: list[str], dialect: Dialect) -> RegularBlock | None:
    """A block, None if it is not regular.

    Parameters
    ----------
    content : bytes
        Whole lines in UTF-8, each with its line end; without quotes all line ends are LF.
    first_line : int
        The number of its first line.
    names : list of str
    dialect : Dialect
    """
    sign, n_columns = (dialect.delimiter or ",").encode(), len(names)
    if n_columns == 1 and re.search(rb"(?:^|\n)[\r\n\t ]", content):  # perhaps blank
        return None
    block = Block(content)
    characters = block.characters[: block.first + len(content)]
    delimiter = ord(sign)
    lines: Sequence[int]
    if not block.has_quotes:
        ends = np.flatnonzero((characters == delimiter) | (characters == _LINE_END))
        lines = range(first_line, first_line + len(ends) // n_columns)
    else:
        if content.count(b"\r") != content.count(b"\r\n"):
            return None
        marks = np.flatnonzero((characters == delimiter) | (characters == _LINE_END) | (characters == _QUOTE))
        codes = characters[marks]
        are_quotes = codes == _QUOTE
        quotes = marks[are_quotes]
        if len(quotes) % 2 or not _surround_cells(characters, quotes, delimiter):
            return None
        are_outside = ~are_quotes & (np.cumsum(are_quotes, dtype=np.uint8) % 2 == 0)
        ends = marks[are_outside]
        lines = range(first_line, first_line + len(ends) // n_columns)
        line_ends = np.cumsum(codes == _LINE_END)[are_outside & (codes == _LINE_END)]
        if len(line_ends) and line_ends[-1] != len(line_ends):  # some stand within quotes
            lines = [first_line, *(first_line + line_ends[:-1]).tolist()]
    if len(ends) % n_columns:
        return None
    by_row = ends.reshape(-1, n_columns)
    are_line_ends = characters[by_row] == _LINE_END
    if not are_line_ends[:, -1].all() or are_line_ends[:, :-1].any():
        return None
    return RegularBlock(names, lines, dialect, block, np.ascontiguousarray(by_row.T))


def _surround_cells(characters: npt.NDArray[np.uint8], quotes: npt.NDArray[np.int64], delimiter: int) -> bool:
    """Whether quotes, which open and close in turn, stand at the ends of cells or are doubled."""
    before, after = characters[quotes[0::2] - 1], characters[quotes[1::2] + 1]
    may_stand = np.zeros(256, bool)
    may_stand[[0, _LINE_END, _QUOTE, delimiter]] = True  # a zero byte stands before the content
    starts_well = may_stand[before].all()
    may_stand[_RETURN] = True
    return bool(starts_well and may_stand[after].all())
