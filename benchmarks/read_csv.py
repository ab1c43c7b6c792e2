"""How long does reading a CSV file take, compared with pandas?

    python benchmarks/read_csv.py --no-record

One table of ``--rows`` rows, 12 columns of decimal numbers, 4 of integers and 4 of text (10 to 10,000 distinct ones),
plain and with quotes around all texts. Four ways, each the median of ``--repeats`` in turn with the others: ``pandas``
(``pandas.read_csv`` with nothing but the path), ``pandas, same types`` (float64 and categories, as for training),
``training`` (`read_columns`, then every column by its rule) and ``prediction`` (`read_csv`: cells as text, by chunks).
Nothing but reading is timed; the file is in the page cache. ``peak_mb`` is the memory that one reading in a process of
its own adds at most.
"""

from __future__ import annotations

import csv
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from common.results import Run, benchmark_parser
from mothernet_runtime.cells import CategoryRule, NumberRule
from mothernet_runtime.csv_files import read_csv

from mothernet.tables.files import read_columns


def write_table(path: Path, n_rows: int, *, quoted: bool) -> None:
    """16 columns of numbers and 4 of text."""
    rng = np.random.default_rng(0)
    columns = {f"decimal_{i}": np.round(rng.normal(size=n_rows) * 10 ** (i % 4), 4) for i in range(12)}
    columns |= {f"integer_{i}": rng.integers(0, 10 ** (i + 2), n_rows) for i in range(4)}
    for i in range(4):
        texts = np.array([f"value {k}" for k in range(10 ** (i + 1))], object)
        columns[f"text_{i}"] = texts[rng.integers(0, len(texts), n_rows)]
    quoting = csv.QUOTE_NONNUMERIC if quoted else csv.QUOTE_MINIMAL
    pd.DataFrame(columns).to_csv(path, index=False, quoting=quoting)


def read_same_types(path: str) -> None:
    names = pd.read_csv(path, nrows=0).columns
    pd.read_csv(path, dtype={name: "category" if name.startswith("text") else "float64" for name in names})


def read_for_training(path: str) -> None:
    file = read_columns(path)
    for name, column in zip(file.names, file.cells, strict=True):
        column.read(name, CategoryRule() if column.numbers is None else NumberRule())


def read_for_prediction(path: str) -> None:
    for _ in read_csv(path):
        pass


READERS: dict[str, Callable[[str], object]] = {
    "pandas": pd.read_csv,
    "pandas, same types": read_same_types,
    "training": read_for_training,
    "prediction": read_for_prediction,
}


def peak_mb(reader: str, path: str) -> float:
    """Memory that a reading adds to the peak of this process (Linux)."""
    before = _peak_kb()
    READERS[reader](path)
    return (_peak_kb() - before) / 1024


def _peak_kb() -> int:
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])


def main() -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--repeats", type=int, default=5, metavar="N")
    args = parser.parse_args()
    protocol = {"rows": args.rows, "columns": 20, "repeats": args.repeats}
    benchmark = Run.start("read_csv", __doc__, args, protocol, ["mothernet", "mothernet-runtime", "numpy", "pandas"])
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for table in ("plain", "quoted"):
            path = Path(folder) / f"{table}.csv"
            write_table(path, args.rows, quoted=table == "quoted")
            seconds: dict[str, list[float]] = {name: [] for name in READERS}
            for _ in range(args.repeats):
                for name, reader in READERS.items():
                    start = time.perf_counter()
                    reader(str(path))
                    seconds[name].append(time.perf_counter() - start)
            for name, times in seconds.items():
                median = statistics.median(times)
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    peak = pool.apply(peak_mb, (name, str(path)))
                rows.append(
                    {
                        "table": table,
                        "reader": name,
                        "size_mb": round(path.stat().st_size / 1e6, 1),
                        "seconds": round(median, 3),
                        "seconds_min": round(min(times), 3),
                        "seconds_max": round(max(times), 3),
                        "times_pandas": round(median / statistics.median(seconds["pandas"]), 2),
                        "peak_mb": round(peak),
                    }
                )
                print(rows[-1], flush=True)
    benchmark.finish({"readers": rows}, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
