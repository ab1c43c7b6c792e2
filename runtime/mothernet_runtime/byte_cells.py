"""Cells that lie in the bytes of a block of a CSV file: texts are made of those that are looked at, and once of equals.

What they mean is not decided here. Only NumPy may be imported.

Axis letters: N cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from mothernet_runtime.byte_numbers import PADDING, byte_numbers, masked_words, windows_of
from mothernet_runtime.numerals import Decimal

__all__ = ["Block", "ByteCells", "Coded"]

Coded = tuple[npt.NDArray[np.int64], list[str]]  # per cell the number of its text; the texts by their first cells

_LONGEST = 64  # characters in bytes of cells that are compared as integers
_FACTORS = [pow(0x9E3779B97F4A7C15, 2 * k + 1, 2**64) for k in range(_LONGEST // 8)]
_FEW_SPACES = 4
_FEW_TEXTS = 256  # decoded sooner one by one than with all that stands between
_BEFORE = max(PADDING, _LONGEST)


class Block:
    """The bytes that cells lie in.

    Parameters
    ----------
    content : bytes
        In UTF-8.
    is_csv : bool
        Whether quotes in it surround cells, and stand for themselves where they are doubled.
    """

    def __init__(self, content: bytes, *, is_csv: bool = True) -> None:
        self._padded = b"".join([bytes(_BEFORE), content, bytes(8)])
        self._is_ascii = content.isascii()
        self.has_quotes = is_csv and b'"' in content
        self.characters = np.frombuffer(self._padded, np.uint8)
        self.windows = windows_of(self.characters)
        self.first = _BEFORE  # the position of the content

    def texts(self, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> list[str]:
        """What stands from each start to each end (N,); quotes there are doubled."""
        pairs = zip(starts.tolist(), ends.tolist(), strict=True)
        if self._is_ascii and len(starts) > _FEW_TEXTS:
            text = self._padded.decode("ascii")
            texts = [text[start:end] for start, end in pairs]
        else:
            texts = [self._padded[start:end].decode() for start, end in pairs]
        return [text.replace('""', '"') for text in texts] if self.has_quotes else texts

    def behind_spaces(self, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Where cells (N,) start without the spaces before them."""
        for _ in range(_FEW_SPACES):
            starts = starts + ((self.characters[starts] == ord(" ")) & (starts < ends))
        for row in np.flatnonzero(self.characters[starts] == ord(" ")).tolist():  # each by itself, as one may be long
            end = int(ends[row])
            starts[row] = end - len(self._padded[int(starts[row]) : end].lstrip(b" "))
        return starts


class ByteCells(Sequence[str]):
    """N cells of a block, without the quotes around them and the spaces before them that do not count.

    Parameters
    ----------
    block : Block
    starts, ends : ndarray (N,)
        Positions in its characters.
    """

    def __init__(self, block: Block, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> None:
        self._block, self.starts, self.ends = block, starts, ends

    @classmethod
    def of(cls, texts: Sequence[str]) -> ByteCells:
        """Cells of their own bytes; texts must hold no U+0000 and no lone surrogates."""
        joined = "".join(texts)
        block = Block(joined.encode(), is_csv=False)
        each = texts if joined.isascii() else [text.encode() for text in texts]
        ends = block.first + np.cumsum(np.fromiter(map(len, each), np.int64, len(texts)))
        return cls(block, np.append(block.first, ends[:-1])[: len(ends)], ends)

    @classmethod
    def joined(cls, parts: Sequence[ByteCells]) -> ByteCells | None:
        """All cells of several blocks in bytes of their own; None if some of them hold quotes."""
        content = b"".join(part.content() for part in parts)
        if b'"' in content:
            return None
        block = Block(content, is_csv=False)
        lengths = np.concatenate([part.ends - part.starts for part in parts])
        ends = block.first + np.cumsum(lengths)
        return cls(block, ends - lengths, ends)

    def content(self) -> bytes:
        """The bytes of the cells, one behind the other."""
        lengths = self.ends - self.starts
        shift = self.starts - (np.cumsum(lengths) - lengths)
        return bytes(self._block.characters[np.repeat(shift, lengths) + np.arange(int(lengths.sum()))].tobytes())

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts())

    @overload
    def __getitem__(self, rows: int) -> str: ...
    @overload
    def __getitem__(self, rows: slice | npt.NDArray[Any]) -> ByteCells: ...
    def __getitem__(self, rows: int | slice | npt.NDArray[Any]) -> str | ByteCells:
        if isinstance(rows, int):
            return self[np.array([rows])].texts()[0]
        return ByteCells(self._block, self.starts[rows], self.ends[rows])

    def texts(self) -> list[str]:
        """The cells as text."""
        return self._block.texts(self.starts, self.ends)

    def numbers(self, decimal: Decimal = ".") -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Numbers (N,), and where one was found: see :func:`mothernet_runtime.byte_numbers.byte_numbers`."""
        return byte_numbers(self._block.characters, self._block.windows, self.starts, self.ends, decimal)

    def matrix(self, length: int) -> npt.NDArray[np.uint8]:
        """The characters (N, length) of cells that all have that length."""
        return np.asarray(self._block.characters[self.starts[:, None] + np.arange(length)])

    def coded(self) -> Coded:
        """The distinct texts in the order of their first cells, and which of them each cell (N,) is."""
        found = self._coded_rows()
        if found is None:
            return _coded(self.texts())
        codes, first = found
        return codes, self[first].texts()

    def distinct(self) -> tuple[ByteCells, npt.NDArray[np.int64]] | None:
        """The first cells (T,) of each text, and how many cells have it (T,); None if some are too long for that."""
        found = self._coded_rows()
        return None if found is None else (self[found[1]], np.bincount(found[0]))

    def edges(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """The first and the last byte (N,) of each cell, 0 where it is empty."""
        characters = self._block.characters
        first, last = characters[self.starts], characters[self.ends - 1]
        first[self.starts == self.ends] = last[self.starts == self.ends] = 0
        return first, last

    def _coded_rows(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None:
        """Which of the distinct texts each cell (N,) is, and the first cell of each (T,)."""
        lengths = self.ends - self.starts
        longest = int(lengths.max(initial=0))
        if longest > _LONGEST or not len(lengths):
            return None
        words = masked_words(self._block.windows, self.ends, lengths, max(1, -(-longest // 8)))
        keys = words[0]
        for word, factor in zip(words[1:], _FACTORS, strict=False):
            keys = (keys ^ (keys >> np.uint64(29))) * np.uint64(factor) + word
        order = keys.argsort()
        ordered = keys[order]
        is_new = np.empty(len(keys), np.bool_)
        is_new[0] = True
        np.not_equal(ordered[1:], ordered[:-1], out=is_new[1:])
        first = np.minimum.reduceat(order, np.flatnonzero(is_new))  # of each key
        by_row = first.argsort()
        rank = np.empty(len(by_row), np.int64)
        rank[by_row] = np.arange(len(by_row))
        codes = np.empty(len(keys), np.int64)
        codes[order] = rank[np.cumsum(is_new) - 1]
        first = first[by_row]
        if len(words) > 1 and any((word[first][codes] != word).any() for word in words):  # two texts of one key
            return None
        return codes, first


def _coded(texts: Sequence[str]) -> Coded:
    numbers: dict[str, int] = {}
    codes = [numbers.setdefault(text, len(numbers)) for text in texts]
    return np.array(codes, np.int64), list(numbers)
