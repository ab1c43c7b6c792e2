"""From encoded inputs and labels to the weights of a child: one hypernetwork pass, then the output layer solved.

The strength of the output layer's penalty is chosen by cross-validation of that layer alone, its units fixed; or taken,
with the temperature, from the hypernetwork. Nothing here knows about columns, files or estimators.

Axis letters: N rows, F features, D inputs (features and their ramps), H units, K = D + H, C classes.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from mothernet.fitting.context import generate_hidden_layer
from mothernet.fitting.penalties import cross_validated_factors
from mothernet.network.hypernetwork import GeneratedLayer, Hypernetwork
from mothernet.network.output_layer import FeatureScale, OutputLayer, features_of_unit_type, solve_by_unit_type
from mothernet.settings import DEFAULT_SETTINGS, FitSettings

__all__ = ["ChildWeights", "PenaltySource", "WeightTensors", "fit_child_weights", "rounding_error"]

PenaltySource = Literal["cross-validated", "predicted"]


class ChildWeights(NamedTuple):
    """A child on inputs x: logits = clip(x first[:, :H] + bias[:H], 0, 1) @ output + x first[:, H:] + bias[H:]."""

    first_weight: npt.NDArray[np.float64]  # (D, H + C)
    first_bias: npt.NDArray[np.float64]  # (H + C,)
    output_weight: npt.NDArray[np.float64]  # (H, C)

    def logits(self, inputs: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Logits (N, C) of (N, D) inputs, in float64."""
        x, first, bias, output = (torch.from_numpy(np.asarray(array, np.float64)) for array in (inputs, *self))
        return _logits(x, WeightTensors(first, bias, output)).numpy()


def fit_child_weights(
    network: Hypernetwork,
    inputs: npt.NDArray[np.float32],
    ramp_index: npt.NDArray[np.int64],
    y: npt.NDArray[np.int64],
    n_classes: int,
    *,
    width: int,
    penalty: PenaltySource,
    rng: np.random.Generator,
    row_weight: npt.NDArray[np.float64] | None = None,
    settings: FitSettings = DEFAULT_SETTINGS,
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
    """
    device = next(network.parameters()).device
    x = torch.from_numpy(inputs).to(device)[None]  # (1, N, D)
    labels = torch.from_numpy(y).to(device)  # (N,)
    ramps = torch.from_numpy(ramp_index).to(device)
    layer = generate_hidden_layer(network, x[0], ramps, labels, n_classes, width, rng, settings)
    layer = _clipped(layer, settings.unit_reach)
    unit_types = network.config.unit_types(width)
    phi = torch.cat([x, (x @ layer.weight + layer.bias[:, None]).clamp(0, 1)], -1)  # (1, N, K)
    scale = FeatureScale.fit(phi, settings)
    phi = scale(phi).double()  # weak penalties and repeated columns are beyond float32
    onehot = F.one_hot(labels, n_classes).to(phi.dtype)[None]  # (1, N, C)
    weight = None if row_weight is None else torch.from_numpy(row_weight).to(phi)[None]  # (1, N)
    D = x.shape[-1]
    group = torch.tensor([0, 1, 2], device=device).repeat_interleave(
        torch.tensor([D - len(ramps), len(ramps), width], device=device)
    )  # (K,) features, ramps, units
    strength = (layer.log_penalty.double() - math.log(phi.shape[1])).exp()[:, group]  # (1, K)
    temperature = 1.0
    if penalty == "predicted":
        temperature = float(layer.log_temperature.exp())
    else:
        # by the anchored units, if any: they know labels through the relevance of features only
        judged_by = "anchored" if "anchored" in unit_types else unit_types[0]
        seen = features_of_unit_type(D, unit_types, judged_by).to(device)
        factor = cross_validated_factors(
            phi[..., seen], labels, n_classes, strength[:, seen], group[seen], rng, settings, weight
        )  # (3,)
        strength = strength * factor[group]
    for _ in range(max(1, settings.max_strengthenings)):
        solved = solve_by_unit_type(
            phi,
            onehot,
            strength,
            unit_types,
            settings,
            row_weight=weight,
            steps=settings.solve_steps,
            tolerance=settings.solve_tolerance,
        )
        weights = _combined(layer, solved, scale, temperature)
        if rounding_error(x[0, : settings.max_fold_rows], weights) < settings.max_rounding_error:
            break
        # weights so large and opposed that the file's float32 sums would show it
        strength = settings.strengthening * strength
    return ChildWeights(*(tensor.cpu().numpy() for tensor in weights))


class WeightTensors(NamedTuple):
    """What :class:`ChildWeights` holds, as tensors."""

    first_weight: Tensor  # (D, H + C)
    first_bias: Tensor  # (H + C,)
    output_weight: Tensor  # (H, C)


def _clipped(layer: GeneratedLayer, reach: float) -> GeneratedLayer:
    """The same units, piecewise linear: clip(1/2 + x / (2 reach), 0, 1) in place of tanh(x)."""
    return layer._replace(weight=layer.weight / (2 * reach), bias=0.5 + layer.bias / (2 * reach))


def _combined(layer: GeneratedLayer, solved: OutputLayer, scale: FeatureScale, temperature: float) -> WeightTensors:
    """Hidden and output layer as one child on unstandardised features."""
    D = layer.weight.shape[1]
    weight = solved.weight[0] * temperature / scale.scale[0].T  # (K, C)
    bias = solved.bias[0, 0] * temperature - scale.mean[0, 0].double() @ weight  # (C,)
    first = torch.cat([layer.weight[0].double(), weight[:D]], 1)
    return WeightTensors(first, torch.cat([layer.bias[0].double(), bias]), weight[D:])


def _logits(x: Tensor, weights: WeightTensors) -> Tensor:
    """Logits (N, C) of (N, D) inputs, in the precision of the tensors."""
    pre = x @ weights.first_weight + weights.first_bias  # (N, H + C)
    H = len(weights.output_weight)
    return pre[:, :H].clamp(0, 1) @ weights.output_weight + pre[:, H:]


def rounding_error(x: Tensor, weights: WeightTensors) -> float:
    """Maximum difference of a probability on (N, D) inputs between float32 and float64 evaluation."""
    probabilities = []
    for dtype in (torch.float32, torch.float64):
        rounded = WeightTensors(*(tensor.float().to(dtype) for tensor in weights))
        probabilities.append(_logits(x.to(dtype), rounded).softmax(-1).double())
    return float((probabilities[0] - probabilities[1]).abs().max())
