"""Rows whose labels tell how good a child is: a quarter of the table that it is not fitted to, or training rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from mothernet_export import ChildNetwork
from mothernet_export.metadata import file_columns
from mothernet_export.reference import predict_proba
from mothernet_runtime.columns import table_columns
from mothernet_runtime.rows import RowReader

from mothernet.commands.report import HoldOut
from mothernet.commands.scores import reliability, score
from mothernet.fitting.hidden_layer import stratified_rows
from mothernet.fitting.network import FitOptions, fit_network
from mothernet.tables.columns import TrainingColumn

__all__ = ["HeldOut", "JudgingRows", "graph_inputs", "hold_out_obstacle", "training_rows"]

_SHARE = 0.25
_CLASS_ROWS = 4  # the smallest class must have so many, or a quarter of it is nothing
_TRAINING_ROWS = 1000
_RELIABILITY_BINS = 5


@dataclass(frozen=True)
class JudgingRows:
    """Rows and their classes, each of which occurs; `held_out` says whether children are fitted to other rows."""

    X: pd.DataFrame
    code: npt.NDArray[np.int64]
    held_out: bool

    def probabilities(self, child: ChildNetwork) -> npt.NDArray[np.float32]:
        """What a child says of these rows, (N, C)."""
        inputs = graph_inputs(child, self.X)
        return predict_proba(child, inputs.get("numeric"), inputs.get("categorical"))


class HeldOut:
    """A table in two parts, both with the classes in proportion: three quarters to fit to, the others to judge by."""

    def __init__(self, columns: Sequence[TrainingColumn], X: pd.DataFrame, y: npt.NDArray[Any], seed: int) -> None:
        classes, code = np.unique(y, return_inverse=True)
        n_held_out = round(max(_SHARE * len(y), len(classes)))
        held_out = np.zeros(len(y), np.bool_)
        held_out[stratified_rows(code, n_held_out, np.random.default_rng(seed))] = True
        self._columns, self._y, self._seed = [column.take(~held_out) for column in columns], y[~held_out], seed
        self._trained = np.bincount(code[~held_out])
        self.rows = JudgingRows(X[held_out], code[held_out], held_out=True)

    def fit(self, options: FitOptions, part: Callable[[str], None]) -> ChildNetwork:
        """A child fitted to the other rows."""
        return fit_network(self._columns, self._y, options, seed=self._seed, progress=part)

    def estimate(self, child: ChildNetwork) -> HoldOut:
        """How good it is, beside the class frequencies alone."""
        code, probabilities = self.rows.code, self.rows.probabilities(child)
        baseline = np.tile(self._trained / self._trained.sum(), (len(code), 1))
        return HoldOut(
            len(code),
            score(code, probabilities),
            score(code, baseline),
            reliability(code, probabilities, _RELIABILITY_BINS),
        )


def training_rows(X: pd.DataFrame, y: npt.NDArray[Any], seed: int) -> JudgingRows:
    """A sample with the classes in proportion, to compare two children by that were fitted to them."""
    classes, code = np.unique(y, return_inverse=True)
    rows = stratified_rows(code, max(_TRAINING_ROWS, len(classes)), np.random.default_rng(seed))
    return JudgingRows(X.iloc[rows], code[rows], held_out=False)


def hold_out_obstacle(y: npt.NDArray[Any]) -> str:
    """Why no rows can be held out, or nothing."""
    labels, counts = np.unique(y, return_counts=True)
    if counts.min() >= _CLASS_ROWS:
        return ""
    label, rows = labels[counts.argmin()], int(counts.min())
    return f"since class {label!s} has {rows} row{'s'[: rows > 1]} and {_CLASS_ROWS} are needed"


def graph_inputs(child: ChildNetwork, X: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """What the file's graph takes for these rows."""
    inputs: dict[str, npt.NDArray[Any]] = RowReader(file_columns(child)).read(table_columns(X))[1]
    return inputs
