"""In CI a test may not be skipped, unless it is marked as optional."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.mark.skipif(True, reason="needs cobol")
def test_needed():
    pass

@pytest.mark.optional
def test_optional():
    pytest.skip("needs fortran")

@pytest.mark.xfail
def test_known():
    raise AssertionError
"""


@pytest.mark.parametrize(
    ("variable", "counts"), [({}, "2 skipped, 1 xfailed"), ({"CI": "1"}, "1 skipped, 1 xfailed, 1 error")]
)
def test_a_skipped_test_fails_in_ci_unless_it_is_optional(
    tmp_path: Path, variable: dict[str, str], counts: str
) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_some.py").write_text(TESTS)
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | variable
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", tmp_path]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1].startswith(counts), done.stdout
    assert ("CI must have what every test needs, however: " in done.stdout) == bool(variable)


def test_a_file_that_is_skipped_as_a_whole_fails_in_ci(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_some.py").write_text('import pytest\npytest.importorskip("cobol")\n')
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path]
    done = subprocess.run(command, env=os.environ | {"CI": "1"}, capture_output=True, text=True)
    assert done.returncode not in (0, 5), done.stdout
    assert "No module named 'cobol'" in done.stdout
