"""What does each choice of the hypernetwork, its training and its prior bring, at equal tasks?

    python benchmarks/ablations.py --variants base,adamw --tasks 2000 --seeds 0,1
    python benchmarks/ablations.py --table

Small networks are trained on some thousands of synthetic tasks, one change from the base at a time
(benchmarks/ablation_variants.py), and evaluated on fixed tasks from the default prior that no run trains on. Runs of
one seed see the same tasks in the same order, whatever the variant (unless it changes the prior). Reported: query loss
(nats, at most 3 per task) and one-vs-one ROC AUC of children from one forward pass, the loss with the output layer's
penalty cross-validated, processor seconds per 1,000 tasks without drawing them. ``untrained``, ``logistic-regression``
and ``random-forest`` are for scale. Differences are paired over validation tasks. Tasks are drawn once per prior and
seed and kept in --cache. Each run appends its line to ``benchmarks/results/ablations.jsonl`` at once; a run that is
there already is not repeated. ``--table`` writes the tables of docs/ablations.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from ablation_variants import VARIANTS, AblationNetwork, Head, Variant
from environment import environment
from safetensors import safe_open
from safetensors.torch import save_file
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from mothernet.files import replaced
from mothernet.fitting import _cross_validated
from mothernet.head import cross_entropy, solve
from mothernet.muon import Muon
from mothernet.prior import PriorConfig, TaskBatch, TaskShape, sample_shape, sample_tasks
from mothernet.validation import VALIDATION_SEED

RESULTS = Path(__file__).parent / "results" / "ablations.jsonl"
DOCUMENT = Path(__file__).parent.parent / "docs" / "ablations.md"
GROUP = 8  # tasks drawn together
BEGIN, END = "<!-- tables: benchmarks/ablations.py --table -->", "<!-- end of tables -->"
WARM_UP = 0.1  # share of the tasks
MAX_LOSS = 3.0  # nats per validation task
CROSS_VALIDATED_STRIDE = 4  # every fourth validation task is also evaluated with a cross-validated penalty
SCALE_ROWS = ("untrained", "logistic-regression", "random-forest")
PACKAGES = ("mothernet", "numpy", "scikit-learn", "torch")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", default="base", metavar="A,B", help=f"of {', '.join([*SCALE_ROWS, *VARIANTS])}")
    parser.add_argument("--tasks", type=int, default=2000, metavar="N", help="training tasks of a run")
    parser.add_argument("--seeds", default="0", metavar="A,B")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "mothernet-tasks", metavar="DIR")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="write docs/ablations.md's tables from the results")
    args = parser.parse_args()
    if args.table:
        write_tables(args.out, DOCUMENT)
        return 0
    names = args.variants.split(",")
    unknown = [name for name in names if name not in (*SCALE_ROWS, *VARIANTS)]
    if unknown or args.tasks < 32:
        print(
            f"There is no variant {unknown[0]!r}. Choose from --help." if unknown else "--tasks must be at least 32.",
            file=sys.stderr,
        )
        return 2
    warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")
    torch.set_num_threads(1)
    validation = validation_tasks()
    mark = fingerprint(validation)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    append(
        args.out, {"kind": "header", "benchmark": "ablations", **environment(PACKAGES), "prior": asdict(PriorConfig())}
    )
    for seed in map(int, args.seeds.split(",")):
        for name in names:
            key = {"variant": name, "seed": seed, "tasks": args.tasks, "validation": mark}
            if name in SCALE_ROWS:
                key |= {"seed": 0, "tasks": 0}
            if any(key.items() <= line.items() for line in lines_of(args.out)):
                continue
            line = measure(name, seed, args.tasks, validation, args.cache)
            append(args.out, {"kind": "run", **key, **line})
            print(
                name,
                seed,
                *(f"{m} {mean(line[m]):.4f}" for m in METRICS if line[m]),
                line["seconds_per_1000"],
                flush=True,
            )
    return 0


METRICS = ("loss", "auc", "cross_validated_loss")


def append(path: Path, line: dict[str, Any]) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def lines_of(path: Path) -> list[dict[str, Any]]:
    with open(path, encoding="utf-8") as file:
        return [json.loads(text) for text in file]


def mean(values: list[float | None]) -> float:
    return float(np.nanmean(np.array(values, float)))


def measure(name: str, seed: int, n_tasks: int, validation: list[TaskBatch], cache: Path) -> dict[str, Any]:
    """Metrics per validation task, and the cost of training."""
    if name in SCALE_ROWS and name != "untrained":
        return {**classifier_scores(name, validation), "seconds_per_1000": None}
    variant = VARIANTS["base" if name == "untrained" else name]
    if name == "untrained":
        network, seconds = new_network(variant, seed), 0.0
    else:
        network, seconds = train(variant, seed, training_tasks(variant.prior_config(), seed, n_tasks, cache))
    per_1000 = round(1000 * seconds / n_tasks, 2) if seconds else None
    parameters = sum(p.numel() for p in network.parameters())
    return {**network_scores(network, validation), "seconds_per_1000": per_1000, "parameters": parameters}


# tasks


def validation_tasks(groups: int = 96, tasks: int = 4) -> list[TaskBatch]:
    """Fixed tasks of the default mixture, of shapes within the small setting, with a seed that no run may use."""
    prior = VARIANTS["base"].prior_config()
    batches = []
    for i in range(groups):
        shape = TaskShape(
            support=(30, 50, 75, 100)[i % 4],
            query=192,
            features=(3, 4, 6, 8)[i // 4 % 4],
            classes=(2, 2, 3, 2, 4, 3)[i // 16],
        )
        batches.append(sample_tasks(prior, tasks, shape, seed=VALIDATION_SEED, index=i))
    return batches


def fingerprint(batches: list[TaskBatch]) -> str:
    """Names the validation tasks, which change with the code of the prior."""
    digest = hashlib.sha256()
    for batch in batches:
        digest.update(batch.X.numpy().tobytes() + batch.y.numpy().tobytes())
    return digest.hexdigest()[:12]


def training_tasks(prior: PriorConfig, seed: int, n_tasks: int, folder: Path) -> list[TaskBatch]:
    """Groups of eight tasks of a shape; from the cache if they were drawn before by the same code."""
    groups = math.ceil(n_tasks / GROUP)
    probe = [sample_tasks(prior, 2, sample_shape(prior, seed, i), seed=seed, index=i) for i in range(40)]
    name = hashlib.sha256(f"{prior}/{seed}/{groups}/{fingerprint(probe)}".encode()).hexdigest()[:16]
    path = folder / f"{name}.safetensors"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        tensors, shapes = {}, []
        for i in tqdm(range(groups), desc="drawing tasks", file=sys.stderr, disable=not sys.stderr.isatty()):
            batch = sample_tasks(prior, GROUP, sample_shape(prior, seed, i), seed=seed, index=i)
            tensors |= {f"{i}.X": batch.X.contiguous(), f"{i}.y": batch.y.to(torch.int8)}
            shapes.append([*batch.shape, batch.kind])
        with replaced(path) as temporary:
            save_file(tensors, temporary, metadata={"shapes": json.dumps(shapes)})
    with safe_open(path, "pt") as file:
        shapes = json.loads(file.metadata()["shapes"])
        return [
            TaskBatch(file.get_tensor(f"{i}.X"), file.get_tensor(f"{i}.y").long(), TaskShape(*shape), kind)
            for i, (*shape, kind) in enumerate(shapes)
        ]


# training


def new_network(variant: Variant, seed: int) -> AblationNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AblationNetwork(variant, variant.prior_config().max_features)


def steps_of(groups: list[TaskBatch], task_batch: int) -> Iterator[list[TaskBatch]]:
    """What each step averages over: halves of a group, or several groups."""
    if task_batch >= GROUP:
        together = task_batch // GROUP
        yield from (groups[i : i + together] for i in range(0, len(groups), together))
        return
    for group in groups:
        for i in range(0, GROUP, task_batch):
            yield [group._replace(X=group.X[i : i + task_batch], y=group.y[i : i + task_batch])]


def sample_width(dice: random.Random, units: int) -> int:
    """A random width, as in pretraining; the widest is the most frequent."""
    return min(units, dice.choices([16, 32, 64, 128], [0.1, 0.15, 0.25, 0.5])[0])


def train(variant: Variant, seed: int, groups: list[TaskBatch]) -> tuple[AblationNetwork, float]:
    """The network with averaged weights, and processor seconds."""
    network = new_network(variant, seed)
    average = {name: p.detach().clone() for name, p in network.state_dict().items()}
    matrices = {n: p for n, p in network.named_parameters() if p.ndim == 2 and n.startswith("blocks.")}
    others = [p for n, p in network.named_parameters() if n not in matrices]
    decay = variant.matrix_weight_decay
    second: torch.optim.Optimizer
    if variant.muon:
        second = Muon(matrices.values(), lr=1.0, weight_decay=decay)
    else:
        second = torch.optim.AdamW(matrices.values(), lr=1.0, weight_decay=decay, betas=(0.9, 0.98))
    optimisers = [
        (torch.optim.AdamW(others, lr=1.0, weight_decay=0.01, betas=(0.9, 0.98)), variant.learning_rate),
        (second, variant.matrix_learning_rate),
    ]
    steps = list(steps_of(groups, variant.task_batch))
    dice = random.Random(f"width/{seed}")
    start = time.process_time()
    for index, batches in enumerate(steps):
        done = index / len(steps)
        rate = min(1.0, (index + 1) / (WARM_UP * len(steps)))
        if variant.cool_down:
            rate = min(rate, (1 - done) / variant.cool_down)
        for optimiser, learning_rate in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate * learning_rate
            optimiser.zero_grad()
        for batch in batches:
            width = sample_width(dice, network.config.units) if variant.sampled_width else network.config.units
            loss = query_losses(network, batch, width, variant.head_steps).clamp(max=5).mean() / len(batches)
            loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        if bool(norm.isfinite()):
            for optimiser, _ in optimisers:
                optimiser.step()
            keep = min(variant.average, (index + 1) / (index + 10))
            for name, p in network.state_dict().items():
                average[name].lerp_(p, 1 - keep)
    seconds = time.process_time() - start
    network.load_state_dict(average)
    return network, seconds


def head_of(network: AblationNetwork, batch: TaskBatch, width: int) -> Head:
    with torch.autocast("cpu", torch.bfloat16, enabled=torch.ops.mkldnn._is_mkldnn_bf16_supported()):
        return network.head(batch, width)


def query_losses(network: AblationNetwork, batch: TaskBatch, width: int, steps: int) -> torch.Tensor:
    """Query loss (nats) of each task: (B,)."""
    S, C = batch.shape.support, batch.shape.classes
    logits = head_of(network, batch, width).logits(batch.y[:, :S], C, steps)
    return cross_entropy(logits, batch.y[:, S:])


# evaluation


@torch.no_grad()
def network_scores(network: AblationNetwork, validation: list[TaskBatch]) -> dict[str, list[float | None]]:
    """Metrics per validation task of the network's children."""
    losses: list[float] = []
    aucs: list[float] = []
    cross_validated: list[float] = []
    for batch in validation:
        S, C = batch.shape.support, batch.shape.classes
        y, target = batch.y[:, :S], batch.y[:, S:]
        head = head_of(network, batch, network.config.units)
        logits = head.logits(y, C, network.variant.head_steps)
        losses += cross_entropy(logits, target).clamp(max=MAX_LOSS).tolist()
        for p, labels in zip(logits.softmax(-1).double().numpy(), target.numpy(), strict=True):
            aucs.append(auc(labels, p))
        for b in range(0, len(y), CROSS_VALIDATED_STRIDE):
            loss = cross_entropy(cross_validated_logits(head, b, y[b], C), target[b][None])
            cross_validated.append(float(loss.clamp(max=MAX_LOSS)))
    return rounded({"loss": losses, "auc": aucs, "cross_validated_loss": cross_validated})


