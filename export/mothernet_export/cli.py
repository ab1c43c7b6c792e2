"""The command ``mothernet-export``: results on stdout, everything else on stderr."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from collections.abc import Sequence

from mothernet_runtime.command import exit_code
from mothernet_runtime.csv_files import given_dialect, read_csv, source_name
from mothernet_runtime.model import TOLERANCE, SelfTestError
from mothernet_runtime.text import escaped, escaped_json, listed

from mothernet_export.evaluators import EvaluatorError
from mothernet_export.file_check import EvaluatorCheck, FileCheck, check_file

_PROG = "mothernet-export"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, 1 if evaluators disagree or fail, 2 after one line on stderr about bad input."""
    return exit_code(_PROG, lambda: _check(_parser().parse_args(argv)), failures=(SelfTestError, EvaluatorError))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROG,
        description="Check what `mothernet export` wrote.",
        epilog=f"example: {_PROG} check titanic.onnx new_passengers.csv",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser(
        "check",
        help="compare what every evaluator of a file says on some rows",
        description="Compare what every evaluator of FILE says on ROWS: onnxruntime, ONNX's own evaluator in NumPy, "
        "OpenVINO if it is installed; of an ORT file onnxruntime alone; C source is compiled. The first column of "
        "differences is from the reference: ONNX's evaluator, or the file that --against names. The second is from the "
        "answers that the NumPy reference of the record gave for the rows of the file's self-test.",
        epilog=f"example: {_PROG} check titanic.c new_passengers.csv --against titanic.onnx",
    )
    check.add_argument("file", metavar="FILE", help="an .onnx file of either form, an ORT file, or C source (.c)")
    check.add_argument("rows", metavar="ROWS", help="a CSV file with a header, also gzipped; - for stdin")
    check.add_argument("--against", metavar="FILE", help="another file, of any form, that is the reference")
    check.add_argument(
        "--tolerance",
        type=_tolerance,
        default=TOLERANCE,
        metavar="X",
        help=f"largest difference of a probability (default: {TOLERANCE:g})",
    )
    check.add_argument("--delimiter", metavar="CHAR", help="of ROWS: comma, semicolon, tab, pipe (default: found)")
    check.add_argument("--encoding", metavar="NAME", help="of ROWS: utf-8, utf-16, latin-1, ... (default: found)")
    check.add_argument("--json", action="store_true", help="the result as JSON")
    return parser


def _check(args: argparse.Namespace) -> int:
    chunks = list(read_csv(args.rows, dialect=given_dialect(args.delimiter, args.encoding)))
    names = chunks[0].names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"columns of {source_name(args.rows)} must differ, however: {listed(twice)} comes twice")
    rows = {name: [cell for chunk in chunks for cell in chunk.columns[i]] for i, name in enumerate(names)}
    result = check_file(args.file, rows, against=args.against, tolerance=args.tolerance)
    if args.json:
        print(escaped_json(json.dumps({**dataclasses.asdict(result), "ok": result.ok}, ensure_ascii=False)))
    else:
        print("\n".join(map(escaped, _lines(result))))
    return int(not result.ok)


def _lines(result: FileCheck) -> list[str]:
    lines = [
        f"{result.file}: {result.rows:,} rows ({result.clear_rows:,} with a clear label), compared with "
        f"{result.reference}, allowed: {result.tolerance:g}",
        f"{'evaluator':16}{'difference':>12}{'labels':>10}{'self-test':>12}{'labels':>10}",
    ]
    lines += map(_line, result.evaluators)
    return [*lines, "all agree" if result.ok else "FAILED"]


def _line(check: EvaluatorCheck) -> str:
    if check.skipped or check.failure:
        return f"{check.evaluator:16}" + (f"skipped: {check.skipped}" if check.skipped else f"failed: {check.failure}")
    cells = [
        "reference" if check.max_difference is None else f"{check.max_difference:.1e}",
        "" if check.different_labels is None else str(check.different_labels),
        "" if check.self_test_difference is None else f"{check.self_test_difference:.1e}",
        "" if check.self_test_labels is None else str(check.self_test_labels),
    ]
    return f"{check.evaluator:16}{cells[0]:>12}{cells[1]:>10}{cells[2]:>12}{cells[3]:>10}".rstrip()


def _tolerance(text: str) -> float:
    try:
        tolerance = float(text)
    except ValueError:
        tolerance = math.nan
    if not 0 <= tolerance < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number from 0 up, however: {text!r}")
    return tolerance
