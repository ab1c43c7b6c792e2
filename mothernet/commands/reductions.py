"""What a smaller file costs in accuracy, and when that is too much.

A reduction is anything that makes the file say something else than the child that was fitted: rounded weights, or fewer
categories. Both children answer the same rows, and the limits decide; how files are made smaller is no business of this
module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mothernet.commands.limits import LIMITS, MAX_AUC_LOSS, MAX_LOG_LOSS_GAIN, MAX_MOVE
from mothernet.commands.scores import score

__all__ = ["LimitError", "Reduction", "check_limits", "reduction"]


class LimitError(RuntimeError):
    """A reduction costs more than the limits allow; nothing was written."""


@dataclass(frozen=True)
class Reduction:
    """What one step to a smaller file changes.

    Attributes
    ----------
    name : str
    rounds : bool
        Whether weights are rounded; else it is another fit.
    rows, held_out
        By which it is judged: rows that the children of the comparison were not fitted to, or training rows.
    auc_change, log_loss_change : float
        After less before.
    largest_move : float
        Largest absolute difference of a probability.
    changed_labels : int
    """

    name: str
    rounds: bool
    rows: int
    held_out: bool
    auc_change: float
    log_loss_change: float
    largest_move: float
    changed_labels: int

    @property
    def is_too_much(self) -> bool:
        """Whether it is beyond a limit."""
        is_worse = self.auc_change < -MAX_AUC_LOSS or self.log_loss_change > MAX_LOG_LOSS_GAIN
        return is_worse or (self.rounds and self.largest_move > MAX_MOVE)

    def __str__(self) -> str:
        return (
            f"{self.name}: AUC {self.auc_change:+.4f}, log loss {self.log_loss_change:+.4f}, probabilities moved by "
            f"up to {self.largest_move:.1e}, {self.changed_labels:,} labels changed "
            f"({self.rows:,} {'hold-out' if self.held_out else 'training'} rows)"
        )


def reduction(
    name: str,
    y: npt.NDArray[np.int64],
    before: npt.NDArray[np.floating],
    after: npt.NDArray[np.floating],
    *,
    rounds: bool,
    held_out: bool,
) -> Reduction:
    """The change from one child's probabilities (N, C) to another's, by labels (N,) in ``range(C)``, each of which
    occurs."""
    old, new = score(y, before), score(y, after)
    return Reduction(
        name,
        rounds,
        len(y),
        held_out,
        auc_change=new.auc - old.auc,
        log_loss_change=new.log_loss - old.log_loss,
        largest_move=float(np.abs(after - before).max()),
        changed_labels=int((after.argmax(axis=1) != before.argmax(axis=1)).sum()),
    )


def check_limits(reductions: Sequence[Reduction]) -> None:
    """Raise LimitError if one of them is too much; the message has its numbers and what to do."""
    for each in reductions:
        if each.is_too_much:
            instead = "--weights float32 (or, but for C, float16)" if each.rounds else "a larger --max-bytes"
            raise LimitError(
                f"a smaller file must not cost too much ({LIMITS}), however: {each}. Nothing was written. "
                f"Choose {instead}, or a smaller --size or --width, or --force it."
            )
