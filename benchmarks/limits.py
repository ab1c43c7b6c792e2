"""How does the loss move with what the hypernetwork is given, and with the size of the child?

    python benchmarks/limits.py [--only rows,width] [--tasks 16] [--checkpoint FILE]
    python benchmarks/limits.py --draw

On synthetic tasks of one shape per panel (drawn from the default prior with a seed that no run trains on; 1,000 query
rows), all but one quantity fixed:

    context   rows that the hypernetwork reads, 128 to 4,096, of 4,096 that the output layer is solved on
    features  2 to 500, 500 rows
    classes   2 to 30, 1,000 rows
    width     units of the child, 16 to 256, 1,000 rows
    rows      rows that the output layer is solved on, 250 to 100,000

``mothernet`` is fitted as ``fit`` does, ``untrained`` is the same with random weights; logistic regression and a random
forest (100 trees) stand beside. Runs on all cores. ``--draw`` makes ``docs/pictures/limits.png`` of the newest results:
mean log loss (nats), with the standard error of its paired difference to ``mothernet``.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from common.children import WIDTH, child_probabilities
from common.models import untrained_checkpoint
from common.results import Run, benchmark_parser, newest_rows
from joblib import Parallel, delayed
from mothernet_runtime.output import written
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from mothernet.network.checkpoint import load_checkpoint
from mothernet.network.forward import ForwardPass
from mothernet.pretraining.validation import VALIDATION_SEED
from mothernet.prior import PriorConfig, TaskShape, sample_tasks
from mothernet.settings import DEFAULT_SETTINGS

PICTURE = Path(__file__).parent.parent / "docs" / "pictures" / "limits.png"
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
SUPPORT = {"context": 4096, "features": 500, "classes": 1000, "width": 1000, "rows": 100_000}


def task(panel: str, value: int, index: int) -> tuple[torch.Tensor, npt.NDArray[np.int64], int, int]:
    """Encoded rows (S + Q, F), labels (S + Q,), S and classes. Panels of rows and width differ in nothing else."""
    support = SUPPORT[panel]
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
    model: str,
    networks: dict[str, ForwardPass],
    panel: str,
    value: int,
    X: torch.Tensor,
    y: npt.NDArray[np.int64],
    n_classes: int,
) -> npt.NDArray[np.float64]:
    """(Q, C) of the rows after the (S,) labelled ones."""
    S = len(y)
    if model in networks:
        settings = replace(DEFAULT_SETTINGS, max_context_rows=value) if panel == "context" else DEFAULT_SETTINGS
        width = value if panel == "width" else WIDTH
        return child_probabilities(networks[model], X, y, n_classes, width=width, settings=settings)
    made = {
        "logistic-regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
        "random-forest": RandomForestClassifier(100, random_state=0),
    }[model].fit(X[:S].numpy(), y)
    p = np.zeros((len(X) - S, n_classes))
    p[:, made.classes_] = made.predict_proba(X[S:].numpy())
    return p


def measure(panel: str, value: int, index: int, networks: dict[str, ForwardPass]) -> list[dict[str, Any]]:
    """A row per model."""
    warnings.filterwarnings("ignore")  # unconverged logistic regressions
    X, y, S, n_classes = task(panel, value, index)
    rows = []
    for model in COLOURS:
        if model not in networks and panel in ("context", "width") and value != PANELS[panel][0]:
            continue  # the same rows: the same result
        p = np.clip(probabilities(model, networks, panel, value, X, y[:S], n_classes), 1e-9, 1)
        loss = float(-np.log(p[np.arange(len(p)), y[S:]]).clip(-3).mean())
        rows.append({"panel": panel, "value": value, "task": index, "model": model, "log_loss": loss})
    return rows


def draw(frame: pd.DataFrame) -> None:
    """One panel per quantity: mean loss by model."""
    from matplotlib.figure import Figure

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
    with written(PICTURE) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def main() -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--only", default=",".join(PANELS), metavar="A,B", help="panels")
    parser.add_argument("--tasks", type=int, default=16, metavar="N", help="per value")
    parser.add_argument("--checkpoint", metavar="FILE", help="default: the one in the package")
    parser.add_argument("--draw", action="store_true", help="measure nothing, draw the newest results")
    args = parser.parse_args()
    if args.draw:
        draw(newest_rows("limits"))
        return 0
    panels = args.only.split(",")
    if unknown := set(panels) - set(PANELS):
        parser.error(f"--only must name panels ({', '.join(PANELS)}), however: {', '.join(sorted(unknown))}.")
    checkpoint = load_checkpoint(args.checkpoint)
    protocol = {"panels": panels, "tasks": args.tasks, "checkpoint": checkpoint.fingerprint}
    run = Run.start("limits", __doc__, args, protocol)
    with untrained_checkpoint() as path:
        networks = {"mothernet": ForwardPass(checkpoint), "untrained": ForwardPass(load_checkpoint(path))}
    jobs = [(panel, value, i) for panel in panels for i in range(args.tasks) for value in PANELS[panel]]
    measured = Parallel(n_jobs=-1, return_as="generator")(delayed(measure)(*job, networks) for job in jobs)
    rows = [row for of_job in tqdm(measured, total=len(jobs), file=sys.stderr) for row in of_job]
    table = pd.DataFrame(rows).pivot_table(index=["panel", "value"], columns="model", values="log_loss").round(4)
    print(table.to_string())
    run.finish({"log_loss": summary_of(table)}, rows)
    return 0


def summary_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Mean losses by panel and value, without the models that were not measured there."""
    return [{"panel": panel, "value": value, **row.dropna().to_dict()} for (panel, value), row in table.iterrows()]


if __name__ == "__main__":
    sys.exit(main())
