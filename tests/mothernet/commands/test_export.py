"""``mothernet export``: a faithful file, a true report, and a file that is whole at every moment."""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import mothernet_runtime
import numpy as np
import pytest
from mothernet_export import Comparison, Parity, evaluators
from mothernet_runtime.cli import main as runtime_main
from mothernet_runtime.columns import table_columns

from mothernet import MotherNetClassifier
from mothernet.commands import cli, file_types
from mothernet.commands.hold_out import HeldOut
from mothernet.fitting.network import FitOptions
from mothernet.tables import read_table
from mothernet.tables.columns import read_training_columns

EXAMPLES = Path(__file__).parents[3] / "examples" / "data"
Capture = pytest.CaptureFixture[str]


def export(table: Path, output: Path, checkpoint: Path, *options: str) -> int:
    columns = ("--target", "outcome" if table.parent == EXAMPLES else "label")
    return cli.main(["export", str(table), *columns, "-o", str(output), "--checkpoint", str(checkpoint), *options])


def test_the_file_answers_from_raw_cells_as_the_estimator_does(
    tmp_path: Path, checkpoint: Path, capsys: Capture
) -> None:
    assert export(EXAMPLES / "parcels_train.csv", tmp_path / "model.onnx", checkpoint, "--width", "8") == 0
    assert f"{tmp_path / 'model.onnx'}: " in capsys.readouterr().out
    rows, output = str(EXAMPLES / "parcels_heldout.csv"), tmp_path / "predicted.csv"
    assert runtime_main(["predict", str(tmp_path / "model.onnx"), rows, "--ignore-extra", "-o", str(output)]) == 0
    with open(output, encoding="utf-8", newline="") as file:
        got = list(csv.reader(file))
    train, heldout = (read_table(EXAMPLES / f"parcels_{name}.csv", "outcome") for name in ("train", "heldout"))
    model = MotherNetClassifier(width=8, checkpoint=checkpoint).fit(train.features, train.target)
    assert [row[0] for row in got[1:]] == model.predict(heldout.features).tolist()
    probabilities = np.array([row[1:] for row in got[1:]], float)
    np.testing.assert_allclose(probabilities, model.predict_proba(heldout.features), atol=1e-5)  # the parity we promise


def test_the_report_as_json_says_what_was_read_and_written(tmp_path: Path, checkpoint: Path, capsys: Capture) -> None:
    output = tmp_path / "model.onnx"
    assert export(EXAMPLES / "parcels_train.csv", output, checkpoint, "--width", "8", "--opset", "18", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["rows"], report["opset"]) == (1100, 18)
    assert 0 <= report["width"] <= 8
    assert report["size_bytes"] == output.stat().st_size
    assert report["fit_seconds"] > 0
    assert report["parity_rows"] == 1000 and report["parity_max_difference"] < 1e-5
    assert report["parity_evaluators"] == ["onnxruntime", "onnx.reference"]
    assert sum(c["rows"] for c in report["classes"]) == 1100
    columns = {column["name"]: column for column in report["columns"]}
    weight = {"name": "weight_kg", "type": "number", "how": "", "missing": 120, "used": True}
    assert columns["weight_kg"] == weight
    assert columns["route"]["values"] == 172 > columns["route"]["categories"]
    model, frequencies = report["hold_out"]["model"], report["hold_out"]["class_frequencies"]
    assert report["hold_out"]["rows"] == 275
    assert frequencies["auc"] == 0.5
    assert model["auc"] > 0.6 and model["log_loss"] < frequencies["log_loss"]


def test_the_estimate_is_of_rows_that_the_first_fit_did_not_see(table: Path, checkpoint: Path) -> None:
    X = read_table(table, "label").features
    columns = read_training_columns(table_columns(X))
    noise = np.random.default_rng(0).integers(0, 2, len(X))  # can be learned by heart, and not otherwise
    held_out = HeldOut(columns, X, noise, 0)
    found = held_out.estimate(held_out.fit(FitOptions(checkpoint=checkpoint, width=4), print))
    assert found.rows == 15
    assert 0.2 < found.model.auc < 0.8


