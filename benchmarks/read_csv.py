"""How long do predicting and reading a CSV file take, beside pandas and a bare session of onnxruntime?

    python benchmarks/read_csv.py [--rows 100000,1000000] [--tables blanks,complete] [--no-record]

Tables of 20 columns and a label that the script draws (seed 0, as `whole_cost.py` does: 16 columns of numbers, 4 of
texts of up to 40 values, one cell in fifty blank), and the same written otherwise:

    blanks      as drawn
    complete    without blank cells
    quoted      quotes around every cell
    long        numbers with all digits that float64 has
    European    semicolons, decimal commas, words for missing cells, three columns of dates

Four ways, in turn with each other: ``predict`` is the command `mothernet-runtime predict` with its answers in a file;
``pandas and session`` is ``pandas.read_csv`` with the options that the table needs, its columns as arrays, and a bare
session on them in calls of 2,048 rows, with no answer written; ``training`` is `read_table`, which decides how every
column is read; ``pandas`` is ``pandas.read_csv`` with those options alone. The model is exported from the first 2,000
rows. Each run has a process of its own, whose imports are not timed; the file is in the page cache. Reported are the
medians of ``--repeats`` runs, wall and CPU seconds of ``predict`` as multiples of those of ``pandas and session``, of
``training`` as multiples of those of ``pandas``, and the memory that the run adds to the peak of its process at most.
"""

from __future__ import annotations

import csv
import itertools
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mothernet_runtime
import numpy as np
import onnxruntime
import pandas as pd
from common.results import Run, benchmark_parser
from mothernet_runtime.cli import main as runtime_command
from whole_cost import drawn_table

from mothernet.tables import read_table

TABLES = ("blanks", "complete", "quoted", "long", "European")
MODEL_ROWS, CALL_ROWS, SEED = 2000, 2048, 0
DATES = {"day": "%Y-%m-%d", "moment": "%Y-%m-%d %H:%M:%S", "written": "%d.%m.%Y"}
EUROPEAN: dict[str, Any] = {"sep": ";", "decimal": ",", "na_values": ["n.a."], "parse_dates": list(DATES)}
EUROPEAN["date_format"] = DATES
BASES = {"predict": "pandas and session", "training": "pandas"}


def write_table(table: str, n_rows: int, path: Path) -> None:
    """One of `TABLES`."""
    frame, rng = drawn_table(n_rows, 20), np.random.default_rng(SEED)
    numbers = frame.columns[frame.dtypes == "float64"]
    options: dict[str, Any] = {"quoting": csv.QUOTE_ALL} if table == "quoted" else {}
    if table == "complete":
        frame = frame.fillna({name: frame[name].mode()[0] for name in frame.columns})
    elif table == "long":
        frame[numbers] += rng.normal(size=(n_rows, len(numbers))) * 1e-3
    elif table == "European":
        moments = pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 10**8, n_rows), "s")
        for name, layout in DATES.items():
            frame.insert(0, name, moments.strftime(layout))
        options = {"sep": ";", "decimal": ",", "na_rep": "n.a."}
    frame.to_csv(path, index=False, **options)


def predict(path: str, model: str) -> None:
    code = runtime_command(["predict", model, path, "--ignore-extra", "-o", f"{model}.answers.csv"])
    assert code == 0


def pandas_and_session(path: str, model: str) -> None:
    frame, columns = with_pandas(path, model), mothernet_runtime.load(model).columns_
    inputs = {each.input: {} for column in columns for each in column.inputs}
    for column in columns:
        cells = frame[column.name]
        for each in column.inputs:
            if each.input == "categorical":
                values = cells.fillna("").to_numpy(object)
            elif each.part == "value":
                values = cells.to_numpy(np.float64) - each.offset
            elif each.part == "days":
                values = ((cells - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)).to_numpy() - each.offset
            else:
                hours = cells.dt.hour + cells.dt.minute / 60 + cells.dt.second / 3600
                values = (hours if each.part == "hour" else getattr(cells.dt, each.part)).to_numpy(np.float64)
            inputs[each.input][each.position] = values
    arrays = {
        name: np.column_stack([by_position[k] for k in sorted(by_position)]) for name, by_position in inputs.items()
    }
    arrays = {name: array if name == "categorical" else array.astype(np.float32) for name, array in arrays.items()}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    for start in range(0, len(frame), CALL_ROWS):
        session.run(None, {name: array[start : start + CALL_ROWS] for name, array in arrays.items()})


