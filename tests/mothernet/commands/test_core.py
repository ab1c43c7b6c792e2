"""``mothernet export --form core``: a numeric core with its schema beside it, and no to what is not for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import mothernet_runtime
import pytest
from mothernet_runtime.file import Form

from mothernet.commands import cli

Capture = pytest.CaptureFixture[str]


def export(table: Path, output: Path, checkpoint: Path, *options: str) -> int:
    command = ["export", str(table), "--target", "label", "-o", str(output), "--checkpoint", str(checkpoint)]
    return cli.main([*command, "--width", "8", "--no-holdout", *options])


def test_forms_are_those_of_the_runtime() -> None:
    assert get_args(Form) == cli._FORMS


def test_a_core_is_written_and_compared_with_its_schema_beside_it(
    table: Path, checkpoint: Path, tmp_path: Path, capsys: Capture
) -> None:
    for form in get_args(Form):
        assert export(table, tmp_path / f"{form}.onnx", checkpoint, "--form", form, "--json") == 0
        report = json.loads(capsys.readouterr().out)
        assert report["parity_evaluators"] == ["onnxruntime", "onnx.reference"]
        assert report["size_bytes"] == (tmp_path / f"{form}.onnx").stat().st_size
    assert not (tmp_path / "full.json").exists()
    content = json.loads((tmp_path / "core.json").read_text("utf-8"))
    assert [each["column"] for each in content["numbers"]] == ["x", "place"]
    full, core = (mothernet_runtime.load(tmp_path / f"{form}.onnx") for form in ("full", "core"))
    assert (full.info()["form"], core.info()["form"]) == ("full", "core")
    assert full.info()["schema_hash"] == core.info()["schema_hash"] == content["schema_hash"]
    rows = {"x": [1, None, "6"], "place": ["Bern", "Zürich", "elsewhere"]}
    assert abs(full.predict_proba(rows) - core.predict_proba(rows)).max() < 1e-6


@pytest.mark.parametrize("suffix", ["c", "ort"])
def test_a_core_is_an_onnx_file_alone(
    table: Path, checkpoint: Path, tmp_path: Path, capsys: Capture, suffix: str
) -> None:
    assert export(table, tmp_path / f"core.{suffix}", checkpoint, "--form", "core") == 2
    assert "--form core must go with an .onnx file" in capsys.readouterr().err


def test_a_core_overwrites_no_input(table: Path, checkpoint: Path, tmp_path: Path, capsys: Capture) -> None:
    types = tmp_path / "core.json"
    types.write_text('{"x": "number"}')
    assert export(table, tmp_path / "core.onnx", checkpoint, "--form", "core", "--columns", str(types)) == 2
    assert "another file than the input" in capsys.readouterr().err
    assert types.read_text() == '{"x": "number"}' and not (tmp_path / "core.onnx").exists()
    with pytest.raises(SystemExit, match="2"):
        export(table, tmp_path / "core.onnx", checkpoint, "--form", "numeric")