def test_the_report_tells_how_far_confidence_can_be_relied_on(table: Path, checkpoint: Path, capsys: Capture) -> None:
    output = table.with_name("model.onnx")
    assert export(EXAMPLES / "parcels_train.csv", output, checkpoint, "--width", "8", "--json") == 0
    found = json.loads(capsys.readouterr().out)["hold_out"]
    assert 0 < found["model"]["calibration_error"] < 0.2
    bins = found["reliability"]
    assert sum(each["rows"] for each in bins) == found["rows"] and len(bins) == 5
    assert all(low["confidence"] < high["confidence"] for low, high in itertools.pairwise(bins))
    right = sum(each["rows"] * each["accuracy"] for each in bins) / found["rows"]
    assert right == pytest.approx(found["model"]["accuracy"])
    assert export(EXAMPLES / "parcels_train.csv", output, checkpoint, "--width", "8") == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("       rows  confidence  right")
    assert "expected calibration error" in lines[start - 1]
    assert [int(line.split()[0]) for line in lines[start + 1 :]] == [each["rows"] for each in bins]


def test_small_classes_are_exported_without_an_estimate(table: Path, checkpoint: Path, capsys: Capture) -> None:
    with open(table, "a", encoding="utf-8") as file:
        file.write("3,Bern,rare\n")
    output = table.with_name("model.onnx")
    assert export(table, output, checkpoint) == 0
    assert "hold-out: none, since class rare has 1 row and 4 are needed" in capsys.readouterr().out
    assert mothernet_runtime.load(output).classes_.tolist() == ["a", "b", "c", "rare"]


def test_no_holdout_skips_the_estimate(table: Path, checkpoint: Path, capsys: Capture) -> None:
    assert export(table, table.with_name("model.onnx"), checkpoint, "--no-holdout", "--json") == 0
    assert json.loads(capsys.readouterr().out)["hold_out"] is None


def test_warnings_and_progress_stay_off_stdout(table: Path, checkpoint: Path, capsys: Capture) -> None:
    with open(table, "a", encoding="utf-8") as file:
        file.write("3,Bern,\n")
    assert export(table, table.with_name("model.onnx"), checkpoint, "--json") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["warnings"] == ["dropped 1 of 61 rows whose target 'label' is missing"]
    assert "mothernet: warning: dropped 1 of 61 rows" in captured.err


def test_the_same_table_and_seed_make_the_same_bytes(table: Path, checkpoint: Path) -> None:
    zipped = table.with_name("table.csv.gz")
    zipped.write_bytes(gzip.compress(table.read_bytes()))
    for i, source in enumerate((table, table, zipped)):
        assert export(source, table.with_name(f"{i}.onnx"), checkpoint, "--no-holdout") == 0
    first, *others = (table.with_name(f"{i}.onnx").read_bytes() for i in range(3))
    assert all(other == first for other in others)


def test_a_column_of_numbers_can_be_categories(table: Path, checkpoint: Path) -> None:
    output = table.with_name("model.onnx")
    assert export(table, output, checkpoint, "--categorical", "x") == 0
    types = {column["name"]: column["type"] for column in mothernet_runtime.load(output).info()["columns"]}
    assert types == {"x": "category", "place": "category"}


def test_types_of_columns_are_named_one_by_one_or_in_a_file_and_columns_dropped(table: Path, checkpoint: Path) -> None:
    table.write_text(table.read_text(encoding="utf-8").replace("x,place", '"x, old",place'), encoding="utf-8")
    output, types = table.with_name("model.onnx"), table.with_name("types.json")
    types.write_text('{"x, old": "category"}', encoding="utf-8")
    for options in (("--column", "x, old=category"), ("--columns", str(types))):
        assert export(table, output, checkpoint, *options, "--drop", "place", "--no-holdout") == 0
        columns = mothernet_runtime.load(output).info()["columns"]
        assert [(column["name"], column["type"]) for column in columns] == [("x, old", "category")]


def test_an_unfaithful_file_is_not_put_in_place(
    table: Path, checkpoint: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = table.with_name("model.onnx")
    output.write_bytes(b"old")
    parity = Parity((Comparison("onnxruntime", 60, 0.5, 3, 0),), (), 1e-5)
    monkeypatch.setattr(file_types, "check_export", lambda *_, **__: parity)
    assert export(table, output, checkpoint) == 1
    assert output.read_bytes() == b"old"
    assert {path.name for path in table.parent.iterdir()} == {"table.csv", "model.onnx"}
    assert "the file must answer as the model does" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["model.onnx", "model.ort"])
