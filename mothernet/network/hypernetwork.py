"""The hypernetwork: reads a support set, generates the hidden layer of the child network.

Units are rows that nobody observed. The support set is a table of cells; every cell is a token, and the child's
learned units are more, learned rows of that table. A block is attention across the cells of a row, attention down a
column (keys and values are the support rows only: units read the data, the data never reads the units, units never
read each other) and an MLP. The cell of unit row k in column f becomes W1[f, k], and the weights of that column's
ramps: what the unit makes of a number is a piecewise-linear function, which one weight could not say. The unit's label
cell becomes the bias b1[k].

A unit's row begins alike in every column, and alike columns would get alike weights. So the cell is also read out along
a code of its column, and codes are dealt out by what the columns tell about the class.

Half of the units are not learned but constructed, see :mod:`mothernet.network.units`.

Hence any number of features and units, and invariance to the order of rows, columns (but for ties) and class labels.
The output layer is not generated but solved: see :mod:`mothernet.network.output_layer`. Preprocessing does not belong
here: inputs are encoded, finite numbers.

Axis letters: B tasks, S support rows, F features, M ramps per feature, C classes, H units (L of them learned),
E embedding, T = S + L rows of tokens, P = F (1 + M) inputs of the child.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mothernet.network.attention import Block
from mothernet.network.checkpoint import Checkpoint
from mothernet.network.config import HypernetworkConfig
from mothernet.network.inputs import (
    Ramps,
    balanced_weights,
    classes_by_frequency,
    mid_ranks,
    mutual_information,
    normal_scores,
    relevance_beyond_chance,
)
from mothernet.network.unit_types import UnitType
from mothernet.network.units import anchor_rows, anchored_units, features_first, projected_units

__all__ = ["GeneratedLayer", "Hypernetwork", "hypernetwork_of", "weights_of"]


class GeneratedLayer(NamedTuple):
    """The generated hidden layer, and penalties and temperature for the output layer, for B tasks."""

    weight: Tensor  # (B, P, H) of the features, then of the ramps of each feature
    bias: Tensor  # (B, H)
    log_penalty: Tensor  # (B, 3) natural logarithm of lambda for [features, ramps, units]
    log_temperature: Tensor  # (B,)


class _SupportSet(NamedTuple):
    """A support set and what it tells about its columns."""

    inputs: Tensor  # (B, S, F)
    y: Tensor  # (B, S)
    n_classes: int
    y_by_frequency: Tensor  # (B, S)
    ranks: Tensor  # (B, S, F)


class Hypernetwork(nn.Module):
    """Generates a child's hidden layer from a support set in one forward pass.

    Parameters
    ----------
    config : HypernetworkConfig
        Sizes. ``config.units`` is the widest child; any smaller width is valid.

    Notes
    -----
    The idea of generating a network from a table is that of MotherNet (Müller, Curino, Ramakrishnan, ICLR 2025); tokens
    for cells follow TabPFN v2; units as unobserved rows and the solved output layer are this project's.
    """

    def __init__(self, config: HypernetworkConfig) -> None:
        super().__init__()
        self.config = config
        E = config.embedding
        self.frequency = nn.Parameter(torch.randn(config.frequencies) * 1.5)
        self.cell = nn.Linear(2 * (1 + 2 * config.frequencies), E)
        self.label = nn.Embedding(config.class_codes, E)
        self.unit_cell = nn.Parameter(torch.randn(config.units, E) * 0.5)
        self.unit_label = nn.Parameter(torch.randn(config.units, E) * 0.5)
        self.blocks = nn.ModuleList(Block(E, config.attention_heads, config.mlp_factor) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(E)
        self.weight = nn.Linear(E, 1 + config.ramps)
        nn.init.normal_(self.weight.weight, std=E**-0.5)
        nn.init.zeros_(self.weight.weight[1:])  # units start linear in every feature
        if config.column_codes:
            self.column = nn.Embedding(config.column_codes, E)
            nn.init.normal_(self.column.weight, std=E**-0.5)
        self.bias = nn.Linear(E, 1)
        projections = config.projections()
        self.projection: Tensor
        self.projection_bias: Tensor
        self.register_buffer("projection", torch.from_numpy(projections.weight), persistent=False)
        self.register_buffer("projection_bias", torch.from_numpy(projections.bias), persistent=False)
        self.setting = nn.Linear(E + 3, 4)  # three penalties and a temperature, told log S, log F, log C
        nn.init.zeros_(self.setting.weight)
        nn.init.zeros_(self.setting.bias)

    def forward(self, inputs: Tensor, y: Tensor, n_classes: int, width: int) -> GeneratedLayer:
        """Read B support sets.

        Parameters
        ----------
        inputs : (B, S, F) float tensor
            Standardised features (see :class:`mothernet.network.inputs.Standardiser`).
        y : (B, S) long tensor
            Labels in ``range(n_classes)``.
        width : int
            Units to generate, 1 to ``config.units``.
        """
        if not 1 <= width <= self.config.units:
            raise ValueError(f"width must be between 1 and {self.config.units}, however: width={width}.")
        support = _SupportSet(inputs, y, n_classes, classes_by_frequency(inputs, y, n_classes), mid_ranks(inputs))
        unit_types = self.config.unit_types(width)
        tokens = self._embed(support, unit_types.count("learned"))  # (B, T, F + 1, E)
        tokens = self._transform(tokens, inputs.shape[1])  # (B, T, F + 1, E)
        with torch.autocast(tokens.device.type, enabled=False):
            weight, bias = self._generate_units(tokens, support, unit_types)  # (B, P, H), (B, H)
            log_penalty, log_temperature = self._predict_penalties(tokens, support)  # (B, 3), (B,)
        return GeneratedLayer(weight, bias, log_penalty, log_temperature)

    def _embed(self, support: _SupportSet, n_learned: int) -> Tensor:
        """Tokens of the support rows' cells and labels, then of the learned units': (B, T, F + 1, E)."""
        B, _, n_features = support.inputs.shape
        value = torch.stack([support.inputs, normal_scores(support.ranks)], -1)[..., None]  # (B, S, F, 2, 1)
        angle = value * self.frequency  # (B, S, F, 2, frequencies)
        cells = self.cell(torch.cat([value, angle.sin(), angle.cos()], -1).flatten(3))  # (B, S, F, E)
        label = self.label(support.y_by_frequency % self.config.class_codes)  # (B, S, E)
        rows = torch.cat([cells, label[:, :, None].to(cells.dtype)], 2)  # (B, S, F + 1, E)
        units = torch.cat(
            [self.unit_cell[:n_learned, None].expand(-1, n_features, -1), self.unit_label[:n_learned, None]], 1
        )  # (L, F + 1, E)
        return torch.cat([rows, units.to(cells.dtype).expand(B, -1, -1, -1)], 1)

    def _transform(self, tokens: Tensor, n_support: int) -> Tensor:
        """The blocks and a last normalisation: (B, T, F + 1, E) to the same shape, of which the units' tokens and the
        labels' are meaningful."""
        for k, block in enumerate(self.blocks, start=1):
            tokens = block(tokens, n_support, is_last=k == len(self.blocks))
        normalised: Tensor = self.norm(tokens)
        return normalised

    def _generate_units(
        self, tokens: Tensor, support: _SupportSet, unit_types: tuple[UnitType, ...]
    ) -> tuple[Tensor, Tensor]:
        """Weights (B, P, H) and biases (B, H) of all units: learned ones from their tokens, the others constructed."""
        config, inputs, y, n_classes = self.config, support.inputs, support.y, support.n_classes
        B, S, n_features = inputs.shape
        learned, anchored, projected = (
            [k for k, other in enumerate(unit_types) if other == unit_type] for unit_type in get_args(UnitType)
        )
        information = mutual_information(inputs, y, n_classes)  # (B, F)
        order = information.argsort(dim=1, descending=True, stable=True)  # (B, F)
        rank = order.argsort(1)  # (B, F)
        relevance = relevance_beyond_chance(information, S, n_classes)  # (B, F)
        gain = 2 / math.sqrt(n_features)  # pre-activations of standardised inputs start near unit scale

        unit = tokens[:, S:].float()  # (B, L, F + 1, E)
        weight = features_first(self.weight(unit[:, :, :-1]).permute(0, 2, 3, 1))  # (B, P, L)
        if config.column_codes:
            code = self.column(rank % config.column_codes)  # (B, F, E)
            weight[:, :n_features] += torch.einsum("bhfe,bfe->bfh", unit[:, :, :-1], code)
        layers = [(weight * gain, self.bias(unit[:, :, -1])[..., 0])]
        if anchored:
            by_relevance = support.ranks.gather(2, order[:, None].expand(-1, S, -1))
            anchors = anchor_rows(by_relevance, support.y_by_frequency, n_classes, len(anchored))
            ramps = Ramps.fit(inputs, balanced_weights(y, n_classes), config.ramps)
            layers.append(
                anchored_units(
                    inputs, anchors, ramps, relevance, slope=config.anchor_slope, quantile=config.anchor_quantile
                )
            )
        if projected:
            table = self.projection[..., : len(projected)]
            weight = projected_units(relevance, rank, table, min_relevance=config.min_projected_relevance)
            layers.append((gain * weight, self.projection_bias[: len(projected)].expand(B, -1)))
        position = torch.tensor(learned + anchored + projected, device=tokens.device).argsort()
        all_weights, all_biases = (torch.cat(parts, -1)[..., position] for parts in zip(*layers, strict=True))
        return all_weights, all_biases

    def _predict_penalties(self, tokens: Tensor, support: _SupportSet) -> tuple[Tensor, Tensor]:
        """Log penalties (B, 3) and log temperature (B,) of the output layer, from the support rows' label tokens."""
        B, S, n_features = support.inputs.shape
        pooled = tokens[:, :S, -1].float().mean(1)  # (B, E)
        size = [math.log(S) / 3 - 1.7, math.log(n_features) / 2 - 1, math.log(support.n_classes) - 1]
        setting = self.setting(torch.cat([pooled, pooled.new_tensor(size).expand(B, -1)], -1))  # (B, 4)
        # lambda scales with 1 / S: the more rows, the less prior (starts at e/S for features, e^2/S for the rest)
        log_penalty = 3 * setting[:, :3] + setting.new_tensor([1.0, 2.0, 2.0]) - math.log(S)  # (B, 3)
        return log_penalty, 0.5 * setting[:, 3]


def hypernetwork_of(checkpoint: Checkpoint, device: str | torch.device = "cpu") -> Hypernetwork:
    """The hypernetwork of a checkpoint, ready for inference."""
    network = Hypernetwork(checkpoint.config)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in checkpoint.weights.items()})
    return network.to(device).eval().requires_grad_(False)


def weights_of(tensors: Mapping[str, Tensor]) -> dict[str, npt.NDArray[np.float32]]:
    """Weights by name as a checkpoint holds them."""
    return {name: tensor.detach().to("cpu", torch.float32).numpy() for name, tensor in tensors.items()}
