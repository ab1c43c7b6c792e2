"""What a reader learns from the file alone, read here as FORMAT.md says and not by our own functions."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from mothernet_export import ChildNetwork, NumericColumn, __version__, to_onnx


def read(model: Any) -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}


PLAIN = {"type": "number", "decimal": ".", "group": "", "affix": "", "percent": False, "missing": []}
TEXT: dict[str, Any] = {"type": "category", "integers": False, "missing": []}


def numeric(position: int, part: str = "value", offset: float = 0.0) -> dict[str, Any]:
    return {"input": "numeric", "position": position, "part": part, "offset": offset}


def categorical(position: int) -> list[dict[str, Any]]:
    return [{"input": "categorical", "position": position}]


def test_the_schema_describes_every_column_in_table_order(mixed_child: ChildNetwork) -> None:
    schema = json.loads(read(to_onnx(mixed_child))["mothernet.schema"])
    used, present, listed = {"used": True}, {"missing_in_training": False}, {"missing_in_training": True}
    assert schema == {
        "columns": [
            {"name": "age", **PLAIN, **listed, **used, "inputs": [numeric(0)]},
            {"name": "city", **TEXT, **listed, **used, "categories": ["", "Bern", "Genève"], "inputs": categorical(0)},
            {"name": "constant", **PLAIN, **present, "used": False, "inputs": [numeric(1)]},
            {"name": "id", **TEXT, **present, "used": False, "categories": [], "inputs": categorical(1)},
            {"name": "home", **TEXT, **present, **used, "categories": ["Bern", "other"], "inputs": categorical(2)},
            {"name": "fare", **PLAIN, **present, **used, "inputs": [numeric(2)]},
        ],
        "classes": ["a", "b", "c"],
        "label_type": "string",
        "width": 5,
    }


def test_the_schema_holds_the_rule_of_every_column_and_all_parts_of_a_date(spelled_child: ChildNetwork) -> None:
    columns = json.loads(read(to_onnx(spelled_child))["mothernet.schema"])["columns"]
    unused = {"used": False, "missing_in_training": False}
    euro = {"decimal": ",", "group": ".", "affix": "€", "missing": ["-"]}
    present, listed = ({"used": True, "missing_in_training": each} for each in (False, True))
    assert columns == [
        {"name": "row", "type": "ignored", **unused, "inputs": []},
        {"name": "price", **PLAIN, **euro, **listed, "inputs": [numeric(0)]},
        {"name": "share", **PLAIN, "percent": True, **present, "inputs": [numeric(1)]},
        {"name": "member", "type": "boolean", "missing": [], **listed, "inputs": [numeric(2)]},
        {
            "name": "day",
            "type": "date",
            "pattern": "dmy",
            "missing": ["?"],
            **listed,
            "inputs": [numeric(3, "days", 19727.0), numeric(4, "weekday")],
        },
        {
            "name": "branch",
            **TEXT,
            "integers": True,
            "missing": ["unknown"],
            "categories": ["", "3", "A1"],
            **listed,
            "inputs": categorical(0),
        },
        {"name": "seconds", **PLAIN, **present, "inputs": [numeric(5, "value", 1.7e9)]},
        {"name": "opens", "type": "date", "pattern": "time", "missing": [], **present, "inputs": [numeric(6, "hour")]},
        {"name": "note", "type": "ignored", **unused, "inputs": []},
    ]


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
    assert entries["mothernet.format"] == "2"
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
    assert (schema["classes"], schema["label_type"]) == (list(classes), label_type)
    labels = json.loads(entries["mothernet.self_test"])["labels"]
    assert set(labels) <= {label if label_type == "integer" else str(label) for label in classes}
