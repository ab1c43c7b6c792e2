"""A small child network with every kind of column, and what the tests of the exporter build from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mothernet_export import CategoricalColumn, ChildNetwork, NumericColumn

MakeChild = Callable[..., ChildNetwork]


@pytest.fixture(scope="session")
def make_child() -> MakeChild:
    """Random weights of the right shapes around the columns and classes given."""

    def make(*columns: NumericColumn | CategoricalColumn, classes: tuple[Any, ...] = ("no", "yes"), width: int = 5,
             seed: int = 0, **fields: Any) -> ChildNetwork:  # fmt: skip
        rng = np.random.default_rng(seed)
        n_rows, n_outputs = sum(column.n_rows for column in columns), width + len(classes)
        return ChildNetwork(
            columns,
            classes,
            first_weight=rng.normal(size=(n_rows, n_outputs)),
            first_bias=rng.normal(size=n_outputs),
            output_weight=rng.normal(size=(width, len(classes))),
            **fields,
        )

    return make


@pytest.fixture(scope="session")
def mixed_child(make_child: MakeChild) -> ChildNetwork:
    """Ignored columns of both kinds between used ones, shared categories, a missing indicator."""
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
        [["Bern", "x", "Bern"], [None, None, None], ["other", "y", "Genève"], ["", "", ""], ["Genève", 3, "other"]],
        object,
    )
    return numeric, categorical
