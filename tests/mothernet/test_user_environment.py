"""What a user installs: a fit and an export without torch, and without what takes long to import."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"
EXPORT = """
import json, sys
from mothernet.commands.cli import main
code = main(["export", *sys.argv[1:], "--json"])
print(json.dumps({"code": code, "modules": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


def export(python, output):
    options = ["--target", "outcome", "-o", output]
    done = subprocess.run(
        [python, "-c", EXPORT, EXAMPLES / "parcels_train.csv", *options], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_an_export_imports_neither_torch_nor_scikit_learn_nor_scipy(tmp_path):
    modules = set(export(sys.executable, tmp_path / "model.onnx")[1]["modules"])
    assert {"mothernet", "onnxruntime", "pandas"} <= modules
    assert not {"torch", "sklearn", "scipy", "joblib"} & modules


@pytest.mark.slow
@pytest.mark.skipif("MOTHERNET_USER_VENV" not in os.environ, reason="needs an environment that make builds")
def test_an_environment_without_torch_exports_the_same(tmp_path):
    python = Path(os.environ["MOTHERNET_USER_VENV"]) / "bin" / "python"
    assert subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 1
    there, here = (export(path, tmp_path / "model.onnx") for path in (python, sys.executable))
    assert there[1]["code"] == 0
    assert there[0]["hold_out"]["model"]["auc"] == pytest.approx(here[0]["hold_out"]["model"]["auc"], abs=1e-3)
