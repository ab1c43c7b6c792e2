"""Numbers as cells write them: FORMAT.md section 2. Digits of ASCII, signs, thousands, currencies, units, percent.

What is missing, and which of these ways a column has, is not decided here. Only the standard library may be imported.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

__all__ = [
    "DECIMALS",
    "GROUPS",
    "SPACES",
    "WHITE",
    "Decimal",
    "Numerals",
    "is_for_float",
    "plain_number",
    "plain_numbers",
    "trimmed",
]

Decimal = Literal[".", ","]

WHITE = "\t\n\x0b\x0c\r "  # what surrounds a cell and does not count; nothing else is trimmed
SPACES = WHITE + "\u00a0\u202f"  # between a number and its affix or %
DECIMALS: tuple[Decimal, ...] = (".", ",")
GROUPS = ("", ",", ".", "'", "\u2019", " ")  # thousands separators; "" is none, a space any space of _GROUP_SPACES

_GROUP_SPACES = " \u00a0\u202f"
_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_WORD = re.compile(r"([+-]?)(?:inf(?:inity)?|(nan))", re.ASCII | re.IGNORECASE)
_ODD_FOR_FLOAT = "_\x1c\x1d\x1e\x1f"  # what Python's float() alone takes, in ASCII


def trimmed(text: str) -> str:
    """A text without the white space of ASCII around it."""
    return text.strip(WHITE)


def is_for_float(text: str) -> bool:
    """Whether float() takes a text (or lines of texts) if and only if it is a plain number: decimal point, no more."""
    return text.isascii() and not any(character in text for character in _ODD_FOR_FLOAT)


def plain_number(text: str) -> float | None:
    """The plain number that a text says, sooner than an expression tells; None where it may say one otherwise, or none.

    Spaces around it, infinities and NaN are understood as in any column.
    """
    if text.isascii() and text.isprintable() and "_" not in text:
        try:
            return float(text)
        except ValueError:
            pass
    return None


def plain_numbers(cells: Sequence[Any], words: Sequence[Mapping[str, float]], expect_words: bool) -> list[float] | None:
    """The same of N cells, None unless all of them are texts that say one, or are among the words of their columns."""
    try:
        joined = "".join(cells)
        if not joined.isascii() or not joined.isprintable() or "_" in joined:
            return None
        if not expect_words:
            try:
                return list(map(float, cells))
            except ValueError:
                pass
        return [float(known.get(cell, cell)) for cell, known in zip(cells, words, strict=True)]
    except (TypeError, ValueError):
        return None


class Numerals:
    """One way to write numbers.

    Parameters
    ----------
    decimal, group, affix, percent
        As in :class:`mothernet_runtime.cells.NumberRule`.

    Examples
    --------
    >>> numerals = Numerals(".", ",", "$", percent=False)
    >>> [numerals.number(text) for text in ("$1,234.5", "-$2", "$-2", "2 $", "($2)", "$(2)", "1,2", "-Inf", "-($2)")]
    [1234.5, -2.0, -2.0, 2.0, -2.0, -2.0, None, -inf, None]
    """

    def __init__(self, decimal: Decimal, group: str, affix: str, percent: bool) -> None:
        self._affix, self._percent = affix, percent
        self.takes_plain = decimal == "." and not affix  # then the column's way takes plain numbers as they are
        groups = _GROUP_SPACES if group == " " else group
        # each with the characters to leave out and the decimal sign; the plain way counts where the column's does not
        self._ways = [(pattern, groups, decimal) for pattern in self._patterns(decimal, group)]
        if group or decimal != ".":
            self._ways += [(pattern, "", ".") for pattern in self._patterns(".", "")]

    def number(self, text: str) -> float | None:
        """The number that a trimmed text says, None where it is none."""
        if self.takes_plain and _PLAIN.fullmatch(text):
            return float(text)
        inside = self._in_parentheses(text)
        for pattern, groups, decimal in self._ways:
            match = pattern.fullmatch(text if inside is None else inside)
            if match is None:
                continue
            sign = match["sign"] + match["inner"]
            if len(sign) > (1 if inside is None else 0):
                return None
            digits = match["digits"]
            for separator in groups:
                digits = digits.replace(separator, "")
            number = float(digits.replace(decimal, "."))
            number = number / 100 if match["percent"] else number
            return number if inside is None and sign != "-" else -number
        if word := _WORD.fullmatch(text):
            return math.nan if word[2] else -math.inf if word[1] == "-" else math.inf
        return None

    def _in_parentheses(self, text: str) -> str | None:
        """What stands in them, which is negative as accountants write it; an affix may stand before or after them."""
        before = after = ""
        if self._affix and text.endswith(")") and text.startswith(self._affix):
            before, text = self._affix, text.removeprefix(self._affix).lstrip(SPACES)
        elif self._affix and text.startswith("(") and text.endswith(self._affix):
            after, text = self._affix, text.removesuffix(self._affix).rstrip(SPACES)
        return f"{before}{trimmed(text[1:-1])}{after}" if text.startswith("(") and text.endswith(")") else None

    def _patterns(self, decimal: Decimal, group: str) -> Iterator[re.Pattern[str]]:
        """Numbers with the affix before them, then others."""
        separator = f"[{_GROUP_SPACES}]" if group == " " else re.escape(group)
        inner = r"\d{2,3}" if group == "," else r"\d{3}"  # 12,34,567 as in India
        whole = rf"(?:\d{{1,3}}(?:{separator}{inner})*{separator}\d{{3}}|\d+)" if group else r"\d+"
        point, space, affix = re.escape(decimal), f"[{SPACES}]*", re.escape(self._affix)
        digits = rf"(?P<digits>(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?)"
        number = digits + (rf"(?P<percent>{space}%)?" if self._percent else "(?P<percent>)")
        if affix:
            yield re.compile(rf"(?P<sign>[+-]?){affix}{space}(?P<inner>[+-]?){number}", re.ASCII)
        yield re.compile(rf"(?P<sign>[+-]?)(?P<inner>){number}" + (f"(?:{space}{affix})?" if affix else ""), re.ASCII)
