"""Forms that are written from a record answer conformance cases through the command that `make conformance` runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFORMANCE = Path(__file__).parents[1] / "conformance"
NO_COMPILER = not any(map(shutil.which, ("cc", "gcc", "clang")))


def conformance(form: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, CONFORMANCE / "run.py", *options, "--answers", "--"]
    command += [sys.executable, CONFORMANCE / "written.py", form, "{model}", "{rows}"]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(
    "form", [pytest.param("c", marks=pytest.mark.skipif(NO_COMPILER, reason="no compiler")), "ort"]
)
def test_a_form_written_from_the_record_answers(form: str) -> None:
    done = conformance(form, "--case", "mixed", "--case", "date_parts")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "2 passed, 0 failed"


def test_cases_in_which_a_file_is_refused_are_not_for_them() -> None:
    assert conformance("c", "--case", "error_format_1").stdout.splitlines()[-1] == "0 passed, 0 failed"
    done = subprocess.run(
        [
            sys.executable,
            CONFORMANCE / "written.py",
            "c",
            CONFORMANCE / "cases" / "error_format_1" / "model.onnx",
            "rows",
        ],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "must be of a case with a record" in done.stderr
