"""Alternatives to the hypernetwork that the ablations measure; those that lost live here and nowhere else.

Every variant is a record of options. :class:`AblationNetwork` with no option changed computes what
:class:`mothernet.hypernetwork.Hypernetwork` computes (tests/test_ablations.py).

Axis letters: B tasks, S support rows, Q query rows, F features, C classes, H units, K = F + H, E embedding,
T = S + H rows of tokens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mothernet.head import FeatureScale, OutputLayer, solve
from mothernet.hypernetwork import (
    Hypernetwork,
    HypernetworkConfig,
    Standardiser,
    _mid_ranks,
    _normal_scores,
    canonical_classes,
)
from mothernet.prior import PriorConfig, TaskBatch

__all__ = ["VARIANTS", "AblationNetwork", "Head", "Variant"]

MODEL = {"embedding": 48, "blocks": 2, "heads": 2, "units": 64}
PRIOR = {"max_support": 100, "max_features": 8, "max_classes": 4, "query": 64}


@dataclass(frozen=True)
class Variant:
    """One change from the base; the defaults are the base."""

    says: str  # for the table
    group: str
    model: dict[str, Any] = field(default_factory=dict)  # changes of MODEL
    prior: dict[str, Any] = field(default_factory=dict)  # changes of PRIOR
    tokens: str = "cells"  # or "rows": one token per row, as in the paper
    output: str = "solved"  # or "generated" from class tokens, as in the paper
    activation: str = "tanh"  # or "relu", "half" of each, "hard" tanh
    layers: int = 1
    label: str = "column"  # or "every cell", or "both"
    value_gain: float = 1.0  # of the value itself, beside its sines and cosines, in the first embedding of a cell
    # random vectors that tell columns apart: added to the cells of "units" or "all" rows; or in the read-out, by
    # position ("emit") or by the rank of the column's F statistic ("ranked"; "ranked-all": in the cells too)
    column_codes: str = ""
    grouped: bool = False  # a cell also sees its neighbours j + 1 and j + 3
    thinking_rows: int = 0
    residual_decay: float = 1.0
    one_penalty: bool = False
    muon: bool = True
    learning_rate: float = 1e-3  # AdamW
    matrix_learning_rate: float = 1.5e-3  # Muon; AdamW for matrices where muon is False
    matrix_weight_decay: float = 0.01
    task_batch: int = 8
    head_steps: int = 12
    average: float = 0.99  # as a limit; it rises from 0.1 by (step + 1) / (step + 10)
    cool_down: float = 0.25  # of the tasks
    sampled_width: bool = True

    def config(self) -> HypernetworkConfig:
        return HypernetworkConfig(**{**MODEL, "ramps": 0, "column_codes": 0, "cycle": "l", **self.model})

    def prior_config(self) -> PriorConfig:
        return PriorConfig(**{**PRIOR, **self.prior})


class Head(NamedTuple):
    """What is left when the hidden units are known: an output layer, to be solved or given."""

    phi: Tensor  # (B, S, K) standardised on the support rows
    phi_query: Tensor  # (B, Q, K)
    penalty: Tensor  # (B, K)
    temperature: Tensor  # (B,)
    output: OutputLayer | None  # where it is generated

    def logits(self, y: Tensor, n_classes: int, steps: int) -> Tensor:
        """Query logits (B, Q, C) for support labels (B, S)."""
        output = self.output
        if output is None:
            output = solve(self.phi, F.one_hot(y, n_classes).float(), self.penalty, steps=steps)
        return output(self.phi_query) * self.temperature[:, None, None]


class AblationNetwork(Hypernetwork):
    """The hypernetwork with the options of a variant."""

    def __init__(self, variant: Variant, max_features: int) -> None:
        super().__init__(variant.config())
        self.variant = variant
        E, std = self.config.embedding, self.config.embedding**-0.5
        if variant.tokens == "rows":
            self.row = nn.Linear(max_features, E)
            self.weight = nn.Linear(E, max_features)
            nn.init.normal_(self.weight.weight, std=std)
        if variant.grouped:
            self.cell = nn.Linear(2 * self.cell.in_features, E)
        with torch.no_grad():
            self.cell.weight[:, :: 1 + 2 * self.config.frequencies] *= variant.value_gain
        if variant.thinking_rows:
            self.thinking = nn.Parameter(torch.randn(variant.thinking_rows, E) * 0.5)
        if variant.column_codes:
            self.codes = nn.Parameter(torch.randn(max_features, E) * 0.5, requires_grad=False)
            self.code = nn.Linear(E, E, bias=False)
            if variant.column_codes == "ranked-all":
                self.code_in = nn.Linear(E, E, bias=False)
            if variant.column_codes in ("emit", "ranked", "ranked-all"):
                nn.init.orthogonal_(self.code.weight, 2 * std)
        if variant.layers == 2:
            self.left, self.right = (nn.Linear(E, 16, bias=False) for _ in range(2))
        if variant.output == "generated":
            self.class_units = nn.Linear(E, E, bias=False)
            self.class_inputs = nn.Linear(E, max_features if variant.tokens == "rows" else 1)
            self.class_bias = nn.Linear(E, 1)
            for layer in (self.class_units, self.class_inputs, self.class_bias):
                nn.init.zeros_(layer.weight)

    def head(self, batch: TaskBatch, width: int) -> Head:
        """Read the support rows of a batch and compute the head's features."""
        S, C = batch.shape.support, batch.shape.classes
        standardise = Standardiser.fit(batch.X[:, :S])
        inputs, query, y = standardise(batch.X[:, :S]), standardise(batch.X[:, S:]), batch.y[:, :S]
        support, units = self._read(inputs, y, C, width)  # tokens (B, S, .., E) and (B, H, .., E)
        with torch.autocast(inputs.device.type, enabled=False):
            support, units = support.float(), units.float()
            labels = support if support.ndim == 3 else self._label_cell(support)  # (B, S, E)
            unit = units if units.ndim == 3 else self._label_cell(units)  # (B, H, E)
            codes = self._codes(inputs, F.one_hot(y, C).float()) if self.variant.column_codes else None
            phi, phi_query = (torch.cat([x, *self._hidden(x, units, unit, codes)], -1) for x in (inputs, query))
            scale = FeatureScale.fit(phi)
            B, _, n_features = inputs.shape
            size = labels.new_tensor([math.log(S) / 3 - 1.7, math.log(n_features) / 2 - 1, math.log(C) - 1])
            setting = self.setting(torch.cat([labels.mean(1), size.expand(B, -1)], -1))  # (B, 4)
            start = [1.5, 1.5] if self.variant.one_penalty else [1.0, 2.0]
            raw = setting[:, :1].expand(-1, 2) if self.variant.one_penalty else setting[:, ::2][:, :2]  # no ramps
            log_penalty = 3 * raw + setting.new_tensor(start) - math.log(S)  # (B, 2)
            penalty = torch.cat([log_penalty[:, :1].expand(-1, n_features), log_penalty[:, 1:].expand(-1, width)], -1)
            output = None
            if self.variant.output == "generated":
                output = self._generated(support, labels, unit, n_features, F.one_hot(y, C).float())
            temperature = (0.5 * setting[:, 3]).exp()
        return Head(scale(phi), scale(phi_query), penalty.exp(), temperature, output)

    def _read(self, inputs: Tensor, y: Tensor, n_classes: int, width: int) -> tuple[Tensor, Tensor]:
        """Tokens of the support rows and the units after the last block."""
        variant = self.variant
        B, S, n_features = inputs.shape
        label = self.label(canonical_classes(inputs, y, n_classes) % self.config.class_codes)  # (B, S, E)
        if variant.tokens == "rows":
            row = self.row(F.pad(inputs, (0, self.row.in_features - n_features)))
            support, units = row + label.to(row.dtype), self.unit_label[:width]  # (B, S, E), (H, E)
        else:
            cells = self._cells(inputs)  # (B, S, F, E)
            cell = self.unit_cell[:width, None].expand(-1, n_features, -1)  # (H, F, E)
            if variant.column_codes in ("units", "all"):
                code = self.code(self.codes[:n_features])  # (F, E)
                cell = cell + code.to(cell.dtype)
                cells = cells + code.to(cells.dtype) if variant.column_codes == "all" else cells
            if variant.label != "column":
                cells = cells + label[:, :, None].to(cells.dtype)
            if variant.label != "every cell":
                support = torch.cat([cells, label[:, :, None].to(cells.dtype)], 2)  # (B, S, F + 1, E)
                units = torch.cat([cell, self.unit_label[:width, None]], 1)  # (H, F + 1, E)
            else:
                support, units = cells, cell
        rows = [support, units.to(support.dtype).expand(B, *units.shape)]
        if variant.thinking_rows:
            thinking = self.thinking.to(support.dtype).view(1, -1, *[1] * (support.ndim - 3), support.shape[-1])
            rows = [thinking.expand(B, -1, *support.shape[2:]), *rows]
        tokens = torch.cat(rows, 1)
        if variant.column_codes == "ranked-all":
            code = self.code_in(self._codes(inputs, F.one_hot(y, n_classes).float()))  # (B, 1, F, E)
            tokens = tokens + F.pad(code, (0, 0, 0, 1)).to(tokens.dtype)
        first = variant.thinking_rows
        for block in self.blocks:
            tokens = self._block(block, tokens, first + S)
        tokens = self.norm(tokens)
        return tokens[:, first : first + S], tokens[:, first + S :]

    def _cells(self, inputs: Tensor) -> Tensor:
        groups = [inputs, _normal_scores(_mid_ranks(inputs))]
        if self.variant.grouped:
            groups += [inputs.roll(-shift, 2) for shift in (1, 3)]
        parts = []
        for x in groups:
            angle = x[..., None] * self.frequency  # (B, S, F, frequencies)
            parts += [x[..., None], angle.sin(), angle.cos()]
        return self.cell(torch.cat(parts, -1))  # (B, S, F, E)

    def _block(self, block: Any, tokens: Tensor, n_context: int) -> Tensor:
        decay = self.variant.residual_decay
        if tokens.ndim == 3:  # rows: a plain transformer
            rows = block.norms[1](tokens)
            tokens = decay * tokens + block.down(rows, rows[:, :n_context])
        else:
            rows = block.norms[0](tokens)
            tokens = decay * tokens + block.across(rows, rows)
            columns = block.norms[1](tokens).transpose(1, 2)
            tokens = decay * tokens + block.down(columns, columns[:, :, :n_context]).transpose(1, 2)
        return decay * tokens + block.mlp(block.norms[2](tokens))

    def _label_cell(self, tokens: Tensor) -> Tensor:
        """(B, rows, F + 1, E) to (B, rows, E): the label's cell, or the mean where labels are in every cell."""
        return tokens.mean(2) if self.variant.label == "every cell" else tokens[:, :, -1]

    def _codes(self, inputs: Tensor, onehot: Tensor) -> Tensor:
        """A code per column: (F, E), or by rank (B, 1, F, E)."""
        codes = self.code(self.codes[: inputs.shape[-1]])
        if not self.variant.column_codes.startswith("ranked"):
            return codes
        between = (onehot.mT @ inputs).square().div(onehot.sum(1).clamp(min=1)[..., None]).sum(1)  # (B, F)
        return codes[between.argsort(1, descending=True).argsort(1)][:, None]

    def _hidden(self, inputs: Tensor, units: Tensor, unit: Tensor, codes: Tensor | None) -> list[Tensor]:
        """Hidden layers (B, N, .) of inputs (B, N, F); together H units."""
        n_features = inputs.shape[-1]
        if units.ndim == 3:
            weight = self.weight(units)[..., :n_features].mT  # (B, F, H)
        else:
            weight = self.weight(units[:, :, :n_features])[..., 0]  # (B, H, F)
            if codes is not None and self.variant.column_codes not in ("units", "all"):
                weight = weight + units[:, :, :n_features].mul(codes).sum(-1)
            weight = weight.mT  # (B, F, H)
        weight = weight * (2 / math.sqrt(n_features))
        bias = self.bias(unit)[..., 0]  # (B, H)
        if self.variant.layers == 1:
            return [self._activate(inputs @ weight + bias[:, None])]
        first = self._activate(inputs @ weight[..., ::2] + bias[:, None, ::2])  # (B, N, H / 2)
        left, right = self.left(unit[:, ::2]), self.right(unit[:, 1::2])  # (B, H / 2, 16)
        between = left @ right.mT / math.sqrt(left.shape[-1]) * (2 / math.sqrt(left.shape[1]))
        return [first, self._activate(first @ between + bias[:, None, 1::2])]

    def _activate(self, pre: Tensor) -> Tensor:
        kind = self.variant.activation
        if kind == "half":
            even = torch.arange(pre.shape[-1], device=pre.device) % 2 == 0
            return torch.where(even, torch.tanh(pre), F.relu(pre))
        return {"tanh": torch.tanh, "relu": F.relu, "hard": F.hardtanh}[kind](pre)

    def _generated(self, support: Tensor, labels: Tensor, unit: Tensor, n_features: int, onehot: Tensor) -> OutputLayer:
        """An output layer from class tokens: the means of the classes' support rows."""
        count = onehot.sum(1)  # (B, C)
        share = (onehot / count.clamp(min=1)[:, None]).mT  # (B, C, S)
        token = share @ labels  # (B, C, E)
        to_units = unit @ self.class_units(token).mT / math.sqrt(token.shape[-1])  # (B, H, C)
        if support.ndim == 3:
            to_inputs = self.class_inputs(token)[..., :n_features].mT  # (B, F, C)
        else:
            cells = (share @ support[:, :, :n_features].flatten(2)).view(*token.shape[:2], n_features, -1)
            to_inputs = self.class_inputs(cells)[..., 0].mT  # (B, F, C)
        frequency = torch.log(count / onehot.shape[1] + 1e-2)
        bias = (self.class_bias(token)[..., 0] + frequency)[:, None]  # (B, 1, C)
        return OutputLayer(torch.cat([to_inputs, to_units], 1), bias)


