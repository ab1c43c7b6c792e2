"""MotherNet's estimators by name, beside the other classifiers, and how one is scored on a real table."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from common.baselines import BASELINES, PACKAGE_OF, is_installed
from common.scores import scored
from common.tables import Data, Split
from common.tuning import LIBRARIES, Budget, Tuned
from mothernet import MotherNetClassifier
from mothernet.network.checkpoint import save_checkpoint
from mothernet.network.config import HypernetworkConfig
from mothernet.network.hypernetwork import Hypernetwork, weights_of

__all__ = ["MODELS", "Maker", "chosen_models", "estimators", "score_split", "untrained_checkpoint"]

Maker = Callable[[], Any]  # of an unfitted classifier
SIZES = {"mothernet-small": "small", "mothernet-large": "large"}
MODELS = (
    "mothernet",
    *SIZES,
    "predicted-penalty",
    "untrained",
    *BASELINES,
    *(f"{library}-tuned" for library in LIBRARIES),
)


@contextmanager
def untrained_checkpoint() -> Iterator[str]:
    """A temporary checkpoint of a randomly initialised hypernetwork of the default sizes."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "untrained.safetensors")
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = Hypernetwork(HypernetworkConfig())
        save_checkpoint(path, network.config, weights_of(network.state_dict()), {"name": "untrained"})
        yield path


def estimators(checkpoint: str | None, untrained: str, budget: Budget) -> dict[str, Maker]:
    """Makers of all ``MODELS``.

    ``mothernet`` is the default estimator, ``mothernet-small`` and ``mothernet-large`` those of other sizes,
    ``predicted-penalty`` takes penalties and temperature from the hypernetwork, ``untrained`` is the default estimator
    with the checkpoint of a randomly initialised hypernetwork. What is tuned has a budget.
    """
    return {
        "mothernet": lambda: MotherNetClassifier(checkpoint=checkpoint),
        **{
            name: lambda size=size: MotherNetClassifier(checkpoint=checkpoint, size=size)
            for name, size in SIZES.items()
        },
        "predicted-penalty": lambda: MotherNetClassifier(checkpoint=checkpoint, penalty="predicted"),
        "untrained": lambda: MotherNetClassifier(checkpoint=untrained),
        **BASELINES,
        **{f"{library}-tuned": lambda library=library: Tuned(library, budget) for library in LIBRARIES},
    }


def chosen_models(parser: argparse.ArgumentParser, text: str, models: Sequence[str] = MODELS) -> list[str]:
    """The models that an option names.

    Of all, those whose package is not installed are left out and named on stderr. Ends the program if one is unknown,
    or named and not installed.
    """
    names = list(models) if text == "all" else text.split(",")
    if unknown := set(names) - set(models):
        parser.error(f"--models must be among {', '.join(models)} or be all, however: {', '.join(sorted(unknown))}.")
    if missing := [name for name in names if not is_installed(name)]:
        cure = f"pip install {' '.join(dict.fromkeys(PACKAGE_OF[name] for name in missing))}"
        if text != "all":
            parser.error(f"--models must be installed, however: {', '.join(missing)} is not. Run: {cure}")
        print(f"left out, because not installed: {', '.join(missing)}. To have them: {cure}", file=sys.stderr)
    return [name for name in names if name not in missing]


def score_split(data: Data, split: Split, makers: Mapping[str, Maker]) -> Iterator[dict[str, Any]]:
    """Fit every model to one half of a table and score it on the other.

    A model that fails has a row with the ``reason`` instead of scores. Seconds of a tuned one count the search, in CPU
    seconds and also where its outcome was found in the cache.
    """
    y = np.searchsorted(np.unique(data.codes[split.train]), data.codes)  # classes without a training row do not count
    X = data.features
    for name, make in makers.items():
        start = time.perf_counter()
        model = make()
        try:
            model.fit(X.iloc[split.train], y[split.train])
            fitted = time.perf_counter()
            probability = model.predict_proba(X.iloc[split.test])
            predicted = time.perf_counter()
            row = {"model": name, **scored(y[split.test], probability)}
        except Exception as error:  # whatever a library raises: the others go on
            yield {"model": name, "reason": f"{type(error).__name__}: {error}"[:500]}
            continue
        row |= {"fit_seconds": round(fitted - start, 4), "predict_seconds": round(predicted - fitted, 4)}
        if isinstance(model, Tuned):
            row |= {"fit_seconds": round(model.fit_seconds, 4), "configurations": model.found.configurations}
        yield row
