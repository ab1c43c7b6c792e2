"""LightGBM and XGBoost tuned under a stated budget: random search, cross-validated by log loss on the training half.

Both get the same: as many CPU seconds of the process, the library's defaults as the first configuration and then draws
(seed 0) from ``SPACES``, three stratified folds, early stopping (50 rounds, at most 1,000 trees) in each. The
configuration of the smallest mean loss is refitted to all training rows, with the folds' mean number of trees. A
configuration that the budget interrupts does not count; where it interrupts the first, the defaults are what is fitted.

Rows of classes with fewer rows than folds train in every fold and are held out in none. The encoder has seen all
training rows, without their labels.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from mothernet_runtime.output import written
from scipy.stats import loguniform, randint, uniform
from sklearn.model_selection import ParameterSampler, StratifiedKFold

from common.baselines import encoder

__all__ = [
    "FOLDS",
    "LIBRARIES",
    "SPACES",
    "Budget",
    "Configuration",
    "Library",
    "Tuned",
    "cross_validation",
    "default_cache",
]

Library = Literal["lightgbm", "xgboost"]
LIBRARIES = get_args(Library)
FOLDS, SEED, MAX_TREES, PATIENCE = 3, 0, 1000, 50
SPACES: dict[Library, dict[str, Any]] = {
    "lightgbm": {
        "learning_rate": loguniform(0.01, 0.3),
        "num_leaves": randint(4, 129),
        "min_child_samples": randint(1, 65),
        "subsample": uniform(0.5, 0.5),
        "subsample_freq": [1],
        "colsample_bytree": uniform(0.4, 0.6),
        "reg_alpha": loguniform(1e-3, 10),
        "reg_lambda": loguniform(1e-3, 100),
    },
    "xgboost": {
        "learning_rate": loguniform(0.01, 0.3),
        "max_depth": randint(2, 11),
        "min_child_weight": loguniform(0.1, 20),
        "subsample": uniform(0.5, 0.5),
        "colsample_bytree": uniform(0.4, 0.6),
        "gamma": loguniform(1e-3, 5),
        "reg_alpha": loguniform(1e-3, 10),
        "reg_lambda": loguniform(1e-3, 100),
    },
}


@dataclass(frozen=True)
class Budget:
    """CPU seconds of one search, and where its outcome is kept; no folder, no keeping."""

    seconds: float
    cache: Path | None = None


@dataclass(frozen=True)
class Configuration:
    """What a search found, and what that cost.

    Attributes
    ----------
    trees : int, optional
        None: the library's own number.
    loss : float, optional
        Cross-validated, in nats; None if no configuration was finished.
    configurations : int
        Finished ones.
    cpu_seconds : float
    """

    parameters: dict[str, Any]
    trees: int | None
    loss: float | None
    configurations: int
    cpu_seconds: float


class OutOfTime(Exception):
    """The budget is spent."""


def default_cache() -> Path:
    """The folder of a user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mothernet-benchmarks" / "tuning"


class Tuned:
    """A classifier that fits DataFrames: a search, or what one found before, and a fit of its outcome.

    Attributes
    ----------
    found : Configuration
        After ``fit``.
    fit_seconds : float
        After ``fit``: of the search, in CPU seconds and when it was made, and of the fit of its outcome.
    """

    def __init__(self, library: Library, budget: Budget) -> None:
        self.library, self.budget = library, budget

    def fit(self, X: pd.DataFrame, y: npt.NDArray[np.int64]) -> Tuned:
        self.encoder = encoder(X)
        inputs = np.ascontiguousarray(self.encoder.fit_transform(X), np.float64)  # (N, D)
        self.found = found_before_or_now(self.library, inputs, y, self.budget)
        start = time.perf_counter()
        trees = {} if self.found.trees is None else {"n_estimators": self.found.trees}
        self.model = classifier(self.library, self.found.parameters | trees).fit(inputs, y)
        self.fit_seconds = self.found.cpu_seconds + time.perf_counter() - start
        return self

    def predict_proba(self, X: pd.DataFrame) -> Any:
        return self.model.predict_proba(np.asarray(self.encoder.transform(X), np.float64))


