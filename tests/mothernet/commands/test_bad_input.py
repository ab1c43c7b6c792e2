"""Bad input to the command: exit code 2, one line that says what to do, and nothing written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mothernet.commands import cli

Capture = pytest.CaptureFixture[str]


def refused(capsys: Capture, folder: Path, *arguments: object) -> str:
    """The one line on stderr of a command that is refused and leaves the folder as it was."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert cli.main([str(argument) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    line = captured.err.splitlines()[-1]
    assert line.startswith("mothernet: error: ")
    return line


TABLES: dict[str, tuple[bytes, str]] = {
    "an empty file": (b"", "it is empty"),
    "a header only": (b"x,label\n", "must have rows below its header"),
    "not a CSV": (b"\x00\x01\x02", "/table.csv"),
    "ragged rows": (b"x,label\n1,a\n2,b,3\n", "line 3: a row must have 2 cells"),
    "no such target": (b"x,labels\n1,a\n", "the target 'label' must be a column"),
    "a single class": (b"x,label\n1,a\n2,a\n", "must have two classes or more"),
    "duplicate names": (b"x,x,label\n1,2,a\n", "'x' comes more than once"),
    "a nameless column": (b",label\n1,a\n", "column 1 of 2 has none"),
    "all targets missing": (b"x,label\n1,\n2,\n", "it has no label at all"),
}


@pytest.mark.parametrize("case", TABLES)
def test_bad_table(tmp_path: Path, capsys: Capture, case: str) -> None:
    content, message = TABLES[case]
    (tmp_path / "table.csv").write_bytes(content)
    assert message in refused(
        capsys, tmp_path, "export", tmp_path / "table.csv", "--target", "label", "-o", tmp_path / "model.onnx"
    )


def test_missing_table(tmp_path: Path, capsys: Capture) -> None:
    line = refused(capsys, tmp_path, "export", tmp_path / "no.csv", "--target", "label", "-o", tmp_path / "model.onnx")
    assert "there is no file" in line


def test_unknown_categorical_column(table: Path, capsys: Capture) -> None:
    options = ("--target", "label", "--categorical", "x,places", "-o", table.with_name("model.onnx"))
    line = refused(capsys, table.parent, "export", table, *options)
    assert "the column 'places' must be a column" in line and "Is it 'place'?" in line


OUTPUTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing folder": (lambda table: table.parent / "no" / "model.onnx", "must be a file in a folder that exists"),
    "a folder": (lambda table: table.parent, "is a folder. Add the name of a file."),
    "the table": (lambda table: table, "must be another file than the input"),
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_bad_output(table: Path, capsys: Capture, case: str) -> None:
    output, message = OUTPUTS[case]
    assert message in refused(capsys, table.parent, "export", table, "--target", "label", "-o", output(table))


def test_output_in_a_folder_without_permission(table: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    # not by chmod: to the superuser, whom many a container runs its tests as, everything is writable
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    line = refused(capsys, table.parent, "export", table, "--target", "label", "-o", table.with_name("model.onnx"))
    assert "in a folder that can be written to" in line


def test_missing_and_wrong_checkpoint(table: Path, capsys: Capture) -> None:
    options = ("--target", "label", "-o", table.with_name("model.onnx"), "--checkpoint")
    assert "does not exist" in refused(capsys, table.parent, "export", table, *options, "no.safetensors")
    assert "is not a whole safetensors file" in refused(capsys, table.parent, "export", table, *options, table)


def test_opset_and_width_out_of_range(table: Path, capsys: Capture, checkpoint: Path) -> None:
    options = ("--target", "label", "-o", table.with_name("model.onnx"), "--checkpoint", checkpoint, "--no-holdout")
    assert "opset must be" in refused(capsys, table.parent, "export", table, *options, "--opset", "3")
    assert "width must be" in refused(capsys, table.parent, "export", table, *options, "--width", "129")


@pytest.mark.parametrize(
    "arguments",
    [
        ["export"],
        ["export", "table.csv", "-o", "model.onnx"],
        ["export", "table.csv", "--target", "y", "-o", "model.onnx", "--width", "0"],
        ["export", "table.csv", "--target", "y", "-o", "model.onnx", "--seed", "-1"],
        ["pretrain", "--state", "run"],
        ["pretrain", "--state", "run", "--minutes", "nan"],
        ["prior"],
        ["exprot"],
        [],
    ],
)
def test_bad_usage_shows_the_usage(arguments: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    assert exit_.value.code == 2
    assert capsys.readouterr().err.startswith("usage: mothernet")


def test_state_that_is_a_file(table: Path, capsys: Capture) -> None:
    assert "--state must be a folder" in refused(capsys, table.parent, "pretrain", "--minutes", "1", "--state", table)


def test_picture_in_a_missing_folder(tmp_path: Path, capsys: Capture) -> None:
    assert "in a folder that exists" in refused(capsys, tmp_path, "prior", "--plot", tmp_path / "no" / "tasks.png")


def test_missing_matplotlib_names_the_command(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    line = refused(capsys, tmp_path, "prior", "--plot", tmp_path / "tasks.png")
    assert "pip install matplotlib" in line


def test_missing_torch_names_the_command(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for verb in (
        ("prior", "--plot", tmp_path / "tasks.png"),
        ("pretrain", "--minutes", "1", "--state", tmp_path / "s"),
    ):
        assert "pip install 'mothernet[pretrain]'" in refused(capsys, tmp_path, *verb)


def test_missing_pyarrow_names_the_command(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "table.parquet").write_bytes(b"PAR1")
    options = ("--target", "label", "-o", tmp_path / "model.onnx")
    line = refused(capsys, tmp_path, "export", tmp_path / "table.parquet", *options)
    assert "pip install pyarrow" in line


def test_the_process_itself_exits_with_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mothernet", "export", "no.csv", "--target", "y", "-o", "model.onnx"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, list(tmp_path.iterdir())) == (2, "", [])
    assert done.stderr == "mothernet: error: there is no file 'no.csv'. Check the path.\n"
