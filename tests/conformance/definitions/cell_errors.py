"""Cells that do not fit the type of their column, or the way in which it is written."""

from __future__ import annotations

from typing import Any

from mothernet_export import CategoricalColumn, NumericColumn, to_onnx
from mothernet_runtime.cells import DateRule, NumberRule

from definitions.case import Column, ErrorCase, network
from definitions.model_edits import remove_exporter_version

GOOD = {"age": 31, "city": "Bern", "fare": 7.25, "constant": 1, "code": "3", "note": "x"}  # a row of "mixed"
_BAD_CELLS = {
    "text_in_number": ("Text in a column of numbers.", "abc"),
    "underscore_in_number": ("1_000, which Python reads, is no number.", "1_000"),
    "full_width_digits": ("Digits beyond ASCII are none.", "１２"),
    "arabic_digits": ("Digits beyond ASCII are none, whatever the script.", "١٢"),
    "hexadecimal": ("Hexadecimal numbers are none.", "0x10"),
    "two_numbers": ("Two numbers in one cell are none.", "1 2"),
    "no_digits": ("An exponent without digits before it is no number.", "e5"),
    "minus_alone": ("A sign alone is neither a number nor a missing cell.", "-"),
    "control_character": ("A control character beside a number is no blank.", "\x1c5"),
    "no_break_space": ("A no-break space is no blank cell.", "\u00a0"),
    "boolean_in_number": ("True is no number in a column of numbers.", "True"),
    "percent_in_number": ("A percent sign in a column that has none.", "7%"),
    "currency_in_number": ("A currency in a column that has none.", "$7"),
    "comma_in_number": ("A decimal comma in a column with points.", "7,25"),
    "word_in_number": ("The word for a missing cell of another table.", "missing"),
    "date_in_number": ("A date in a column of numbers.", "2024-01-05"),
}

_COLUMNS: tuple[Column, ...] = (
    NumericColumn("price", 12.5, (0.0, 10.0, 100.0), missing_indicator=True, rule=NumberRule(",", ".", "€")),
    NumericColumn(
        "share", 0.5, (0.0, 0.5, 1.0), missing_indicator=False, rule=NumberRule(percent=True, missing=("-",))
    ),
    NumericColumn("member", 0.0, (0.0, 1.0), missing_indicator=False, rule=NumberRule(boolean=True)),
    NumericColumn("day", 0.0, (-30.0, 0.0, 30.0), False, rule=DateRule("dmy"), offset=19_700.0, part="days"),
    NumericColumn("day", 3.0, (0.0, 6.0), False, rule=DateRule("dmy"), part="weekday"),
    NumericColumn("opens", 9.5, (7.0, 9.0, 12.0), False, rule=DateRule("time"), part="hour"),
    CategoricalColumn("city", ("Bern", "Genf")),
)
_ROW = {"price": "12,50 €", "share": "45 %", "member": "yes", "day": "5.1.2024", "opens": "9:30", "city": "Bern"}
_BAD_SPELLINGS = {
    "other_currency": ("A currency that the column does not have.", "price", "12,50 $"),
    "misplaced_group": ("Thousands separators with two digits between them.", "price", "1.23.456,0"),
    "two_signs": ("A sign before the currency and one behind it.", "price", "-€-5"),
    "signed_parentheses": ("Parentheses make a number negative: a sign within is one too many.", "price", "(-5)"),
    "open_parenthesis": ("A parenthesis that nothing closes.", "price", "(5"),
    "percent_before_number": ("A percent sign before the number.", "share", "% 45"),
    "other_marker": ("A marker of missing cells that the column does not have.", "share", "n.a."),
    "yes_in_another_language": ("A word for true that is not among those of FORMAT.md.", "member", "ja"),
    "no_such_day": ("A day that does not exist.", "day", "31.4.2024"),
    "month_first": ("The month first in a column where the day comes first.", "day", "1/31/2024"),
    "two_separators": ("Two separators in one date.", "day", "5.1/2024"),
    "number_as_date": ("A spreadsheet's number of a day.", "day", "45296"),
    "name_of_weekday": ("A weekday before a date.", "day", "Fri, 5 Jan 2024"),
    "no_such_hour": ("An hour that does not exist.", "opens", "25:00"),
    "date_as_time": ("A date in a column of times.", "opens", "2024-01-05"),
}


def cell_errors() -> list[ErrorCase]:
    """All of them; the good cells of a row are those of the case "mixed", or of a small table in odd spellings."""
    model = to_onnx(network(_COLUMNS, ("no", "yes"), seed=61, width=3))
    remove_exporter_version(model)
    data = model.SerializeToString(deterministic=True)
    return [
        *(_error(name, about, "fare", GOOD, cell) for name, (about, cell) in _BAD_CELLS.items()),
        *(_error(name, about, column, _ROW, cell, data) for name, (about, column, cell) in _BAD_SPELLINGS.items()),
    ]


def _error(
    name: str, about: str, column: str, good: dict[str, Any], cell: str, model: bytes | None = None
) -> ErrorCase:
    """A row without the bad cell, then one with it."""
    records = [good, {**good, column: cell}]
    lines = [",".join(good), *(",".join(_quoted(str(value)) for value in record.values()) for record in records)]
    rows = "\n".join([*lines, ""]).encode()
    return ErrorCase(f"error_{name}", about, column, model=model, rows=rows, records=records)


def _quoted(text: str) -> str:
    return f'"{text}"' if "," in text else text
