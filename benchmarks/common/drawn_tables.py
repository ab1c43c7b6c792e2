"""Columns of texts for tables that a benchmark draws."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["TEXT_COLUMNS", "TEXT_VALUES", "replace_by_texts"]

TEXT_COLUMNS, TEXT_VALUES = 4, 40


def replace_by_texts(table: pd.DataFrame, rng: np.random.Generator) -> None:
    """Put texts of 40, 20, 10 and 5 values, in an order that numbers do not show, in place of the first columns."""
    for i in range(TEXT_COLUMNS):
        n_values = TEXT_VALUES >> i
        words = np.array([f"value {code}" for code in rng.permutation(n_values)])
        table[f"x{i}"] = words[pd.qcut(table[f"x{i}"], n_values, labels=False, duplicates="drop")]
