"""The grammar of cells: texts and typed values under the rules of columns."""

import datetime
import doctest
import math
import pickle
from decimal import Decimal
from fractions import Fraction

import mothernet_runtime.cells
import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mothernet_runtime.cells import (
    BLANKS,
    DECIMALS,
    GROUPS,
    CategoryRule,
    DateRule,
    IgnoredRule,
    NumberRule,
    boolean_of_text,
    rule_of_schema,
    trimmed,
)
from mothernet_runtime.dates import DATE_PATTERNS

MARKERS = st.lists(st.sampled_from(["?", "-", "n.a.", "keine Angabe", "0", "é"]), unique=True, max_size=3).map(tuple)
PLAIN_NUMBER_RULES = st.builds(
    NumberRule,
    st.sampled_from(DECIMALS),
    st.sampled_from(GROUPS),
    st.sampled_from(["", "$", "€", "kr.", "m2"]),
    st.booleans(),
    missing=MARKERS,
).filter(lambda rule: rule.decimal != rule.group)
NUMBER_RULES = PLAIN_NUMBER_RULES | st.builds(NumberRule, boolean=st.just(True), missing=MARKERS)
DATE_RULES = st.builds(DateRule, st.sampled_from(DATE_PATTERNS), MARKERS)
RULES = NUMBER_RULES | DATE_RULES | st.builds(CategoryRule, st.booleans(), MARKERS)
LETTERS = [
    *"0123456789.,-+()%$€eE '_:/TZ?\t\n\x1c\xa0\u202f\ufeff１é",
    "e\u0301",
    "NA",
    "nan",
    "inf",
    "true",
    "2024-01-05",
]
TEXTS = st.lists(st.sampled_from(LETTERS), max_size=8).map("".join) | st.text()


def same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def test_only_white_space_of_ascii_is_trimmed():
    assert trimmed("\t\n\x0b\x0c\r 5 \t") == "5"
    for character in "\xa0\x1c\x1d\x1e\x1f\x85\ufeff\u2003\u3000\u200b\0":
        assert trimmed(f"{character}5{character}") == f"{character}5{character}"
        assert NumberRule().read_text(f"{character}5") is None
        assert NumberRule().read_text(f"5{character}") is None


@given(RULES, st.sampled_from(sorted(BLANKS)), st.sampled_from(["", " ", "\t", "\r\n"]))
def test_blanks_are_missing_in_every_column(rule, blank, white):
    expected = "" if isinstance(rule, CategoryRule) else math.nan
    for cell in (white + blank + white, None, math.nan, np.float32("nan"), pandas.NA, pandas.NaT, np.ma.masked):
        value = rule.read(cell)
        assert value == expected if expected == "" else math.isnan(value)


def test_blanks_are_those_of_pandas():
    assert BLANKS == pandas._libs.parsers.STR_NA_VALUES


@pytest.mark.parametrize("text", ["na", "Null", "NONE", "N/a", "#n/a", "\xa0NA", "NA."])
def test_blanks_count_with_their_letter_case(text):
    assert CategoryRule().read(text) != ""
    assert NumberRule().read_text(text) is None
    assert NumberRule(missing=("na", "Null", "NONE", "N/a", "#n/a", "\xa0NA", "NA.")).read(f" {text}\n") is not None


def test_markers_are_missing_in_their_column_alone_even_if_they_could_be_read():
    assert math.isnan(NumberRule(missing=("-1",)).read("-1"))
    assert NumberRule(missing=("-1",)).read("-1.0") == NumberRule(missing=("-1",)).read(-1) == -1
    assert math.isnan(NumberRule(boolean=True, missing=("no",)).read(" no"))
    assert math.isnan(DateRule(missing=("1900-01-01",)).read("1900-01-01"))
    assert CategoryRule(missing=("?",)).read("?") == "" and CategoryRule().read("?") == "?"


BOOLEANS = {
    1.0: ["true", "True", "TRUE", "t", "T", "yes", "Yes", "YES", "y", "Y", "on", "On", "1", "1.0", "+1", " true "],
    0.0: ["false", "False", "FALSE", "f", "F", "no", "No", "NO", "n", "N", "off", "OFF", "0", "0.0", "-0", "\tno"],
}


