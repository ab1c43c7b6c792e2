"""The graph holds what the table needs and no more, all of it in float32."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from mothernet_export import CategoricalColumn, ChildNetwork, NumericColumn, check_export, to_onnx
from onnx import TensorProto

TWO_RAMPS = NumericColumn("two", 0.0, (0.0, 1.0, 2.0), False)
ONE_RAMP = NumericColumn("one", 0.0, (0.0, 1.0), False)
RAMP_AND_MISSING = NumericColumn("ramp, missing", 0.0, (0.0, 1.0), True)
ONLY_MISSING = NumericColumn("missing", 0.0, (), True)
ALSO_IGNORED = NumericColumn("also ignored", 0.0, (), False)
IGNORED = NumericColumn("ignored", 0.0, (), False)
CITY = CategoricalColumn("city", ("", "Bern"))
HOME = CategoricalColumn("home", ("Bern", "x"))
IGNORED_TEXT = CategoricalColumn("text", ())

MANY = CategoricalColumn("many", tuple(f"m{i}" for i in range(300)))
MORE = CategoricalColumn("more", tuple(f"m{i}" for i in range(200, 600)))
FAR = NumericColumn("far", 1e6, (1e6, 1e6 + 0.125, 1e6 + 0.25), False)  # 4e6 widths from zero
FAR_AND_WIDE = NumericColumn("far and wide", 0.0, (-1e6, 0.0, 0.125, 1e6, 1e6 + 0.125), False)

RISES = ["OneHot", "Mul", "Gemm", "HardSigmoid"]
RAMPS = ["Imputer", "Clip", *RISES]
EXACT_RAMPS = ["Sub", "Mul", "HardSigmoid"]
GATHERED = ["LabelEncoder", "Gather", "Gather"]
OUTPUT = ["Gemm", "HardSigmoid", "LinearClassifier"]
CONSTANT = ["Shape", "Gather", "Concat", "Expand", "LinearClassifier"]


@pytest.mark.parametrize(
    ("columns", "operators"),
    [
        ([ONE_RAMP], [*RAMPS, *OUTPUT]),
        ([TWO_RAMPS, ONE_RAMP, IGNORED], [*RAMPS, *OUTPUT]),
        ([FAR, ONE_RAMP], ["Imputer", "Sub", "Clip", *RISES, *OUTPUT]),
        ([FAR_AND_WIDE], ["Imputer", "Concat", *EXACT_RAMPS, *OUTPUT]),
        ([FAR_AND_WIDE, ONE_RAMP, IGNORED], ["Imputer", "Gather", *EXACT_RAMPS, *OUTPUT]),
        ([FAR_AND_WIDE, CITY], ["Imputer", "Concat", *EXACT_RAMPS, "LabelEncoder", *RISES, "Concat", *OUTPUT]),
        ([RAMP_AND_MISSING, ONE_RAMP], ["Imputer", "Clip", "IsNaN", "Cast", "Concat", *RISES, *OUTPUT]),
        ([ONLY_MISSING], ["IsNaN", "Cast", *RISES, *OUTPUT]),
        ([CITY], ["LabelEncoder", *RISES, *OUTPUT]),
        ([CITY, HOME, IGNORED_TEXT, IGNORED], ["LabelEncoder", *RISES, *OUTPUT]),
        ([MANY], [*GATHERED, *OUTPUT[1:]]),
        ([MANY, MORE], ["LabelEncoder", "Add", "LabelEncoder", *4 * ["Gather"], "Sum", *OUTPUT[1:]]),
        ([MANY, CITY], ["LabelEncoder", "LabelEncoder", *3 * ["Gather"], *RISES, *OUTPUT]),
        ([MANY, RAMP_AND_MISSING], ["Imputer", "Clip", "IsNaN", "Cast", *GATHERED, "Concat", *RISES, *OUTPUT]),
        ([ONE_RAMP, CITY, HOME], ["Imputer", "Clip", "LabelEncoder", "Concat", *RISES, *OUTPUT]),
        ([IGNORED, IGNORED_TEXT], CONSTANT),
        ([IGNORED_TEXT], CONSTANT),
    ],
)
@pytest.mark.parametrize("width", [0, 5])
def test_no_operator_that_the_table_does_not_need(
    make_child: Any, columns: list[Any], operators: list[str], width: int
) -> None:
    child = make_child(*columns, classes=(0, 1, 2), width=width)
    model = to_onnx(child)
    if width:
        assert [node.op_type for node in model.graph.node] == operators
    cells = [0.3, np.nan, 9.0, np.inf, -np.inf, 1e6 + 0.03, 0.0625]
    numeric = np.array([cells]).T.repeat(len(child.numeric_columns), axis=1)
    texts = ["Bern", "", "?", "x", "m0", "m250", "m599"]
    categorical = np.array([texts], object).T.repeat(len(child.categorical_columns), axis=1)
    for n_rows in (0, 1, 7):
        parity = check_export(model, child, numeric[:n_rows], categorical[:n_rows])
        assert parity.ok, parity


@pytest.mark.parametrize(
    ("classes", "stored"),
    [
        ((0, 1), [0, 1]),
        ((-(2**63), 2**63 - 1), [-(2**63), 2**63 - 1]),
        ((False, True), [b"False", b"True"]),
        ((0.5, 2.0), [b"0.5", b"2.0"]),
        (("", "naïve 🙂"), [b"", "naïve 🙂".encode()]),
    ],
)
def test_labels_come_out_as_integers_or_text(make_child: Any, classes: Any, stored: list[Any]) -> None:
    child = make_child(ONE_RAMP, classes=classes)
    model = to_onnx(child)
    attributes = {each.name: onnx.helper.get_attribute_value(each) for each in model.graph.node[-1].attribute}
    assert attributes["classlabels_strings" if isinstance(stored[0], bytes) else "classlabels_ints"] == stored
    assert check_export(model, child, [[0.1], [0.9], [np.nan]]).ok


def test_direct_outputs_far_apart_lose_nothing(make_child: Any) -> None:
    child = make_child(TWO_RAMPS, CITY, classes=("a", "b"))
    weight = child.first_weight.copy()
    weight[:, child.width :] *= 30
    child = replace(child, first_weight=weight)
    numeric, categorical = np.linspace(-1, 3, 200)[:, None], np.array([["Bern", "", "?", "x"] * 50], object).T
    parity = check_export(to_onnx(child), child, numeric, categorical)
    assert parity.ok, parity


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
    assert len(model.graph.value_info) == len(model.graph.node) - 1  # all are inferred; the last has the two outputs


def test_direct_outputs_too_large_for_the_hidden_layer_go_beside_it(make_child: Any) -> None:
    columns = [NumericColumn(f"c{i}", 0.0, (-1.0, 0.0, 1.0), False) for i in range(100)]
    child = make_child(*columns, classes=(0, 1), width=4)
    weight = child.first_weight.copy()
    weight[:, 4:] *= 5
    child = replace(child, first_weight=weight)
    model = to_onnx(child)
    assert [node.op_type for node in model.graph.node][-5:] == [
        "Gemm",
        "Gemm",
        "HardSigmoid",
        "Gemm",
        "LinearClassifier",
    ]
    parity = check_export(model, child, np.random.default_rng(0).normal(size=(500, 100)))
    assert parity.ok, parity


def test_a_wide_table_with_missing_cells_makes_no_square_matrix(make_child: Any) -> None:
    columns = [NumericColumn(f"c{i}", 0.0, (0.0, 1.0), True) for i in range(300)]
    child = make_child(*columns, width=2)
    model = to_onnx(child)
    assert [node.op_type for node in model.graph.node].count("OneHot") == 0
    numeric = np.random.default_rng(0).choice([0.2, 0.7, np.nan], (20, 300))
    parity = check_export(model, child, numeric)
    assert parity.ok, parity


def test_the_file_grows_linearly_with_the_categories(make_child: Any) -> None:
    def size_bytes(n_columns: int) -> int:
        columns = [CategoricalColumn(f"c{i}", tuple(f"{i}-{k}" for k in range(50))) for i in range(n_columns)]
        model = to_onnx(make_child(*columns, width=1))
        del model.metadata_props[:]
        return model.ByteSize()

    assert size_bytes(80) < 9 * size_bytes(10)
