"""The columns of a CSV file as written, held as the bytes of the file, and numbers where all cells are plain numbers.

Cells are those of :mod:`mothernet_runtime.csv_files`, and mean what :mod:`mothernet_runtime.columns` reads in them.

Axis letters: N rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from mothernet_runtime.byte_cells import ByteCells, Coded
from mothernet_runtime.cells import CellRule, NumberRule
from mothernet_runtime.columns import CellError, read_column
from mothernet_runtime.csv_files import CsvChunk, RegularBlock

from mothernet.tables.distinct_texts import DistinctTexts

__all__ = ["TextColumn", "text_columns"]

FloatArray = npt.NDArray[np.float64]

_FEW = 4  # times as many rows as texts, or the texts are not kept


class _Piece:
    """One column's cells in one block, or some of them."""

    def __init__(self, block: RegularBlock | Sequence[ByteCells], index: int) -> None:
        self._block, self._index = block, index
        self._kept: npt.NDArray[np.int64] | None = None
        self._coded: tuple[npt.NDArray[np.int32], list[str]] | None = None
        self.numbers: FloatArray | None = None

    def find_numbers(self) -> bool:
        """Keep the cells as plain numbers, if all are."""
        try:
            self.numbers = read_column("", NumberRule(), self.cells())
        except CellError:
            return False
        return True

    def cells(self) -> ByteCells:
        block = self._block
        cells = block.cells(self._index) if isinstance(block, RegularBlock) else block[self._index]
        return cells if self._kept is None else cells[self._kept]

    def taken(self, kept: npt.NDArray[np.bool_]) -> _Piece:
        """The rows of a mask."""
        piece = _Piece(self._block, self._index)
        piece._kept = np.flatnonzero(kept) if self._kept is None else self._kept[kept]
        return piece

    def coded(self) -> Coded:
        if self._coded is not None:
            return self._coded[0].astype(np.int64), self._coded[1]
        codes, texts = self.cells().coded()
        if _FEW * len(texts) <= len(codes):
            self._coded = codes.astype(np.int32), texts
        return codes, texts

    def has_few_texts(self) -> bool:
        """Whether its texts are few enough to be kept."""
        self.coded()
        return self._coded is not None


class TextColumn:
    """The N cells of one column of a CSV file.

    Examples
    --------
    >>> from mothernet.tables.files import read_columns
    >>> column = read_columns("rows.csv").cells[0]  # doctest: +SKIP
    >>> column.counts()  # doctest: +SKIP
    {'Bern': 2, '': 1}
    """

    def __init__(self, pieces: Sequence[_Piece], sizes: Sequence[int]) -> None:
        self._pieces, self._sizes = pieces, sizes
        self._numbers: FloatArray | None = None
        self._has_numbers: bool | None = None

    def __len__(self) -> int:
        return sum(self._sizes)

    @property
    def numbers(self) -> FloatArray | None:
        """The cells as ``NumberRule()`` reads them (N,), NaN where missing; None if one is none, or all are missing."""
        if self._has_numbers is None:
            self._has_numbers = all(piece.numbers is not None or piece.find_numbers() for piece in self._pieces)
            if self._has_numbers:
                numbers = self._joined("", NumberRule())
                self._numbers = None if np.isnan(numbers).all() else numbers
            for piece in self._pieces:
                piece.numbers = None
        return self._numbers

    def counts(self) -> dict[str, int]:
        """Distinct texts and their numbers of rows, in the order of their first rows."""
        counts: dict[str, int] = {}
        for piece in self._pieces:
            codes, texts = piece.coded()
            for text, n_rows in zip(texts, np.bincount(codes, minlength=len(texts)).tolist(), strict=True):
                counts[text] = counts.get(text, 0) + n_rows
        return counts

    def distinct(self) -> DistinctTexts:
        """The distinct texts, from which it is decided how the column is read."""
        found = None
        if self._pieces and not self._pieces[0].has_few_texts():
            joined = ByteCells.joined([piece.cells() for piece in self._pieces])
            found = None if joined is None else DistinctTexts.of_cells(joined)
        return DistinctTexts.of(self.counts()) if found is None else found

    def coded(self) -> Coded:
        """The distinct texts in the order of their first rows, and which of them each cell (N,) is."""
        numbers: dict[str, int] = {}
        parts = [np.empty(0, np.int64)]
        for piece in self._pieces:
            codes, texts = piece.coded()
            parts.append(np.array([numbers.setdefault(text, len(numbers)) for text in texts], np.int64)[codes])
        return np.concatenate(parts), list(numbers)

    def texts(self) -> list[str]:
        """All N cells as written."""
        cells: list[str] = []
        for piece in self._pieces:
            codes, texts = piece.coded()
            cells.extend(map(texts.__getitem__, codes.tolist()))
        return cells

    def take(self, kept: npt.NDArray[np.bool_]) -> TextColumn:
        """The rows of a mask (N,)."""
        parts = np.split(kept, np.cumsum(self._sizes)[:-1])
        pieces = [piece.taken(part) for piece, part in zip(self._pieces, parts, strict=False)]
        return TextColumn(pieces, [int(part.sum()) for part in parts])

    def read(self, name: str, rule: CellRule) -> npt.NDArray[Any]:
        """What the cells mean (N,), as :func:`mothernet_runtime.columns.read_column`.

        Parameters
        ----------
        name : str
            For errors.
        rule : CellRule

        Raises
        ------
        CellError
            A cell does not fit the rule.
        """
        if self._numbers is not None and rule == NumberRule():
            return self._numbers
        return self._joined(name, rule)

    def _joined(self, name: str, rule: CellRule) -> npt.NDArray[Any]:
        parts: list[npt.NDArray[Any]] = []
        start = 0
        for piece, size in zip(self._pieces, self._sizes, strict=True):
            if piece.numbers is not None and rule == NumberRule():
                parts.append(piece.numbers)
                start += size
                continue
            try:
                parts.append(read_column(name, rule, piece.cells()))
            except CellError as error:
                raise CellError(name, start + error.row, error.value, error.expected) from None
            start += size
        return np.concatenate(parts) if parts else read_column(name, rule, [])


def text_columns(n_columns: int, blocks: Iterable[CsvChunk | RegularBlock]) -> list[TextColumn]:
    """The columns of the blocks of one file, in its order."""
    pieces: list[list[_Piece]] = [[] for _ in range(n_columns)]
    sizes: list[int] = []
    are_numbers, have_few_texts = [True] * n_columns, [True] * n_columns  # so far
    for block in blocks:
        if not len(block):
            continue
        sizes.append(len(block))
        held = block if isinstance(block, RegularBlock) else [ByteCells.of(column) for column in block.columns]
        for j in range(n_columns):  # what will be asked for is found while the block is in the cache
            piece = _Piece(held, j)
            pieces[j].append(piece)
            are_numbers[j] = are_numbers[j] and piece.find_numbers()
            if not are_numbers[j]:
                have_few_texts[j] = have_few_texts[j] and piece.has_few_texts()
    return [TextColumn(of_column, sizes) for of_column in pieces]
