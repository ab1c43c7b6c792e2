"""Text rules with one definition for all packages: what cells mean, which are missing, how text is shown to people.

Only what FORMAT.md says about text belongs here, and nothing but NumPy may be imported.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Iterable

import numpy as np

_NA_TYPES = ("NAType", "NaTType")  # pandas.NA and pandas.NaT, recognised without importing pandas
_BLANKS = " \t\n\v\f\r"
_ONLY_PYTHON = re.compile("[^\x00-\x1b\x20-\x5e\x60-\x7f]")  # not ASCII, an underscore, or a blank to Python alone
_BOOLEANS, _FLOATS, _TIMES = (bool, np.bool_), (float, np.floating), (np.datetime64, np.timedelta64)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def category_text(value: object) -> str:
    """Text form of one cell of a categorical column, the same in every reader of the file.

    None, NaN, NA and NaT become ``""``; booleans ``"True"`` or ``"False"``; integral numbers have no decimal point;
    other floats are their shortest float64 ``repr``; strings are unchanged; anything else is its ``str``.

    Examples
    --------
    >>> [category_text(value) for value in ("Bern", None, True, 3, 3.0, 0.5, float("nan"))]
    ['Bern', '', 'True', '3', '3', '0.5', '']
    """
    if isinstance(value, str):
        return str(value)
    if type(value) is int:
        return str(value)
    if is_missing(value):
        return ""
    if isinstance(value, _BOOLEANS):
        return str(bool(value))
    if isinstance(value, _FLOATS):
        number = float(value)
        return str(int(number)) if number.is_integer() else repr(number)
    if isinstance(value, numbers.Integral):
        return str(int(value))
    return str(value)


def category_texts(values: Iterable[object]) -> list[str]:
    """Text forms of the N cells of one column (see `category_text`): a list, an array or a pandas Series."""
    return [value if type(value) is str else category_text(value) for value in values]


def is_missing(value: object) -> bool:
    """Whether a cell is missing: None, NaN (of any float type), ``pandas.NA``, NaT.

    Examples
    --------
    >>> [is_missing(value) for value in (None, float("nan"), "", "nan", 0)]
    [True, True, False, False, False]
    """
    if value is None or type(value).__name__ in _NA_TYPES:
        return True
    if isinstance(value, _FLOATS):
        return math.isnan(value)
    return isinstance(value, _TIMES) and bool(np.isnat(value))


def text_number(text: str) -> float:
    """The number that a cell's text means in a numeric column: NaN if it is blank.

    Blanks are those of ASCII. A number has ASCII digits, with or without point and exponent, no underscores; ``nan``,
    ``inf`` and ``infinity``, with or without sign and in any letter case, are numbers too.

    Raises
    ------
    ValueError
        If the text means no number.

    Examples
    --------
    >>> [text_number(text) for text in (" 42.5 ", "1e3", "-inf", "")]
    [42.5, 1000.0, -inf, nan]
    """
    digits = text.strip(_BLANKS)
    if not digits:
        return math.nan
    if _ONLY_PYTHON.search(digits):
        raise ValueError(f"a number must be written in ASCII, without underscores, however: {shortened(repr(text))}")
    return float(digits)


def are_plain_numbers(texts: Iterable[str]) -> bool:
    """Whether no text holds what Python's `float` takes and `text_number` does not: then `float` may read them all."""
    return not _ONLY_PYTHON.search("".join(texts))


def escaped(text: str) -> str:
    r"""Text for a person to read: control characters as ``\xNN``, line separators and lone surrogates as ``\uNNNN``.

    For every name and label that a terminal or a log shows: text from a file cannot move the cursor, change colours
    or begin a line of its own.

    Examples
    --------
    >>> print(escaped("two\nlines, Zürich"))
    two\x0alines, Zürich
    """
    return _CONTROL.sub(lambda match: f"\\{_hexadecimal(ord(match[0]))}", text)


def escaped_json(text: str) -> str:
    r"""JSON text with what `escaped` escapes as ``\uNNNN``, so that it means the same and is as safe to print."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def shortened(text: str, length: int = 60) -> str:
    """Text for an error message, cut to `length` characters."""
    return text if len(text) <= length else text[: length - 3] + "..."


def _hexadecimal(code: int) -> str:
    return f"x{code:02x}" if code < 0x100 else f"u{code:04x}"
