"""A classifier that teaches the child: how it is asked, how sure it may be, and how much it counts.

The last two are decided by rows held out: of the teacher, and of children that were taught more or less by it. What a
child is taught on belongs to :mod:`mothernet.fitting.teaching`.

Axis letters: N rows, F columns, C classes.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from mothernet.fitting.penalties import held_out_temperature, stratified_folds
from mothernet.fitting.probabilities import softmax
from mothernet.fitting.teaching import Lesson
from mothernet.settings import FitSettings

__all__ = ["learned_lesson", "rows_of"]

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


def learned_lesson(
    estimator: Any, X: Any, y: npt.NDArray[Any], row_weight: Array | None, seed: int, settings: FitSettings
) -> Lesson | None:
    """What the teacher of an estimator teaches its child; nothing if the teacher's share is zero.

    Parameters
    ----------
    estimator : MotherNetClassifier
        With the parameters ``teacher`` and ``teacher_share``.
    X : DataFrame or array of shape (N, F)
    y : (N,) array
    row_weight : (N,) array, optional
        Positive, as the caller gives it.

    Raises
    ------
    ValueError, TypeError
        The teacher, its probabilities or its share cannot be used.
    """
    if not (hasattr(X, "iloc") or isinstance(X, np.ndarray)):
        raise TypeError(
            f"X must be a DataFrame of pandas or an array where there is a teacher, however: {type(X).__name__}. "
            "Convert it."
        )
    share, temperature = estimator.teacher_share, 1.0
    if share is None:
        share, temperature = _chosen(estimator, X, y, row_weight, seed, settings)
    elif not isinstance(share, int | float | np.number) or not 0 <= share <= 1:
        raise ValueError(f"teacher_share must be a number from 0 to 1, or None, however: teacher_share={share!r}.")
    if not share:
        return None
    teacher, classes = _fitted(estimator.teacher, X, y, row_weight), np.unique(y)
    teacher.temperature *= temperature
    return Lesson(lambda source: teacher.probabilities(_gathered(X, source), classes), float(share))


def rows_of(X: Any, rows: Indices) -> Any:
    """Some rows of a DataFrame or an array."""
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


class _Fitted:
    """A fitted classifier, a factor on its log-probabilities, and its classes; stays as it is when cloned.

    Parameters
    ----------
    model : estimator
        With ``predict_proba`` and ``classes_``.
    temperature : float
        Below one: less sure than it says.
    """

    def __init__(self, model: Any, temperature: float = 1.0) -> None:
        self.model, self.temperature = model, temperature

    def __sklearn_clone__(self) -> _Fitted:
        return self

    def probabilities(self, X: Any, classes: npt.NDArray[Any]) -> Array:
        """Probabilities (N, C) of these classes, in this order; zero for classes that it does not know.

        Raises
        ------
        ValueError
            What it says are no probabilities.
        """
        p = np.asarray(self.model.predict_proba(X), np.float64)
        known = np.asarray(self.model.classes_)
        if p.shape != (len(X), len(known)):
            raise ValueError(
                f"the teacher's predict_proba must give an array of shape {(len(X), len(known))}, however: {p.shape}. "
                "Use a classifier of one label."
            )
        if not (np.isfinite(p).all() and (p >= 0).all() and np.allclose(p.sum(axis=1), 1, atol=1e-3)):
            raise ValueError(
                "the teacher's probabilities must be finite, at least 0 and sum to 1 in each row, however: they do not "
                "all. Check what its predict_proba says."
            )
        of = {label: k for k, label in enumerate(known.tolist())}
        ordered = np.zeros((len(p), len(classes)))
        for c, label in enumerate(classes.tolist()):
            if label in of:
                ordered[:, c] = p[:, of[label]]
        if not ordered.any():
            raise ValueError(
                f"the teacher's classes_ must be those of y, {classes.tolist()}, however: {known.tolist()}. Fit it to "
                "the same labels."
            )
        return softmax(self.temperature * np.log(np.maximum(ordered, 1e-9)))


def _fitted(teacher: Any, X: Any, y: npt.NDArray[Any], row_weight: Array | None) -> _Fitted:
    """A clone, fitted; with the weights of the rows, if it takes some.

    Raises
    ------
    TypeError
        It is no classifier with probabilities.
    """
    if isinstance(teacher, _Fitted):
        return teacher
    if not (hasattr(teacher, "fit") and hasattr(teacher, "predict_proba")):
        raise TypeError(
            f"teacher must be a classifier with fit and predict_proba, however: {teacher!r}. Use one that "
            "has probabilities."
        )
    takes_weights = row_weight is not None and has_fit_parameter(teacher, "sample_weight")
    return _Fitted(clone(teacher).fit(X, y, **({"sample_weight": row_weight} if takes_weights else {})))


def _gathered(X: Any, source: Indices) -> Any:
    """Rows whose cells are other rows': a table or array (n, F) and the row of each cell (N, F)."""
    if hasattr(X, "iloc"):
        columns = [X.iloc[:, k].take(source[:, k]).reset_index(drop=True) for k in range(source.shape[1])]
        return type(X)(dict(zip(X.columns, columns, strict=True)))
    return np.take_along_axis(X, source, axis=0)


