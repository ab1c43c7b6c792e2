"""How accurate is the child on real tables, beside an untrained hypernetwork, common classifiers and tuned GBDTs?

    python benchmarks/accuracy.py --data DIR --suites dev,cc18 [--models all] [--splits 2] [--jobs 2]
    python benchmarks/accuracy.py --data DIR --suites large --max-train-rows 100000 --max-test-rows 100000

Of every stratified 50/50 split (seeds 0, 1, ...) at most 1,000 rows are fitted and at most 5,000 tested; rows of
classes with fewer than four are left out. Reported: one-vs-one ROC AUC, log loss (nats), accuracy, calibration error
(of the top label, 15 bins of equal mass), seconds. The other classifiers are at their defaults on one-hot categories
(10 at most) and mean imputation. Every process uses one thread.

``mothernet-small`` and ``mothernet-large`` are the estimator of another ``size``; ``predicted-penalty`` and
``untrained`` have penalties from the hypernetwork, and a randomly initialised hypernetwork. ``lightgbm-tuned`` and
``xgboost-tuned`` have an equal budget of CPU seconds per table and split (--tuning-seconds) for a random search:
defaults first, then

    LightGBM  learning_rate log 0.01-0.3, num_leaves 4-128, min_child_samples 1-64, subsample 0.5-1 (of every tree),
              colsample_bytree 0.4-1, reg_alpha log 0.001-10, reg_lambda log 0.001-100
    XGBoost   learning_rate log 0.01-0.3, max_depth 2-10, min_child_weight log 0.1-20, subsample 0.5-1,
              colsample_bytree 0.4-1, gamma log 0.001-5, reg_alpha log 0.001-10, reg_lambda log 0.001-100

with the number of trees by early stopping in three stratified folds of the training half, the log loss of which
decides; the best is refitted to all training rows. What a search found is kept (--tuning-cache), so that a second run
only refits; its seconds count all the same.

The summary compares ``mothernet`` with every other model, in AUC and log loss: mean difference over tables (of the
means of their splits), its bootstrap interval (95 %, 10,000 draws of tables), and wins, ties (less than 0.001) and
losses. A model that fails on a table is a row of ``failures``; the run goes on, and exits with 1.

Splits, limits, the encoding of the other classifiers, clipping and scores are those of the reference protocol that
the project is judged by; on mushroom, hypothyroid and primary-tumor AUC, loss and accuracy of logistic regression,
random forest, CatBoost, histogram boosting and MLP agree with it to 1e-9. What differs: cells are read by the
project's own reader; and where the test rows of a table with more classes hold only two of them, the AUC is that of
these two instead of none.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
from common.baselines import PACKAGE_OF
from common.models import chosen_models, estimators, score_split, untrained_checkpoint
from common.results import Run, benchmark_parser
from common.scores import means_by_model
from common.statistics import compared
from common.tables import MAX_TEST_ROWS, MAX_TRAIN_ROWS, Data, RealTable, add_data_arguments, halves, tables_of
from common.tuning import Budget, default_cache
from tqdm import tqdm

from mothernet.network.checkpoint import load_checkpoint

COMPARED = "mothernet"


@dataclass(frozen=True)
class Protocol:
    """What is done with every table and seed."""

    models: tuple[str, ...]
    checkpoint: str | None
    untrained: str
    budget: Budget
    max_train_rows: int
    max_test_rows: int


def main() -> int:
    args, tables, models = arguments()
    protocol = {
        "suites": args.suites.split(","),
        "only": args.only.split(",") if args.only else [],
        "models": models,
        "splits": args.splits,
        "max_train_rows": args.max_train_rows,
        "max_test_rows": args.max_test_rows,
        "tuning_cpu_seconds": args.tuning_seconds,
        "jobs": args.jobs,
        "checkpoint": load_checkpoint(args.checkpoint).fingerprint,
    }
    needed = dict.fromkeys(PACKAGE_OF[model] for model in models if model in PACKAGE_OF)
    run = Run.start("accuracy", __doc__, args, protocol, ("mothernet", "numpy", "scikit-learn", "torch", *needed))
    with untrained_checkpoint() as untrained:
        budget = Budget(args.tuning_seconds, args.tuning_cache)
        settings = (tuple(models), args.checkpoint, untrained, budget, args.max_train_rows, args.max_test_rows)
        found = list(measured(tables, range(args.splits), Protocol(*settings), args.jobs))
    rows = [row for row in found if "reason" not in row]
    failures = [row for row in found if "reason" in row]
    suites = {suite: summary for suite in protocol["suites"] if (summary := summarised(rows, suite))}
    for suite, summary in suites.items():
        print_summary(suite, summary)
    for failure in failures:
        print(f"FAILED {failure['suite']}/{failure['table']}, {failure['model']}: {failure['reason']}")
    run.finish({"suites": suites, "failures": failures}, rows)
    return int(bool(failures))


def arguments() -> tuple[argparse.Namespace, list[RealTable], list[str]]:
    """Options, and the tables and models that they choose."""
    parser = benchmark_parser(__doc__)
    add_data_arguments(parser, suites="dev")
    parser.add_argument("--models", default="mothernet,predicted-penalty,untrained", metavar="A,B", help="or all")
    parser.add_argument("--splits", type=int, default=2, metavar="N")
    parser.add_argument("--checkpoint", metavar="FILE", help="default: the one in the package")
    parser.add_argument("--max-train-rows", type=int, default=MAX_TRAIN_ROWS, metavar="N", help="default: %(default)s")
    parser.add_argument("--max-test-rows", type=int, default=MAX_TEST_ROWS, metavar="N", help="default: %(default)s")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes, of one thread each (default: 1)")
    parser.add_argument(
        "--tuning-seconds",
        type=float,
        default=10.0,
        metavar="N",
        help="CPU seconds of a search, per table, split and tuned model (default: %(default)s)",
    )
    parser.add_argument(
        "--tuning-cache",
        type=Path,
        default=default_cache(),
        metavar="DIR",
        help="where found configurations are kept (default: the user's cache)",
    )
    args = parser.parse_args()
    return args, tables_of(parser, args), chosen_models(parser, args.models)


def measured(
    tables: Sequence[RealTable], seeds: Sequence[int], protocol: Protocol, jobs: int
) -> Iterator[dict[str, Any]]:
    """Rows of all tables, seeds and models, in this order, whatever the number of processes."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read by the libraries as the processes start
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))
    tasks = {pool.submit(score_table, table, seed, protocol): (table, seed) for table in tables for seed in seeds}
    with pool, tqdm(total=len(tasks), file=sys.stderr) as bar:
        for _ in as_completed(tasks):
            bar.update()
    for task, (table, seed) in tasks.items():
        for row in rows_or_failure(task):
            yield {"suite": table.suite, "table": table.name, "split": seed, **row}


