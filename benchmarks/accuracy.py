"""How accurate is the child on real tables, beside an untrained hypernetwork and common classifiers at their defaults?

    python benchmarks/accuracy.py --data DIR --suites dev,cc18 [--models all] [--splits 2]

Of every stratified 50/50 split (seeds 0, 1, ...) at most 1,000 rows are fitted and at most 5,000 tested; rows of
classes with fewer than four are left out. Reported: one-vs-one ROC AUC, log loss (nats), accuracy, seconds. The other
classifiers get one-hot categories (10 at most) and mean imputation; ``predicted-penalty`` and ``untrained`` are the
estimator with penalties from the hypernetwork, and with a randomly initialised hypernetwork.

Splits, limits, the encoding of the other classifiers, clipping and scores are those of the reference protocol that
the project is judged by; on mushroom, hypothyroid and primary-tumor the AUC and loss of the child, of logistic
regression and of a random forest agree with it to 1e-9. What differs: cells are read by the project's own reader; and
where the test rows of a table with more classes hold only two of them, the AUC is that of these two instead of none.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import pandas as pd
from common.models import chosen_models, estimators, score_split, untrained_checkpoint
from common.results import Run, benchmark_parser
from common.scores import means_by_model
from common.tables import add_data_arguments, tables_of
from tqdm import tqdm

from mothernet.network.checkpoint import load_checkpoint


def main() -> int:
    parser = benchmark_parser(__doc__)
    add_data_arguments(parser, suites="dev")
    parser.add_argument("--models", default="mothernet,predicted-penalty,untrained", metavar="A,B", help="or all")
    parser.add_argument("--splits", type=int, default=2, metavar="N")
    parser.add_argument("--checkpoint", metavar="FILE", help="default: the one in the package")
    args = parser.parse_args()
    tables, models = tables_of(parser, args), chosen_models(parser, args.models)
    protocol = {
        "suites": args.suites.split(","),
        "only": args.only.split(",") if args.only else [],
        "models": models,
        "splits": args.splits,
        "checkpoint": load_checkpoint(args.checkpoint).fingerprint,
    }
    run = Run.start("accuracy", __doc__, args, protocol)
    warnings.filterwarnings("ignore")  # unconverged baselines and unseen categories, by the hundred
    rows: list[dict[str, Any]] = []
    with untrained_checkpoint() as untrained:
        makers = {name: make for name, make in estimators(args.checkpoint, untrained).items() if name in models}
        for table in tqdm(tables, file=sys.stderr):
            data = table.read()
            for seed in range(args.splits):
                about = {"suite": table.suite, "table": table.name, "split": seed}
                rows += [about | row for row in score_split(data, seed, makers)]
    suites = {}
    for suite in protocol["suites"]:
        of_suite = [row for row in rows if row["suite"] == suite]
        suites[suite] = {"tables": len({row["table"] for row in of_suite}), "models": means_by_model(of_suite)}
        print(suite, pd.DataFrame(suites[suite]["models"]).T.to_string(), sep="\n")
    run.finish({"suites": suites}, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
