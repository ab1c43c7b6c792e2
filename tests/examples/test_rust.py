"""What the Rust example does beside the conformance cases; needs cargo, which fetches crates on the first run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import consumer_checks as checks

EXAMPLE = checks.EXAMPLES / "rust"
PREDICT, READING = ([EXAMPLE / "target" / "release" / name] for name in ("predict", "examples/reading"))
ENVIRONMENT = checks.environment()
pytestmark = checks.needs("cargo")


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    checks.build("rust")


def test_rust_reads_the_cells_of_mutated_files_as_python_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checks.check_tables(READING, ENVIRONMENT, tmp_path / "batch", monkeypatch)


def test_rust_refuses_the_damaged_models_that_python_refuses(tmp_path: Path) -> None:
    checks.check_models(READING, ENVIRONMENT, tmp_path / "batch")


def test_rust_answers_odd_rows_with_one_line(tmp_path: Path) -> None:
    checks.check_odd_rows(PREDICT, ENVIRONMENT, tmp_path)


def test_rust_takes_the_dialect_as_options(tmp_path: Path) -> None:
    checks.check_dialect(PREDICT, ENVIRONMENT, tmp_path)


def test_rust_warns_of_columns_that_are_mostly_unseen(tmp_path: Path) -> None:
    checks.check_warning(PREDICT, ENVIRONMENT, tmp_path)


def test_rust_predicts_many_rows_as_python_does(tmp_path: Path) -> None:
    checks.check_many_rows(PREDICT, ENVIRONMENT, tmp_path)


def test_no_telemetry_file_appears_from_rust(tmp_path: Path) -> None:
    checks.check_no_telemetry(PREDICT, ENVIRONMENT, tmp_path)


def test_rust_predicts_the_numeric_core_in_onnxruntime(tmp_path: Path) -> None:
    checks.check_core(PREDICT, ENVIRONMENT, tmp_path)


@pytest.mark.slow
@pytest.mark.optional
@pytest.mark.skipif(not os.environ.get("TRACT"), reason="TRACT is not set: a build of tract takes many minutes")
def test_rust_predicts_the_numeric_core_in_tract(tmp_path: Path) -> None:
    folder = EXAMPLE / "target" / "tract"  # a build of its own, as features would replace each other's
    options = ("--features", "tract", "--no-default-features", "--target-dir", str(folder))
    checks.build("rust", ("cargo", "build", "--release", "--locked", "--bins", *options))
    # a cell of `extremes` is below the smallest normal float32, which tract takes for 0
    checks.check_core(
        [folder / "release" / "predict", "--engine", "tract"], ENVIRONMENT, tmp_path, leave_out="extremes"
    )


def test_rust_predicts_typed_rows() -> None:
    checks.build("rust", ("cargo", "test", "--release", "--locked", "--test", "typed_rows"))
