"""Dates and times as cells write them: FORMAT.md section 2. ISO 8601 always, other orders as a column declares them.

Everything is seconds since 1970-01-01 00:00 in float64: UTC where a cell names an offset, else as it stands. The
calendar is the Gregorian one, years 1 to 9999. No locale counts: names of months are English. Only NumPy may be
imported.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

__all__ = [
    "DATE_PARTS",
    "DATE_PATTERNS",
    "LAYOUT_LENGTHS",
    "DatePart",
    "DatePattern",
    "date_part",
    "seconds_of_array",
    "seconds_of_characters",
    "seconds_of_text",
    "seconds_of_texts",
    "seconds_of_value",
]

FloatArray = npt.NDArray[np.float64]
DatePattern = Literal["ymd", "dmy", "mdy", "time"]
DATE_PATTERNS: tuple[DatePattern, ...] = get_args(DatePattern)
DatePart = Literal["days", "month", "weekday", "hour"]
DATE_PARTS: tuple[DatePart, ...] = get_args(DatePart)

_DAY_SECONDS = 86_400
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_FIRST = _DAY_SECONDS * (datetime.date.min.toordinal() - _EPOCH_DAY)  # seconds of the first of January of the year 1
_END = _DAY_SECONDS * (datetime.date.max.toordinal() + 1 - _EPOCH_DAY)  # and of the year 10000
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9, "ps": 10**12, "fs": 10**15, "as": 10**18}

_MONTHS = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october"]
_MONTHS += ["november", "december"]
_TIME = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?(?: ?(?P<zone>Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?"
)
_AFTER = rf"(?:(?:[Tt]|,? ){_TIME})?"
_DAY, _MONTH, _NAME = r"(?P<day>\d{1,2})", r"(?P<month>\d{1,2})", r"(?P<name>[A-Za-z]{3,9})\.?"
_YEAR = r"(?P<year>\d{4}|\d{2})"
_ISO = [re.compile(rf"(?P<year>\d{{4}})-(?P<month>\d{{2}})-(?P<day>\d{{2}}){_AFTER}", re.ASCII)]
_PATTERNS: dict[DatePattern, list[re.Pattern[str]]] = {
    "ymd": [
        re.compile(rf"(?P<year>\d{{4}})(?P<sign>[-/.]){_MONTH}(?P=sign){_DAY}{_AFTER}", re.ASCII),
        re.compile(rf"(?P<year>\d{{4}})(?P<month>\d{{2}})(?P<day>\d{{2}})(?:[Tt]{_TIME})?", re.ASCII),
    ],
    "dmy": [
        re.compile(rf"{_DAY}(?P<sign>[-/.]){_MONTH}(?P=sign){_YEAR}{_AFTER}", re.ASCII),
        re.compile(rf"{_DAY}\.?[- ]{_NAME}[- ,] ?{_YEAR}{_AFTER}", re.ASCII),
    ],
    "mdy": [
        re.compile(rf"{_MONTH}(?P<sign>[-/.]){_DAY}(?P=sign){_YEAR}{_AFTER}", re.ASCII),
        re.compile(rf"{_NAME} {_DAY},? {_YEAR}{_AFTER}", re.ASCII),
    ],
    "time": [re.compile(_TIME, re.ASCII)],
}
# what `seconds_of_characters` reads without a loop: digits of year, month, day, hour, minute, second, and signs
_HEADS: dict[DatePattern, tuple[str, ...]] = {
    "ymd": ("YYYY-MM-DD", "YYYY/MM/DD", "YYYY.MM.DD"),
    "dmy": ("YYYY-MM-DD", "DD-MM-YYYY", "DD/MM/YYYY", "DD.MM.YYYY"),
    "mdy": ("YYYY-MM-DD", "MM-DD-YYYY", "MM/DD/YYYY", "MM.DD.YYYY"),
    "time": (),
}
_TAILS = ("", " hh:mm", "Thh:mm", " hh:mm:ss", "Thh:mm:ss", "Thh:mm:ssZ")
LAYOUT_LENGTHS = tuple(sorted({len("YYYY-MM-DD" + tail) for tail in _TAILS}))


def seconds_of_text(text: str, pattern: DatePattern) -> float | None:
    """Seconds since 1970 that a trimmed text says under a column's pattern, None where it is no date.

    Examples
    --------
    >>> seconds_of_text("1970-01-02T00:00:30Z", "ymd"), seconds_of_text("2/1/1970", "dmy"), seconds_of_text("x", "dmy")
    (86430.0, 86400.0, None)
    """
    for candidate in (_ISO if pattern != "time" else []) + _PATTERNS[pattern]:
        match = candidate.fullmatch(text)
        if match:
            return _seconds(match.groupdict())
    return None


def seconds_of_texts(texts: Sequence[str], pattern: DatePattern) -> FloatArray | None:
    """Seconds (N,) of N texts in usual layouts of one length; None if they are not, and need a closer look."""
    length = len(texts[0]) if texts else 0
    joined = "".join(texts)
    if length not in LAYOUT_LENGTHS or not joined.isascii() or any(len(text) != length for text in texts):
        return None
    seconds, found = seconds_of_characters(np.frombuffer(joined.encode(), np.uint8).reshape(-1, length), pattern)
    return seconds if found.all() else None


def seconds_of_characters(
    characters: npt.NDArray[np.uint8], pattern: DatePattern
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Seconds (N,) of texts of one length (N, length) in usual layouts, and which they are; NaN for others."""
    seconds, found = np.full(len(characters), math.nan), np.zeros(len(characters), np.bool_)
    layouts = [head + tail for head in _HEADS[pattern] for tail in _TAILS]
    for layout in (each for each in layouts if len(each) == characters.shape[1]):
        signs = [k for k, sign in enumerate(layout) if sign not in "YMDhms"]
        alike = np.ones(len(characters), np.bool_)
        for k in signs:
            alike &= characters[:, k] == ord(layout[k])
        rows = np.flatnonzero(alike)
        if len(rows):
            seconds[rows], found[rows] = _seconds_in_layout(characters[rows], layout)
    return seconds, found


