"""Weights stored small: what the file says is the rounded record, and a row costs what it costs in float32."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnx
import pytest
from mothernet_export import (
    CategoricalColumn,
    ChildNetwork,
    NumericColumn,
    check_export,
    predict_logits,
    rounded,
    to_c,
    to_onnx,
)
from mothernet_export.quantization import LARGEST, Weights, rounded_sums, small_weights
from mothernet_runtime.file import read_model
from mothernet_runtime.ort_container import read_ort_container
from mothernet_runtime.session import open_session

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))

from definitions import CASES

SMALL = [weights for weights in get_args(Weights) if weights != "float32"]
STORED = {"float16": onnx.TensorProto.FLOAT16, "int8": onnx.TensorProto.INT8}


def inputs_of(child: ChildNetwork, n_rows: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Cells at and between knots, missing ones, categories and unseen texts."""
    rng = np.random.default_rng(0)
    numeric = np.empty((n_rows, len(child.numeric_columns)), np.float32)
    for i, column in enumerate(child.numeric_columns):
        points = np.array([column.centre, np.nan, np.inf, *column.knots])
        numeric[:, i] = rng.choice(points, n_rows) + rng.choice([0, 0.1, 1], n_rows)
    categorical = np.empty((n_rows, len(child.categorical_columns)), object)
    for i, texts in enumerate(child.categorical_columns):
        categorical[:, i] = rng.choice(np.array(["", "unseen", *texts.categories], object), n_rows)
    return numeric, categorical


@pytest.fixture(scope="module")
def wide_child(make_child: Any) -> ChildNetwork:
    """Ramps, indicators, categories as steps, and a column whose rows are gathered."""
    towns = tuple(f"town {i}" for i in range(300))
    return make_child(
        NumericColumn("age", 40.0, tuple(map(float, range(0, 90, 10))), True),
        NumericColumn("fare", 7.0, (0.0, 7.0, 100.0, 500.0), False),
        CategoricalColumn("city", ("", "Bern", "Genève")),
        CategoricalColumn("town", towns),
        CategoricalColumn("home", towns[100:]),
        classes=("a", "b", "c"),
        width=12,
    )


@pytest.mark.parametrize("weights", SMALL)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_conformance_case_says_what_the_rounded_record_says(case: Any, weights: Weights) -> None:
    says = rounded(case.child, weights)
    parity = check_export(to_onnx(case.child, weights=weights), says, *inputs_of(case.child))
    assert parity.ok, parity


@pytest.mark.parametrize("weights", SMALL)
def test_gathered_rows_and_ramps_are_stored_small_and_biases_are_not(wide_child: Any, weights: Weights) -> None:
    plain, small = to_onnx(wide_child), to_onnx(wide_child, weights=weights)
    assert check_export(small, rounded(wide_child, weights), *inputs_of(wide_child)).ok
    stored = [tensor for tensor in small.graph.initializer if tensor.data_type == STORED[weights]]
    assert len(stored) == 2  # ramps with steps, and rows of towns
    assert sum(np.prod(tensor.dims) for tensor in stored) > 500 * 15
    kept = {tensor.data_type for tensor in small.graph.initializer} - {STORED[weights]}
    assert kept <= {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64, onnx.TensorProto.STRING}
    saved = plain.ByteSize() - small.ByteSize()
    assert saved > 500 * 15 * (4 - np.dtype(weights).itemsize) - 1000
    read_model(small.SerializeToString(), "the model")  # no operator or type that FORMAT.md does not list


@pytest.mark.parametrize("weights", SMALL)
def test_onnxruntime_runs_the_operators_of_float32(wide_child: Any, weights: Weights, tmp_path: Path) -> None:
    found = []
    for each in ("float32", weights):
        data = to_onnx(wide_child, weights=each).SerializeToString()
        open_session(data, "the model", None, 1, True, save_as=tmp_path / "model.ort")
        nodes = read_ort_container((tmp_path / "model.ort").read_bytes())[1]
        found.append(sorted(node.operator for node in nodes))
    assert found[0] == found[1]


@pytest.mark.parametrize("weights", SMALL)
def test_sums_of_ramps_and_differences_of_categories_are_off_by_little(wide_child: Any, weights: Weights) -> None:
    small = small_weights(wide_child, weights)
    assert small is not None
    exact, found = wide_child.first_weight.astype(float), small.child.first_weight.astype(float)
    for rows in (slice(0, 8), slice(8, 11)):  # ramps of the two numbers: sums from the left, as they add up in a row
        lost = np.abs(exact[rows].cumsum(axis=0) - found[rows].cumsum(axis=0))
        assert (lost <= 0.5001 * small.scales).all()
    categories = slice(12, None)
    assert (np.abs(exact[categories] - found[categories]) <= 0.5001 * small.scales).all()
    whole = found[categories][4:300] - found[categories][304]  # of towns and what every other town has
    assert np.abs(whole / small.scales - np.rint(whole / small.scales)).max() < 1e-2
    assert (np.abs(exact).max(axis=0) / small.scales > LARGEST[weights] / 4).all()  # and all of the range is used


def test_float16_is_nearer_than_int8(wide_child: Any) -> None:
    inputs = inputs_of(wide_child)
    exact = predict_logits(wide_child, *inputs)
    off = [np.abs(predict_logits(rounded(wide_child, weights), *inputs) - exact).max() for weights in SMALL]
    assert 0 < 10 * off[0] < off[1] < 0.5


def test_rounding_goes_on_from_what_it_lost() -> None:
    rows = np.random.default_rng(0).uniform(-3, 3, (500, 4))
    found = rounded_sums(rows, 127)
    assert np.abs(rows.cumsum(axis=0) - found.cumsum(axis=0)).max() <= 0.5 + 1e-9
    assert np.abs(rounded_sums(rows * 100, 127)).max() == 127


def test_float32_is_the_record_itself_and_so_is_what_would_save_nothing(make_child: Any, mixed_child: Any) -> None:
    assert rounded(mixed_child, "float32") is mixed_child
    tiny = make_child(NumericColumn("x", 0.0, (0.0, 1.0), False))
    assert rounded(tiny, "int8") is tiny
    assert to_onnx(tiny, weights="int8") == to_onnx(tiny)


def test_a_network_without_hidden_units_is_stored_small_too(make_child: Any) -> None:
    child = make_child(NumericColumn("x", 0.0, tuple(map(float, range(200))), True), width=0)
    small = to_onnx(child, weights="int8")
    assert small.ByteSize() < to_onnx(child).ByteSize() - 900
    assert check_export(small, rounded(child, "int8"), *inputs_of(child)).ok


def test_other_words_are_refused(mixed_child: Any) -> None:
    with pytest.raises(ValueError, match="weights must be one of 'float32', 'float16', 'int8', however: 'int4'"):
        to_onnx(mixed_child, weights="int4")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="weights must be one of 'float32', 'int8', however: 'float16'"):
        to_c(mixed_child, weights="float16")
