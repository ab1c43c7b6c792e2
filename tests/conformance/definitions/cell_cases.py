"""Cases about cells as people write them: thousands, currencies, percent, booleans, missing markers, offsets."""

from __future__ import annotations

from collections.abc import Sequence

from mothernet_export import CategoricalColumn, IgnoredColumn, NumericColumn
from mothernet_runtime.cells import CategoryRule, DateRule, NumberRule

from definitions.case import Case, Cell, Column, Spelled, network

_KNOTS = (-2000.0, -5.0, 0.0, 1.5, 10.0, 1234.0, 2_000_000.0)
_BLANKS = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
    *("NULL", "NaN", "None", "n/a", "nan", "null"),
)


def _number(name: str, rule: NumberRule) -> NumericColumn:
    return NumericColumn(name, centre=1.0, knots=_KNOTS, missing_indicator=True, rule=rule)


def _table(
    columns: dict[str, tuple[NumberRule, Sequence[Cell | Spelled]]],
) -> tuple[list[Column], list[list[Cell | Spelled]]]:
    """Columns of numbers, and rows in which cell k of one column stands beside cell k of each other, from the start."""
    n_rows = max(len(cells) for _, cells in columns.values())
    rows = [[cells[i % len(cells)] for _, cells in columns.values()] for i in range(n_rows)]
    return [_number(name, rule) for name, (rule, _) in columns.items()], rows


def _decimal_comma() -> Case:
    columns, rows = _table(
        {
            "point": (
                NumberRule(",", "."),
                ["1.234,5", "1.234", "1.5", "1234,5", "-1.234.567,25", ",5", "5,", "1e3", "1,5e3", None, 1.5, "1.2e1"],
            ),
            "space": (
                NumberRule(",", " "),
                ["1 234,5", "1\u00a0234", "1\u202f234\u00a0567,5", "1.5", "-0,5", "12", "1 234 567", "+7,0", ""],
            ),
            "none": (NumberRule(",", ""), ["1,5", "1.5", "1234", "-,25", "0,001", Spelled("21,32", 21.32), "inf"]),
        }
    )
    about = (
        "A decimal comma with points, spaces or nothing between thousands; a text with a point that fits nothing else."
    )
    return Case("decimal_comma", about, network(columns, ("no", "yes"), seed=71), rows)


def _thousands() -> Case:
    columns, rows = _table(
        {
            "comma": (
                NumberRule(".", ","),
                [
                    "1,234.5",
                    "1,234",
                    "12,34,567.5",
                    "1,234,567",
                    "-1,000",
                    "1234.5",
                    ".5",
                    "1e-3",
                    Spelled("1,500", 1500),
                ],
            ),
            "apostrophe": (NumberRule(".", "'"), ["1'234.5", "1'234'567", "-1'000", "999", None, "1e3", "0.25"]),
            "quote": (NumberRule(".", "\u2019"), ["1\u2019234.5", "1\u2019234\u2019567", "12.5", "nan", "-2"]),
            "space": (NumberRule(".", " "), ["1 234.5", "1\u202f234\u202f567", "3", "-inf", "10 000"]),
        }
    )
    about = "Thousands separated by commas (also as in India), apostrophes of both kinds, and spaces of three kinds."
    return Case("thousands", about, network(columns, ("no", "yes"), seed=72), rows)


def _currencies() -> Case:
    columns, rows = _table(
        {
            "euro": (
                NumberRule(",", ".", "€"),
                ["1.234,50 €", "€ 1.234,50", "€5", "5€", "-€5", "€-5", "-5", "(5 €)", "(5) €", "5", 7.5],
            ),
            "dollar": (
                NumberRule(".", ",", "$"),
                [
                    "$1,234.50",
                    "$ 12",
                    "12 $",
                    "($1,234)",
                    "$(5)",
                    "$ (5.25)",
                    "( $5 )",
                    "(7)",
                    "-$3",
                    "+$3",
                    "inf",
                    None,
                ],
            ),
            "krone": (NumberRule(".", "", "kr."), ["kr.5", "kr. 5.5", "5 kr.", "-5kr.", "kr.\u00a01e3", "12", "nan"]),
            "area": (NumberRule(".", " ", "m2"), ["5 m2", "5m2", "1 234.5\u202fm2", "m2 5", "(2 m2)", "-1 m2"]),
        }
    )
    about = "Currencies and units before and behind numbers, and negative numbers as accountants write them."
    return Case("currencies", about, network(columns, ("no", "yes"), seed=73), rows)


