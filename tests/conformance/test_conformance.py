"""The conformance cases are reproducible, the reference and the runtime pass them, and `run.py` finds what is wrong."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mothernet_export import CategoricalColumn, ClassTarget, NumericColumn, predict_proba
from mothernet_runtime import load
from mothernet_runtime.cells import DatePart, date_part, rule_of_schema
from mothernet_runtime.cli import main as predict_on_the_command_line

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import run  # noqa: E402
from definitions import CASES, Case  # noqa: E402
from evaluation import graph_inputs  # noqa: E402

ENTRIES = json.loads((HERE / "manifest.json").read_text("utf-8"))["cases"]
WITH_ANSWERS = [entry for entry in ENTRIES if "error" not in entry]
ERRORS = [entry for entry in ENTRIES if "error" in entry]
RUNTIME = ["--", sys.executable, "-m", "mothernet_runtime", "predict", "{model}", "{rows}"]


def named(entry: Any) -> str:
    return str(entry.name if isinstance(entry, Case) else entry["name"])


def read_json(path: str) -> Any:
    return json.loads((HERE / path).read_text("utf-8"))


def read_records(path: str) -> list[dict[str, str]]:
    with open(HERE / path, encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def files_below(folder: Path) -> dict[str, bytes]:
    files = [*folder.glob("cases/*/*"), folder / "cells.json", folder / "manifest.json"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_cases_are_what_regenerate_makes_to_the_byte(tmp_path: Path) -> None:
    subprocess.run([sys.executable, HERE / "regenerate.py", "--to", tmp_path], check=True, timeout=300)
    here, again = files_below(HERE), files_below(tmp_path)
    assert sorted(here) == sorted(again)
    assert [name for name in here if here[name] != again[name]] == []


def test_the_manifest_lists_every_case_and_every_file() -> None:
    keys = ("model", "rows_csv", "rows_json", "expected")
    listed = {entry[key] for entry in ENTRIES for key in keys if key in entry}
    assert listed | {"cells.json", "manifest.json"} == set(files_below(HERE))
    assert len({entry["name"] for entry in ENTRIES}) == len(ENTRIES)
    assert [entry["name"] for entry in WITH_ANSWERS] == [case.name for case in CASES]


def test_all_files_together_are_small() -> None:
    assert sum(map(len, files_below(HERE).values())) < 1_500_000


@pytest.mark.parametrize("case", CASES, ids=named)
def test_the_reference_gives_the_expected_answers(case: Case) -> None:
    rows = read_json(f"cases/{case.name}/rows.json")
    expected = read_json(f"cases/{case.name}/expected.json")
    child = case.child
    inputs = [graph_inputs(child, row) for row in rows]
    columns = [column for column in child.columns if isinstance(column, NumericColumn | CategoricalColumn)]
    is_text = [isinstance(column, CategoricalColumn) for column in columns]
    numbers = [[cell for cell, text in zip(row, is_text, strict=True) if not text] for row in inputs]
    texts = [[cell for cell, text in zip(row, is_text, strict=True) if text] for row in inputs]
    answers = predict_proba(
        child,
        np.array(numbers, np.float32).reshape(len(rows), is_text.count(False)),
        np.array(texts, object).reshape(len(rows), is_text.count(True)),
    )
    probabilities = np.array(expected["probabilities"]).reshape(answers.shape)
    assert np.abs(answers - probabilities).max(initial=0.0) < run_tolerance(case.name)
    assert [child.target.classes[k] for k in answers.argmax(axis=1)] == expected["labels"]
    assert child.target == ClassTarget(tuple(expected["classes"]))


def run_tolerance(name: str) -> float:
    return float(next(entry["tolerance"] for entry in WITH_ANSWERS if entry["name"] == name))


CELLS = read_json("cells.json")


def shown(value: Any) -> Any:
    """A value as cells.json writes it."""
    return value if isinstance(value, str) or math.isfinite(value) else str(value)


@pytest.mark.parametrize("entry", [rule for name in ("number", "date", "category") for rule in CELLS[name]["rules"]])
def test_the_runtime_reads_every_text_of_the_table_as_it_says(entry: dict[str, Any]) -> None:
    rule = rule_of_schema(entry)
    group = CELLS["number" if entry["type"] == "boolean" else entry["type"]]
    number = group["rules"].index(entry)
    for text, values in group["cells"]:
        try:
            value = repr(shown(rule.read(text)))  # type: ignore[union-attr]
        except ValueError:
            value = "'error'"
        assert value == repr(values[number]), text
    texts = [text for text, values in group["cells"] if values[number] != "error"]
    if entry["type"] != "category":
        assert list(map(shown, rule.read_texts(texts))) == [shown(rule.read(text)) for text in texts]  # type: ignore[union-attr]


@pytest.mark.parametrize("part", CELLS["date_parts"]["parts"])
def test_the_runtime_takes_dates_apart_as_the_table_says(part: DatePart) -> None:
    number = CELLS["date_parts"]["parts"].index(part)
    seconds = np.array([float(value) for value, _ in CELLS["date_parts"]["seconds"]])
    expected = [parts[number] for _, parts in CELLS["date_parts"]["seconds"]]
    assert [shown(value) for value in date_part(seconds, part).tolist()] == expected


@pytest.mark.parametrize("entry", WITH_ANSWERS, ids=named)
@pytest.mark.parametrize("rows", ["rows.json", "rows.csv"])
def test_the_runtime_gives_the_expected_answers(entry: dict[str, Any], rows: str) -> None:
    model, expected = load(HERE / entry["model"]), read_json(entry["expected"])
    records = read_json(entry["rows_json"]) if rows == "rows.json" else read_records(entry["rows_csv"])
    labels, probabilities = model.predict_both(records or {name: [] for name in model.feature_names_in_})
    assert probabilities.shape == (entry["rows"], len(expected["classes"]))
    difference = np.abs(probabilities - np.array(expected["probabilities"]).reshape(probabilities.shape))
    assert difference.max(initial=0.0) < entry["tolerance"]
    assert [(type(label), label) for label in labels.tolist()] == [(type(label), label) for label in expected["labels"]]


@pytest.mark.parametrize("entry", [entry for entry in ERRORS if "rows_json" in entry], ids=named)
def test_the_runtime_refuses_typed_rows_too(entry: dict[str, Any]) -> None:
    model = load(HERE / entry["model"])
    with pytest.raises(ValueError, match=entry["error"]["message_holds"]):
        model.predict(read_json(entry["rows_json"]))


@pytest.mark.parametrize("entry", ENTRIES, ids=named)
def test_the_runtime_passes_on_the_command_line(
    entry: dict[str, Any], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    model, rows = str(HERE / entry["model"]), str(HERE / entry["rows_csv"])
    exit_code = predict_on_the_command_line(["predict", model, rows])
    stdout, stderr = (text.decode("utf-8") for text in capfdbinary.readouterr())
    if "error" in entry:
        run.check_error(entry["error"], exit_code, stdout, stderr.replace(model, "").replace(rows, ""))
    else:
        assert (exit_code, stderr) == (0, "")
        run.compare(read_json(entry["expected"]), stdout, entry["tolerance"])


def test_run_starts_the_runtime_and_counts_what_passed(capfd: pytest.CaptureFixture[str]) -> None:
    assert run.main([*chosen("mixed", "string_classes", "error_not_utf8", "error_truncated"), *RUNTIME]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["ok", "mixed"], ["ok", "string_classes"]]
    assert lines[-1] == "4 passed, 0 failed"


FAKE = """
import json, sys
from pathlib import Path