def found_before_or_now(
    library: Library, X: npt.NDArray[np.float64], y: npt.NDArray[np.int64], budget: Budget
) -> Configuration:
    """The outcome of a search of these very rows, from the cache if it is there."""
    if budget.cache is None:
        return search(library, X, y, budget.seconds)
    key = {
        "library": library,
        "rows": hashlib.sha256(X.tobytes() + np.asarray(y, np.int64).tobytes()).hexdigest(),  # so table, split, limits
        "shape": list(X.shape),
        "space": {
            name: values if isinstance(values, list) else [values.dist.name, *values.args]
            for name, values in SPACES[library].items()
        },
        "folds": [FOLDS, MAX_TREES, PATIENCE],
        "seed": SEED,
        "cpu_seconds": budget.seconds,
        "versions": {name: version(name) for name in (library, "numpy", "scikit-learn", "scipy")},
    }
    text = json.dumps(key, sort_keys=True)
    path = budget.cache / f"{library}-{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
    if path.exists():
        return Configuration(**json.loads(path.read_text(encoding="utf-8"))["found"])
    found = search(library, X, y, budget.seconds)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written(path) as temporary:
        temporary.write_text(json.dumps({"key": json.loads(text), "found": asdict(found)}, indent=1), encoding="utf-8")
    return found


def search(library: Library, X: npt.NDArray[np.float64], y: npt.NDArray[np.int64], seconds: float) -> Configuration:
    """The best configuration that can be had in so many CPU seconds."""
    start = time.process_time()
    best, finished = Configuration({}, None, None, 0, 0.0), 0
    folds = list(cross_validation(y))
    try:
        for parameters in configurations(library) if folds else ():
            losses, trees = zip(
                *(fold_loss(library, parameters, X, y, fold, start + seconds) for fold in folds), strict=True
            )
            finished += 1
            loss = float(np.mean(losses))
            if best.loss is None or loss < best.loss:
                best = Configuration(parameters, round(float(np.mean(trees))), loss, 0, 0.0)
    except OutOfTime:
        pass
    return Configuration(best.parameters, best.trees, best.loss, finished, round(time.process_time() - start, 3))


def configurations(library: Library) -> Iterator[dict[str, Any]]:
    """The defaults, then draws without end to speak of."""
    yield {}
    for drawn in ParameterSampler(SPACES[library], n_iter=1_000_000, random_state=SEED):
        yield {name: value.item() if isinstance(value, np.generic) else value for name, value in drawn.items()}


def cross_validation(
    y: npt.NDArray[np.int64],
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Rows to train on and rows held out, three times: all classes are in every training part.

    None where no class has as many rows as there are folds.
    """
    counts = np.bincount(y)
    common, rare = np.flatnonzero(counts[y] >= FOLDS), np.flatnonzero(counts[y] < FOLDS)
    if len(common):
        for train, held_out in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(common, y[common]):
            yield np.concatenate([common[train], rare]), common[held_out]


def fold_loss(
    library: Library,
    parameters: dict[str, Any],
    X: npt.NDArray[np.float64],
    y: npt.NDArray[np.int64],
    fold: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    deadline: float,
) -> tuple[float, int]:
    """Log loss on the rows held out, and the number of trees with which it is smallest.

    Raises
    ------
    OutOfTime
        The CPU time of the process passes the deadline.
    """
    train, held_out = fold

    def check_deadline() -> None:
        if time.process_time() > deadline:
            raise OutOfTime

    check_deadline()
    fitted = FITS[library](
        parameters | {"n_estimators": MAX_TREES}, (X[train], y[train]), (X[held_out], y[held_out]), check_deadline
    )
    check_deadline()
    return fitted


def classifier(library: Library, parameters: dict[str, Any], **options: Any) -> Any:
    """An unfitted one on a single thread."""
    if library == "lightgbm":
        from lightgbm import LGBMClassifier

        return LGBMClassifier(n_jobs=1, verbose=-1, random_state=0, **parameters, **options)
    from xgboost import XGBClassifier

    return XGBClassifier(n_jobs=1, random_state=0, **parameters, **options)


Rows = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]


def _fit_lightgbm(
    parameters: dict[str, Any], train: Rows, held_out: Rows, after_tree: Callable[[], None]
) -> tuple[float, int]:
    from lightgbm import early_stopping

    stopping = early_stopping(PATIENCE, verbose=False)
    model = classifier("lightgbm", parameters).fit(
        *train, eval_set=[held_out], callbacks=[lambda environment: after_tree(), stopping]
    )
    (loss,) = model.best_score_["valid_0"].values()
    return float(loss), int(model.best_iteration_)


def _fit_xgboost(
    parameters: dict[str, Any], train: Rows, held_out: Rows, after_tree: Callable[[], None]
) -> tuple[float, int]:
    from xgboost.callback import TrainingCallback

    class AfterTree(TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            after_tree()
            return False

    model = classifier("xgboost", parameters, early_stopping_rounds=PATIENCE, callbacks=[AfterTree()])
    model.fit(*train, eval_set=[held_out], verbose=False)
    return float(model.best_score), int(model.best_iteration) + 1


FITS = {"lightgbm": _fit_lightgbm, "xgboost": _fit_xgboost}