def _percent() -> Case:
    cells: list[Cell | Spelled] = [
        *("45%", "45 %", "12.5\u00a0%", "-3%", "+100%", "0.1%", "(5%)", "1e2%", "0.45", "1", Spelled("50%", 0.5), 0.25),
        *("inf", "nan", None, "0%"),
    ]
    comma: list[Cell | Spelled] = ["45,5 %", "45,5% p.a.", "p.a. 45,5 %", "1.000 %", "0,45", "12 p.a.", "-0,5%"]
    knots = (-0.125, 0.0, 0.0078125, 0.125, 0.4375, 1.0)
    columns = [
        NumericColumn("point", 0.25, knots, True, rule=NumberRule(percent=True)),
        NumericColumn("comma", 0.25, knots, False, rule=NumberRule(",", ".", "p.a.", percent=True)),
    ]
    rows = [[cell, comma[i % len(comma)]] for i, cell in enumerate(cells)]
    about = "Percent signs divide by a hundred; numbers without one stand for themselves."
    return Case("percent", about, network(columns, ("no", "yes"), seed=74), rows)


def _booleans() -> Case:
    words = ["true", "True", "TRUE", "t", "T", "yes", "Yes", "YES", "y", "Y", "on", "On", "tRuE"]
    words += ["false", "False", "FALSE", "f", "F", "no", "No", "NO", "n", "N", "off", "OFF", "oFf"]
    others: list[Cell | Spelled] = [
        *("1", "0", "1.0", "0.0", "0.5", "2", "-1", "1e0", " true ", "\tno\n", "nan", "unknown", "NA", "", "inf"),
        *(True, False, 1, 0, 1.0, 0.0, None, Spelled("yes", True), Spelled("0", False), Spelled("no", 0)),
    ]
    rule = NumberRule(boolean=True, missing=("unknown",))
    columns = [
        NumericColumn("flag", 0.0, (0.0, 1.0), True, rule=rule),
        NumericColumn("shifted", 0.5, (-0.5, 0.5), False, rule=NumberRule(boolean=True), offset=0.5),
    ]
    rows = [[cell, ("yes", "0", None)[i % 3]] for i, cell in enumerate([*words, *others])]
    about = "Booleans in every spelling, as words, numbers and typed values."
    return Case("booleans", about, network(columns, ("no", "yes"), seed=75), rows)


def _every_type(missing: tuple[str, ...]) -> list[Column]:
    return [
        NumericColumn("number", 1.0, (-9.0, 0.0, 5.0, 999.0), True, rule=NumberRule(missing=missing)),
        NumericColumn("boolean", 0.0, (0.0, 1.0), True, rule=NumberRule(boolean=True, missing=missing)),
        NumericColumn("date", 0.0, (-9.0, 0.0, 9.0), True, rule=DateRule("ymd", missing), offset=19_727.0, part="days"),
        CategoricalColumn("listed", ("", "Bern", "na", "NaN."), rule=CategoryRule(missing=missing)),
        CategoricalColumn("unlisted", ("Bern", "Genf"), rule=CategoryRule(missing=missing)),
    ]


def _missing_markers() -> Case:
    markers = ("?", "-", "n.v.", "-999", "keine Angabe", "no", "1970-01-01", "<none>", "\u2013")
    good: list[Cell | Spelled] = [4, True, "2024-01-05", "Bern", "Genf"]
    rows: list[list[Cell | Spelled]] = [good, *([marker] * 5 for marker in markers)]
    rows += [
        [f" {marker}\t" if i == k % 5 else cell for i, cell in enumerate(good)] for k, marker in enumerate(markers)
    ]
    rows += [
        ["-999.0", "No", "1970-1-1", "Keine Angabe", "??"],
        [Spelled("-999.", -999), False, "1970-01-02", "NaN.", " \u2013 "],
    ]
    child = network(_every_type(markers), ("no", "yes"), seed=76)
    about = "Markers of missing cells: exactly as the column lists them, after trimming, whatever they would mean else."
    return Case("missing_markers", about, child, rows)


