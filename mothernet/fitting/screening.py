"""Wide tables: which columns tell anything about the class.

A thousand columns of noise drown twenty that matter: each has ramps and weights of its own, and by chance some seem to
tell something. So of a wide table the columns that extremely randomised trees use most, and those that tell most alone,
are shown to such trees beside *shadows*, permuted copies of themselves that tell nothing (Kursa and Rudnicki, Feature
selection with the Boruta package, 2010). What these use more than the best shadow is shown to them again, with the
columns whose mutual information few permuted ones reach, and what they then use more than the best shadow passes:
beside less noise, less of it does. Trees see what columns tell only together; what many tell a little each, statistics
of single columns see better. Where nearly all columns tell something, all are kept.

Axis letters: N rows, F columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mothernet.fitting.hidden_layer import stratified_rows
from mothernet.fitting.output_layer import solve
from mothernet.fitting.probabilities import log_softmax
from mothernet.network.support_set import mid_ranks, mutual_information, normal_scores
from mothernet.settings import FitSettings
from mothernet.tables.raw_inputs import RawCategories, RawColumn, RawIgnored, RawNumbers

__all__ = ["screened_columns"]

Indices = npt.NDArray[np.int64]


def screened_columns(
    columns: Sequence[RawColumn], y: Indices, n_classes: int, rng: np.random.Generator, settings: FitSettings
) -> list[RawColumn]:
    """The columns, those that seem to tell nothing ignored if there are many.

    Parameters
    ----------
    columns : sequence of RawColumn
        Of N rows.
    y : (N,) array
        Labels in ``range(n_classes)``.
    """
    read = [column for column in columns if not isinstance(column, RawIgnored)]
    if len({column.name for column in read}) <= settings.max_unscreened_columns:
        return list(columns)
    rows = stratified_rows(y, settings.max_screening_rows, rng)
    X = np.stack([_ordinal(column, rows) for column in read], axis=1)  # (N, F)
    if _all_tell_more(X, y[rows], n_classes, rng, settings):
        return list(columns)
    kept = {read[i].name for i in _telling(X, y[rows], n_classes, rng, settings)}
    screened: list[RawColumn] = []
    for column in columns:
        if column.name in kept:
            screened.append(column)
        elif not screened or screened[-1].name != column.name:  # parts of a date are ignored as one
            screened.append(RawIgnored(column.name))
    return screened


def _ordinal(column: RawNumbers | RawCategories, rows: Indices) -> npt.NDArray[np.float32]:
    """A column as numbers without missing ones (N,); categories by frequency, which says nothing of the labels."""
    if isinstance(column, RawCategories):
        texts = column.texts[rows].tolist()
        code = {text: k for k, (text, _) in enumerate(Counter(texts).most_common())}
        return np.array([code[text] for text in texts], np.float32)
    values = column.values[rows]
    finite = values[np.isfinite(values)]
    low, middle, high = np.quantile(finite, [0, 0.5, 1]) if len(finite) else (0.0, 0.0, 0.0)
    return np.nan_to_num(values, nan=middle, posinf=high, neginf=low).astype(np.float32)


def _all_tell_more(
    X: npt.NDArray[np.float32], y: Indices, n_classes: int, rng: np.random.Generator, settings: FitSettings
) -> bool:
    """Whether all columns together predict rows held out better than those that screening would leave.

    Judged by logistic regressions of the ranks: where many columns tell a little each, they lose what is left out. What
    is left is also judged by trees.
    """
    held_out = np.zeros(len(y), np.bool_)
    held_out[stratified_rows(y, len(y) // 4, rng)] = True
    if not held_out.any() or len(np.unique(y[~held_out])) < n_classes:
        return True
    scores = normal_scores(mid_ranks(X))
    onehot = np.eye(n_classes)[y]

    def loss(chosen: Indices) -> float:
        phi = scores[:, chosen]
        losses = []
        for penalty in settings.screening_penalties:
            solved = solve(
                phi[~held_out],
                onehot[~held_out],
                np.full(len(chosen), penalty),
                steps=settings.fold_steps,
                tolerance=settings.fold_tolerance,
            )
            losses.append(-float(log_softmax(solved(phi[held_out])[0])[onehot[held_out] > 0].mean()))
        return min(losses)

    telling = _telling(X[~held_out], y[~held_out], n_classes, rng, settings)
    trees = _trees(settings.screening_trees, rng, settings).fit(X[~held_out][:, telling], y[~held_out])
    said = trees.predict_proba(X[held_out][:, telling])[onehot[held_out] > 0]
    by_trees = -float(np.log(np.maximum(said, 1e-3)).mean())  # they see what no regression does
    return loss(np.arange(X.shape[1])) < min(loss(telling), by_trees)


def _telling(
    X: npt.NDArray[np.float32], y: Indices, n_classes: int, rng: np.random.Generator, settings: FitSettings
) -> Indices:
    """Numbers of the columns that pass, at least one."""
    importance = _importance(X, y, settings.candidate_trees, rng, settings)
    information = mutual_information(X, y, n_classes)
    most = settings.max_candidates
    best = [
        np.argsort(-statistic, kind="stable")[:n]
        for statistic, n in ((importance, most), (information, most // 2), (_shift(X, y, n_classes), most // 2))
    ]
    candidates = np.unique(np.concatenate(best))
    by_chance = mutual_information(rng.permuted(X, axis=0), y, n_classes)
    alone = _beyond_chance(information, by_chance, settings.max_false_share)
    telling = np.union1d(_beyond_shadows(X, y, candidates, rng, settings), alone)
    if not len(telling):
        return np.array([importance.argmax()])
    again = _beyond_shadows(X, y, telling, rng, settings)  # with less noise beside them, fewer pass that tell nothing
    return again if len(again) else telling


def _beyond_shadows(
    X: npt.NDArray[np.float32], y: Indices, candidates: Indices, rng: np.random.Generator, settings: FitSettings
) -> Indices:
    """Those of the candidates that trees use more than any permuted copy of one."""
    shown = X[:, candidates]
    beside = np.concatenate([shown, rng.permuted(shown, axis=0)], axis=1)
    importance = _importance(beside, y, settings.screening_trees, rng, settings)
    return candidates[importance[: len(candidates)] > importance[len(candidates) :].max()]


def _shift(X: npt.NDArray[np.float32], y: Indices, n_classes: int) -> npt.NDArray[np.float64]:
    """How far apart the classes' mean normal scores are (F,), the statistic of van der Waerden's test."""
    scores = normal_scores(mid_ranks(X))
    sums = np.eye(n_classes)[y].T @ scores  # (C, F)
    between: npt.NDArray[np.float64] = (sums**2 / np.maximum(np.bincount(y, minlength=n_classes), 1)[:, None]).sum(0)
    return between / np.maximum(scores.var(axis=0), 1e-6)


def _beyond_chance(
    information: npt.NDArray[np.float32], by_chance: npt.NDArray[np.float32], false_share: float
) -> Indices:
    """Numbers of the columns that tell most, as many as hold no more than a share that tells by chance.

    How many do is estimated by the permuted columns that tell as much (Elias and Gygi, Nature Methods 4, 2007).
    """
    order = np.argsort(-information, kind="stable")
    n_false = len(by_chance) - np.searchsorted(np.sort(by_chance), information[order])
    few = np.flatnonzero(n_false <= false_share * np.arange(1, len(order) + 1))
    return order[: few[-1] + 1] if len(few) else order[:0]


def _importance(
    X: npt.NDArray[np.float32], y: Indices, n_trees: int, rng: np.random.Generator, settings: FitSettings
) -> npt.NDArray[np.float64]:
    """How much randomised trees use each column: (N, F) to (F,)."""
    importance: npt.NDArray[np.float64] = _trees(n_trees, rng, settings).fit(X, y).feature_importances_
    return importance


def _trees(n_trees: int, rng: np.random.Generator, settings: FitSettings) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier  # wide tables alone need it, and it takes long to import

    return ExtraTreesClassifier(
        n_trees,
        max_depth=settings.screening_depth,
        max_features=settings.screening_share,
        random_state=int(rng.integers(2**31)),
    )
