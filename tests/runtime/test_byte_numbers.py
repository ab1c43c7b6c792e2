"""Plain numbers found in bytes are those of ``float``, to the last bit, and nothing else is found."""

import doctest
import math
import re
from decimal import Decimal

import mothernet_runtime.byte_numbers
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mothernet_runtime import byte_numbers
from mothernet_runtime.byte_cells import ByteCells

NUMERAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
DIGITS = st.text("0123456789", max_size=12)
NUMERALS = st.builds("{}{}{}{}".format, st.sampled_from(["", "-", "+"]), DIGITS, st.sampled_from(["", "."]), DIGITS)
FLOATS = st.floats(allow_nan=False, allow_infinity=False).map(repr)
ROUNDED = st.builds(lambda number, places: f"{number:.{places}f}", st.floats(-1e9, 1e9), st.integers(0, 17))
NEARLY = st.text("0123456789.,-+eE/:;_ x\x00\xe9\u0663", max_size=25)
CELLS = NUMERALS | FLOATS | ROUNDED | NEARLY


def check(texts, decimal="."):
    numbers, found = ByteCells.of(texts).numbers(decimal)
    for text, number, is_found in zip(texts, numbers.tolist(), found.tolist(), strict=True):
        plain = text if decimal == "." else text.replace(".", "!").replace(",", ".")
        if is_found:
            assert NUMERAL.fullmatch(plain), text
            assert (number, math.copysign(1, number)) == (float(plain), math.copysign(1, float(plain))), text
        else:
            assert math.isnan(number)
    return found


@settings(max_examples=400)
@given(st.lists(CELLS, max_size=12), st.sampled_from([".", ","]))
@example(["-", "+", ".", "-.", "+.", "", "1.2.3", "..", "1..", "--1", "1-", "-0", "-0.0", "5.", ".5", "+.5"], ".")
def test_numbers_that_are_found_are_those_of_float(texts, decimal):
    check([text.replace(".", decimal) for text in texts] if decimal == "," else texts, decimal)


@given(st.lists(NUMERALS.filter(NUMERAL.fullmatch), max_size=12))
def test_all_numerals_of_few_digits_are_found(texts):
    found = check(texts)
    for text, is_found in zip(texts, found.tolist(), strict=True):
        digits = text.lstrip("+-").replace(".", "")
        assert is_found or len(digits) > 15


@pytest.mark.parametrize("n_decimals", range(18))
def test_numbers_in_the_middle_between_two_floats_are_rounded_as_one_division(n_decimals):
    rng = np.random.default_rng(n_decimals)
    texts = []
    for integer in rng.integers(2**53, 10**16, 400).tolist():
        middle = Decimal(integer | 1) / 10**n_decimals  # of integers up to 2**54
        texts += [f"{middle:f}", f"{middle + Decimal(1).scaleb(-n_decimals):f}"]
    check(texts)


def test_numbers_are_found_wherever_a_column_has_blank_and_long_cells():
    texts = ["1", "", "-12345678.25", "0.1234567890123456", "9" * 30, "1e5", " 1", "-7"]
    assert check(texts).tolist() == [True, False, True, True, False, False, False, True]
    assert check([""]).tolist() == check(["", ""])[:1].tolist() == [False]


def test_without_a_wider_type_long_numbers_are_left(monkeypatch):
    monkeypatch.setattr(byte_numbers, "_HAS_WIDE", False)
    assert check(["0.12345678901234567", "0.5", "123456789.5"]).tolist() == [False, True, True]


def test_docstring_examples_run():
    result = doctest.testmod(mothernet_runtime.byte_numbers)
    assert result.attempted > 0 and result.failed == 0
