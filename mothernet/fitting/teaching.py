"""What a classifier of another kind knows, taught to the child beside what its own fit has found.

The smaller child is solved for the probabilities of the fitted one (:mod:`mothernet.fitting.simplification`). On rows
that nobody observed these are mixed with another classifier's, as a mean of log-probabilities; on training rows they
are not, since a classifier is too sure of rows that it was fitted to. How much it counts is chosen elsewhere
(:mod:`mothernet.teachers`). After Hinton, Vinyals and Dean, arXiv 1503.02531.

Axis letters: N rows, F columns, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mothernet.fitting.judged_rows import JudgedRows
from mothernet.fitting.probabilities import log_softmax

__all__ = ["Lesson"]

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_LEAST = 5e-3  # a probability below counts as this: a tree's zero is no certainty


class Lesson(NamedTuple):
    """A teacher's probabilities, and how much they count.

    Examples
    --------
    >>> lesson = Lesson(lambda source: np.tile([0.9, 0.1], (len(source), 1)), share=1.0)
    >>> rows = JudgedRows(np.zeros((2, 3), int), np.full(2, 0.5), n_real=1)
    >>> np.exp(lesson.mixed(np.zeros((2, 2)), rows)).round(2).tolist()
    [[0.5, 0.5], [0.9, 0.1]]
    """

    probabilities: Callable[[Indices], Array]  # of rows whose cells are these training rows' (N, F), to (N, C)
    share: float  # of the teacher in the mean, from zero to one

    def mixed(self, logits: Array, rows: JudgedRows) -> Array:
        """Log-probabilities (N, C): the fitted child's, and for rows that nobody observed a mean with the teacher's."""
        own = log_softmax(logits)
        said = np.log(np.maximum(self.probabilities(rows.source[rows.n_real :]), _LEAST))
        between = log_softmax((1 - self.share) * own[rows.n_real :] + self.share * said)
        return np.concatenate([own[: rows.n_real], between])

    def take(self, rows: Indices) -> Lesson:
        """The same of a sample of the training rows."""
        return self._replace(probabilities=lambda source: self.probabilities(rows[source]))
