"""The C example passes every conformance case with the sanitizers of addresses and undefined behaviour, and more."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import consumer_checks as checks

EXAMPLE = checks.EXAMPLES / "c-onnxruntime"
PREDICT, READING = ([EXAMPLE / "build" / name] for name in ("predict", "reading"))
CHECKED = [EXAMPLE / "build" / "checked" / name for name in ("predict", "reading")]  # by the sanitizers
SANITIZERS = "CFLAGS=-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
ENVIRONMENT = checks.environment()
pytestmark = checks.needs("make", "cc", "curl", "dpkg-deb")


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    checks.build("c", ("make", "BUILD=build/checked", SANITIZERS))


def test_c_passes_every_conformance_case_with_sanitizers() -> None:
    checks.check_conformance(CHECKED[:1], ENVIRONMENT)


def test_c_reads_the_cells_of_mutated_files_as_python_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checks.check_tables(CHECKED[1:], ENVIRONMENT, tmp_path / "batch", monkeypatch)


def test_c_refuses_the_damaged_models_that_python_refuses(tmp_path: Path) -> None:
    checks.check_models(CHECKED[1:], ENVIRONMENT, tmp_path / "batch")


def test_c_answers_odd_rows_with_one_line(tmp_path: Path) -> None:
    checks.check_odd_rows(CHECKED[:1], ENVIRONMENT, tmp_path)


def test_c_takes_the_dialect_as_options(tmp_path: Path) -> None:
    checks.check_dialect(PREDICT, ENVIRONMENT, tmp_path)


def test_c_warns_of_columns_that_are_mostly_unseen(tmp_path: Path) -> None:
    checks.check_warning(PREDICT, ENVIRONMENT, tmp_path)


def test_c_predicts_many_rows_as_python_does(tmp_path: Path) -> None:
    checks.check_many_rows(PREDICT, ENVIRONMENT, tmp_path)


def test_c_predicts_typed_rows() -> None:
    def read(line: str, classes: list[Any]) -> checks.Answer:
        place, *probabilities = line.split(",")
        return classes[int(place)], list(map(float, probabilities))

    checks.check_typed_rows([*CHECKED[1:], "rows"], ENVIRONMENT, read)


def test_no_telemetry_file_appears_from_c(tmp_path: Path) -> None:
    checks.check_no_telemetry(PREDICT, ENVIRONMENT, tmp_path)
