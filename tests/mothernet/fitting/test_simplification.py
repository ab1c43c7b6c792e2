"""A smaller child says nearly what the fitted one says, and never looks at labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mothernet_export import CategoricalColumn, IgnoredColumn, NumericColumn
from mothernet_runtime.cells import CategoryRule, DateRule, NumberRule
from sklearn.metrics import roc_auc_score

from mothernet import MotherNetClassifier
from mothernet.fitting.child import ChildWeights
from mothernet.fitting.folding import FoldedChild, folded
from mothernet.fitting.simplification import _nearest, _root_curvature, _Teacher, simplified
from mothernet.settings import DEFAULT_SETTINGS
from mothernet.tables.category_odds import Labels
from mothernet.tables.encoding import Encoding, fit_encoding
from mothernet.tables.raw_inputs import RawColumn, RawNumbers, raw_columns

N = 400


@pytest.fixture(scope="module")
def table() -> tuple[list[RawColumn], Encoding]:
    """A number, one with missing cells, a category, a date, and noise."""
    rng = np.random.default_rng(0)
    gaps = rng.normal(size=N)
    gaps[rng.random(N) < 0.2] = np.nan
    columns = [
        ("x", NumberRule(), rng.normal(size=N)),
        ("gaps", NumberRule(), gaps),
        ("colour", CategoryRule(), rng.choice(np.array(["red", "green", "blue"], object), N)),
        ("day", DateRule(), 1.6e9 + 86400 * rng.integers(0, 700, N).astype(float)),
        ("noise", NumberRule(), rng.normal(size=N)),
    ]
    raw = raw_columns(columns)
    labels = Labels(rng.integers(0, 2, N), 2, np.random.default_rng(0))
    return raw, fit_encoding(raw, 8, labels)


def random_weights(encoding: Encoding, without: tuple[int, ...] = (), n_units: int = 12, seed: int = 0) -> ChildWeights:
    """A child of random weights that does not see some of the columns."""
    rng = np.random.default_rng(seed)
    D = encoding.inputs.shape[1]
    first = rng.normal(size=(D, n_units + 2)) / np.sqrt(D)
    first[np.isin(encoding.input_column, without)] = 0
    return ChildWeights(first, rng.normal(size=n_units + 2) / 2, rng.normal(size=(n_units, 2)))


def simplify(
    table: tuple[list[RawColumn], Encoding], weights: ChildWeights, price: float, **options: Any
) -> FoldedChild:
    raw, encoding = table
    settings = replace(DEFAULT_SETTINGS, **options)
    y = np.arange(N) % 2
    return simplified(encoding, raw, weights, y, price, np.random.default_rng(0), settings)


def probabilities(child: FoldedChild, raw: list[RawColumn]) -> np.ndarray:
    """Of the training rows, by the definition of the file's graph."""
    numeric, missing, categories = [], [], []
    parts = {(part.name, part.part): part.values for part in raw if isinstance(part, RawNumbers)}
    for column in child.columns:
        if isinstance(column, NumericColumn):
            values = parts[column.name, column.part].astype(float)
            if column.missing_indicator:
                missing.append(np.isnan(values).astype(float))
            x = np.where(np.isnan(values), column.centre, values)
            for low, inverse in zip(column.knots, column.inverse_widths, strict=False):
                numeric.append(np.clip((x - low) * float(inverse), 0, 1))
        elif isinstance(column, CategoricalColumn):
            texts = next(part.texts for part in raw if part.name == column.name)  # type: ignore[union-attr]
            categories += [texts == text for text in column.categories]
            categories.append(~np.isin(texts, column.categories))
    z = np.stack([*numeric, *missing, *categories], axis=1).astype(float)
    pre = z @ child.first_weight + child.first_bias
    H = len(child.output_weight)
    logits = np.clip(pre[:, :H], 0, 1) @ child.output_weight + pre[:, H:]
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    return float((p * np.log(p / q)).sum(axis=1).mean())


