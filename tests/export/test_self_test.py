"""The self-test of a file: raw rows by which a reader proves that it reads and feeds cells as the writer meant."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from mothernet_export import CategoricalColumn, ChildNetwork, NumericColumn, to_onnx
from mothernet_runtime import load
from mothernet_runtime.cells import CategoryRule, DateRule, NumberRule, date_part, rule_of_schema
from mothernet_runtime.session import open_session


def self_test(model: Any) -> dict[str, Any]:
    """What the file holds."""
    found: dict[str, Any] = json.loads({e.key: e.value for e in model.metadata_props}["mothernet.self_test"])
    return found


def replay(model: Any) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """The self-test of a file, and the labels and probabilities that onnxruntime gives for its rows."""
    test = self_test(model)
    schema = json.loads({entry.key: entry.value for entry in model.metadata_props}["mothernet.schema"])
    inputs: dict[str, list[Any]] = {}
    for column in schema["columns"]:
        rule = rule_of_schema(column)
        for entry in column["inputs"]:
            cells = np.array([rule.read(cell) for cell in test["columns"][column["name"]]])  # type: ignore[union-attr]
            if entry["input"] == "numeric":
                cells = (cells if entry["part"] == "value" else date_part(cells, entry["part"])) - entry["offset"]
            inputs.setdefault(entry["input"], []).append(cells.tolist())
    arrays = {name: np.array(cells, np.float32 if name == "numeric" else object).T for name, cells in inputs.items()}
    session = open_session(model.SerializeToString(), source="the model", providers=None, threads=1, strict=True)
    return test, *session.run(None, arrays)


@pytest.mark.parametrize("name", ["mixed_child", "spelled_child"])
def test_it_can_be_replayed_from_the_file_alone(name: str, request: pytest.FixtureRequest) -> None:
    test, labels, probabilities = replay(to_onnx(request.getfixturevalue(name)))
    assert len(test["labels"]) == 8
    assert labels.tolist() == test["labels"]
    np.testing.assert_allclose(probabilities, test["probabilities"], atol=1e-5)


def test_its_cells_are_raw_ones_of_each_type_and_ignored_columns_have_none(
    spelled_child: ChildNetwork, tmp_path: Any
) -> None:
    model = to_onnx(spelled_child, tmp_path / "model.onnx")
    cells = self_test(model)["columns"]
    assert list(cells) == sorted(["price", "share", "member", "day", "branch", "seconds", "opens"])
    assert set(cells["member"]) <= {None, True, False}
    assert all(cell is None or re.fullmatch(r"\d{4}-\d\d-\d\d", cell) for cell in cells["day"])
    assert all(cell is None or re.fullmatch(r"\d\d:\d\d:\d\d", cell) for cell in cells["opens"])
    assert any(isinstance(cell, float) and cell >= 1.7e9 for cell in cells["seconds"])
    load(tmp_path / "model.onnx")  # which runs it


def test_it_covers_missing_unseen_known_and_infinite_cells(make_child: Any) -> None:
    child = make_child(NumericColumn("x", 0.5, (0.0, 1.0, 4.0), True), CategoricalColumn("y", ("unseen", "b")))
    cells = self_test(to_onnx(child))["columns"]
    assert {None, "inf", "-inf"} <= set(cells["x"])
    assert {None, "unseen?"} <= set(cells["y"]) and {"unseen", "b"} & set(cells["y"])


def test_an_unseen_text_is_no_marker_of_a_missing_cell(make_child: Any) -> None:
    rule = CategoryRule(missing=("unseen", "unseen?"))
    child = make_child(CategoricalColumn("y", ("a", ""), rule=rule), CategoricalColumn("z", ("unseen??",)))
    assert "unseen???" in self_test(to_onnx(child))["columns"]["y"]


def test_cells_with_an_offset_are_what_a_caller_has(make_child: Any) -> None:
    child = make_child(NumericColumn("x", 0.25, (0.0, 0.5), True, offset=1.7e9))
    cells = {cell for cell in self_test(to_onnx(child))["columns"]["x"] if isinstance(cell, float)}
    assert cells and min(cells) >= 1.7e9 and max(cells) <= 1.7e9 + 1


@pytest.mark.parametrize("part", ["days", "month", "weekday", "hour"])
@pytest.mark.parametrize("knots", [(0.0, 1.0, 6.0), (-(2.0**100), 2.0**100), (19_000.0, 19_000.5)])
def test_dates_vary_in_every_part_and_stay_within_the_calendar(make_child: Any, part: Any, knots: Any) -> None:
    column = NumericColumn("d", 0.0, knots, True, rule=DateRule("mdy"), part=part)
    model = to_onnx(make_child(column, seed=1))
    test, labels, _ = replay(model)
    assert labels.tolist() == test["labels"]
    assert len(set(test["columns"]["d"])) > 1


def test_a_column_of_numbers_in_any_spelling_has_plain_numbers(make_child: Any) -> None:
    rule = NumberRule(",", ".", "€", missing=("inf",))  # a strange marker: that cell is missing
    test, labels, _ = replay(to_onnx(make_child(NumericColumn("x", 0.5, (0.0, 1.0), True, rule=rule))))
    assert labels.tolist() == test["labels"]


def test_it_works_when_all_probabilities_are_nearly_equal(make_child: Any) -> None:
    child = make_child(NumericColumn("x", 0.0, (), False))
    child = replace(child, first_bias=np.zeros(7), output_weight=np.zeros((5, 2)))
    test, labels, _ = replay(to_onnx(child))
    assert len(test["labels"]) == 8 and set(labels.tolist()) == {"no"}


def test_it_avoids_rows_whose_label_rounding_could_change(make_child: Any) -> None:
    child = make_child(NumericColumn("x", 0.0, (0.0, 1.0), False))
    slope = np.eye(1, 7, 6, dtype=np.float32)  # the second logit is the ramp, all else is zero: a tie wherever x <= 0
    child = replace(child, first_weight=slope, first_bias=np.zeros(7), output_weight=np.zeros((5, 2)))
    test = self_test(to_onnx(child))
    assert 0 < len(test["labels"]) <= 8
    assert np.diff(test["probabilities"], axis=1).min() > 1e-3