def _seconds_in_layout(characters: npt.NDArray[np.uint8], layout: str) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """The same of texts that have the signs of the layout."""
    valid = np.ones(len(characters), np.bool_)
    field = dict.fromkeys("YMDhms", np.zeros(len(characters), np.int64))
    for k, letter in enumerate(layout):
        if letter in field:
            digits = characters[:, k] - np.uint8(ord("0"))  # beyond 9 where it is none
            valid &= digits <= 9
            field[letter] = field[letter] * 10 + digits
    year, month, day, hour, minute, second = field.values()
    valid &= (year >= 1) & (month >= 1) & (month <= 12) & (hour <= 23) & (minute <= 59) & (second <= 59)
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    first, next_first = (each.astype("datetime64[D]").astype(np.int64) for each in (months, months + 1))
    valid &= (day >= 1) & (day <= next_first - first)
    seconds = ((first + day - 1) * _DAY_SECONDS + hour * 3600 + minute * 60 + second).astype(np.float64)
    seconds[~valid] = math.nan
    return seconds, valid


def _seconds(field: dict[str, str | None]) -> float | None:
    days = 0
    if field.get("year") is not None:
        year = int(field["year"] or 0)
        if len(field["year"] or "") == 2:
            year += 2000 if year < 69 else 1900  # as POSIX has it
        if field.get("name"):
            name = (field["name"] or "").lower()
            month = next((k for k, full in enumerate(_MONTHS, 1) if name in (full, full[:3], full[:4])), 0)
        else:
            month = int(field["month"] or 0)
        try:
            days = datetime.date(year, month, int(field["day"] or 0)).toordinal() - _EPOCH_DAY
        except ValueError:
            return None
    seconds = _time_of_day(field)
    fraction = float(f"0.{field['fraction']}") if field.get("fraction") else 0.0
    return None if seconds is None else float(_DAY_SECONDS * days + seconds) + fraction  # rounded once


