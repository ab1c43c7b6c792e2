"""How long does a fit on 1,000 rows take?

    python benchmarks/fit_time.py [--checkpoint FILE]

Synthetic tables (scikit-learn's ``make_classification``, seed 0), all cores, or as many as OMP_NUM_THREADS says; the
checkpoint is loaded before. For every shape fifteen fits in a row, then as many of logistic regression (standardised)
for scale; not by turns, or threads that one has left waiting for work would take a core from the other: median,
minimum and maximum in seconds.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from typing import Any

from common.results import Run, benchmark_parser
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from mothernet import MotherNetClassifier

ROWS, FITS = 1000, 15
SHAPES = ((20, 2), (20, 5), (77, 2), (77, 8))  # features, classes


def main() -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--checkpoint", metavar="FILE", help="default: the one in the package")
    args = parser.parse_args()
    run = Run.start(
        "fit_time", __doc__, args, {"rows": ROWS, "fits": FITS, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS")}
    )
    rows: list[dict[str, Any]] = []
    summary = []
    for features, classes in tqdm(SHAPES, file=sys.stderr):
        X, y = make_classification(ROWS, features, n_informative=10, n_classes=classes, random_state=0)
        models = {
            "mothernet": MotherNetClassifier(checkpoint=args.checkpoint).fit(X[:200], y[:200]),
            "logistic-regression": make_pipeline(StandardScaler(), LogisticRegression()),
        }
        for name, model in models.items():
            for repetition in range(FITS):
                start = time.perf_counter()
                model.fit(X, y)
                about = {"model": name, "features": features, "classes": classes, "repetition": repetition}
                rows.append(about | {"seconds": round(time.perf_counter() - start, 4)})
        for name in models:
            times = [row["seconds"] for row in rows[-FITS * len(models) :] if row["model"] == name]
            spread = {"median": round(statistics.median(times), 4), "min": min(times), "max": max(times)}
            summary.append({"model": name, "features": features, "classes": classes, **spread})
            print(summary[-1])
    run.finish({"seconds": summary}, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
