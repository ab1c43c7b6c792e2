"""Text rules with one definition for all packages: what cells mean, which are missing, how text is shown to people.

Only what FORMAT.md says about text belongs here, and nothing but NumPy may be imported.
"""

from __future__ import annotations

import datetime
import math
import numbers
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

_NA_TYPES = ("NAType", "NaTType")  # pandas.NA and pandas.NaT, recognised without importing pandas
_BOOLEANS, _FLOATS, _TIMES = (bool, np.bool_), (float, np.floating), (np.datetime64, np.timedelta64)
_DATES = (np.datetime64, datetime.datetime)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def category_text(value: object) -> str:
    """Text form of one cell of a categorical column, the same in every reader of the file.

    None, NaN, NA and NaT become ``""``; booleans ``"True"`` or ``"False"``; integral numbers have no decimal point;
    other floats are their shortest float64 ``repr``; strings are unchanged; dates and times are as Python's ``str`` has
    them, of UTC where they have a zone; anything else is its ``str``.

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
    return _date_text(value) if isinstance(value, _DATES) else str(value)


def _date_text(value: Any) -> str:
    if isinstance(value, np.datetime64):
        if np.datetime_data(value.dtype)[0] in ("Y", "M", "W", "D"):
            return str(value.astype("datetime64[D]"))
        seconds = value.astype("datetime64[us]")
        return str(seconds.item() if seconds == value else value).replace("T", " ")
    return str(value if value.utcoffset() is None else value.astimezone(datetime.timezone.utc).replace(tzinfo=None))


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
    if value is None or value is np.ma.masked or type(value).__name__ in _NA_TYPES:
        return True
    if isinstance(value, _FLOATS):
        return math.isnan(value)
    return isinstance(value, _TIMES) and bool(np.isnat(value))


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


def listed(names: Iterable[str] | Mapping[str, int]) -> str:
    """Names, or names with numbers, for an error message: quoted, at most 12 of them.

    Examples
    --------
    >>> print(listed(["a", "b"]), listed({"a": 3}))
    'a', 'b' 'a': 3
    """
    shown = [f"{name!r}: {names[name]}" if isinstance(names, Mapping) else repr(name) for name in names]
    return ", ".join(shortened(name) for name in shown[:12]) + (f" and {len(shown) - 12} more" if shown[12:] else "")


def _hexadecimal(code: int) -> str:
    return f"x{code:02x}" if code < 0x100 else f"u{code:04x}"
