"""The C++ example, over the C sources, passes every conformance case with the sanitizers, and has typed labels."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import consumer_checks as checks

EXAMPLE = checks.EXAMPLES / "cpp"
PREDICT, TYPED = ([EXAMPLE / "build" / "checked" / name] for name in ("predict", "typed_rows"))
SANITIZERS = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
ENVIRONMENT = checks.environment()
pytestmark = checks.needs("make", "cc", "c++", "curl", "dpkg-deb")


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    checks.build("c++", ("make", "BUILD=build/checked", f"CFLAGS={SANITIZERS}", f"CXXFLAGS={SANITIZERS}"))


def test_cpp_passes_every_conformance_case() -> None:
    checks.check_conformance(PREDICT, ENVIRONMENT)


def test_cpp_answers_odd_rows_with_one_line(tmp_path: Path) -> None:
    checks.check_odd_rows(PREDICT, ENVIRONMENT, tmp_path)


def test_cpp_takes_the_dialect_as_options(tmp_path: Path) -> None:
    checks.check_dialect(PREDICT, ENVIRONMENT, tmp_path)


def test_cpp_warns_of_columns_that_are_mostly_unseen(tmp_path: Path) -> None:
    checks.check_warning(PREDICT, ENVIRONMENT, tmp_path)


def test_cpp_predicts_many_rows_as_python_does(tmp_path: Path) -> None:
    checks.check_many_rows(PREDICT, ENVIRONMENT, tmp_path)


def test_cpp_predicts_typed_rows() -> None:
    checks.check_typed_rows(TYPED, ENVIRONMENT, lambda line, _: json.loads(line))
