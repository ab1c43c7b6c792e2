"""How accurate is the child, beside an untrained hypernetwork and common classifiers at their defaults?

    python benchmarks/accuracy.py --data DIR --suite dev [--models mothernet,untrained] [--splits 2] [--only iris]

DIR holds ``INDEX.csv`` (suite, name, file, categorical_columns) and the CSV files that it names, each with a column
``target``. Classes of fewer than four rows are left out; of every stratified 50/50 split (seeds 0, 1, ...) at most
1,000 rows are fitted and 3,000 tested. Reported: mean one-vs-one ROC AUC, log loss (nats), accuracy, seconds to fit.
The other classifiers get one-hot categories (10 at most) and mean imputation; ``untrained`` is the same estimator with
a randomly initialised hypernetwork. Appends to ``benchmarks/results/accuracy.jsonl``: a header, a line per table, split
and model, a summary.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from environment import environment
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tqdm import tqdm

from mothernet import MotherNetClassifier
from mothernet.checkpoint import save_checkpoint
from mothernet.hypernetwork import Hypernetwork, HypernetworkConfig
from mothernet.table import read_table

TRAIN_ROWS, TEST_ROWS, CLASS_ROWS = 1000, 3000, 4
PACKAGES = ("mothernet", "numpy", "scikit-learn", "torch")


def encoded(model: Any) -> Any:
    """A classifier behind the encoding that it needs."""
    one_hot = OneHotEncoder(max_categories=10, handle_unknown="ignore", sparse_output=False)
    return make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector(dtype_include="number")),
            (one_hot, make_column_selector(dtype_exclude="number")),
        ),
        model,
    )


def lightgbm() -> Any:
    from lightgbm import LGBMClassifier

    return encoded(LGBMClassifier(n_jobs=1, verbose=-1, random_state=0))


def xgboost() -> Any:
    from xgboost import XGBClassifier

    return encoded(XGBClassifier(n_jobs=1, random_state=0))


def models(checkpoint: str | None, untrained: str) -> dict[str, Callable[[], Any]]:
    """Makers of unfitted classifiers by name."""
    return {
        "mothernet": lambda: MotherNetClassifier(checkpoint=checkpoint),
        "one-pass": lambda: MotherNetClassifier(checkpoint=checkpoint, head="one-pass"),
        "untrained": lambda: MotherNetClassifier(checkpoint=untrained),
        "logistic-regression": lambda: encoded(LogisticRegression(max_iter=1000)),
        "random-forest": lambda: encoded(RandomForestClassifier(300, random_state=0)),
        "lightgbm": lightgbm,
        "xgboost": xgboost,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--suite", required=True, metavar="NAME")
    parser.add_argument("--models", default="mothernet,untrained", metavar="A,B")
    parser.add_argument("--splits", type=int, default=2, metavar="N")
    parser.add_argument("--only", default="", metavar="A,B", help="names of tables")
    parser.add_argument("--checkpoint", metavar="FILE", help="default: the one in the package")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "accuracy.jsonl")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")  # unconverged baselines and unseen categories, by the hundred
    with open(args.data / "INDEX.csv", encoding="utf-8", newline="") as file:
        tables = [row for row in csv.DictReader(file) if row["suite"] == args.suite]
    tables = [row for row in tables if not args.only or row["name"] in args.only.split(",")]
    names = args.models.split(",")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, open(args.out, "a", encoding="utf-8") as out:
        makers = models(args.checkpoint, untrained_checkpoint(folder))
        protocol = {"suite": args.suite, "models": names, "splits": args.splits, "checkpoint": args.checkpoint}
        out.write(json.dumps({"kind": "header", "benchmark": "accuracy", **environment(PACKAGES), **protocol}) + "\n")
        lines = []
        for row in tqdm(tables, file=sys.stderr):
            for split in range(args.splits):
                for line in scores(row, args.data, split, {name: makers[name] for name in names}):
                    lines.append(line)
                    out.write(json.dumps(line) + "\n")
        summary = summarise(lines)
        out.write(json.dumps({"kind": "summary", "suite": args.suite, "tables": len(tables), **summary}) + "\n")
    print(pd.DataFrame(summary["models"]).T.to_string())
    return 0


def untrained_checkpoint(folder: str) -> str:
    """A randomly initialised hypernetwork of the default sizes."""
    path = f"{folder}/untrained.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Hypernetwork(HypernetworkConfig())
    save_checkpoint(path, network.config, network.state_dict(), {"name": "untrained"})
    return path


def scores(row: dict[str, str], data: Path, split: int, makers: dict[str, Callable[[], Any]]) -> list[dict[str, Any]]:
    """One line per model for one split of one table."""
    table = read_table(data / row["file"], "target", [name for name in row["categorical_columns"].split("|") if name])
    labels = table.target.astype(str)
    kept = (labels.map(labels.value_counts()) >= CLASS_ROWS).to_numpy()
    X, y = table.features[kept].reset_index(drop=True), pd.factorize(labels[kept], sort=True)[0]
    train, test = train_test_split(np.arange(len(X)), test_size=0.5, random_state=split, stratify=y)
    rng = np.random.RandomState(split)
    train, test = rng.permutation(train)[:TRAIN_ROWS], rng.permutation(test)[:TEST_ROWS]
    classes = np.unique(y[train])
    test = test[np.isin(y[test], classes)]
    y = np.searchsorted(classes, y)
    lines = []
    for name, make in makers.items():
        start = time.perf_counter()
        model = make().fit(X.iloc[train], y[train])
        seconds = time.perf_counter() - start
        p = np.clip(model.predict_proba(X.iloc[test]).astype(float), 1e-9, 1)
        p /= p.sum(axis=1, keepdims=True)
        lines.append(
            {"kind": "score", "suite": row["suite"], "table": row["name"], "split": split, "model": name}
            | {"auc": auc(y[test], p), "log_loss": float(log_loss(y[test], p, labels=np.arange(len(classes))))}
            | {"accuracy": float(accuracy_score(y[test], p.argmax(axis=1))), "fit_seconds": round(seconds, 3)}
        )
    return lines


def auc(y: np.ndarray, p: np.ndarray) -> float:
    """One-vs-one ROC AUC over the classes that the test rows hold."""
    seen = np.unique(y)
    p = p[:, seen] / p[:, seen].sum(1, keepdims=True)
    if len(seen) == 2:
        return float(roc_auc_score(y == seen[1], p[:, 1]))
    return float(roc_auc_score(y, p, multi_class="ovo", labels=seen))


def summarise(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over tables and splits, and the mean rank by AUC of a table's mean."""
    frame = pd.DataFrame(lines)
    means = frame.groupby("model")[["auc", "log_loss", "accuracy", "fit_seconds"]].mean().round(4)
    by_table = frame.groupby(["table", "model"])["auc"].mean().unstack()
    means["rank"] = by_table.rank(axis=1, ascending=False).mean().round(2)
    return {"models": means.to_dict("index")}


if __name__ == "__main__":
    sys.exit(main())