mode, model = sys.argv[1], Path(sys.argv[2])
error = model.parent.name.startswith("error_")
expected = {} if error else json.loads((model.parent / "expected.json").read_text("utf-8"))
header = ",".join(["label", *(f'"probability_{text}"' for text in expected.get("class_texts", []))])
rows = [[f'"{label}"', *map(str, numbers)] for label, numbers in
        zip(expected.get("labels", []), expected.get("probabilities", []))]
output, message, code = "", "the format must be 2", 2
if not error:
    edit = {
        "label": lambda: rows[2].__setitem__(0, "no"),
        "probability": lambda: rows[2].__setitem__(1, str(float(rows[2][1]) + 1.1e-5)),
        "nan": lambda: rows[2].__setitem__(1, "nan"),
        "word": lambda: rows[2].__setitem__(1, "much"),
        "short row": lambda: rows[2].pop(),
        "missing row": lambda: rows.pop(),
    }
    edit.get(mode, lambda: None)()
    output = "\\n".join(["wrong" if mode == "header" else header, *(",".join(row) for row in rows)]) + "\\n"
    message, code = "", 3 if mode == "exit code" else 0
if error:
    output = "label\\n" if mode == "output" else ""
    message = {"silence": "", "traceback": "Traceback\\nformat", "other word": "wrong"}.get(mode, message)
    code = {"success": 0, "crash": 1}.get(mode, code)
