"""Which raw columns the tables of a batch have: the kinds whose encoding fills a given number of inputs."""

from __future__ import annotations

from typing import NamedTuple

from mothernet.prior.dice import Dice

__all__ = ["Column", "column_plan"]

_CATEGORIES = (2, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6, 8, 11, 16)


class Column(NamedTuple):
    """A raw column; which cells are missing and how skewed it is differs between the tasks of a batch."""

    categories: int  # 0 for a numeric column
    missing: bool
    skewed: bool

    @property
    def width(self) -> int:
        """Inputs that its encoding will probably have."""
        if self.categories:
            return 1 if self.categories == 2 else self.categories
        return 1 + self.missing


def column_plan(dice: Dice, features: int, *, categories: bool, missing: bool) -> list[Column]:
    """Columns whose encoding fills ``features`` inputs, about; the last may be cut off."""
    categorical = categories * dice.choice([0, 0, 0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
    incomplete = missing * dice.choice([0, 0, 0, 0, 0.15, 0.3, 0.9])
    skewed = dice.choice([0, 0.1, 0.3, 0.5, 0.9])
    plan: list[Column] = []
    filled = 0
    while filled < features:
        left = features - filled
        count = dice.choice([k for k in _CATEGORIES if k <= max(2, left)]) if dice.chance(categorical) else 0
        column = Column(count, not count and dice.chance(incomplete), not count and dice.chance(skewed))
        plan.append(column)
        filled += column.width
    return plan
