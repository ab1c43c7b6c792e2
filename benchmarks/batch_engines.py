"""How many rows per second do batch engines predict in local mode, beside the runtime alone?

    python benchmarks/batch_engines.py [--rows 1000000] [--engines polars,duckdb,ray,spark] [--repeats 3] [--no-record]

A child is fitted to the example table; rows are drawn from it cell by cell (seed 0; 4 columns of texts, 6 of numbers,
one of booleans, with nulls) and written as Parquet in parts of 100,000. Each run is one of the programs in `examples/`,
a process of its own that reads the file, predicts it and writes labels and probabilities beside it; ``runtime`` is the
same with pyarrow and nothing else, on one thread. Answers are compared with the runtime's, bit by bit.

``start_seconds`` is a run on 1,000 rows, ``seconds`` one on all; ``rows_per_second`` is what the further rows took.
Reported are medians of ``--repeats`` runs; engines use the cores as they do by default. The file is in the page cache.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mothernet_runtime
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from common.results import Run, benchmark_parser
from mothernet_export import to_onnx
from tqdm import tqdm

from mothernet import MotherNetClassifier
from mothernet.network.checkpoint import load_checkpoint
from mothernet.tables import read_table

EXAMPLES = Path(__file__).parents[1] / "examples"
TABLE = EXAMPLES / "data" / "parcels_train.csv"
ENGINES = {"polars": "polars", "duckdb": "duckdb", "ray": "ray", "spark": "pyspark"}  # by folder: the package
FEW_ROWS, PART_ROWS, SEED = 1_000, 100_000, 0
ALONE = """
import sys, mothernet_runtime, pyarrow as pa, pyarrow.parquet as pq
model, rows = mothernet_runtime.load(sys.argv[1], on_unseen="ignore"), pq.read_table(sys.argv[2])
labels, probabilities = model.predict_both(rows.select([c.name for c in model.columns_ if not c.is_ignored]))
rows = rows.append_column("label", pa.array(labels))
for name, column in zip(model.classes_, probabilities.T):
    rows = rows.append_column(f"probability_{name}", pa.array(column.copy()))
pq.write_table(rows, sys.argv[3])
"""


def main() -> int:
    args = arguments()
    protocol = {
        "table": "parcels",
        "rows": args.rows,
        "engines": {name: version(ENGINES[name]) for name in args.engines},
        "repeats": args.repeats,
        "seed": SEED,
        "checkpoint": load_checkpoint().fingerprint,
    }
    packages = ("mothernet", "mothernet-runtime", "numpy", "onnxruntime", "pandas", "pyarrow")
    run = Run.start("batch_engines", __doc__, args, protocol, packages)
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_model(folder / "parcels.onnx")
        sizes = (FEW_ROWS, args.rows)
        for n_rows in sizes:
            write_rows(folder / f"{n_rows}.parquet", n_rows)
        plan = [
            (repeat, engine, n)
            for repeat in range(args.repeats)
            for engine in ("runtime", *args.engines)
            for n in sizes
        ]
        for repeat, engine, n_rows in (bar := tqdm(plan, file=sys.stderr)):
            bar.set_description(f"{engine}, {n_rows:,} rows")
            seconds = measured(engine, folder, n_rows)
            found.append({"engine": engine, "rows": n_rows, "repeat": repeat, "seconds": round(seconds, 3)})
    summary = [summarised(engine, found, args.rows) for engine in ("runtime", *args.engines)]
    print(pd.DataFrame(summary).to_string(index=False))
    run.finish({"engines": summary}, found)
    return 0


def arguments() -> argparse.Namespace:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, metavar="N", help="default: %(default)s")
    parser.add_argument("--engines", default=",".join(ENGINES), metavar="A,B", help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="default: %(default)s")
    args = parser.parse_args()
    args.engines = [name for name in args.engines.split(",") if name]
    if unknown := set(args.engines) - set(ENGINES):
        parser.error(f"--engines must be among {', '.join(ENGINES)}, however: {', '.join(sorted(unknown))}.")
    if missing := [ENGINES[name] for name in args.engines if importlib.util.find_spec(ENGINES[name]) is None]:
        parser.error(f"{', '.join(missing)} must be installed, however: not found. Run: pip install '.[engines]'")
    if "spark" in args.engines and shutil.which("java") is None:
        parser.error("Spark needs Java 17, however: there is no command java. Install one, or give other --engines.")
    if args.rows <= FEW_ROWS:
        parser.error(f"--rows must be more than {FEW_ROWS:,}, however: {args.rows:,}.")
    return args


def write_model(path: Path) -> None:
    table = read_table(TABLE, "outcome")
    to_onnx(MotherNetClassifier().fit(table.features, np.asarray(table.target)), path)


def write_rows(path: Path, n_rows: int) -> None:
    frame = pd.read_csv(TABLE, keep_default_na=False, na_values=[""]).drop(columns="outcome").convert_dtypes()
    rng = np.random.default_rng(SEED)
    columns = {str(name): pa.array(frame[name]).take(rng.integers(0, len(frame), n_rows)) for name in frame}
    pq.write_table(pa.table({"row": np.arange(n_rows), **columns}), path, row_group_size=PART_ROWS)


def measured(engine: str, folder: Path, n_rows: int) -> float:
    """Seconds of one run, whose answers are those of the runtime."""
    program = ["-c", ALONE] if engine == "runtime" else [EXAMPLES / engine / "predict.py"]
    model, rows, output = folder / "parcels.onnx", folder / f"{n_rows}.parquet", folder / "predicted.parquet"
    environment = {"SPARK_LOCAL_IP": "127.0.0.1", "RAY_USAGE_STATS_ENABLED": "0", **os.environ}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *program, model, rows, output], capture_output=True, text=True, cwd=folder, env=environment
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{engine} must succeed, however: exit code {done.returncode}\n{done.stderr[-2000:]}")
    loaded, table = mothernet_runtime.load(model, on_unseen="ignore"), pq.read_table(rows)
    probabilities = loaded.predict_proba(table.drop_columns(["row"]))
    predicted = pq.read_table(output).sort_by("row")
    for label, column in zip(loaded.classes_, probabilities.T, strict=True):
        if not np.array_equal(predicted[f"probability_{label}"].to_numpy(), column):
            raise SystemExit(f"{engine} must say what the runtime says, however: P({label}) differs")
    shutil.rmtree(output) if output.is_dir() else output.unlink()
    return seconds


def summarised(engine: str, found: list[dict[str, Any]], n_rows: int) -> dict[str, Any]:
    """Medians of an engine's runs."""
    few, all_ = (
        statistics.median(row["seconds"] for row in found if (row["engine"], row["rows"]) == (engine, n))
        for n in (FEW_ROWS, n_rows)
    )
    rate = round((n_rows - FEW_ROWS) / (all_ - few)) if all_ > few else None
    return {"engine": engine, "start_seconds": few, "seconds": all_, "rows_per_second": rate}


if __name__ == "__main__":
    sys.exit(main())
