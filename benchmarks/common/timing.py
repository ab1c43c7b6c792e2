"""How long calls take, when they take turns: whatever slows the machine slows all of them.

A turn can be several calls after one that is not counted, which brings the model back into the caches of the processor,
as in a service that runs one model, not thirty. It is the same for all models, whether their calls are short or long.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MIN_CALLS", "P99_CALLS", "Timing", "take_turns"]

MIN_CALLS = 15
P99_CALLS = 100  # fewer tell nothing of the slowest in a hundred
WARM_UP = 5


@dataclass(frozen=True)
class Timing:
    """Of one model's calls."""

    p50_us: float
    p99_us: float | None
    calls: int


def take_turns(
    calls: Sequence[Callable[[], Any]],
    max_calls: int,
    budget_seconds: float,
    rng: np.random.Generator,
    *,
    turn_calls: int = 1,
) -> list[Timing]:
    """Time calls, each as often as its budget allows, spread over the same rounds in an order drawn anew.

    Parameters
    ----------
    calls : sequence of callables
    max_calls : int
        Of each.
    budget_seconds : float
        Of each; what has not had ``MIN_CALLS`` by then goes on to have them.
    rng : Generator
        Of the order of a round.
    turn_calls : int
        Calls of a turn; if more than one, after one that is not counted.
    """
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        wanted = [np.clip(budget_seconds / _seconds(call), min(MIN_CALLS, max_calls), max_calls) for call in calls]
        turns = [-(-int(n) // turn_calls) for n in wanted]
        rounds = max(turns)
        taken: list[list[float]] = [[] for _ in calls]
        for done in range(rounds):
            for i in rng.permutation(len(calls)).tolist():
                if (done + 1) * turns[i] // rounds > done * turns[i] // rounds:  # it has so many turns, evenly spread
                    if turn_calls > 1:
                        calls[i]()
                    taken[i] += [_one(calls[i]) for _ in range(turn_calls)]
    finally:
        if enabled:
            gc.enable()
    return [_timing(np.array(seconds)) for seconds in taken]


def _seconds(call: Callable[[], Any]) -> float:
    """What a call takes after the first ones, which are not counted."""
    taken = [_one(call)]
    while len(taken) < WARM_UP and taken[-1] < 1:
        taken.append(_one(call))
    return min(taken)


def _one(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _timing(seconds: npt.NDArray[np.float64]) -> Timing:
    p99 = round(1e6 * float(np.quantile(seconds, 0.99)), 2) if len(seconds) >= P99_CALLS else None
    return Timing(round(1e6 * float(np.median(seconds)), 2), p99, len(seconds))