def test_a_file_that_no_engine_opens_is_not_put_in_place(
    table: Path, checkpoint: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def refuse(_: bytes) -> None:
        raise RuntimeError("no such operator")

    monkeypatch.setattr(evaluators, "EVALUATORS", evaluators.EVALUATORS | {"onnxruntime": refuse})
    assert export(table, table.with_name(name), checkpoint) == 1
    assert [path.name for path in table.parent.iterdir()] == ["table.csv"]
    assert capsys.readouterr().err.endswith("mothernet: error: onnxruntime cannot open the file: no such operator\n")


def test_a_device_is_written_to_and_never_replaced(table: Path, checkpoint: Path) -> None:
    assert export(table, Path("/dev/null"), checkpoint, "--no-holdout", "--width", "4") == 0
    assert Path("/dev/null").is_char_device()


def test_a_fifo_gets_the_whole_file(table: Path, checkpoint: Path) -> None:
    fifo, copy = table.with_name("fifo"), table.with_name("copy.onnx")
    os.mkfifo(fifo)
    with open(copy, "wb") as file, subprocess.Popen(["cat", fifo], stdout=file):
        assert export(table, fifo, checkpoint, "--no-holdout", "--width", "4") == 0
    assert fifo.is_fifo()
    mothernet_runtime.load(copy).check()


def test_standard_output_gets_the_file_and_standard_error_the_report(table: Path, checkpoint: Path) -> None:
    command = [sys.executable, "-m", "mothernet", "export", str(table), "--target", "label", "-o", "-"]
    done = subprocess.run([*command, "--checkpoint", str(checkpoint), "--no-holdout"], capture_output=True, check=True)
    copy = table.with_name("copy.onnx")
    copy.write_bytes(done.stdout)
    mothernet_runtime.load(copy).check()
    assert b"parity: probabilities within" in done.stderr


def test_control_characters_in_names_and_labels_are_escaped(table: Path, checkpoint: Path, capsys: Capture) -> None:
    rows = "".join(f"{i % 7},{'ab'[i % 2]}\x1b[31m\n" for i in range(40))
    table.write_text("x\x07,label\n" + rows, encoding="utf-8")
    assert export(table, table.with_name("model.onnx"), checkpoint, "--no-holdout", "--width", "4") == 0
    out = capsys.readouterr().out
    assert "\\x1b[31m" in out and "x\\x07" in out and "\x1b" not in out and "\x07" not in out


def test_help_is_quick_and_has_an_example() -> None:
    code = "import sys; from mothernet.commands.cli import main\n"
    code += "try: main(['export', '--help'])\nfinally: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "example: mothernet export titanic.csv" in done.stdout
    assert not {"torch", "pandas", "numpy", "sklearn"} & set(done.stdout.split())


# A process that imports the exporter, says so, and exports until it is killed.
DRIVER = """
import sys, time
from mothernet.commands import export as exporting
from mothernet.commands import file_types
from mothernet.fitting.network import FitOptions
from mothernet.tables import read_table
from mothernet.tables.columns import read_training_columns
table = read_table(sys.argv[1], "label")
def slow_check(*arguments, **options):  # called between the writing of the temporary file and its renaming
    print("written", flush=True)
    time.sleep(60)
if sys.argv[4] == "stop-before-rename":
    file_types.check_export = slow_check
print("ready", flush=True)
while True:
    exporting.export_table(table, sys.argv[2], checkpoint=sys.argv[3], hold_out=False)
"""


def killed(arguments: list[str], word: str, seconds: float) -> None:
    """Start the driver, wait for its word, then for some seconds, and kill it."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(DRIVER), *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        while process.stdout.readline().strip() != word:
            assert process.poll() is None, "the driver ended by itself"
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("existed", [True, False])
def test_a_kill_before_the_rename_leaves_what_was_there(table: Path, checkpoint: Path, existed: bool) -> None:
    output = table.with_name("model.onnx")
    if existed:
        output.write_bytes(b"old")
    killed([str(table), str(output), str(checkpoint), "stop-before-rename"], "written", 0)
    assert (output.read_bytes() if output.exists() else None) == (b"old" if existed else None)


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(3))
def test_a_kill_at_any_moment_leaves_a_whole_file(table: Path, checkpoint: Path, attempt: int) -> None:
    output = table.with_name("model.onnx")
    output.write_bytes(b"old")
    killed([str(table), str(output), str(checkpoint), "loop"], "ready", random.Random(attempt).uniform(0.1, 1.5))
    if output.read_bytes() != b"old":
        mothernet_runtime.load(output).check()
