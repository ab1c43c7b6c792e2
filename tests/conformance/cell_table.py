"""The table of cells.json: texts and what they mean under each of some rules, by `cell_grammar`.

A line of cells.json is a text and its canonical value under each rule of its group: a number, ``"nan"``, ``"inf"`` or
``"-inf"``, seconds since 1970 of a date, the text of a category, or ``"error"``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from cell_grammar import BLANKS, category, number, part, seconds
from mothernet_runtime.cells import CategoryRule, CellRule, DateRule, NumberRule

_NUMBER_RULES = (
    NumberRule(),
    NumberRule(",", "."),
    NumberRule(",", " "),
    NumberRule(",", ""),
    NumberRule(".", ","),
    NumberRule(".", "'"),
    NumberRule(".", "\u2019"),
    NumberRule(".", ",", "$"),
    NumberRule(",", ".", "€"),
    NumberRule(".", "", "kr."),
    NumberRule(".", " ", "m2", missing=("-", "n.a.", "?")),
    NumberRule(percent=True),
    NumberRule(",", ".", "p.a.", percent=True, missing=("keine Angabe", "0", "1e3")),
    NumberRule(boolean=True),
    NumberRule(boolean=True, missing=("unknown", "n")),
)
_NUMBERS = (
    *("0", "1", "-1", "+1", "007", "1.", ".5", "-.5", "1.5", "-0", "0.0", "1.0", "3.14159265358979", "00.50", "1e3"),
    *("1E3", "1e+3", "2.5e-3", ".5e1", "1.e2", "1e400", "-1e400", "1e-400", "e5", "1e", "1e+", "1e2e3", "1e1.5"),
    *("1,5", ",5", "5,", "1,234", "1,234.5", "12,345,678.25", "12,34,567", "1,23", "1,2345", "0,001", "1,5e3"),
    *("1,,5", "1.234", "1.234,5", "12.345.678,25", "1.23,4", "1.2.3", "1234.567,8", "1.234.56", "123.456.789"),
    *("1,234,56", "1 234", "1 234,5", "1\u00a0234,5", "1\u202f234\u00a0567,5", "1 23", "1  234", "1'234.5"),
    *("1\u2019234.5", "1'234,5", " 5 ", "\t5\n", "\x0b5\x0c", "\u00a05", "5\u00a0", "\ufeff5", "\x1c5", "5\x1f"),
    *("\u20035", "1_000", "\uff11\uff12", "\u0661\u0662", "²", "0x10", "1 2", "--1", "+-1", "- 1", "-", "+", "."),
    *(",", "-.", "1-", "1+", "five", "12px", "½", "1/2", "#5", "5;", "$5", "$ 5", "5$", "5 $", "-$5", "$-5", "- $5"),
    *("$ -5", "-$-5", "+$-5", "$1,234.50", "$5%", "$", "-$", "$$5", "$5$", "5 €", "5,50€", "€5,50"),
    *("€\u00a01.234,50", "1.234,50\u202f€", "-5 €", "5- €", "5 € -", "USD 5", "5 EUR", "(5)", "(1,234)", "(1.234,5)"),
    *("( 5 )", "(-5)", "(+5)", "-(5)", "($5)", "$(5)", "$ (5)", "(5) $", "(5 $)", "($ 5.25)", "()", "(", ")", "(5"),
    *("5)", "((5))", "(-$5)", "($-5)", "-($5)", "$(-5)", "(5)$(", "$(5)$", "(5 €)", "(5) €", "€(5)", "kr.5"),
    *("kr. 5.5", "5 kr.", "5kr.", "5 kr", "5 m2", "5m2", "m2 5", "1 234.5 m2", "5 m", "5 m22", "5%", "5 %", "-5%"),
    *("%5", "5%%", "5,5 %", "5.5%", "12.5\u00a0%", "(5%)", "5 % p.a.", "p.a. 5%", "5 p.a. %", "1.000%", "%", "inf"),
    *("-inf", "+Inf", "INFINITY", "-Infinity", "infinit", "NAN", "-NAN", "+nan", "- nan", "(inf)", "inf%", "$inf"),
    *("true", "True", "TRUE", "t", "T", "yes", "Y", "y", "on", "ON", "false", "f", "no", "No", "N", "n", "off"),
    *("oFF", "tru", "ja", "2", "yes!", "y es", "\uff54rue", "1 ", "wahr", "unknown", "?", "n.a.", "N.A."),
    *("keine Angabe", "  -  "),
    *BLANKS,
    *("na", "Null", "NONE", "none", "N/a", " NA ", "\u00a0NA", "#n/a", "#N/A N/A ", "NAN%", "NaN.", "__proto__"),
)
_DATE_RULES = (*(DateRule(pattern) for pattern in ("ymd", "dmy", "mdy")), DateRule("time", missing=("00:00", "-")))
_DATES = (
    *("1970-01-01", "2024-02-29", "2023-02-29", "2024-04-31", "1969-12-31", "0001-01-01", "9999-12-31", "0000-01-01"),
    *("2024-13-01", "2024-00-10", "2024-01-00", "2024-1-5", "2024-01-5", "24-01-05", "2024/01/05", "2024.1.5"),
    *("2024/01-05", "20240105", "20240105T1230", "20240105T12:30", "20240105 12:30", "2024-0105", "2024-01", "2024"),
    *("202401", "19000229", "05/01/2024", "5.1.2024", "5-1-24", "31.12.99", "12/31/99", "31/12/68", "12/31/69"),
    *("1/2/3", "01/02/003", "1/2.2024", "13/13/2024", "29/02/1900", "29/02/2000", "02/29/2000", "5 Jan 2024"),
    *("5. Januar 2024", "05-JAN-24", "5 january, 2024", "5. Sept. 2024", "5 Sep,24", "5Jan2024", "5  Jan 2024"),
    *("5 Jan  2024", "31 Apr 2024", "5 Janu 2024", "5 Maye 2024", "Jan 5, 2024", "jan. 5 2024", "JANUARY 5, 24"),
    *("Jan 5,2024", "Jan  5, 2024", "Jan 32, 2024", "Feb 29 2023", "Jan-5-2024", "2024-01-05 14:30"),
    *("2024-01-05T14:30", "2024-01-05t14:30:15", "2024-01-05, 14:30", "2024-01-05  14:30", "2024-01-05T14:30:15.25"),
    *("2024-01-05T14:30:15,123456789", "2024-01-05T14:30:15.1234567891", "2024-01-05T14:30:15.", "2024-01-05T14:30Z"),
    *("2024-01-05T14:30z", "2024-01-05 14:30 UTC", "2024-01-05 14:30GMT", "2024-01-05T14:30+02"),
    *("2024-01-05T14:30+0200", "2024-01-05T14:30-02:30", "2024-01-05T14:30 +02:00", "2024-01-05T14:30+24:00"),
    *("2024-01-05T14:30+02:60", "2024-01-05T14:30+2", "2024-01-05T14:30 CET", "2024-01-05T14:30 utc"),
    *("0001-01-01T00:00+23:59", "2024-01-05T24:00", "2024-01-05T24:00:00.0", "2024-01-05T24:00:00.5"),
    *("2024-01-05T24:01", "2024-01-05T25:00", "2024-01-05T14:60", "2024-01-05T14:59:60", "2024-01-05T14:59:61"),
    *("2024-01-05T1430", "2024-01-05T14", "2024-01-05T", "5/1/2024 2:30 PM", "1/5/2024 2:30pm", "5/1/24 12:00 AM"),
    *("12/1/24 12:00 p.m.", "5.1.2024, 9:05:07 a.m. UTC", "5/1/2024 14:30 PM", "5/1/2024 0:30 AM"),
    *("5/1/2024 2:30 xm", "Jan 5, 2024 2:30 PM", "5 Jan 2024 14:30 +01:00", "14:30", "0:00", "00:00", "24:00"),
    *("7:05:09", "07:05:09.5", "7:5", "2:30 pm", "14:30Z", "14:30+01:00", "14h30", "-1:00", " 2024-01-05 "),
    *("\u00a02024-01-05", "\uff12\uff10\uff12\uff14-01-05", "2024\u201301\u201305", "1704412800", "45296", "today"),
    *("-", "NA", "", "nan", "NaT", "None", "2024-01-05\n", "Montag, 5.1.2024", "2024-W01-5", "2024-005"),
    *("+2024-01-05", "-001-01-01", "1970-01-01Z"),
)
_CATEGORY_RULES = (
    CategoryRule(),
    CategoryRule(integers=True),
    CategoryRule(missing=("?", "-", "0", "café", "unknown")),
)
_CATEGORIES = (
    *("Bern", " Bern ", "bern", "\tBern\r\n", "\u00a0Bern", "Bern\u00a0", "\x1cBern", "\ufeffBern", "New  York"),
    *("two\nlines", "3", "3.0", "3.", "03", "+3", "-3", "-3.00", "3.5", "-0", "0", "0.0", "000", "-00.0", "3e0"),
    *("3,0", "1_000", "\uff13", "3 ", "9007199254740993", "00000000000000000000000000000000000000001", "1" * 40),
    *(".0", "+", "-", "--3", "+-3", "3.0.0", " 007 ", "caf\u00e9", "cafe\u0301", "CAF\u00c9", "\ufb01ne"),
    *("\u212bngstr\u00f6m", "O\u212a", "A\u030a", "\u1e9b\u0323", "\u65e5\u672c"),
    *("\U0001f469\u200d\U0001f469\u200d\U0001f467", "True", "true", "1", "1.0", "inf", "nan", "NaN", "NAN", "None"),
    *("none", "NULL", "null", "NA", "na", "N/A", " NA ", "#N/A N/A", "", " ", "\t", "?", "unknown", "Unknown"),
    *("<NA>", "-nan", "+nan", "1.#IND", "#NA", "__proto__", "constructor", '"', "'", ","),
)
_SECONDS = (
    *(0.0, 1.0, -1.0, 86399.5, 86400.0, -86400.0, 1704412800.0, 1704465015.25, 951782400.0, -2203977600.0),
    *(253402300799.0, -62135596800.0, -62135683140.0, 253402387140.0, math.nan, 1e9, 3e9, 1709208000.0),
)


def cell_table() -> str:
    """The content of cells.json."""
    groups = [
        _group("number", _NUMBER_RULES, _NUMBERS, number),
        _group("date", _DATE_RULES, _DATES, seconds),
        _group("category", _CATEGORY_RULES, _CATEGORIES, category),
    ]
    names = ("days", "month", "weekday", "hour")
    parts = [[_shown(value), [_shown(part(value, name)) for name in names]] for value in _SECONDS]
    groups.append(f'"date_parts": {{"parts": {_json(names)}, "seconds": {_lines(parts)}}}')
    return "{" + ",\n".join(groups) + "}\n"


def _group(
    name: str, rules: Sequence[CellRule], texts: Sequence[str], read: Callable[[str, CellRule], float | str]
) -> str:
    def value(text: str, rule: CellRule) -> Any:
        try:
            return _shown(read(text, rule))
        except ValueError:
            return "error"

    entries = _lines(rule.schema() for rule in rules)
    cells = _lines([text, [value(text, rule) for rule in rules]] for text in dict.fromkeys(texts))
    return f'"{name}": {{"rules": {entries},\n"cells": {cells}}}'


def _shown(value: float | str) -> float | str:
    return value if isinstance(value, str) or math.isfinite(value) else str(value)


def _lines(values: Any) -> str:
    return "[\n" + ",\n".join(map(_json, values)) + "\n]"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