@pytest.mark.parametrize("value", BOOLEANS)
def test_booleans_in_all_usual_spellings(value):
    for text in BOOLEANS[value]:
        assert NumberRule(boolean=True).read(text) == value, text
    assert NumberRule(boolean=True).read(bool(value)) == NumberRule(boolean=True).read(np.bool_(value)) == value


@pytest.mark.parametrize(
    "text", ["ja", "wahr", "tru", "truee", "yes!", "y es", "ｔrue", "noo", "\xa0true", "1,0", "1%"]
)
def test_other_words_are_no_booleans(text):
    assert NumberRule(boolean=True).read_text(text) is None
    assert boolean_of_text(text) is None


@pytest.mark.parametrize("marker", ["-999", "0", "inf", "1,5"])
def test_marker_that_could_be_a_number_is_missing_with_white_space_around_it_too(marker):
    rule = NumberRule("," if "," in marker else ".", missing=(marker,))
    texts = [marker, f" {marker} ", "7"]
    assert [math.isnan(number) for number in rule.read_texts(texts)] == [True, True, False]
    assert [math.isnan(rule.read(text)) for text in texts] == [True, True, False]


def test_words_are_no_numbers_where_the_column_has_no_booleans():
    for text in ("true", "y", "no"):
        assert NumberRule().read_text(text) is None


@pytest.mark.parametrize(
    ("cell", "number"),
    [(3, 3), (3.5, 3.5), (True, 1), (False, 0), (np.int8(-3), -3), (np.float32(0.5), 0.5), (np.bool_(True), 1),
     (Decimal("1.5"), 1.5), (Fraction(1, 4), 0.25), (np.longdouble(2), 2), (10**400, math.inf), (-(10**400), -math.inf),
     (Fraction(10**400), math.inf), (Decimal("1e999"), math.inf), (math.inf, math.inf), (Decimal("NaN"), math.nan),
     ("5", 5), (b"5", 5), (bytearray(b" 5 "), 5), (np.str_("5"), 5), (np.bytes_(b"5"), 5), (2**63, 2.0**63)],
)  # fmt: skip
def test_typed_numbers(cell, number):
    value = NumberRule().read(cell)
    assert type(value) is float and same(value, number)


NO_NUMBERS = ["x", b"x", b"\xff", datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2), datetime.time(1)]
NO_NUMBERS += [datetime.timedelta(1), np.datetime64("2020"), np.timedelta64(3, "s"), pandas.Timestamp("2020"), 1j]
NO_NUMBERS += [pandas.Timedelta(1), np.complex64(1), np.complex128(1), [1], (1,), {}, np.array(1.0), np.array([1.0])]
NO_NUMBERS += [object(), Decimal("sNaN"), pandas.Period("2020"), pandas.Interval(0, 1), float]


@pytest.mark.parametrize("cell", NO_NUMBERS, ids=repr)
def test_what_is_no_number_is_an_error(cell):
    with pytest.raises((ValueError, TypeError)):
        NumberRule().read(cell)


@pytest.mark.parametrize(
    "cell", [3, 3.5, True, np.int64(3), "3", b"x", Decimal(3), [], object(), datetime.timedelta(1)]
)
def test_what_is_no_date_is_an_error(cell):
    with pytest.raises((ValueError, TypeError)):
        DateRule().read(cell)


def test_dates_are_seconds_whatever_their_type():
    cells = ["1970-01-02", b"1970-01-02", datetime.date(1970, 1, 2), datetime.datetime(1970, 1, 2), "2/1/1970"]
    cells += [np.datetime64("1970-01-02"), pandas.Timestamp("1970-01-02"), " 1970-01-02T00:00Z\n"]
    assert {DateRule("dmy").read(cell) for cell in cells} == {86_400.0}


CATEGORIES = [
    (" Bern\t", "Bern"), ("\xa0Bern", "\xa0Bern"), ("Zu\u0308rich", "Zürich"), ("Zürich", "Zürich"), ("bern", "bern"),
    ("a\nb", "a\nb"), ("3", "3"), ("3.0", "3.0"), ("03", "03"), (3, "3"), (3.0, "3"), (0.5, "0.5"), (True, "True"),
    (b"Bern ", "Bern"), (np.str_("x"), "x"), ("None", ""), ("NA", ""), ("\u212b", "Å"), ("\ufb01", "\ufb01"),
    ("\0", "\0"),
    ("\ud800", "\ud800"), (Decimal("1.50"), "1.50"), ([1], "[1]"), (datetime.date(2020, 1, 2), "2020-01-02"),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "text"), CATEGORIES)
