"""What a raw cell means by section 2 of export/FORMAT.md: slow, obvious, on purpose independent of the runtime's rules.

Texts are taken apart by hand, without the expressions of FORMAT.md. Of a rule, only its fields are read.
"""

from __future__ import annotations

import datetime
import math
import unicodedata
from typing import Any

WHITE = "\t\n\v\f\r "
WIDE = WHITE + "\u00a0\u202f"  # S
BLANKS = ["", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A"]
BLANKS += ["NA", "NULL", "NaN", "None", "n/a", "nan", "null"]
TRUE, FALSE = ["true", "t", "yes", "y", "on"], ["false", "f", "no", "n", "off"]
DIGITS, LETTERS = "0123456789", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
MONTHS = "January February March April May June July August September October November December".lower().split()
EPOCH = datetime.date(1970, 1, 1).toordinal()


def is_missing(text: str, rule: Any) -> bool:
    """Whether a trimmed text is a blank or a marker of the column (2.1)."""
    return text in BLANKS or text in rule.missing


def number(cell: Any, rule: Any) -> float:
    """The value of a cell in a column of type number or boolean (2.2, 2.3, 2.6); ValueError if it has none."""
    if cell is None:
        return math.nan
    if not isinstance(cell, str):
        return float(cell)
    text = cell.strip(WHITE)
    if is_missing(text, rule):
        return math.nan
    found = _number(text, rule)
    lower = text.lower() if text.isascii() else text
    if found is None and lower.removeprefix(lower[:1] if lower[0] in "+-" else "") in ("inf", "infinity", "nan"):
        found = math.nan if "nan" in lower else math.copysign(math.inf, -1 if lower[0] == "-" else 1)
    if found is None and rule.boolean and lower in TRUE + FALSE:
        found = float(lower in TRUE)
    if found is None:
        raise ValueError(f"a number was expected, however: {cell!r}")
    return found


def _number(text: str, rule: Any) -> float | None:
    affix = "" if rule.boolean else rule.affix
    accounting, text = _inside(text, affix)
    ways = [(".", "")] if rule.boolean else [(rule.decimal, rule.group), (".", "")]
    for decimal, group in ways:
        for sign, digits, has_percent in [*_affix_before(text, affix), *_affix_after(text, affix)]:
            bare = digits[:-1].rstrip(WIDE) if has_percent else digits
            value = _unsigned(bare, decimal, group)
            if value is None or (has_percent and (rule.boolean or not rule.percent)):
                continue
            if len(sign) > (0 if accounting else 1):
                return None
            value = value / 100 if has_percent else value
            return -value if accounting or sign == "-" else value
    return None


def _inside(text: str, affix: str) -> tuple[bool, str]:
    """Whether the text stands in parentheses, and it without them, the affix within."""
    if affix and text.startswith(affix) and text[len(affix) :].lstrip(WIDE).startswith("(") and text.endswith(")"):
        return True, affix + text[len(affix) :].lstrip(WIDE)[1:-1].strip(WHITE)
    if affix and text.endswith(affix) and text.startswith("("):
        bare = text[: len(text) - len(affix)].rstrip(WIDE)
        if bare.endswith(")") and len(bare) > 1:
            return True, bare[1:-1].strip(WHITE) + affix
    if len(text) > 1 and text.startswith("(") and text.endswith(")"):
        return True, text[1:-1].strip(WHITE)
    return False, text


def _sign(text: str) -> tuple[str, str]:
    return (text[0], text[1:]) if text[:1] in ("+", "-") else ("", text)


def _affix_before(text: str, affix: str) -> list[tuple[str, str, bool]]:
    """Signs, the rest, and whether that ends in a percent sign."""
    first, text = _sign(text)
    if not affix or not text.startswith(affix):
        return []
    second, text = _sign(text[len(affix) :].lstrip(WIDE))
    return [(first + second, text, text.endswith("%"))]


def _affix_after(text: str, affix: str) -> list[tuple[str, str, bool]]:
    sign, text = _sign(text)
    rests = [text]
    if affix and text.endswith(affix):
        rests.append(text[: len(text) - len(affix)].rstrip(WIDE))
    return [(sign, rest, rest.endswith("%")) for rest in rests]


def _unsigned(text: str, decimal: str, group: str) -> float | None:
    """A number with neither sign nor affix, None if it is none in this way."""
    at = next((i for i, character in enumerate(text) if character in "eE"), len(text))
    mantissa, exponent = text[:at], text[at + 1 :]
    if at < len(text) and not _are_digits(_sign(exponent)[1]):
        return None
    whole, point, fraction = mantissa.partition(decimal)
    if not (_are_digits(fraction) or (not fraction and (whole or not point))):
        return None
    pieces = [whole]
    for separator in (" ", "\u00a0", "\u202f") if group == " " else (group,):
        if separator:
            pieces = [part for piece in pieces for part in piece.split(separator)]
    if whole and not all(map(_are_digits, pieces)):
        return None
    if len(pieces) > 1:
        inner = (2, 3) if group == "," else (3,)
        if len(pieces[0]) > 3 or len(pieces[-1]) != 3 or any(len(piece) not in inner for piece in pieces[1:-1]):
            return None
    if not whole and not fraction:
        return None
    return float(f"{''.join(pieces)}.{fraction}e{exponent or 0}")


def _are_digits(text: str) -> bool:
    return bool(text) and all(character in DIGITS for character in text)


def category(cell: Any, rule: Any) -> str:
    """The canonical text of a cell in a column of type category (2.5, 2.6)."""
    if cell is None:
        return ""
    text = unicodedata.normalize("NFC", text_form(cell).strip(WHITE))
    if is_missing(text, rule):
        return ""
    sign, digits = _sign(text)
    whole, _, zeros = digits.partition(".")
    if rule.integers and _are_digits(whole) and not zeros.strip("0"):
        whole = whole.lstrip("0")
        return ("-" if sign == "-" else "") + whole if whole else "0"
    return text


def text_form(cell: Any) -> str:
    """The text of a typed cell (2.6)."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell if isinstance(cell, str) else repr(cell)


def seconds(cell: Any, rule: Any) -> float:
    """Seconds since 1970 of a cell in a column of type date (2.4, 2.6); ValueError if it has none."""
    if cell is None:
        return math.nan
    if not isinstance(cell, str):
        raise ValueError(f"a date was expected, however: {cell!r}")
    text = cell.strip(WHITE)
    if is_missing(text, rule):
        return math.nan
    for form in {"ymd": (_iso, _ymd, _compact), "dmy": (_iso, _dmy, _day_name), "mdy": (_iso, _mdy, _name_day)}.get(
        rule.pattern, (_time_alone,)
    ):
        cursor = _Cursor(text)
        if form(cursor) and not cursor.rest:
            return cursor.seconds()
    raise ValueError(f"a date was expected, however: {cell!r}")


def part(value: float, name: str) -> float:
    """A part of seconds since 1970 (2.4)."""
    if math.isnan(value):
        return value
    day = math.floor(value / 86400)
    if name == "days":
        return value / 86400
    if name == "hour":
        return (value - 86400 * day) / 3600
    return float((day + 3) % 7 if name == "weekday" else _month_of(day))


def _month_of(day: int) -> int:
    """By whole cycles of 400 years, as offsets from UTC reach beyond the years 1 to 9999."""
    return datetime.date.fromordinal((day + EPOCH) % 146097 + 146097).month


class _Cursor:
    """A text that is taken from its start, and what was read of it."""

    def __init__(self, text: str) -> None:
        self.rest = text
        self.year, self.month, self.day = 1970, 1, 1
        self.hour = self.minute = self.second = self.offset = 0
        self.fraction = ""
        self.is_valid = True

    def take(self, characters: str) -> str:
        """The next character if it is one of these, else nothing."""
        found = self.rest[:1] if self.rest and self.rest[0] in characters else ""
        self.rest = self.rest[len(found) :]
        return found

    def take_many(self, characters: str, smallest: int, largest: int) -> str:
        """As many of these characters as there are, if there are enough, else nothing."""
        n = 0
        while n < min(len(self.rest), largest) and self.rest[n] in characters:
            n += 1
        n = n if n >= smallest else 0
        found, self.rest = self.rest[:n], self.rest[n:]
        return found

    def take_pair(self) -> str:
        return self.take_many(DIGITS, 2, 2)

    def seconds(self) -> float:
        """The seconds of what was read; ValueError if there is no such time."""
        if not self.is_valid or self.minute > 59 or self.second > 60 or self.hour > 24:
            raise ValueError("no such time")
        if self.hour == 24 and (self.minute or self.second or self.fraction.strip("0")):
            raise ValueError("the day ends at 24:00")
        day = datetime.date(self.year, self.month, self.day).toordinal() - EPOCH
        whole = day * 86400 + self.hour * 3600 + self.minute * 60 + self.second - self.offset
        return float(whole) + float(f"0.{self.fraction}0")


def _date(cursor: _Cursor, year: str, month: str, day: str) -> bool:
    """Keep a date, and take the time behind it if there is one."""
    if not (year and month and day):
        return False
    number = int(year)
    cursor.year = number if len(year) == 4 else number + (2000 if number < 69 else 1900)
    cursor.month = int(month) if month[0] in DIGITS else _month_named(month)
    cursor.day = int(day)
    if not cursor.rest:
        return True
    if not cursor.take("Tt"):
        cursor.take(",")
        if not cursor.take(" "):
            return False
    return _time(cursor)


def _month_named(name: str) -> int:
    numbers = [k for k, month in enumerate(MONTHS, 1) if name.lower() in (month, month[:3], month[:4])]
    return numbers[0] if numbers else 0


def _year(cursor: _Cursor) -> str:
    return cursor.take_many(DIGITS, 4, 4) or cursor.take_pair()


def _iso(cursor: _Cursor) -> bool:
    year = cursor.take_many(DIGITS, 4, 4)
    month = cursor.take("-") and cursor.take_pair()
    day = cursor.take("-") and cursor.take_pair()
    return _date(cursor, year, month, day)


def _separated(cursor: _Cursor, widths: tuple[int, int]) -> tuple[str, str, str]:
    """Three groups of digits between two equal signs."""
    first = cursor.take_many(DIGITS, *widths)
    sign = cursor.take("-/.")
    second = cursor.take_many(DIGITS, 1, 2)
    same = cursor.take(sign) if sign else ""
    return (first, second, "x") if same else ("", "", "")


def _ymd(cursor: _Cursor) -> bool:
    year, month, _ = _separated(cursor, (4, 4))
    return _date(cursor, year, month, cursor.take_many(DIGITS, 1, 2))


def _dmy(cursor: _Cursor) -> bool:
    day, month, _ = _separated(cursor, (1, 2))
    return _date(cursor, _year(cursor), month, day)


def _mdy(cursor: _Cursor) -> bool:
    month, day, _ = _separated(cursor, (1, 2))
    return _date(cursor, _year(cursor), month, day)


def _compact(cursor: _Cursor) -> bool:
    year, month, day = cursor.take_many(DIGITS, 4, 4), cursor.take_pair(), cursor.take_pair()
    return not cursor.rest.startswith((",", " ")) and _date(cursor, year, month, day)


def _day_name(cursor: _Cursor) -> bool:
    day = cursor.take_many(DIGITS, 1, 2)
    cursor.take(".")
    name = cursor.take("- ") and cursor.take_many(LETTERS, 3, 9)
    cursor.take(".")
    between = cursor.take("- ,")
    cursor.take(" ")
    return bool(between) and _date(cursor, _year(cursor), name, day)


def _name_day(cursor: _Cursor) -> bool:
    name = cursor.take_many(LETTERS, 3, 9)
    cursor.take(".")
    day = cursor.take(" ") and cursor.take_many(DIGITS, 1, 2)
    cursor.take(",")
    return bool(cursor.take(" ")) and _date(cursor, _year(cursor), name, day)


def _time_alone(cursor: _Cursor) -> bool:
    return _time(cursor)


def _time(cursor: _Cursor) -> bool:
    hour = cursor.take_many(DIGITS, 1, 2)
    minute = cursor.take(":") and cursor.take_pair()
    if not (hour and minute):
        return False
    cursor.hour, cursor.minute = int(hour), int(minute)
    if cursor.take(":"):
        second = cursor.take_pair()
        if not second:
            return False
        cursor.second = int(second)
        if cursor.take(".,"):
            cursor.fraction = cursor.take_many(DIGITS, 1, 9)
            if not cursor.fraction:
                return False
    _half_of_day(cursor)
    _zone(cursor)
    return True


def _half_of_day(cursor: _Cursor) -> None:
    before = cursor.rest
    cursor.take(" ")
    half = cursor.take("AaPp")
    cursor.take(".")
    if not (half and cursor.take("Mm")):
        cursor.rest = before
        return
    cursor.take(".")
    cursor.is_valid = 1 <= cursor.hour <= 12
    cursor.hour = cursor.hour % 12 + (12 if half in "Pp" else 0)


def _zone(cursor: _Cursor) -> None:
    if not cursor.rest:
        return
    cursor.take(" ")
    for name in ("Z", "z", "UTC", "GMT"):
        if cursor.rest == name:
            cursor.rest = ""
            return
    sign, hours = cursor.take("+-"), cursor.take_pair()
    colon = cursor.take(":")
    minutes = cursor.take_pair()
    if not (sign and hours) or (colon and not minutes):
        cursor.rest += "!"  # nothing else may follow a time
        return
    cursor.is_valid = cursor.is_valid and int(hours) < 24 and int(minutes or 0) < 60
    cursor.offset = (int(hours) * 3600 + int(minutes or 0) * 60) * (-1 if sign == "-" else 1)
