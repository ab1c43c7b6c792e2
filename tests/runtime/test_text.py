"""Text rules: cells of categorical columns, missing values, text for people."""

import datetime
import decimal
import doctest
import json
import math
import unicodedata

import mothernet_runtime.text
import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mothernet_runtime.text import (
    category_text,
    category_texts,
    escaped,
    escaped_json,
    is_missing,
    listed,
    shortened,
)

MISSING = [None, math.nan, np.float32("nan"), np.float64("nan"), pandas.NA, pandas.NaT, np.datetime64("NaT")]
MISSING += [np.timedelta64("NaT"), np.ma.masked]
PRESENT = ["", "nan", "None", 0, False, 0.0, -math.inf, np.datetime64("2020"), pandas.Timestamp("2020"), b"", ()]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (math.nan, ""), (True, "True"), (3, "3"), (3.0, "3"), (-0.0, "0"), (1e16, "10000000000000000"),
     (1e22, "10000000000000000000000"), (0.1, "0.1"), (1e-7, "1e-07"), (math.inf, "inf"), (" a ", " a "),
     ("NaN", "NaN"), (decimal.Decimal("1.50"), "1.50"), (datetime.date(2020, 1, 2), "2020-01-02"), (np.str_("a"), "a"),
     (np.bool_(False), "False"), (np.int8(-3), "-3"), (np.float32(0.1), "0.10000000149011612"), (2**70, str(2**70)),
     (pandas.Timestamp("2020"), "2020-01-01 00:00:00"), (np.datetime64("2020"), "2020-01-01"),
     (np.datetime64("2020-01-01T05", "ns"), "2020-01-01 05:00:00"), (datetime.time(5), "05:00:00"),
     (pandas.Timestamp("2020-01-01 05:00:00.000000007"), "2020-01-01 05:00:00.000000007"),
     (np.datetime64("2020-01-01T05:00:00.000000007"), "2020-01-01 05:00:00.000000007"),
     (pandas.Timestamp("2020-01-01 05:00+02:00"), "2020-01-01 03:00:00"),
     (datetime.datetime(2020, 1, 1, 5, tzinfo=datetime.timezone.utc), "2020-01-01 05:00:00")],
)  # fmt: skip
def test_text_form_is_fixed(value, text):
    assert category_text(value) == text
    assert type(category_text(value)) is str


@given(st.one_of(st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from(MISSING + PRESENT)))
def test_text_form_of_a_text_form_is_itself(value):
    text = category_text(value)
    assert category_text(text) == text
    assert (text == "") == (is_missing(value) or value == "") or value in (b"", ())


@given(st.integers(-(2**53), 2**53))
def test_number_has_one_text_form_whatever_its_type(number):
    assert {category_text(number), category_text(float(number)), category_text(np.int64(number))} == {str(number)}


def test_texts_of_a_column_are_those_of_its_cells():
    cells = ["a", None, 3.0, np.str_("b"), True]
    for column in (cells, tuple(cells), np.array(cells, object), pandas.Series(cells, dtype=object)):
        texts = category_texts(column)
        assert texts == ["a", "", "3", "b", "True"]
        assert {type(text) for text in texts} == {str}


def test_missing_values_are_recognised():
    assert all(map(is_missing, MISSING))
    assert not any(map(is_missing, PRESENT))


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain, Zürich 日本 🙂", "plain, Zürich 日本 🙂"), ("a\nb\r\tc\0", "a\\x0ab\\x0d\\x09c\\x00"),
     ("\x1b[31mred\x7f", "\\x1b[31mred\\x7f"), ("\x85\x9b", "\\x85\\x9b"), ("\u2028\u2029", "\\u2028\\u2029"),
     ("\ud800x\udfff", "\\ud800x\\udfff"), ("back\\slash", "back\\slash")],
)  # fmt: skip
def test_control_characters_are_escaped(text, shown):
    assert escaped(text) == shown


@given(st.text(st.characters()))
def test_escaped_text_is_one_printable_line(text):
    assert len(escaped(text).splitlines()) <= 1
    assert {unicodedata.category(character) for character in escaped(text)}.isdisjoint({"Cc", "Cs", "Zl", "Zp"})


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_escaped_json_means_the_same(text):
    shown = escaped_json(json.dumps(text, ensure_ascii=False))
    assert json.loads(shown) == text
    assert escaped(shown) == shown


def test_long_text_is_shortened():
    assert shortened("x" * 60) == "x" * 60
    assert shortened("x" * 61) == "x" * 57 + "..."


def test_names_in_errors_are_quoted_and_at_most_12():
    assert listed(["a", "b\n"]) == r"'a', 'b\n'"
    assert listed({"a": 3, "b": 4}) == "'a': 3, 'b': 4"
    assert listed(map(str, range(14))).endswith("'11' and 2 more")
    assert len(listed(["x" * 1000] * 100)) < 800


def test_docstring_examples_run():
    result = doctest.testmod(mothernet_runtime.text)
    assert result.attempted > 0 and result.failed == 0
