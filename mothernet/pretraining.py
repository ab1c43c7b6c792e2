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
import signal
import sys
import time
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from mothernet.checkpoint import load_checkpoint
from mothernet.hypernetwork import HypernetworkConfig
from mothernet.prior import PriorConfig, TaskBatch
from mothernet.processes import Processes
from mothernet.training_run import PretrainingConfig, Run, read_state
from mothernet.validation import VALIDATION_SEED, validation_scores, validation_tasks

__all__ = ["PretrainingConfig", "pretrain"]


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
    stored = read_state(state)[0] if state.is_file() else {"model": {}, "prior": {}}
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
    with Processes(device) as processes, _Interrupt() as interrupt:
        run = Run(
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
    run: Run,
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
