"""Does every form of a file answer as the model does, on real tables?

    python benchmarks/parity.py --data DIR [--only iris,titanic] [--forms full,core-int8,c]

One half of every table (seed 0; at most 1,000 rows) is fitted and written in every form; on the other (at most 5,000
rows) the NumPy reference is compared with onnxruntime and ``onnx.reference`` (``full``, the .onnx file of raw rows),
with these and OpenVINO, if it is installed (``core``, the numeric core), with onnxruntime (``ort``), and with the
compiled source (``c``). A form with ``-float16`` or ``-int8`` is compared with the reference of the rounded weights.
``onnx.reference`` looks strings up one by one in Python: of tables with text it gets 500 rows.

Holds if labels agree on every row whose two largest probabilities, in the reference, lie more than 1e-4 apart (those
that differ on others are counted), and probabilities within 1e-5. Exits with 1 if it does not.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from common.results import Run, benchmark_parser
from common.tables import RealTable, add_data_arguments, halves, tables_of
from mothernet_export import ChildNetwork, rounded, to_c, to_onnx, to_ort
from mothernet_export.c_writer.compiled import CompiledChild, find_compiler
from mothernet_export.c_writer.fields import fields_of
from mothernet_export.check import answers_of, graph_inputs
from mothernet_export.evaluators import EVALUATORS, ONNX_REFERENCE, EvaluatorUnavailableError, evaluator
from mothernet_export.file_check import CLEAR_GAP
from mothernet_export.reference import predict_answers
from mothernet_export.target import Answers
from mothernet_runtime.columns import read_column
from mothernet_runtime.model import TOLERANCE
from tqdm import tqdm

from mothernet import MotherNetClassifier
from mothernet.network.checkpoint import load_checkpoint

EVALUATOR_ROWS_WITH_TEXT = 500
FORMS = ("full", "full-float16", "full-int8", "core", "core-float16", "core-int8", "ort", "ort-int8", "c")
SEED = 0
PACKAGES = ("mothernet", "mothernet-export", "numpy", "onnx", "onnxruntime", "scikit-learn", "torch")


def main() -> int:
    parser = benchmark_parser(__doc__)
    add_data_arguments(parser, suites="")
    parser.add_argument("--checkpoint", metavar="FILE", help="default: the one in the package")
    parser.add_argument("--forms", default=",".join(FORMS), metavar="A,B", help=f"default: {','.join(FORMS)}")
    args = parser.parse_args()
    forms = args.forms.split(",")
    if not set(forms) <= set(FORMS):
        parser.error(f"--forms must be of {', '.join(FORMS)}, however: {args.forms}")
    if "c" in forms and not find_compiler():
        parser.error("--forms c needs a C compiler, however: there is none. Install one, or leave it out.")
    tables = tables_of(parser, args)
    fingerprint = load_checkpoint(args.checkpoint).fingerprint
    protocol = {"tables": [table.name for table in tables], "seed": SEED, "checkpoint": fingerprint, "forms": forms}
    run = Run.start("parity", __doc__, args, protocol, PACKAGES)
    rows: list[dict[str, Any]] = []
    for table in tqdm(tables, file=sys.stderr):
        found = compare(table, args.checkpoint, forms)
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
        "different_labels": sum(row["different_labels"] for row in rows),
        "unclear_labels": sum(row["unclear_labels"] for row in rows),
        "by_evaluator": by_evaluator(rows),
    }
    run.finish(summary, rows)
    return int(bool(failures))


def by_evaluator(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Over tables, for every form and evaluator."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        sums = found.setdefault(f"{row['form']}/{row['evaluator']}", {"tables": 0, "rows": 0, "max_difference": 0.0})
        sums["tables"] += 1
        sums["max_difference"] = max(sums["max_difference"], row["max_difference"])
        for key in ("rows", "different_labels", "unclear_labels"):
            sums[key] = sums.get(key, 0) + row[key]
    return found


def compare(table: RealTable, checkpoint: str | None, forms: list[str]) -> list[dict[str, Any]]:
    """Fit one half of a table and compare on the other: a row for each form and evaluator."""
    data = table.read()
    train, test = halves(data.codes, SEED)
    start = time.perf_counter()
    model = MotherNetClassifier(checkpoint=checkpoint).fit(data.features.iloc[train], data.labels[train])
    fit_seconds = time.perf_counter() - start
    child, X = model.child_, data.features.iloc[test]
    inputs = model.graph_inputs(X)
    about = {
        "suite": table.suite,
        "table": table.name,
        "train_rows": len(train),
        "test_rows": len(test),
        "features": X.shape[1],
        "classes": len(np.unique(data.codes[train])),
        "fit_seconds": round(fit_seconds, 3),
    }
    found = []
    for form in forms:
        kind, _, weights = form.partition("-")
        said = rounded(child, weights or "float32")
        expected = predict_answers(said, inputs.get("numeric"), inputs.get("categorical"))
        size, answers = of_c(child, X) if kind == "c" else of_onnx(child, kind, weights or "float32", inputs)
        for name, got in answers:
            differences = difference(expected, got)
            ok = differences["max_difference"] <= TOLERANCE and not differences["different_labels"]
            found.append(about | {"form": form, "evaluator": name, "size_bytes": size, "ok": ok} | differences)
    return found


def of_onnx(
    child: ChildNetwork, form: Any, weights: Any, inputs: dict[str, Any]
) -> tuple[int, Iterator[tuple[str, Answers]]]:
    """Bytes of a form's file, and what each evaluator that reads it says of the first rows, or of all."""
    if form == "ort":
        file, form = to_ort(child, weights=weights).data, "full"
    else:
        file = to_onnx(child, form=form, weights=weights).SerializeToString()
    arrays = graph_inputs(child, inputs.get("numeric"), inputs.get("categorical"), form)

    def answers() -> Iterator[tuple[str, Answers]]:
        for name in EVALUATORS:
            limit = EVALUATOR_ROWS_WITH_TEXT if name == ONNX_REFERENCE and "categorical" in arrays else None
            try:
                run = evaluator(name, file)
            except EvaluatorUnavailableError:
                continue
            yield name, answers_of(run({key: array[:limit] for key, array in arrays.items()}), child.target)

    return len(file), answers()


def of_c(child: ChildNetwork, X: Any) -> tuple[int, Iterator[tuple[str, Answers]]]:
    """Bytes of the source, and what it says, compiled."""
    source = to_c(child)
    columns = {field.name: read_column(field.name, field.column.rule, X[field.name]) for field in fields_of(child)}
    index, probabilities = CompiledChild(source, child, find_compiler() or "").predict(columns)
    labels = np.array(child.target.labels, object)
    answers: Answers = {"label": labels[index], "probabilities": probabilities}
    return len(source.source.encode()), iter([("compiled C", answers)])


def difference(expected: Answers, got: Answers) -> dict[str, Any]:
    """Of the rows that there are in both."""
    n_rows = len(got["label"])
    probabilities = expected["probabilities"][:n_rows]
    ordered = np.sort(probabilities, axis=1)
    is_clear = ordered[:, -1] - ordered[:, -2] > CLEAR_GAP
    differs = expected["label"][:n_rows] != got["label"].astype(object)
    return {
        "rows": n_rows,
        "max_difference": float(np.abs(got["probabilities"] - probabilities).max(initial=0.0)),
        "different_labels": int((differs & is_clear).sum()),
        "unclear_labels": int((differs & ~is_clear).sum()),
    }


if __name__ == "__main__":
    sys.exit(main())
