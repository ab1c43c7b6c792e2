"""What a reader learns from the file alone, read here as FORMAT.md says and not by our own functions."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from mothernet_export import CategoricalColumn, ChildNetwork, NumericColumn, __version__, to_onnx
from mothernet_runtime.session import open_session


def read(model: Any) -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}


def test_the_schema_describes_every_column_in_table_order(mixed_child: ChildNetwork) -> None:
    schema = json.loads(read(to_onnx(mixed_child))["mothernet.schema"])
    numeric = {"kind": "numeric", "input": "numeric"}
    categorical = {"kind": "categorical", "input": "categorical"}
    city = {"missing_in_training": True, "used": True, "categories": ["", "Bern", "Genève"]}
    assert schema == {
        "columns": [
            {"name": "age", **numeric, "position": 0, "missing_in_training": True, "used": True},
            {"name": "city", **categorical, "position": 0, **city},
            {"name": "constant", **numeric, "position": 1, "missing_in_training": False, "used": False},
            {"name": "id", **categorical, "position": 1, "missing_in_training": False, "used": False, "categories": []},
            {"name": "home", **categorical, "position": 2, "missing_in_training": False, "used": True,
             "categories": ["Bern", "other"]},
            {"name": "fare", **numeric, "position": 2, "missing_in_training": False, "used": True},
        ],
        "classes": ["a", "b", "c"],
        "class_kind": "string",
        "width": 5,
    }  # fmt: skip


def test_the_schema_text_is_canonical_and_hashed(mixed_child: ChildNetwork) -> None:
    entries = read(to_onnx(mixed_child))
    text = entries["mothernet.schema"]
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert "Genève" in text
    assert entries["mothernet.schema_hash"] == hashlib.sha256(text.encode()).hexdigest()
    renamed = replace(
        mixed_child, columns=(NumericColumn("Age", 40.0, (18.0, 40.0, 80.0), True), *mixed_child.columns[1:])
    )
    assert read(to_onnx(renamed))["mothernet.schema_hash"] != entries["mothernet.schema_hash"]
    reweighted = replace(mixed_child, first_bias=mixed_child.first_bias + 1)
    assert read(to_onnx(reweighted))["mothernet.schema_hash"] == entries["mothernet.schema_hash"]


def test_keys_and_versions(mixed_child: ChildNetwork) -> None:
    model = to_onnx(mixed_child)
    entries = read(model)
    names = ("format", "schema", "schema_hash", "graph_hash", "versions", "self_test")
    assert list(entries) == [f"mothernet.{name}" for name in names]
    graph = model.graph.SerializeToString(deterministic=True)
    assert entries["mothernet.graph_hash"] == hashlib.sha256(graph).hexdigest()
    assert entries["mothernet.format"] == "1"
    assert json.loads(entries["mothernet.versions"]) == {"mothernet": "0.1.0", "mothernet-export": __version__}
    assert (model.producer_name, model.producer_version) == ("mothernet-export", __version__)


@pytest.mark.parametrize(
    ("classes", "label_type"),
    [(("a", "b"), "string"), ((3, 7), "integer"), ((False, True), "boolean"), ((0.5, 1.0), "float")],
)
def test_classes_keep_their_type(make_child: Any, classes: tuple[Any, ...], label_type: str) -> None:
    child = make_child(NumericColumn("x", 0.0, (0.0, 1.0), False), classes=classes)
    entries = read(to_onnx(child))
    schema = json.loads(entries["mothernet.schema"])
    assert (schema["classes"], schema["class_kind"]) == (list(classes), label_type)
    labels = json.loads(entries["mothernet.self_test"])["labels"]
    assert set(labels) <= {label if label_type == "integer" else str(label) for label in classes}


def replay(model: Any) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """The self-test of a file, and the labels and probabilities that onnxruntime gives for its rows."""
    entries = read(model)
    test, schema = json.loads(entries["mothernet.self_test"]), json.loads(entries["mothernet.schema"])
    inputs: dict[str, list[Any]] = {}
    for column in schema["columns"]:
        cells = test["columns"][column["name"]]
        if column["kind"] == "numeric":
            cells = [float("nan") if cell is None else float(cell) for cell in cells]
        else:
            cells = ["" if cell is None else cell for cell in cells]
        inputs.setdefault(column["input"], []).append(cells)
    arrays = {name: np.array(cells, np.float32 if name == "numeric" else object).T for name, cells in inputs.items()}
    session = open_session(model.SerializeToString(), source="the model", providers=None, threads=1, strict=True)
    return test, *session.run(None, arrays)


def test_the_self_test_can_be_replayed_from_the_file_alone(mixed_child: ChildNetwork) -> None:
    model = to_onnx(mixed_child)
    test, labels, probabilities = replay(model)
    assert len(test["labels"]) == 8
    assert labels.tolist() == test["labels"]
    np.testing.assert_allclose(probabilities, test["probabilities"], atol=1e-5)


def test_the_self_test_covers_missing_unseen_known_and_infinite_cells(make_child: Any) -> None:
    child = make_child(NumericColumn("x", 0.5, (0.0, 1.0, 4.0), True), CategoricalColumn("y", ("unseen", "b")))
    cells = json.loads(read(to_onnx(child))["mothernet.self_test"])["columns"]
    assert {None, "inf", "-inf"} <= set(cells["x"])
    assert {None, "unseen?"} <= set(cells["y"]) and {"unseen", "b"} & set(cells["y"])


def test_the_self_test_works_when_all_probabilities_are_nearly_equal(make_child: Any) -> None:
    child = make_child(NumericColumn("x", 0.0, (), False))
    child = replace(child, first_bias=np.zeros(7), output_weight=np.zeros((5, 2)))
    test, labels, _ = replay(to_onnx(child))
    assert len(test["labels"]) == 8 and set(labels.tolist()) == {"no"}


def test_the_self_test_avoids_rows_whose_label_rounding_could_change(make_child: Any) -> None:
    child = make_child(NumericColumn("x", 0.0, (0.0, 1.0), False))
    slope = np.eye(1, 7, 6, dtype=np.float32)  # the second logit is the ramp, all else is zero: a tie wherever x <= 0
    child = replace(child, first_weight=slope, first_bias=np.zeros(7), output_weight=np.zeros((5, 2)))
    test = json.loads(read(to_onnx(child))["mothernet.self_test"])
    assert 0 < len(test["labels"]) <= 8
    assert np.diff(test["probabilities"], axis=1).min() > 1e-3
