"""Cases about dates and times: every pattern, all parts of a date, zones, halves of the day, leap days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from mothernet_export import CategoricalColumn, NumericColumn
from mothernet_runtime.cells import DateRule

from definitions.case import Case, Cell, Column, network

_DAY = 19_727.0  # 2024-01-05


def _parts(name: str, rule: DateRule, *parts: Literal["days", "month", "weekday", "hour"]) -> list[Column]:
    """A raw column of dates with some of its parts."""
    knots: dict[str, tuple[float, ...]] = {
        "days": (-40_000.0, -365.0, -1.0, 0.0, 0.5, 30.0, 4_000.0),
        "month": (1.0, 2.0, 6.0, 12.0),
        "weekday": (0.0, 4.0, 5.0, 6.0),
        "hour": (0.0, 7.5, 12.0, 18.25, 24.0),
    }
    return [
        NumericColumn(
            name, knots[part][1], knots[part], i == 0, rule=rule, offset=_DAY if part == "days" else 0.0, part=part
        )
        for i, part in enumerate(parts)
    ]


def _case(name: str, about: str, rule: DateRule, cells: Sequence[Cell], seed: int, **fields: Any) -> Case:
    """A table whose only raw column is one of dates with all parts."""
    columns = _parts("when", rule, "days", "month", "weekday", "hour")
    return Case(
        name, about, network(columns, ("no", "yes"), seed=seed, scale=0.5), [[cell] for cell in cells], **fields
    )


def _ymd() -> Case:
    cells: list[Cell] = [
        *("2024-01-05", "2024-1-5", "2024/01/05", "2024.1.31", "20240105", "2024-02-29", "1999-12-31", "0001-01-01"),
        *("9999-12-31", "2024-01-05 14:30", "2024-01-05T14:30:15", "2024-01-05t14:30:15.25", "2024-01-05, 7:05"),
        *("20240105T14:30:15", "2024-01-05T14:30Z", "2024-01-05 14:30 UTC"),
        *("2024-01-05T14:30+02:00", "2024-01-05T23:30-0130", "2024-01-05T00:30+01", "2024-01-05T24:00"),
        *("2024-12-31T23:59:60", "2024-01-05T14:30:15,123456789", " 2024-01-05\t", "NaN", None, "2024/6/30 9:15 PM"),
    ]
    about = "Dates with the year first: ISO 8601 and its looser relatives, times, fractions, offsets from UTC."
    return _case("dates_ymd", about, DateRule("ymd"), cells, seed=81)


def _dmy() -> Case:
    cells: list[Cell] = [
        *("5.1.2024", "05/01/2024", "31-12-1999", "5.1.24", "5.1.69", "5.1.68", "5 Jan 2024", "5. January 2024"),
        *("5-JAN-24", "05 sept. 2023", "5 June,2024", "29.2.2000", "2024-01-05", "2024-01-05T14:30Z", "5.1.2024 14:30"),
        *(
            "5/1/2024 2:30 PM",
            "5/1/2024, 12:00 a.m.",
            "5 Jan 2024 12:15pm",
            "31.12.2023 23:59:59.999",
            "k. A.",
            "",
            None,
        ),
    ]
    about = "Dates with the day first: numbers and English names of months, years of two digits, ISO 8601 all the same."
    return _case("dates_dmy", about, DateRule("dmy", ("k. A.",)), cells, seed=82)


def _mdy() -> Case:
    cells: list[Cell] = [
        *("1/5/2024", "01-05-2024", "12.31.1999", "1/5/24", "12/31/69", "Jan 5, 2024", "January 5 2024", "SEPT. 5, 23"),
        *("may 31, 2024", "2/29/2024", "2024-01-05", "2024-01-05 08:00", "1/5/2024 14:30", "1/5/2024 2:30:15 p.m."),
        *("Jan 5, 2024 12:00 AM", "Jan 5, 2024, 9:05 AM GMT", "1/5/24 11:59 PM -05:00", "?", "NULL", None),
    ]
    about = (
        "Dates with the month first: numbers and English names of months, years of two digits, ISO 8601 all the same."
    )
    return _case("dates_mdy", about, DateRule("mdy", ("?",)), cells, seed=83)


def _times() -> Case:
    cells: list[Cell] = [
        *("14:30", "0:00", "00:00:00", "24:00", "7:05:09", "07:05:09.5", "2:30 pm", "12:00 AM", "12:00p.m.", "14:30Z"),
        *("14:30+02:00", "0:30 +01:00", "23:59:60", "closed", None),
    ]
    rule = DateRule("time", ("closed",))
    columns = [
        *_parts("opens", rule, "hour"),
        NumericColumn("closes", 0.5, (0.0, 0.25, 0.75, 1.0), False, rule=DateRule("time"), part="days"),
    ]
    rows = [[cell, cells[2] if cells[-1 - i] in ("closed", None) else cells[-1 - i]] for i, cell in enumerate(cells)]
    about = "Times of day alone, as hours or as parts of a day."
    return Case("times", about, network(columns, ("no", "yes"), seed=84), rows)


def _parts_in_table() -> Case:
    columns = [
        NumericColumn("x", 0.0, (0.0, 1.0), missing_indicator=True),
        *_parts("born", DateRule("dmy"), "days", "month"),
        CategoricalColumn("city", ("Bern", "Genf")),
        *_parts("seen", DateRule("ymd"), "weekday", "hour"),
        NumericColumn("y", 0.0, (0.0, 1.0), missing_indicator=False),
        NumericColumn("unused", 0.0, (), False, rule=DateRule("mdy"), part="days"),
    ]
    rows: list[list[Cell]] = [
        [0.5, "5.1.2024", "Bern", "2024-01-05 14:30", 1, "1/5/2024"],
        [None, "31.12.1999", "Genf", "2024-01-06T00:00Z", 0.25, None],
        [1, None, None, None, None, "2/29/2024"],
        [0.75, "1 May 2020", "Rome", "2024-01-07 23:59", -1, "2024-01-05"],
    ]
    about = "Columns of dates between others: each becomes as many inputs as it has parts, in the order of the table."
    return Case("date_parts", about, network(columns, ("no", "yes"), seed=85), rows)


CASES = (_ymd(), _dmy(), _mdy(), _times(), _parts_in_table())
