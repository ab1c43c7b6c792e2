"""What do the recorded results say, on one page, in pictures and in the README's table?

    python benchmarks/make_report.py                              # of benchmarks/results, into docs/ and README.md
    python benchmarks/make_report.py --results FOLDER --out OUT   # of other results, into a folder
    python benchmarks/make_report.py --run --quick --data DIR --out OUT

Writes ``docs/benchmarks.html`` (one file, asks no network for anything), pictures of it for documents
(``docs/pictures/benchmarks-*.png``, light and dark), and the README's table between its two comments. With ``--out``
they go to that folder, the table as ``numbers.md``. Which results count is said in ``report/loading.py``.

``--run`` measures first: ``accuracy.py``, ``latency.py`` and ``whole_cost.py`` into ``OUT/results``; with ``--quick``
on few tables, in about two minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from common.results import RESULTS
from mothernet_runtime.output import written
from report.chain import run_benchmarks
from report.loading import load
from report.page import page
from report.pictures import write_pictures
from report.readme_block import block, replaced

ROOT = Path(__file__).parent.parent


def main() -> int:
    args = arguments()
    if args.run:
        args.results = run_benchmarks(args.data, args.out / "results", quick=args.quick)
    try:
        results = load(args.results, incomplete=args.incomplete or args.quick)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    home = args.out or ROOT / "docs"
    home.mkdir(parents=True, exist_ok=True)
    write(home / "benchmarks.html", page(results))
    pictures = write_pictures(results, home / "pictures")
    if args.out:
        write(home / "numbers.md", block(results) + "\n")
    else:
        readme = ROOT / "README.md"
        write(readme, replaced(readme.read_text(encoding="utf-8"), block(results)))
    runs = [f"{run.benchmark}/{run.name}" for run in results.runs]
    print(json.dumps({"page": "benchmarks.html", "pictures": [path.name for path in pictures], "runs": runs}))
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FOLDER", help="default: benchmarks/results")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write there, and leave docs/ and README.md alone")
    parser.add_argument("--incomplete", action="store_true", help="quick runs and those of chosen tables count as well")
    parser.add_argument("--run", action="store_true", help="measure first")
    parser.add_argument("--quick", action="store_true", help="with --run: few tables and repeats")
    parser.add_argument("--data", type=Path, metavar="DIR", help="with --run: folder of INDEX.csv and tables")
    args = parser.parse_args()
    if args.run and not (args.data and args.out):
        parser.error("--run must have --data DIR and --out FOLDER, however: one is missing.")
    if (args.quick or args.data) and not args.run:
        parser.error("--quick and --data must come with --run, however: it is missing.")
    return args


def write(path: Path, text: str) -> None:
    """Whole or not at all."""
    with written(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
