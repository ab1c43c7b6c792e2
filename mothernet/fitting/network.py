"""From the columns of a training table and its labels to a child network: the whole fit, without an estimator.

Axis letters: N rows, C classes.
"""

from __future__ import annotations

import numbers
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from mothernet_export import ChildNetwork, ClassTarget

from mothernet.fitting.child import PenaltySource, fit_child_weights
from mothernet.fitting.folding import folded
from mothernet.fitting.screening import screened_columns
from mothernet.fitting.simplification import simplified
from mothernet.network.checkpoint import load_checkpoint
from mothernet.network.forward import ForwardPass
from mothernet.network.support_set import balanced_weights
from mothernet.settings import DEFAULT_SETTINGS, FitSettings, Size
from mothernet.tables.category_odds import Labels
from mothernet.tables.columns import TrainingColumn
from mothernet.tables.encoding import fit_encoding
from mothernet.tables.raw_inputs import raw_columns
from mothernet.version import __version__

__all__ = ["FitOptions", "fit_network"]

DEFAULT_WIDTH = 128


@dataclass(frozen=True)
class FitOptions:
    """What a caller may choose, as :class:`mothernet.MotherNetClassifier` explains it; checked when it is made.

    Raises
    ------
    ValueError
        A value is not possible.
    """

    width: int | None = None
    size: Size = "default"
    checkpoint: str | os.PathLike[str] | None = None
    device: str = "cpu"
    penalty: PenaltySource = "cross-validated"
    settings: FitSettings = DEFAULT_SETTINGS

    def __post_init__(self) -> None:
        if self.penalty not in get_args(PenaltySource):
            raise ValueError(f"penalty must be 'cross-validated' or 'predicted', however: penalty={self.penalty!r}.")
        if self.size not in get_args(Size):
            raise ValueError(f"size must be 'small', 'default' or 'large', however: size={self.size!r}.")
        if self.device not in ("cpu", "cuda"):
            raise ValueError(f"device must be 'cpu' or 'cuda', however: device={self.device!r}.")


def fit_network(
    columns: Sequence[TrainingColumn],
    labels: npt.NDArray[Any],
    options: FitOptions,
    *,
    seed: int = 0,
    row_weight: npt.NDArray[np.float64] | None = None,
) -> ChildNetwork:
    """Fit a child to a table.

    Parameters
    ----------
    columns : sequence of TrainingColumn
        Of N rows.
    labels : (N,) array
        Text, integers, booleans or floats, of two classes at least.
    seed : int
        Draws folds, and the rows by which a large table is read.
    row_weight : (N,) array, optional
        Positive weights of the rows in the loss, one in the mean. Default: all equal.

    Raises
    ------
    ValueError, FileNotFoundError
        There is only one class, or the width or the checkpoint cannot be used.
    """
    classes, y = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"y must hold at least two classes, however: only one class, {classes.tolist()}.")
    network, fingerprint = _hypernetwork(options.checkpoint, options.device)
    width = _width(options.width, network.config.units)
    settings, rng = options.settings, np.random.default_rng(np.random.RandomState(seed).randint(2**31))
    quantile_weight = balanced_weights(y, len(classes)) * (1 if row_weight is None else row_weight)
    raw = raw_columns((column.name, column.rule, column.values) for column in columns)
    raw = screened_columns(raw, y, len(classes), rng, settings)
    encoding = fit_encoding(
        raw, network.config.ramps, Labels(y, len(classes), np.random.default_rng(0)), quantile_weight, settings
    )
    weights = fit_child_weights(
        network,
        encoding.inputs,
        encoding.ramp_index,
        y,
        len(classes),
        width=width,
        penalty=options.penalty,
        rng=rng,
        row_weight=row_weight,
        settings=settings,
    )
    if (price := settings.price(options.size)) and encoding.inputs.shape[1]:
        child = simplified(encoding, raw, weights, y, price, rng, settings, row_weight)
    else:
        child = folded(encoding, weights)
    return ChildNetwork(
        columns=child.columns,
        target=ClassTarget(tuple(classes.tolist())),
        first_weight=child.first_weight.astype(np.float32),
        first_bias=child.first_bias.astype(np.float32),
        output_weight=child.output_weight.astype(np.float32),
        versions={"mothernet": __version__, "checkpoint": fingerprint},
    )


def _width(width: Any, units: int) -> int:
    if width is None:
        return min(DEFAULT_WIDTH, units)
    if not isinstance(width, numbers.Integral) or isinstance(width, bool) or not 1 <= int(width) <= units:
        raise ValueError(f"width must be between 1 and {units}, a whole number, however: width={width!r}.")
    return int(width)


def _hypernetwork(source: str | os.PathLike[str] | None, device: str) -> tuple[ForwardPass, str]:
    """Load a checkpoint once per process, and again only if its file has changed; with its fingerprint."""
    path = None if source is None else os.fspath(source)
    changed = os.stat(path).st_mtime_ns if path is not None and os.path.isfile(path) else 0
    return _loaded(path, device, changed)


@lru_cache(maxsize=4)
def _loaded(path: str | None, device: str, changed: int) -> tuple[ForwardPass, str]:
    checkpoint = load_checkpoint(path)
    return ForwardPass(checkpoint, device), checkpoint.fingerprint
