"""How long does a fit take?

    python benchmarks/fit_time.py [--checkpoint FILE]

Synthetic tables of 1,000 rows (scikit-learn's ``make_classification``, seed 0), all cores; the checkpoint is loaded
and torch warmed up before. Prints and appends to ``benchmarks/results/fit_time.jsonl``: a header, then per shape the
median, least and greatest of seven fits in seconds, with logistic regression (standardised) interleaved for scale.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from environment import environment
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mothernet import MotherNetClassifier

SHAPES = ((20, 2), (20, 5), (77, 2), (77, 8))  # features, classes
FITS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", metavar="FILE", help="default: the one in the package")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "fit_time.jsonl")
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    packages = ("mothernet", "numpy", "scikit-learn", "torch")
    lines = [{"kind": "header", "benchmark": "fit_time", "threads": torch.get_num_threads(), **environment(packages)}]
    for features, classes in SHAPES:
        X, y = make_classification(1000, features, n_informative=10, n_classes=classes, random_state=0)
        ours, linear = (
            MotherNetClassifier(checkpoint=args.checkpoint),
            make_pipeline(StandardScaler(), LogisticRegression()),
        )
        ours.fit(X[:200], y[:200])
        seconds: dict[str, list[float]] = {"mothernet": [], "logistic-regression": []}
        for _ in range(FITS):
            for name, model in (("mothernet", ours), ("logistic-regression", linear)):
                start = time.perf_counter()
                model.fit(X, y)
                seconds[name].append(time.perf_counter() - start)
        for name, times in seconds.items():
            spread = {"median": statistics.median(times), "least": min(times), "greatest": max(times)}
            rounded = {key: round(value, 4) for key, value in spread.items()}
            lines.append(
                {"kind": "time", "model": name, "rows": 1000, "features": features, "classes": classes} | rounded
            )
    with open(args.out, "a", encoding="utf-8") as out:
        for line in lines:
            text = json.dumps(line)
            print(text)
            out.write(text + "\n")


if __name__ == "__main__":
    main()
