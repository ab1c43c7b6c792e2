"""What does it cost to get a checked .onnx from a CSV file, start-up included, beside LightGBM and XGBoost?

    python benchmarks/whole_cost.py [--rows 1000,10000] [--columns 20] [--models mothernet,lightgbm,lightgbm-tuned]

Every command runs in a fresh process: ``mothernet export`` (hold-out estimate, fit, file, comparison with the model),
and for the others ``alternatives/gbdt_to_onnx.py``, which does the same with pandas, scikit-learn and onnxmltools, at
defaults or tuned by a random search (--configurations, three folds each). Tables are drawn by the script (seed 0): half
of the columns tell about the two classes, four are texts of up to 40 values, one cell in fifty is blank. Reported: wall
seconds, CPU seconds and peak memory (medians of --repeats, interleaved over models, after one run of each that does
not count; of tuned ones three runs), the size of the file, and in which packages ``mothernet export`` spends its
imports. Files of LightGBM and XGBoost take texts as integer codes and keep these in a second file, which counts.
LightGBM chooses its threads itself (one per core); on a busy machine it then waits for them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from common.commands import cost_of, import_seconds
from common.drawn_tables import TEXT_COLUMNS, replace_by_texts
from common.results import Run, benchmark_parser
from sklearn.datasets import make_classification
from tqdm import tqdm

BLANK_SHARE, SEED = 0.02, 0
ALTERNATIVE = Path(__file__).parent / "alternatives" / "gbdt_to_onnx.py"
MODELS = ("mothernet", "lightgbm", "xgboost", "lightgbm-tuned", "xgboost-tuned")
PACKAGES = ("lightgbm", "xgboost", "onnxmltools", "skl2onnx")  # those of the other models
SHOWN_PACKAGES = 10
TUNED_REPEATS = 3  # at most, and none that does not count: they take minutes


def main() -> int:
    args = arguments()
    protocol = {
        "rows": args.rows,
        "columns": args.columns,
        "text_columns": TEXT_COLUMNS,
        "models": args.models,
        "configurations": args.configurations,
        "repeats": args.repeats,
        "tuned_repeats": min(args.repeats, TUNED_REPEATS),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
        "seed": SEED,
    }
    packages = ["mothernet", "numpy", "onnxruntime", "pandas", "scikit-learn", "torch"]
    packages += [name for name in PACKAGES if any(name in needed(model) for model in args.models)]
    run = Run.start("whole_cost", __doc__, args, protocol, packages)
    with tempfile.TemporaryDirectory() as folder:
        runs = list(measured(args, Path(folder)))
        imports = imports_of_export(Path(folder)) if "mothernet" in args.models else {}
    costs = [row for row in runs if "reason" not in row]
    failures = [row for row in runs if "reason" in row]
    summary = {"costs": medians(costs), "import_seconds": imports, "failures": failures}
    print(pd.DataFrame(summary["costs"]).to_string(index=False))
    if imports:
        print("\nimports of mothernet export, in seconds by package (measuring slows them)")
        print(pd.Series(imports).to_string())
    for failure in failures:
        print(f"FAILED {failure['model']}, {failure['table']}: {failure['reason']}")
    run.finish(summary, costs)
    return int(bool(failures))


def measured(args: argparse.Namespace, folder: Path) -> Iterator[dict[str, Any]]:
    """One row for each run that counts; with a reason instead of costs where a command fails."""
    plan = [
        (n_rows, repeat, model)
        for n_rows in args.rows
        for repeat in range(-1, args.repeats)
        for model in args.models
        if not model.endswith("-tuned") or 0 <= repeat < TUNED_REPEATS
    ]
    failed = set()
    for n_rows, repeat, model in (bar := tqdm(plan, file=sys.stderr)):
        bar.set_description(f"{model}, {n_rows:,} rows")
        table, output = folder / f"{n_rows}.csv", folder / f"{model}.onnx"
        if not table.exists():
            drawn_table(n_rows, args.columns).to_csv(table, index=False)
        if (n_rows, model) in failed:
            continue
        try:
            cost = cost_of(command(model, table, output, args.configurations))
        except RuntimeError as error:
            failed.add((n_rows, model))
            yield {"table": f"{n_rows} x {args.columns}", "model": model, "reason": str(error)}
            continue
        if repeat >= 0:
            size_bytes = sum(path.stat().st_size for path in folder.glob(f"{output.name}*"))
            about = {"rows": n_rows, "columns": args.columns, "model": model, "repeat": repeat}
            yield {**about, **vars(cost), "size_bytes": size_bytes}


def imports_of_export(folder: Path) -> dict[str, float]:
    """Seconds of the packages that take the longest."""
    table = folder / "small.csv"
    drawn_table(200, 2 * TEXT_COLUMNS).to_csv(table, index=False)
    found = import_seconds(command("mothernet", table, folder / "small.onnx", 0)[1:])
    return dict(list(found.items())[:SHOWN_PACKAGES])


def arguments() -> argparse.Namespace:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--rows", type=whole_numbers, default=[1000, 10_000], metavar="A,B", help="default: 1000,10000")
    parser.add_argument("--columns", type=int, default=20, metavar="N", help="default: %(default)s, of them 4 texts")
    parser.add_argument("--models", default="all", metavar="A,B", help=f"among {', '.join(MODELS)}; default: all")
    parser.add_argument("--configurations", type=int, default=30, metavar="N", help="of a search; default: %(default)s")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="default: %(default)s")
    args = parser.parse_args()
    if args.columns < 2 * TEXT_COLUMNS:
        parser.error(f"--columns must be at least {2 * TEXT_COLUMNS}, however: {args.columns}.")
    named = args.models != "all"
    args.models = args.models.split(",") if named else list(MODELS)
    if unknown := set(args.models) - set(MODELS):
        parser.error(f"--models must be among {', '.join(MODELS)}, however: {', '.join(sorted(unknown))}.")
    missing = {model: [name for name in needed(model) if find_spec(name) is None] for model in args.models}
    if without := [model for model, names in missing.items() if names]:
        cure = f"pip install {' '.join(sorted({name for model in without for name in missing[model]}))}"
        if named:
            parser.error(f"{', '.join(without)} must have its packages, however: some are missing. Run: {cure}")
        print(f"left out, because packages are missing: {', '.join(without)}. To have them: {cure}", file=sys.stderr)
        args.models = [model for model in args.models if model not in without]
    return args


def whole_numbers(text: str) -> list[int]:
    """Of an option."""
    return [int(part) for part in text.split(",")]


def needed(model: str) -> tuple[str, ...]:
    """Packages of a model that this project does not bring."""
    return () if model == "mothernet" else (model.removesuffix("-tuned"), "onnxmltools", "skl2onnx")


def drawn_table(n_rows: int, n_columns: int) -> pd.DataFrame:
    """Numbers and texts with blanks, the same for a size in every run; the label is ``y``."""
    X, y = make_classification(n_rows, n_columns, n_informative=n_columns // 2, n_redundant=2, random_state=SEED)
    rng = np.random.default_rng(SEED)
    table = pd.DataFrame(X.round(4), columns=[f"x{i}" for i in range(n_columns)])
    replace_by_texts(table, rng)
    table = table.mask(rng.random(table.shape) < BLANK_SHARE)
    return table.assign(y=np.where(y == 1, "yes", "no"))


def command(model: str, table: Path, output: Path, configurations: int) -> list[str]:
    """What one types, as words."""
    files = [str(table), "--target", "y", "-o", str(output)]
    if model == "mothernet":
        return [sys.executable, "-m", "mothernet", "export", *files]
    library = model.removesuffix("-tuned")
    tuning = ["--configurations", str(configurations)] if model.endswith("-tuned") else []
    return [sys.executable, str(ALTERNATIVE), library, *files, *tuning]


def medians(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each size and model; of the wall seconds also the smallest and the largest."""
    found: dict[tuple[int, int, str], list[dict[str, Any]]] = {}
    for row in runs:
        found.setdefault((row["rows"], row["columns"], row["model"]), []).append(row)
    return [
        {
            "rows": rows,
            "columns": columns,
            "model": model,
            "wall_seconds": round(statistics.median(row["wall_seconds"] for row in repeats), 3),
            "wall_min": round(min(row["wall_seconds"] for row in repeats), 3),
            "wall_max": round(max(row["wall_seconds"] for row in repeats), 3),
            "cpu_seconds": round(statistics.median(row["cpu_seconds"] for row in repeats), 3),
            "peak_bytes": int(statistics.median(row["peak_bytes"] for row in repeats)),
            "size_bytes": int(statistics.median(row["size_bytes"] for row in repeats)),
            "repeats": len(repeats),
        }
        for (rows, columns, model), repeats in found.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
