"""Pretraining: the hypernetwork learns from synthetic tasks, through the solved output layer.

Budgets are short and interrupted: a run is given minutes, is killed without warning and goes on elsewhere. Everything
a run needs is in ``DIR/state.safetensors`` (weights, moving average, optimiser moments, counters; written
atomically), and batch ``i`` of the prior depends on the seed and ``i`` alone, so a resumed run repeats nothing and
skips nothing. The learning rate is constant after its warm-up; a cool-down is a separate phase after which the state
still stands where it began.

``DIR/checkpoint.safetensors`` holds the moving average, which is what is evaluated and shipped. ``DIR/log.jsonl`` has
one line per evaluation.
"""

from __future__ import annotations

import json
import math
import os
import random
import signal
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import torch
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


def _training_batch(
    prior: PriorConfig, config: PretrainingConfig, units: int, step: int, device: str
) -> tuple[TaskBatch, int]:
    """Batch and width of a step: a function of the seed and the step alone."""
    shape = sample_shape(prior, config.seed, step)
    width = _sample_width(random.Random(f"width/{config.seed}/{step}"), units)
    cells = (shape.support + width) * (shape.features + 1)
    batch = max(2, min(config.tasks, config.cells // cells))
    return sample_tasks(prior, batch, shape, seed=config.seed, index=step, device=device), width


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


class _Run:
    """The moving parts of a run and their state file."""

    def __init__(self, model: HypernetworkConfig, prior: PriorConfig, config: PretrainingConfig, device: str) -> None:
        self.model, self.prior, self.config, self.device = model, prior, config, device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            network = Hypernetwork(model)
        self.network = network.to(device)
        self.average = {name: p.detach().clone() for name, p in self.network.state_dict().items()}
        self.counters: dict[str, float] = {"step": 0, "tasks": 0, "seconds": 0.0, "cpu_seconds": 0.0}
        matrices = {n: p for n, p in self.network.named_parameters() if p.ndim == 2 and n.startswith("blocks.")}
        others = {n: p for n, p in self.network.named_parameters() if n not in matrices}
        self.names = [*others, *matrices]
        self.optimisers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(others.values(), lr=config.learning_rate, weight_decay=0.01, betas=(0.9, 0.98)),
            Muon(matrices.values(), lr=config.matrix_learning_rate),
        ]
        self.rates = (config.learning_rate, config.matrix_learning_rate)
        self.start: str | None = None  # fingerprint of the checkpoint that the weights came from

    def step(self, rate: float) -> tuple[float, float]:
        """One update at ``rate`` times the learning rates; returns the loss and that of the class frequencies."""
        index = int(self.counters["step"])
        for optimiser, learning_rate in zip(self.optimisers, self.rates, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate * rate * min(1.0, (index + 1) / self.config.warmup_steps)
        batch, width = _training_batch(self.prior, self.config, self.model.units, index, self.device)
        y = batch.y[:, batch.shape.support :]
        with _autocast(self.device):
            logits = one_pass_logits(self.network, batch, width, self.config.head_steps)
        loss = cross_entropy(logits.float(), y).clamp(max=5).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        if bool(loss.isfinite() & norm.isfinite()):
            for optimiser in self.optimisers:
                optimiser.step()
            decay = min(self.config.moving_average, (index + 1) / (index + 10))
            for name, p in self.network.state_dict().items():
                self.average[name].lerp_(p, 1 - decay)
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        self.counters["step"] += 1
        self.counters["tasks"] += len(batch.X)
        frequency = F.one_hot(batch.y[:, : batch.shape.support], batch.shape.classes).float().mean(1)
        base = cross_entropy(torch.log(frequency + 1e-2)[:, None].expand(-1, y.shape[1], -1), y).mean()
        return float(loss.detach()), float(base)

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
        metadata = {
            "counters": self.counters,
            "model": asdict(self.model),
            "prior": asdict(self.prior),
            "config": asdict(self.config),
            "start": self.start,
        }
        with replaced(path) as temporary:
            save_file(self._tensors(), temporary, metadata={"state": json.dumps(metadata)})

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
        self.average = {
            n.removeprefix("average."): t.to(self.device) for n, t in tensors.items() if n.startswith("average.")
        }
        parameters = dict(self.network.named_parameters())
        for key, value in tensors.items():
            if key.startswith("optimiser."):
                _, slot, name = key.split(".", 2)
                owner = self.optimisers[1] if slot == "momentum" else self.optimisers[0]
                owner.state[parameters[name]][slot] = value if slot == "step" else value.to(self.device)

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
    try:
        with safe_open(path, "pt") as file:
            state = json.loads((file.metadata() or {})["state"])
            return state, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError) as error:
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
        Sizes, mixture and training; default: those of the state, or else their own defaults.
    evaluate_every : int
        Steps between evaluations on the fixed validation tasks.

    Returns
    -------
    dict
        The last line of ``log.jsonl``.
    """
    if minutes is None and tasks is None:
        raise ValueError("a budget must be given, however: neither minutes nor tasks are. Name one.")
    folder = Path(state_dir)
    folder.mkdir(parents=True, exist_ok=True)
    state = folder / "state.safetensors"
    stored = _read_state(state)[0] if state.is_file() else {"model": {}, "prior": {}, "config": {}}
    if start is not None:
        if state.is_file():
            raise ValueError(
                f"only a fresh run starts from a checkpoint, however: {str(state)!r} exists. Leave the checkpoint out "
                "to go on with it, or name an empty folder."
            )
        model = model or load_checkpoint(start).network.config
    run = _Run(
        model or HypernetworkConfig(**stored["model"]),
        prior or PriorConfig(**stored["prior"]),
        config or PretrainingConfig(**stored["config"]),
        device,
    )
    if run.config.seed == VALIDATION_SEED:
        raise ValueError(f"seed {VALIDATION_SEED} is reserved for the validation tasks. Choose another.")
    if state.is_file():
        run.load(state)
    elif start is not None:
        run.start_from(start)
    with _Interrupt() as interrupt:
        phase = partial(
            _phase,
            run,
            folder,
            validation_tasks(device),
            interrupt,
            evaluate_every=evaluate_every,
            save_seconds=save_seconds,
            progress=progress,
        )
        line = phase(_Budget(minutes, tasks), cooling=False)
        run.save(state)
        if (cool_down_minutes or cool_down_tasks) and not interrupt.raised:
            line = phase(_Budget(cool_down_minutes, cool_down_tasks), cooling=True)
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
    tasks: list[TaskBatch],
    interrupt: _Interrupt,
    budget: _Budget,
    *,
    cooling: bool,
    evaluate_every: int,
    save_seconds: float,
    progress: bool,
) -> dict[str, Any]:
    """Step until the budget is used up; evaluate, log and save on the way and at the end."""
    start, cpu_start, before = time.monotonic(), time.process_time(), dict(run.counters)
    saved = start
    losses: list[tuple[float, float]] = []
    line: dict[str, Any] = {}

    def evaluate() -> dict[str, Any]:
        scores = validation_scores(run.averaged(), tasks)
        recent = [pair for pair in losses[-evaluate_every:] if math.isfinite(pair[0])]
        entry: dict[str, Any] = {k: round(v, 1) for k, v in run.counters.items()}
        entry |= {"phase": "cool-down" if cooling else "constant"}
        entry |= {f"validation_{name}": round(value, 5) for name, value in scores._asdict().items()}
        if recent:
            entry |= {
                "training_loss": round(sum(x for x, _ in recent) / len(recent), 5),
                "training_base": round(sum(x for _, x in recent) / len(recent), 5),
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
        while not interrupt.raised:
            used = budget.share(time.monotonic() - start, run.counters["tasks"] - before["tasks"])
            if used >= 1:
                break
            losses.append(run.step(1 - used if cooling else 1.0))
            run.counters["seconds"] = before["seconds"] + time.monotonic() - start
            run.counters["cpu_seconds"] = before["cpu_seconds"] + time.process_time() - cpu_start
            if int(run.counters["step"]) % evaluate_every == 0:
                line = evaluate()
            if not cooling and time.monotonic() - saved > save_seconds:
                run.save(folder / "state.safetensors")
                saved = time.monotonic()
            bar.update(int(100 * used) - bar.n)
            bar.set_postfix(
                step=int(run.counters["step"]), tasks=int(run.counters["tasks"]), validation=line.get("validation_loss")
            )
    return evaluate()
