"""Cases about a table as a whole: mixed columns, unused ones, few rows, the CSV's form, and the variety of files."""

from __future__ import annotations

import json

import numpy as np
import onnx
from mothernet_export import CategoricalColumn, ChildNetwork, ClassTarget, NumericColumn

from definitions.case import Case, Cell, Column, Spelled, network
from definitions.model_edits import canonical_json, metadata_of, set_metadata, set_schema

COLUMNS: tuple[Column, ...] = (
    NumericColumn("age", centre=39.5, knots=(18.0, 30.5, 47.25, 80.0), missing_indicator=True),
    CategoricalColumn("city", categories=("", "Bern", "Genève")),
    NumericColumn("fare", centre=14.25, knots=(-2.0, 7.5, 512.0), missing_indicator=False),
)
ROWS: list[list[Cell]] = [
    *([31, "Bern", 7.25], [None, None, None], [80.5, "Genève", 1000], [18, "Rome", -2], [42.5, "", 0.5]),
]


def _mixed() -> Case:
    columns = (
        COLUMNS[0],
        CategoricalColumn("city", categories=("", "Bern", "Genève", "日本", 'a "quoted", b', "a\nb")),
        NumericColumn("fare", centre=14.25, knots=(-2.0, 7.5, 512.0, 2.0**25), missing_indicator=False),
        NumericColumn("constant", centre=1.0, knots=(), missing_indicator=False),
        CategoricalColumn("code", categories=("3", "True", "0.5")),
        CategoricalColumn("note", categories=()),
    )
    rng = np.random.default_rng(3)
    n_inputs, width = sum(column.n_inputs for column in columns), 5
    child = ChildNetwork(
        columns,
        ClassTarget(("maybe, or not", "no", "oui, ça")),
        rng.normal(size=(n_inputs, width + 3)).round(2),
        rng.normal(size=width + 3).round(2),
        rng.normal(size=(width, 3)).round(2),
        versions={"mothernet": "conformance"},
    )
    rows: list[list[Cell | Spelled]] = [
        [31, "Bern", 7.25, 1, 3, "x"],
        [None, None, None, None, None, None],
        [-1e39, "Genève", 1e39, "inf", True, "two\nlines"],
        ["inf", "日本", "-inf", Spelled("nan", None), 0.5, 'quoted "cell", with comma'],
        [Spelled("nan", None), "Bern ", 3.4e38, -3.4e38, "3.0", "a space behind Bern, 3.0 as text"],
        [18, "bern", -0.0, 0, "", "a knot"],
        [80.00001, "nowhere", 1e-45, 7, False, ""],
        [Spelled(" 42.5 ", 42.5), 'a "quoted", b', Spelled("+1.5e2", 150), 1, 3.0, None],
        [0.1, "a\nb", 16777217, 2, 0.5, "rounds to float32"],
    ]
    return Case("mixed", "A bit of everything: numbers, text, ignored columns, odd spellings.", child, rows)


def _missing_everywhere() -> Case:
    rows = [[cell if kept >> i & 1 else None for i, cell in enumerate(ROWS[0])] for kept in range(8)]
    child = network(COLUMNS, ("no", "yes"), seed=31)
    return Case("missing_everywhere", "Every combination of missing cells in one row.", child, rows)


def _unused_columns() -> Case:
    columns = [
        CategoricalColumn("note", categories=()),
        NumericColumn("constant", centre=1.0, knots=(), missing_indicator=False),
        *COLUMNS,
        NumericColumn("empty", centre=0.0, knots=(), missing_indicator=False),
        CategoricalColumn("number", categories=()),
    ]
    extra: list[tuple[Cell, ...]] = [
        ("a", 1, None, "1"),
        (None, 2, 7, None),
        ("Bern", None, "inf", ""),
        ("", -1, 0, "x"),
    ]
    rows = [[*extra[i % 4][:2], *row, *extra[i % 4][2:]] for i, row in enumerate(ROWS)]
    about = "Columns that the network does not use beside others: their cells have no influence."
    return Case("unused_columns", about, network(columns, ("no", "yes"), seed=32), rows)


def _other_order() -> Case:
    header = ("fare", "city", "age")
    child = network(COLUMNS, ("no", "yes"), seed=33)
    return Case("other_order", "Columns in another order than in training.", child, [row[::-1] for row in ROWS], header)


def _spreadsheet_csv() -> Case:
    about = "A CSV file as spreadsheets write it: a byte order mark, lines that end in CR LF, the last one in nothing."
    child = network(COLUMNS, ("no", "yes"), seed=34)
    rows = [*ROWS, [31, "two\nlines", 7.5]]
    return Case("spreadsheet_csv", about, child, rows, line_end="\r\n", byte_order_mark=True, final_line_end=False)


def _further_keys() -> Case:
    about = "Keys that format 2 does not know, in the metadata and in its JSON, are ignored."
    return Case("further_keys", about, network(COLUMNS, ("no", "yes"), seed=35), ROWS, edit=_add_keys)


def _add_keys(model: onnx.ModelProto) -> None:
    schema = json.loads(metadata_of(model)["mothernet.schema"])
    schema["a further key"] = {"classes": [1, 2, 3], "columns": []}
    for column in schema["columns"]:
        column["unit"] = "kg"
    set_schema(model, canonical_json(schema))
    self_test = {**json.loads(metadata_of(model)["mothernet.self_test"]), "remark": None}
    set_metadata(model, "mothernet.self_test", canonical_json(self_test))
    for key in ("author", "mothernet.remark"):
        model.metadata_props.add(key=key, value="not {JSON}")


CASES = (
    _mixed(),
    _missing_everywhere(),
    _unused_columns(),
    Case("one_row", "A single row.", network(COLUMNS, ("no", "yes"), seed=36), ROWS[:1]),
    Case("no_rows", "A header and no row: no answers, and no error.", network(COLUMNS, ("no", "yes"), seed=37), []),
    _other_order(),
    _spreadsheet_csv(),
    Case(
        "no_units", "No hidden units: logits are the direct outputs.", network(COLUMNS, "abc", seed=38, width=0), ROWS
    ),
    Case(
        "oldest_versions",
        "The lowest operator set (13) and IR version (7) that format 2 allows.",
        network(COLUMNS, ("no", "yes"), seed=39),
        ROWS,
        opset=13,
        ir_version=7,
    ),
    _further_keys(),
)
