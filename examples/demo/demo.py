"""From a CSV to predictions elsewhere: what ``make demo`` runs.

Fits a table of parcels and writes ``build/demo/parcels.onnx`` with the command ``mothernet``; predicts held-out rows
with the command ``mothernet-runtime`` of a second environment, which knows onnxruntime and NumPy only; says how it
went.
"""

from __future__ import annotations

import csv
import json
import shlex
import subprocess
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
MAIN, RUNTIME = Path(".venv-user/bin"), Path(".venv-runtime/bin")
TRAIN, HELDOUT = "examples/data/parcels_train.csv", "examples/data/parcels_heldout.csv"
MODEL, PREDICTED = "build/demo/parcels.onnx", "build/demo/predicted.csv"
TARGET = "outcome"


def run(*command: str | Path) -> str:
    """Show a command, run it in the repository's root, and return what it prints."""
    print("$", shlex.join(map(str, command)), flush=True)
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def column(path: str, name: str) -> list[str]:
    """The cells of one column of a CSV file."""
    with open(ROOT / path, encoding="utf-8", newline="") as file:
        return [row[name] for row in csv.DictReader(file)]


def main() -> None:
    """Export, predict, compare."""
    (ROOT / MODEL).parent.mkdir(parents=True, exist_ok=True)
    report = json.loads(run(MAIN / "mothernet", "export", TRAIN, "--target", TARGET, "-o", MODEL, "--json"))
    run(RUNTIME / "mothernet-runtime", "predict", MODEL, HELDOUT, "--ignore-extra", "-o", PREDICTED)
    latency = json.loads(run(RUNTIME / "python", "examples/demo/time_rows.py", MODEL, HELDOUT))
    truth, labels = column(HELDOUT, TARGET), column(PREDICTED, "label")
    accuracy = sum(t == p for t, p in zip(truth, labels, strict=True)) / len(truth)
    most_frequent = Counter(column(TRAIN, TARGET)).most_common(1)[0][0]
    baseline = truth.count(most_frequent) / len(truth)
    print(f"""
file       {ROOT / MODEL}
size       {report["size_bytes"]:,} bytes ({report["width"]} hidden units)
fit time   {report["fit_seconds"]:.2f} s on {report["rows"]:,} rows
accuracy   {accuracy:.3f} on {len(truth)} held-out rows ({most_frequent!r} every time: {baseline:.3f})
latency    {latency["one_row_us"]:.0f} µs for one row alone, {latency["per_row_us"]:.1f} µs per row for all at once
           (from a dict of raw cells to probabilities; median, one thread)""")


if __name__ == "__main__":
    main()
