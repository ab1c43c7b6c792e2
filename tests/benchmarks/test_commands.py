"""What a command costs, by the kernel's own account."""

import subprocess
import sys

import pytest
import whole_cost
from common.commands import cost_of, import_seconds


def test_cpu_seconds_and_peak_are_those_of_the_command_and_its_children():
    work = "b = bytearray(100 << 20); import time\nwhile time.process_time() < 0.3: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}], check=True)"
    cost = cost_of([sys.executable, "-c", parent])
    assert 0.3 <= cost.cpu_seconds < 2 and cost.wall_seconds >= 0.3
    assert 100 << 20 < cost.peak_bytes < 200 << 20


def test_peak_is_not_that_of_the_process_that_starts_it():
    ballast = bytearray(300 << 20)
    assert cost_of([sys.executable, "-S", "-c", "pass"]).peak_bytes < 100 << 20
    del ballast


def test_failing_command_is_an_error_that_says_what_it_wrote():
    with pytest.raises(RuntimeError, match=r"must succeed, however: exit code 3\n.*what went wrong"):
        cost_of([sys.executable, "-c", "import sys; print('what went wrong', file=sys.stderr); sys.exit(3)"])


def test_imports_are_counted_by_package():
    seconds = import_seconds(["-c", "import json.decoder, email.message"])
    assert seconds["json"] > 0 and seconds["email"] > 0
    assert list(seconds.values()) == sorted(seconds.values(), reverse=True)


def test_drawn_table_is_the_same_every_time_and_has_texts_and_blanks():
    table = whole_cost.drawn_table(500, 20)
    assert table.equals(whole_cost.drawn_table(500, 20))
    assert table.shape == (500, 21) and list(table.select_dtypes(exclude="number")) == ["x0", "x1", "x2", "x3", "y"]
    assert 0.01 < table.isna().to_numpy().mean() < 0.03 and not table["y"].isna().any()


@pytest.mark.slow
@pytest.mark.optional
@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_alternative_writes_a_file_that_it_checked(library, tmp_path):
    for package in (library, "onnxmltools"):
        pytest.importorskip(package)
    table, output = tmp_path / "table.csv", tmp_path / "model.onnx"
    whole_cost.drawn_table(200, 8).to_csv(table, index=False)
    subprocess.run(whole_cost.command(f"{library}-tuned", table, output, 2), check=True)
    assert output.stat().st_size > 1_000 and (tmp_path / "model.onnx.codes.json").exists()
