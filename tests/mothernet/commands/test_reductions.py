"""Smaller files: what they cost is measured and said, and refused where it is too much."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import mothernet_runtime
import numpy as np
import pytest
from mothernet_export.quantization import Weights
from mothernet_runtime.cli import main as runtime_main

from mothernet.commands import cli, reductions
from mothernet.commands.limits import LIMITS
from mothernet.commands.reductions import LimitError, check_limits, reduction

PARCELS = Path(__file__).parents[3] / "examples" / "data" / "parcels_train.csv"
CORE = ("--form", "core")
Capture = pytest.CaptureFixture[str]


def export(table: Path, output: Path, checkpoint: Path, *options: str) -> int:
    target = "outcome" if table == PARCELS else "label"
    command = ["export", str(table), "--target", target, "-o", str(output), "--checkpoint", str(checkpoint)]
    return cli.main([*command, "--width", "8", *options])


def exported(capsys: Capture, *arguments: Any) -> dict[str, Any]:
    """The report of an export that succeeds."""
    assert export(*arguments, "--json") == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


def refused(capsys: Capture, folder: Path, code: int, *arguments: Any) -> str:
    """The last line on stderr of an export that leaves the folder as it was."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert export(*arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    return captured.err.splitlines()[-1]


@pytest.fixture
def towns(tmp_path: Path) -> Path:
    """A table in which the class is known by the town, of which there are 150."""
    rows = "".join(f"{i % 13},town {i % 150},{'ab'[i % 150 > 70]}\n" for i in range(600))
    path = tmp_path / "towns.csv"
    path.write_text("x,town,label\n" + rows, encoding="utf-8")
    return path


Y = np.array([0, 1] * 50)
GOOD = np.where(np.eye(2)[Y] > 0, 0.9, 0.1)


def test_a_change_is_that_of_the_scores() -> None:
    worse = GOOD.copy()
    worse[0] = [0.05, 0.95]
    found = reduction("test", Y, GOOD, worse, rounds=True, held_out=True)
    assert (found.rows, found.changed_labels, found.largest_move) == (100, 1, pytest.approx(0.85))
    assert found.log_loss_change == pytest.approx((np.log(0.9) - np.log(0.05)) / 100)
    assert found.auc_change == pytest.approx(-0.02)
    assert "AUC -0.0200, log loss +0.0289, probabilities moved by up to 8.5e-01, 1 labels" in str(found)


ONE_MOVED = GOOD + np.array([[0.0, 0.0], [-0.11, 0.11], *[[0.0, 0.0]] * 98])
ONE_WRONG = np.where(np.arange(100)[:, None] == 0, GOOD[:, ::-1], GOOD)


@pytest.mark.parametrize(
    ("after", "rounds", "is_too_much"),
    [
        (GOOD, True, False),
        (0.5 + (GOOD - 0.5) * 0.995, True, False),
        (0.5 + (GOOD - 0.5) * 0.97, True, True),  # log loss
        (ONE_MOVED.clip(0.01), True, True),  # a probability
        (ONE_MOVED.clip(0.01), False, False),  # one of another fit
        (ONE_WRONG, False, True),  # AUC
    ],
)
def test_limits(after: np.ndarray, rounds: bool, is_too_much: bool) -> None:
    found = reduction("test", Y, GOOD, after, rounds=rounds, held_out=True)
    assert found.is_too_much == is_too_much, found
    if is_too_much:
        with pytest.raises(LimitError, match=r"however: test: AUC .* Nothing was written\. Choose .* or --force it"):
            check_limits([found])
    else:
        check_limits([found])


@pytest.mark.parametrize(("suffix", "form"), [("onnx", ()), ("ort", ()), ("onnx", CORE)])
def test_small_weights_make_small_files_and_their_cost_is_said(
    tmp_path: Path, checkpoint: Path, capsys: Capture, suffix: str, form: tuple[str, ...]
) -> None:
    reports = []
    for weights in get_args(Weights):
        output = tmp_path / f"{weights}.{suffix}"
        reports.append(exported(capsys, PARCELS, output, checkpoint, "--weights", weights, *form))
        mothernet_runtime.load(output).check()
        assert reports[-1]["size_bytes"] == output.stat().st_size
    sizes = [report["size_bytes"] for report in reports]
    assert sizes[0] > sizes[1] > sizes[2]
    assert reports[0]["reductions"] == []
    coarse = [report["reductions"][0] for report in reports[1:]]
    assert [each["name"] for each in coarse] == ["float16 weights", "int8 weights"]
    assert 0 < coarse[0]["largest_move"] < coarse[1]["largest_move"] < 0.1
    assert coarse[1]["held_out"] and coarse[1]["rows"] == 275
    scores = [report["hold_out"]["model"] for report in reports]
    assert scores[2]["log_loss"] - scores[0]["log_loss"] == pytest.approx(coarse[1]["log_loss_change"], abs=1e-9)


