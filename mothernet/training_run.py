"""A run of pretraining: its moving parts, one step of it, and the state files that it goes on from."""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from mothernet.checkpoint import load_checkpoint, save_checkpoint
from mothernet.files import replaced
from mothernet.head import cross_entropy
from mothernet.hypernetwork import Hypernetwork, HypernetworkConfig
from mothernet.muon import Muon
from mothernet.prior import PriorConfig, TaskBatch, TaskShape, sample_shape, sample_tasks
from mothernet.processes import Processes
from mothernet.validation import autocast, one_pass_logits

__all__ = ["Plan", "PretrainingConfig", "Run", "read_state"]

_FILE_BYTES = 14_000_000  # of one file of a state
_STATE_BYTES = 60_000_000


@dataclass(frozen=True)
class PretrainingConfig:
    """How the hypernetwork is trained."""

    learning_rate: float = 1e-3  # AdamW: embeddings, norms, projections out
    matrix_learning_rate: float = 1.5e-3  # Muon: the blocks' matrices
    warmup_steps: int = 200
    tasks: int = 8  # per step, at most
    cells: int = 14_000  # per step, at most: (support + units) x (features + 1) x tasks
    head_steps: int = 12
    moving_average: float = 0.999
    clip: float = 1.0
    seed: int = 0
    accumulate: int = 1  # batches per step, shared out among processes
    buckets: bool = False  # shapes rounded to a few values, for compiled code

    @classmethod
    def suited(cls, device: str, **changes: Any) -> PretrainingConfig:
        """Defaults for a device: a GPU takes larger batches of rounded shapes."""
        gpu = {"tasks": 32, "cells": 250_000, "buckets": True}
        return cls(**({**gpu, **changes} if device == "cuda" else changes))


def _sample_width(dice: random.Random, units: int) -> int:
    """A random width: the first units of any number must do well together."""
    options = {16: 0.1, 32: 0.15, 64: 0.25, 128: 0.4, 256: 0.1}
    return min(units, dice.choices(list(options), list(options.values()))[0])


@dataclass(frozen=True)
class Plan:
    """What a batch will be: a function of the seed and its index alone."""

    index: int
    shape: TaskShape
    width: int
    tasks: int


