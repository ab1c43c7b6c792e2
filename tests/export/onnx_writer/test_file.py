"""Versions that can be asked for, and a file that is whole at every moment."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest
from mothernet_export import ChildNetwork, check_export, to_onnx

OPSET_RANGE = range(13, 29)
OPSETS = [opset for opset in OPSET_RANGE if opset <= onnx.defs.onnx_opset_version()]


@pytest.mark.parametrize("opset", OPSETS)
def test_every_opset_gives_the_same_answers(mixed_child: ChildNetwork, mixed_rows: Any, opset: int) -> None:
    model = to_onnx(mixed_child, opset=opset)
    assert {entry.domain: entry.version for entry in model.opset_import} == {"": opset, "ai.onnx.ml": 2}
    onnx.checker.check_model(model, full_check=True)
    parity = check_export(model, mixed_child, *mixed_rows)
    assert parity.ok, parity


@pytest.mark.parametrize("ir_version", [7, 8, 9, 10])
def test_the_ir_version_is_the_one_asked_for(mixed_child: ChildNetwork, mixed_rows: Any, ir_version: int) -> None:
    model = to_onnx(mixed_child, ir_version=ir_version)
    assert model.ir_version == ir_version
    assert check_export(model, mixed_child, *mixed_rows).ok


def test_versions_are_pinned_by_default(mixed_child: ChildNetwork) -> None:
    model = to_onnx(mixed_child)
    assert (model.ir_version, model.opset_import[0].version) == (8, 17)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"opset": 12}, "opset must be an integer from 13 to .*however: 12"),
        ({"opset": 99}, "opset must be an integer from 13 to .*however: 99"),
        ({"opset": "17"}, "however: '17'"),
        ({"opset": True}, "however: True"),
        ({"ir_version": 6}, "ir_version must be an integer from 7 to .*however: 6"),
        ({"ir_version": 99}, "ir_version must be"),
    ],
)
def test_an_unsupported_version_is_refused(
    mixed_child: ChildNetwork, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        to_onnx(mixed_child, tmp_path / "model.onnx", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_fitted_estimator_is_exported_by_its_child(mixed_child: ChildNetwork) -> None:
    assert to_onnx(SimpleNamespace(child_=mixed_child)) == to_onnx(mixed_child)
    with pytest.raises(TypeError, match=r"however: SimpleNamespace\. Call fit first"):
        to_onnx(SimpleNamespace())


def test_the_same_record_gives_the_same_bytes(mixed_child: ChildNetwork, tmp_path: Path) -> None:
    for name in ("one", "two"):
        to_onnx(mixed_child, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert onnx.load(tmp_path / "one") == to_onnx(mixed_child)


def test_a_new_file_has_ordinary_permissions_and_an_old_one_keeps_its_own(
    mixed_child: ChildNetwork, tmp_path: Path
) -> None:
    new, old, plain = tmp_path / "modèle 1.onnx", tmp_path / "old.onnx", tmp_path / "plain"
    old.write_bytes(b"old")
    old.chmod(0o640)
    plain.touch()
    for path in (new, old):
        to_onnx(mixed_child, str(path))
        onnx.checker.check_model(onnx.load(path))
    assert new.stat().st_mode == plain.stat().st_mode
    assert old.stat().st_mode & 0o777 == 0o640
    assert sorted(tmp_path.iterdir()) == sorted([new, old, plain])


def test_a_dash_is_standard_output_and_a_device_is_written_to(
    mixed_child: ChildNetwork, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    to_onnx(mixed_child, "-")
    assert onnx.load_from_string(capfdbinary.readouterr().out) == to_onnx(mixed_child)
    to_onnx(mixed_child, os.devnull)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    mixed_child: ChildNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")

    def fail(*arguments: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="no space left"):
        to_onnx(mixed_child, path)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("model.onnx", b"old")]


def test_a_folder_that_does_not_exist_is_named(mixed_child: ChildNetwork, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"in a folder that exists, however: .*nowhere/model\.onnx"):
        to_onnx(mixed_child, tmp_path / "nowhere" / "model.onnx")


KILLED_EXPORT = """
import os, signal, sys
import numpy as np
from mothernet_export import ChildNetwork, ClassTarget, NumericColumn, to_onnx

column = NumericColumn("x", 0.0, (0.0, 1.0), False)
child = ChildNetwork((column,), ClassTarget(("no", "yes")), np.ones((1, 3)), np.zeros(3), np.ones((1, 2)))
name, when = sys.argv[2:]
original = getattr(os, name)

def die(*arguments):
    if when == "after":
        original(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(os, name, die)
to_onnx(child, sys.argv[1])
"""


@pytest.mark.parametrize(("step", "when"), [("fsync", "before"), ("replace", "before"), ("replace", "after")])
def test_kill_9_leaves_the_old_file_or_the_new_one_and_the_next_run_cleans_up(
    mixed_child: ChildNetwork, tmp_path: Path, step: str, when: str
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    command = [sys.executable, "-c", KILLED_EXPORT, path, step, when]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    if when == "before":
        assert path.read_bytes() == b"old"
    else:
        onnx.checker.check_model(onnx.load(path), full_check=True)
    to_onnx(mixed_child, path)
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]
