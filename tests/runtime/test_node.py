"""The Node example answers as the reference does; needs node and npm, which fetches two packages on the first run."""

import csv
import fcntl
import io
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "node"
TOLERANCE = 1e-5
pytestmark = pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="needs node and npm")


@pytest.fixture(scope="module", autouse=True)
def packages():
    """node_modules as package-lock.json wants it; installed again only when the lock file is newer."""
    with open(EXAMPLE / "package.json") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # parallel test processes
        installed = EXAMPLE / "node_modules" / ".package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < (EXAMPLE / "package-lock.json").stat().st_mtime:
            environment = os.environ | {"ONNXRUNTIME_NODE_INSTALL": "skip"}
            done = subprocess.run(["npm", "ci"], cwd=EXAMPLE, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            installed.touch()


def run(*arguments, **options):
    command = ["node", EXAMPLE / "predict.mjs", *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, **options)


def answers(text):
    header, *rows = csv.reader(io.StringIO(text))
    return header, [row[0] for row in rows], np.array([row[1:] for row in rows], np.float64)


def write_rows(path, header, rows):
    with open(path, "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def test_golden_rows_get_the_golden_answers_in_node(golden, golden_expected):
    done = run(golden / "model.onnx", golden / "rows.csv")
    assert (done.returncode, done.stderr) == (0, "")
    header, labels, probabilities = answers(done.stdout)
    assert header == ["label", "probability_maybe, or not", "probability_no", "probability_oui, ça"]
    assert labels == golden_expected[0]
    assert np.abs(probabilities - golden_expected[1]).max() < TOLERANCE


@pytest.mark.parametrize(
    ("classes", "numeric", "categorical"),
    [
        ((0, 1, 2), ("x", "y"), ("city", "code")),
        ((-5, 2**60), ("x",), ()),
        ((False, True), (), ("city",)),
        ((0.5, 1.0), ("x", "y"), ("city",)),
    ],
)
def test_node_equals_the_numpy_reference_and_the_python_runtime(write_model, tmp_path, classes, numeric, categorical):
    from mothernet_runtime import load

    path, child = write_model(classes, numeric, categorical)
    rng = np.random.default_rng(5)
    numbers = rng.choice(
        [-1e39, -3.3e38, -1.0, -0.0, 0.1, 0.3, 2.5, 16777217.0, 1e39, np.inf, np.nan], (60, len(numeric))
    )
    texts = rng.choice(
        np.array(["", "Bern", "3", "0.5", "True", "unseen", 'q"u,o\nte'], object), (60, len(categorical))
    )
    cells = [["" if np.isnan(x) else repr(float(x)) for x in a] + list(b) for a, b in zip(numbers, texts, strict=True)]
    rows = write_rows(tmp_path / "rows.csv", [*numeric, *categorical], cells)
    done = run(path, rows)
    assert (done.returncode, done.stderr) == (0, "")
    header, labels, probabilities = answers(done.stdout)
    expected = child.predict_proba(numbers, texts)
    assert np.abs(probabilities - expected).max() < TOLERANCE
    assert labels == [str(classes[k]) for k in expected.argmax(axis=1)]
    assert header == ["label", *(f"probability_{label}" for label in classes)]
    records = [dict(zip([*numeric, *categorical], row, strict=True)) for row in cells]
    assert labels == [str(label) for label in load(path).predict(records).tolist()]


def test_columns_may_come_in_any_order_in_node(golden, tmp_path):
    with open(golden / "rows.csv", encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    path = write_rows(tmp_path / "rows.csv", header[::-1], [row[::-1] for row in rows])
    assert run(golden / "model.onnx", path).stdout == run(golden / "model.onnx", golden / "rows.csv").stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("age,city\n1,a\n", "missing [fare,constant,code,note], unknown or twice []"),
        ("age,city,fare,constant,code,note,id\n", "unknown or twice [id]"),
        (
            "age,city,fare,constant,code,note\n1,a,0x10,1,1,1\n",
            'row 1: column "fare" must hold numbers, however: "0x10"',
        ),
        ("age,city,fare,constant,code,note\n1,a\n", "Invalid Record Length"),
        ("", "missing [age,city"),
    ],
)
def test_bad_rows_exit_2_in_node(golden, tmp_path, content, message):
    (tmp_path / "rows.csv").write_text(content)
    done = run(golden / "model.onnx", tmp_path / "rows.csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_bad_model_exits_2_in_node(golden, tmp_path):
    data = (golden / "model.onnx").read_bytes()
    for content, message in [(data[:-50], "cut off"), (b"no model", "not an .onnx file"), (b"", "format 1, however")]:
        (tmp_path / "m.onnx").write_bytes(content)
        done = run(tmp_path / "m.onnx", golden / "rows.csv")
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr


def test_no_telemetry_file_appears_from_node(golden, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY" and not k.startswith("XDG_")}
    environment |= {"HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    assert run(golden / "model.onnx", golden / "rows.csv", env=environment).returncode == 0
    assert os.listdir(tmp_path) == []


def test_lock_file_names_no_registry():
    assert "resolved" not in (EXAMPLE / "package-lock.json").read_text("utf-8")
