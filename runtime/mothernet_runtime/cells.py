"""The grammar of cells: what a raw cell of a column means, the same for every reader of a file.

FORMAT.md section 2 specifies it; the training reader, the estimator and the runtime execute this module, other readers
their own. A column's rule is a plain record that its schema entry holds. Which rule suits a training table is not
decided here. Nothing but NumPy may be imported.

Cells are text, or typed values: numbers, booleans, dates and times (of Python, NumPy, pandas), None, NaN, NA, NaT.
"""

from __future__ import annotations

import datetime
import math
import numbers
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mothernet_runtime.dates import (
    DATE_PATTERNS,
    DatePart,
    DatePattern,
    date_part,
    seconds_of_text,
    seconds_of_texts,
    seconds_of_value,
)
from mothernet_runtime.json_text import check_unique, entry, shown
from mothernet_runtime.numerals import DECIMALS, GROUPS, SPACES, Decimal, Numerals, is_for_float, plain_number, trimmed
from mothernet_runtime.text import category_text, is_missing

__all__ = [
    "BLANKS",
    "DECIMALS",
    "GROUPS",
    "CategoryRule",
    "CellRule",
    "DatePart",
    "DateRule",
    "Decimal",
    "IgnoredRule",
    "NumberRule",
    "boolean_of_text",
    "date_part",
    "rule_of_schema",
    "trimmed",
]

FloatArray = npt.NDArray[np.float64]