def _chosen(
    estimator: Any, X: Any, y: npt.NDArray[Any], row_weight: Array | None, seed: int, settings: FitSettings
) -> tuple[float, float]:
    """How much the estimator's teacher counts, of ``settings.teacher_shares``, and a factor on its log-probabilities.

    Both by the log loss of rows held out, that of the fitted child and not of a part of it. A larger share must gain
    more than chance.
    """
    classes, codes = np.unique(y, return_inverse=True)
    estimator, labels = clone(estimator), set(classes.tolist())
    if isinstance(estimator.class_weight, Mapping):  # a class of weight zero has no rows here
        estimator.set_params(class_weight={c: w for c, w in estimator.class_weight.items() if c in labels})
    fold = stratified_folds(codes, settings.teacher_folds, np.random.default_rng(seed))
    weight = np.ones(len(y)) if row_weight is None else row_weight

    def training(rows: Indices) -> tuple[Any, npt.NDArray[Any], Array | None]:
        return rows_of(X, rows), y[rows], None if row_weight is None else weight[rows]

    parts = []
    for k in range(settings.teacher_folds if len(y) <= settings.max_folded_rows else 1):
        held_out = fold == k
        held_out &= np.isin(codes, codes[~held_out])  # a class that only these rows have cannot be told
        rest, held = np.flatnonzero(~held_out), np.flatnonzero(held_out)
        if len(held) and len(np.unique(codes[rest])) > 1:
            parts.append((rest, held, _fitted(estimator.teacher, *training(rest))))
    if not parts:
        return 0.0, 1.0
    said = np.concatenate([fitted.probabilities(rows_of(X, held), classes) for _, held, fitted in parts])
    judged = np.concatenate([held for _, held, _ in parts])
    temperature = held_out_temperature(np.log(said), codes[judged], weight[judged], settings.teacher_deviation)
    best, losses = 0.0, np.empty(0)  # of the best share, one of each judged row
    for share in settings.teacher_shares:
        these = []
        for rest, held, fitted in parts:
            child = clone(estimator).set_params(teacher=_Fitted(fitted.model, temperature), teacher_share=share)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the fit to all rows says it again
                child.fit(*training(rest))
                p = child.predict_proba(rows_of(X, held))
            at = np.searchsorted(child.classes_, y[held])
            these.append(-weight[held] * np.log(np.maximum(p[np.arange(len(held)), at], 1e-9)))
        loss = np.concatenate(these)
        gain = losses - loss if share else np.empty(0)
        if not share or gain.mean() > settings.min_teacher_errors * gain.std() / np.sqrt(len(gain)):
            best, losses = share, loss
    return best, temperature