def test_at_next_to_no_price_it_says_what_the_fitted_child_says(table: Any) -> None:
    raw, encoding = table
    weights = random_weights(encoding)
    teacher = probabilities(folded(encoding, weights), raw)
    child = simplify(table, weights, 1e-12)
    np.testing.assert_allclose(probabilities(child, raw), teacher, atol=0.01)  # penalised a little
    assert divergence(teacher, probabilities(child, raw)) < 1e-5


def test_a_higher_price_gives_a_smaller_child_that_says_less(table: Any) -> None:
    raw, encoding = table
    weights = random_weights(encoding)
    teacher = probabilities(folded(encoding, weights), raw)
    children = [simplify(table, weights, price) for price in (1e-6, 1e-4, 1e-2, 1e-1)]
    sizes = [child.first_weight.size for child in children]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] < sizes[0] / 4
    losses = [divergence(teacher, probabilities(child, raw)) for child in children]
    assert losses[0] < 1e-4 and losses[0] < losses[2] < losses[3]


def test_columns_that_say_nothing_are_ignored_and_parts_of_dates_stay_together(table: Any) -> None:
    _, encoding = table
    numbers = [k for k, column in enumerate(encoding.columns) if column.name == "noise"]
    parts = [k for k, column in enumerate(encoding.columns) if getattr(column, "part", "") in ("days", "weekday")]
    child = simplify(table, random_weights(encoding, (*numbers, *parts)), 1e-4)
    assert [column.name for column in child.columns] == ["x", "gaps", "colour", "day", "noise"]
    assert isinstance(child.columns[4], IgnoredColumn)
    assert [getattr(column, "part", "") for column in child.columns if column.name == "day"] == ["month"]
    without_dates = [k for k, column in enumerate(encoding.columns) if column.name == "day"]
    child = simplify(table, random_weights(encoding, tuple(without_dates)), 1e-4)
    assert [type(column) for column in child.columns if column.name == "day"] == [IgnoredColumn]


def test_one_column_is_kept_whatever_the_price(table: Any) -> None:
    child = simplify(table, random_weights(table[1]), 10.0)
    assert len(child.output_weight) == 0
    assert len([column for column in child.columns if not isinstance(column, IgnoredColumn)]) == 1


def test_ramps_on_a_straight_line_are_merged_and_nothing_changes(table: Any) -> None:
    raw, encoding = table
    weights = random_weights(encoding, n_units=1)
    weights.first_weight[:] = 0
    weights.output_weight[:] = 0
    feature = int(np.flatnonzero((encoding.input_column == 0) & encoding.is_of_ramps)[0])  # z, softly clipped
    weights.first_weight[feature, 1:] = [-1.0, 1.0]
    child = simplify(table, weights, 1e-3)
    (column,) = [column for column in child.columns if isinstance(column, NumericColumn)]
    assert column.name == "x" and len(column.knots) <= 4  # linear but for the ends
    teacher = probabilities(folded(encoding, weights), raw)
    np.testing.assert_allclose(probabilities(child, raw), teacher, atol=0.02)


def test_the_curvature_is_the_mean_over_rows_of_the_softmax_behind_the_gates() -> None:
    rng = np.random.default_rng(0)
    N_, D, H, C = 7, 3, 4, 3
    first, bias, output = rng.normal(size=(D, H + C)), rng.normal(size=H + C), rng.normal(size=(H, C))
    p = rng.dirichlet(np.ones(C), N_)
    teacher = _Teacher(rng.normal(size=(N_, D)), [], np.empty((N_, 0)), p, np.log(p), np.full(N_, 1 / N_))
    expected = np.zeros((H + C, H + C))
    for row in range(N_):
        pre = teacher.inputs[row] @ first[:, :H] + bias[:H]
        jacobian = np.concatenate([((pre > 0) & (pre < 1))[:, None] * output, np.eye(C)])  # (M, C)
        expected += jacobian @ (np.diag(p[row]) - np.outer(p[row], p[row])) @ jacobian.T / N_
    root = _root_curvature(teacher, first, bias, output)
    np.testing.assert_allclose(root @ root.T, expected, atol=1e-12)


