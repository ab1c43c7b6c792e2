"""The reference against a slow loop over rows, and the written file against the reference in every evaluator."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mothernet_export import (
    CategoricalColumn,
    ChildNetwork,
    NumericColumn,
    check_export,
    predict_logits,
    predict_proba,
    to_onnx,
)

TOLERANCE = 1e-5  # of a probability; weights are standard normal, so logits are of order 10 and float32 keeps 1e-6


def slow_probabilities(child: ChildNetwork, numeric: Any, categorical: Any) -> list[list[float]]:
    """FORMAT.md sentence by sentence: one row, one cell, one number at a time."""
    answers = []
    for row in range(max(len(numeric), len(categorical))):
        ramps, missing, one_hot = [], [], []
        for cell, column in zip(numeric[row], child.numeric_columns, strict=True):
            with np.errstate(over="ignore"):
                x = np.float32(cell)
            is_missing = bool(np.isnan(x))
            if is_missing:
                x = np.float32(column.centre)
            for low, high in zip(column.knots[:-1], column.knots[1:], strict=True):
                with np.errstate(over="ignore"):
                    ramp = (x - np.float32(low)) * np.float32(1.0 / (high - low))
                ramps.append(min(max(float(ramp), 0.0), 1.0))
            if column.missing_indicator:
                missing.append(1.0 if is_missing else 0.0)
        for cell, column in zip(categorical[row], child.categorical_columns, strict=True):
            if column.categories:
                text = cell
                one_hot += [1.0 if text == category else 0.0 for category in column.categories]
                one_hot += [0.0 if text in column.categories else 1.0]
        inputs = ramps + missing + one_hot
        pre = [
            sum(x * float(w) for x, w in zip(inputs, child.first_weight[:, j], strict=True))
            + float(child.first_bias[j])
            for j in range(len(child.first_bias))
        ]
        hidden = [min(max(p, 0.0), 1.0) for p in pre[: child.width]]
        logits = [
            sum(h * float(w) for h, w in zip(hidden, child.output_weight[:, c], strict=True)) + pre[child.width + c]
            for c in range(child.target.n_outputs)
        ]
        exponentials = [math.exp(logit - max(logits)) for logit in logits]
        answers.append([e / sum(exponentials) for e in exponentials])
    return answers


thorough = settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@thorough
@given(data=st.data())
def test_the_reference_agrees_with_a_slow_loop(data: Any, tables: Any) -> None:
    child, numeric, categorical = data.draw(tables)
    slow = np.array(slow_probabilities(child, numeric, categorical)).reshape(len(numeric), child.target.n_outputs)
    np.testing.assert_allclose(predict_proba(child, numeric, categorical), slow, atol=TOLERANCE)


@thorough
@given(data=st.data())
def test_the_file_agrees_with_the_reference_in_every_evaluator(data: Any, tables: Any) -> None:
    child, numeric, categorical = data.draw(tables)
    parity = check_export(to_onnx(child), child, numeric, categorical)
    assert parity.ok, parity
    assert [comparison.rows for comparison in parity.comparisons] == [len(numeric)] * (2 if len(numeric) else 1)


@pytest.mark.parametrize("n_rows", [0, 1, 20_000])
def test_any_number_of_rows(mixed_child: ChildNetwork, mixed_rows: Any, n_rows: int) -> None:
    numeric, categorical = (np.tile(rows, (n_rows // 5 + 1, 1))[:n_rows] for rows in mixed_rows)
    parity = check_export(to_onnx(mixed_child), mixed_child, numeric, categorical, evaluator_rows=500)
    assert parity.ok, parity


def test_timestamps_and_tiny_widths_lose_nothing_against_the_reference(make_child: Any) -> None:
    start = np.float32(1.6e9)
    steps = [float(start + np.float32(128 * k)) for k in range(4)]  # neighbours in float32
    child = make_child(
        NumericColumn("time", steps[1], tuple(steps), True),
        NumericColumn("tiny", 0.0, (0.0, 2.0**-120, 2.0**-100), False),
        NumericColumn("one", 1.0, (1.0, 1.0 + 2.0**-23), False),
        NumericColumn("wide", 0.0, (-(2.0**125), 2.0**125), False),
    )
    rng = np.random.default_rng(0)
    centre, spread = np.array([1.6e9, 0.0, 1.0, 0.0]), np.array([500.0, 2.0**-110, 2e-7, 1e38])
    parity = check_export(to_onnx(child), child, centre + spread * rng.normal(size=(2000, 4)))
    assert parity.ok, parity


def test_a_long_list_of_categories(make_child: Any) -> None:
    words = tuple(f"Wort {k} – 語 {k * 7919}" for k in range(20_000))
    child = make_child(CategoricalColumn("id", words), CategoricalColumn("half", words[::2]), width=2)
    cells = np.array([[words[0], words[1]], [words[-1], words[-2]], [words[9], words[10]], ["Wort", ""]], object)
    parity = check_export(to_onnx(child), child, categorical=cells)
    assert parity.ok, parity


def test_unseen_category_counts_as_every_other_string(make_child: Any) -> None:
    child = make_child(CategoricalColumn("a", ("x", "")), CategoricalColumn("b", ("y",)))
    rows = predict_proba(child, categorical=[["unseen", "y"], ["y", "y"], ["x ", "y"], ["X", "y"], ["", "y"]])
    np.testing.assert_array_equal(rows[1:4], np.tile(rows[0], (3, 1)))  # known in another column is unseen in this one
    assert not np.allclose(rows[4], rows[0])  # missing is a category of its own here


def test_a_nul_character_in_a_cell_never_matches_a_category(make_child: Any) -> None:
    child = make_child(CategoricalColumn("a", ("x", "y")))
    cells = [["x\0"], ["x\0y"], ["\0"], ["unseen"]]
    assert check_export(to_onnx(child), child, categorical=cells).ok
    assert len(np.unique(predict_proba(child, categorical=cells), axis=0)) == 1


def test_many_wide_columns_of_categories_stay_within_tolerance(make_child: Any) -> None:
    columns = [CategoricalColumn(f"c{i}", tuple(f"{k}" for k in range(i % 7 + 1))) for i in range(100)]
    child = make_child(*columns, width=64)
    cells = np.random.default_rng(0).integers(0, 9, size=(200, 100)).astype(str).astype(object)
    parity = check_export(to_onnx(child), child, categorical=cells)
    assert parity.ok, parity


def test_a_column_without_inputs_is_accepted_and_ignored(
    mixed_child: ChildNetwork, mixed_rows: tuple[np.ndarray, np.ndarray]
) -> None:
    numeric, categorical = mixed_rows
    expected = predict_logits(mixed_child, numeric, categorical)
    other_numeric, other_categorical = numeric.copy(), categorical.copy()
    other_numeric[:, 1], other_categorical[:, 1] = 99.0, "never seen"
    np.testing.assert_array_equal(predict_logits(mixed_child, other_numeric, other_categorical), expected)


def test_numbers_beyond_float32_saturate_like_infinities(mixed_child: ChildNetwork) -> None:
    cells = np.full((2, 3), "", object)
    got = predict_logits(mixed_child, [[1e300, 0, -1e300], [np.inf, 0, -np.inf]], cells)
    np.testing.assert_array_equal(got[0], got[1])


def test_chunks_do_not_change_the_answer(mixed_child: ChildNetwork, mixed_rows: Any) -> None:
    numeric, categorical = np.tile(mixed_rows[0], (2001, 1)), np.tile(mixed_rows[1], (2001, 1))
    got = predict_proba(mixed_child, numeric, categorical)
    np.testing.assert_allclose(got, np.tile(predict_proba(mixed_child, *mixed_rows), (2001, 1)), atol=1e-6)


def test_an_input_may_be_left_out_only_if_the_table_has_no_such_columns(make_child: Any) -> None:
    child = make_child(NumericColumn("x", 0.0, (0.0, 1.0), False))
    assert predict_proba(child, [[0.5]]).shape == (1, 2)
    assert predict_proba(child, [[0.5]], np.empty((1, 0))).shape == (1, 2)
    with pytest.raises(ValueError, match=r"numeric must have shape \(N, 1\), however: it was not given"):
        predict_proba(child, categorical=[["x"]])
    with pytest.raises(ValueError, match=r"numeric must have shape \(N, 1\), however: \(1, 2\)"):
        predict_proba(child, [[0.5, 1.0]])
    with pytest.raises(ValueError, match=r"categorical must have shape \(N, 0\), however: \(1, 1\)"):
        predict_proba(child, [[0.5]], [["x"]])


def test_inputs_of_different_lengths_are_refused(mixed_child: ChildNetwork) -> None:
    with pytest.raises(ValueError, match="equally many rows, however: 2 and 1"):
        predict_proba(mixed_child, np.zeros((2, 3)), np.full((1, 3), ""))


@pytest.mark.parametrize("cell", [None, 3, float("nan"), True])
def test_a_categorical_cell_that_is_no_text_is_refused(make_child: Any, cell: Any) -> None:
    child = make_child(CategoricalColumn("a", ("x", "")))
    with pytest.raises(
        TypeError, match=r"categorical must hold strings, however: .*Read raw cells by the column's rule"
    ):
        predict_proba(child, categorical=[["x"], [cell]])


def test_ignored_columns_take_nothing_from_the_inputs_and_dates_one_each_part(spelled_child: ChildNetwork) -> None:
    rng = np.random.default_rng(0)
    numeric = rng.choice([np.nan, np.inf, 0.0, 0.5, 6.0, -3600.0], (50, 7))
    categorical = rng.choice(np.array(["", "3", "A1", "a1"], object), (50, 1))
    parity = check_export(to_onnx(spelled_child), spelled_child, numeric, categorical)
    assert parity.ok, parity
