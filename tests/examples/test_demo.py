"""What ``make demo`` runs; ``make test`` builds the same environments before it starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(
    not all((ROOT / name / "bin").is_dir() for name in (".venv-user", ".venv-runtime")),
    reason="needs the environments that make builds",
)
def test_the_demo_predicts_better_than_the_most_frequent_class() -> None:
    done = subprocess.run([sys.executable, "examples/demo/demo.py"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith(("file ", "accuracy ")))
    assert Path(lines["file"]).is_file()
    accuracy, baseline = float(lines["accuracy"].split()[0]), float(lines["accuracy"].rstrip(")").split()[-1])
    assert accuracy > baseline + 0.15  # logistic regression gains 0.37
