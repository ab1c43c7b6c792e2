"""Every script starts; one that needs no real tables runs to its end."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from common.children import child_probabilities
from common.models import untrained_checkpoint

from mothernet.network.checkpoint import load_checkpoint
from mothernet.network.forward import ForwardPass

FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.py"))


def run(*arguments, **options):
    return subprocess.run([sys.executable, *arguments], cwd=FOLDER.parent, capture_output=True, text=True, **options)


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_script_explains_itself_with_its_question(script):
    done = run(FOLDER / script, "--help")
    assert done.returncode == 0, done.stderr
    assert f"python benchmarks/{script}" in done.stdout


@pytest.mark.slow
def test_throughput_runs_to_a_line_of_json():
    arguments = ("--model", "small", "--steps", "1", "--peak-tflops", "1", "--rows", "40", "--features", "3")
    done = run(FOLDER / "throughput.py", *arguments, "--no-record", timeout=300)
    assert done.returncode == 0, done.stderr
    mixture, one_shape = json.loads(done.stdout.splitlines()[-1])["summary"]["workloads"]
    for row in (mixture, one_shape):
        shares = [value for key, value in row.items() if key.startswith("share_") and key != "share_of_peak"]
        assert len(shares) == 7 and sum(shares) == pytest.approx(1, abs=0.01)


def test_learning_curves_are_drawn_from_a_log(tmp_path):
    entry = {"tasks": 0, "seconds": 0.0, "validation_loss": 0.6, "validation_auc": 0.8}
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps({**entry, "tasks": i, "seconds": float(i)}) + "\n" for i in range(3)))
    done = run(FOLDER / "learning_curves.py", f"a run={log}", "--out", tmp_path / "curves.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_child_of_a_task_gives_probabilities_and_none_to_a_class_without_rows():
    rng = np.random.default_rng(0)
    X = torch.from_numpy(rng.normal(size=(60, 3)).astype(np.float32))
    y = 2 * (X[:40, 0].numpy() > 0).astype(np.int64)  # class 1 of three has no row
    with untrained_checkpoint() as path:
        network = ForwardPass(load_checkpoint(path))
    p = child_probabilities(network, X, y, 3, width=16)
    assert p.shape == (20, 3) and (p[:, 1] == 0).all()
    np.testing.assert_allclose(p.sum(1), 1)
    assert (p.argmax(1) == 2 * (X[40:, 0].numpy() > 0)).mean() > 0.8