# missing in every column, whatever its type, exactly so written (the words that pandas reads as missing)
_BLANKS = ["", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A"]
BLANKS = frozenset([*_BLANKS, "NA", "NULL", "NaN", "None", "n/a", "nan", "null"])
_TRUE = frozenset(["true", "t", "yes", "y", "on"])
_FALSE = frozenset(["false", "f", "no", "n", "off"])
_INTEGER = re.compile(r"([+-]?)(\d+)(?:\.0*)?", re.ASCII)
_PLAIN_NUMBERS = (float, int, bool)  # exactly these types
_NO_NUMBERS: tuple[type, ...] = (datetime.date, datetime.time, datetime.timedelta, complex, np.complexfloating)
_NO_NUMBERS += (np.datetime64, np.timedelta64, np.ndarray)


def boolean_of_text(text: str) -> float | None:
    """1.0 or 0.0 for a word that says true or false in any usual spelling (trimmed, in any case), else None.

    Examples
    --------
    >>> [boolean_of_text(text) for text in ("True", "no", "Y", "1")]
    [1.0, 0.0, 1.0, None]
    """
    word = text.lower()
    return 1.0 if word in _TRUE else 0.0 if word in _FALSE else None


@dataclass(frozen=True)
class NumberRule:
    """Cells that are numbers, as their column writes them.

    Parameters
    ----------
    decimal : {".", ","}
    group : str
        Thousands separator, one of `GROUPS`.
    affix : str
        A currency or unit that may stand before or after the number, white space between.
    percent : bool
        Whether a number may end in %, and is a hundredth of itself then.
    boolean : bool
        Whether words such as ``true`` and ``no`` are 1 and 0.
    missing : tuple of str
        Texts that mean a missing cell, beside `BLANKS`; compared after trimming.

    Examples
    --------
    >>> rule = NumberRule(",", ".", "€", missing=("?",))
    >>> [rule.read(cell) for cell in ("1.234,5 €", "-€ 3", "(7,25)", "1.5", "?", None, 3)]
    [1234.5, -3.0, -7.25, 1.5, nan, nan, 3.0]
    """

    decimal: Decimal = "."
    group: str = ""
    affix: str = ""
    percent: bool = False
    boolean: bool = False
    missing: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """Name of the column type in the schema."""
        return "boolean" if self.boolean else "number"

    def schema(self) -> dict[str, Any]:
        """The rule as entries of the column's schema."""
        entries: dict[str, Any] = {"type": self.type, "missing": list(self.missing)}
        if not self.boolean:
            entries |= {"decimal": self.decimal, "group": self.group, "affix": self.affix, "percent": self.percent}
        return entries

    def read(self, cell: object) -> float:
        """The number of one cell, NaN where it is missing.

        Raises
        ------
        ValueError, TypeError
            The cell is no number.
        """
        if type(cell) not in _PLAIN_NUMBERS:
            cell = _text_if_bytes(cell)
            if isinstance(cell, str):
                number = self.read_text(cell)
                if number is None:
                    raise ValueError("not a number")
                return number
            if is_missing(cell):
                return math.nan
            if isinstance(cell, _NO_NUMBERS) or not (isinstance(cell, numbers.Real) or hasattr(cell, "__float__")):
                raise TypeError("not a number")
        try:
            return float(cell)  # type: ignore[arg-type]
        except OverflowError:  # an integer beyond float64
            return math.inf if cell > 0 else -math.inf  # type: ignore[operator]

    def read_text(self, text: str) -> float | None:
        """The number that a text says, NaN where it is missing, None where it is neither."""
        if self.takes_plain and (plain := plain_number(text)) is not None:
            return plain
        text = trimmed(text)
        if text in BLANKS or text in self.missing:
            return math.nan
        number = self._numerals.number(text)
        return boolean_of_text(text) if number is None and self.boolean else number

    def read_texts(self, texts: Sequence[str]) -> FloatArray:
        """The numbers (N,) of N texts, NaN where missing.

        Raises
        ------
        ValueError
            A text is no number; `read_text` tells which.
        """
        if not (self.boolean or self.group or self.affix or self.percent):
            # most columns need no trimming to be read at once, but " -1 " may be missing
            for cells in (texts, map(trimmed, texts))[bool(self.marked) :]:
                numbers = self._convert([self._known.get(text, text) for text in cells])
                if numbers is not None:
                    return numbers
        return _by_distinct_text(self, texts)

    def _convert(self, texts: list[str]) -> FloatArray | None:
        """Numbers of N texts by float(), None where the grammar could read one otherwise."""
        joined = "\n".join(texts)
        if not is_for_float(joined):
            return None
        if self.decimal == "," and "," in joined:  # with a comma and a point float() refuses it, as it should be
            if joined.count("\n") >= len(texts):
                return None
            texts = joined.replace(",", ".").split("\n")
        try:
            return np.fromiter(map(float, texts), np.float64, len(texts))
        except ValueError:
            return None

    @cached_property
    def _known(self) -> dict[str, str]:
        return dict.fromkeys([*BLANKS, *self.missing], "nan")

    @cached_property
    def marked(self) -> tuple[float, ...]:
        """The numbers that texts which mean missing would be otherwise."""
        return tuple(each for text in self.missing if (each := self._numerals.number(text)) is not None)

    @cached_property
    def takes_plain(self) -> bool:
        """Whether every text that says a plain number says that number here."""
        return self._numerals.takes_plain and not self.marked

    @cached_property
    def takes_digits(self) -> bool:
        """Whether digits, one decimal sign and a sign before them are that number, as no affix can be among them."""
        return not self.affix or not set(self.affix) <= set("0123456789.,+-")

    @cached_property
    def _numerals(self) -> Numerals:
        return Numerals(self.decimal, self.group, self.affix, self.percent)


@dataclass(frozen=True)
class DateRule:
    """Cells that are dates, times of day or both.

    Parameters
    ----------
    pattern : {"ymd", "dmy", "mdy", "time"}
        Order of year, month and day; ISO 8601 is understood in any case. ``"time"``: times of day alone.
    missing : tuple of str
        As in `NumberRule`.

    Examples
    --------
    >>> [DateRule("dmy").read(cell) for cell in ("2.1.1970", "1970-01-01 00:30", datetime.date(1970, 1, 1), None)]
    [86400.0, 1800.0, 0.0, nan]
    """

    pattern: DatePattern = "ymd"
    missing: tuple[str, ...] = ()

    type: ClassVar[str] = "date"

    def schema(self) -> dict[str, Any]:
        """The rule as entries of the column's schema."""
        return {"type": "date", "pattern": self.pattern, "missing": list(self.missing)}

    def read(self, cell: object) -> float:
        """Seconds since 1970-01-01 00:00 (UTC where the cell names an offset), NaN where the cell is missing.

        Raises
        ------
        ValueError, TypeError
            The cell is no date.
        """
        cell = _text_if_bytes(cell)
        if isinstance(cell, str):
            seconds = self.read_text(cell)
            if seconds is None:
                raise ValueError("not a date")
            return seconds
        return math.nan if is_missing(cell) else seconds_of_value(cell)

    def read_text(self, text: str) -> float | None:
        """Seconds that a text says, NaN where it is missing, None where it is no date."""
        text = trimmed(text)
        if text in BLANKS or text in self.missing:
            return math.nan
        return seconds_of_text(text, self.pattern)

    def read_texts(self, texts: Sequence[str]) -> FloatArray:
        """Seconds (N,) of N texts, NaN where missing.

        Raises
        ------
        ValueError
            A text is no date; `read_text` tells which.
        """
        distinct = list(dict.fromkeys(texts))
        dates = [text for text in distinct if text not in BLANKS and text not in self.missing]
        known = seconds_of_texts(dates, self.pattern)
        if known is None:
            return _by_distinct_text(self, texts)
        cache = dict.fromkeys(distinct, math.nan) | dict(zip(dates, known.tolist(), strict=True))
        return np.fromiter(map(cache.__getitem__, texts), np.float64, len(texts))

    @cached_property
    def marked(self) -> tuple[float, ...]:
        """The seconds that texts which mean missing would be otherwise."""
        return tuple(each for text in self.missing if (each := seconds_of_text(text, self.pattern)) is not None)


@dataclass(frozen=True)
class CategoryRule:
    """Cells that name categories.

    Parameters
    ----------
    integers : bool
        Whether ``3``, ``3.0`` and ``03`` are one category, named ``3``.
    missing : tuple of str
        As in `NumberRule`.

    Examples
    --------
    >>> [CategoryRule(integers=True).read(cell) for cell in (" Bern", "03", 3.0, True, None, "NA")]
    ['Bern', '3', '3', 'True', '', '']
    """

    integers: bool = False
    missing: tuple[str, ...] = ()

    type: ClassVar[str] = "category"

    def schema(self) -> dict[str, Any]:
        """The rule as entries of the column's schema."""
        return {"type": "category", "integers": self.integers, "missing": list(self.missing)}

    def read(self, cell: object) -> str:
        """The category's canonical text, ``""`` where the cell is missing."""
        return self.read_text(category_text(_text_if_bytes(cell)))

    def read_text(self, text: str) -> str:
        """The category that a text names: trimmed, in Unicode's form NFC, integers in one form if declared.

        A canonical text stays as it is.
        """
        text = trimmed(text)
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        if text in BLANKS or text in self.missing:
            return ""
        if self.integers and (integer := _INTEGER.fullmatch(text)):
            digits = integer[2].lstrip("0") or "0"
            return f"-{digits}" if integer[1] == "-" and digits != "0" else digits
        return text


@dataclass(frozen=True)
class IgnoredRule:
    """Cells that are not read."""

    type: ClassVar[str] = "ignored"

    def schema(self) -> dict[str, Any]:
        """The rule as entries of the column's schema."""
        return {"type": "ignored"}


CellRule = NumberRule | DateRule | CategoryRule | IgnoredRule


def rule_of_schema(column: Mapping[str, Any], where: str = "the column") -> CellRule:
    """The rule that a column's entry of the schema holds; keys of no rule are left alone.

    Parameters
    ----------
    column : mapping
    where : str
        What errors call it.

    Raises
    ------
    ValueError
        A key is missing, or its value is none that FORMAT.md allows.
    """
    column_type = _choice(column, "type", ("number", "boolean", "date", "category", "ignored"), where)
    if column_type == "ignored":
        return IgnoredRule()
    missing = entry(column, "missing", list, where)
    for marker in missing:
        if type(marker) is not str or "\0" in marker or marker != trimmed(marker):
            raise ValueError(f"'missing' of {where} must hold trimmed strings without NUL, however: {shown(marker)}")
    check_unique(missing, f"strings in 'missing' of {where}")
    markers = tuple(missing)
    if column_type == "date":
        return DateRule(_choice(column, "pattern", DATE_PATTERNS, where), markers)
    if column_type == "category":
        return CategoryRule(entry(column, "integers", bool, where), markers)
    if column_type == "boolean":
        return NumberRule(boolean=True, missing=markers)
    decimal, group = _choice(column, "decimal", DECIMALS, where), _choice(column, "group", GROUPS, where)
    affix, percent = entry(column, "affix", str, where), entry(column, "percent", bool, where)
    if decimal == group:
        raise ValueError(f"'decimal' and 'group' of {where} must differ, however: both are {decimal!r}")
    if "\0" in affix or affix != affix.strip(SPACES):
        raise ValueError(f"'affix' of {where} must be a trimmed string without NUL, however: {shown(affix)}")
    return NumberRule(decimal, group, affix, percent, missing=markers)


def _choice(column: Mapping[str, Any], key: str, choices: tuple[Any, ...], where: str) -> Any:
    value = entry(column, key, str, where)
    if value not in choices:
        raise ValueError(f"{key!r} of {where} must be one of {', '.join(map(repr, choices))}, however: {shown(value)}")
    return value


def _by_distinct_text(rule: NumberRule | DateRule, texts: Sequence[str]) -> FloatArray:
    cache: dict[str, float] = {}
    for text in dict.fromkeys(texts):
        number = rule.read_text(text)
        if number is None:
            raise ValueError(f"not a {rule.type}")
        cache[text] = number
    return np.fromiter(map(cache.__getitem__, texts), np.float64, len(texts))


def _text_if_bytes(cell: object) -> object:
    return cell.decode() if isinstance(cell, bytes | bytearray) else cell
