"""The loop of pretraining: budgets, evaluation, saving, and a cool-down.

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

from mothernet.network.checkpoint import load_checkpoint
from mothernet.network.config import HypernetworkConfig
from mothernet.pretraining.config import PretrainingConfig
from mothernet.pretraining.processes import Processes
from mothernet.pretraining.run import Run
from mothernet.pretraining.state import read_state, write_state
from mothernet.pretraining.validation import VALIDATION_SEED, validation_scores, validation_tasks
from mothernet.prior import PriorConfig, TaskBatch

__all__ = ["pretrain"]

_STATE, _CHECKPOINT = "state.safetensors", "checkpoint.safetensors"
_LOG, _LOSSES = "log.jsonl", "losses.csv"


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

    Raises
    ------
    ValueError
        If there is no budget, if what is asked for does not fit the state or the checkpoint, if a file is damaged, or
        if the model is too large or its batches cannot be shared out (see :class:`mothernet.pretraining.run.Run`).
    """
    if minutes is None and tasks is None:
        raise ValueError("a budget must be given, however: neither minutes nor tasks are. Name one.")
    folder = Path(state_dir)
    folder.mkdir(parents=True, exist_ok=True)
    state = read_state(folder / _STATE) if (folder / _STATE).is_file() else None
    if state is not None and start is not None:
        raise ValueError(
            f"only a fresh run starts from a checkpoint, however: {str(folder / _STATE)!r} exists. Leave the "
            "checkpoint out to go on with it, or name an empty folder."
        )
    checkpoint = None if start is None else load_checkpoint(start)
    config = config or (state.config if state else PretrainingConfig.suited(device))
    if config.seed == VALIDATION_SEED:
        raise ValueError(
            f"seed must be another than {VALIDATION_SEED}, which is reserved for the validation tasks, however: it is "
            "that. Choose another."
        )
    if model is None:
        model = state.model if state else checkpoint.config if checkpoint else HypernetworkConfig()
    prior = prior or (state.prior if state else PriorConfig())
    with Processes(device) as processes, _Interrupt() as interrupt:
        run = Run(model, prior, config, device, processes)
        if state is not None:
            run.restore(state)
        elif checkpoint is not None:
            run.start_from(checkpoint)
        first = processes.rank == 0
        phase = partial(
            _run_phase,
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
            write_state(folder / _STATE, run.state())
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


class _Journal:
    """What a phase leaves in the run's folder: losses of its steps, evaluations, checkpoints."""

    def __init__(self, run: Run, folder: Path, validation: list[TaskBatch], phase: str) -> None:
        self.run, self.folder, self.validation, self.phase = run, folder, validation, phase
        self.line: dict[str, Any] = {}  # the last evaluation
        self._unread: list[Tensor] = []  # losses of the steps since they were last fetched from the device
        self._recent: list[tuple[float, float]] = []  # since the last evaluation

    def add(self, losses: Tensor) -> None:
        """Remember the losses of a step, without waiting for them."""
        self._unread.append(losses)

    def write_losses(self) -> None:
        """Append the losses of the steps since the last time."""
        if not self._unread:
            return
        pairs = [(loss, base) for loss, base in torch.stack(self._unread).tolist()]
        self._unread.clear()
        self._recent.extend(pairs)
        step = int(self.run.counters["step"]) - len(pairs)
        rows = "".join(f"{self.phase},{step + i},{loss!r},{base!r}\n" for i, (loss, base) in enumerate(pairs))
        with open(self.folder / _LOSSES, "a", encoding="utf-8") as file:
            file.write(rows if file.tell() else "phase,step,loss,base\n" + rows)

    def evaluate(self) -> None:
        """Score the moving average, append the line to the log and write the checkpoint."""
        self.write_losses()
        scores = validation_scores(self.run.averaged(), self.validation)
        scored = {f"validation_{key}": round(value, 5) for key, value in scores._asdict().items()}
        self.line = {key: round(value, 1) for key, value in self.run.counters.items()}
        self.line |= {"phase": self.phase} | scored
        finite = [pair for pair in self._recent if math.isfinite(pair[0])]
        self._recent.clear()
        if finite:
            loss, base = (sum(values) / len(finite) for values in zip(*finite, strict=True))
            self.line |= {"training_loss": round(loss, 5), "training_base": round(base, 5)}
        with open(self.folder / _LOG, "a", encoding="utf-8") as file:
            file.write(json.dumps(self.line) + "\n")  # one write: a kill cannot leave half of so short a line
        self.run.write_checkpoint(self.folder / _CHECKPOINT, **scored)


def _run_phase(
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
    journal = None
    if run.processes.rank == 0:
        journal = _Journal(run, folder, validation, "cool-down" if cooling else "constant")
    with tqdm(
        total=100,
        unit="%",
        file=sys.stderr,
        disable=not progress or sys.stderr is None,
        desc="cool-down" if cooling else "pretraining",
    ) as bar:
        while True:
            used = budget.share(time.monotonic() - start, run.counters["tasks"] - before["tasks"])
            used, stopped = run.processes.max(used, interrupt.raised)
            if used >= 1 or stopped:
                break
            losses = run.step(1 - used if cooling else 1.0)
            run.counters["seconds"] = before["seconds"] + time.monotonic() - start
            run.counters["cpu_seconds"] = before["cpu_seconds"] + time.process_time() - cpu_start
            if journal is None:
                continue
            journal.add(losses)
            step, tasks = (int(run.counters[name]) for name in ("step", "tasks"))
            if step % evaluate_every == 0:
                journal.evaluate()
            if not cooling and time.monotonic() - saved > save_seconds:
                journal.write_losses()
                write_state(folder / _STATE, run.state())
                saved = time.monotonic()
            bar.update(int(100 * used) - bar.n)
            bar.set_postfix(step=step, tasks=tasks, validation=journal.line.get("validation_loss"))
    if journal is None:
        return {}, bool(stopped)
    journal.evaluate()
    return journal.line, bool(stopped)