def with_pandas(path: str, model: str) -> pd.DataFrame:
    return pd.read_csv(path, **(EUROPEAN if "European" in path else {}))


def training(path: str, model: str) -> None:
    read_table(path, "y")


WAYS: dict[str, Callable[[str, str], object]] = {
    "predict": predict,
    "pandas and session": pandas_and_session,
    "training": training,
    "pandas": with_pandas,
}


def cost_of(way: str, path: str, model: str) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds, and the memory in MB that is added to the peak of this process (Linux)."""
    before, wall, cpu = _peak_kb(), time.perf_counter(), time.process_time()
    WAYS[way](path, model)
    return time.perf_counter() - wall, time.process_time() - cpu, (_peak_kb() - before) / 1024


def _peak_kb() -> int:
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])


def measured(table: str, n_rows: int, repeats: int, folder: Path) -> list[dict[str, Any]]:
    """One row per way."""
    path, head, model = (folder / f"{table}-{name}" for name in (f"{n_rows}.csv", "head.csv", "model.onnx"))
    write_table(table, n_rows, path)
    with open(path) as whole:
        head.write_text("".join(itertools.islice(whole, MODEL_ROWS + 1)))
    export = [sys.executable, "-m", "mothernet", "export", str(head), "--target", "y", "-o", str(model)]
    subprocess.run(export, check=True, capture_output=True)
    costs: dict[str, list[tuple[float, float, float]]] = {way: [] for way in WAYS}
    for _ in range(repeats):
        for way in WAYS:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                costs[way].append(pool.apply(cost_of, (way, str(path), str(model))))
    medians = {
        way: [statistics.median(values) for values in zip(*of_way, strict=True)] for way, of_way in costs.items()
    }
    return [
        {
            "table": table,
            "rows": n_rows,
            "way": way,
            "size_mb": round(path.stat().st_size / 1e6, 1),
            "seconds": round(wall, 3),
            "seconds_min": round(min(each[0] for each in costs[way]), 3),
            "seconds_max": round(max(each[0] for each in costs[way]), 3),
            "cpu_seconds": round(cpu, 3),
            "peak_mb": round(peak),
            **ratios(medians, way),
        }
        for way, (wall, cpu, peak) in medians.items()
    ]


def ratios(medians: dict[str, list[float]], way: str) -> dict[str, float]:
    """Wall and CPU seconds of a way over those of the one that it is compared with."""
    if way not in BASES:
        return {}
    wall, cpu = (of_way / of_base for of_way, of_base in list(zip(medians[way], medians[BASES[way]], strict=True))[:2])
    return {"times_pandas": round(wall, 2), "cpu_times_pandas": round(cpu, 2)}


def main() -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--rows", default="100000,1000000", metavar="A,B", help="default: %(default)s")
    parser.add_argument("--tables", default=",".join(TABLES), metavar="A,B", help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="default: %(default)s")
    args = parser.parse_args()
    tables, sizes = args.tables.split(","), [int(part) for part in args.rows.split(",")]
    if unknown := set(tables) - set(TABLES):
        parser.error(f"--tables must be among {', '.join(TABLES)}, however: {', '.join(sorted(unknown))}.")
    protocol = {"rows": sizes, "tables": tables, "columns": 20, "repeats": args.repeats, "seed": SEED}
    packages = ["mothernet", "mothernet-runtime", "numpy", "onnxruntime", "pandas"]
    benchmark = Run.start("read_csv", __doc__, args, protocol, packages)
    rows: list[dict[str, Any]] = []
    for n_rows, table in itertools.product(sizes, tables):
        with tempfile.TemporaryDirectory() as folder:
            rows += measured(table, n_rows, args.repeats, Path(folder))
        print(pd.DataFrame(rows[-len(WAYS) :]).to_string(index=False), flush=True)
    benchmark.finish({"ways": rows}, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
