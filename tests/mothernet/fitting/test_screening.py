"""Columns of wide tables that tell nothing are left out, and those that tell a little each are not."""

from dataclasses import replace

import numpy as np
import pytest
from mothernet_runtime.cells import CategoryRule, DateRule, NumberRule
from sklearn.datasets import make_classification

from mothernet.fitting.screening import screened_columns
from mothernet.settings import DEFAULT_SETTINGS
from mothernet.tables.raw_inputs import RawCategories, RawColumn, RawIgnored, RawNumbers


def numbers(name: str, values: np.ndarray) -> RawNumbers:
    return RawNumbers(name, NumberRule(), "value", 0.0, values.astype(np.float32))


def kept(columns: list[RawColumn], y: np.ndarray, **changed: int) -> set[str]:
    settings = replace(DEFAULT_SETTINGS, **changed)
    screened = screened_columns(columns, y, int(y.max()) + 1, np.random.default_rng(0), settings)
    assert [column.name for column in screened] == [column.name for column in columns]  # none is of a date
    return {column.name for column in screened if not isinstance(column, RawIgnored)}


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(600, 200))


def test_what_tells_is_kept_and_noise_is_not(noise: np.ndarray) -> None:
    cities = np.random.default_rng(2).integers(0, 4, 600)
    y = ((noise[:, 3] + noise[:, 50] + (cities == 2) * 3) > 1).astype(np.int64) + (noise[:, 120] > 1)
    columns: list[RawColumn] = [numbers(f"x{j}", column) for j, column in enumerate(noise.T)]
    names = np.array(["Bern", "Basel", "Chur", ""], object)
    columns.append(RawCategories("city", CategoryRule(), names[cities]))
    found = kept(columns, y)
    assert {"x3", "x50", "x120", "city"} <= found
    assert len(found) < 20


def test_a_column_that_tells_only_together_with_another_is_kept() -> None:
    X = np.random.default_rng(4).normal(size=(1200, 400))
    y = (X[:, 0] + 1.5 * X[:, 1] * np.sign(X[:, 2]) > 0).astype(np.int64)  # the second is not among the best 200 alone
    assert {"x0", "x1"} <= kept([numbers(f"x{j}", column) for j, column in enumerate(X.T)], y)


def test_most_of_twenty_columns_that_tell_a_little_alone_are_kept() -> None:
    X = np.random.default_rng(0).normal(size=(1000, 600))
    told = np.sin(2 * X[:, :20] + np.arange(20)).sum(axis=1)
    found = kept([numbers(f"x{j}", column) for j, column in enumerate(X.T)], (told > np.median(told)).astype(np.int64))
    telling = {f"x{j}" for j in range(20)}
    assert len(found & telling) >= 17
    assert len(found - telling) <= 20  # of 580


@pytest.mark.parametrize("seed", [1, 2])
def test_few_of_a_thousand_columns_pass_that_tell_nothing(seed: int) -> None:
    X, y = make_classification(1000, 1000, n_informative=10, n_redundant=10, shuffle=False, random_state=seed)
    found = {int(name[1:]) for name in kept([numbers(f"x{j}", column) for j, column in enumerate(X.T)], y)}
    assert sum(j < 20 for j in found) >= 19
    assert sum(j >= 20 for j in found) <= 6


def test_what_no_regression_sees_does_not_keep_all_columns(noise: np.ndarray) -> None:
    norm = (noise[:, :5] ** 2).sum(axis=1)
    found = kept(
        [numbers(f"x{j}", column) for j, column in enumerate(noise.T)], (norm > np.median(norm)).astype(np.int64)
    )
    assert {f"x{j}" for j in range(5)} <= found
    assert len(found) < 30


def test_a_narrow_table_is_left_alone(noise: np.ndarray) -> None:
    columns: list[RawColumn] = [numbers(f"x{j}", column) for j, column in enumerate(noise.T)]
    assert len(kept(columns, (noise[:, 0] > 0).astype(np.int64), max_unscreened_columns=200)) == 200


def test_many_columns_that_tell_a_little_each_are_all_kept(noise: np.ndarray) -> None:
    y = (noise.sum(axis=1) > 0).astype(np.int64)
    assert len(kept([numbers(f"x{j}", column) for j, column in enumerate(noise.T)], y)) == 200


def test_something_is_kept_of_pure_noise_with_blanks_and_infinities(noise: np.ndarray) -> None:
    noise[::7] = np.nan
    noise[3], noise[4], noise[:, 5] = np.inf, -np.inf, np.nan
    y = np.random.default_rng(3).integers(0, 2, 600)
    assert 1 <= len(kept([numbers(f"x{j}", column) for j, column in enumerate(noise.T)], y)) <= 200


def test_the_parts_of_a_date_stay_together(noise: np.ndarray) -> None:
    y = (noise[:, 0] > 0).astype(np.int64)
    columns: list[RawColumn] = [numbers(f"x{j}", column) for j, column in enumerate(noise.T[1:])]
    columns.append(RawNumbers("day", DateRule(), "days", 0.0, noise[:, 0].astype(np.float32)))
    columns.append(RawNumbers("day", DateRule(), "month", 0.0, noise[:, 1].astype(np.float32)))
    screened = screened_columns(columns, y, 2, np.random.default_rng(0), DEFAULT_SETTINGS)
    assert [type(column) for column in screened if column.name == "day"] == [RawNumbers, RawNumbers]


def test_parts_of_a_date_that_says_nothing_are_ignored_as_one(noise: np.ndarray) -> None:
    y = (noise[:, 0] > 0).astype(np.int64)
    columns: list[RawColumn] = [numbers(f"x{j}", column) for j, column in enumerate(noise.T)]
    columns += [RawNumbers("day", DateRule(), part, 0.0, noise[:, 9].astype(np.float32)) for part in ("days", "month")]
    screened = screened_columns(columns, y, 2, np.random.default_rng(0), DEFAULT_SETTINGS)
    assert [type(column) for column in screened if column.name == "day"] == [RawIgnored]


def test_three_rows_are_screened_without_a_word(noise: np.ndarray) -> None:
    columns: list[RawColumn] = [numbers(f"x{j}", column) for j, column in enumerate(noise[:3].T)]
    assert len(screened_columns(columns, np.array([0, 1, 1]), 2, np.random.default_rng(0), DEFAULT_SETTINGS)) == 200