def cross_validated_logits(head: Head, b: int, y: torch.Tensor, n_classes: int) -> torch.Tensor:
    """Query logits (1, Q, C) of task b with the output layer solved as a fit solves it."""
    phi, query = head.phi[b : b + 1].double(), head.phi_query[b : b + 1].double()
    present = y.unique()
    labels = torch.searchsorted(present, y)
    group = 2 * (head.penalty[b] != head.penalty[b, 0]).long()  # inputs, units
    rng = np.random.default_rng(0)
    penalty = head.penalty[b : b + 1].double()
    penalty = penalty * _cross_validated(phi, labels, len(present), penalty, group, rng)[group]
    onehot = F.one_hot(labels, len(present)).double()[None]
    logits = torch.full((1, query.shape[1], n_classes), math.log(1e-2 / len(y)), dtype=torch.float64)
    logits[..., present] = solve(phi, onehot, penalty, steps=200, tolerance=1e-8)(query).log_softmax(-1)
    return logits


def classifier_scores(name: str, validation: list[TaskBatch]) -> dict[str, list[float | None]]:
    """Metrics per validation task of a classifier of scikit-learn."""
    losses, aucs = [], []
    for batch in validation:
        S, C = batch.shape.support, batch.shape.classes
        for X, y in zip(batch.X.numpy(), batch.y.numpy(), strict=True):
            model: Any = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
            if name == "random-forest":
                model = RandomForestClassifier(100, random_state=0)
            p = np.full((len(X) - S, C), 1e-2 / S)
            if len(np.unique(y[:S])) > 1:
                model.fit(X[:S], y[:S])
                p[:, model.classes_] += model.predict_proba(X[S:])
            else:
                p[:, y[0]] += 1
            p /= p.sum(1, keepdims=True)
            losses.append(min(MAX_LOSS, float(-np.log(p[np.arange(len(p)), y[S:]]).mean())))
            aucs.append(auc(y[S:], p))
    return rounded({"loss": losses, "auc": aucs, "cross_validated_loss": []})


