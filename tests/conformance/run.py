"""Runs a consumer of MotherNet files on the conformance cases and compares its answers; standard library only.

    python tests/conformance/run.py -- mothernet-runtime predict {model} {rows}
    python tests/conformance/run.py --case mixed --case texts -- node examples/node/predict.mjs {model} {rows}

The command reads the CSV file {rows} and writes predictions as CSV to stdout: a header "label,probability_<class>,..."
and a line per row. What it cannot answer is one line on stderr, nothing on stdout, and exit code 2.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class Failure(Exception):
    """What is wrong with an answer."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the cases; 0 if all pass, 1 if any fails, 2 after bad usage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", metavar="NAME", help="only this case; may come more than once")
    parser.add_argument("--answers", action="store_true", help="only cases with answers, none that must be refused")
    parser.add_argument("--timeout", type=float, default=60, metavar="SECONDS", help="for one case (default: 60)")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="after --; holds {model} and {rows}")
    args = parser.parse_args(argv)
    for placeholder in ("{model}", "{rows}"):
        if not any(placeholder in argument for argument in args.command):
            parser.error(f"the command must hold {placeholder}, however: {' '.join(args.command)}")
    cases = json.loads((HERE / "manifest.json").read_text("utf-8"))["cases"]
    unknown = set(args.case or ()) - {case["name"] for case in cases}
    if unknown:
        parser.error(f"cases must be those of manifest.json, however: {', '.join(sorted(unknown))}")

    chosen = [case for case in cases if not args.case or case["name"] in args.case]
    chosen = [case for case in chosen if not (args.answers and "error" in case)]
    return report(chosen, lambda case: run_case(case, args.command, args.timeout))


def report(cases: Sequence[dict[str, Any]], run_one: Callable[[dict[str, Any]], float | None]) -> int:
    """Run and print each case; 0 if all pass, 1 if any fails. `run_one` is as `run_case`."""
    n_failed, largest = 0, 0.0
    for case in cases:
        try:
            difference = run_one(case)
        except Failure as failure:
            n_failed += 1
            print(f"FAILED  {case['name']}: {failure}", flush=True)
        else:
            largest = max(largest, difference or 0.0)
            print(f"ok      {case['name']}" + ("" if difference is None else f"  {difference:.1e}"), flush=True)
    print(f"largest difference: {largest:.1e}")
    print(f"{len(cases) - n_failed} passed, {n_failed} failed")
    return 1 if n_failed else 0


def run_case(case: dict[str, Any], command: Sequence[str], timeout: float) -> float | None:
    """The largest difference of a probability in a case with answers, None in an error case; raises Failure."""
    model, rows = str(HERE / case["model"]), str(HERE / case["rows_csv"])
    filled = [argument.replace("{model}", model).replace("{rows}", rows) for argument in command]
    try:
        done = subprocess.run(filled, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Failure(f"no answer within {timeout:g} s") from None
    except OSError as error:
        raise Failure(f"the command cannot be run: {error}") from None
    stdout, stderr = decoded(done.stdout, "stdout"), decoded(done.stderr, "stderr")
    if "error" in case:
        check_error(case["error"], done.returncode, stdout, stderr.replace(model, "").replace(rows, ""))
        return None
    if done.returncode != 0:
        raise Failure(f"the exit code must be 0, however: {done.returncode}; stderr: {shortened(stderr)}")
    expected = json.loads((HERE / case["expected"]).read_text("utf-8"))
    return compare(expected, stdout, case["tolerance"])


def check_error(expected: dict[str, Any], exit_code: int, stdout: str, stderr: str) -> None:
    """Raise Failure unless the consumer refused as it should; paths of files do not count as its words."""
    if exit_code != expected["exit_code"]:
        raise Failure(
            f"the exit code must be {expected['exit_code']}, however: {exit_code}; stderr: {shortened(stderr)}"
        )
    if stdout != expected["stdout"]:
        raise Failure(f"stdout must be empty, however: {shortened(stdout)}")
    if len(stderr.splitlines()) != 1:
        raise Failure(f"stderr must be one line, however: {len(stderr.splitlines())}: {shortened(stderr)}")
    if expected["message_holds"].lower() not in stderr.lower():
        raise Failure(f"the message must hold {expected['message_holds']!r}, however: {shortened(stderr)}")


def compare(expected: dict[str, Any], stdout: str, tolerance: float) -> float:
    """Largest difference of a probability; raises Failure if anything is not as expected."""
    header, *rows = list(csv.reader(io.StringIO(stdout, newline=""))) or [[]]
    wanted = ["label", *(f"probability_{text}" for text in expected["class_texts"])]
    if header != wanted:
        raise Failure(f"the header must be {shortened(repr(wanted))}, however: {shortened(repr(header))}")
    if len(rows) != len(expected["labels"]):
        raise Failure(f"there must be {len(expected['labels'])} rows, however: {len(rows)}")
    text_of = {repr(label): text for label, text in zip(expected["classes"], expected["class_texts"], strict=True)}
    largest = 0.0
    answers = zip(rows, expected["labels"], expected["probabilities"], strict=True)
    for number, (row, label, numbers) in enumerate(answers):
        if len(row) != len(wanted):
            raise Failure(f"row {number} must have {len(wanted)} cells, however: {len(row)}")
        if row[0] != text_of[repr(label)]:
            raise Failure(f"the label of row {number} must be {text_of[repr(label)]!r}, however: {row[0]!r}")
        for text, probability in zip(row[1:], numbers, strict=True):
            difference = abs(as_number(text) - probability)
            if not difference <= tolerance:
                raise Failure(f"row {number} must have the probability {probability}, however: {text!r}")
            largest = max(largest, difference)
    return largest


def as_number(text: str) -> float:
    """The number that a consumer wrote, NaN if it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def decoded(data: bytes, name: str) -> str:
    """Output of the consumer as text."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Failure(f"{name} must be UTF-8, however: {error}") from None


def shortened(text: str) -> str:
    """Text on one line for a message."""
    text = " | ".join(text.strip().splitlines())
    return text if len(text) <= 200 else f"{text[:200]}..."


if __name__ == "__main__":
    sys.exit(main())
