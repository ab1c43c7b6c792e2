"""Does the file answer as the model does, on real tables?

    python benchmarks/parity.py --data DIR [--only iris,titanic]

One half of every table (seed 0; at most 1,000 rows) is fitted, and on the other (at most 5,000 rows) the NumPy
reference, onnxruntime and ``onnx.reference`` are compared. ``onnx.reference`` looks strings up one by one in Python:
of tables with text it gets 500 rows.

Holds if labels agree on every row (two probabilities within 1e-6 are a tie, and counted) and probabilities within
1e-5. Exits with 1 if it does not.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from common.results import Run, benchmark_parser
from common.tables import RealTable, add_data_arguments, halves, tables_of
from mothernet_export import check_export, to_onnx
from tqdm import tqdm

from mothernet import MotherNetClassifier
from mothernet.network.checkpoint import load_checkpoint

EVALUATOR_ROWS_WITH_TEXT = 500
SEED = 0
PACKAGES = ("mothernet", "mothernet-export", "numpy", "onnx", "onnxruntime", "scikit-learn", "torch")


def main() -> int:
    parser = benchmark_parser(__doc__)
    add_data_arguments(parser, suites="")
    parser.add_argument("--checkpoint", metavar="FILE", help="default: the one in the package")
    args = parser.parse_args()
    tables = tables_of(parser, args)
    fingerprint = load_checkpoint(args.checkpoint).fingerprint
    protocol = {"tables": [table.name for table in tables], "seed": SEED, "checkpoint": fingerprint}
    run = Run.start("parity", __doc__, args, protocol, PACKAGES)
    rows: list[dict[str, Any]] = []
    for table in tqdm(tables, file=sys.stderr):
        found = compare(table, args.checkpoint)
        failed = not all(row["ok"] for row in found)
        worst = max(row["max_difference"] for row in found)
        tqdm.write(f"{table.suite}/{table.name}: {worst:.1e}{'  FAILED' if failed else ''}", file=sys.stdout)
        rows += found
    failures = {row["table"] for row in rows if not row["ok"]}
    summary = {
        "tables": len(tables),
        "failures": sorted(failures),
        "rows": sum({row["table"]: row["test_rows"] for row in rows}.values()),
        "max_difference": max(row["max_difference"] for row in rows),
        "tied_labels": sum(row["tied_labels"] for row in rows),
    }
    run.finish(summary, rows)
    return int(bool(failures))


def compare(table: RealTable, checkpoint: str | None) -> list[dict[str, Any]]:
    """Fit one half of a table and compare on the other: a row for each evaluator."""
    data = table.read()
    train, test = halves(data.codes, SEED)
    start = time.perf_counter()
    model = MotherNetClassifier(checkpoint=checkpoint).fit(data.features.iloc[train], data.labels[train])
    fit_seconds = time.perf_counter() - start
    child, X = model.child_, data.features.iloc[test]
    inputs = model.graph_inputs(X)
    proto = to_onnx(model)
    limit = EVALUATOR_ROWS_WITH_TEXT if "categorical" in inputs else None
    parity = check_export(proto, child, inputs.get("numeric"), inputs.get("categorical"), evaluator_rows=limit)
    about = {
        "suite": table.suite,
        "table": table.name,
        "ok": parity.ok and not parity.skipped,
        "train_rows": len(train),
        "test_rows": len(test),
        "features": X.shape[1],
        "classes": len(np.unique(data.codes[train])),
        "size_bytes": proto.ByteSize(),
        "fit_seconds": round(fit_seconds, 3),
    }
    return [about | vars(comparison) for comparison in parity.comparisons]


if __name__ == "__main__":
    sys.exit(main())