def auc(y: np.ndarray, p: np.ndarray) -> float:
    """One-vs-one ROC AUC over the classes that the rows hold; nan if there is one only."""
    seen = np.unique(y)
    if len(seen) < 2:
        return math.nan
    if len(seen) == 2:
        return float(roc_auc_score(y == seen[1], p[:, seen[1]] - p[:, seen[0]]))
    return float(roc_auc_score(y, p[:, seen] / p[:, seen].sum(1, keepdims=True), multi_class="ovo", labels=seen))


def rounded(scores: dict[str, list[float]]) -> dict[str, list[float | None]]:
    """For JSON: four decimals, null for nan."""
    return {n: [None if math.isnan(v) else round(v, 4) for v in values] for n, values in scores.items()}


# tables


def write_tables(results: Path, document: Path) -> None:
    """Put the table of the newest validation tasks' runs between the two comments of the document."""
    lines = lines_of(results)
    runs = [line for line in lines if line["kind"] == "run"]
    if not runs:
        raise SystemExit(f"{results} holds no runs. Run some --variants first.")
    mark = runs[-1]["validation"]
    runs = [line for line in runs if line["validation"] == mark]
    usual = Counter(line["tasks"] for line in runs if line["variant"] not in SCALE_ROWS).most_common(1)[0][0]
    by_key = {(line["variant"], line["seed"]): line for line in runs if line["tasks"] in (0, usual)}
    header = next(line for line in reversed(lines) if line["kind"] == "header")
    before, rest = document.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    body = "\n".join(
        [*scale_table(by_key), "", *difference_table(by_key), "", *budget_table(runs, usual), "", note(by_key, header)]
    )
    document.write_text(f"{before}{BEGIN}\n\n{body}\n\n{END}{after}", encoding="utf-8")