def test_an_ort_file_predicts_raw_rows_and_its_operators_are_listed(
    tmp_path: Path, checkpoint: Path, capsys: Capture
) -> None:
    assert export(PARCELS, tmp_path / "parcels.ort", checkpoint, "--no-holdout") == 0
    assert export(PARCELS, tmp_path / "parcels.onnx", checkpoint, "--no-holdout") == 0
    assert "labels equal (onnxruntime)" in capsys.readouterr().out
    listed = (tmp_path / "parcels.required_operators.config").read_text()
    assert "LinearClassifier" in listed and "# - parcels.ort" in listed
    said = []
    for name in ("parcels.ort", "parcels.onnx"):
        rows = str(PARCELS.with_name("parcels_heldout.csv"))
        assert runtime_main(["predict", str(tmp_path / name), rows, "--ignore-extra"]) == 0
        said.append(np.array([line.split(",")[1:] for line in capsys.readouterr().out.splitlines()[1:]], float))
    np.testing.assert_allclose(said[0], said[1], rtol=0, atol=1e-6)


def test_rounding_beyond_a_limit_is_refused_unless_forced(
    tmp_path: Path, checkpoint: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reductions, "MAX_MOVE", 1e-5)
    for name, options in (("model.onnx", ()), ("model.onnx", CORE), ("model.ort", ("--no-holdout",)), ("model.c", ())):
        line = refused(capsys, tmp_path, 1, PARCELS, tmp_path / name, checkpoint, "--weights", "int8", *options)
        assert LIMITS in line and "int8 weights: AUC" in line and "--force" in line
        assert ("training rows" in line) == ("--no-holdout" in options)
        done = exported(capsys, PARCELS, tmp_path / name, checkpoint, "--weights", "int8", "--force", *options)
        assert done["reductions"][0]["largest_move"] > 1e-5
        assert (tmp_path / name).exists()


@pytest.mark.parametrize(("suffix", "form"), [("onnx", ()), ("onnx", CORE), ("ort", ()), ("c", ())])
def test_fewer_categories_are_refused_where_they_matter(
    towns: Path, checkpoint: Path, capsys: Capture, suffix: str, form: tuple[str, ...]
) -> None:
    output, counted = towns.with_name(f"model.{suffix}"), "constant_bytes" if suffix == "c" else "size_bytes"
    whole = exported(capsys, towns, output, checkpoint, *form)
    assert whole["columns"][1]["categories"] == 150
    for path in towns.parent.glob("model.*"):
        path.unlink()
    most = whole[counted] - whole[counted] // 8
    limit = ("--max-bytes", str(most), *form)
    for options in (limit, (*limit, "--no-holdout")):
        line = refused(capsys, towns.parent, 1, towns, output, checkpoint, *options)
        assert "at most" in line and "categories per column: AUC" in line and "a larger --max-bytes" in line
    done = exported(capsys, towns, output, checkpoint, *limit, "--force")
    assert done[counted] <= most
    assert 16 <= done["columns"][1]["categories"] < 150
    change, scores = done["reductions"][0], (whole["hold_out"]["model"], done["hold_out"]["model"])
    assert change["log_loss_change"] == pytest.approx(scores[1]["log_loss"] - scores[0]["log_loss"], abs=1e-9)
    assert change["log_loss_change"] > 0.01


def test_both_reductions_are_told_apart(towns: Path, checkpoint: Path, capsys: Capture) -> None:
    output = towns.with_name("model.onnx")
    size = exported(capsys, towns, output, checkpoint, "--weights", "int8")["size_bytes"]
    options = ("--weights", "int8", "--max-bytes", str(size - 500), "--force")
    assert export(towns, output, checkpoint, *options) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if ": AUC " in line]
    assert len(lines) == 2 and "categories per column" in lines[0] and lines[1].startswith("int8 weights")
    assert output.stat().st_size <= size - 500


def test_what_cannot_be_made_small_enough_says_what_would_do(towns: Path, checkpoint: Path, capsys: Capture) -> None:
    output = towns.with_name("model.onnx")
    line = refused(capsys, towns.parent, 2, towns, output, checkpoint, "--no-holdout", "--max-bytes", "100")
    assert "--max-bytes must be at least" in line and "a smaller --size or --width, or --drop columns" in line
    least = int(line.split("at least ")[1].split(" ")[0].replace(",", ""))
    done = exported(capsys, towns, output, checkpoint, "--no-holdout", "--max-bytes", str(least), "--force")
    assert done["size_bytes"] <= least
    output.unlink()
    line = refused(capsys, towns.parent, 2, towns, output, checkpoint, "--no-holdout", "--max-bytes", str(least - 1))
    assert f"must be at least {least:,}" in line and "Choose " in line


def test_bad_values_exit_2_and_nothing_is_written(tmp_path: Path, checkpoint: Path, capsys: Capture) -> None:
    for options in (("--weights", "int4"), ("--max-bytes", "0"), ("--max-bytes", "1.5"), ("--max-bytes", "10k")):
        with pytest.raises(SystemExit) as exit_:
            export(PARCELS, tmp_path / "model.onnx", checkpoint, *options)
        assert exit_.value.code == 2
        assert f"argument {options[0]}" in capsys.readouterr().err
    (tmp_path / "taken.required_operators.config").mkdir()
    for name, message in (("taken.ort", "is a folder"), ("no/model.ort", "in a folder that exists")):
        assert message in refused(capsys, tmp_path, 2, PARCELS, tmp_path / name, checkpoint)
    assert [path.name for path in tmp_path.iterdir()] == ["taken.required_operators.config"]


def test_help_states_the_limits(capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        cli.main(["export", "--help"])
    assert LIMITS in " ".join(capsys.readouterr().out.split())
