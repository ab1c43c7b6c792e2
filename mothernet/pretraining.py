"""Pretraining: the hypernetwork learns from synthetic tasks, through the solved output layer.

Budgets are short and interrupted: a run is given minutes, is killed without warning and goes on elsewhere. Everything
a run needs is in ``DIR/state.safetensors`` (weights, moving average, optimiser moments, counters; written
atomically, large ones in several files), and batch ``i`` of the prior depends on the seed and ``i`` alone, so a
resumed run repeats nothing and skips nothing. The learning rate is constant after its warm-up; a cool-down is a
separate phase after which the state still stands where it began.

A step averages the gradients of ``accumulate`` batches. Under torchrun the processes share them out: losses do not
depend on how many there are, and a run may go on with another number.

``DIR/checkpoint.safetensors`` holds the moving average, which is what is evaluated and shipped. ``DIR/log.jsonl`` has
one line per evaluation, ``DIR/losses.csv`` one per step (those between the last save and a kill may come twice).
"""

from __future__ import annotations

import json
import math
import os
import random
import signal
import sys
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from mothernet.checkpoint import load_checkpoint, save_checkpoint
from mothernet.files import replaced
from mothernet.head import FeatureScale, cross_entropy, solve
from mothernet.hypernetwork import Hypernetwork, HypernetworkConfig, Ramps, Standardiser, hidden_units
from mothernet.muon import Muon
from mothernet.prior import PriorConfig, TaskBatch, TaskShape, sample_shape, sample_tasks

__all__ = ["PretrainingConfig", "Scores", "one_pass_logits", "pretrain", "validation_scores", "validation_tasks"]

VALIDATION_SEED = 2**31 - 1  # no run may use it: validation tasks are never trained on
_FILE_BYTES = 14_000_000  # of one file of a state
_STATE_BYTES = 60_000_000


@dataclass(frozen=True)
class PretrainingConfig:
    """How the hypernetwork is trained."""

    learning_rate: float = 1e-3  # AdamW: embeddings, norms, projections out
    matrix_learning_rate: float = 1.5e-3  # Muon: the blocks' matrices
    warmup_steps: int = 200
    tasks: int = 8  # per step, at most
    rows: int = 10_000  # per batch, at most: (support rows + units) x tasks
    head_steps: int = 12
    moving_average: float = 0.999
    clip: float = 1.0
    seed: int = 0
    accumulate: int = 1  # batches per step, shared out among processes
    buckets: bool = False  # shapes rounded to a few values, for compiled code

    @classmethod
    def suited(cls, device: str, **changes: Any) -> PretrainingConfig:
        """Defaults for a device: a GPU takes larger batches of rounded shapes."""
        gpu = {"tasks": 32, "rows": 60_000, "buckets": True}
        return cls(**({**gpu, **changes} if device == "cuda" else changes))


def one_pass_logits(network: Hypernetwork, batch: TaskBatch, width: int, steps: int) -> Tensor:
    """Query logits (B, Q, C) with penalties and temperature from the one forward pass."""
    S, n_classes = batch.shape.support, batch.shape.classes
    support, y = batch.X[:, :S], batch.y[:, :S]
    standardise = Standardiser.fit(support)
    inputs, query = standardise(support), standardise(batch.X[:, S:])
    layer = network(inputs, y, n_classes, width)
    F_ = inputs.shape[-1]
    with torch.autocast(inputs.device.type, enabled=False):
        ramps = Ramps.fit(inputs, network.config.ramps)
        phi, phi_query = (
            torch.cat([x, hidden_units(x, layer, network.config.activation)], -1) for x in (ramps(inputs), ramps(query))
        )
        scale = FeatureScale.fit(phi)
        groups = (F_, F_ * network.config.ramps, width)
        penalty = torch.cat([layer.log_penalty[:, i : i + 1].expand(-1, n) for i, n in enumerate(groups)], -1).exp()
        output = solve(scale(phi), F.one_hot(y, n_classes).float(), penalty, steps=steps)
        logits: Tensor = output(scale(phi_query)) * layer.log_temperature.exp()[:, None, None]
    return logits


def _sample_width(dice: random.Random, units: int) -> int:
    """A random width: the first units of any number must do well together."""
    options = {16: 0.1, 32: 0.15, 64: 0.25, 128: 0.4, 256: 0.1}
    return min(units, dice.choices(list(options), list(options.values()))[0])


@dataclass(frozen=True)
class _Plan:
    """What a batch will be: a function of the seed and its index alone."""

    index: int
    shape: TaskShape
    width: int
    tasks: int


