"""One record of a CSV file from its lines: the plain, slow definition that all faster ways agree with."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["CsvRecordError", "is_blank_line", "read_record"]


class CsvRecordError(ValueError):
    """Text that is no record.

    Attributes
    ----------
    line : int
        Where, counted from the record's first line, which is 0.
    is_cut_off : bool
        Whether a quoted cell is not closed.
    """

    def __init__(self, reason: str, line: int, *, is_cut_off: bool = False) -> None:
        super().__init__(reason)
        self.line = line
        self.is_cut_off = is_cut_off


def is_blank_line(line: str, delimiter: str) -> bool:
    """Whether a line is no record: empty, or spaces and tabs that delimit nothing."""
    return not line.strip("\r\n").strip(" " if delimiter == "\t" else " \t")


def read_record(line: str, more: Iterator[str], delimiter: str) -> list[str]:
    r"""The cells of a record.

    Parameters
    ----------
    line : str
        Its first line, with the line end if it has one.
    more : iterator of str
        The lines that follow, of which a quoted cell takes what it needs.
    delimiter : str

    Raises
    ------
    CsvRecordError
        A quoted cell is not closed, or text follows one.

    Examples
    --------
    >>> read_record('1, "a ""b"", c" ,5" x\n', iter([]), ",")
    ['1', 'a "b", c', '5" x']
    """
    cells: list[str] = []
    position, n_lines = 0, 0
    while True:
        while line.startswith(" ", position):
            position += 1
        if not line.startswith('"', position):
            end = line.find(delimiter, position)
            if end < 0:
                return [*cells, line[position:].rstrip("\r\n")]
            cells.append(line[position:end])
            position = end + 1
            continue
        parts: list[str] = []
        position, opened = position + 1, n_lines
        while True:
            end = line.find('"', position)
            if end < 0:
                parts.append(line[position:])
                following = next(more, None)
                if following is None:
                    raise CsvRecordError("a quoted cell opens here and is not closed", opened, is_cut_off=True)
                line, position, n_lines = following, 0, n_lines + 1
                continue
            doubled = line.startswith('"', end + 1)
            parts.append(line[position : end + doubled])
            position = end + 1 + doubled
            if not doubled:
                break
        cells.append("".join(parts))
        while line.startswith(" ", position):
            position += 1
        if position == len(line) or line[position] in "\r\n":
            return cells
        if line[position] != delimiter:
            raise CsvRecordError(
                "text must not follow the closing quote of a cell. Double quotes that belong to it", n_lines
            )
        position += 1
