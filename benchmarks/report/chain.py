"""All benchmarks of the report, one after another, each in a process of its own as if called by hand."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from common.baselines import is_installed

__all__ = ["run_benchmarks"]

FOLDER = Path(__file__).parent.parent
QUICK_TABLES = ("credit-g", "balance-scale", "diabetes")


def run_benchmarks(data: Path, results: Path, *, quick: bool) -> Path:
    """Measure accuracy, latency and whole cost; progress on stderr, results files into a folder, which is returned.

    Raises
    ------
    SystemExit
        A benchmark left no results file. One that did, and says that some models failed, is none of these.
    """
    for name, arguments in commands(data, quick=quick).items():
        folder = results / name
        before = set(folder.glob("*.json"))
        print(f"{name}: python benchmarks/{name}.py {' '.join(arguments)}", file=sys.stderr, flush=True)
        command = [sys.executable, str(FOLDER / f"{name}.py"), *arguments, "--out", str(folder)]
        done = subprocess.run(command, stdout=subprocess.DEVNULL)
        if not set(folder.glob("*.json")) - before:
            raise SystemExit(f"{name}.py must leave a results file, however: it ended with {done.returncode} and none.")
    return results


def commands(data: Path, *, quick: bool) -> dict[str, list[str]]:
    """Arguments of each benchmark."""
    from_data = ["--data", str(data)]
    if quick:
        few = ["--suites", "cc18", "--only", ",".join(QUICK_TABLES), "--models", "all", "--splits", "1"]
        return {
            "accuracy": [*from_data, *few, "--tuning-seconds", "1"],
            "latency": [*from_data, "--quick", "--only", QUICK_TABLES[0], "--instructions", ""],
            "whole_cost": ["--rows", "1000", "--models", ",".join(_quick_costs()), "--repeats", "1"],
        }
    accuracy = [*from_data, "--suites", "cc18,dev", "--models", "all"]
    return {"accuracy": accuracy, "latency": from_data, "whole_cost": []}


def _quick_costs() -> list[str]:
    """Models beside the child whose packages are there: an option that names others is refused."""
    can_convert = all(find_spec(name) for name in ("onnxmltools", "skl2onnx"))
    return ["mothernet", *(name for name in ("lightgbm", "xgboost") if can_convert and is_installed(name))]
