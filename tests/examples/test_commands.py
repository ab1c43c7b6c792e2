"""What commands of consumers do beyond the conformance cases: options, warnings, bad usage, odd files, telemetry."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import onnx
import pytest

ROOT = Path(__file__).parents[2]
CONFORMANCE = ROOT / "tests" / "conformance"
MODEL, ROWS = (CONFORMANCE / "cases" / "mixed" / name for name in ("model.onnx", "rows.csv"))
sys.path[:0] = [str(CONFORMANCE), str(Path(__file__).parent)]

import consumer_checks as checks  # noqa: E402
import consumers  # noqa: E402

Predict = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["go", "java"])
def command(request: pytest.FixtureRequest) -> checks.Command:
    """The command of a consumer, without model and rows."""
    return built(request.param).command[:-2]


@pytest.fixture(scope="module")
def predict(command: checks.Command) -> Predict:
    """Runs it on some arguments, each in a new process."""
    return running(command)


@pytest.fixture(scope="module", params=["python", "node", "go", "java", "rust", "c", "c++"])
def any_predict(request: pytest.FixtureRequest) -> Predict:
    """The same of all, also of those that further files test."""
    return running(built(request.param).command[:-2])


def built(name: str) -> consumers.Consumer:
    consumer = consumers.named(name)
    missing = consumers.missing_tools(consumer)
    if missing:
        pytest.skip(f"{consumer.name} needs {' and '.join(missing)}")
    assert consumers.build(consumer) == ""
    return consumer


def running(command: checks.Command) -> Predict:
    def run(*arguments: str | Path, start: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        return checks.run([*start, *command, *arguments], checks.environment())

    return run


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def test_an_unknown_form_is_refused(any_predict: Predict, tmp_path: Path) -> None:
    model = onnx.load(MODEL)
    model.metadata_props.add(key="mothernet.form", value="other")
    onnx.save(model, tmp_path / "other.onnx")
    assert "form must be" in refused(any_predict(tmp_path / "other.onnx", ROWS))


def test_the_dialect_may_be_given(command: checks.Command, tmp_path: Path) -> None:
    checks.check_dialect(command, checks.environment(), tmp_path)


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


def test_columns_that_are_mostly_unseen_are_told(command: checks.Command, tmp_path: Path) -> None:
    checks.check_warning(command, checks.environment(), tmp_path)


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


def test_many_rows_have_the_answers_of_the_runtime(command: checks.Command, tmp_path: Path) -> None:
    checks.check_many_rows(command, checks.environment(), tmp_path)


def test_no_telemetry_file_appears(command: checks.Command, tmp_path: Path) -> None:
    checks.check_no_telemetry(command, checks.environment(), tmp_path)
