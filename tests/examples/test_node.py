"""The Node example passes every conformance case; needs node and npm, which fetches a package on the first run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from mothernet_export import ChildNetwork, ClassTarget, NumericColumn, to_onnx

sys.path.insert(0, str(Path(__file__).parent))

import consumer_checks as checks

ROOT = Path(__file__).parents[2]
EXAMPLE, CONFORMANCE = ROOT / "examples" / "node", ROOT / "tests" / "conformance"
MIXED = [CONFORMANCE / "cases" / "mixed" / name for name in ("model.onnx", "rows.csv")]
PREDICT = ["node", EXAMPLE / "predict.mjs"]
pytestmark = pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="needs node and npm")

# predicts the typed rows of models; integers of JSON that float64 does not hold are bigint, in rows and answers
PREDICT_ROWS = """
const { readFileSync } = await import("node:fs");
const { load } = await import(process.argv[1]);
const exact = (text) => text.replace(/"(?:[^"\\\\]|\\\\.)*"|-?\\d[\\d.eE+-]*/g, (part) =>
  /^-?\\d+$/.test(part) && !Number.isSafeInteger(Number(part)) ? `{"int64":"${part}"}` : part);
const parsed = (text) => JSON.parse(exact(text), (_, value) => (value?.int64 ? BigInt(value.int64) : value));
for (const [modelPath, rowsPath] of JSON.parse(readFileSync(0, "utf8"))) {
  let answer;
  try {
    const model = await load(modelPath);
    const predictions = await model.predict(parsed(readFileSync(rowsPath, "utf8")));
    const labels = predictions.map(({ label }) => label);
    const types = [...new Set(labels.map((label) => typeof label))];
    answer = { types, labels, probabilities: predictions.map((each) => each.probabilities) };
    await model.release();
  } catch (error) {
    if (error.constructor !== Error) throw error;
    answer = { error: error.message };
  }
  const json = JSON.stringify(answer, (_, value) => (typeof value === "bigint" ? `big ${value}` : value));
  console.log(json.replace(/"big (-?\\d+)"/g, "$1"));
}
"""

# changes up to four bytes of a model, or cuts it, and counts the errors that are no plain Error
DAMAGE = """
const { readFileSync } = await import("node:fs");
const { readModelFile } = await import(process.argv[1]);
let seed = 1;
const random = (n) => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % n;
const whole = readFileSync(process.argv[2]);
for (let i = 0; i < 3000; i++) {
  const bytes = Buffer.from(whole.subarray(0, random(4) ? whole.length : random(whole.length)));
  for (let k = random(5); k && bytes.length; k--) bytes[random(bytes.length)] = random(256);
  try {
    await readModelFile(bytes);
  } catch (error) {
    if (error.constructor !== Error) throw error;
  }
}
"""


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    checks.build("node")


def node(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["node", *arguments], capture_output=True, encoding="utf-8", timeout=60, **options)  # type: ignore[call-overload,no-any-return]


def predict_rows(pairs: list[tuple[Path, Path]]) -> list[dict[str, Any]]:
    """What the library of the example says of typed rows, for each model and rows.json."""
    program = ["--input-type=module", "--eval", PREDICT_ROWS, (EXAMPLE / "mothernet.mjs").as_uri()]
    done = node(*program, input=json.dumps([[str(path) for path in pair] for pair in pairs]))
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_typed_rows_have_typed_labels_and_the_expected_probabilities() -> None:
    cases = json.loads((CONFORMANCE / "manifest.json").read_text("utf-8"))["cases"]
    cases = [case for case in cases if "rows_json" in case]
    answers = predict_rows([(CONFORMANCE / case["model"], CONFORMANCE / case["rows_json"]) for case in cases])
    types = set()
    for case, answer in zip(cases, answers, strict=True):
        if "error" in case:
            assert case["error"]["message_holds"].lower() in answer["error"].lower(), case["name"]
            continue
        expected = json.loads((CONFORMANCE / case["expected"]).read_text("utf-8"))
        kinds = [[isinstance(label, bool) for label in labels] for labels in (answer["labels"], expected["labels"])]
        assert answer["labels"] == expected["labels"] and kinds[0] == kinds[1], case["name"]
        for found, wanted in zip(answer["probabilities"], expected["probabilities"], strict=True):
            assert found == pytest.approx(wanted, abs=case["tolerance"], rel=0), case["name"]
        types.update(answer["types"])
    assert types == {"string", "number", "bigint", "boolean"}


def test_rows_that_do_not_fit_are_named(tmp_path: Path) -> None:
    row = {"age": 31, "city": "Bern", "fare": "7.25", "constant": 1, "code": 3, "note": None}
    wrong = {
        "row 1: the rows must have the 6 columns": [row, {**row, "zoo": 1}],
        'missing: "city"': [{key: cell for key, cell in row.items() if key != "city"}],
        'row 1: column "age" must hold numbers, however: a list': [row, {**row, "age": [1]}],
        'row 0: column "fare" must hold numbers, however: "1_0"': [{**row, "fare": "1_0"}],
        'column "city" must hold text without U+0000': [{**row, "city": "Bern\0x"}, row],
        "row 1 must be an object": [row, None],
        "rows must be a list of objects": row,  # type: ignore[dict-item]
    }
    files = [tmp_path / f"{i}.json" for i in range(len(wrong))]
    for path, rows in zip(files, wrong.values(), strict=True):
        path.write_text(json.dumps(rows), "utf-8")
    for message, answer in zip(wrong, predict_rows([(MIXED[0], path) for path in files]), strict=True):
        assert message in answer["error"]


def test_a_self_test_that_fails_refuses_the_model(tmp_path: Path) -> None:
    model = onnx.load(MIXED[0])
    (entry,) = (each for each in model.metadata_props if each.key == "mothernet.self_test")
    recorded = json.loads(entry.value)
    changed = {
        "probability": {"probabilities": [[1 - sum(row[1:]) - 1e-4, *row[1:]] for row in recorded["probabilities"]]}
    }
    changed |= {
        "1 to 8 rows": {"labels": []},
        "columns of the schema": {"columns": {}},
        "be classes": {"labels": ["x"] * len(recorded["labels"])},
    }
    for message, edit in changed.items():
        entry.value = json.dumps(recorded | edit)
        onnx.save(model, tmp_path / "model.onnx")
        (answer,) = predict_rows([(tmp_path / "model.onnx", CONFORMANCE / "cases" / "mixed" / "rows.json")])
        assert message in answer["error"]


def test_the_types_of_the_library_fit_its_code_and_a_typed_caller() -> None:
    checks.build("node", ("npm", "run", "check-types"))


def test_node_takes_the_dialect_as_options(tmp_path: Path) -> None:
    checks.check_dialect(PREDICT, os.environ, tmp_path)


def test_node_warns_of_columns_that_are_mostly_unseen(tmp_path: Path) -> None:
    checks.check_warning(PREDICT, os.environ, tmp_path)


def test_a_numeric_core_is_refused_with_what_to_do(tmp_path: Path) -> None:
    model = onnx.load(MIXED[0])
    model.metadata_props.add(key="mothernet.form", value="full")
    onnx.save(model, tmp_path / "full.onnx")
    assert node(EXAMPLE / "predict.mjs", tmp_path / "full.onnx", MIXED[1]).returncode == 0
    ramp = NumericColumn("x", 0.0, (0.0, 1.0), missing_indicator=False)
    child = ChildNetwork((ramp,), ClassTarget(("no", "yes")), np.ones((1, 3)), np.zeros(3), np.ones((1, 2)))
    to_onnx(child, tmp_path / "core.onnx", form="core")
    done = node(EXAMPLE / "predict.mjs", tmp_path / "core.onnx", MIXED[1])
    assert (done.returncode, done.stdout) == (2, "")
    assert 'the form must be full, however: "core". Export the file without --form' in done.stderr


def test_a_damaged_model_never_crashes_node() -> None:
    done = node(
        "--input-type=module", "--eval", DAMAGE, (EXAMPLE.parent / "javascript" / "model_file.mjs").as_uri(), MIXED[0]
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_bad_usage_exits_2_in_node(tmp_path: Path) -> None:
    for arguments, message in [((), "usage:"), ((tmp_path / "none.onnx", MIXED[1]), "none.onnx")]:
        done = node(EXAMPLE / "predict.mjs", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr and len(done.stderr.splitlines()) == 1


def test_no_telemetry_file_appears_from_node(tmp_path: Path) -> None:
    checks.check_no_telemetry(PREDICT, os.environ, tmp_path)


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in (EXAMPLE / "package-lock.json").read_text("utf-8")