def _time_of_day(field: dict[str, str | None]) -> int | None:
    """Whole seconds since midnight, of UTC where an offset is named."""
    if field.get("hour") is None:
        return 0
    hour, minute, second = (int(field.get(key) or 0) for key in ("hour", "minute", "second"))
    if field.get("half"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if (field["half"] or "").lower() == "p" else 0)
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second or int(field["fraction"] or 0))):
        return None
    zone = field.get("zone") or "Z"
    offset = 0
    if zone[0] in "+-":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        if int(digits[:2]) > 23 or int(digits[2:]) > 59:
            return None
        offset = (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * (-1 if zone[0] == "-" else 1)
    return hour * 3600 + minute * 60 + second - offset


def seconds_of_value(value: object) -> float:
    """Seconds since 1970 of a typed date, time or timestamp (Python's, NumPy's, pandas').

    Raises
    ------
    TypeError, ValueError
        The value is none; its year is not 1 to 9999.
    """
    if isinstance(value, datetime.datetime) and hasattr(value, "to_datetime64"):  # of pandas, UTC where it has a zone
        value = value.to_datetime64()
    if isinstance(value, np.datetime64):
        return float(seconds_of_array(np.array([value]))[0])
    if isinstance(value, datetime.datetime | datetime.time):
        day = value.toordinal() - _EPOCH_DAY if isinstance(value, datetime.datetime) else 0
        offset = value.utcoffset() or datetime.timedelta()
        seconds = value.hour * 3600 + value.minute * 60 + value.second - offset.days * _DAY_SECONDS - offset.seconds
        whole, rest = divmod(value.microsecond - offset.microseconds, 10**6)
        return float(_DAY_SECONDS * day + seconds + whole) + rest / 10**6
    if isinstance(value, datetime.date):
        return float(_DAY_SECONDS * (value.toordinal() - _EPOCH_DAY))
    raise TypeError("not a date")


def seconds_of_array(dates: npt.NDArray[Any]) -> FloatArray:
    """Seconds since 1970 (N,) of an array of datetime64 (N,) in any unit, NaN where NaT.

    Raises
    ------
    ValueError
        A year is not 1 to 9999.
    """
    unit, step = np.datetime_data(dates.dtype)
    missing = np.isnat(dates)
    if unit == "generic" or missing.all():
        return np.full(dates.shape, math.nan)
    dates = np.where(missing, dates[~missing][0], dates)
    if unit not in _PER_SECOND or step != 1:  # casts wrap beyond 64 bits, so years first
        years = dates.astype("datetime64[Y]").astype(np.int64) + 1970
        if ((years < 1) | (years > 9999)).any():
            raise ValueError("the year of a date must be 1 to 9999")
        unit = unit if unit in _PER_SECOND else "s"
        dates = dates.astype(f"datetime64[{unit}]")
    counts, per_second = dates.astype(np.int64), _PER_SECOND[unit]
    whole, rest = np.divmod(counts, per_second)
    if ((whole < _FIRST) | (whole >= _END)).any():
        raise ValueError("the year of a date must be 1 to 9999")
    seconds = whole.astype(np.float64) + rest / per_second
    seconds[missing] = math.nan
    return np.asarray(seconds, np.float64)


def date_part(seconds: FloatArray, part: DatePart) -> FloatArray:
    """A number from seconds since 1970 (N,): days, month 1 to 12, weekday (Monday is 0), or hour with its fraction.

    Examples
    --------
    >>> seconds = np.array([1.5 * 86_400, math.nan])
    >>> [date_part(seconds, part).tolist() for part in DATE_PARTS]
    [[1.5, nan], [1.0, nan], [4.0, nan], [12.0, nan]]
    """
    if part == "days":
        return seconds / _DAY_SECONDS
    day = np.floor(seconds / _DAY_SECONDS)
    if part == "weekday":
        return np.asarray((day + 3) % 7)  # 1970-01-01 was a Thursday
    if part == "hour":
        return np.asarray((seconds - _DAY_SECONDS * day) / 3_600)
    known = np.isfinite(day)
    months = np.full(day.shape, math.nan)
    whole = day[known].astype(np.int64).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    months[known] = whole % 12 + 1
    return months


def date_part_of_cell(seconds: float, part: DatePart) -> float:
    """What `date_part` says of a single cell (finite, or NaN where it is missing), without the cost of arrays.

    Examples
    --------
    >>> [date_part_of_cell(1.5 * 86_400, part) for part in DATE_PARTS]
    [1.5, 1.0, 4.0, 12.0]
    """
    if part == "days" or math.isnan(seconds):
        return seconds / _DAY_SECONDS
    day = math.floor(seconds / _DAY_SECONDS)
    if part == "weekday":
        return float((day + 3) % 7)
    if part == "hour":
        return (seconds - _DAY_SECONDS * day) / 3_600
    return float(np.datetime64(day, "D").astype("datetime64[M]").astype(np.int64) % 12 + 1)