def _plan(prior: PriorConfig, config: PretrainingConfig, units: int, index: int) -> _Plan:
    shape = sample_shape(prior, config.seed, index)
    if config.buckets:
        shape = shape._replace(
            support=_bucket(shape.support), features=min(_bucket(shape.features), prior.max_features)
        )
    width = _sample_width(random.Random(f"width/{config.seed}/{index}"), units)
    rows = shape.support + width
    return _Plan(index, shape, width, max(2, min(config.tasks, config.rows // rows)))


def _bucket(n: int) -> int:
    """The nearest of 2, 3, 4, 6, 8, 12, 16, 24, ... by ratio."""
    low = 1 << (n.bit_length() - 1)
    return min((low, low * 3 // 2, low * 2), key=lambda size: abs(math.log(n / size)))


def validation_tasks(device: str | torch.device = "cpu", groups: int = 64) -> list[TaskBatch]:
    """Fixed tasks, four in each group: of the default prior, whatever a run's own, with a seed that no run may use.

    Rows spread over 40 to 600, features over 2 to 40 (both log-uniform, by an additive recurrence: the first groups
    are spread as all are), rows x features at most 4,000; two classes in two groups of five, else 3 to 10.
    """
    prior = PriorConfig()
    batches = []
    for i in range(groups):
        u, v, w = (((i + 1) * step) % 1 for step in (0.8191725, 0.6710436, 0.5497005))  # Roberts' sequence
        features, classes = round(2 * 20**v), 2 if w < 0.4 else 3 + int((w - 0.4) / 0.6 * 8)
        support = max(5 * classes, min(round(40 * 15**u), 4000 // features))
        shape = TaskShape(support, prior.query, features, classes)
        batches.append(sample_tasks(prior, 4, shape, seed=VALIDATION_SEED, index=i, device=device))
    return batches


class Scores(NamedTuple):
    """Means over tasks of one-pass children on query rows."""

    loss: float  # nats, at most 3 per task
    auc: float  # one-vs-one
    accuracy: float


def _one_vs_one_auc(probability: Tensor, y: Tensor) -> Tensor:
    """Mean one-vs-one ROC AUC over pairs of classes that have rows: (B, Q, C) and (B, Q) to (B,); nan for one class.

    As scikit-learn's ``roc_auc_score(multi_class="ovo")``: of rows of classes a and b, how often the score of a ranks
    a row of a above one of b; ties count half.
    """
    member = F.one_hot(y, probability.shape[-1]).to(probability.dtype)  # (B, Q, C)
    high, low = probability[:, :, None], probability[:, None]
    above = (high > low).to(member.dtype) + 0.5 * (high == low)  # (B, Q, Q, C) by the score of each class
    wins = torch.einsum("bia,bija,bjc->bac", member, above, member)  # (B, C, C)
    count = member.sum(1)  # (B, C)
    pairs = (count[:, :, None] * count[:, None]) * (1 - torch.eye(member.shape[-1], device=y.device))
    return (wins / pairs.clamp(min=1) * (pairs > 0)).sum((1, 2)) / (pairs > 0).sum((1, 2))


@torch.no_grad()
def validation_scores(network: Hypernetwork, tasks: list[TaskBatch], width: int = 128) -> Scores:
    """Loss, AUC and accuracy of one-pass children of at most ``width`` units."""
    rows = []
    for batch in tasks:
        with _autocast(batch.X.device.type):
            logits = one_pass_logits(network, batch, min(width, network.config.units), steps=12)
        y = batch.y[:, batch.shape.support :]
        auc = _one_vs_one_auc(torch.softmax(logits, -1), y)
        rows.append(torch.stack([cross_entropy(logits, y).clamp(max=3), auc, (logits.argmax(-1) == y).float().mean(1)]))
    return Scores(*torch.cat(rows, 1).nanmean(1).tolist())


class _Processes:
    """The processes that torchrun started, or this one alone. gloo on CPUs, NCCL and one GPU each on CUDA."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.rank, self.count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))

    def __enter__(self) -> _Processes:
        if self.count > 1:
            if self.device == "cuda":
                torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
            dist.init_process_group("cpu:gloo,cuda:nccl" if self.device == "cuda" else "gloo")
        return self

    def __exit__(self, *_: object) -> None:
        if self.count > 1:
            dist.destroy_process_group()

    def add(self, tensor: Tensor) -> None:
        """Replace it by the sum over all processes."""
        if self.count > 1:
            dist.all_reduce(tensor)

    def greatest(self, *values: float) -> list[float]:
        """The greatest of each value over all processes; waits for no GPU."""
        if self.count == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(tensor, dist.ReduceOp.MAX)
        return tensor.tolist()


class _Run:
    """The moving parts of a run and their state file."""

    def __init__(
        self,
        model: HypernetworkConfig,
        prior: PriorConfig,
        config: PretrainingConfig,
        device: str,
        processes: _Processes | None = None,
    ) -> None:
        self.model, self.prior, self.config, self.device = model, prior, config, device
        self.processes = processes or _Processes(device)
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

    def plan(self, index: int) -> _Plan:
        """Of batch ``index``."""
        return _plan(self.prior, self.config, self.model.units, index)

    def _draw(self, plan: _Plan) -> TaskBatch:
        with torch.cuda.stream(self.stream):
            batch = sample_tasks(
                self.prior, plan.tasks, plan.shape, seed=self.config.seed, index=plan.index, device=self.device
            )
            if self.stream is not None:
                self.stream.synchronize()  # of the drawing thread, which has nothing else to do
        return batch

    def _batch(self, plan: _Plan) -> TaskBatch:
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
            with _autocast(self.device):
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
        state, tensors = _read_state(path)
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


def _read_state(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
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


def _autocast(device: str) -> torch.autocast:
    """bfloat16 where its matrix products are hardware-made."""
    fast = device == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.autocast(device, torch.bfloat16, enabled=fast)


class _Interrupt:
    """Turns SIGINT and SIGTERM into a flag, so that the state is saved before the process ends."""

    def __init__(self) -> None:
        self.raised = False

    def __enter__(self) -> _Interrupt:
        self.previous = {s: signal.signal(s, self._raise) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def _raise(self, number: int, frame: FrameType | None) -> None:
        self.raised = True

    def __exit__(self, *_: object) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)


def pretrain(
    state_dir: str | os.PathLike[str],
    minutes: float | None = None,
    *,
    tasks: int | None = None,
    cool_down_minutes: float | None = None,
    cool_down_tasks: int | None = None,
    start: str | os.PathLike[str] | None = None,
    model: HypernetworkConfig | None = None,
    prior: PriorConfig | None = None,
    config: PretrainingConfig | None = None,
    device: str = "cpu",
    evaluate_every: int = 500,
    save_seconds: float = 60.0,
    validation_groups: int = 64,
    progress: bool = True,
) -> dict[str, Any]:
    """Pretrain for some minutes or tasks, from ``state_dir`` if there is a state, else from scratch.

    Parameters
    ----------
    minutes, tasks : optional
        Wall time and further tasks at a constant learning rate, whichever is over first; zero goes straight to the
        cool-down.
    cool_down_minutes, cool_down_tasks : optional
        Then, from a copy, a phase during which the learning rate falls linearly to zero; only the checkpoint keeps
        its result. A budget in tasks alone makes it the same wherever it runs.
    start : path, optional
        A checkpoint whose weights a fresh run begins with, instead of random ones.
    model, prior, config : optional
        Sizes, mixture and training; default: those of the state, or else what suits the device.
    evaluate_every, save_seconds : optional
        Steps between evaluations on the fixed validation tasks; seconds between two writes of the state.
    validation_groups : int
        So many of the groups of validation tasks.

    Returns
    -------
    dict
        The last line of ``log.jsonl``; empty in processes other than the first of torchrun's.
    """
    if minutes is None and tasks is None:
        raise ValueError("a budget must be given, however: neither minutes nor tasks are. Name one.")
    folder = Path(state_dir)
    folder.mkdir(parents=True, exist_ok=True)
    state = folder / "state.safetensors"
    stored = _read_state(state)[0] if state.is_file() else {"model": {}, "prior": {}}
    if start is not None:
        if state.is_file():
            raise ValueError(
                f"only a fresh run starts from a checkpoint, however: {str(state)!r} exists. Leave the checkpoint out "
                "to go on with it, or name an empty folder."
            )
        model = model or load_checkpoint(start).network.config
    config = config or (
        PretrainingConfig(**stored["config"]) if "config" in stored else PretrainingConfig.suited(device)
    )
    if config.seed == VALIDATION_SEED:
        raise ValueError(f"seed {VALIDATION_SEED} is reserved for the validation tasks. Choose another.")
    with _Processes(device) as processes, _Interrupt() as interrupt:
        run = _Run(
            model or HypernetworkConfig(**stored["model"]),
            prior or PriorConfig(**stored["prior"]),
            config,
            device,
            processes,
        )
        if state.is_file():
            run.load(state)
        elif start is not None:
            run.start_from(start)
        first = processes.rank == 0
        phase = partial(
            _phase,
            run,
            folder,
            validation_tasks(device, validation_groups) if first else [],
            interrupt,
            evaluate_every=evaluate_every,
            save_seconds=save_seconds,
            progress=progress and first,
        )
        line, stopped = phase(_Budget(minutes, tasks), cooling=False)
        if first:
            run.save(state)
        if (cool_down_minutes or cool_down_tasks) and not stopped:
            line, _ = phase(_Budget(cool_down_minutes, cool_down_tasks), cooling=True)
    return line


class _Budget(NamedTuple):
    """What a phase may use; None is no limit."""

    minutes: float | None
    tasks: int | None

    def share(self, seconds: float, tasks: float) -> float:
        """How much of it is used up, from 0 to 1."""
        used = [(seconds, None if self.minutes is None else 60 * self.minutes), (tasks, self.tasks)]
        return max(min(1.0, x / limit) if limit else 1.0 for x, limit in used if limit is not None)


def _phase(
    run: _Run,
    folder: Path,
    validation: list[TaskBatch],
    interrupt: _Interrupt,
    budget: _Budget,
    *,
    cooling: bool,
    evaluate_every: int,
    save_seconds: float,
    progress: bool,
) -> tuple[dict[str, Any], bool]:
    """Step until the budget is used up; evaluate, log and save on the way and at the end.

    Returns the last line of the log and whether a signal stopped the phase. All processes step, the first one writes.
    """
    start, cpu_start, before = time.monotonic(), time.process_time(), dict(run.counters)
    saved = start
    name = "cool-down" if cooling else "constant"
    unread: list[Tensor] = []  # losses of the steps since they were last fetched from the device
    recent: list[tuple[float, float]] = []  # since the last evaluation
    line: dict[str, Any] = {}
    first = run.processes.rank == 0

    def write_losses() -> None:
        if not unread:
            return
        pairs = [(loss, base) for loss, base in torch.stack(unread).tolist()]
        unread.clear()
        recent.extend(pairs)
        path, step = folder / "losses.csv", int(run.counters["step"]) - len(pairs)
        rows = "".join(f"{name},{step + i},{loss!r},{base!r}\n" for i, (loss, base) in enumerate(pairs))
        with open(path, "a", encoding="utf-8") as file:
            file.write(rows if file.tell() else "phase,step,loss,base\n" + rows)

    def evaluate() -> dict[str, Any]:
        write_losses()
        scores = validation_scores(run.averaged(), validation)
        finite = [pair for pair in recent if math.isfinite(pair[0])]
        recent.clear()
        entry: dict[str, Any] = {k: round(v, 1) for k, v in run.counters.items()}
        entry |= {"phase": name}
        entry |= {f"validation_{key}": round(value, 5) for key, value in scores._asdict().items()}
        if finite:
            entry |= {
                "training_loss": round(sum(x for x, _ in finite) / len(finite), 5),
                "training_base": round(sum(x for _, x in finite) / len(finite), 5),
            }
        with open(folder / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")  # one write: a kill cannot leave half of so short a line
        run.write_checkpoint(
            folder / "checkpoint.safetensors", **{k: v for k, v in entry.items() if k.startswith("validation_")}
        )
        return entry

    with tqdm(
        total=100,
        unit="%",
        file=sys.stderr,
        disable=not progress,
        desc="cool-down" if cooling else "pretraining",
    ) as bar:
        while True:
            used = budget.share(time.monotonic() - start, run.counters["tasks"] - before["tasks"])
            used, stopped = run.processes.greatest(used, interrupt.raised)
            if used >= 1 or stopped:
                break
            unread.append(run.step(1 - used if cooling else 1.0))
            run.counters["seconds"] = before["seconds"] + time.monotonic() - start
            run.counters["cpu_seconds"] = before["cpu_seconds"] + time.process_time() - cpu_start
            if not first:
                unread.clear()
                continue
            if int(run.counters["step"]) % evaluate_every == 0:
                line = evaluate()
            if not cooling and time.monotonic() - saved > save_seconds:
                write_losses()
                run.save(folder / "state.safetensors")
                saved = time.monotonic()
            bar.update(int(100 * used) - bar.n)
            bar.set_postfix(
                step=int(run.counters["step"]), tasks=int(run.counters["tasks"]), validation=line.get("validation_loss")
            )
    return evaluate() if first else {}, bool(stopped)
