"""How the hypernetwork is trained: every number that decides the steps of a run, but the model's and the prior's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["PretrainingConfig"]


@dataclass(frozen=True)
class PretrainingConfig:
    """How the hypernetwork is trained; stored in the state of a run and in its checkpoint.

    Examples
    --------
    >>> PretrainingConfig.suited("cuda", seed=1).tasks
    32
    """

    learning_rate: float = 1e-3  # AdamW: embeddings, norms, projections out
    matrix_learning_rate: float = 1.5e-3  # Muon: the blocks' matrices
    warmup_steps: int = 200
    tasks: int = 8  # per batch, at most
    cells: int = 14_000  # per batch, at most: (support + units) x (features + 1) x tasks
    moving_average: float = 0.999
    clip: float = 1.0  # norm of the gradient, at most
    seed: int = 0
    accumulate: int = 1  # batches per step, shared out among processes
    buckets: bool = False  # shapes rounded to a few values, for compiled code

    @classmethod
    def suited(cls, device: str, **changes: Any) -> PretrainingConfig:
        """Defaults for a device: a GPU takes larger batches of rounded shapes."""
        gpu = {"tasks": 32, "cells": 250_000, "buckets": True}
        return cls(**({**gpu, **changes} if device == "cuda" else changes))
