"""How does accuracy move with what the hypernetwork is given, and with the size of the child?

    python benchmarks/limits.py [--only rows,width] [--tasks 16] [--checkpoint FILE]

On synthetic tasks of one shape per panel (drawn from the default prior with a seed that no run trains on; 1,000 query
rows), all but one quantity fixed:

    context   rows that the hypernetwork reads, 128 to 4,096, of 4,096 that the output layer is solved on
    features  2 to 500, 500 rows
    classes   2 to 30, 1,000 rows
    width     units of the child, 16 to 256, 1,000 rows
    rows      rows that the output layer is solved on, 250 to 100,000

``mothernet`` is fitted as ``fit`` does, ``untrained`` is the same with random weights; logistic regression and a random
forest stand beside. Runs on all cores. Appends a header and a line per task, model and value to
``benchmarks/results/limits.jsonl`` and draws ``docs/limits.png``: mean log loss (nats), with the standard error of its
paired difference to ``mothernet``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
from accuracy import untrained_checkpoint
from environment import environment
from joblib import Parallel, delayed
from pretraining import WIDTH, child_probabilities
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from mothernet import fitting
from mothernet.checkpoint import load_checkpoint
from mothernet.files import replaced
from mothernet.hypernetwork import Hypernetwork
from mothernet.prior import PriorConfig, TaskShape, sample_tasks
from mothernet.validation import VALIDATION_SEED

RESULTS = Path(__file__).parent / "results" / "limits.jsonl"
PICTURE = Path(__file__).parent.parent / "docs" / "limits.png"
QUERY, FEATURES, CLASSES = 1000, 12, 3
COLOURS = {"mothernet": "C0", "untrained": "C1", "logistic-regression": "C2", "random-forest": "C3"}
FIRST_TASK = 10_000  # the validation tasks of pretraining come before
PANELS = {
    "context": (128, 256, 512, 1024, 2048, 4096),
    "features": (2, 5, 10, 25, 60, 128, 250, 500),
    "classes": (2, 3, 5, 10, 20, 30),
    "width": (16, 32, 64, 128, 256),
    "rows": (250, 1000, 4000, 16_000, 100_000),
}


def task(panel: str, value: int, index: int) -> tuple[torch.Tensor, np.ndarray, int, int]:
    """Encoded rows (S + Q, F), labels (S + Q,), S and classes. Panels of rows and width differ in nothing else."""
    support = {"context": 4096, "features": 500, "classes": 1000, "width": 1000, "rows": max(PANELS["rows"])}[panel]
    features = value if panel == "features" else FEATURES
    classes = value if panel == "classes" else CLASSES
    shape = TaskShape(support, QUERY, features, classes)
    batch = sample_tasks(PriorConfig(), 1, shape, seed=VALIDATION_SEED, index=FIRST_TASK + index)
    X, y = batch.X[0], batch.y[0].numpy()
    if panel == "rows":
        kept = np.concatenate([np.arange(value), np.arange(support, len(y))])
        X, y, support = X[kept], y[kept], value
    return X, y, support, classes


def probabilities(
    model: str, networks: dict[str, Hypernetwork], panel: str, value: int, X: torch.Tensor, y: np.ndarray, C: int
) -> np.ndarray:
    """(Q, C) of the rows after the (S,) labelled ones."""
    S = len(y)
    if model in networks:
        rows = value if panel == "context" else fitting.MAX_CONTEXT_ROWS
        with patch.object(fitting, "MAX_CONTEXT_ROWS", rows):
            return child_probabilities(networks[model], X, y, C, value if panel == "width" else WIDTH)
    made = {
        "logistic-regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
        "random-forest": RandomForestClassifier(100, random_state=0),
    }[model].fit(X[:S].numpy(), y)
    p = np.zeros((len(X) - S, C))
    p[:, made.classes_] = made.predict_proba(X[S:].numpy())
    return p


def measure(panel: str, value: int, index: int, networks: dict[str, Hypernetwork]) -> list[dict[str, Any]]:
    """A line per model."""
    warnings.filterwarnings("ignore")  # unconverged logistic regressions
    X, y, S, C = task(panel, value, index)
    lines = []
    for model in (*networks, "logistic-regression", "random-forest"):
        if model not in networks and panel in ("context", "width") and value != PANELS[panel][0]:
            continue  # the same rows: the same result
        p = np.clip(probabilities(model, networks, panel, value, X, y[:S], C), 1e-9, 1)
        loss = float(-np.log(p[np.arange(len(p)), y[S:]]).clip(-3).mean())
        lines.append({"kind": "score", "panel": panel, "value": value, "task": index, "model": model, "log_loss": loss})
    return lines


def draw(lines: list[dict[str, Any]]) -> None:
    """One panel per quantity: mean loss by model."""
    from matplotlib.figure import Figure

    frame = pd.DataFrame(lines)
    panels = [panel for panel in PANELS if (frame["panel"] == panel).any()]
    figure = Figure(figsize=(4.2 * len(panels), 3.8), layout="constrained")
    for axis, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        chosen = frame[frame["panel"] == panel]
        table = chosen.pivot_table(index=["value", "task"], columns="model", values="log_loss")
        for model, colour in COLOURS.items():
            mean = table[model].groupby("value").mean().dropna()
            if len(mean) == 1:  # the same for every value
                axis.axhline(mean.iloc[0], color=colour, linestyle="--", label=model)
                continue
            error = (table[model] - table["mothernet"]).groupby("value").sem().fillna(0)
            axis.errorbar(mean.index, mean, yerr=error, color=colour, marker=".", capsize=2, label=model)
        axis.set_xscale("log")
        axis.set_xticks(PANELS[panel], [f"{value:,}" for value in PANELS[panel]], fontsize=7, rotation=45)
        axis.minorticks_off()
        axis.set_title(panel)
        axis.grid(alpha=0.3)
        axis.set_ylabel("log loss (nats)")
    axis.legend(fontsize=8)
    with replaced(PICTURE) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PANELS), metavar="A,B", help="panels")
    parser.add_argument("--tasks", type=int, default=16, metavar="N", help="per value")
    parser.add_argument("--checkpoint", metavar="FILE", help="default: the one in the package")
    args = parser.parse_args()
    if unknown := set(args.only.split(",")) - set(PANELS):
        parser.error(f"unknown panels {sorted(unknown)}; there are {', '.join(PANELS)}")
    lines: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, open(RESULTS, "a", encoding="utf-8") as out:
        checkpoint = load_checkpoint(args.checkpoint)
        networks = {"mothernet": checkpoint.network, "untrained": load_checkpoint(untrained_checkpoint(folder)).network}
        header = environment(("mothernet", "numpy", "scikit-learn", "torch"))
        about = {"checkpoint": checkpoint.fingerprint, "tasks": args.tasks}
        out.write(json.dumps({"kind": "header", "benchmark": "limits", **header, **about}) + "\n")
        jobs = [(p, value, i) for p in args.only.split(",") for i in range(args.tasks) for value in PANELS[p]]
        measured = Parallel(n_jobs=-1, return_as="generator")(delayed(measure)(*job, networks) for job in jobs)
        for of_job in tqdm(measured, total=len(jobs), file=sys.stderr):
            lines += of_job
            out.write("".join(json.dumps(line) + "\n" for line in of_job))
    draw(lines)
    print(
        pd.DataFrame(lines)
        .pivot_table(index=["panel", "value"], columns="model", values="log_loss")
        .round(4)
        .to_string()
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
