"""From the columns of a training table and its labels to a child network: the whole fit, without an estimator.

Axis letters: N rows, C classes.
"""

from __future__ import annotations

import numbers
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from mothernet_export import ChildNetwork, ClassTarget

from mothernet.fitting.child import ChildWeights, PenaltySource, fit_child_weights
from mothernet.fitting.folding import FoldedChild, folded
from mothernet.fitting.hidden_layer import stratified_rows
from mothernet.fitting.refinement import deciding_rows, refined
from mothernet.fitting.screening import screened_columns
from mothernet.fitting.simplification import simplified
from mothernet.fitting.teaching import Lesson
from mothernet.network.checkpoint import load_checkpoint
from mothernet.network.forward import ForwardPass
from mothernet.network.support_set import balanced_weights
from mothernet.settings import DEFAULT_SETTINGS, FitSettings, Size
from mothernet.tables.category_odds import Labels
from mothernet.tables.columns import TrainingColumn
from mothernet.tables.encoding import fit_encoding
from mothernet.tables.raw_inputs import RawIgnored, raw_columns
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
    progress: Callable[[str], None] = lambda stage: None,
    lesson: Lesson | None = None,
) -> ChildNetwork:
    """Fit a child to a table.

    Parameters
    ----------
    columns : sequence of TrainingColumn
        Of N rows.
    labels : (N,) array
        Text, integers, booleans or floats, of two classes at least.
    seed : int
        Draws folds, rules, and the rows that a large table is read, trained, judged and made smaller by.
    row_weight : (N,) array, optional
        Positive weights of the rows in the loss, one in the mean. Default: all equal.
    progress : callable, optional
        Told what comes next.
    lesson : Lesson, optional
        What another classifier says.

    Raises
    ------
    ValueError, FileNotFoundError
        There is only one class, or the width or the checkpoint cannot be used.
    """
    y, classes = pd.factorize(labels, sort=True)
    if len(classes) < 2:
        raise ValueError(f"y must hold at least two classes, however: only one class, {classes.tolist()}.")
    network, fingerprint = _hypernetwork(options.checkpoint, options.device)
    width = _width(options.width, network.config.units)
    settings, rng = options.settings, np.random.default_rng(np.random.RandomState(seed).randint(2**31))
    if len(y) > settings.max_fit_rows:
        rows = stratified_rows(y, settings.max_fit_rows, rng)
        columns = [column.take(rows) for column in columns]
        y, row_weight = y[rows], None if row_weight is None else row_weight[rows]
        lesson = None if lesson is None else lesson.take(rows)
    quantile_weight = balanced_weights(y, len(classes)) * (1 if row_weight is None else row_weight)
    raw = raw_columns((column.name, column.rule, column.values) for column in columns)
    progress("encode")
    screened = screened_columns(raw, y, len(classes), rng, settings)
    if any(new is not old for new, old in zip(screened, raw, strict=False)):
        raw, settings = screened, settings.of_screened_table()
    decides = deciding_rows(y, rng, settings)
    n_read = sum(not isinstance(column, RawIgnored) for column in raw)
    encoding = fit_encoding(
        raw,
        network.config.ramps if n_read <= settings.max_ramped_columns else 1,  # a single one says no more than a column
        Labels(y, len(classes), np.random.default_rng(0)),
        quantile_weight,
        settings,
        None if decides is None else ~decides,
    )
    n_known = encoding.inputs.shape[1] - encoding.n_fine

    progress("solve")

    def solved(among: npt.NDArray[np.bool_], has_rules: bool) -> ChildWeights:
        rows = np.flatnonzero(among)
        rows = rows[stratified_rows(y[rows], settings.max_solved_rows, rng)]
        return fit_child_weights(
            network,
            encoding.inputs[rows, :n_known],
            encoding.ramp_index,
            y[rows],
            len(classes),
            width=width,
            penalty=options.penalty,
            rng=rng,
            row_weight=None if row_weight is None else row_weight[rows],
            settings=settings if has_rules else replace(settings, solve_tolerance=settings.start_tolerance),
            has_rules=has_rules,
        )

    def made_smaller(weights: ChildWeights) -> FoldedChild:
        progress("make smaller")
        unknown = np.zeros((encoding.inputs.shape[1] - len(weights.first_weight), weights.first_weight.shape[1]))
        weights = weights._replace(first_weight=np.concatenate([weights.first_weight, unknown]))
        if not encoding.inputs.shape[1]:
            return folded(encoding, weights)
        price, max_units = settings.price(options.size, len(y)), settings.units_of_size(options.size, len(y))
        return simplified(encoding, raw, weights, y, price, rng, settings, row_weight, max_units, lesson)

    start = trained = None
    if decides is not None and n_known:
        start = solved(~decides, has_rules=False)  # its units are trained
        progress("train")
        trained = refined(encoding.inputs, y, start, decides, rng, settings, row_weight)
    child = None if trained is None else made_smaller(trained)
    if child is None or child.rounding_error > settings.max_rounding_error:
        # by many rows, those that decided are not worth another solve
        if start is None or len(y) * len(classes) < settings.max_solved_again:
            progress("solve")
            start = solved(np.ones(len(y), np.bool_), has_rules=True)
        child = made_smaller(start)
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
