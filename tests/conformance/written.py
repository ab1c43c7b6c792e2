"""Answers a conformance case from another form of its record, written anew: what `run.py` asks of a consumer.

    python tests/conformance/run.py --answers -- python tests/conformance/written.py c {model} {rows}
    python tests/conformance/run.py --answers -- python tests/conformance/written.py ort {model} {rows}

C source and ORT files are written from a record, not from an .onnx file, so {model} only names the case, and cases
whose .onnx file is to be refused are not for them.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "export")]

from c_programs import csv_cells, program, run  # noqa: E402
from definitions import CASES  # noqa: E402
from mothernet_export import ChildNetwork, to_ort  # noqa: E402


def main(argv: Sequence[str]) -> int:
    """Write the form, run it, print CSV; 2 after bad usage."""
    if len(argv) != 3 or argv[0] not in ("c", "ort"):
        print("usage: written.py c|ort MODEL ROWS", file=sys.stderr)
        return 2
    form, model, rows = argv[0], Path(argv[1]), Path(argv[2])
    record = next((case.child for case in CASES if case.name == model.parent.name), None)
    if record is None:
        print(f"MODEL must be of a case with a record, however: {str(model)!r}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        return by_c(record, rows, Path(folder)) if form == "c" else by_ort(record, rows, Path(folder))


def by_c(record: ChildNetwork, rows: Path, folder: Path) -> int:
    answers = run(program(record, folder), zip(*csv_cells(rows, record).values(), strict=True))
    classes = [str(label) for label in record.target.classes]
    lines = csv.writer(sys.stdout, lineterminator="\n", quoting=csv.QUOTE_ALL)  # a lone \r would not be quoted
    lines.writerow(["label", *(f"probability_{label}" for label in classes)])
    for place, *probabilities in answers:
        if int(place) < 0:
            print(" ".join(probabilities), file=sys.stderr)
            return 2
        lines.writerow([classes[int(place)], *probabilities])
    return 0


def by_ort(record: ChildNetwork, rows: Path, folder: Path) -> int:
    to_ort(record, folder / "model.ort")
    return subprocess.run([sys.executable, "-m", "mothernet_runtime", "predict", folder / "model.ort", rows]).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
