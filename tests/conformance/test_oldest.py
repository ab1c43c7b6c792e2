"""The oldest onnxruntime and NumPy that the runtime accepts answer the conformance cases, in both forms."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mothernet_export import to_onnx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from definitions import CASES  # noqa: E402

PROJECT = HERE.parents[1] / "runtime" / "pyproject.toml"
CORES = """
import json, pathlib, sys
import numpy as np
import mothernet_runtime
worst = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    case = pathlib.Path(sys.argv[2], path.stem)
    expected = json.loads((case / "expected.json").read_text("utf-8"))
    model = mothernet_runtime.load(path, on_unseen="ignore")
    rows = json.loads((case / "rows.json").read_text("utf-8")) or {name: [] for name in model.feature_names_in_}
    labels, probabilities = model.predict_both(rows)
    assert labels.tolist() == expected["labels"], path.stem
    wanted = np.array(expected["probabilities"]).reshape(probabilities.shape)
    worst[path.stem] = float(np.abs(probabilities - wanted).max(initial=0.0))
print(json.dumps(worst))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("MOTHERNET_OLDEST_VENV"), reason="needs an environment that make builds"),
]


@pytest.fixture(scope="module")
def python() -> Path:
    return Path(os.environ["MOTHERNET_OLDEST_VENV"]).resolve() / "bin" / "python"


def test_it_has_the_oldest_versions_that_the_runtime_accepts(python: Path) -> None:
    (line,) = re.findall("^dependencies = .*", PROJECT.read_text("utf-8"), re.MULTILINE)
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    floors = dict(re.findall(r'"([\w-]+)>=([\d.]+)"', line))
    assert set(floors) == {"numpy", "onnxruntime"}
    done = subprocess.run([python, "-c", code, *floors], capture_output=True, text=True, check=True)
    for version, floor in zip(done.stdout.split(), floors.values(), strict=True):
        assert version.removesuffix(".0") == floor


def test_every_case_is_answered(python: Path) -> None:
    command = [sys.executable, HERE / "run.py", "--", python, "-m", "mothernet_runtime", "predict", "{model}", "{rows}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_core_is_answered(python: Path, tmp_path: Path) -> None:
    for case in CASES:
        to_onnx(case.child, tmp_path / f"{case.name}.onnx", form="core")
    done = subprocess.run([python, "-c", CORES, tmp_path, HERE / "cases"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    worst = json.loads(done.stdout)
    assert len(worst) == len(CASES) and max(worst.values()) < 1e-5
