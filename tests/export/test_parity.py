"""The same answer four times: a slow loop over rows, the NumPy reference, onnxruntime, and onnx's evaluator."""

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
    categorical_text,
    check_export,
    to_onnx,
)

TOLERANCE = 1e-5  # of a probability; weights are standard normal, so logits are of order 10 and float32 keeps 1e-6

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
awkward_texts = st.sampled_from(
    ["", "a", "True", "3", "it's", 'say "hi"', "a,b", "two\nlines", "\t", "日本語", "👩‍👩‍👧", "é", "e\u0301"]
)
numbers = st.one_of(
    st.floats(-100, 100, width=32),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.integers(0, 100_000).map(lambda k: float(np.float32(1.6e9 + 128 * k))),  # seconds since 1970
    st.sampled_from([0.0, 1.0, 2.0**-100, 1.0 + 2.0**-23, -1.0]),
)


@st.composite
def numeric_columns(draw: Any, name: str) -> NumericColumn:
    knots: list[float] = []
    for knot in sorted(draw(st.lists(numbers, max_size=5, unique=True))):
        if not knots or 1e-37 < knot - knots[-1] < 1e37:
            knots.append(knot)
    return NumericColumn(name, draw(numbers), tuple(knots) if len(knots) > 1 else (), draw(st.booleans()))


@st.composite
def tables(draw: Any) -> tuple[ChildNetwork, np.ndarray, np.ndarray]:
    """A random child and rows for it: knots, missing, infinite, unseen, and cells of many Python types."""
    kinds = draw(st.lists(st.booleans(), min_size=1, max_size=6))
    columns = tuple(
        draw(numeric_columns(f"c{i}"))
        if numeric
        else CategoricalColumn(f"c{i}", tuple(draw(st.lists(texts | awkward_texts, max_size=5, unique=True))))
        for i, numeric in enumerate(kinds)
    )
    labels = st.one_of(
        st.just([False, True]),
        st.integers(2, 12).map(lambda n: list(range(n))),
        *(
            st.lists(values, min_size=2, max_size=12, unique=True)
            for values in (texts, st.integers(-(2**63), 2**63 - 1), st.floats(-1e6, 1e6))
        ),
    )
    classes = tuple(sorted(draw(labels)))
    width, rng = draw(st.integers(1, 9)), np.random.default_rng(draw(st.integers(0, 2**32)))
    child = ChildNetwork(
        columns,
        classes,
        first_weight=rng.normal(size=(sum(column.n_rows for column in columns), width + len(classes))),
        first_bias=rng.normal(size=width + len(classes)),
        output_weight=rng.normal(size=(width, len(classes))),
        activation=draw(st.sampled_from(["tanh", "relu"])),
    )
    n_rows = draw(st.sampled_from([0, 1, 2, 7, 50]))
    numeric = np.empty((n_rows, len(child.numeric_columns)))
    for i, column in enumerate(child.numeric_columns):
        special = [math.nan, math.inf, -math.inf, 1e300, 0.0, column.centre, *column.knots]
        near = rng.choice([column.centre, *column.knots], n_rows) * (1 + 1e-7 * rng.normal(size=n_rows))
        numeric[:, i] = np.where(rng.random(n_rows) < 0.5, rng.choice(special, n_rows), near)
    categorical = np.empty((n_rows, len(child.categorical_columns)), object)
    everything = [text for column in child.categorical_columns for text in column.categories]
    for i, categories in enumerate([column.categories for column in child.categorical_columns]):
        choices = [*categories, *categories, *everything, None, math.nan, "unseen", True, 3, 3.0, 0.5]
        for row in range(n_rows):
            categorical[row, i] = choices[rng.integers(len(choices))]
    return child, numeric, categorical


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
                text = categorical_text(cell)
                one_hot += [1.0 if text == category else 0.0 for category in column.categories]
                one_hot += [0.0 if text in column.categories else 1.0]
        inputs = ramps + missing + one_hot
        pre = [
            sum(x * float(w) for x, w in zip(inputs, child.first_weight[:, j], strict=True))
            + float(child.first_bias[j])
            for j in range(len(child.first_bias))
        ]
        hidden = [math.tanh(p) if child.activation == "tanh" else max(p, 0.0) for p in pre[: child.width]]
        logits = [
            sum(h * float(w) for h, w in zip(hidden, child.output_weight[:, c], strict=True)) + pre[child.width + c]
            for c in range(len(child.classes))
        ]
        exponentials = [math.exp(logit - max(logits)) for logit in logits]
        answers.append([e / sum(exponentials) for e in exponentials])
    return answers


thorough = settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@thorough
@given(tables())
def test_the_reference_agrees_with_a_slow_loop(table: tuple[ChildNetwork, np.ndarray, np.ndarray]) -> None:
    child, numeric, categorical = table
    slow = np.array(slow_probabilities(child, numeric, categorical)).reshape(len(numeric), len(child.classes))
    np.testing.assert_allclose(child.predict_proba(numeric, categorical), slow, atol=TOLERANCE)


@thorough
@given(tables())
def test_the_file_agrees_with_the_reference_in_every_evaluator(
    table: tuple[ChildNetwork, np.ndarray, np.ndarray],
) -> None:
    child, numeric, categorical = table
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
    rows = child.predict_proba(categorical=[["unseen", "y"], ["y", "y"], ["x ", "y"], ["X", "y"], [None, "y"]])
    np.testing.assert_array_equal(rows[1:4], np.tile(rows[0], (3, 1)))  # known in another column is unseen in this one
    assert not np.allclose(rows[4], rows[0])  # missing is a category of its own here


def test_a_nul_character_in_a_cell_never_matches_a_category(make_child: Any) -> None:
    child = make_child(CategoricalColumn("a", ("x", "y")))
    cells = [["x\0"], ["x\0y"], ["\0"], ["unseen"]]
    assert check_export(to_onnx(child), child, categorical=cells).ok
    assert len(np.unique(child.predict_proba(categorical=cells), axis=0)) == 1


def test_many_wide_columns_of_categories_stay_within_tolerance(make_child: Any) -> None:
    columns = [CategoricalColumn(f"c{i}", tuple(f"{k}" for k in range(i % 7 + 1))) for i in range(100)]
    child = make_child(*columns, width=64)
    cells = np.random.default_rng(0).integers(0, 9, size=(200, 100)).astype(object)
    parity = check_export(to_onnx(child), child, categorical=cells)
    assert parity.ok, parity
