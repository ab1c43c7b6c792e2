"""What does the runtime add to one row, a dict of raw cells, over a bare call of onnxruntime?

    python benchmarks/one_row.py [--data DIR] [--only diabetes,credit-g,wdbc,car] [--size default]

A child is fitted to the example table, and to at most 1,000 rows of each real one, and its file asked for one row at a
time on one thread: by ``InferenceSession.run`` of the matrices, made before and not timed; and by the runtime from a
dict, which it reads, checks and feeds. Cells are ``typed`` (numbers are floats) or ``text``, as CSV readers give them.
The calls take turns in random order, each with the next of 100 rows. ``p50_us`` is the median of ``--calls`` calls,
``ratio`` and ``excess_us`` are its ratio to and difference from the bare call of the same output.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mothernet_runtime
import numpy as np
import pandas as pd
from common.predictors import open_session
from common.results import Run, benchmark_parser
from common.tables import MAX_TRAIN_ROWS, add_data_arguments, tables_of
from common.timing import take_turns
from mothernet_export import to_onnx
from tqdm import tqdm

from mothernet import MotherNetClassifier
from mothernet.network.checkpoint import load_checkpoint
from mothernet.tables import read_table

EXAMPLE = Path(__file__).parents[1] / "examples" / "data" / "parcels_train.csv"
TABLES = "diabetes,credit-g,wdbc,car"
ROWS = 100
PACKAGES = ("mothernet", "mothernet-export", "mothernet-runtime", "numpy", "onnxruntime", "torch")

Records = list[dict[str, Any]]


def main() -> int:
    parser = benchmark_parser(__doc__)
    add_data_arguments(parser, suites="cc18", required=False)
    parser.set_defaults(only=TABLES)
    parser.add_argument("--size", default="default", choices=("small", "default", "large"), help="of the child")
    parser.add_argument("--calls", type=int, default=2_000, metavar="N", help="of each kind; default: 2000")
    args = parser.parse_args()
    tables = tables_of(parser, args) if args.data else []
    protocol = {
        "tables": ["parcels", *(table.name for table in tables)],
        "size": args.size,
        "calls": args.calls,
        "rows": ROWS,
        "threads": 1,
        "checkpoint": load_checkpoint().fingerprint,
    }
    run = Run.start("one_row", __doc__, args, protocol, PACKAGES)
    found: list[dict[str, Any]] = []
    rng = np.random.default_rng(0)
    example = read_table(EXAMPLE, "outcome")
    sources = [("parcels", lambda: (example.features, example.target))]
    sources += [(table.name, lambda table=table: table.read()[:2]) for table in tables]
    for name, read in tqdm(sources, file=sys.stderr):
        features, labels = read()
        train = rng.permutation(len(features))[:MAX_TRAIN_ROWS]
        model = MotherNetClassifier(size=args.size).fit(features.iloc[train], np.asarray(labels)[train])
        about = {"table": name, "columns": features.shape[1]}
        found += [about | row for row in measured(model, features[:ROWS], args.calls, rng)]
    frame = pd.DataFrame(found)
    print(frame.to_string(index=False))
    by_call = frame[frame["call"] != "bare"].groupby(["call", "cells"])[["ratio", "excess_us"]].max()
    run.finish(
        {
            "tables": len(sources),
            "largest": {f"{call}, {cells}": row.to_dict() for (call, cells), row in by_call.iterrows()},
        },
        found,
    )
    return 0


def measured(
    model: MotherNetClassifier, frame: pd.DataFrame, calls: int, rng: np.random.Generator
) -> Iterator[dict[str, Any]]:
    """A row for each output and way of asking."""
    with tempfile.TemporaryDirectory() as folder:
        content = to_onnx(model, Path(folder) / "model.onnx").SerializeToString()
        runtime = mothernet_runtime.load(Path(folder) / "model.onnx")
    session, matrices = open_session(content, 1), model.graph_inputs(frame)
    feeds = [{name: matrix[k : k + 1] for name, matrix in matrices.items()} for k in range(len(frame))]
    typed = frame.astype(object).where(frame.notna(), None).to_dict("records")
    text = [{name: "" if cell is None else str(cell) for name, cell in record.items()} for record in typed]
    assert np.array_equal(runtime.predict_proba(text[:1]), session.run(["probabilities"], feeds[0])[0])
    asked: dict[tuple[str, str], Callable[[], Any]] = {}
    for call, output, ask in (
        ("predict_proba", "probabilities", runtime.predict_proba),
        ("predict", "label", runtime.predict),
    ):
        asked["bare", output] = with_next(lambda feed, output=output: session.run([output], feed), feeds)
        asked[call, "typed"] = with_next(ask, typed)
        asked[call, "text"] = with_next(ask, text)
    timings = dict(zip(asked, take_turns(list(asked.values()), calls, 60.0, rng), strict=True))
    for (call, kind), timing in timings.items():
        row = {"call": call, "output": kind, "cells": "", "p50_us": timing.p50_us, "p99_us": timing.p99_us}
        if call != "bare":
            row |= {"output": "label" if call == "predict" else "probabilities", "cells": kind}
            bare = timings["bare", row["output"]].p50_us
            row |= {"ratio": round(timing.p50_us / bare, 2), "excess_us": round(timing.p50_us - bare, 1)}
        yield row


def with_next(ask: Callable[[Any], Any], rows: list[Any]) -> Callable[[], Any]:
    """A call that asks about another row each time."""
    following = itertools.cycle(rows).__next__
    return lambda: ask(following())


if __name__ == "__main__":
    sys.exit(main())