def _blanks() -> Case:
    good: list[Cell | Spelled] = [4, True, "2024-01-05", "Bern", "Genf"]
    rows = [[blank if (k + i) % 3 else good[i] for i in range(5)] for k, blank in enumerate(_BLANKS)]
    rows += [[f"\t{blank} " for _ in range(5)] for blank in _BLANKS[1:4]]
    rows += [["nAn", 0, "2024-01-06", word, word] for word in ("na", "none", "Null", "NaN.", "#n/a", "nAn", "NAN")]
    about = "What is missing in every column, in the same letter case: the words that pandas reads so."
    return Case("blanks", about, network(_every_type(()), ("no", "yes"), seed=77), rows)


def _offsets() -> Case:
    columns = [
        NumericColumn("seconds", 300.0, (-3600.0, 0.0, 1.0, 60.0, 86_400.0), True, offset=1.7e9),
        NumericColumn("day", 0.0, (-100.0, -1.0, 0.0, 1.0, 69.0), False, offset=20_240_131.0),
        NumericColumn("code", 0.0, (0.0, 1.0, 2.0, 3.0, 7.0), False, offset=4_111_222_330.0),
        NumericColumn("nanoseconds", 0.0, (-512.0, 0.0, 256.0, 1e9), False, offset=1.7e18),
        NumericColumn("fine", 0.0, (0.0, 2.0**-20, 2.0**-10, 0.25), False, offset=0.1),
    ]
    rows: list[list[Cell | Spelled]] = [
        [1_700_000_000, 20_240_131, 4_111_222_333, 1_700_000_000_000_000_000, 0.1],
        [1_700_000_001, 20_240_201, 4_111_222_332, 1_700_000_000_000_000_256, 0.3],
        [1_700_000_000.5, 20_240_130, "4111222331", 1.7e18, 0.1 + 2.0**-21],
        ["1.7000000595e9", " 20240101 ", "4111222330.0", "17e17", "0.10000001"],
        [None, None, None, None, None],
        ["inf", "-inf", 1e300, "-1e300", "-inf"],
        [1_699_999_999, 0, -5, 1_699_999_999_999_999_488, 0.0],
        [1_700_086_399, 20_240_200, 4_111_222_337, 1_700_000_001_000_000_000, 0.10097],
    ]
    child = network(columns, ("early", "late", "middle"), seed=78)
    about = "Unix seconds, days as YYYYMMDD, codes of ten digits: the offset is subtracted in float64, before float32."
    return Case("offsets", about, child, rows)


_BESIDE_IGNORED: list[Column] = [
    IgnoredColumn("row"),
    NumericColumn("age", 39.5, (18.0, 30.5, 80.0), True),
    IgnoredColumn("note"),
    CategoricalColumn("city", ("", "Bern", "Genf")),
    IgnoredColumn("id"),
]


def _ignored_present() -> Case:
    cells: list[tuple[Cell, Cell, Cell]] = [(1, "two\nlines", ""), (None, None, "x"), ("2024-99-99", 'a "b"', "NaN")]
    rows = [[cells[i % 3][0], age, cells[i % 3][1], city, cells[i % 3][2]] for i, (age, city) in enumerate(_GOOD_ROWS)]
    about = "Ignored columns that the rows have: their cells are not read, whatever they hold."
    return Case("ignored_present", about, network(_BESIDE_IGNORED, ("no", "yes"), seed=79), rows)


def _ignored_absent() -> Case:
    rows = [[city, age] for age, city in _GOOD_ROWS]
    about = "Ignored columns that the rows do not have, and the others in another order."
    child = network(_BESIDE_IGNORED, ("no", "yes"), seed=79)
    return Case("ignored_absent", about, child, rows, header=("city", "age"))


_GOOD_ROWS: list[tuple[Cell, Cell]] = [(31, "Bern"), (None, "Genf"), (80.5, None), (18, "Rome"), ("42", " Bern ")]
CASES = (
    *(_decimal_comma(), _thousands(), _currencies(), _percent(), _booleans(), _missing_markers(), _blanks()),
    *(_offsets(), _ignored_present(), _ignored_absent()),
)
