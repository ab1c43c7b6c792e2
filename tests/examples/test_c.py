"""The C example builds by its one command and says what the .onnx file of the same table says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import mothernet_runtime
import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
ROW = {"depot": "Liège", "service": "express", "weight_kg": "2.5", "distance_km": "140"}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("make") and shutil.which("cc")), reason="needs make and a C compiler"),
]


def test_the_example_says_what_the_onnx_file_says(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "c", tmp_path / "c", ignore=shutil.ignore_patterns("parcels.*", "predict"))
    shutil.copytree(EXAMPLES / "data", tmp_path / "data")
    mothernet = f"{sys.executable} -m mothernet"
    subprocess.run(["make", f"MOTHERNET={mothernet}"], cwd=tmp_path / "c", env=os.environ, check=True, timeout=300)
    table = tmp_path / "data" / "parcels_train.csv"
    command = [*mothernet.split(), "export", table, "--target", "outcome", "-o", tmp_path / "p.onnx", "--no-holdout"]
    subprocess.run(command, check=True, timeout=300)

    model = mothernet_runtime.load(tmp_path / "p.onnx")
    row = dict.fromkeys(column.name for column in model.columns_ if not column.is_ignored) | ROW
    arguments = [f"{name}={cell}" for name, cell in ROW.items()]
    done = subprocess.run([tmp_path / "c" / "predict", *arguments], capture_output=True, text=True, check=True)
    label, *lines = done.stdout.splitlines()
    assert [label] == list(model.predict([row]))
    found = {name: float(number) for number, name in (line.split() for line in lines)}
    np.testing.assert_allclose(list(found.values()), model.predict_proba([row])[0], atol=1e-4)

    for wrong, message in [("weight_kg=heavy", "weight_kg: a cell"), ("colour=red", "however: colour=red")]:
        done = subprocess.run([tmp_path / "c" / "predict", wrong], capture_output=True, text=True)
        assert done.returncode == 2 and message in done.stderr
