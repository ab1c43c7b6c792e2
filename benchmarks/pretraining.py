"""How good is a checkpoint, on fixed synthetic tasks and on real tables, beside common classifiers on the very same?

    python benchmarks/pretraining.py --data DIR [--checkpoint FILE] [--models one-pass,random-forest] [--splits 2]
    python benchmarks/pretraining.py --curves first=RUN/log.jsonl second=OTHER/log.jsonl

The first form scores the checkpoint (default: the one in the package) on the 256 validation tasks that no run trains
on (``mothernet.validation.validation_tasks``: 40 to 600 rows, 2 to 40 features, 2 to 10 classes) and on the ``dev``
tables of DIR by the protocol of ``accuracy.py``. ``one-pass`` takes penalties and temperature from the hypernetwork,
``cross-validated`` is what ``fit`` does, ``untrained`` is the latter with random weights. Losses are in nats, at most
3 per synthetic task; AUC is one-vs-one. Appends a header, a line per task or table, and a summary to
``benchmarks/results/pretraining.jsonl``.

The second form draws ``docs/learning-curves.png``: loss and AUC on the validation tasks over tasks and over seconds,
the runs overlaid, with the summary's other classifiers as lines. Where the prior's code changes, so do the validation
tasks: compare under one commit.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from accuracy import auc, lightgbm, models, scores, summarise, untrained_checkpoint, xgboost
from environment import environment
from scipy.special import softmax
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from mothernet.checkpoint import load_checkpoint
from mothernet.files import replaced
from mothernet.fitting import fit_child_weights
from mothernet.hypernetwork import Hypernetwork, Ramps, Standardiser, balanced_weights
from mothernet.prior import TaskBatch
from mothernet.validation import one_pass_logits, validation_tasks

RESULTS = Path(__file__).parent / "results" / "pretraining.jsonl"
PICTURE = Path(__file__).parent.parent / "docs" / "learning-curves.png"
WIDTH = 128
Predict = Callable[[TaskBatch], np.ndarray]  # probabilities (B, Q, C)


def one_pass(network: Hypernetwork) -> Predict:
    """The hypernetwork's own penalties."""
    return lambda batch: one_pass_logits(network, batch, WIDTH, steps=12).softmax(-1).numpy()


def child_probabilities(
    network: Hypernetwork, X: torch.Tensor, y: np.ndarray, n_classes: int, width: int = WIDTH
) -> np.ndarray:
    """What ``fit`` and ``predict_proba`` do, without the encoding: (S + Q, F) encoded rows, (S,) labels to (Q, C)."""
    S, (n, M) = len(y), (X.shape[1], network.config.ramps)
    features = Standardiser.fit(X[None, :S])(X[None])
    ramps = Ramps.fit(features[:, :S], balanced_weights(torch.from_numpy(y)[None], n_classes), M)
    places = np.argwhere(ramps.inverse_width[0, 0].numpy() > 0)  # (ramps, 2) feature, number
    x = ramps(features)[0].numpy()[:, np.concatenate([np.arange(n), n + places[:, 0] * M + places[:, 1]])]
    classes, code = np.unique(y, return_inverse=True)
    child = fit_child_weights(
        network,
        x[:S],
        places,
        code,
        len(classes),
        width=width,
        head="cross-validated",
        rng=np.random.default_rng(0),
    )
    pre, H = x[S:] @ child.first_weight + child.first_bias, width
    p = np.zeros((len(pre), n_classes))
    p[:, classes] = softmax(np.tanh(pre[:, :H]) @ child.output_weight + pre[:, H:], axis=1)
    return p


def cross_validated(network: Hypernetwork) -> Predict:
    """The hypernetwork's units, penalties chosen by cross-validation."""

    def predict(batch: TaskBatch) -> np.ndarray:
        tasks = zip(batch.X, batch.y[:, : batch.shape.support].numpy(), strict=True)
        return np.stack([child_probabilities(network, X, y, batch.shape.classes) for X, y in tasks])

    return predict


def classifier(make: Callable[[], Any]) -> Predict:
    """A scikit-learn classifier, fitted to each task."""

    def predict(batch: TaskBatch) -> np.ndarray:
        S, results = batch.shape.support, []
        for X, y in zip(batch.X.numpy(), batch.y.numpy(), strict=True):
            classes, code = np.unique(y[:S], return_inverse=True)
            p = np.zeros((len(y) - S, batch.shape.classes))
            p[:, classes] = make().fit(pd.DataFrame(X[:S]), code).predict_proba(pd.DataFrame(X[S:]))
            results.append(p)
        return np.stack(results)

    return predict


def predictors(network: Hypernetwork, untrained: Hypernetwork) -> dict[str, Predict]:
    """What is scored on the validation tasks, by name."""
    return {
        "one-pass": one_pass(network),
        "cross-validated": cross_validated(network),
        "untrained": cross_validated(untrained),
        "logistic-regression": classifier(lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))),
        "random-forest": classifier(lambda: RandomForestClassifier(300, random_state=0)),
        "lightgbm": classifier(lightgbm),
        "xgboost": classifier(xgboost),
    }


