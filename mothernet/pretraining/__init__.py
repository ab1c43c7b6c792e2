"""Pretraining: the hypernetwork learns from synthetic tasks, through the solved output layer."""

from mothernet.pretraining.config import PretrainingConfig
from mothernet.pretraining.loop import pretrain

__all__ = ["PretrainingConfig", "pretrain"]
