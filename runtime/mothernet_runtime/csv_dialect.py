"""How a CSV file is written: its delimiter and encoding, given or found. FORMAT.md specifies both.

What stands in the cells does not matter here, only how they are cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from mothernet_runtime.csv_records import CsvRecordError, is_blank_line, read_record

__all__ = ["DELIMITERS", "ENCODINGS", "SAMPLE_LINES", "Delimiter", "Dialect", "Encoding", "given_dialect"]

Delimiter = Literal[",", ";", "\t", "|"]
Encoding = Literal["utf-8", "utf-16-le", "utf-16-be", "windows-1252", "iso-8859-1"]
DELIMITERS: tuple[Delimiter, ...] = get_args(Delimiter)
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)
SAMPLE_LINES = 200  # by which the delimiter is found
SAMPLE_BYTES = 1024  # by which UTF-16 without a mark is found

_WORDS: dict[str, Delimiter] = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|"}
_PLURALS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
_ALIASES: dict[str, Encoding] = {
    "utf8": "utf-8", "utf-8-sig": "utf-8", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be", "cp1252": "windows-1252",
    "latin-1": "iso-8859-1", "latin1": "iso-8859-1",
}  # fmt: skip
_MARKS: tuple[tuple[bytes, Encoding], ...] = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written.

    Parameters
    ----------
    delimiter : {",", ";", "\\t", "|"}, optional
        None: to be found.
    encoding : str, optional
        One of `ENCODINGS`, ``"utf-16"`` (by its byte order mark, else little-endian), or None: to be found.
    found : tuple of str
        Which of the two were found in the file, not given.

    Examples
    --------
    >>> str(Dialect(";", "utf-8", found=("delimiter", "encoding")))
    'semicolons (found), utf-8 (found)'
    """

    delimiter: Delimiter | None = None
    encoding: Encoding | Literal["utf-16"] | None = None
    found: tuple[str, ...] = ()

    def __str__(self) -> str:
        fields = {
            "delimiter": _PLURALS[self.delimiter] if self.delimiter else "delimiter",
            "encoding": self.encoding or "encoding",
        }
        how = {name: "found" if name in self.found else "given" for name in fields}
        unknown = {"delimiter": self.delimiter is None, "encoding": self.encoding is None}
        return ", ".join(f"{text} ({'to be found' if unknown[name] else how[name]})" for name, text in fields.items())


def given_dialect(delimiter: str | None = None, encoding: str | None = None) -> Dialect:
    """The dialect that a caller's options give.

    Parameters
    ----------
    delimiter : str, optional
        The character itself, or ``comma``, ``semicolon``, ``tab``, ``\\t`` or ``pipe``.
    encoding : str, optional
        One of `ENCODINGS`, in any letter case, or another usual name of it.

    Raises
    ------
    ValueError
        It is none of these.

    Examples
    --------
    >>> given_dialect("tab", "Latin-1")
    Dialect(delimiter='\\t', encoding='iso-8859-1', found=())
    """
    sign: Delimiter | None = None
    if delimiter is not None:
        sign = next((known for known in DELIMITERS if delimiter == known), None) or _WORDS.get(delimiter.lower())
        if sign is None:
            raise ValueError(f"the delimiter must be comma, semicolon, tab or pipe, however: {delimiter!r}")
    code: Encoding | Literal["utf-16"] | None = None
    if encoding is not None:
        name = encoding.lower().replace("_", "-")
        code = next((known for known in ENCODINGS if name == known), None) or _ALIASES.get(name)
        if name in ("utf-16", "utf16"):
            code = "utf-16"
        if code is None:
            raise ValueError(
                f"the encoding must be one of utf-8, utf-16, {', '.join(ENCODINGS[1:])}, however: {encoding!r}. "
                "Convert the file, for example with `iconv -t utf-8`."
            )
    return Dialect(sign, code)


def with_encoding(dialect: Dialect, head: bytes) -> tuple[Dialect, int]:
    """The dialect with an encoding, from the first bytes of a file, and the length of the byte order mark."""
    mark, marked = next(((mark, encoding) for mark, encoding in _MARKS if head.startswith(mark)), (b"", None))
    if dialect.encoding is None:
        found = marked or _unmarked_utf_16(head[:SAMPLE_BYTES]) or "utf-8"
        return replace(dialect, encoding=found, found=(*dialect.found, "encoding")), len(mark)
    encoding = dialect.encoding
    if encoding == "utf-16":
        encoding = marked if marked in ("utf-16-le", "utf-16-be") else "utf-16-le"
    return replace(dialect, encoding=encoding), len(mark) if encoding == marked else 0


def _unmarked_utf_16(head: bytes) -> Encoding | None:
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if 4 * (even + odd) < len(head) or not even + odd or (even and odd):
        return None
    return "utf-16-le" if odd else "utf-16-be"


def named_delimiter(line: str) -> Delimiter | None:
    """The delimiter that a line such as ``sep=;`` names, None for any other line."""
    text = line.rstrip("\r\n")
    if len(text) == 7 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if len(text) != 5 or text[:4].lower() != "sep=":
        return None
    return next((delimiter for delimiter in DELIMITERS if text[4] == delimiter), None)


def find_delimiter(lines: Sequence[str]) -> Delimiter:
    """The delimiter of a sample of lines (with their line ends), the comma if nothing tells."""
    best: Delimiter = ","
    best_score = (False, 0, 0)
    for delimiter in DELIMITERS:
        score = _score(lines, delimiter)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _score(lines: Sequence[str], delimiter: Delimiter) -> tuple[bool, int, int]:
    """How well a delimiter cuts the lines: all records alike, how many are from the start, cells of the first."""
    cells, alike = 0, 0
    rest = iter(lines)
    for line in rest:
        if is_blank_line(line, delimiter):
            continue
        try:
            record = read_record(line, rest, delimiter)
        except CsvRecordError as error:
            return (error.is_cut_off, alike, cells) if alike else (False, 0, 0)
        cells = cells or len(record)
        if cells < 2:
            return False, 0, 0
        if len(record) != cells:
            return False, alike, cells
        alike += 1
    return cells >= 2, alike, cells
