"""A numeric core in the runtime: raw rows in, labels of the table's own type out, and no to what is not one."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mothernet_runtime import Model, ModelFileError, RowCoder, load
from mothernet_runtime.session import open_session

onnx = pytest.importorskip("onnx")
exporter = pytest.importorskip("mothernet_export")
Edited = Callable[..., bytes]


@pytest.fixture
def core_path(child: Any, tmp_path: Path) -> Path:
    exporter.to_onnx(child, tmp_path / "core.onnx", form="core")
    return tmp_path / "core.onnx"


def test_it_answers_as_the_full_form_does(core_path: Path, rows: Any, expected: Any) -> None:
    model = load(core_path, on_unseen="ignore")
    labels, probabilities = model.predict_both(rows)
    assert labels.tolist() == expected[0]
    assert np.abs(probabilities - expected[1]).max() < 1e-6
    assert model.info()["form"] == "core"
    assert np.array_equal(model.predict_proba(rows[:1]), probabilities[:1])
    reopened = pickle.loads(pickle.dumps(model))
    assert np.array_equal(reopened.predict_proba(rows), probabilities)


def test_graph_inputs_are_the_numbers_that_it_takes(core_path: Path, rows: Any) -> None:
    model, session = load(core_path, on_unseen="ignore"), open_session(core_path.read_bytes(), "core", None, 1, True)
    assert np.array_equal(session.run(["probabilities"], model.graph_inputs(rows))[0], model.predict_proba(rows))


def test_unseen_categories_are_counted(core_path: Path, model_path: str, rows: Any) -> None:
    assert load(core_path).count_unseen(rows) == load(model_path).count_unseen(rows)


@pytest.mark.parametrize("classes", [(False, True), (-5, 7), (0.5, 2.0), ("no", "yes")])
def test_labels_have_the_type_of_the_training_table(classes: Any, child: Any, tmp_path: Path, rows: Any) -> None:
    n_units = child.first_bias.shape[0] - len(child.target.classes)
    record = exporter.ChildNetwork(
        child.columns,
        exporter.ClassTarget(classes),
        child.first_weight[:, : n_units + 2],
        child.first_bias[: n_units + 2],
        child.output_weight[:, :2],
    )
    exporter.to_onnx(record, tmp_path / "core.onnx", form="core")
    labels = load(tmp_path / "core.onnx", on_unseen="ignore").predict(rows).tolist()
    assert {type(label) for label in labels} == {type(classes[0])} and set(labels) <= set(classes)


def test_numbers_are_nan_where_missing_and_minus_one_where_unseen(core_path: Path, model_path: str) -> None:
    row = {"age": None, "city": "Bern", "fare": "7.5", "constant": 1, "code": 3, "note": "x"}
    rows = [row, row | {"age": 20, "city": None, "code": "none such", "note": ""}]
    for path in (core_path, model_path):
        numbers = RowCoder(path).numbers(rows)
        assert numbers.dtype == np.float32
        expected = [[np.nan, 1, 7.5, 1, 0, -1], [20, np.nan, 7.5, 1, -1, np.nan]]
        np.testing.assert_array_equal(numbers, np.array(expected, np.float32))


@pytest.mark.parametrize("form", ["", "Core", "full"])
def test_a_form_that_does_not_fit_is_refused(core_path: Path, form: str, with_metadata: Edited) -> None:
    message = "inputs of the graph must be" if form == "full" else r"mothernet\.form must be one of full, core, however"
    with pytest.raises(ModelFileError, match=message):
        Model(with_metadata(of=core_path.read_bytes(), form=form), "model")


def test_a_full_file_is_no_core(with_metadata: Edited) -> None:
    with pytest.raises(ModelFileError, match=r"inputs of the graph must be numbers"):
        Model(with_metadata(form="core"), "model")


def test_a_class_that_is_none_is_refused(core_path: Path, with_graph: Edited) -> None:
    def edit(model: Any) -> None:
        node = next(node for node in model.graph.node if node.op_type == "ArgMax")
        node.output[0] = "index"
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.int64(3), "three"))
        model.graph.node.append(onnx.helper.make_node("Add", ["index", "three"], ["class_index"]))

    with pytest.raises(ModelFileError, match=r"class_index of model must be from 0 to 2, however: 3 to"):
        Model(with_graph(edit, of=core_path.read_bytes()), "model")
