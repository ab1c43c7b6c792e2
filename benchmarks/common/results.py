"""Results files: written by every benchmark, read by the scripts that draw.

A run leaves ``results/<benchmark>/<date>-<commit>.json`` (conditions, protocol, summary) and beside it, with the
ending ``.rows.csv.gz``, the rows that the summary was made of. A second run of a day and commit gets ``-2``.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from common.environment import changed_files, environment

__all__ = ["RESULTS", "Run", "benchmark_parser", "every_result", "newest_rows", "question", "read_rows"]

RESULTS = Path(__file__).parent.parent / "results"
ROWS = ".rows.csv.gz"


def question(doc: str | None) -> str:
    """The first line of a benchmark's docstring."""
    return (doc or "").strip().splitlines()[0]


def benchmark_parser(doc: str | None) -> argparse.ArgumentParser:
    """A parser with the options of every benchmark: where results go, or that none are kept."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write results there; default: benchmarks/results/NAME"
    )
    group.add_argument("--no-record", action="store_true", help="print results only")
    return parser


@dataclass(frozen=True)
class Run:
    """One run of a benchmark, from its header to its results file."""

    benchmark: str
    header: dict[str, Any]
    folder: Path | None  # None: nothing is written

    @classmethod
    def start(
        cls,
        benchmark: str,
        doc: str | None,
        args: argparse.Namespace,
        protocol: dict[str, Any],
        packages: Sequence[str] = ("mothernet", "numpy", "scikit-learn", "torch"),
    ) -> Run:
        """Print the header: question, conditions, protocol.

        Parameters
        ----------
        doc : str
            The script's docstring, whose first line is the question.
        args : argparse.Namespace
            With ``out`` and ``no_record`` of :func:`benchmark_parser`.
        protocol : dict
            What the results depend on beside the code: data, seeds, sizes. No paths.

        Raises
        ------
        SystemExit
            The results would go to ``benchmarks/results``, however files differ from the commit.
        """
        folder = None if args.no_record else args.out or RESULTS / benchmark
        if folder is not None and not args.out and (changed := changed_files()):
            raise SystemExit(
                f"a recorded run must be of a commit, however: {', '.join(changed[:5])}"
                f"{' and others' if len(changed) > 5 else ''} differ from it. "
                "Commit first, or give --no-record or --out FOLDER."
            )
        header = {
            "benchmark": benchmark,
            "question": question(doc),
            "environment": environment(packages),
            "protocol": protocol,
        }
        print(json.dumps(header, indent=2), flush=True)
        return cls(benchmark, header, folder)

    def finish(self, summary: dict[str, Any], rows: Sequence[dict[str, Any]]) -> Path | None:
        """Write the results, and print the summary as one line of JSON; returns the file."""
        path = None
        if self.folder is not None:
            path = write_result(self.folder, self.header, summary, rows)
            print(f"results: {path}", file=sys.stderr)
        print(json.dumps({"benchmark": self.benchmark, "file": path and path.name, "summary": summary}))
        return path


def write_result(folder: Path, header: dict[str, Any], summary: dict[str, Any], rows: Sequence[dict[str, Any]]) -> Path:
    """Write a results file and its rows, under a name that is free."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{header['environment']['time'][:10]}-{header['environment']['commit']}"
    names = (stem if i == 1 else f"{stem}-{i}" for i in range(1, 1000))
    path = next(path for path in (folder / f"{name}.json" for name in names) if not path.exists())
    text = io.StringIO()
    pd.DataFrame(list(rows)).to_csv(text, index=False)
    # without a time inside, so that the same rows give the same bytes
    path.with_suffix(ROWS).write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    path.write_text(json.dumps({**header, "summary": summary}, indent=1) + "\n", encoding="utf-8")
    return path


def every_result(benchmark: str, folder: Path = RESULTS) -> list[tuple[Path, dict[str, Any]]]:
    """All results files of a benchmark with their contents, the oldest first."""
    found = [(path, json.loads(path.read_text(encoding="utf-8"))) for path in (folder / benchmark).glob("*.json")]
    return sorted(found, key=lambda item: (item[1]["environment"]["time"], item[0].name))


def read_rows(path: Path) -> pd.DataFrame:
    """The rows beside a results file."""
    return pd.read_csv(path.with_suffix(ROWS), keep_default_na=False, na_values=[""])


def newest_rows(benchmark: str, folder: Path = RESULTS) -> pd.DataFrame:
    """The rows of a benchmark's newest results file.

    Raises
    ------
    SystemExit
        There is none.
    """
    results = every_result(benchmark, folder)
    if not results:
        raise SystemExit(
            f"{benchmark} must have a results file, however: there is none. Run benchmarks/{benchmark}.py."
        )
    return read_rows(results[-1][0])