def scale_table(runs: dict[tuple[str, int], dict[str, Any]]) -> list[str]:
    rows = ["| for scale | loss, one pass | AUC, one pass | loss, cross-validated |", "|---|---|---|---|"]
    for name in (*SCALE_ROWS, "base"):
        mine = [line for (variant, _), line in sorted(runs.items()) if variant == name]
        if mine:
            cells = [np.mean([mean(line[m]) for line in mine]) if mine[0][m] else None for m in METRICS]
            texts = " | ".join("" if cell is None else f"{cell:.4f}" for cell in cells)
            rows.append(f"| {name}{f', mean of {len(mine)} seeds' if len(mine) > 1 else ''} | {texts} |")
    return rows


def differences(runs: dict[tuple[str, int], dict[str, Any]], name: str, metric: str) -> dict[int, np.ndarray]:
    """Of each seed, variant minus base on the same validation tasks."""
    return {
        seed: np.array(line[metric], float) - np.array(runs["base", seed][metric], float)
        for (variant, seed), line in sorted(runs.items())
        if variant == name and ("base", seed) in runs
    }


def run_deviation(runs: dict[tuple[str, int], dict[str, Any]], metric: str) -> tuple[float, int]:
    """Standard deviation over seeds of a variant's mean difference to the base, pooled, and how many it is of."""
    means = [[float(np.nanmean(d)) for d in differences(runs, name, metric).values()] for name in VARIANTS]
    spread = [np.var(values, ddof=1) for values in means if len(values) > 1 and any(values)]
    return (float(np.sqrt(np.mean(spread))) if spread else 0.0), len(spread)


