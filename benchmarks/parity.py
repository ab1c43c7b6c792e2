"""Does the file answer as the model does, on real tables?

    python benchmarks/parity.py --data DIR [--only iris,titanic]

DIR holds ``INDEX.csv`` (suite, name, file, categorical_columns) and the CSV files that it names, each with a column
``target``. Of every table, classes of fewer than four rows are left out, one half (stratified, seed 0; at most 1,000
rows) is fitted, and on the other (at most 5,000 rows) the NumPy reference, onnxruntime and ``onnx.reference`` are
compared. ``onnx.reference`` looks strings up one by one in Python: of tables with text it gets 500 rows.

Holds if labels agree on every row (two probabilities within 1e-6 are a tie, and counted) and probabilities within
1e-5. Appends to ``benchmarks/results/parity.jsonl``: a header, a line per table, a summary. Exits with 1 if not so.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from environment import environment
from mothernet_export import check_export, to_onnx
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from mothernet import MotherNetClassifier
from mothernet.table import read_table

TRAIN_ROWS, TEST_ROWS, EVALUATOR_ROWS_WITH_TEXT = 1000, 5000, 500
CLASS_ROWS = 4
SEED = 0
PACKAGES = ("mothernet", "mothernet-export", "numpy", "onnx", "onnxruntime", "scikit-learn", "torch")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--only", type=lambda text: text.split(","), metavar="A,B", help="names of tables")
    parser.add_argument("--checkpoint", metavar="FILE", help="default: the one in the package")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "parity.jsonl", metavar="FILE")
    args = parser.parse_args()
    with open(args.data / "INDEX.csv", encoding="utf-8", newline="") as file:
        tables = [row for row in csv.DictReader(file) if not args.only or row["name"] in args.only]
    if not tables:
        parser.error(f"--only must name tables of {args.data / 'INDEX.csv'}, however: {args.only}")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    start, failures, results = time.perf_counter(), 0, []
    with open(args.out, "a", encoding="utf-8") as out:
        for line in run(args, tables):
            out.write(json.dumps(line) + "\n")
            out.flush()
            if line["kind"] == "header":
                print(json.dumps(line, indent=2))
            else:
                results.append(line)
                failures += not line["ok"]
                tqdm.write(
                    f"{line['suite']}/{line['name']}: {line['max_difference']:.1e}{'' if line['ok'] else '  FAILED'}"
                )
        summary = {
            "kind": "summary",
            "tables": len(results),
            "failures": failures,
            "rows": sum(line["test_rows"] for line in results),
            "max_difference": max(line["max_difference"] for line in results),
            "tied_labels": sum(c["tied_labels"] for line in results for c in line["comparisons"]),
            "seconds": round(time.perf_counter() - start, 1),
        }
        out.write(json.dumps(summary) + "\n")
    print(json.dumps(summary))
    return int(failures > 0)


def run(args: argparse.Namespace, tables: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
    """The header, then the result of each table."""
    yield {
        "kind": "header",
        "benchmark": "parity",
        **environment(PACKAGES),
        "seed": SEED,
        "data": [row["name"] for row in tables],
    }
    for row in tqdm(tables, file=sys.stderr):
        categorical = [name for name in row["categorical_columns"].split("|") if name]
        result = compare(args.data / row["file"], categorical, args.checkpoint)
        yield {"kind": "table", "suite": row["suite"], "name": row["name"], **result}


def compare(path: Path, categorical: list[str], checkpoint: str | None) -> dict[str, Any]:
    """Fit one half of a table and compare on the other."""
    table = read_table(path, "target", categorical)
    kept = (table.target.map(table.target.value_counts()) >= CLASS_ROWS).to_numpy()
    X, y = table.features[kept], table.target[kept].to_numpy()
    X_train, X_test, y_train, _ = train_test_split(X, y, test_size=0.5, random_state=SEED, stratify=y)
    if len(X_train) > TRAIN_ROWS:
        X_train, _, y_train, _ = train_test_split(
            X_train, y_train, train_size=TRAIN_ROWS, random_state=SEED, stratify=y_train
        )
    if len(X_test) > TEST_ROWS:
        X_test = X_test.sample(TEST_ROWS, random_state=SEED)
    start = time.perf_counter()
    model = MotherNetClassifier(checkpoint=checkpoint).fit(X_train, y_train)
    fit_seconds = time.perf_counter() - start
    child = model.child_
    numeric = X_test[[column.name for column in child.numeric_columns]].to_numpy(np.float64)
    text = X_test[[column.name for column in child.categorical_columns]].to_numpy(object)
    proto = to_onnx(model)
    limit = EVALUATOR_ROWS_WITH_TEXT if text.shape[1] else None
    parity = check_export(proto, child, numeric, text, evaluator_rows=limit)
    return {
        "ok": parity.ok and not parity.skipped,
        "max_difference": parity.max_difference,
        "train_rows": len(X_train),
        "test_rows": len(X_test),
        "features": X.shape[1],
        "classes": len(child.classes),
        "size_bytes": proto.ByteSize(),
        "fit_seconds": round(fit_seconds, 3),
        "comparisons": [vars(comparison) for comparison in parity.comparisons],
    }


if __name__ == "__main__":
    sys.exit(main())