def _without(part: str) -> Variant:
    value = False if isinstance(getattr(PriorConfig(), part), bool) else 0.0
    return Variant(f"prior without {part.replace('_', ' ')}", "prior", prior={part: value})


_PARTS = ("causal_model", "trees", "smooth", "scores", "clusters", "anticausal", "rules")
_REALISM = ("categories", "missing", "quantise", "warp", "label_noise", "learnable_only")

VARIANTS: dict[str, Variant] = {
    "base": Variant("the base", "base"),
    "generated-output": Variant("output layer generated from class tokens", "paper", output="generated"),
    "row-tokens": Variant("a token per row, same embedding and blocks", "paper", tokens="rows"),
    "row-tokens-large": Variant(
        "a token per row, embedding 128, 4 blocks, 4 heads",
        "paper",
        tokens="rows",
        model={"embedding": 128, "blocks": 4, "heads": 4},
    ),
    "paper": Variant(
        "a token per row, embedding 128, 4 blocks, 4 heads; output layer generated",
        "paper",
        tokens="rows",
        output="generated",
        model={"embedding": 128, "blocks": 4, "heads": 4},
    ),
    "adamw": Variant("AdamW 1e-3 for all", "training", muon=False, matrix_learning_rate=1e-3),
    "adamw-3e-3": Variant("AdamW 3e-3 for all", "training", muon=False, learning_rate=3e-3, matrix_learning_rate=3e-3),
    "rate-0.33": Variant("learning rates x 0.33", "training", learning_rate=0.33e-3, matrix_learning_rate=0.5e-3),
    "rate-3": Variant("learning rates x 3", "training", learning_rate=3e-3, matrix_learning_rate=4.5e-3),
    "rate-10": Variant("learning rates x 10", "training", learning_rate=10e-3, matrix_learning_rate=15e-3),
    "matrix-rate-3": Variant("Muon's learning rate x 3", "training", matrix_learning_rate=4.5e-3),
    "batch-4": Variant("4 tasks per step", "training", task_batch=4),
    "batch-32": Variant("32 tasks per step", "training", task_batch=32),
    "batch-32-rate-3": Variant(
        "32 tasks per step, learning rates x 3",
        "training",
        task_batch=32,
        learning_rate=3e-3,
        matrix_learning_rate=4.5e-3,
    ),
    "head-4": Variant("4 head steps", "training", head_steps=4),
    "head-8": Variant("8 head steps", "training", head_steps=8),
    "head-20": Variant("20 head steps", "training", head_steps=20),
    **{f"no-{part.replace('_', '-')}": _without(part) for part in _PARTS},
    **{f"no-{part.replace('_', '-')}": _without(part) for part in _REALISM},
    "relu": Variant("ReLU units", "network", activation="relu"),
    "half-relu": Variant("half tanh, half ReLU units", "network", activation="half"),
    "hard-tanh": Variant("hard tanh units", "network", activation="hard"),
    "two-layers": Variant("two hidden layers, as many units in total", "network", layers=2),
    "one-penalty": Variant("one lambda for inputs and units", "network", one_penalty=True),
    "label-every-cell": Variant("label added to every cell, no label column", "network", label="every cell"),
    "label-both": Variant("label added to every cell, and its own column", "network", label="both"),
    "codes-units": Variant("random code of the column added to units' cells", "network", column_codes="units"),
    "codes-all": Variant("random code of the column added to all its cells", "network", column_codes="all"),
    "codes-emit": Variant(
        "a cell's weight is read out along a random code of its column too", "network", column_codes="emit"
    ),
    "codes-emit-label-both": Variant(
        "the same, and the label added to every cell beside its own column",
        "network",
        column_codes="emit",
        label="both",
    ),
    "codes-ranked": Variant(
        "the same, codes dealt out by the rank of the column's F statistic: the order of columns does not matter",
        "network",
        column_codes="ranked",
    ),
    "codes-ranked-label-both": Variant(
        "the same, and the label added to every cell beside its own column",
        "network",
        column_codes="ranked",
        label="both",
    ),
    "codes-ranked-all": Variant("ranked codes in the cells and in the read-out", "network", column_codes="ranked-all"),
    "codes-ranked-adamw": Variant(
        "ranked codes in the read-out, AdamW 1e-3 for all",
        "network",
        column_codes="ranked",
        muon=False,
        matrix_learning_rate=1e-3,
    ),
    "codes-ranked-rate-3": Variant(
        "ranked codes in the read-out, learning rates x 3",
        "network",
        column_codes="ranked",
        learning_rate=3e-3,
        matrix_learning_rate=4.5e-3,
    ),
    "codes-all-label-both": Variant(
        "the same, and the label added to every cell beside its own column",
        "network",
        column_codes="all",
        label="both",
    ),
    "codes-units-label-both": Variant(
        "codes for units' cells, and the label added to every cell beside its own column",
        "network",
        column_codes="units",
        label="both",
    ),
    "value-gain-4": Variant("a cell's value x 4 beside its sines and cosines", "network", value_gain=4.0),
    "frequencies-2": Variant("2 frequencies instead of 8", "network", model={"frequencies": 2}),
    "grouped": Variant("a cell sees x_j, x_j+1, x_j+3", "network", grouped=True),
    "thinking-16": Variant("16 thinking rows", "network", thinking_rows=16),
    "decay-0.95": Variant("residual stream x 0.95 before each sum", "network", residual_decay=0.95),
    "heads-4": Variant("4 heads", "network", model={"heads": 4}),
    "mlp-4": Variant("MLP factor 4", "network", model={"mlp_factor": 4}),
    "blocks-3": Variant("3 blocks, embedding 40", "network", model={"blocks": 3, "embedding": 40}),
    "units-32": Variant("32 units", "network", model={"units": 32}),
    "units-128": Variant("128 units", "network", model={"units": 128}),
    "fixed-width": Variant("width not sampled", "training", sampled_width=False),
    "average-none": Variant("no moving average", "training", average=0.0),
    "average-0.9": Variant("moving average 0.9 at most", "training", average=0.9),
    "no-cool-down": Variant("no cool-down", "training", cool_down=0.0),
    "no-cool-down-no-average": Variant("no cool-down, no moving average", "training", cool_down=0.0, average=0.0),
    "matrix-decay-0.1": Variant("weight decay 0.1 for Muon", "training", matrix_weight_decay=0.1),
}
