"""``mothernet-export check``: every evaluator of a file on rows of one's own, and exit codes that say what happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mothernet_export import ChildNetwork, NumericColumn, check_file, evaluators, rounded, to_c, to_onnx, to_ort
from mothernet_export.c_writer.compiled import find_compiler
from mothernet_export.cli import main
from mothernet_runtime import Model, ModelFileError

Capture = pytest.CaptureFixture[str]
HAS_OPENVINO = find_spec("openvino") is not None
ROWS = """age,city,constant,id,home,fare,kept
30,Bern,1,x,Bern,7,?
,,,,,,?
inf,other,0,y,Genève,-inf,?
18,nowhere,5,,x,1e300,?
"""
needs_compiler = pytest.mark.skipif(not find_compiler(), reason="needs a C compiler")


@pytest.fixture
def folder(mixed_child: ChildNetwork, tmp_path: Path) -> Path:
    """A child in every form, another child, and rows."""
    to_onnx(mixed_child, tmp_path / "full.onnx")
    to_onnx(mixed_child, tmp_path / "core.onnx", form="core")
    to_c(mixed_child, tmp_path / "model.c")
    to_ort(mixed_child, tmp_path / "model.ort")
    other = replace(mixed_child, first_bias=mixed_child.first_bias + np.arange(8, dtype=np.float32))
    to_onnx(other, tmp_path / "other.onnx")
    (tmp_path / "rows.csv").write_text(ROWS, "utf-8")
    return tmp_path


def check(folder: Path, capsys: Capture, name: str, *options: str) -> tuple[int, Any]:
    code = main(["check", str(folder / name), str(folder / "rows.csv"), "--json", *options])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("name", ["full.onnx", "core.onnx"])
def test_all_evaluators_of_a_file_agree(folder: Path, capsys: Capture, name: str) -> None:
    code, result = check(folder, capsys, name)
    assert code == 0 and result["ok"]
    assert (result["reference"], result["rows"], result["clear_rows"]) == ("onnx.reference", 4, 4)
    found = {each["evaluator"]: each for each in result["evaluators"]}
    assert list(found) == ["onnxruntime", "onnx.reference", "OpenVINO"]
    assert found["onnx.reference"]["max_difference"] is None
    for each in found.values():
        assert each["skipped"] or (each["self_test_difference"] < 1e-6 and each["self_test_labels"] == 0)
    assert 0 <= found["onnxruntime"]["max_difference"] < 1e-6 and found["onnxruntime"]["different_labels"] == 0
    if name == "full.onnx":
        assert "ai.onnx.ml" in found["OpenVINO"]["skipped"]
    elif not HAS_OPENVINO:
        assert "not installed" in found["OpenVINO"]["skipped"]
    else:
        assert found["OpenVINO"]["max_difference"] < 1e-6


@needs_compiler
@pytest.mark.parametrize("name", ["model.c", "model.ort", "core.onnx", "full.onnx"])
@pytest.mark.parametrize("against", ["model.c", "model.ort", "core.onnx", "full.onnx"])
def test_every_form_agrees_with_every_other(folder: Path, capsys: Capture, name: str, against: str) -> None:
    code, result = check(folder, capsys, name, "--against", str(folder / against))
    assert code == 0, result
    compared = [each for each in result["evaluators"] if each["max_difference"] is not None]
    assert compared and max(each["max_difference"] for each in compared) < 1e-6
    by = {"model.c": "compiled C", "model.ort": "onnxruntime"}.get(against, "onnx.reference")
    assert f"{against} by {by}" in result["reference"]


def test_of_an_ort_file_others_are_skipped_and_its_self_test_counts(folder: Path, capsys: Capture) -> None:
    code, result = check(folder, capsys, "model.ort", "--against", str(folder / "full.onnx"))
    assert code == 0
    asked, *others = result["evaluators"]
    assert asked["evaluator"] == "onnxruntime" and asked["self_test_difference"] < 1e-6
    assert [each["skipped"] for each in others] == ["it reads no ORT files"] * 2
    code, result = check(folder, capsys, "model.ort", "--against", str(folder / "other.onnx"))
    assert code == 1 and result["evaluators"][0]["max_difference"] > 1e-2


@pytest.mark.parametrize("weights", ["float16", "int8"])
@pytest.mark.parametrize("form", ["full", "core"])
def test_weights_stored_small_are_compared_with_the_rounded_record(
    make_child: Any, tmp_path: Path, weights: Any, form: Any
) -> None:
    child = make_child(NumericColumn("x", 0.0, tuple(range(60)), False), width=20)
    rows = {"x": [str(k / 7) for k in range(400)]}
    to_onnx(child, tmp_path / "small.onnx", weights=weights, form=form)
    assert check_file(tmp_path / "small.onnx", rows).ok
    assert check_file(tmp_path / "small.onnx", rows, child=rounded(child, weights)).ok
    assert not check_file(tmp_path / "small.onnx", rows, child=child).ok


@pytest.mark.skipif(not HAS_OPENVINO, reason="needs openvino")
def test_openvino_is_imported_without_what_would_tell_of_it(folder: Path) -> None:
    """A package of the name of its telemetry, found before the real one, tells whether it was imported."""
    told = folder / "told"
    (folder / "openvino_telemetry").mkdir()
    source = f"open({str(told)!r}, 'w').close()\nraise ImportError\n"
    (folder / "openvino_telemetry" / "__init__.py").write_text(source, "utf-8")
    code = """if True:
        import sys
        def refuse(event, _):
            assert not event.startswith("socket."), event
        sys.addaudithook(refuse)
        from mothernet_export.evaluators import evaluator
        evaluator("OpenVINO", open(sys.argv[1], "rb").read())
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)])}
    for before, is_told in (("", False), ("import openvino\n", True)):
        command = [sys.executable, "-c", before + code, str(folder / "core.onnx")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert told.exists() == is_told


def test_another_model_is_found_out(folder: Path, capsys: Capture) -> None:
    code, result = check(folder, capsys, "core.onnx", "--against", str(folder / "other.onnx"))
    assert code == 1 and not result["ok"]
    assert all(each["max_difference"] > 1e-2 for each in result["evaluators"] if not each["skipped"])
    assert main(["check", *map(str, (folder / "core.onnx", folder / "rows.csv")), "--tolerance", "0"]) == 1
    assert "FAILED" in capsys.readouterr().out


@pytest.mark.parametrize("fails_to", ["open", "run"])
@pytest.mark.parametrize("name", ["OpenVINO", "onnx.reference"])
def test_an_engine_that_is_here_and_fails_is_no_skip(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, name: str, fails_to: str
) -> None:
    def fail(_: Any) -> Any:
        raise RuntimeError("no such\noperator")

    monkeypatch.setattr(
        evaluators, "EVALUATORS", evaluators.EVALUATORS | {name: fail if fails_to == "open" else lambda _: fail}
    )
    command = ["check", *map(str, (folder / "core.onnx", folder / "rows.csv"))]
    assert main(command) == 1
    out, error = capsys.readouterr()
    message = f"{name} cannot {fails_to} the file: no such operator"
    if name == "onnx.reference":  # all others are compared with it
        assert (out, error) == ("", f"mothernet-export: error: {message}\n")
    else:
        assert f"OpenVINO        failed: {message}\n" in out and out.endswith("FAILED\n")


def test_onnxruntime_may_fail_too(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise ModelFileError("no such operator")

    monkeypatch.setattr(Model, "predict_both", fail)
    code, result = check(folder, capsys, "full.onnx")
    assert code == 1 and result["evaluators"][0]["failure"] == "no such operator"
    assert not any(each["failure"] for each in result["evaluators"][1:])


def test_a_label_that_differs_fails_whatever_the_tolerance(folder: Path, capsys: Capture) -> None:
    code, result = check(folder, capsys, "core.onnx", "--against", str(folder / "other.onnx"), "--tolerance", "2")
    assert code == 1 and result["evaluators"][0]["different_labels"] > 0


def test_the_numpy_reference_of_a_record_can_be_the_reference(folder: Path, mixed_child: ChildNetwork) -> None:
    rows = {"age": ["30"], "city": ["Bern"], "constant": [""], "id": [""], "home": ["x"], "fare": ["2"]}
    result = check_file(folder / "core.onnx", rows, child=mixed_child)
    assert result.ok and result.reference == "NumPy reference"
    assert [each.evaluator for each in result.evaluators if each.max_difference is not None][:2] == [
        "onnxruntime",
        "onnx.reference",
    ]


def test_the_table_says_who_was_asked(folder: Path, capsys: Capture) -> None:
    assert main(["check", str(folder / "full.onnx"), str(folder / "rows.csv")]) == 0
    first, header, *lines = capsys.readouterr().out.splitlines()
    assert "4 rows (4 with a clear label), compared with onnx.reference, allowed: 1e-05" in first
    assert header.split() == ["evaluator", "difference", "labels", "self-test", "labels"]
    assert [line.split()[0] for line in lines] == ["onnxruntime", "onnx.reference", "OpenVINO", "all"]
    assert lines[1].split()[1] == "reference" and "skipped: it" in lines[2]


@needs_compiler
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.onnx", "rows.csv"], "there is no model file"),
        (["rows.csv", "rows.csv"], "ONNX"),
        (["full.onnx", "none.csv"], "none.csv"),
        (["full.onnx", "short.csv"], "'age' is missing"),
        (["model.c", "short.csv", "--against", "full.onnx"], "age"),
        (["full.onnx", "bad.csv"], "must hold numbers"),
        (["model.c", "bad.csv", "--against", "full.onnx"], "'age'"),
        (["full.onnx", "empty.csv"], "at least one row"),
        (["full.onnx", "twice.csv"], "'age' comes twice"),
        (["model.c", "rows.csv"], "--against FILE"),
        (["model.ort", "rows.csv"], "--against FILE"),
        (["foreign.c", "rows.csv", "--against", "full.onnx"], "must be one of `mothernet export`"),
        (["full.onnx", "rows.csv", "--against", "classes.onnx"], "the same classes"),
        (["broken.c", "rows.csv", "--against", "full.onnx"], "must compile"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    folder: Path, capsys: Capture, arguments: list[str], message: str, make_child: Any
) -> None:
    bad = ROWS.replace("30,Bern", "thirty,Bern")
    files = {"short.csv": "city\nBern\n", "bad.csv": bad, "empty.csv": ROWS.splitlines()[0] + "\n"}
    files |= {"twice.csv": "age,age\n1,2\n", "foreign.c": "int main(void) { return 0; }\n"}
    files["broken.c"] = (folder / "model.c").read_text("utf-8") + "nonsense\n"
    for name, content in files.items():
        (folder / name).write_text(content, "utf-8")
    to_onnx(make_child(NumericColumn("age", 0.0, (0.0, 1.0), False)), folder / "classes.onnx")
    given = [str(folder / text) if "." in text and not text.startswith("-") else text for text in arguments]
    assert main(["check", *given]) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and message in err, err


@pytest.mark.parametrize("tolerance", ["-1", "nan", "inf", "x"])
def test_a_tolerance_is_a_number(folder: Path, capsys: Capture, tolerance: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["check", str(folder / "full.onnx"), str(folder / "rows.csv"), f"--tolerance={tolerance}"])
    assert stop.value.code == 2
    assert "must be a number from 0 up" in capsys.readouterr().err
