"""Planned columns fill the inputs that are wanted, and parts of the realism can be left out."""

import pytest
import torch

from mothernet.prior.columns import Column, plan_columns
from mothernet.prior.rng import Rng


def plans(n_inputs, count=200, **realism):
    for key in range(count):
        yield plan_columns(
            Rng(str(key), torch.device("cpu")), n_inputs, **{"categories": True, "missing": True} | realism
        )


@pytest.mark.parametrize("n_inputs", [1, 2, 7, 40])
def test_columns_fill_the_inputs_and_the_last_one_is_needed(n_inputs):
    for plan in plans(n_inputs):
        assert sum(column.n_inputs for column in plan) >= n_inputs
        assert sum(column.n_inputs for column in plan[:-1]) < n_inputs


def test_two_categories_take_one_input_and_an_indicator_another():
    assert Column(n_categories=2, has_missing=False, is_skewed=False).n_inputs == 1
    assert Column(n_categories=5, has_missing=False, is_skewed=False).n_inputs == 5
    assert Column(n_categories=0, has_missing=True, is_skewed=False).n_inputs == 2


def test_only_numeric_columns_are_skewed_or_have_missing_cells():
    columns = [column for plan in plans(20) for column in plan]
    assert any(column.n_categories for column in columns)
    assert any(column.has_missing for column in columns) and any(column.is_skewed for column in columns)
    assert not any(column.n_categories and (column.has_missing or column.is_skewed) for column in columns)


def test_categories_and_missing_cells_can_be_left_out():
    assert not any(column.n_categories for plan in plans(20, categories=False) for column in plan)
    assert not any(column.has_missing for plan in plans(20, missing=False) for column in plan)
