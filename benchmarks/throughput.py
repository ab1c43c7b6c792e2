"""How many tasks per second does pretraining learn from, and where does the time go?

    python benchmarks/throughput.py --device cpu --model small

Whole steps of ``mothernet pretrain`` (prior, forward, backward, optimisers, moving average) on two workloads: the
training mixture, and every task of one shape (``--rows`` x ``--features``, two classes, a child of 64 units). ``small``
is a hypernetwork of 64 channels, two blocks and 64 units. First some steps to warm up, then ``--steps`` as they are,
from which tasks per second come (of wall time, and of CPU time: the machine may be shared); then half as many with a
clock around each part, which on a GPU waits for it. ``hypernetwork`` and ``output layer`` are forward passes; ``rest``
is the loss, clipping, moving average and what lies between.

FLOPs are counted by hand: products of the hypernetwork's forward pass (output layer, prior and optimisers left out, so
the share is a lower bound), times three for the backward pass. The peak is that of a large bfloat16 product in this
process, or ``--peak-tflops``.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import torch
from common.results import Run as Benchmark
from common.results import benchmark_parser

from mothernet.network.config import HypernetworkConfig
from mothernet.pretraining import PretrainingConfig
from mothernet.pretraining.batches import BatchPlan
from mothernet.pretraining.run import Run
from mothernet.pretraining.timing import PartTimer
from mothernet.prior import PriorConfig, TaskShape

MODELS = {"default": HypernetworkConfig(), "small": HypernetworkConfig(embedding=64, blocks=2, units=64)}
CHILD_WIDTH = 64  # of the workload of one shape


def step_flops(model: HypernetworkConfig, plan: BatchPlan) -> float:
    """Of the products of one forward and backward pass over a batch."""
    E, S, cells = model.embedding, plan.shape.support, plan.shape.features + 1
    T = S + model.unit_types(plan.width).count("learned")
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
        start = clock(device)
        _ = a @ b
        best = min(best, clock(device) - start)
    return 2 * size**3 / best


def clock(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def measure(run: Run, steps: int) -> dict[str, Any]:
    """Whole steps, then steps with clocks in them."""
    for _ in range(max(3, steps // 4)):
        run.step(1.0)
    first, tasks_before = int(run.counters["step"]), run.counters["tasks"]
    start, cpu = clock(run.device), time.process_time()
    for _ in range(steps):
        run.step(1.0)
    seconds, cpu_seconds = clock(run.device) - start, time.process_time() - cpu
    tasks = run.counters["tasks"] - tasks_before
    flops = sum(step_flops(run.model, run.plan(index)) for index in range(first, first + steps))
    timer = PartTimer(run.device)
    start = clock(run.device)
    for _ in range(max(1, steps // 2)):
        run.step(1.0, timed=timer)
    whole = clock(run.device) - start
    parts = {**timer.seconds, "rest": whole - sum(timer.seconds.values())}
    return {
        "steps": steps,
        "tasks_per_step": tasks / steps,
        "tasks_per_second": round(tasks / seconds, 2),
        "tasks_per_cpu_second": round(tasks / cpu_seconds, 2),
        "gflop_per_task": round(flops / tasks / 1e9, 3),
        "flops_per_second": flops / seconds,
        **{f"share_{part.lower().replace(' ', '_')}": round(value / whole, 3) for part, value in parts.items()},
    }


def main() -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--model", choices=MODELS, default="default")
    parser.add_argument("--rows", type=int, default=512, metavar="N", help="of the workload of one shape")
    parser.add_argument("--features", type=int, default=10, metavar="N", help="of the workload of one shape")
    parser.add_argument("--steps", type=int, default=24, metavar="N")
    parser.add_argument("--peak-tflops", type=float, metavar="X", help="of the device; default: measured")
    args = parser.parse_args()
    config, prior = PretrainingConfig.suited(args.device), PriorConfig()
    peak = 1e12 * args.peak_tflops if args.peak_tflops else measured_peak(args.device)
    protocol = {
        "model": args.model,
        "device": torch.cuda.get_device_name() if args.device == "cuda" else f"cpu, {torch.get_num_threads()} threads",
        "peak_tflops": round(peak / 1e12, 3),
        "peak": "given" if args.peak_tflops else "measured",
    }
    benchmark = Benchmark.start("throughput", __doc__, args, protocol, ["mothernet", "torch"])
    shape = TaskShape(args.rows, prior.query, args.features, 2)
    tasks = max(2, min(config.tasks, config.cells // ((args.rows + CHILD_WIDTH) * (args.features + 1))))
    workloads = {
        "mixture": Run(MODELS[args.model], prior, config, args.device),
        f"{args.rows} x {args.features}": Run(
            MODELS[args.model],
            prior,
            config,
            args.device,
            plan=lambda index: BatchPlan(index, shape, CHILD_WIDTH, tasks),
        ),
    }
    rows = []
    for workload, run in workloads.items():
        found = {"workload": workload, **measure(run, args.steps)}
        found["share_of_peak"] = round(found.pop("flops_per_second") / peak, 4)
        rows.append(found)
        print(found, flush=True)
    benchmark.finish({"workloads": rows}, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
