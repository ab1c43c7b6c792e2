"""What does a fit cost, in seconds and memory, over rows, columns and classes?

    python benchmarks/fit_cost.py [--shapes 1000x20x2,100000x20x2] [--draw]

Tables are drawn (scikit-learn's ``make_classification``, half of the columns informative but at most ten, seed 0; of 20
columns four are texts of up to 40 values), written as CSV and read by the project's own reader. Every fit runs in a
fresh process, on all cores or as many as OMP_NUM_THREADS says. Reported: wall and CPU seconds of reading and of the
fit, the resident memory that reading leaves, the most that the fit adds to it, and the file's size. With --draw,
the table in docs/fit-cost.md is written from the newest results.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from common.drawn_tables import replace_by_texts
from common.results import Run, benchmark_parser, every_result, newest_rows
from mothernet_runtime.output import written
from sklearn.datasets import make_classification
from tqdm import tqdm

SHAPES = (
    "100x20x2,1000x2x2,1000x20x2,1000x20x5,1000x77x2,1000x77x8,1000x300x2,1000x1000x2,1000x2000x2,3000x20x26,"
    "10000x20x2,10000x20x100,10000x20x300,100000x20x2,1000000x20x2"
)
SEED = 0
PAGE = Path(__file__).parents[1] / "docs" / "fit-cost.md"


def main() -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--shapes", default=SHAPES, metavar="RxCxK,...", help="rows, columns, classes")
    parser.add_argument("--draw", action="store_true", help="measure nothing, write docs/fit-cost.md")
    parser.add_argument("--one", metavar="CSV", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measured_here(args.one)))
        return 0
    if args.draw:
        draw()
        return 0
    protocol = {"shapes": args.shapes, "seed": SEED, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS")}
    run = Run.start("fit_cost", __doc__, args, protocol, ("mothernet", "numpy", "onnxruntime", "pandas"))
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for shape in (bar := tqdm(args.shapes.split(","), file=sys.stderr)):
            bar.set_description(shape)
            n_rows, n_columns, n_classes = map(int, shape.split("x"))
            path = Path(folder) / f"{shape}.csv"
            drawn_table(n_rows, n_columns, n_classes).to_csv(path, index=False)
            done = subprocess.run(
                [sys.executable, __file__, "--one", str(path)], capture_output=True, text=True, check=True
            )
            rows.append({"rows": n_rows, "columns": n_columns, "classes": n_classes, **json.loads(done.stdout)})
            path.unlink()
    print(pd.DataFrame(rows).to_string(index=False))
    run.finish({"fits": len(rows)}, rows)
    return 0


def measured_here(path: str) -> dict[str, Any]:
    """Read and fit in this process."""
    from mothernet_export import to_onnx

    from mothernet.fitting.network import FitOptions, fit_network
    from mothernet.tables import read_table

    wall, cpu = time.perf_counter(), time.process_time()
    table = read_table(path, "y")
    read_wall, read_cpu = time.perf_counter() - wall, time.process_time() - cpu
    before = resident_bytes()
    wall, cpu = time.perf_counter(), time.process_time()
    child = fit_network(table.columns, table.target.to_numpy(), FitOptions())
    return {
        "read_seconds": round(read_wall, 3),
        "read_cpu_seconds": round(read_cpu, 3),
        "fit_seconds": round(time.perf_counter() - wall, 3),
        "fit_cpu_seconds": round(time.process_time() - cpu, 3),
        "table_bytes": before,
        "fit_bytes": max(0, peak_bytes() - before),
        "size_bytes": to_onnx(child).ByteSize(),
    }


def resident_bytes() -> int:
    """Of this process, now (Linux; elsewhere the most so far)."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return peak_bytes()
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak_bytes() -> int:
    """The most resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def drawn_table(n_rows: int, n_columns: int, n_classes: int) -> pd.DataFrame:
    """Numbers, of 20 columns also texts; the label is ``y``."""
    n_informative = min(10, max(2, n_columns // 2))
    X, y = make_classification(
        max(n_rows, 3 * n_classes),
        n_columns,
        n_informative=n_informative,
        n_redundant=0,
        n_classes=n_classes,
        n_clusters_per_class=1 if n_classes > 2 else 2,
        random_state=SEED,
    )
    table = pd.DataFrame(X.round(4), columns=[f"x{i}" for i in range(n_columns)])
    if n_columns == 20:
        replace_by_texts(table, np.random.default_rng(SEED))
    return table.assign(y=[f"class {label}" for label in y])


def draw() -> None:
    """The page from the newest results."""
    rows, header = newest_rows("fit_cost"), every_result("fit_cost")[-1][1]
    about = header["environment"]
    lines = [
        "# What a fit costs",
        "",
        f"Written by `benchmarks/fit_cost.py --draw`; measured {about['time'][:10]} at {about['commit']}, "
        f"{about['hardware']}. "
        "Memory is what the fit adds to that of the table at most.",
        "",
        "| rows | columns | classes | read CSV | fit | fit, CPU | memory of the fit | file |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows.to_dict("records"):
        lines.append(
            f"| {row['rows']:,} | {row['columns']:,} | {row['classes']} | {row['read_seconds']:.2f} s | "
            f"{row['fit_seconds']:.2f} s | {row['fit_cpu_seconds']:.2f} s | {row['fit_bytes'] / 1e6:,.0f} MB | "
            f"{row['size_bytes'] / 1e3:,.0f} kB |"
        )
    with written(PAGE) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
