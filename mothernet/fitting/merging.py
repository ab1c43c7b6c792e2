"""The ramps of one column while they become fewer: neighbours merge, the first and the last can go.

What a change costs is known without looking at rows again: it is quadratic in the covariance of the fitted ramps.
What it is good for is :mod:`mothernet.fitting.simplification`'s business.

Axis letters: K ramps of the fitted child, k that are left, M what they lead to: units and outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Change", "Ramps"]

Array = npt.NDArray[np.float64]


class Change(NamedTuple):
    """The cheapest change of a column."""

    cost: float  # nats
    kind: Literal["merge", "drop", "drop column"]
    ramp: int = 0


@dataclass
class Ramps:
    """The ramps of a numeric column while they are merged; k of them, of the teacher's K."""

    knots: list[float]
    mixture: Array  # (k, K): each ramp is a mean of the teacher's, weighted by width
    covariance: Array  # (K, K) of the teacher's ramps
    weight: Array  # (k, M)
    effect: Array  # (k, M): weights in units of root nats

    def cheapest_change(self) -> Change:
        """Of merging two neighbours and dropping the first or the last, what costs least."""
        covariance = self.mixture @ self.covariance @ self.mixture.T  # (k, k)
        variance, width = covariance.diagonal(), np.diff(self.knots)
        last = len(width) - 1
        changes = [Change(float(variance[k] * (self.effect[k] @ self.effect[k])) / 2, "drop", k) for k in {0, last}]
        if last:
            total = width[:-1] + width[1:]
            bend = (width[:-1, None] * self.effect[1:] - width[1:, None] * self.effect[:-1]) / total[:, None]
            tent = variance[:-1] + variance[1:] - 2 * covariance.diagonal(1)
            cost = tent * (bend**2).sum(axis=1) / 2
            changes.append(Change(float(cost.min()), "merge", int(cost.argmin())))
        return min(changes)

    def merge(self, k: int) -> None:
        """One ramp in place of ramps k and k + 1, with the sum of their weights."""
        width = np.diff(self.knots)[k : k + 2]
        self.mixture[k] = width @ self.mixture[k : k + 2] / width.sum()
        self.weight = np.concatenate([self.weight[:k], [self.weight[k] + self.weight[k + 1]], self.weight[k + 2 :]])
        self.effect = np.concatenate([self.effect[:k], [self.effect[k] + self.effect[k + 1]], self.effect[k + 2 :]])
        self.mixture = np.delete(self.mixture, k + 1, axis=0)
        del self.knots[k + 1]

    def drop(self, k: int) -> None:
        """Take away the first or last ramp: the function ends earlier."""
        del self.knots[k if k == 0 else k + 1]
        self.mixture = np.delete(self.mixture, k, axis=0)
        self.weight, self.effect = np.delete(self.weight, k, axis=0), np.delete(self.effect, k, axis=0)
