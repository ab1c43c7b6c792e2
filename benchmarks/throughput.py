"""How many tasks per second does pretraining learn from, and where does the time go?

Whole steps of ``mothernet pretrain`` (prior, forward, backward, optimisers, moving average) on two workloads: the
training mixture, and every task of one shape (``--rows`` x ``--features``, two classes, a child of 64 units). ``small``
is a hypernetwork of 64 channels, two blocks and 64 units. First some steps to warm up, then ``--steps`` as they are,
from which tasks per second come (of wall time, and of CPU time: the machine may be shared); then half as many with a
clock around each part, which on a GPU waits for it. ``hypernetwork`` and ``head`` are forward passes; ``rest`` is the
loss, clipping, moving average and what lies between.

FLOPs are counted by hand: products of the hypernetwork's forward pass (head, prior and optimisers left out, so the
share is a lower bound), times three for the backward pass. The peak is that of a large bfloat16 product in this
process, or ``--peak-tflops``.

    python benchmarks/throughput.py --device cpu --model small
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from environment import environment

from mothernet import validation
from mothernet.hypernetwork import HypernetworkConfig
from mothernet.prior import PriorConfig, TaskShape
from mothernet.training_run import Plan, PretrainingConfig, Run

MODELS = {"default": HypernetworkConfig(), "small": HypernetworkConfig(embedding=64, blocks=2, units=64)}
RESULTS = Path(__file__).parent / "results" / "throughput.jsonl"


def step_flops(model: HypernetworkConfig, plan: Plan) -> float:
    """Of the products of one forward and backward pass over a batch."""
    E, S, cells = model.embedding, plan.shape.support, plan.shape.features + 1
    T = S + model.kinds(plan.width).count("l")
    linear = (6 * E * E + 2 * model.mlp_factor * E * E) * T + 2 * E * E * S  # per column; the data alone are keys down
    attention = 2 * E * T * cells + 2 * E * T * S
    embedding = (1 + 2 * model.frequencies) * E * S
    return 3 * 2 * plan.tasks * cells * (model.blocks * (linear + attention) + embedding)


def measured_peak(device: str) -> float:
    """FLOPs per second of a large bfloat16 product; the best of ten."""
    size = 8192 if device == "cuda" else 2048
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    best = float("inf")
    for _ in range(10):
        start = now(device)
        a @ b
        best = min(best, now(device) - start)
    return 2 * size**3 / best


def now(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def measure(run: Run, steps: int) -> dict[str, Any]:
    """Whole steps, then steps with clocks in them."""
    device = run.device
    for _ in range(max(3, steps // 4)):
        run.step(1.0)
    first, tasks = int(run.counters["step"]), run.counters["tasks"]
    start, cpu = now(device), time.process_time()
    for _ in range(steps):
        run.step(1.0)
    seconds, cpu_seconds = now(device) - start, time.process_time() - cpu
    tasks = run.counters["tasks"] - tasks
    flops = sum(step_flops(run.model, run.plan(i)) for i in range(first, first + steps))
    spent: dict[str, float] = defaultdict(float)

    def clocked(part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            start = now(device)
            result = call(*arguments, **options)
            spent[part] += now(device) - start
            return result

        return wrapped

    with (
        mock.patch.object(run, "pool", None),  # drawn in turn, so that it can be told apart
        mock.patch.object(run, "_draw", clocked("prior", run._draw)),
        mock.patch.object(run.network, "forward", clocked("hypernetwork", run.network.forward)),
        mock.patch.object(validation, "mean_of_kinds", clocked("head", validation.mean_of_kinds)),
        mock.patch.object(torch.Tensor, "backward", clocked("backward", torch.Tensor.backward)),
        mock.patch.object(run.optimisers[0], "step", clocked("AdamW", run.optimisers[0].step)),
        mock.patch.object(run.optimisers[1], "step", clocked("Muon", run.optimisers[1].step)),
    ):
        start = now(device)
        for _ in range(max(1, steps // 2)):
            run.step(1.0)
        whole = now(device) - start
    return {
        "steps": steps,
        "tasks_per_step": tasks / steps,
        "tasks_per_second": round(tasks / seconds, 2),
        "tasks_per_cpu_second": round(tasks / cpu_seconds, 2),
        "gflop_per_task": round(flops / tasks / 1e9, 3),
        "flops_per_second": flops / seconds,
        "share_of_time": {
            part: round(value / whole, 3) for part, value in {**spent, "rest": whole - sum(spent.values())}.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--model", choices=MODELS, default="default")
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--features", type=int, default=10)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--peak-tflops", type=float)
    args = parser.parse_args()
    config = PretrainingConfig.suited(args.device)
    peak = 1e12 * args.peak_tflops if args.peak_tflops else measured_peak(args.device)
    header = environment(["torch"]) | {
        "model": args.model,
        "device": torch.cuda.get_device_name() if args.device == "cuda" else f"cpu, {torch.get_num_threads()} threads",
        "peak_tflops": round(peak / 1e12, 3),
        "peak": "given" if args.peak_tflops else "measured",
    }
    with open(RESULTS, "a", encoding="utf-8") as file:
        file.write(json.dumps(header) + "\n")
    for workload in ("mixture", f"{args.rows} x {args.features}"):
        run = Run(MODELS[args.model], PriorConfig(), config, args.device)
        if workload != "mixture":
            shape = TaskShape(args.rows, PriorConfig().query, args.features, 2)
            tasks = max(2, min(config.tasks, config.cells // ((args.rows + 64) * (args.features + 1))))
            run.plan = lambda index, shape=shape, tasks=tasks: Plan(index, shape, 64, tasks)  # type: ignore
        result = {"workload": workload, **measure(run, args.steps)}
        result["share_of_peak"] = round(result.pop("flops_per_second") / peak, 4)
        with open(RESULTS, "a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")
        print(json.dumps(result))


if __name__ == "__main__":
    main()
