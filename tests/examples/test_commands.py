"""What commands of consumers do beyond the conformance cases: options, warnings, bad usage, odd files, telemetry."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import mothernet_runtime
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
CONFORMANCE = ROOT / "tests" / "conformance"
MODEL, ROWS = (CONFORMANCE / "cases" / "mixed" / name for name in ("model.onnx", "rows.csv"))
sys.path.insert(0, str(CONFORMANCE))

import consumers  # noqa: E402

Predict = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["go", "java"])
def predict(request: pytest.FixtureRequest) -> Predict:
    """Runs the command of a consumer on some arguments, each in a new process."""
    return command_of(request.param)


@pytest.fixture(scope="module", params=["python", "node", "go", "java", "rust", "c", "c++"])
def any_predict(request: pytest.FixtureRequest) -> Predict:
    """The same of all, also of those that further files test."""
    return command_of(request.param)


def command_of(name: str) -> Predict:
    consumer = next(each for each in consumers.CONSUMERS if each.name == name)
    missing = consumers.missing_tools(consumer)
    if missing:
        pytest.skip(f"{consumer.name} needs {' and '.join(missing)}")
    assert consumers.build(consumer) == ""

    def run(*arguments: str | Path, start: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        return consumers.run([*start, *consumer.command[:-2], *map(str, arguments)], consumer)

    return run


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def test_the_dialect_may_be_given(predict: Predict, tmp_path: Path) -> None:
    lines = ROWS.read_text("utf-8").splitlines()[:2]
    rows = tmp_path / "rows.csv"
    rows.write_bytes("\r".join(lines).replace(",", "|").replace("Bern", "Z\xfcrich").encode("cp1252"))
    done = predict(MODEL, rows, "--delimiter", "pipe", "--encoding", "windows-1252")
    assert (done.returncode, done.stderr) == (0, "")
    assert "must be text in UTF-8" in refused(predict(MODEL, rows))
    assert "must be comma, semicolon" in refused(predict(MODEL, rows, "--delimiter", ":"))
    assert "encoding must be" in refused(predict(MODEL, rows, "--encoding", "ebcdic"))


def test_further_columns_are_ignored_if_asked(any_predict: Predict, tmp_path: Path) -> None:
    header, row = ROWS.read_text("utf-8").splitlines()[:2]
    (tmp_path / "known.csv").write_text(f"{header}\n{row}\n", "utf-8")
    (tmp_path / "further.csv").write_text(f"id,{header},id,\n1,{row},2,\n", "utf-8")
    (tmp_path / "repeated.csv").write_text(f"{header},age\n{row},3\n", "utf-8")
    done = any_predict(MODEL, tmp_path / "further.csv", "--ignore-extra")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == any_predict(MODEL, tmp_path / "known.csv").stdout
    assert "id" in refused(any_predict(MODEL, tmp_path / "further.csv"))
    assert "age" in refused(any_predict(MODEL, tmp_path / "repeated.csv", "--ignore-extra"))


def test_predictions_that_cannot_be_written_are_told(any_predict: Predict) -> None:
    done = any_predict(MODEL, ROWS, start=("sh", "-c", 'exec "$@" >/dev/full', "sh"))
    assert "No space left" in refused(done) or "no space left" in done.stderr


def test_a_folder_in_place_of_a_file_is_named(any_predict: Predict, tmp_path: Path) -> None:
    assert str(tmp_path) in refused(any_predict(tmp_path, ROWS))
    assert str(tmp_path) in refused(any_predict(MODEL, tmp_path))


def test_columns_that_are_mostly_unseen_are_told(predict: Predict, tmp_path: Path) -> None:
    header, row = ROWS.read_text("utf-8").splitlines()[:2]
    for city, n_rows, warns in [("Bern", 5, False), ("BERN", 4, False), ("BERN", 5, True)]:
        (tmp_path / "rows.csv").write_text("\n".join([header, *[row.replace("Bern", city)] * n_rows]), "utf-8")
        done = predict(MODEL, tmp_path / "rows.csv")
        assert (done.returncode, len(done.stdout.splitlines())) == (0, n_rows + 1)
        assert ('of column "city" are categories that the model does not know, such as "BERN"' in done.stderr) is warns


def test_bad_usage_is_one_line(predict: Predict, tmp_path: Path) -> None:
    assert "usage:" in refused(predict())
    assert "usage:" in refused(predict(MODEL, ROWS, "--no-such-option"))
    assert "none.onnx" in refused(predict(tmp_path / "none.onnx", ROWS))
    assert "none.csv" in refused(predict(MODEL, tmp_path / "none.csv"))


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"\xff\xfe\n", b'"', b"\x1f\x8b\x08", b"a,a\n1,2\n", b"\n\n\n", bytes(range(256))]
)
def test_odd_rows_are_refused(predict: Predict, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(content)
    refused(predict(MODEL, tmp_path / "rows.csv"))


def test_many_rows_have_the_answers_of_the_runtime(predict: Predict, tmp_path: Path) -> None:
    header, *rows = ROWS.read_text("utf-8").splitlines()
    single = [row for row in rows if row.count('"') % 2 == 0]
    (tmp_path / "rows.csv").write_text("\n".join([header, *single * (20_000 // len(single))]), "utf-8")
    done = predict(MODEL, tmp_path / "rows.csv")
    assert done.returncode == 0, done.stderr
    command = [sys.executable, "-m", "mothernet_runtime", "predict", MODEL, tmp_path / "rows.csv"]
    expected = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
    cells = [
        np.genfromtxt(text.replace(", ", "").splitlines(), delimiter=",", dtype=str, skip_header=1)
        for text in (done.stdout, expected)
    ]
    assert (cells[0][:, 0] == cells[1][:, 0]).all()
    np.testing.assert_allclose(*(each[:, 1:].astype(float) for each in cells), atol=1e-6)
    assert len(cells[0]) > 10_000 and mothernet_runtime.load(MODEL).classes_.size == 3


def test_no_telemetry_file_appears(predict: Predict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name == "ORT_DISABLE_TELEMETRY" or name.startswith("XDG_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    assert predict(MODEL, ROWS).returncode == 0
    assert os.listdir(tmp_path) == []