if mode == "bytes":
    sys.stdout.buffer.write(b"\\xff")
sys.stdout.buffer.write(output.encode())
sys.stderr.write(message + ("\\n" if message else ""))
sys.exit(code)
"""


def chosen(*names: str) -> list[str]:
    return [argument for name in names for argument in ("--case", name)]


@pytest.fixture
def fake(tmp_path: Path) -> str:
    """A consumer that looks the answers up, and is wrong in one way, its first argument."""
    (tmp_path / "fake.py").write_text(FAKE, "utf-8")
    return str(tmp_path / "fake.py")


@pytest.mark.parametrize(
    ("mode", "case", "complaint"),
    [
        ("label", "mixed", "the label of row 2 must be 'maybe, or not', however: 'no'"),
        ("probability", "mixed", "row 2 must have the probability 0."),
        ("nan", "mixed", "however: 'nan'"),
        ("word", "mixed", "however: 'much'"),
        ("short row", "mixed", "row 2 must have 4 cells, however: 3"),
        ("missing row", "mixed", "there must be 9 rows, however: 8"),
        ("header", "mixed", "the header must be"),
        ("exit code", "mixed", "the exit code must be 0, however: 3"),
        ("bytes", "mixed", "stdout must be UTF-8"),
        ("success", "error_format_3", "the exit code must be 2, however: 0"),
        ("crash", "error_format_3", "the exit code must be 2, however: 1"),
        ("output", "error_format_3", "stdout must be empty"),
        ("silence", "error_format_3", "stderr must be one line, however: 0"),
        ("traceback", "error_format_3", "stderr must be one line, however: 2: Traceback | format"),
        ("other word", "error_format_3", "the message must hold 'format', however: wrong"),
    ],
)
def test_run_fails_a_consumer_that_is_wrong(
    fake: str, capfd: pytest.CaptureFixture[str], mode: str, case: str, complaint: str
) -> None:
    other = "one_row"  # which is right in each mode but two
    assert run.main([*chosen(case, other), "--", sys.executable, fake, mode, "{model}", "{rows}"]) == 1
    lines = capfd.readouterr().out.splitlines()
    assert any(line.startswith(f"FAILED  {case}: ") and complaint in line for line in lines)
    assert lines[-1].endswith("failed") and not lines[-1].endswith(" 0 failed")


def test_run_passes_a_consumer_that_is_right(fake: str, capfd: pytest.CaptureFixture[str]) -> None:
    cases = chosen("mixed", "one_row", "float_classes", "error_format_3")
    assert run.main([*cases, "--", sys.executable, fake, "right", "{model}", "{rows}"]) == 0
    assert capfd.readouterr().out.splitlines()[-1] == "4 passed, 0 failed"


def test_run_fails_a_consumer_that_hangs_or_is_not_there(capfd: pytest.CaptureFixture[str]) -> None:
    hanging = [sys.executable, "-c", "import time; time.sleep(60)", "{model}", "{rows}"]
    assert run.main(["--case", "mixed", "--timeout", "0.2", "--", *hanging]) == 1
    assert "no answer within 0.2 s" in capfd.readouterr().out
    assert run.main(["--case", "mixed", "--", "no-such-consumer", "{model}", "{rows}"]) == 1
    assert "the command cannot be run" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--", "consumer", "{model}"], "must hold {rows}"),
        (["--case", "nothing", "--", "consumer", "{model}", "{rows}"], "cases must be those of manifest.json"),
    ],
)
def test_run_refuses_a_wrong_command_line(
    capfd: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        run.main(arguments)
    assert stopped.value.code == 2
    assert complaint in capfd.readouterr().err
