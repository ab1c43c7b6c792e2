"""A run of pretraining: its moving parts, and one step of them.

When to stop, to evaluate and to save is not decided here: see :mod:`mothernet.pretraining.loop`. Axis letters: B tasks,
S support rows, Q query rows, C classes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mothernet.network.checkpoint import Checkpoint, save_checkpoint
from mothernet.network.config import HypernetworkConfig
from mothernet.network.hypernetwork import Hypernetwork, weights_of
from mothernet.network.output_layer import cross_entropy, log_frequencies
from mothernet.pretraining.batches import Batches, BatchPlan, plan_batch
from mothernet.pretraining.config import PretrainingConfig
from mothernet.pretraining.muon import Muon
from mothernet.pretraining.processes import Processes
from mothernet.pretraining.state import MAX_STATE_BYTES, State
from mothernet.pretraining.timing import Timed, untimed
from mothernet.pretraining.validation import autocast, predicted_penalty_logits
from mothernet.prior import PriorConfig

__all__ = ["Run"]

_MAX_LOSS = 5.0  # nats per task


class Run:
    """The moving parts of a run: network, moving average, optimisers, counters.

    Parameters
    ----------
    model, prior, config : HypernetworkConfig, PriorConfig, PretrainingConfig
        Sizes, mixture, training.
    device : {"cpu", "cuda"}
        Where it learns and where tasks are drawn.
    processes : Processes, optional
        Those that share out the batches of a step. Default: this one alone.
    plan : function, optional
        From the index of a batch to its plan; for benchmarks of one shape, say. Default: :func:`plan_batch`.

    Attributes
    ----------
    counters : dict of str to float
        Steps and tasks so far; seconds of wall and CPU time, which the loop counts.
    optimisers : dict of str to Optimizer
        ``"AdamW"`` and ``"Muon"``.

    Raises
    ------
    ValueError
        If the batches of a step cannot be shared out, or the state of so large a model could not be saved.
    """

    def __init__(
        self,
        model: HypernetworkConfig,
        prior: PriorConfig,
        config: PretrainingConfig,
        device: str,
        processes: Processes | None = None,
        *,
        plan: Callable[[int], BatchPlan] | None = None,
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
        self.average = self._copied_weights()
        self.counters: dict[str, float] = {"step": 0, "tasks": 0, "seconds": 0.0, "cpu_seconds": 0.0}
        self.start: str | None = None  # fingerprint of the checkpoint that the weights came from
        self.optimisers = self._make_optimisers()
        # gradients are parts of one tensor, so that one call sums them over processes; then the loss and its base
        parameters = list(self.network.parameters())
        sizes = [p.numel() for p in parameters]
        self._sums = torch.zeros(sum(sizes) + 2, device=device)
        for p, part in zip(parameters, torch.split(self._sums[:-2], sizes), strict=True):
            p.grad = part.view_as(p)
        self.plan = plan or partial(plan_batch, prior, config, model.units)
        on_gpu = device == "cuda"
        self.batches = Batches(self.plan, prior, config.seed, device, stride=self.processes.count, ahead=on_gpu)
        if on_gpu:
            for block in self.network.blocks:
                block.compile(dynamic=True)

    def _make_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Muon for the blocks' matrices, AdamW for all other parameters."""
        config, parameters = self.config, dict(self.network.named_parameters())
        matrices = [p for name, p in parameters.items() if p.ndim == 2 and name.startswith("blocks.")]
        others = [p for name, p in parameters.items() if not (p.ndim == 2 and name.startswith("blocks."))]
        n_others, n_matrices = (sum(p.numel() for p in group) for group in (others, matrices))
        state_bytes = 4 * (4 * n_others + 3 * n_matrices)  # weight, average, two moments or one
        if state_bytes > MAX_STATE_BYTES:
            raise ValueError(
                f"the state of a run must stay below {MAX_STATE_BYTES / 1e6:g} MB, however: this model's takes "
                f"{state_bytes / 1e6:.0f} MB. Choose a smaller embedding or fewer blocks."
            )
        implementation = {"fused" if self.device == "cuda" else "foreach": True}
        return {
            "AdamW": torch.optim.AdamW(
                others, lr=config.learning_rate, weight_decay=0.01, betas=(0.9, 0.98), **implementation
            ),
            "Muon": Muon(matrices, lr=config.matrix_learning_rate),
        }

    def step(self, rate: float, *, timed: Timed = untimed) -> Tensor:
        """One update at ``rate`` times the learning rates.

        Parameters
        ----------
        rate : float
            From 0 to 1; the warm-up is a further factor.
        timed : function, optional
            Called with the name of each part, ``"prior"``, ``"hypernetwork"``, ``"output layer"``, ``"backward"``,
            ``"AdamW"`` or ``"Muon"``; returns the context that the part runs in (see
            :class:`mothernet.pretraining.timing.PartTimer`). Batches are then not drawn ahead.

        Returns
        -------
        Tensor (2,)
            The loss and that of the class frequencies, in nats, on the device: reading them waits for it. A step whose
            loss or gradient is not finite counts as one with a gradient of zero.
        """
        index, config = int(self.counters["step"]), self.config
        self._set_learning_rates(rate, min(1.0, (index + 1) / config.warmup_steps))
        plans = [self.plan(index * config.accumulate + i) for i in range(config.accumulate)]
        self._sums.zero_()
        for plan in plans[self.processes.rank :: self.processes.count]:
            self._add_gradients(plan, timed)
        self.processes.sum_in_place(self._sums)
        self._sums /= config.accumulate
        losses = self._sums[-2:].clone()
        self._clip_gradients(losses[0])
        for name, optimiser in self.optimisers.items():
            with timed(name):
                optimiser.step()
        decay = min(config.moving_average, (index + 1) / (index + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.values()), list(self.network.state_dict().values()), 1 - decay)
        self.counters["step"] += 1
        self.counters["tasks"] += sum(plan.tasks for plan in plans)
        return losses

    def _set_learning_rates(self, rate: float, warmth: float) -> None:
        rates = {"AdamW": self.config.learning_rate, "Muon": self.config.matrix_learning_rate}
        for name, optimiser in self.optimisers.items():
            for group in optimiser.param_groups:
                group["lr"] = rates[name] * rate * warmth

    def _add_gradients(self, plan: BatchPlan, timed: Timed) -> None:
        """Learn from one batch: add its gradients, its loss and the loss of the class frequencies to the sums."""
        if timed is untimed:
            batch = self.batches.take(plan)
        else:
            with timed("prior"):
                batch = self.batches.draw(plan)
        S = batch.shape.support
        y = batch.y[:, S:]  # (B, Q)
        with autocast(self.device):
            logits = predicted_penalty_logits(self.network, batch, plan.width, timed=timed)  # (B, Q, C)
        loss = cross_entropy(logits.float(), y).clamp(max=_MAX_LOSS).mean()
        with timed("backward"):
            loss.backward()  # type: ignore[no-untyped-call]
        frequency = F.one_hot(batch.y[:, :S], batch.shape.classes).float().mean(1)  # (B, C)
        base = cross_entropy(log_frequencies(frequency)[:, None].expand(-1, y.shape[1], -1), y).mean()
        self._sums[-2:] += torch.stack([loss.detach(), base])

    def _clip_gradients(self, loss: Tensor) -> None:
        """Bound the norm of the mean gradient; make it zero where it or the loss is not finite."""
        gradient = self._sums[:-2]
        norm = gradient.norm()
        clipped = gradient * (self.config.clip / (norm + 1e-6)).clamp(max=1)
        gradient.copy_(torch.where(norm.isfinite() & loss.isfinite(), clipped, 0.0))

    def _copied_weights(self) -> dict[str, Tensor]:
        return {name: p.detach().clone() for name, p in self.network.state_dict().items()}

    def start_from(self, checkpoint: Checkpoint) -> None:
        """Begin with the weights of a checkpoint of the same sizes.

        Raises
        ------
        ValueError
            If its sizes are others.
        """
        if checkpoint.config != self.model:
            raise ValueError(
                "the run's model must have the sizes of the checkpoint it starts from, however: they are "
                f"{asdict(self.model)} and {asdict(checkpoint.config)}. Leave the model out, or name another "
                "checkpoint."
            )
        self.network.load_state_dict({name: torch.from_numpy(array) for name, array in checkpoint.weights.items()})
        self.average = self._copied_weights()
        self.start = checkpoint.fingerprint

    def averaged(self) -> Hypernetwork:
        """A network with the moving average of the weights."""
        network = Hypernetwork(self.model).to(self.device)
        network.load_state_dict(self.average)
        return network.eval()

    def state(self) -> State:
        """All that a run needs to go on from here; tensors share memory with the run."""
        tensors = {f"weight.{name}": p.detach() for name, p in self.network.state_dict().items()}
        tensors |= {f"average.{name}": p for name, p in self.average.items()}
        for name, p in self.network.named_parameters():
            for optimiser in self.optimisers.values():
                moments = optimiser.state.get(p, {})
                tensors |= {f"optimiser.{key}.{name}": value for key, value in moments.items()}
        return State(self.model, self.prior, self.config, dict(self.counters), self.start, tensors)

    def restore(self, state: State) -> None:
        """Take over weights, average, moments and counters.

        Raises
        ------
        ValueError
            If the state is of another model, prior or configuration.
        """
        for name in ("model", "prior", "config"):
            stored, asked = getattr(state, name), getattr(self, name)
            if stored != asked:
                raise ValueError(
                    f"a run goes on with its own {name}, {asdict(stored)}, however: {asdict(asked)} was asked for. "
                    "Leave it out, or name an empty --state folder."
                )
        self.counters, self.start = dict(state.counters), state.start
        weights = {name: t for name, t in state.tensors.items() if name.startswith("weight.")}
        self.network.load_state_dict({name.removeprefix("weight."): t for name, t in weights.items()})
        self.average = {name: state.tensors[f"average.{name}"].to(self.device) for name in self.average}
        parameters = dict(self.network.named_parameters())
        for key, value in state.tensors.items():
            if key.startswith("optimiser."):
                _, moment, name = key.split(".", 2)
                optimiser = self.optimisers["Muon" if moment == "momentum" else "AdamW"]
                optimiser.state[parameters[name]][moment] = value.to(self.device)

    def write_checkpoint(self, path: str | os.PathLike[str], **info: Any) -> None:
        """Write the moving average and how it came about; ``info`` (JSON values) is added to that."""
        about = {
            **self.counters,
            "prior": asdict(self.prior),
            "pretraining": asdict(self.config),
            "start": self.start,
            "torch": torch.__version__,
            **info,
        }
        save_checkpoint(path, self.model, weights_of(self.average), about)