def _plan(prior: PriorConfig, config: PretrainingConfig, units: int, index: int) -> Plan:
    shape = sample_shape(prior, config.seed, index)
    if config.buckets:
        shape = shape._replace(
            support=_bucket(shape.support), features=min(_bucket(shape.features), prior.max_features)
        )
    width = _sample_width(random.Random(f"width/{config.seed}/{index}"), units)
    cells = (shape.support + width) * (shape.features + 1)
    return Plan(index, shape, width, max(2, min(config.tasks, config.cells // cells)))


def _bucket(n: int) -> int:
    """The nearest of 2, 3, 4, 6, 8, 12, 16, 24, ... by ratio."""
    low = 1 << (n.bit_length() - 1)
    return min((low, low * 3 // 2, low * 2), key=lambda size: abs(math.log(n / size)))


class Run:
    """The moving parts of a run and their state file."""

    def __init__(
        self,
        model: HypernetworkConfig,
        prior: PriorConfig,
        config: PretrainingConfig,
        device: str,
        processes: Processes | None = None,
    ) -> None:
        self.model, self.prior, self.config, self.device = model, prior, config, device
        self.processes = processes or Processes(device)
        if config.accumulate < 1 or config.accumulate % self.processes.count:
            raise ValueError(
                f"accumulate must be a multiple of the number of processes, {self.processes.count}, however: "
                f"accumulate={config.accumulate}. Choose another, or start another number of processes."
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            network = Hypernetwork(model)
        self.network = network.to(device)
        self.average = {name: p.detach().clone() for name, p in self.network.state_dict().items()}
        self.counters: dict[str, float] = {"step": 0, "tasks": 0, "seconds": 0.0, "cpu_seconds": 0.0}
        matrices = {n: p for n, p in self.network.named_parameters() if p.ndim == 2 and n.startswith("blocks.")}
        others = {n: p for n, p in self.network.named_parameters() if n not in matrices}
        self.names = [*others, *matrices]
        sizes = [sum(p.numel() for p in group.values()) for group in (others, matrices)]
        if (state_bytes := 4 * (4 * sizes[0] + 3 * sizes[1])) > _STATE_BYTES:  # weight, average, two moments or one
            raise ValueError(
                f"the state of a run must stay below {_STATE_BYTES / 1e6:g} MB, however: this model's takes "
                f"{state_bytes / 1e6:.0f} MB. Choose a smaller embedding or fewer blocks."
            )
        self.optimisers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(
                others.values(),
                lr=config.learning_rate,
                weight_decay=0.01,
                betas=(0.9, 0.98),
                **{"fused" if device == "cuda" else "foreach": True},
            ),
            Muon(matrices.values(), lr=config.matrix_learning_rate),
        ]
        self.rates = (config.learning_rate, config.matrix_learning_rate)
        self.start: str | None = None  # fingerprint of the checkpoint that the weights came from
        # gradients are parts of one tensor, so that one call sums them over processes; then the loss and its base
        self.sums = torch.zeros(sum(sizes) + 2, device=device)
        for p, part in zip(self.network.parameters(), self._parts(), strict=True):
            p.grad = part
        self.pool: ThreadPoolExecutor | None = None
        self.ahead: dict[int, Future[TaskBatch]] = {}
        self.stream: torch.cuda.Stream | None = None
        if device == "cuda":
            self.stream, self.pool = torch.cuda.Stream(), ThreadPoolExecutor(1)  # type: ignore[no-untyped-call]
            for block in self.network.blocks:
                block.compile(dynamic=True)

    def _parts(self) -> Iterable[Tensor]:
        parameters = list(self.network.parameters())
        split = torch.split(self.sums[:-2], [p.numel() for p in parameters])
        return (part.view_as(p) for part, p in zip(split, parameters, strict=True))

    def plan(self, index: int) -> Plan:
        """Of batch ``index``."""
        return _plan(self.prior, self.config, self.model.units, index)

    def _draw(self, plan: Plan) -> TaskBatch:
        with torch.cuda.stream(self.stream):
            batch = sample_tasks(
                self.prior, plan.tasks, plan.shape, seed=self.config.seed, index=plan.index, device=self.device
            )
            if self.stream is not None:
                self.stream.synchronize()  # of the drawing thread, which has nothing else to do
        return batch

    def _batch(self, plan: Plan) -> TaskBatch:
        """Draw a batch; with a pool it was drawn while the last one was learned, and the next is drawn meanwhile."""
        if self.pool is None:
            return self._draw(plan)
        future = self.ahead.pop(plan.index, None) or self.pool.submit(self._draw, plan)
        following = self.plan(plan.index + self.processes.count)
        self.ahead = {following.index: self.pool.submit(self._draw, following)}
        batch = future.result()
        if self.stream is not None:
            for tensor in (batch.X, batch.y):
                tensor.record_stream(torch.cuda.current_stream())
        return batch

    def step(self, rate: float) -> Tensor:
        """One update at ``rate`` times the learning rates.

        Returns the loss and that of the class frequencies, (2,), on the device: reading them waits for it. A step
        whose loss or gradient is not finite counts as one with a gradient of zero.
        """
        index, config = int(self.counters["step"]), self.config
        warmth = min(1.0, (index + 1) / config.warmup_steps)
        for optimiser, learning_rate in zip(self.optimisers, self.rates, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate * rate * warmth
        plans = [self.plan(index * config.accumulate + i) for i in range(config.accumulate)]
        self.sums.zero_()
        for plan in plans[self.processes.rank :: self.processes.count]:
            batch = self._batch(plan)
            S = batch.shape.support
            y = batch.y[:, S:]
            with autocast(self.device):
                logits = one_pass_logits(self.network, batch, plan.width, config.head_steps)
            loss = cross_entropy(logits.float(), y).clamp(max=5).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            frequency = F.one_hot(batch.y[:, :S], batch.shape.classes).float().mean(1)
            base = cross_entropy(torch.log(frequency + 1e-2)[:, None].expand(-1, y.shape[1], -1), y).mean()
            self.sums[-2:] += torch.stack([loss.detach(), base])
        self.processes.add(self.sums)
        self.sums /= config.accumulate
        gradient, losses = self.sums[:-2], self.sums[-2:].clone()
        norm = gradient.norm()
        clipped = gradient * (config.clip / (norm + 1e-6)).clamp(max=1)
        gradient.copy_(torch.where(norm.isfinite() & losses[0].isfinite(), clipped, 0.0))
        for optimiser in self.optimisers:
            optimiser.step()
        decay = min(config.moving_average, (index + 1) / (index + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.values()), list(self.network.state_dict().values()), 1 - decay)
        self.counters["step"] += 1
        self.counters["tasks"] += sum(plan.tasks for plan in plans)
        return losses

    def start_from(self, path: str | os.PathLike[str]) -> None:
        """Begin with the weights of a checkpoint of the same sizes."""
        checkpoint = load_checkpoint(path, self.device)
        if checkpoint.network.config != self.model:
            raise ValueError(
                f"the run's model must have the sizes of the checkpoint it starts from, however: {asdict(self.model)} "
                f"and {asdict(checkpoint.network.config)} of {str(path)!r}. Leave the model out, or name another file."
            )
        self.network.load_state_dict(checkpoint.network.state_dict())
        self.average = {name: p.detach().clone() for name, p in self.network.state_dict().items()}
        self.start = checkpoint.fingerprint

    def averaged(self) -> Hypernetwork:
        """A network with the moving average of the weights."""
        network = Hypernetwork(self.model).to(self.device)
        network.load_state_dict(self.average)
        return network.eval()

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {f"weight.{n}": p.detach() for n, p in self.network.state_dict().items()}
        tensors |= {f"average.{n}": p for n, p in self.average.items()}
        parameters = dict(self.network.named_parameters())
        for name in self.names:
            for optimiser in self.optimisers:
                for key, value in optimiser.state.get(parameters[name], {}).items():
                    tensors[f"optimiser.{key}.{name}"] = value
        return {name: tensor.contiguous() for name, tensor in tensors.items()}

    def save(self, path: Path) -> None:
        """Write the state; what does not fit into the file goes to files beside it, named there and written before."""
        packs: list[dict[str, Tensor]] = [{}]
        room = _FILE_BYTES
        for name, tensor in self._tensors().items():
            if tensor.nbytes > room and packs[-1]:
                packs.append({})
                room = _FILE_BYTES
            packs[-1][name] = tensor
            room -= tensor.nbytes
        shards = [f"{path.stem}-{self.counters['step']:.0f}-{i}.safetensors" for i in range(1, len(packs))]
        for name, pack in zip(shards, packs[1:], strict=True):
            with replaced(path.with_name(name)) as temporary:
                save_file(pack, temporary)
        metadata = {
            "counters": self.counters,
            "model": asdict(self.model),
            "prior": asdict(self.prior),
            "config": asdict(self.config),
            "start": self.start,
            "shards": shards,
        }
        with replaced(path) as temporary:
            save_file(packs[0], temporary, metadata={"state": json.dumps(metadata)})
        for old in path.parent.glob(f"{path.stem}-*.safetensors"):
            if old.name not in shards:
                old.unlink()

    def load(self, path: Path) -> None:
        """Take over weights, average, moments and counters."""
        state, tensors = read_state(path)
        for name, mine in (("model", self.model), ("prior", self.prior), ("config", self.config)):
            if type(mine)(**state[name]) != mine:
                raise ValueError(
                    f"{path} goes on with {name} {state[name]}, however: {asdict(mine)} was asked for. "
                    "Leave it out, or name an empty --state folder."
                )
        self.counters, self.start = state["counters"], state.get("start")
        self.network.load_state_dict(
            {n.removeprefix("weight."): t for n, t in tensors.items() if n.startswith("weight.")}
        )
        self.average = {name: tensors[f"average.{name}"].to(self.device) for name in self.average}
        parameters = dict(self.network.named_parameters())
        for key, value in tensors.items():
            if key.startswith("optimiser."):
                _, slot, name = key.split(".", 2)
                owner = self.optimisers[1] if slot == "momentum" else self.optimisers[0]
                owner.state[parameters[name]][slot] = value.to(self.device)

    def write_checkpoint(self, path: Path, **info: Any) -> None:
        about = {
            **self.counters,
            "prior": asdict(self.prior),
            "pretraining": asdict(self.config),
            "start": self.start,
            "torch": torch.__version__,
            **info,
        }
        save_checkpoint(path, self.model, self.average, about)


def read_state(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What a state file says of its run, and its tensors."""
    tensors: dict[str, Tensor] = {}
    try:
        with safe_open(path, "pt") as file:
            state = json.loads((file.metadata() or {})["state"])
        for part in (path, *(path.with_name(name) for name in state.get("shards", ()))):
            with safe_open(part, "pt") as file:
                tensors |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return state, tensors
    except (SafetensorError, FileNotFoundError, KeyError, ValueError) as error:
        raise ValueError(
            f"{path} is not a whole state of `mothernet pretrain` ({error}). Remove it, or name another --state."
        ) from error
