"""From encoded inputs and labels to the weights of a child: one hypernetwork pass, then the output layer solved.

The strength of the output layer's penalty is chosen by cross-validation of that layer alone, its units fixed; or taken,
with the temperature, from the hypernetwork. Nothing here knows about columns, files or estimators.

Axis letters: N rows, F features, D inputs (features and their ramps), H units, K = D + H, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from mothernet.fitting.hidden_layer import generate_hidden_layer, stratified_rows
from mothernet.fitting.output_layer import OutputLayer, solve
from mothernet.fitting.penalties import cross_validated
from mothernet.fitting.probabilities import softmax
from mothernet.fitting.rule_units import rule_units
from mothernet.network.forward import ForwardPass
from mothernet.network.unit_types import ChildUnitType, features_of_unit_type, layer_shares
from mothernet.settings import DEFAULT_SETTINGS, FitSettings

__all__ = ["ChildWeights", "PenaltySource", "fit_child_weights", "rounding_error"]

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
PenaltySource = Literal["cross-validated", "predicted"]


class ChildWeights(NamedTuple):
    """A child on inputs x: logits = clip(x first[:, :H] + bias[:H], 0, 1) @ output + x first[:, H:] + bias[H:]."""

    first_weight: Array  # (D, H + C)
    first_bias: Array  # (H + C,)
    output_weight: Array  # (H, C)

    def logits(self, inputs: npt.NDArray[np.floating]) -> Array:
        """Logits (N, C) of (N, D) inputs, in float64."""
        return _logits(inputs, self, np.float64)


def fit_child_weights(
    network: ForwardPass,
    inputs: npt.NDArray[np.float32],
    ramp_index: Indices,
    y: Indices,
    n_classes: int,
    *,
    width: int,
    penalty: PenaltySource,
    rng: np.random.Generator,
    row_weight: Array | None = None,
    settings: FitSettings = DEFAULT_SETTINGS,
    has_rules: bool = True,
) -> ChildWeights:
    """Fit a child.

    Parameters
    ----------
    inputs : (N, D) array
        Encoded and finite: features, about standardised, then ramps. D may be zero: the child then predicts the class
        frequencies.
    ramp_index : (ramps, 2) array
        Feature of each ramp and its number among the ramps of that feature.
    y : (N,) array
        Labels in ``range(n_classes)``, every class present.
    penalty : {"cross-validated", "predicted"}
        Whether the strength of the output layer's penalty is chosen by cross-validation or by the hypernetwork.
    rng : numpy.random.Generator
        Draws the rows that a large table is read by, and the folds.
    row_weight : (N,) array, optional
        Positive weights of the rows in the loss of the output layer. Default: all equal.
    settings : FitSettings
        Constants of the fit.
    has_rules : bool
        Whether units that are rules join the generated ones.
    """
    generated_types, D = network.config.unit_types(width), inputs.shape[1]
    if not D:
        share = np.bincount(y, row_weight, n_classes) / (len(y) if row_weight is None else row_weight.sum())
        return ChildWeights(np.zeros((0, n_classes)), np.log(share), np.zeros((0, n_classes)))
    layer = generate_hidden_layer(network, inputs, ramp_index, y, n_classes, width, rng, settings)
    # the same units, piecewise linear: clip(1/2 + x / (2 reach), 0, 1) in place of tanh(x)
    unit_weight = layer.weight / (2 * settings.unit_reach)
    unit_bias = 0.5 + layer.bias / (2 * settings.unit_reach)
    if has_rules:
        rule_weight, rule_bias = _rule_units(inputs, ramp_index, y, rng, settings, row_weight)
    else:
        rule_weight, rule_bias = np.zeros((D, 0)), np.zeros(0)
    unit_weight = np.concatenate([unit_weight, rule_weight], axis=1)
    unit_bias = np.concatenate([unit_bias, rule_bias])
    n_rules = len(rule_bias)
    rules: list[ChildUnitType] = ["rule"] * n_rules
    unit_types: list[ChildUnitType] = [*generated_types, *rules]
    phi = np.empty((len(inputs), D + width + n_rules))  # weak penalties and repeated columns are beyond float32
    phi[:, :D] = inputs
    pre = phi[:, :D] @ unit_weight
    pre += unit_bias
    np.clip(pre, 0, 1, out=phi[:, D:])
    del pre
    mean = phi.mean(axis=0)
    phi -= mean
    scale = np.sqrt(np.einsum("nk,nk->k", phi, phi) / len(phi)) + settings.scale_floor
    phi /= scale
    onehot = np.eye(n_classes)[y]
    # (K,) features, ramps, units
    group = np.repeat([0, 1, 2], [D - len(ramp_index), len(ramp_index), width + n_rules])
    penalty_of = np.exp(layer.log_penalty)[group] / len(phi)  # (K,)
    temperature = 1.0
    if penalty == "predicted":
        temperature = float(np.exp(layer.log_temperature))
    else:
        # by the anchored units, if any: they know labels through the relevance of features only
        judged_by = "anchored" if "anchored" in unit_types else generated_types[0]
        seen = features_of_unit_type(D, unit_types, judged_by)
        found = cross_validated(phi[:, seen], y, n_classes, penalty_of[seen], group[seen], rng, settings, row_weight)
        penalty_of, temperature = penalty_of * found.factors[group], found.temperature
    penalty_of[D + width :] *= settings.rule_penalty / scale[D + width :]
    solved = _solve_by_unit_type(phi, onehot, penalty_of, unit_types, settings, row_weight)
    weight = solved.weight[0] * temperature / scale[:, None]  # (K, C)
    bias = solved.bias[0] * temperature - mean @ weight  # (C,)
    return ChildWeights(
        np.concatenate([unit_weight, weight[:D]], axis=1), np.concatenate([unit_bias, bias]), weight[D:]
    )


def _rule_units(
    inputs: npt.NDArray[np.float32],
    ramp_index: Indices,
    y: Indices,
    rng: np.random.Generator,
    settings: FitSettings,
    row_weight: Array | None,
) -> tuple[Array, Array]:
    """Weights (D, H) and biases (H,) of units that are rules."""
    (own,) = rng.spawn(1)  # how many numbers trees draw must not change what is drawn after them
    rows = stratified_rows(y, settings.max_grown_rows, own)
    if row_weight is not None:  # trees count rows: each comes as often as its weight says
        until = row_weight[rows].cumsum()
        rows = rows[np.searchsorted(until / until[-1], (np.arange(len(rows)) + 0.5) / len(rows))]
    return rule_units(
        inputs[rows],
        ramp_index,
        y[rows],
        own,
        n_units=settings.rule_units,
        n_trees=settings.rule_trees,
        depth=settings.rule_depth,
        min_rows=settings.min_rule_rows,
    )


def _solve_by_unit_type(
    phi: Array,
    onehot: Array,
    penalty: Array,
    unit_types: Sequence[ChildUnitType],
    settings: FitSettings,
    row_weight: Array | None,
) -> OutputLayer:
    """The weighted mean of output layers solved for each type of units: an ensemble that is one output layer.

    Features (n, K) are inputs, then units of ``unit_types``.
    """
    (n, K), C = phi.shape, onehot.shape[1]
    mean = OutputLayer(np.zeros((1, K, C)), np.zeros((1, C)))
    for unit_type, share in layer_shares(unit_types, n, settings).items():
        k = features_of_unit_type(K - len(unit_types), unit_types, unit_type)
        solved = solve(
            phi[:, k],
            onehot,
            penalty[k],
            steps=settings.solve_steps,
            tolerance=settings.solve_tolerance,
            row_weight=None if row_weight is None else row_weight[None],
        )
        mean.weight[:, k] += share * solved.weight
        mean.bias[:] += share * solved.bias
    return mean


def _logits(x: npt.NDArray[np.floating], weights: ChildWeights, dtype: type[np.floating]) -> Array:
    """Logits (N, C) of (N, D) inputs, computed in a precision."""
    x, first, bias, output = (np.asarray(array, dtype) for array in (x, *weights))
    pre, H = x @ first + bias, len(output)  # (N, H + C)
    logits: Array = np.clip(pre[:, :H], 0, 1) @ output + pre[:, H:]
    return logits


def rounding_error(x: npt.NDArray[np.floating], weights: ChildWeights) -> float:
    """Maximum difference of a probability on (N, D) inputs between float32 and float64 evaluation."""
    rounded = ChildWeights(*(array.astype(np.float32).astype(np.float64) for array in weights))
    single, double = (softmax(_logits(x, rounded, dtype)) for dtype in (np.float32, np.float64))
    return float(np.abs(single - double).max(initial=0))
