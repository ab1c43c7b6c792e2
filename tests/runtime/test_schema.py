"""Columns in a schema that are not as FORMAT.md says, each case with a message of its own."""

import json
import re
from functools import reduce
from operator import getitem
from pathlib import Path

import pytest
from mothernet_runtime import ModelFileError

REMOVED = object()


def put(*path, value=REMOVED):
    """A change of one value of the columns; a function gets the old one."""
    return path, value


WRONG_TYPES = {
    "an ignored column with an input": (
        put(0, "inputs", value=[{"input": "numeric", "position": 0, "part": "value", "offset": 0}]),
        "inputs of column 0 must be none for its type ignored, however: 1",
    ),
    "an ignored column that is used": (put(0, "used", value=True), "of type ignored, must not be True"),
    "an ignored column that was missing": (
        put(0, "missing_in_training", value=True),
        "of type ignored, must not be False and True",
    ),
    "nothing but ignored columns": (
        put(value=lambda c: c[:1]),
        "at least one column that is not ignored, however: it has none",
    ),
    "an indicator without influence": (put(1, "used", value=False), "must not be False and True"),
    "no decimal sign": (put(1, "decimal"), "column 1 must have the key 'decimal'"),
    "another decimal sign": (put(1, "decimal", value=";"), "'decimal' of column 1 must be one of '.', ','"),
    "two signs that are one": (put(1, "group", value=","), "'decimal' and 'group' of column 1 must differ"),
    "another group": (put(1, "group", value="_"), "'group' of column 1 must be one of '', ',', '.', "),
    "an affix of spaces": (put(1, "affix", value=" €"), "'affix' of column 1 must be a trimmed string without NUL"),
    "an affix with NUL": (put(1, "affix", value="\0"), "'affix' of column 1 must be a trimmed string without NUL"),
    "an affix that is no string": (put(1, "affix", value=None), "'affix' of column 1 must be a string, however: None"),
    "percent as a number": (put(1, "percent", value=1), "'percent' of column 1 must be true or false, however: 1"),
    "no markers": (put(1, "missing"), "column 1 must have the key 'missing'"),
    "markers in a string": (put(1, "missing", value="?"), "'missing' of column 1 must be an array, however: '?'"),
    "a marker that is no string": (put(1, "missing", 0, value=3), "must hold trimmed strings without NUL"),
    "a marker with spaces": (put(1, "missing", 0, value="? "), "must hold trimmed strings without NUL"),
    "a marker twice": (put(1, "missing", value=["?", "?"]), "strings in 'missing' of column 1 must be unique"),
    "no pattern": (put(3, "pattern"), "column 3 must have the key 'pattern'"),
    "another pattern": (put(3, "pattern", value="ydm"), "'pattern' of column 3 must be one of 'ymd', "),
    "a part of a number": (
        put(1, "inputs", 0, "part", value="days"),
        "the part of column 1 must be one of value, however: 'days'",
    ),
    "a date's value": (
        put(3, "inputs", 0, "part", value="value"),
        "the part of column 3 must be one of days, month, weekday, hour, however: 'value'",
    ),
    "a part twice": (
        put(3, "inputs", 0, "part", value="month"),
        "parts of column 3 must be unique, however: 'month' comes twice",
    ),
    "no part": (put(3, "inputs", 0, "part"), "the inputs of column 3 must have the key 'part'"),
    "no inputs of a date": (put(3, "inputs", value=[]), "inputs of column 3 must be one to four"),
    "two inputs of a number": (
        put(1, "inputs", value=lambda i: [i[0], {**i[0], "position": 1}]),
        "inputs of column 1 must be one for its type number, however: 2",
    ),
    "an input that is no object": (put(1, "inputs", 0, value=0), "inputs of column 1 must be objects"),
    "inputs that are no array": (put(1, "inputs", value={}), "'inputs' of column 1 must be an array"),
    "no offset": (put(1, "inputs", 0, "offset"), "offset of column 1 must be a finite number"),
    "an offset that is text": (put(1, "inputs", 0, "offset", value="0"), "must be a finite number"),
    "an offset that is true": (put(1, "inputs", 0, "offset", value=True), "must be a finite number"),
    "integers as a number": (put(4, "integers", value=1), "'integers' of column 4 must be true or false, however: 1"),
    "a category that no cell can name": (
        put(4, "categories", 1, value="03"),
        "categories of column 4 must be as its cells are read, however: '03' is read as '3'",
    ),
    "a category with spaces": (put(4, "categories", 1, value=" a"), "however: ' a' is read as 'a'"),
    "a category that is not NFC": (put(4, "categories", 1, value="e\u0301"), "is read as 'é'"),
    "a category that is missing": (put(4, "categories", 1, value="NA"), "however: 'NA' is read as ''"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_TYPES)
def test_wrong_rule_of_a_column_names_what_is_wrong(load_bytes, with_metadata, typed_path, typed_metadata, case):
    (path, value), message = WRONG_TYPES[case]
    schema = typed_metadata["schema"]
    *parents, key = ("columns", *path)
    holder = reduce(getitem, parents, schema)
    if value is REMOVED:
        del holder[key]
    else:
        holder[key] = value(holder[key]) if callable(value) else value
    content = with_metadata(of=Path(typed_path).read_bytes(), schema=json.dumps(schema))
    with pytest.raises(ModelFileError, match=f"not as format 2 demands: {'.*' + re.escape(message)}"):
        load_bytes(content)


@pytest.mark.parametrize("offset", ["1e999", "-1e999", "9" * 41, "NaN"])
def test_offset_must_be_finite(load_bytes, with_metadata, typed_path, typed_metadata, offset):
    schema = json.dumps(typed_metadata["schema"]).replace("1700000000.0", offset)
    with pytest.raises(ModelFileError, match=r"must be a finite number|an integer has 41 digits|NaN is no JSON number"):
        load_bytes(with_metadata(of=Path(typed_path).read_bytes(), schema=schema))


def test_integral_offset_is_a_number_like_any_other(load_bytes, with_metadata, typed_path, typed_metadata):
    schema = json.dumps(typed_metadata["schema"]).replace("1700000000.0", "1700000000")
    model = load_bytes(with_metadata(of=Path(typed_path).read_bytes(), schema=schema))
    assert model.columns_[5].inputs[0].offset == 1.7e9


WRONG_CELLS = {
    "a number as date": ("day", 3),
    "no date": ("day", "2024-02-30"),
    "text as boolean": ("smoker", "true"),
    "a list as category": ("code", []),
    "a number as category": ("code", 3),
    "text as number": ("price", "5 €"),
}


@pytest.mark.parametrize("case", WRONG_CELLS)
def test_cells_of_the_self_test_fit_their_columns(load_bytes, with_metadata, typed_path, typed_metadata, case):
    column, cell = WRONG_CELLS[case]
    typed_metadata["self_test"]["columns"][column][0] = cell
    content = with_metadata(of=Path(typed_path).read_bytes(), self_test=typed_metadata["self_test"])
    with pytest.raises(ModelFileError, match=f"column '{column}' of the self-test must hold 8 cells of the type"):
        load_bytes(content)


def test_self_test_may_have_cells_of_ignored_columns(load_bytes, with_metadata, typed_path, typed_metadata):
    test = typed_metadata["self_test"]
    assert "id" not in test["columns"]
    test["columns"]["id"] = [{"any": "thing"}]
    load_bytes(with_metadata(of=Path(typed_path).read_bytes(), self_test=test))
