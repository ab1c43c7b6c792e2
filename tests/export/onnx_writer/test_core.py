"""The numeric core: default operators, numbers in, and the answers of the full form in every engine."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import mothernet_runtime
import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mothernet_export import (
    CategoricalColumn,
    ChildNetwork,
    NumericColumn,
    check_export,
    predict_proba,
    rounded,
    to_onnx,
)
from mothernet_export.check import answers_of, form_of, graph_inputs
from mothernet_export.evaluators import EVALUATORS, evaluator
from mothernet_runtime import RowCoder

CONFORMANCE = Path(__file__).parents[2] / "conformance"
sys.path.insert(0, str(CONFORMANCE))

from definitions import CASES, Case  # noqa: E402

TOLERANCE = 1e-5  # of a probability, as FORMAT.md has it
HAS_OPENVINO = importlib.util.find_spec("openvino") is not None
CLEAR_GAP = 1e-4  # between the two largest probabilities: no rounding changes such a label
MANY = CategoricalColumn("many", ("", *(f"m{i}" for i in range(300))))
MORE = CategoricalColumn("more", tuple(f"m{i}" for i in range(200, 600)))
FAR = NumericColumn("far", 1e6, (1e6, 1e6 + 0.125, 1e6 + 0.25), False)
FAR_AND_WIDE = NumericColumn("far and wide", 0.0, (-1e6, 0.0, 0.125, 1e6, 1e6 + 0.125), False)
STAMP = NumericColumn("stamp", 0.0, (0.0, 1.0, 1.6e9, 1.6e9 + 384), False)  # 384: x * scale is rounded
MISSING = NumericColumn("missing", 0.0, (0.0, 1.0), True)
CITY = CategoricalColumn("city", ("", "Bern"))
HOME = CategoricalColumn("home", ("Bern", "x"))
UNUSED, UNUSED_TEXT = NumericColumn("unused", 0.0, (), False), CategoricalColumn("unused text", ())


def engine(name: str, proto: onnx.ModelProto) -> Any:
    """An evaluator; the test is skipped if its package is not installed."""
    if name == "OpenVINO" and not HAS_OPENVINO:
        pytest.skip("needs openvino")
    return evaluator(name, proto.SerializeToString())


def read_json(*parts: str) -> Any:
    return json.loads(CONFORMANCE.joinpath("cases", *parts).read_text("utf-8"))


@pytest.mark.parametrize("name", EVALUATORS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_conformance_case_is_answered(case: Case, name: str, tmp_path: Path) -> None:
    proto = to_onnx(case.child, tmp_path / "core.onnx", form="core")
    run, coder = engine(name, proto), RowCoder(tmp_path / "core.onnx")
    expected = read_json(case.name, "expected.json")
    rows = read_json(case.name, "rows.json")
    outputs = run({"numbers": coder.numbers(rows or {column: [] for column in coder.feature_names_in_})})
    assert coder.classes_[outputs["class_index"]].tolist() == expected["labels"]
    probabilities = np.array(expected["probabilities"]).reshape(outputs["probabilities"].shape)
    assert np.abs(outputs["probabilities"] - probabilities).max(initial=0.0) < TOLERANCE


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_runtime_takes_raw_rows_for_it(case: Case, tmp_path: Path) -> None:
    to_onnx(case.child, tmp_path / "core.onnx", form="core")
    model = mothernet_runtime.load(tmp_path / "core.onnx", on_unseen="ignore")
    expected, rows = read_json(case.name, "expected.json"), read_json(case.name, "rows.json")
    labels, probabilities = model.predict_both(rows or {column: [] for column in model.feature_names_in_})
    assert [(type(label), label) for label in labels.tolist()] == [(type(label), label) for label in expected["labels"]]
    expected_probabilities = np.array(expected["probabilities"]).reshape(probabilities.shape)
    assert np.abs(probabilities - expected_probabilities).max(initial=0.0) < TOLERANCE


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_child_is_written_as_a_core(tables: Any, data: st.DataObject) -> None:
    child, numeric, categorical = data.draw(tables)
    proto = to_onnx(child, form="core")
    parity = check_export(proto, child, numeric, categorical)
    assert parity.ok, parity
    expected = predict_proba(child, numeric, categorical)
    inputs = graph_inputs(child, numeric, categorical, form_of(proto))
    if len(expected) and HAS_OPENVINO:
        run = evaluator("OpenVINO", proto.SerializeToString())
        got = answers_of(run(inputs), child.target)
        assert np.abs(got["probabilities"] - expected).max() < TOLERANCE
        ordered = np.sort(expected, axis=1)
        clear = ordered[:, -1] - ordered[:, -2] > CLEAR_GAP
        labels = np.array(child.target.labels, object)[expected.argmax(axis=1)]
        assert (got["label"] == labels)[clear].all()


COLUMNS = [
    [FAR, CITY, MISSING, HOME],
    [FAR_AND_WIDE, UNUSED, CITY],
    [STAMP, UNUSED],
    [CITY, FAR_AND_WIDE, MISSING, MANY, UNUSED_TEXT],
    [MANY, MORE, HOME, MISSING],
    [MANY],
    [UNUSED, UNUSED_TEXT],
    [UNUSED_TEXT],
]


@pytest.mark.parametrize("columns", COLUMNS, ids=lambda columns: ", ".join(column.name for column in columns))
@pytest.mark.parametrize("width", [0, 5])
def test_every_way_to_write_columns_agrees_with_the_reference(columns: Any, width: int, make_child: Any) -> None:
    child: ChildNetwork = make_child(*columns, classes=(0, 1, 2), width=width)
    rng = np.random.default_rng(0)
    special = [np.nan, np.inf, -np.inf, 0.5, 0.06, 1e6, 1e6 + 0.0625, 1e6 + 0.1875, 1.6e9 + 128]
    numeric = rng.choice(special, (60, len(child.numeric_columns)))
    texts = ["", "Bern", "x", "unseen", "m0", "m250", "m299", "m599"]
    categorical = rng.choice(np.array(texts, object), (60, len(child.categorical_columns)))
    proto = to_onnx(child, form="core")
    assert check_export(proto, child, numeric, categorical).ok
    inputs = graph_inputs(child, numeric, categorical, form_of(proto))
    got = engine("OpenVINO", proto)(inputs)["probabilities"]
    assert np.abs(got - predict_proba(child, numeric, categorical)).max() < TOLERANCE


@pytest.mark.parametrize("weights", ["float16", "int8"])
@pytest.mark.parametrize("columns", COLUMNS, ids=lambda columns: ", ".join(column.name for column in columns))
@pytest.mark.parametrize("width", [0, 40])
def test_weights_are_stored_small_in_it_too(columns: Any, width: int, weights: Any, make_child: Any) -> None:
    child: ChildNetwork = make_child(*columns, classes=(0, 1, 2), width=width)
    said, proto = rounded(child, weights), to_onnx(child, form="core", weights=weights)
    assert (said is child) == (proto.ByteSize() == to_onnx(child, form="core").ByteSize())
    assert proto.ByteSize() <= to_onnx(child, form="core").ByteSize()
    assert {node.domain for node in proto.graph.node} == {""}
    rng = np.random.default_rng(0)
    numeric = rng.choice([np.nan, np.inf, -np.inf, 0.06, 1e6 + 0.0625, 1.6e9 + 128], (60, len(child.numeric_columns)))
    texts = np.array(["", "Bern", "x", "unseen", "m0", "m250", "m299", "m599"], object)
    categorical = rng.choice(texts, (60, len(child.categorical_columns)))
    assert check_export(proto, said, numeric, categorical).ok
    got = engine("OpenVINO", proto)(graph_inputs(child, numeric, categorical, "core"))["probabilities"]
    assert np.abs(got - predict_proba(said, numeric, categorical)).max() < TOLERANCE


@pytest.mark.parametrize("opset", [13, 17, 21])
def test_it_has_default_operators_and_numbers_alone(spelled_child: ChildNetwork, opset: int) -> None:
    proto = to_onnx(spelled_child, form="core", opset=opset)
    onnx.checker.check_model(proto, full_check=True)
    assert [(entry.domain, entry.version) for entry in proto.opset_import] == [("", opset)]
    assert {node.domain for node in proto.graph.node} == {""}
    types = {tensor.data_type for tensor in proto.graph.initializer}
    assert types <= {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64}
    assert "HardSigmoid" not in {node.op_type for node in proto.graph.node}


@pytest.mark.parametrize("columns", [[CITY, HOME], [MANY, MORE]], ids=["steps", "gathered rows"])
def test_codes_beyond_the_categories_are_unseen_and_nan_is_missing(columns: Any, make_child: Any) -> None:
    child = make_child(*columns)
    run = evaluator("onnxruntime", to_onnx(child, form="core").SerializeToString())
    last = float(len(columns[0].categories))
    numbers = np.array([[-1, 0], [-7, 0], [last, 0], [1e9, 0], [np.inf, 0], [-np.inf, 0]], np.float32)
    probabilities = run({"numbers": numbers})["probabilities"]
    second = columns[1].categories[0]
    unseen = predict_proba(child, None, [["none such", second]])
    assert np.abs(probabilities - unseen).max() < 1e-6
    got = run({"numbers": np.array([[np.nan, np.nan], [0, -1]], np.float32)})["probabilities"]
    assert columns[0].categories[0] == "" and "" not in columns[1].categories
    assert np.abs(got - predict_proba(child, None, [["", ""]])).max() < 1e-6


def test_the_json_beside_it_says_what_the_file_says(spelled_child: ChildNetwork, tmp_path: Path) -> None:
    proto = to_onnx(spelled_child, tmp_path / "model.onnx", form="core")
    content = json.loads((tmp_path / "model.json").read_text("utf-8"))
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    assert content["form"] == metadata["mothernet.form"] == "core"
    assert content["schema"] == json.loads(metadata["mothernet.schema"])
    for key in ("format", "graph_hash", "schema_hash"):
        assert content[key] == metadata[f"mothernet.{key}"]
    names = ["price", "share", "member", "day", "day", "branch", "seconds", "opens"]
    assert [each["column"] for each in content["numbers"]] == names
    assert content["numbers"][3:6] == [
        {"column": "day", "part": "days", "offset": 19727.0},
        {"column": "day", "part": "weekday", "offset": 0.0},
        {"column": "branch", "part": "code"},
    ]
    test = content["self_test"]
    numbers = [[np.nan if cell is None else float(cell) for cell in row] for row in test["numbers"]]
    outputs = evaluator("onnxruntime", proto.SerializeToString())({"numbers": np.array(numbers, np.float32)})
    assert np.abs(outputs["probabilities"] - np.array(test["probabilities"])).max() < TOLERANCE
    assert outputs["class_index"].tolist() == test["class_index"]
    assert [spelled_child.target.labels[k] for k in test["class_index"]] == test["labels"]


def test_both_forms_have_the_same_schema(spelled_child: ChildNetwork) -> None:
    hashes = [
        next(entry.value for entry in to_onnx(spelled_child, form=form).metadata_props if "schema_hash" in entry.key)
        for form in ("full", "core")
    ]
    assert hashes[0] == hashes[1]


def test_no_json_without_a_name_to_put_it_beside(spelled_child: ChildNetwork, tmp_path: Path) -> None:
    to_onnx(spelled_child, tmp_path / "model", form="core")
    to_onnx(spelled_child, tmp_path / "full.onnx")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full.onnx", "model"]


def test_another_form_is_refused(spelled_child: ChildNetwork, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="form must be one of 'full', 'core', however: 'numeric'"):
        to_onnx(spelled_child, tmp_path / "model.onnx", form="numeric")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_rows_are_coded_without_an_engine(mixed_child: ChildNetwork, tmp_path: Path) -> None:
    to_onnx(mixed_child, tmp_path / "core.onnx", form="core")
    code = """if True:
        import sys
        from mothernet_runtime import RowCoder
        coder = RowCoder(sys.argv[1])
        row = {"age": "30", "city": "Bern", "constant": None, "id": "x", "home": "nowhere", "fare": 7}
        print(coder.numbers([row]).tolist(), coder.classes_.tolist(), coder.numbers([row | {"city": None}])[0, 1])
        assert "onnxruntime" not in sys.modules
    """
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "core.onnx"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[[30.0, 1.0, nan, -1.0, -1.0, 7.0]] ['a', 'b', 'c'] nan\n"
