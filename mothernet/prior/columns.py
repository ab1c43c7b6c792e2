"""Which raw columns the tables of a batch have: their encodings together fill a given number of inputs."""

from __future__ import annotations

from typing import NamedTuple

from mothernet.prior.rng import Rng

__all__ = ["Column", "plan_columns"]

_CATEGORY_COUNTS = (2, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6, 8, 11, 16)


class Column(NamedTuple):
    """A raw column; which cells are missing and how skewed it is differs between the tasks of a batch."""

    n_categories: int  # 0 for a numeric column
    has_missing: bool
    is_skewed: bool

    @property
    def n_inputs(self) -> int:
        """Inputs that its encoding will probably have."""
        if self.n_categories:
            return 1 if self.n_categories == 2 else self.n_categories
        return 1 + self.has_missing


def plan_columns(rng: Rng, n_inputs: int, *, categories: bool, missing: bool) -> list[Column]:
    """Draw columns whose encodings together have about ``n_inputs`` inputs; those of the last may be cut off.

    Parameters
    ----------
    categories, missing : bool
        Whether there may be categorical columns, and numeric ones with missing cells.
    """
    categorical_share = categories * rng.choice([0, 0, 0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
    missing_share = missing * rng.choice([0, 0, 0, 0, 0.15, 0.3, 0.9])
    skewed_share = rng.choice([0, 0.1, 0.3, 0.5, 0.9])
    plan: list[Column] = []
    filled = 0
    while filled < n_inputs:
        left = n_inputs - filled
        n_categories = 0
        if rng.chance(categorical_share):
            n_categories = rng.choice([count for count in _CATEGORY_COUNTS if count <= max(2, left)])
        is_numeric = not n_categories
        column = Column(n_categories, is_numeric and rng.chance(missing_share), is_numeric and rng.chance(skewed_share))
        plan.append(column)
        filled += column.n_inputs
    return plan