def difference_table(runs: dict[tuple[str, int], dict[str, Any]]) -> list[str]:
    """Every variant with its paired differences; bold where it is more than two standard errors from zero."""
    deviations = {metric: run_deviation(runs, metric)[0] for metric in METRICS}
    rows = [
        "| variant | seeds | Δ loss, one pass | Δ AUC, one pass | Δ loss, cross-validated | s per 1,000 tasks |",
        "|---|---|---|---|---|---|",
    ]
    group = ""
    for name, variant in VARIANTS.items():
        mine = [line for (other, _), line in runs.items() if other == name]
        if not mine:
            continue
        seconds = np.mean([line["seconds_per_1000"] for line in mine])
        if variant.group != group:
            group = variant.group
            rows.append(f"| **{group}** | | | | | |")
        cells = []
        for metric in METRICS:
            of_seeds = differences(runs, name, metric)
            if name == "base" or not of_seeds:
                cells.append("")
                continue
            d = np.nanmean(list(of_seeds.values()), axis=0)
            d = d[~np.isnan(d)]
            error = math.hypot(d.std(ddof=1) / math.sqrt(len(d)), deviations[metric] / math.sqrt(len(of_seeds)))
            text = f"{d.mean():+.4f} ± {error:.4f}"
            cells.append(f"**{text}**" if abs(d.mean()) > 2 * error else text)
        rows.append(f"| `{name}`: {variant.says} | {len(mine)} | {' | '.join(cells)} | {seconds:.0f} |")
    return rows


def budget_table(runs: list[dict[str, Any]], usual: int) -> list[str]:
    """Variants that were also trained on another number of tasks: what the short runs say of longer ones."""
    rows = [
        "| variant, seed | tasks | loss, one pass | AUC, one pass | loss, cross-validated |",
        "|---|---|---|---|---|",
    ]
    pairs = {(line["variant"], line["seed"]) for line in runs if line["tasks"] not in (0, usual)}
    for line in sorted(runs, key=lambda line: (line["seed"], line["variant"], line["tasks"])):
        if (line["variant"], line["seed"]) in pairs:
            texts = " | ".join(f"{mean(line[m]):.4f}" for m in METRICS)
            rows.append(f"| `{line['variant']}`, {line['seed']} | {line['tasks']:,} | {texts} |")
    return rows if pairs else []


def note(runs: dict[tuple[str, int], dict[str, Any]], header: dict[str, Any]) -> str:
    (deviation, n), tasks = run_deviation(runs, "loss"), max(line["tasks"] for line in runs.values())
    base = runs["base", 0]
    return (
        f"{tasks:,} training tasks per run; {len(base['loss'])} validation tasks, {len(base['cross_validated_loss'])} "
        f"of them cross-validated. ±: standard error, from the paired differences over tasks and from the deviation of "
        f"such differences between seeds ({deviation:.4f} for the loss, pooled over {n} variants with more than one "
        f"seed). Bold: more than two of them. Seconds: processor time of one thread, beside other work; "
        f"{header['hardware']}. `benchmarks/ablations.py`, results in `benchmarks/results/ablations.jsonl`."
    )


if __name__ == "__main__":
    sys.exit(main())