def test_many_columns_that_say_the_same_are_not_all_dropped() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(1200) % 2
    X = rng.normal(size=(1200, 200)) + 0.15 * (2 * y[:, None] - 1)  # each column says next to nothing
    auc = [
        roc_auc_score(y[300:], MotherNetClassifier(size=size).fit(X[:300], y[:300]).predict_proba(X[300:])[:, 1])
        for size in ("default", "large")
    ]
    assert auc[1] > 0.95 and auc[0] > auc[1] - 0.01


def test_what_rounding_leaves_is_not_cured_by_saying_nothing(table: Any) -> None:
    raw, encoding = table
    weights = random_weights(encoding)
    teacher = probabilities(folded(encoding, weights), raw)
    child = simplify(table, weights, 1e-6, max_rounding_error=0.0)  # no penalty is strong enough
    assert divergence(teacher, probabilities(child, raw)) < 1e-3


@pytest.mark.parametrize(("cost", "is_cured"), [(0.1, True), (0.001, False)])
def test_what_float32_cannot_sum_is_cured_at_a_bounded_cost(cost: float, is_cured: bool) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=2_000)
    inputs = np.stack([x, x + 0.01 * rng.normal(size=2_000)], axis=1)
    logits = 100 * (x - inputs[:, 1])[:, None] * [1, -1]  # large weights of columns that are nearly the same
    p = 1 / (1 + np.exp(logits[:, ::-1] - logits))
    teacher = _Teacher(inputs, [], np.zeros((2_000, 0), np.float32), p, logits, np.full(2_000, 1 / 2_000))
    start = ChildWeights(np.zeros((2, 2)), np.zeros(2), np.zeros((0, 2)))
    settings = replace(DEFAULT_SETTINGS, matching_steps=0, max_rounding_error=8e-6, max_strengthening_cost=cost)
    _, distance, error = _nearest(inputs, start, teacher, settings)
    assert (error < 8e-6) == is_cured
    assert distance < 0.003 + cost


def test_missing_cells_of_training_are_remembered_where_nothing_depends_on_them(table: Any) -> None:
    _, encoding = table
    weights = random_weights(encoding)
    indicator = (encoding.input_column == 1) & ~encoding.is_of_ramps
    weights.first_weight[indicator] = 0
    (gaps,) = [column for column in simplify(table, weights, 1e-4).columns if column.name == "gaps"]
    assert isinstance(gaps, NumericColumn)
    assert (gaps.missing_indicator, gaps.missing_in_training) == (False, True)


def test_labels_are_not_looked_at(table: Any) -> None:
    raw, encoding = table
    weights = random_weights(encoding)
    one, two = (
        simplified(encoding, raw, weights, y, 1e-3, np.random.default_rng(0), DEFAULT_SETTINGS)
        for y in (np.arange(N) % 2, (np.arange(N) < 30).astype(np.int64))
    )
    assert one.columns == two.columns
    np.testing.assert_array_equal(one.first_weight, two.first_weight)


def test_a_wide_table_is_seen_through_its_direct_weights(table: Any) -> None:
    raw, encoding = table
    weights = random_weights(encoding)
    teacher = probabilities(folded(encoding, weights), raw)
    child = simplify(table, weights, 1e-4, max_matched_inputs=5)
    assert divergence(teacher, probabilities(child, raw)) < 0.01


@pytest.mark.parametrize("size", ["small", "default", "large"])
def test_sizes_of_the_estimator(size: Any) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=300), "b": rng.normal(size=300), "c": rng.choice(["x", "y"], 300)})
    y = (X["a"] + X["b"] ** 2 > 1) ^ (X["c"] == "x")
    model = MotherNetClassifier(size=size).fit(X, y)
    assert 64 < model.child_.width <= 256 if size == "large" else model.child_.width <= 64
    assert model.score(X, y) > 0.8


def test_an_unknown_size_is_refused() -> None:
    with pytest.raises(ValueError, match="size must be 'small', 'default' or 'large', however: size='tiny'"):
        MotherNetClassifier(size="tiny").fit(np.arange(40.0)[:, None], np.arange(40) % 2)  # type: ignore[arg-type]