def rows_or_failure(task: Future[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What a process found, or that all models failed with it."""
    if error := task.exception():
        return [{"model": "all", "reason": f"{type(error).__name__}: {error}"}]
    return task.result()


def score_table(table: RealTable, seed: int, protocol: Protocol) -> list[dict[str, Any]]:
    """Rows of all models on one split."""
    warnings.filterwarnings("ignore")  # unconverged baselines and unseen categories, by the hundred
    data = read_table_once(table)
    makers = estimators(protocol.checkpoint, protocol.untrained, protocol.budget)
    split = halves(data.codes, seed, protocol.max_train_rows, protocol.max_test_rows)
    return list(score_split(data, split, {name: makers[name] for name in protocol.models}))


@lru_cache(maxsize=1)
def read_table_once(table: RealTable) -> Data:
    """Kept for the next seed."""
    return table.read()


def summarised(rows: Sequence[dict[str, Any]], suite: str) -> dict[str, Any]:
    """Means of every model, and how ``mothernet`` compares with them; empty if there are no rows."""
    of_suite = [row for row in rows if row["suite"] == suite]
    if not of_suite:
        return {}
    searched = pd.DataFrame(of_suite, columns=["model", "configurations"]).dropna().groupby("model")["configurations"]
    return {
        "tables": len({row["table"] for row in of_suite}),
        "models": means_by_model(of_suite),
        "compared": compared(of_suite, COMPARED),
        "configurations": {
            model: {"median": float(counts.median()), "min": int(counts.min())} for model, counts in searched
        },
    }


def print_summary(suite: str, summary: dict[str, Any]) -> None:
    """Tables for a reader."""
    print(f"\n{suite}, {summary['tables']} tables", pd.DataFrame(summary["models"]).T.to_string(), sep="\n")
    for score, better in (("auc", "above"), ("log_loss", "below")):
        lines = {
            model: {
                "difference": f"{found[score]['difference']:+.4f}",
                "95 %": f"{found[score]['low']:+.4f} to {found[score]['high']:+.4f}",
                **{name: found[score][name] for name in ("wins", "ties", "losses")},
            }
            for model, found in summary["compared"].items()
            if score in found
        }
        if lines:
            print(f"\n{suite}, {score} of {COMPARED} minus that of (better {better} zero)")
            print(pd.DataFrame(lines).T.to_string())
    for model, counts in summary["configurations"].items():
        print(f"{model}: {counts['median']:.0f} configurations in the median, {counts['min']} at least")


if __name__ == "__main__":
    sys.exit(main())
