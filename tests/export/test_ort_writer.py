"""An ORT file answers as the record does, says what its .onnx file says, and names the operators that it needs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, get_args

import mothernet_runtime
import numpy as np
import pytest
from mothernet_export import NumericColumn, check_ort, rounded, to_onnx, to_ort
from mothernet_export.quantization import Weights, small_weights
from mothernet_runtime.ort_container import HASH_KEY, read_ort_container

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))

from definitions import CASES

CONFORMANCE = Path(__file__).parents[1] / "conformance"


@pytest.mark.parametrize("weights", get_args(Weights))
def test_it_answers_as_the_record_does_and_holds_the_metadata(
    mixed_child: Any, mixed_rows: Any, tmp_path: Path, weights: Weights
) -> None:
    path = tmp_path / "model.ort"
    made = to_ort(mixed_child, path, weights=weights)
    assert check_ort(made, rounded(mixed_child, weights), *mixed_rows).ok
    assert path.read_bytes() == made.data
    model = mothernet_runtime.load(path)
    assert model.check()["max_difference"] < 1e-5
    wanted = {entry.key: entry.value for entry in to_onnx(mixed_child, weights=weights).metadata_props}
    found = read_ort_container(made.data)[0].metadata
    assert found.pop(HASH_KEY) != wanted.pop(HASH_KEY)
    assert found == wanted


@pytest.mark.parametrize("case", CASES[::4], ids=lambda case: case.name)
def test_the_runtime_answers_conformance_cases_as_from_the_onnx_file(case: Any, tmp_path: Path) -> None:
    to_ort(case.child, tmp_path / "model.ort")
    to_onnx(case.child, tmp_path / "model.onnx")
    rows = json.loads((CONFORMANCE / "cases" / case.name / "rows.json").read_text(encoding="utf-8"))
    answers = [
        mothernet_runtime.load(tmp_path / f"model.{suffix}", on_unseen="ignore").predict_proba(rows)
        for suffix in ("onnx", "ort")
    ]
    np.testing.assert_allclose(answers[0], answers[1], rtol=0, atol=1e-6)


def test_a_record_that_is_another_is_found(mixed_child: Any, mixed_rows: Any) -> None:
    assert not check_ort(to_ort(mixed_child, weights="int8"), mixed_child, *mixed_rows).ok


def test_small_weights_stay_small(make_child: Any) -> None:
    child = make_child(NumericColumn("x", 0.0, tuple(map(float, range(200))), True), width=40)
    sizes = [len(to_ort(child, weights=weights).data) for weights in get_args(Weights)]
    assert sizes[0] > sizes[1] + 12_000 > sizes[2] + 19_000


def test_rounded_weights_never_make_a_file_larger(make_child: Any) -> None:
    child = make_child(NumericColumn("x", 0.0, tuple(map(float, range(20))), True), width=10)
    assert small_weights(child, "int8") is not None
    sizes = [len(to_ort(child, weights=weights).data) for weights in get_args(Weights)]
    assert max(sizes) == sizes[0]


def test_operators_are_those_that_onnxruntimes_own_script_finds(
    mixed_child: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = pytest.importorskip("onnxruntime.tools.ort_format_model", reason="needs onnxruntime's tools")
    path = tmp_path / "model.ort"
    to_ort(mixed_child, path)
    monkeypatch.chdir(tmp_path)
    tools.create_config_from_models([Path("model.ort")], Path("theirs.config"), False)
    ours = tmp_path / "model.required_operators.config"
    assert ours.read_text().splitlines() == (tmp_path / "theirs.config").read_text().splitlines()
    assert "ai.onnx.ml;2;LabelEncoder" in ours.read_text()


def test_wrong_places_are_refused_and_nothing_is_written(mixed_child: Any, tmp_path: Path) -> None:
    (tmp_path / "taken.required_operators.config").mkdir()
    for name, message in (
        ("model.onnx", r"path must end in \.ort"),
        ("taken.ort", "is a folder"),
        ("no/model.ort", "in a folder that exists"),
    ):
        with pytest.raises(ValueError, match=message):
            to_ort(mixed_child, tmp_path / name)
    assert os.listdir(tmp_path) == ["taken.required_operators.config"]
