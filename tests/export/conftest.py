"""Small child networks with every type of column, and rows for them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from mothernet_export import CategoricalColumn, ChildNetwork, ClassTarget, IgnoredColumn, NumericColumn
from mothernet_runtime.cells import CategoryRule, DateRule, NumberRule

Column = NumericColumn | CategoricalColumn | IgnoredColumn
MakeChild = Callable[..., ChildNetwork]
Table = tuple[ChildNetwork, np.ndarray, np.ndarray]


def random_child(columns: Any, target: Any, width: int, rng: np.random.Generator, **fields: Any) -> ChildNetwork:
    """Standard normal weights of the right shapes."""
    n_inputs, n_units = sum(column.n_inputs for column in columns), width + target.n_outputs
    return ChildNetwork(
        columns,
        target,
        first_weight=rng.normal(size=(n_inputs, n_units)),
        first_bias=rng.normal(size=n_units),
        output_weight=rng.normal(size=(width, target.n_outputs)),
        **fields,
    )


@pytest.fixture(scope="session")
def make_child() -> MakeChild:
    """A random network around the columns and the classes, or the target, given."""

    def make(*columns: Column, classes: tuple[Any, ...] = ("no", "yes"), width: int = 5,
             seed: int = 0, target: Any = None, **fields: Any) -> ChildNetwork:  # fmt: skip
        target = ClassTarget(classes) if target is None else target
        return random_child(columns, target, width, np.random.default_rng(seed), **fields)

    return make


@pytest.fixture(scope="session")
def mixed_child(make_child: MakeChild) -> ChildNetwork:
    """Columns without influence of both types between used ones, shared categories, a missing indicator."""
    return make_child(
        NumericColumn("age", 40.0, (18.0, 40.0, 80.0), True),
        CategoricalColumn("city", ("", "Bern", "Genève")),
        NumericColumn("constant", 1.0, (), False),
        CategoricalColumn("id", ()),
        CategoricalColumn("home", ("Bern", "other")),
        NumericColumn("fare", 7.0, (0.0, 500.0), False),
        classes=("a", "b", "c"),
        versions={"mothernet": "0.1.0"},
    )


@pytest.fixture(scope="session")
def mixed_rows() -> tuple[np.ndarray, np.ndarray]:
    """Five rows for `mixed_child`: numeric (5, 3) and categorical (5, 3), with missing, unseen and infinite cells."""
    numeric = np.array([[30, 1, 7], [np.nan, np.nan, np.nan], [np.inf, 0, -np.inf], [18, 5, 1e300], [-1e9, 2, 250]])
    categorical = np.array(
        [["Bern", "x", "Bern"], ["", "", ""], ["other", "y", "Genève"], ["", "", ""], ["Genève", "3", "other"]],
        object,
    )
    return numeric, categorical


@pytest.fixture(scope="session")
def spelled_child(make_child: MakeChild) -> ChildNetwork:
    """Every type of raw column, each rule with something to say, parts of dates, offsets, ignored columns."""
    dates, times = DateRule("dmy", ("?",)), DateRule("time")
    return make_child(
        IgnoredColumn("row"),
        NumericColumn("price", 12.5, (0.0, 10.0, 99.0), True, rule=NumberRule(",", ".", "€", missing=("-",))),
        NumericColumn("share", 0.5, (0.0, 1.0), False, rule=NumberRule(percent=True)),
        NumericColumn("member", 1.0, (0.0, 1.0), True, rule=NumberRule(boolean=True)),
        NumericColumn("day", 0.0, (-30.0, 0.0, 30.0), False, rule=dates, offset=19_727.0, part="days"),
        NumericColumn("day", 3.0, (0.0, 6.0), True, rule=dates, part="weekday"),
        CategoricalColumn("branch", ("", "3", "A1"), rule=CategoryRule(integers=True, missing=("unknown",))),
        NumericColumn("seconds", 300.0, (0.0, 1.0, 3600.0), False, offset=1.7e9),
        NumericColumn("opens", 9.0, (7.0, 12.5), False, rule=times, part="hour"),
        IgnoredColumn("note"),
    )


@pytest.fixture(scope="session")
def tables() -> st.SearchStrategy[Table]:
    """Random children with rows for them, for ``data.draw(tables)``."""
    return random_tables()


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
canonical_texts = texts.map(CategoryRule().read_text)
awkward_texts = st.sampled_from(
    ["", "a", "True", "3", "it's", 'say "hi"', "a,b", "two\nlines", "\u00a0", "日本語", "👩‍👩‍👧", "é", "NAN"]
)
numbers = st.one_of(
    st.floats(-100, 100, width=32),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.integers(0, 100_000).map(lambda k: float(np.float32(1.6e9 + 128 * k))),  # seconds since 1970
    st.sampled_from([0.0, 1.0, 2.0**-100, 1.0 + 2.0**-23, -1.0]),
)
labels = st.one_of(
    st.just([False, True]),
    st.integers(2, 12).map(lambda n: list(range(n))),
    *(
        st.lists(values, min_size=2, max_size=12, unique=True)
        for values in (texts, st.integers(-(2**63), 2**63 - 1), st.floats(-1e6, 1e6))
    ),
)


@st.composite
def numeric_columns(draw: Any, name: str) -> NumericColumn:
    knots: list[float] = []
    for knot in sorted(draw(st.lists(numbers, max_size=5, unique=True))):
        if not knots or 1e-37 < knot - knots[-1] < 1e37:
            knots.append(knot)
    return NumericColumn(name, draw(numbers), tuple(knots) if len(knots) > 1 else (), draw(st.booleans()))


@st.composite
def random_tables(draw: Any) -> Table:
    """A random child and rows for it: knots, missing, infinite and unseen cells."""
    types = draw(st.lists(st.booleans(), min_size=1, max_size=6))
    columns = tuple(
        draw(numeric_columns(f"c{i}"))
        if numeric
        else CategoricalColumn(f"c{i}", tuple(draw(st.lists(canonical_texts | awkward_texts, max_size=5, unique=True))))
        for i, numeric in enumerate(types)
    )
    target = ClassTarget(tuple(sorted(draw(labels))))
    width, rng = draw(st.integers(0, 9)), np.random.default_rng(draw(st.integers(0, 2**32)))
    child = random_child(columns, target, width, rng)
    n_rows = draw(st.sampled_from([0, 1, 2, 7, 50]))
    numeric = np.empty((n_rows, len(child.numeric_columns)))
    for i, column in enumerate(child.numeric_columns):
        special = [math.nan, math.inf, -math.inf, 1e300, 0.0, column.centre, *column.knots]
        near = rng.choice([column.centre, *column.knots], n_rows) * (1 + 1e-7 * rng.normal(size=n_rows))
        numeric[:, i] = np.where(rng.random(n_rows) < 0.5, rng.choice(special, n_rows), near)
    categorical = np.empty((n_rows, len(child.categorical_columns)), object)
    everything = [text for column in child.categorical_columns for text in column.categories]
    for i, categories in enumerate([column.categories for column in child.categorical_columns]):
        choices = [*categories, *categories, *everything, "", "unseen", "unseen "]
        for row in range(n_rows):
            categorical[row, i] = choices[rng.integers(len(choices))]
    return child, numeric, categorical
