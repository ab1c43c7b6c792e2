"""MotherNet's estimators by name, beside the other classifiers, and how one is scored on a real table."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from common.baselines import BASELINES
from common.scores import scored
from common.tables import Data, halves
from mothernet import MotherNetClassifier
from mothernet.network.checkpoint import save_checkpoint
from mothernet.network.hypernetwork import Hypernetwork, HypernetworkConfig

__all__ = ["MODELS", "Maker", "chosen_models", "estimators", "score_split", "untrained_checkpoint"]

Maker = Callable[[], Any]  # of an unfitted classifier
MODELS = ("mothernet", "predicted-penalty", "untrained", *BASELINES)


@contextmanager
def untrained_checkpoint() -> Iterator[str]:
    """A temporary checkpoint of a randomly initialised hypernetwork of the default sizes."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "untrained.safetensors")
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = Hypernetwork(HypernetworkConfig())
        save_checkpoint(path, network.config, network.state_dict(), {"name": "untrained"})
        yield path


def estimators(checkpoint: str | None, untrained: str) -> dict[str, Maker]:
    """Makers of all ``MODELS``.

    ``mothernet`` is the default estimator, ``predicted-penalty`` takes penalties and temperature from the hypernetwork,
    ``untrained`` is the default estimator with the checkpoint of a randomly initialised hypernetwork.
    """
    return {
        "mothernet": lambda: MotherNetClassifier(checkpoint=checkpoint),
        "predicted-penalty": lambda: MotherNetClassifier(checkpoint=checkpoint, penalty="predicted"),
        "untrained": lambda: MotherNetClassifier(checkpoint=untrained),
        **BASELINES,
    }


def chosen_models(parser: argparse.ArgumentParser, text: str) -> list[str]:
    """The models that an option names; ends the program if one is unknown."""
    names = list(MODELS) if text == "all" else text.split(",")
    if unknown := set(names) - set(MODELS):
        parser.error(f"--models must be among {', '.join(MODELS)} or be all, however: {', '.join(sorted(unknown))}.")
    return names


def score_split(data: Data, seed: int, makers: Mapping[str, Maker]) -> Iterator[dict[str, Any]]:
    """Fit every model to one half of a table and score it on the other."""
    split = halves(data.codes, seed)
    y = np.searchsorted(np.unique(data.codes[split.train]), data.codes)  # classes without a training row do not count
    X = data.features
    for name, make in makers.items():
        start = time.perf_counter()
        model = make().fit(X.iloc[split.train], y[split.train])
        fitted = time.perf_counter()
        probability = model.predict_proba(X.iloc[split.test])
        seconds = {"fit_seconds": fitted - start, "predict_seconds": time.perf_counter() - fitted}
        yield {
            "model": name,
            **scored(y[split.test], probability),
            **{key: round(value, 4) for key, value in seconds.items()},
        }
