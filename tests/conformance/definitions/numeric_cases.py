"""Cases about cells that are numbers: spellings, missing ones, large offsets, the ends of float32, many columns."""

from __future__ import annotations

import numpy as np
from mothernet_export import CategoricalColumn, NumericColumn

from definitions.case import Case, Cell, Column, Spelled, network

_SECONDS = tuple(1.7e9 + 128.0 * k for k in (0, 1, 2, 5))  # neighbours in float32 are 128 apart there
_MILLISECONDS = tuple(float((12969971 + k) * 2**17) for k in (0, 1, 3, 9))
_DAYS = (20240100.0, 20240102.0, 20240200.0, 20241230.0)


def _numbers() -> Case:
    columns = (
        NumericColumn("height", centre=171.5, knots=(150.0, 165.0, 172.5, 190.0), missing_indicator=False),
        NumericColumn("weight", centre=70.25, knots=(45.0, 62.5, 80.0), missing_indicator=False),
        NumericColumn("share", centre=0.5, knots=(0.0, 1.0), missing_indicator=False),
    )
    rows = [[168, 61.5, 0.25], [190, 45, 1], [150, 80, 0], [203.5, 120, -3], [0.1, 0.2, 0.3], [172.5, 62.5, 0.999]]
    child = network(columns, ("large", "medium", "small"), seed=1)
    return Case("numbers", "A table of numbers only, on, between and beyond the knots.", child, rows)


def _number_spellings() -> Case:
    columns = [NumericColumn(name, 0.75, (-2.0, 0.0, 1.0, 200.0), missing_indicator=True) for name in ("x", "y")]
    cells = [
        *(Spelled("1", 1), Spelled("1.0", 1.0), Spelled("+1", 1), Spelled("1.", 1), Spelled("001", 1)),
        *(Spelled(".5", 0.5), Spelled("-.5", -0.5), Spelled("1e2", 100.0), Spelled("1E+2", 100), Spelled("5.e-1", 0.5)),
        *(Spelled(" 42", 42), Spelled("42 ", 42), Spelled("\t-1.25 ", -1.25), Spelled("100000e-3", 100)),
        *(Spelled("nan", None), Spelled("NaN", None), Spelled("NAN", None), Spelled("   ", None), Spelled("", None)),
        *(Spelled("inf", "inf"), Spelled("-inf", "-inf"), Spelled(" inf", "inf"), Spelled("0" * 30 + "1", 1)),
        Spelled("0.30000000000000000000000000000000001", 0.3),
    ]
    rows = [[cell, cells[-1 - i]] for i, cell in enumerate(cells)]
    about = "Numbers in every spelling of a CSV file: signs, exponents, bare points, spaces around them, nan and inf."
    return Case("number_spellings", about, network(columns, ("no", "yes"), seed=6), rows)


def _missing_indicators() -> Case:
    columns = [
        NumericColumn("with", centre=5.0, knots=(0.0, 4.0, 10.0), missing_indicator=True),
        NumericColumn("without", centre=5.0, knots=(0.0, 4.0, 10.0), missing_indicator=False),
        NumericColumn("only", centre=0.0, knots=(), missing_indicator=True),
        CategoricalColumn("listed", categories=("", "a", "b")),
        CategoricalColumn("unlisted", categories=("a", "b")),
    ]
    rows: list[list[Cell]] = [[7, 7, 7, "a", "b"], [5, 5, 5, "c", "c"]]
    rows += [[None if i == missing else cell for i, cell in enumerate(rows[0])] for missing in range(5)]
    about = "Missing cells in columns with and without a missing indicator, and with and without the empty category."
    return Case("missing_indicators", about, network(columns, ("no", "yes"), seed=3), rows)


def _timestamps() -> Case:
    columns = [
        NumericColumn("seconds", centre=1.7e9 + 300.0, knots=_SECONDS, missing_indicator=False),
        NumericColumn("milliseconds", centre=_MILLISECONDS[1], knots=_MILLISECONDS, missing_indicator=True),
        NumericColumn("day", centre=20240131.0, knots=_DAYS, missing_indicator=False),
    ]
    seconds = [1700000000 + extra for extra in (0, 63, 64, 65, 192, 300, 640, 10**6)]
    rows = [
        [second, int(_MILLISECONDS[0]) + 2**16 * i + i % 3, int(_DAYS[0]) + (0, 1, 2, 3, 31, 100, 600, 1130)[i]]
        for i, second in enumerate(seconds)
    ]
    about = "Large offsets: cells are rounded to float32, halves to even, before a knot is subtracted in float32."
    return Case("timestamps", about, network(columns, ("early", "late", "middle"), seed=4), [*rows, [None] * 3])


def _extremes() -> Case:
    wide, narrow = 2.0**122, 2.0**-120
    columns = [
        NumericColumn("unit", centre=0.5, knots=(-1.0, 0.0, 1.0), missing_indicator=True),
        NumericColumn("wide", centre=-0.0, knots=(-wide, 0.0, wide), missing_indicator=False),
        NumericColumn("narrow", centre=narrow, knots=(0.0, narrow), missing_indicator=False),
    ]
    cells = [
        *("inf", "-inf", Spelled("1e400", "inf"), Spelled("-1e400", "-inf"), 1e39, -1e39, 3.4028234e38, -3.4028236e38),
        *(-0.0, 0, 5e-324, 1e-45, -1e-46, 1.1754942e-38, 5e-37, 1e36, Spelled("1e-400", 0), None),
    ]
    rows = [[cell, cells[i - 3], cells[i - 7]] for i, cell in enumerate(cells)]
    about = "Infinite cells, cells beyond float32 and float64, subnormal ones, and minus zero."
    return Case("extremes", about, network(columns, ("no", "yes"), seed=5), rows)


def _many_columns() -> Case:
    rng = np.random.default_rng(0)

    def column(i: int) -> Column:
        if i % 4 == 3:
            return CategoricalColumn(f"c{i}", categories=("a", "b"))
        return NumericColumn(f"x{i}", centre=i / 8, knots=(-1.0, i / 4, i + 1.0), missing_indicator=i % 8 == 0)

    def cell(i: int) -> Cell:
        if i % 4 == 3:
            return ("a", "b", "c", None)[rng.integers(4)]
        return None if rng.random() < 0.1 else int(rng.integers(-8, 8 * i + 9)) / 8

    child = network([column(i) for i in range(200)], ("no", "yes"), seed=7, width=3, scale=0.125)
    rows = [[cell(i) for i in range(200)] for _ in range(3)]
    return Case("many_columns", "200 columns, numbers and text in turn.", child, rows)


CASES = (_numbers(), _number_spellings(), _missing_indicators(), _timestamps(), _extremes(), _many_columns())