def synthetic(predict: dict[str, Predict]) -> Iterator[dict[str, Any]]:
    """One line per task and model."""
    for group, batch in enumerate(tqdm(validation_tasks(), desc="synthetic", file=sys.stderr)):
        y = batch.y[:, batch.shape.support :].numpy()
        for name, p in ((name, make(batch)) for name, make in predict.items()):
            for b in range(len(y)):
                clipped = np.clip(p[b], 1e-9, 1)
                likelihood = clipped[np.arange(len(clipped)), y[b]]
                line = {"kind": "score", "suite": "synthetic", "table": f"{group}.{b}", "split": 0, "model": name}
                yield line | {
                    "auc": auc(y[b], clipped) if len(np.unique(y[b])) > 1 else float("nan"),
                    "log_loss": min(3.0, float(-np.log(likelihood).mean())),
                    "accuracy": float((p[b].argmax(-1) == y[b]).mean()),
                    "fit_seconds": 0.0,
                }


def dev(data: Path, splits: int, makers: dict[str, Callable[[], Any]]) -> Iterator[dict[str, Any]]:
    """One line per table, split and model."""
    with open(data / "INDEX.csv", encoding="utf-8", newline="") as file:
        tables = [row for row in csv.DictReader(file) if row["suite"] == "dev"]
    for row in tqdm(tables, desc="dev", file=sys.stderr):
        for split in range(splits):
            yield from scores(row, data, split, makers)


def draw(runs: dict[str, Path]) -> None:
    """Loss and AUC over tasks and over seconds, the runs overlaid."""
    from matplotlib.figure import Figure

    last: dict[str, Any] = {}
    if RESULTS.is_file():
        for line in map(json.loads, RESULTS.read_text(encoding="utf-8").splitlines()):
            if line["kind"] == "summary" and line["suite"] == "synthetic":
                last |= line["models"]
    figure = Figure(figsize=(14, 7), layout="constrained")
    axes = figure.subplots(2, 2, sharey="row")
    for row, (key, scale, label) in zip(
        axes,
        (("validation_loss", "log_loss", "loss of one-pass children (nats)"), ("validation_auc", "auc", "AUC")),
        strict=True,
    ):
        for axis, over in zip(row, ("tasks", "seconds"), strict=True):
            for name, path in runs.items():
                entries = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
                axis.plot([e[over] for e in entries], [e[key] for e in entries], marker=".", label=name)
            shown = axis.get_ylim()  # of the runs; what lies beyond is in the legend only
            for style, name in zip((":", "--", "-."), ("random-forest", "lightgbm", "xgboost"), strict=True):
                if name in last:
                    value = last[name][scale]
                    axis.axhline(value, color="grey", linestyle=style, linewidth=1, label=f"{name}: {value:.3f}")
            axis.set_ylim(shown)
            axis.set_xlabel(over)
            axis.grid(alpha=0.3)
        row[0].set_ylabel(label)
        row[1].legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    with replaced(PICTURE) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
    print(PICTURE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="DIR", help="real tables; left out: synthetic tasks only")
    parser.add_argument("--checkpoint", metavar="FILE", help="default: the one in the package")
    parser.add_argument("--models", default="", metavar="A,B", help="default: all")
    parser.add_argument("--splits", type=int, default=2, metavar="N", help="of each real table")
    parser.add_argument("--curves", nargs="+", metavar="NAME=LOG", help="draw these runs instead")
    args = parser.parse_args()
    if args.curves:
        pairs = [text.partition("=") for text in args.curves]
        if not all(path for _, _, path in pairs):
            parser.error(f"--curves takes NAME=LOG, however: {' '.join(args.curves)}")
        draw({name: Path(path) for name, _, path in pairs})
        return 0
    warnings.filterwarnings("ignore")  # unconverged baselines and unseen categories, by the hundred
    with tempfile.TemporaryDirectory() as folder, open(RESULTS, "a", encoding="utf-8") as out:
        random = untrained_checkpoint(folder)
        checkpoint = load_checkpoint(args.checkpoint)
        predict = predictors(checkpoint.network, load_checkpoint(random).network)
        makers = models(args.checkpoint, random)
        makers["cross-validated"] = makers.pop("mothernet")
        chosen = args.models.split(",") if args.models else list(predict)
        if unknown := set(chosen) - set(predict):
            parser.error(f"unknown models {sorted(unknown)}; there are {', '.join(predict)}")
        about = {"checkpoint": checkpoint.fingerprint, "tasks": checkpoint.info.get("tasks"), "splits": args.splits}
        header = environment(("mothernet", "numpy", "scikit-learn", "torch"))
        out.write(json.dumps({"kind": "header", "benchmark": "pretraining", **header, **about}) + "\n")
        suites = {"synthetic": synthetic({name: predict[name] for name in chosen})}
        if args.data:
            suites["dev"] = dev(args.data, args.splits, {name: makers[name] for name in chosen})
        for suite, found in suites.items():
            lines = []
            for line in found:
                lines.append(line)
                out.write(json.dumps(line) + "\n")
            summary = summarise(lines)
            out.write(json.dumps({"kind": "summary", "suite": suite, **summary}) + "\n")
            print(suite, pd.DataFrame(summary["models"]).T.to_string(), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