def test_categories_have_one_text(cell, text):
    assert CategoryRule().read(cell) == text


INTEGERS = {
    "3": ["3", "3.0", "3.", "03", "+3", "003.000", " 3 ", 3, 3.0, np.float32(3), np.int8(3), Decimal("3.0"), b"3.0"],
    "0": ["0", "-0", "00", "-0.0", "+0", 0, -0.0, "0."],
    "-3": ["-3", "-03.0", -3, -3.0],
    "10000000000000000000000": ["1" + "0" * 22, 1e22, 10**22],
    "12345678901234567890123": ["12345678901234567890123", 12345678901234567890123],
}


@pytest.mark.parametrize("text", INTEGERS)
def test_integers_have_one_form_where_the_column_declares_it(text):
    for cell in INTEGERS[text]:
        assert CategoryRule(integers=True).read(cell) == text, cell


@pytest.mark.parametrize("text", ["3e0", "3,0", "3.5", "1_000", "３", "--3", "3 0", "0x3", ".0", "-", "3a", "+"])
def test_what_is_no_integer_stays_a_text(text):
    assert CategoryRule(integers=True).read(text) == text


@given(st.builds(CategoryRule, st.booleans(), MARKERS), TEXTS)
def test_canonical_texts_stay_as_they_are(rule, text):
    canonical = rule.read_text(text)
    if not (rule.integers and "0" in rule.missing):  # 00 is the integer 0, and no cell that is marked as missing
        assert rule.read_text(canonical) == canonical


@given(RULES, TEXTS)
def test_texts_raise_nothing_but_what_says_that_they_do_not_fit(rule, text):
    if isinstance(rule, CategoryRule):
        assert type(rule.read(text)) is str
        return
    number = rule.read_text(text)
    assert number is None or type(number) is float
    if number is None:
        with pytest.raises(ValueError, match=r"not a (number|date)"):
            rule.read(text)
    else:
        assert same(rule.read(text), number) and same(rule.read(f" {text}\t"), number)


@given(RULES, st.lists(TEXTS, max_size=6))
def test_columns_of_texts_are_read_as_cell_by_cell(rule, texts):
    if isinstance(rule, CategoryRule):
        return
    fitting = [text for text in texts if rule.read_text(text) is not None]
    for each in (texts, fitting):
        numbers = [rule.read_text(text) for text in each]
        if None in numbers:
            with pytest.raises(ValueError, match="not a"):
                rule.read_texts(each)
        else:
            assert np.array_equal(rule.read_texts(each), np.array(numbers, float), equal_nan=True)


PLAIN_TEXTS = st.lists(
    st.sampled_from(["1", "1.5", "1,5", " 2", "1e3", "NA", "", "nan", "-inf", "?", "5\n6", "1_0", "x"])
)


@given(
    st.sampled_from([NumberRule(missing=("?",)), NumberRule(",", missing=("?",)), NumberRule(",", ".")]), PLAIN_TEXTS
)
def test_fast_conversion_of_plain_numbers_takes_what_the_grammar_takes(rule, texts):
    test_columns_of_texts_are_read_as_cell_by_cell.hypothesis.inner_test(rule, texts)


@given(RULES)
def test_rules_are_values(rule):
    again = rule_of_schema({**rule.schema(), "name": "x", "used": True, "inputs": [], "categories": []})
    assert again == rule and hash(again) == hash(rule)
    rule.read("5") if not isinstance(rule, DateRule) else rule.read("")  # fills what is kept of the rule
    assert pickle.loads(pickle.dumps(rule)) == rule == again
    assert rule.schema() == again.schema()


def test_ignored_columns_have_a_rule_too():
    assert rule_of_schema(IgnoredRule().schema()) == IgnoredRule()
    assert IgnoredRule().type == "ignored"


def test_types_name_the_rules():
    rules = [NumberRule(), NumberRule(boolean=True), DateRule(), CategoryRule(), IgnoredRule()]
    assert [rule.schema()["type"] for rule in rules] == ["number", "boolean", "date", "category", "ignored"]
    assert [rule.type for rule in rules] == ["number", "boolean", "date", "category", "ignored"]


def test_docstring_examples_run():
    result = doctest.testmod(mothernet_runtime.cells)
    assert result.attempted > 0 and result.failed == 0
