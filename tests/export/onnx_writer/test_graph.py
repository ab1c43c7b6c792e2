"""The graph holds what the table needs and no more, all of it in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from mothernet_export import CategoricalColumn, ChildNetwork, NumericColumn, check_export, to_onnx
from onnx import TensorProto, numpy_helper

TWO_RAMPS = NumericColumn("two", 0.0, (0.0, 1.0, 2.0), False)
ONE_RAMP = NumericColumn("one", 0.0, (0.0, 1.0), False)
RAMP_AND_MISSING = NumericColumn("ramp, missing", 0.0, (0.0, 1.0), True)
ONLY_MISSING = NumericColumn("missing", 0.0, (), True)
ALSO_IGNORED = NumericColumn("also ignored", 0.0, (), False)
IGNORED = NumericColumn("ignored", 0.0, (), False)
CITY = CategoricalColumn("city", ("", "Bern"))
HOME = CategoricalColumn("home", ("Bern", "x"))
IGNORED_TEXT = CategoricalColumn("text", ())

RAMPS = ["IsNaN", "Where", "Sub", "Mul", "Clip"]
COPIED_RAMPS = ["IsNaN", "Where", "Concat", "Sub", "Mul", "Clip"]
GATHERED_RAMPS = ["IsNaN", "Where", "Gather", "Sub", "Mul", "Clip"]
ONE_COLUMN, COLUMNS = (
    ["LabelEncoder", "Gather", "Squeeze"],
    ["LabelEncoder", "Add", "LabelEncoder", "Gather", "ReduceSum"],
)
OUTPUT = ["Split", "Tanh", "Gemm", "Softmax", "ArgMax"]


@pytest.mark.parametrize(
    ("columns", "operators"),
    [
        ([ONE_RAMP], [*RAMPS, "Gemm", *OUTPUT]),
        ([TWO_RAMPS], [*COPIED_RAMPS, "Gemm", *OUTPUT]),
        ([TWO_RAMPS, ONE_RAMP], [*COPIED_RAMPS, "Gemm", *OUTPUT]),
        ([IGNORED, ONE_RAMP], [*RAMPS, "Gemm", *OUTPUT]),
        ([IGNORED, ONE_RAMP, ALSO_IGNORED], [*GATHERED_RAMPS, "Gemm", *OUTPUT]),
        ([RAMP_AND_MISSING], [*RAMPS, "Cast", "Concat", "Gemm", *OUTPUT]),
        ([RAMP_AND_MISSING, ONE_RAMP], [*RAMPS, "Cast", "Concat", "Gemm", *OUTPUT]),
        ([RAMP_AND_MISSING, ONE_RAMP, TWO_RAMPS], [*COPIED_RAMPS, "Gather", "Cast", "Concat", "Gemm", *OUTPUT]),
        ([ONLY_MISSING], ["IsNaN", "Cast", "Gemm", *OUTPUT]),
        ([CITY], [*ONE_COLUMN, *OUTPUT]),
        ([CITY, HOME], [*COLUMNS, *OUTPUT]),
        ([CITY, IGNORED_TEXT], ["Gather", *ONE_COLUMN, *OUTPUT]),
        ([IGNORED, CITY], [*ONE_COLUMN, *OUTPUT]),
        ([ONE_RAMP, IGNORED_TEXT], [*RAMPS, "Gemm", *OUTPUT]),
        ([ONE_RAMP, CITY, HOME], [*RAMPS, *COLUMNS, "Gemm", *OUTPUT]),
        ([IGNORED, IGNORED_TEXT], ["Shape", "Gather", "Concat", "Expand", "Softmax", "ArgMax"]),
        ([IGNORED_TEXT], ["Shape", "Gather", "Concat", "Expand", "Softmax", "ArgMax"]),
    ],
)
def test_no_operator_that_the_table_does_not_need(make_child: Any, columns: list[Any], operators: list[str]) -> None:
    child = make_child(*columns, classes=(0, 1, 2))
    model = to_onnx(child)
    assert [node.op_type for node in model.graph.node] == operators
    assert ("ai.onnx.ml" in {opset.domain for opset in model.opset_import}) == ("LabelEncoder" in operators)
    numeric = np.array([[0.3], [np.nan], [9.0]]).repeat(len(child.numeric_columns), axis=1)
    categorical = np.array([["Bern"], [""], ["?"]], object).repeat(len(child.categorical_columns), axis=1)
    for n_rows in (0, 1, 3):
        parity = check_export(model, child, numeric[:n_rows], categorical[:n_rows])
        assert parity.ok, parity


@pytest.mark.parametrize(
    ("classes", "tail", "stored"),
    [
        ((0, 1), ["ArgMax"], None),
        ((1, 2), ["ArgMax", "Gather"], [1, 2]),
        ((-(2**63), 2**63 - 1), ["ArgMax", "Gather"], [-(2**63), 2**63 - 1]),
        ((False, True), ["ArgMax", "Gather"], [b"False", b"True"]),
        ((0.5, 2.0), ["ArgMax", "Gather"], [b"0.5", b"2.0"]),
        (("", "naïve 🙂"), ["ArgMax", "Gather"], [b"", "naïve 🙂".encode()]),
    ],
)
def test_labels_come_out_as_integers_or_text(make_child: Any, classes: Any, tail: list[str], stored: Any) -> None:
    child = make_child(ONE_RAMP, classes=classes)
    model = to_onnx(child)
    operators = [node.op_type for node in model.graph.node]
    assert operators[operators.index("ArgMax") :] == tail
    constants = {tensor.name: numpy_helper.to_array(tensor).tolist() for tensor in model.graph.initializer}
    labels = constants.get(model.graph.node[-1].input[0])
    assert labels == (stored if stored is None or isinstance(stored[0], int) else [text.decode() for text in stored])
    assert check_export(model, child, [[0.1], [0.9], [np.nan]]).ok


@pytest.mark.parametrize("columns", [[ONE_RAMP], [CITY], [ONE_RAMP, CITY], [IGNORED, IGNORED_TEXT]])
def test_inputs_and_outputs_are_as_specified(make_child: Any, columns: list[Any]) -> None:
    def describe(values: Any) -> list[tuple[Any, ...]]:
        types = [(value.name, value.type.tensor_type) for value in values]
        return [(name, t.elem_type, *(d.dim_param or d.dim_value for d in t.shape.dim)) for name, t in types]

    graph = to_onnx(make_child(*columns, classes=("a", "b", "c"))).graph
    numeric = [c for c in columns if isinstance(c, NumericColumn)]
    inputs = [("numeric", TensorProto.FLOAT, "N", len(numeric))] if numeric else []
    if len(numeric) < len(columns):
        inputs.append(("categorical", TensorProto.STRING, "N", len(columns) - len(numeric)))
    assert describe(graph.input) == inputs
    assert describe(graph.output) == [("label", TensorProto.STRING, "N"), ("probabilities", TensorProto.FLOAT, "N", 3)]


def test_no_float64_anywhere(mixed_child: ChildNetwork) -> None:
    model = onnx.shape_inference.infer_shapes(to_onnx(mixed_child), strict_mode=True)
    types = {tensor.data_type for tensor in model.graph.initializer}
    types |= {value.type.tensor_type.elem_type for value in model.graph.value_info}
    assert TensorProto.DOUBLE not in types
    assert (
        len(model.graph.value_info) == len(model.graph.node) - 2 + 1
    )  # all inferred: two outputs apart, Split has two


def test_the_file_grows_linearly_with_the_categories(make_child: Any) -> None:
    def size_bytes(n_columns: int) -> int:
        columns = [CategoricalColumn(f"c{i}", tuple(f"{i}-{k}" for k in range(50))) for i in range(n_columns)]
        model = to_onnx(make_child(*columns, width=1))
        del model.metadata_props[:]
        return model.ByteSize()

    assert size_bytes(80) < 9 * size_bytes(10)
