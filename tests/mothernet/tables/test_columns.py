"""How a caller's columns are read, by their types or their texts."""

import numpy as np
import pandas as pd
import pytest
from mothernet_runtime.cells import CategoryRule, DateRule, IgnoredRule, NumberRule

from mothernet.tables.columns import read_training_columns

FRAME = pd.DataFrame(
    {
        "real": [0.5, np.nan, -1.0],
        "nullable": pd.array([1, None, 3], "Int64"),
        "text": ["a", None, "b"],
        "flag": [True, False, True],
        "category": pd.Categorical([3, 4, 3]),
        "objects": np.array([1, None, 2.5], object),
        "day": pd.to_datetime(["2024-01-02", None, "2024-01-03"]),
        "written": ["1,5", "NA", "2,5"],
    }
)


def read(columns, choices=None, **options):
    return read_training_columns(dict(columns.items()), choices, **options)


def test_types_of_columns_say_how_they_are_read():
    rules = {column.name: column.rule for column in read(FRAME)}
    assert rules == {
        "real": NumberRule(),
        "nullable": NumberRule(),
        "text": CategoryRule(),
        "flag": NumberRule(boolean=True),
        "category": CategoryRule(),
        "objects": NumberRule(),
        "day": DateRule(),
        "written": NumberRule(","),
    }


def test_types_and_rules_can_be_named():
    choices = {"real": "category", "written": CategoryRule(), "text": "ignored"}
    rules = {column.name: column.rule for column in read(FRAME, choices)}
    assert isinstance(rules["real"], CategoryRule) and rules["written"] == CategoryRule()
    assert rules["text"] == IgnoredRule()


def test_missing_cells_are_nan_in_numbers_and_empty_in_categories():
    values = {column.name: column.values for column in read(FRAME)}
    assert all(np.isnan(values[name][1]) for name in ("real", "nullable", "objects", "day", "written"))
    assert values["text"].tolist() == ["a", "", "b"] and values["flag"].tolist() == [1, 0, 1]
    assert values["category"].tolist() == ["3", "4", "3"]
    assert values["day"][0] == 86_400 * 19_724 and values["written"].tolist()[::2] == [1.5, 2.5]


def test_identifiers_are_ignored_where_columns_have_names():
    counter = {"row": np.arange(30.0), "x": np.arange(30.0) / 7}
    assert [type(column.rule) for column in read(counter)] == [IgnoredRule, NumberRule]
    assert [type(column.rule) for column in read(counter, are_named=False)] == [NumberRule, NumberRule]


def test_a_table_of_ignored_columns_keeps_one():
    assert [column.rule.type for column in read({"a": [1.0] * 5, "b": ["x"] * 5})] == ["category", "ignored"]


def test_what_is_no_cell_is_an_error():
    with pytest.raises(TypeError, match=r"column 'x' holds \{1\}"):
        read({"x": [{1}, {2}]})
    with pytest.raises(TypeError, match="column 'x' is of type timedelta64"):
        read({"x": np.array([1, 2], "m8[s]")})
