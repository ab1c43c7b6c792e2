"""What the documentation shows works as shown."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import onnx
import pytest
from mothernet_export import ChildNetwork, reference, target, to_onnx
from mothernet_export.onnx_writer import builder, file

FOLDER = Path(__file__).parents[2] / "export"


def test_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (FOLDER / "README.md").read_text(encoding="utf-8"), re.S)
    assert blocks
    for block in blocks:
        exec(block, {})
    onnx.checker.check_model(onnx.load(tmp_path / "model.onnx"), full_check=True)


@pytest.mark.parametrize("module", [builder, file, reference, target])
def test_docstring_examples_run(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted > 0 and result.failed == 0


def test_the_specification_names_what_the_writer_writes(mixed_child: ChildNetwork) -> None:
    text = (FOLDER / "FORMAT.md").read_text(encoding="utf-8")
    model = to_onnx(mixed_child)
    for word in [entry.key for entry in model.metadata_props] + [node.op_type for node in model.graph.node]:
        assert word in text
    for versions in (file.OPSETS["ai.onnx"], file.IR_VERSIONS):
        assert f"{versions[0]} to {versions[-1]}" in text
