"""``mothernet export -o model.c``: source and header, compared with the model first; no to what is not for it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import get_args

import pytest
from mothernet_export import Comparison, Parity
from mothernet_export.c_writer import check as checking
from mothernet_export.c_writer.file import C_WEIGHTS
from mothernet_export.quantization import Weights

from mothernet.commands import c_source, cli

TABLE = Path(__file__).parents[3] / "examples" / "data" / "parcels_train.csv"
Capture = pytest.CaptureFixture[str]
needs_compiler = pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")


def export(output: Path, checkpoint: Path, *options: str) -> int:
    command = ["export", str(TABLE), "--target", "outcome", "-o", str(output), "--checkpoint", str(checkpoint)]
    return cli.main([*command, "--width", "8", "--no-holdout", *options])


@needs_compiler
def test_source_and_header_are_written_and_compared(tmp_path: Path, checkpoint: Path, capsys: Capture) -> None:
    sizes = []
    for weights in C_WEIGHTS:
        output = tmp_path / f"the parcels {weights}.c"
        assert export(output, checkpoint, "--weights", weights, "--json") == 0
        report = json.loads(capsys.readouterr().out)
        assert (report["opset"], report["parity_evaluators"], report["parity_rows"]) == (None, ["compiled C"], 1000)
        assert report["parity_max_difference"] < 1e-4
        assert [each["name"] for each in report["reductions"]] == ["int8 weights"] * (weights == "int8")
        assert report["constant_bytes"] < report["size_bytes"]
        assert report["size_bytes"] == output.stat().st_size
        assert f"int the_parcels_{weights}_predict(" in output.with_suffix(".h").read_text()
        sizes.append(report["constant_bytes"])
    assert sizes[0] > 1.4 * sizes[1]
    assert len(list(tmp_path.iterdir())) == 4


def test_without_a_compiler_the_report_says_that_nothing_was_checked(
    tmp_path: Path, checkpoint: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "find_compiler", lambda: None)
    assert export(tmp_path / "model.c", checkpoint) == 0
    assert "parity: not checked, since no C compiler was found" in capsys.readouterr().out
    assert (tmp_path / "model.c").exists()


def test_source_that_answers_otherwise_is_not_written(
    tmp_path: Path, checkpoint: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = Parity((Comparison("compiled C", 1000, 0.5, 3, 0),), (), 1e-5)
    monkeypatch.setattr(c_source, "check_c", lambda *arguments: wrong)
    assert export(tmp_path / "model.c", checkpoint) == 1
    assert "must answer as the model does" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_options_of_the_other_form_exit_2_and_nothing_is_written(
    tmp_path: Path, checkpoint: Path, capsys: Capture
) -> None:
    (tmp_path / "taken.h").mkdir()
    for name, options, message in [
        ("model.c", ["--weights", "float16"], "--weights must be float32 or int8 for C source"),
        ("model.c", ["--max-bytes", "99"], "--max-bytes must be at least"),
        ("taken.c", [], "is a folder"),
        ('a"b.c', [], "C can include"),
    ]:
        assert export(tmp_path / name, checkpoint, *options) == 2
        assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["taken.h"]


def test_the_command_offers_the_weights_of_the_writer() -> None:
    assert get_args(Weights) == cli._WEIGHTS
