"""Probabilities as text: nine digits, the same as the formatting of one number after the other."""

import doctest

import mothernet_runtime.number_lines
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from mothernet_runtime.number_lines import number_lines


def check(numbers):
    expected = [",".join(f"{number:.9g}" for number in row) for row in numbers.tolist()]
    assert list(number_lines(numbers)) == expected


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2), elements=st.floats(width=32)))
def test_any_numbers_are_written_as_one_by_one(numbers):
    check(numbers)


@pytest.mark.parametrize("n_columns", [1, 2, 7])
def test_probabilities_of_all_sizes_are_written_as_one_by_one(n_columns):
    rng = np.random.default_rng(n_columns)
    shape = (20_000, n_columns)
    check(rng.random(shape).astype(np.float32))
    check((10 ** rng.uniform(-46, 1.2, shape)).astype(np.float32))
    check((rng.integers(0, 2**12, shape) / 2.0 ** rng.integers(10, 45, shape)).astype(np.float32))  # many ties
    check(np.float32(1) - (10 ** rng.uniform(-8, 0, shape)).astype(np.float32))


def test_numbers_at_the_borders_of_formats_are_written_as_one_by_one():
    numbers = np.array(
        [0, -0.0, 1, 10, 9.9999995, 1e-4, 9.9999997e-05, 1e-5, 1e-14, 9.9999998e-15, 1e-45, -0.25], np.float32
    )
    around = [numbers, np.nextafter(numbers, np.float32(2)), np.nextafter(numbers, np.float32(-2))]
    check(np.stack(around))
    check(np.empty((0, 2), np.float32))


def test_docstring_examples_run():
    result = doctest.testmod(mothernet_runtime.number_lines)
    assert result.attempted > 0 and result.failed == 0
