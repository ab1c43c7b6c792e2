"""The text of a CSV file as lines and as blocks of whole lines, in UTF-8 whatever the file's encoding."""

from __future__ import annotations

import codecs
import io
import itertools
from typing import IO, NoReturn

from mothernet_runtime.csv_dialect import SAMPLE_BYTES, SAMPLE_LINES, Dialect, with_encoding

__all__ = ["CsvText", "count_lines"]

_CODECS = {
    "utf-8": "utf-8",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "windows-1252": "cp1252",
    "iso-8859-1": "latin-1",
}


def count_lines(content: bytes) -> int:
    """How many line ends there are: LF, CR LF or CR."""
    returns = content.count(b"\r")
    return content.count(b"\n") + (returns - content.count(b"\r\n") if returns else 0)


class CsvText:
    """A file's text, of which lines are taken one by one (as an iterator of str) or many at once (`block`, `take`).

    Attributes
    ----------
    dialect : Dialect
        With the encoding.
    line : int
        Number of the line that comes next, from 1.
    taken : int
        How many bytes of UTF-8 have been taken.
    """

    def __init__(self, stream: IO[bytes], source: str, dialect: Dialect, block_bytes: int) -> None:
        self._stream, self._source, self._block_bytes = stream, source, block_bytes
        head = b""
        while len(head) < SAMPLE_BYTES and (piece := stream.read(SAMPLE_BYTES - len(head))):
            head += piece
        self.dialect, mark = with_encoding(dialect, head)
        self._head: bytes | None = head[mark:]
        self._decoder = codecs.getincrementaldecoder(_CODECS[self.dialect.encoding or "utf-8"])()
        self._buffer = b""
        self._position, self._end, self._is_last = 0, 0, False  # whole lines lie between position and end
        self._lines: io.StringIO | None = None  # what __next__ takes from, while position stands at its position
        self.line, self.taken = 1, 0

    def sample(self) -> list[str]:
        """The first lines, which are not taken."""
        while not self._is_last and count_lines(self._buffer[: self._end]) < SAMPLE_LINES:
            self._fill()
        text = self._buffer[: self._end].decode()
        return list(itertools.islice(io.StringIO(text, newline=""), SAMPLE_LINES))

    def block(self) -> bytes:
        """All whole lines that are read and not taken, at least one; empty at the end of the file."""
        if self._position == self._end and not self._is_last:
            self._fill()
        return self._buffer[self._position : self._end]

    def take(self, n_bytes: int, n_lines: int) -> None:
        """Take lines from the start of the block."""
        self._position += n_bytes
        self.taken += n_bytes
        self.line += n_lines
        self._lines = None

    def __iter__(self) -> CsvText:
        return self

    def __next__(self) -> str:
        if self._lines is None or self._position == self._end:
            self._lines = io.StringIO(self.block().decode(), newline="")
        line = next(self._lines)
        n_bytes = len(line) if line.isascii() else len(line.encode())
        self._position += n_bytes
        self.taken += n_bytes
        self.line += 1
        return line

    def _fill(self) -> None:
        """Read until there is a whole line more than before."""
        self._lines = None
        self._buffer = self._buffer[self._position :]
        self._position, self._end, before = 0, self._end - self._position, self._end - self._position
        while not self._is_last and self._end == before:
            # reading as much again as there is keeps the time of a long line linear
            piece = self._read(max(self._block_bytes, len(self._buffer)))
            self._buffer += piece
            if self._is_last:
                self._end = len(self._buffer)
            else:  # a CR at the end may be half of a CR LF
                line_end = max(self._buffer.rfind(b"\n", before), self._buffer.rfind(b"\r", before, -1))
                self._end = max(before, line_end + 1)

    def _read(self, size: int) -> bytes:
        """The next bytes in UTF-8; at the end of the file none, and `_is_last`."""
        if self._head is not None:
            raw, self._head = self._head, None
            raw += self._stream.read(max(size - len(raw), 0))
        else:
            raw = self._stream.read(size)
        self._is_last = not raw
        is_utf_8 = self.dialect.encoding == "utf-8"
        if is_utf_8 and raw and raw.isascii() and not self._decoder.getstate()[0]:
            piece = raw
        else:
            try:
                text = self._decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                self._refuse_encoding(error)
            piece = raw if is_utf_8 else text.encode()
        if (zero := piece.find(b"\0")) >= 0:
            line = self._line_at(piece[:zero])
            raise ValueError(
                f"{self._source} must be a CSV file, however: line {line} holds the character U+0000, so it is binary "
                "(a spreadsheet, say) or in another encoding. Save it as CSV in UTF-8, or give its encoding."
            )
        return piece

    def _line_at(self, piece: bytes) -> int:
        return self.line + count_lines(self._buffer[self._position :] + piece)

    def _refuse_encoding(self, error: UnicodeDecodeError) -> NoReturn:
        valid = error.object[: error.start].decode(error.encoding)
        byte = error.object[error.start]
        raise ValueError(
            f"{self._source} must be a CSV file in {self.dialect.encoding}, however: line "
            f"{self._line_at(valid.encode())} has the byte 0x{byte:02x} ({error.reason}). Give its encoding, for "
            "example windows-1252, or convert it, for example with `iconv -f cp1252 -t utf-8`."
        ) from None
