"""Numbers as texts: the grammar against slow or independent readings of it."""

import doctest
import math
import re

import mothernet_runtime.numerals
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mothernet_runtime.numerals import DECIMALS, GROUPS, Numerals, is_for_float, trimmed

PLAIN = Numerals(".", "", "", False)
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)
NUMBER_LETTERS = st.sampled_from([*"0123456789+-.eE_ \t\n\r\v\f\x1c\x1f\x85\xa0١１", "nan", "INF", "infinity"])


def same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


@pytest.mark.parametrize(
    "text",
    ["1_000", "１２", "١٢", "0x10", "1 2", "e5", "-", "\x1c5", "5\x1f", "\xa0", "\xa05", "True", "1,5", "\0", "1\0", "",
     "+-1", "--1", "- 1", "5-", "1e", "1e1.5", ".", "½", "²", "1/2", "()", "(", "(-1)", "-(1)", "((1))", "(inf)", "1%",
     "$1", "\ufeff1", "−1", "ınf", "ﬁ"],
)  # fmt: skip
def test_text_that_is_a_number_in_few_languages_is_none(text):
    assert PLAIN.number(text) is None


@given(st.lists(NUMBER_LETTERS, max_size=8).map("".join))
def test_plain_numbers_are_those_of_one_expression_and_of_float(text):
    text = trimmed(text)
    number = PLAIN.number(text)
    assert (number is not None) == bool(NUMBER.fullmatch(text))
    if number is not None:
        assert same(number, float(text))
    if is_for_float(text):
        try:
            converted = float(text)
        except ValueError:
            assert number is None
        else:
            assert number is not None and same(number, converted)


@given(
    st.sampled_from(DECIMALS), st.sampled_from(GROUPS), st.sampled_from(["", "$", "kr.", "m2"]), st.booleans(),
    st.decimals(-(10**12), 10**12, places=2), st.sampled_from(["before", "after"]), st.sampled_from(["", " ", "\xa0"]),
    st.booleans(),
)  # fmt: skip
def test_numbers_are_read_as_they_are_written(decimal, group, affix, percent, number, side, space, in_parentheses):
    if decimal == group:
        return
    written = f"{abs(number):,}".replace(",", "\0").replace(".", decimal).replace("\0", group)
    value = float(f"{abs(number)}")
    if percent:
        written, value = f"{written}{space}%", value / 100
    if affix:
        written = f"{affix}{space}{written}" if side == "before" else f"{written}{space}{affix}"
    if number < 0:
        written, value = (f"({written})" if in_parentheses else f"-{written}"), -value
    assert Numerals(decimal, group, affix, percent).number(written) == value


CASES = [
    ((".", ",", "", False), {"1,234": 1234, "1,234.5": 1234.5, "12,34,567": 1234567, "1,5": None, "1,2345": None,
                             "1,234,56": None, ",234": None, "1.5": 1.5, "(1,234)": -1234, "1,234e2": 123400}),
    ((",", ".", "", False), {"1.234": 1234, "1,5": 1.5, "1.5": 1.5, "1.234,5": 1234.5, "1.23,4": None, "12,34": 12.34,
                             "1.234.567": 1234567, "1.2.3": None, ",5": 0.5, "5,": 5}),
    ((",", " ", "", False), {"1 234,5": 1234.5, "1\xa0234": 1234, "1\u202f234\xa0567": 1234567, "1 23": None,
                             "1  234": None}),
    ((".", "'", "", False), {"1'234.5": 1234.5, "1’234": None}),
    ((".", "’", "", False), {"1’234.5": 1234.5, "1'234": None}),
    ((".", ",", "$", False), {"$5": 5, "-$5": -5, "$-5": -5, "$ -5": -5, "-$-5": None, "+$5": 5, "5 $": 5, "5$": 5,
                              "($5)": -5, "$(5)": -5, "$ (1,234)": -1234, "(5) $": -5, "($-5)": None, "$5$": None,
                              "$": None, "$$5": None, "- $5": None, "$- 5": None, "€5": None, "5": 5, "$inf": None,
                              "$(5)$": None, "$($5)": None}),
    ((",", ".", "€", False), {"5 €": 5, "1.234,50 €": 1234.5, "€\xa01.234,50": 1234.5, "-5 €": -5, "5- €": None,
                              "1,5\u202f€": 1.5}),
    ((".", "", "m2", False), {"5 m2": 5, "5m2": 5, "m2 5": 5, "5 m": None, "-5.5m2": -5.5}),
    ((".", "", "", True), {"45.1%": 0.451, "45 %": 0.45, "-5%": -0.05, "(5%)": -0.05, "5": 5, "%5": None, "5%%": None,
                           "12.5\xa0%": 0.125, "%": None, "inf%": None}),
    ((".", "", "", False), {"5%": None, "Infinity": math.inf, "-INF": -math.inf, "+nan": math.nan, "1e400": math.inf,
                            "-1e400": -math.inf, "1e-400": 0.0, "5.": 5, ".5": 0.5, "007": 7, "-0": 0.0}),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(CASES)))
def test_ways_to_write_numbers(case):
    way, texts = CASES[case]
    numerals = Numerals(*way)
    for text, expected in texts.items():
        number = numerals.number(text)
        assert (number is None) == (expected is None), text
        assert expected is None or same(number, expected), text


@pytest.mark.parametrize(
    "text", ["1" * 10**6, "0" * 10**6 + "x", "1," * 10**5, "(" * 10**6, " " * 10**6 + "5", "-" * 10**6]
)
@pytest.mark.parametrize("way", [(".", ",", "$", True), (",", " ", "m2", True), (".", "", "", False)])
def test_long_texts_take_little_time(text, way):
    Numerals(*way).number(text)  # quadratic time would take hours


def test_docstring_examples_run():
    result = doctest.testmod(mothernet_runtime.numerals)
    assert result.attempted > 0 and result.failed == 0
