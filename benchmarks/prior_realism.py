"""Do sampled tasks look like real tables?

    python benchmarks/prior_realism.py --data DIR [--suite dev] [--tasks 200] [--splits 3] [--label after]

DIR holds ``INDEX.csv`` and CSV files as for ``accuracy.py``; real tables are encoded by mothernet's own preprocessing.
Compared are simple meta-features of at most 500 support rows and 128 query rows: of random rows of each real table
(stratified, ``--splits`` times, seeds 0, 1, ...) and of one task of each of the first ``--tasks`` steps of pretraining
with the default prior and seed 0. Real tables are encoded with support and query rows together. Both sides then pass
the hypernetwork's standardiser. Learners are scikit-learn's at their defaults, the forest has 100 trees; ``gain`` is
accuracy over that of the most frequent class. Prints the Kolmogorov-Smirnov distance of every meta-feature, draws
``docs/prior-realism.png`` and appends to ``benchmarks/results/prior_realism.jsonl``: a header, a line per table or
task, a summary.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from environment import environment
from scipy.stats import ks_2samp, kurtosis, skew
from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier
from tqdm import tqdm

from mothernet.columns import column_kinds, read_cells
from mothernet.hypernetwork import Standardiser
from mothernet.preprocessing import fit_encoding
from mothernet.prior import PriorConfig, sample_shape, sample_tasks
from mothernet.table import read_table

SUPPORT_ROWS, QUERY_ROWS, TASKS_PER_BATCH = 500, 128, 4
FEW_VALUES = 20
PACKAGES = ("mothernet", "numpy", "scikit-learn", "torch")
ROOT = Path(__file__).parent


def learners() -> dict[str, ClassifierMixin]:
    return {
        "nearest": KNeighborsClassifier(1),
        "linear": LogisticRegression(max_iter=300),
        "stump": DecisionTreeClassifier(max_depth=1, random_state=0),
        "tree": DecisionTreeClassifier(random_state=0),
        "forest": RandomForestClassifier(100, random_state=0),
    }


def real_tasks(data: Path, suite: str, splits: int) -> Iterator[tuple[str, Any, Any, int, float]]:
    """Name, encoded inputs (N, F), labels (N,), support rows and share of missing indicators of every split."""
    with open(data / "INDEX.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["suite"] == suite]
    for row in tqdm(rows, file=sys.stderr, desc=suite):
        table = read_table(
            data / row["file"], "target", [name for name in row["categorical_columns"].split("|") if name]
        )
        labels = table.target.astype(str)
        kept = (labels.map(labels.value_counts()) >= 4).to_numpy()
        frame, y = table.features[kept].reset_index(drop=True), pd.factorize(labels[kept], sort=True)[0]
        for split in range(splits):
            query = min(QUERY_ROWS, len(y) // 3)
            support = min(SUPPORT_ROWS, len(y) - query)
            first, last = train_test_split(
                np.arange(len(y)), train_size=support, test_size=query, random_state=split, stratify=y
            )
            X = frame.iloc[np.concatenate([first, last])]
            names = [str(name) for name in X.columns]
            kinds = column_kinds(X, names, ())
            encoding = fit_encoding(read_cells(X, names, kinds), names, kinds, n_ramps=0)
            indicators = sum(getattr(column, "missing_indicator", False) for column in encoding.columns)
            codes = np.unique(y[first], return_inverse=True)[1]  # classes of the support rows only
            known = np.isin(y[last], y[first])
            code = dict(zip(y[first], codes, strict=True))
            inputs = np.concatenate([encoding.inputs[:support], encoding.inputs[support:][known]])
            both = np.concatenate([codes, [code[label] for label in y[last][known]]]).astype(int)
            yield row["name"], inputs, both, support, indicators / inputs.shape[1]


def synthetic_tasks(config: PriorConfig, count: int, first: int = 0) -> Iterator[tuple[str, Any, Any, int, float]]:
    """The same of sampled tasks; named by the mechanism."""
    for index in tqdm(range(first, first + count), file=sys.stderr, desc="prior"):
        shape = sample_shape(config, 0, index)
        batch = sample_tasks(config, TASKS_PER_BATCH, shape, seed=0, index=index)
        support = min(SUPPORT_ROWS, shape.support)
        X, y = batch.X[0].numpy(), batch.y[0].numpy()
        rows = np.concatenate([np.arange(support), np.arange(shape.support, len(y))])
        indicators = float("nan") if batch.missing is None else float(batch.missing[0].float().mean())
        yield batch.kind, X[rows], y[rows], support, indicators


def meta_features(X: Any, y: Any, support: int, indicators: float) -> dict[str, float]:
    """Meta-features of one encoded task; NaN where there is nothing to measure."""
    tensor = torch.from_numpy(np.ascontiguousarray(X, np.float32))[None]
    Z = Standardiser.fit(tensor[:, :support])(tensor)[0].double().numpy()
    S, labels = Z[:support], y[:support]
    distinct = np.array([len(np.unique(np.round(column, 6))) for column in S.T])
    numeric = S[:, distinct > 2]
    values = distinct[distinct > 2]
    shares = np.bincount(labels) / support
    shares = shares[shares > 0]
    varied = S[:, distinct > 1]
    total = varied.var(axis=0) + 1e-9
    means = np.stack([varied[labels == c].mean(axis=0) for c in np.unique(labels)])
    explained = ((means - varied.mean(axis=0)) ** 2 * shares[:, None]).sum(axis=0) / total  # correlation ratio
    found = {
        "support rows": support,
        "inputs": Z.shape[1],
        "classes": len(shares),
        "share of two-valued inputs": float((distinct == 2).mean()),
        "share of missing indicators": indicators,
        "share of constant inputs": float((distinct < 2).mean()),
        "class entropy ratio": float(-(shares * np.log(shares)).sum() / np.log(max(2, len(shares)))),
        "rarest class": float(shares.min()),
        "best input's explained share": float(explained.max()) if len(explained) else 0.0,
        "median input's explained share": float(np.median(explained)) if len(explained) else 0.0,
    }
    if numeric.shape[1]:
        found |= {
            "median |skewness|": float(np.median(np.abs(skew(numeric, axis=0)))),
            "median excess kurtosis": float(np.median(kurtosis(numeric, axis=0))),
            "largest |z|": float(np.abs(numeric).max()),
            "distinct values / rows": float(np.median(values) / support),
            "numeric inputs of few values": float((values <= FEW_VALUES).mean()),
        }
    if varied.shape[1] > 1:
        correlation = np.corrcoef(varied.T)
        found["mean |correlation|"] = float(np.abs(correlation[np.triu_indices(len(correlation), 1)]).mean())
        eigenvalues = np.linalg.eigvalsh(correlation).clip(1e-12)
        spectrum = eigenvalues / eigenvalues.sum()
        found["effective rank / inputs"] = float(np.exp(-(spectrum * np.log(spectrum)).sum()) / len(spectrum))
    return found | performances(Z, y, support)


def performances(Z: Any, y: Any, support: int) -> dict[str, float]:
    """Accuracy gains over the most frequent class and AUC on the query rows."""
    S, labels, Q, truth = Z[:support], y[:support], Z[support:], y[support:]
    base = float((truth == np.bincount(labels).argmax()).mean())
    found: dict[str, float] = {}
    for name, model in learners().items():
        model.fit(S, labels)
        p = model.predict_proba(Q)
        found[f"{name} gain"] = float((model.classes_[p.argmax(axis=1)] == truth).mean() - base)
        found[f"{name} AUC"] = auc(truth, p, model.classes_)
        if name == "forest":
            found["forest error"] = 1 - base - found["forest gain"]
    for one, other in (("forest", "linear"), ("forest", "nearest"), ("tree", "linear"), ("forest", "stump")):
        found[f"{one} - {other}"] = found[f"{one} gain"] - found[f"{other} gain"]
        found[f"{one} - {other} AUC"] = found[f"{one} AUC"] - found[f"{other} AUC"]
    return found


def auc(truth: Any, p: Any, classes: Any) -> float:
    """Mean one-against-rest AUC of the classes that some query rows have and others have not."""
    areas = [roc_auc_score(truth == c, p[:, i]) for i, c in enumerate(classes) if 0 < (truth == c).mean() < 1]
    return float(np.mean(areas)) if areas else float("nan")


def distances(real: pd.DataFrame, synthetic: pd.DataFrame) -> pd.DataFrame:
    """Kolmogorov-Smirnov distance and quartiles of both sides for every meta-feature."""
    table = {}
    for name in real.columns:
        a, b = real[name].dropna(), synthetic[name].dropna()
        if len(a) and len(b):
            quartiles = [round(float(v), 3) for side in (a, b) for v in side.quantile([0.25, 0.5, 0.75])]
            table[name] = [round(float(ks_2samp(a, b).statistic), 3), *quartiles]
    return pd.DataFrame.from_dict(
        table, "index", columns=["KS", "real 25 %", "50 %", "75 %", "prior 25 %", "50 % ", "75 % "]
    )


def draw(real: pd.DataFrame, synthetic: pd.DataFrame, table: pd.DataFrame, path: Path) -> None:
    """Cumulative distributions, one small picture per meta-feature."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    columns = 6
    figure = Figure(figsize=(2.6 * columns, 2.1 * -(-len(table) // columns)), layout="constrained")
    axes = figure.subplots(-(-len(table) // columns), columns, squeeze=False).flatten()
    for axis, name in zip(axes, table.index, strict=False):
        for frame, colour, label in ((real, "black", "real"), (synthetic, "tab:orange", "prior")):
            values = np.sort(frame[name].dropna())
            axis.plot(values, np.arange(1, len(values) + 1) / len(values), color=colour, label=label, linewidth=1.6)
        if name in ("support rows", "inputs"):
            axis.set_xscale("log")
            axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_title(f"{name}: {table.loc[name, 'KS']:.2f}", fontsize=9)
        axis.tick_params(labelsize=7)
        axis.set_ylim(0, 1)
    for axis in axes[len(table) :]:
        axis.remove()
    axes[0].legend(fontsize=8)
    figure.suptitle("Cumulative distributions over real tables and sampled tasks; the number is their KS distance")
    figure.savefig(path, dpi=90)


def measured(tasks: Iterator[tuple[str, Any, Any, int, float]]) -> pd.DataFrame:
    return pd.DataFrame([{"name": name, **meta_features(*task)} for name, *task in tasks])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--suite", default="dev", metavar="NAME")
    parser.add_argument("--tasks", type=int, default=200, metavar="N")
    parser.add_argument("--splits", type=int, default=3, metavar="N")
    parser.add_argument("--label", default="", metavar="TEXT", help="stands in the header of the results")
    parser.add_argument("--picture", type=Path, default=ROOT.parent / "docs" / "prior-realism.png", metavar="FILE")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "prior_realism.jsonl", metavar="FILE")
    args = parser.parse_args()
    if not (args.data / "INDEX.csv").is_file():
        parser.error(f"--data must name a folder with INDEX.csv, however: {args.data} has none.")
    if args.tasks < 2 or args.splits < 1:
        parser.error("--tasks must be at least 2 and --splits at least 1.")
    warnings.filterwarnings("ignore")  # unconverged logistic regressions, by the dozen
    start = time.perf_counter()
    real = measured(real_tasks(args.data, args.suite, args.splits))
    synthetic = measured(synthetic_tasks(PriorConfig(), args.tasks))
    table = distances(real.drop(columns="name"), synthetic.drop(columns="name"))
    summary = {"kind": "summary", "mean_ks": round(float(table["KS"].mean()), 4), "ks": table["KS"].to_dict()}
    protocol = {"suite": args.suite, "tasks": args.tasks, "splits": args.splits, "label": args.label}
    header = {"kind": "header", "benchmark": "prior_realism", **environment(PACKAGES), **protocol}
    lines = [header]
    for side, frame in (("real", real), ("prior", synthetic)):
        lines += [{"kind": side, **json.loads(row.to_json(double_precision=4))} for _, row in frame.iterrows()]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with open(args.out, "a", encoding="utf-8") as out:
        out.writelines(json.dumps(line) + "\n" for line in [*lines, summary])
    draw(real, synthetic, table, args.picture)
    print(table.to_string())
    print(synthetic["name"].value_counts().to_dict(), f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
    print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
