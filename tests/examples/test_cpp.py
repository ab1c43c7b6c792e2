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
    checks.build_headers()
    checks.build(["make", "BUILD=build/checked", f"CFLAGS={SANITIZERS}", f"CXXFLAGS={SANITIZERS}"], EXAMPLE)


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
    for case in json.loads((checks.CONFORMANCE / "manifest.json").read_text("utf-8"))["cases"]:
        if "rows_json" not in case:
            continue
        done = checks.run([*TYPED, *(checks.CONFORMANCE / case[key] for key in ("model", "rows_json"))], ENVIRONMENT)
        if "error" in case:
            assert (done.returncode, done.stdout) == (2, ""), case["name"]
            continue
        assert (done.returncode, done.stderr) == (0, ""), case["name"]
        expected = json.loads((checks.CONFORMANCE / case["expected"]).read_text("utf-8"))
        answers = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
        assert [repr(label) for label, _ in answers] == list(map(repr, expected["labels"])), case["name"]
        for (_, found), probabilities in zip(answers, expected["probabilities"], strict=True):
            assert found == pytest.approx(probabilities, abs=1e-5), case["name"]
