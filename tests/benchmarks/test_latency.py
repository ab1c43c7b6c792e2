"""What the benchmark of latency relies on: turns, parity, encoders in graphs, instructions, ratios."""

import argparse
import shutil
import time

import numpy as np
import onnx
import pandas as pd
import pytest
from common.c_rows import c_predictor
from common.instructions import MISSING_TOOLS, instructions_of_one_row
from common.latency_summary import printed, summarised
from common.memory import memory_of_file
from common.onnx_models import Table, prepend_vocabulary
from common.predictors import Predictor, onnx_predictor, open_session, parity_error, resized
from common.tables import Data
from common.timing import MIN_CALLS, take_turns
from latency import installed
from mothernet_export import CategoricalColumn, ChildNetwork, ClassTarget, NumericColumn, predict_proba
from onnx import TensorProto, helper

TEXTS = np.array([["b", "a"], ["a", "c"], ["", "b"], ["never", "a"]], object)
NUMBERS = np.array([[1.5], [np.nan], [-2.0], [0.0]], np.float32)


@pytest.fixture
def table():
    frame = pd.DataFrame({"left": TEXTS[:, 0], "number": NUMBERS[:, 0], "right": TEXTS[:, 1]})
    return Table(Data(frame, np.array(list("xyxy"), object), np.array([0, 1, 0, 1])), np.array([0, 1, 2]))


@pytest.fixture
def softmax():
    """A graph that gives the numbers ``X`` as its first output and their softmax as its second."""
    nodes = [helper.make_node("Identity", ["X"], ["same"]), helper.make_node("Softmax", ["X"], ["p"], axis=1)]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 3]) for name in ("X", "same", "p")]
    graph = helper.make_graph(nodes, "softmax", values[:1], values[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def softmax_of(X):
    p = np.exp(X - X.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)


def test_calls_take_turns_within_their_budgets():
    order = []
    calls = [lambda: order.append("quick"), lambda: (order.append("slow"), time.sleep(0.01))]
    quick, slow = take_turns(calls, 200, 0.2, np.random.default_rng(0))
    assert quick.calls == 200 and quick.p99_us >= quick.p50_us > 0
    assert MIN_CALLS <= slow.calls <= 20 and slow.p50_us >= 10_000
    assert slow.p99_us is None  # of fewer than a hundred calls
    counted = order[-200 - slow.calls :]
    assert "slow" in counted[:30] and "slow" in counted[-30:]


def test_calls_of_a_turn_follow_one_that_is_not_counted():
    order = []
    timings = take_turns(
        [lambda: order.append(0), lambda: order.append(1)], 20, 1, np.random.default_rng(0), turn_calls=5
    )
    assert [timing.calls for timing in timings] == [20, 20]
    assert (np.diff(order[-48:]) != 0).sum() <= 7  # four rounds of two turns of six calls


def test_vocabulary_in_the_graph_gives_the_same_numbers_as_outside(table, softmax):
    prepend_vocabulary(softmax, table)
    onnx.checker.check_model(softmax, full_check=True)
    found = open_session(softmax.SerializeToString(), 1).run(None, table.raw)[0]
    np.testing.assert_array_equal(found, table.positions(table.raw))
    assert found[:, 1].tolist() == [2, 1, 0, -1]  # "", a, b, c; a string that was not fitted


def test_wrong_answers_have_a_parity_error(softmax):
    X = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    arguments = ("m", "codes", {"X": X}, softmax.SerializeToString())
    assert parity_error(onnx_predictor(*arguments, softmax_of(X), 1e-4)) < 1e-6
    assert parity_error(onnx_predictor(*arguments, softmax_of(2 * X), 1e-4)) > 0.1
    assert parity_error(onnx_predictor(*arguments, softmax_of(X)[:, :2], 1e-4)) == np.inf
    nothing = Predictor("m", "native", "e", "codes", {"X": X}, lambda rows, _: lambda: np.full((9, 3), np.nan), X, 1e-4)
    assert not parity_error(nothing) <= 1e-4


def test_batch_repeats_rows():
    assert resized({"a": TEXTS}, 6)["a"].tolist() == [*TEXTS.tolist(), *TEXTS[:2].tolist()]


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING_TOOLS), reason=f"needs {' and '.join(MISSING_TOOLS)}")
def test_instructions_of_a_row_are_counted_with_strings_and_numbers(table, softmax, tmp_path):
    plain = instructions_of_one_row(
        softmax.SerializeToString(),
        {"X": table.positions(table.raw)},
        softmax_of(table.positions(table.raw))[0],
        tmp_path,
    )
    prepend_vocabulary(softmax, table)
    arguments = (softmax.SerializeToString(), table.raw)
    encoded = instructions_of_one_row(*arguments, softmax_of(table.positions(table.raw))[0], tmp_path)
    assert 5_000 < plain < encoded < 100_000
    with pytest.raises(AssertionError, match="must answer as the model, however it does not"):
        instructions_of_one_row(*arguments, np.array([1.0, 0, 0]), tmp_path)


@pytest.mark.slow
def test_memory_of_a_file_grows_with_what_it_computes(softmax, tmp_path):
    X = {"X": np.zeros((1, 3), np.float32)}
    small = memory_of_file(softmax.SerializeToString(), X, tmp_path)
    weight = helper.make_tensor("w", TensorProto.FLOAT, [3, 3000], np.zeros(9000, np.float32).tobytes(), raw=True)
    softmax.graph.initializer.append(weight)
    softmax.graph.node.append(helper.make_node("MatMul", ["X", "w"], ["wide"]))
    softmax.graph.output.append(helper.make_tensor_value_info("wide", TensorProto.FLOAT, [None, 3000]))
    assert memory_of_file(softmax.SerializeToString(), X, tmp_path) - small > 100e6  # of 10,000 x 3,000 x 4 bytes


def row(table, model, inputs, rows, p50_us, size_bytes, form="onnx", engine="onnxruntime"):
    return {
        "table": table, "model": model, "form": form, "engine": engine, "inputs": inputs, "threads": 1, "rows": rows,
        "p50_us": p50_us, "size_bytes": size_bytes, "session_ms": 1, "first_call_us": 1, "memory_bytes": 1,
        "instructions": None,
    }  # fmt: skip


def test_ratios_are_median_and_least_over_tables():
    rows = [row(name, "mothernet", "raw", 1, 10, 100) for name in "abc"]
    rows += [row(name, "xgboost", "codes", 1, us, 50) for name, us in zip("abc", (5, 30, 20), strict=True)]
    rows += [row("a", "xgboost", "codes", 1, 40, None, "native", "xgboost")]
    summary = summarised(rows)
    ratios = summary["ratios"]["codes"]
    assert ratios["xgboost/onnxruntime"] == {
        "1": {"median": 2.0, "least": 0.5},
        "size_bytes": {"median": 0.5, "least": 0.5},
    }
    assert ratios["xgboost/xgboost"] == {"1": {"median": 4.0, "least": 4.0}}
    assert summary["models"]["xgboost"] == {"size_bytes": 50.0, "latency_us": {"1": 20.0}}
    failure = {"table": "a", "model": "mlp", "engine": "onnxruntime", "inputs": "raw", "reason": "conversion failed"}
    assert "a: mlp onnxruntime raw: conversion failed" in printed(rows, [failure])


def test_missing_package_is_left_out_unless_asked_for_by_name(capsys):
    needs = {"b": {"a_module_that_is_not_there": "its-name"}}
    parser = argparse.ArgumentParser()
    assert installed(parser, "models", "a,b", "ab", needs, set()) == (["a"], {"b": "pip install its-name"})
    with pytest.raises(SystemExit):
        installed(parser, "models", "a,b", "ab", needs, {"models"})
    assert "b needs: pip install its-name" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_the_source_of_a_child_predicts_many_rows_of_a_table(tmp_path):
    columns = (
        NumericColumn("number", 0.5, (0.0, 1.0, 2.0), True),
        NumericColumn("far", 0.0, (0.0, 1.0), False, offset=1e9),
        CategoricalColumn("left", ("a", "b")),
    )
    rng, target = np.random.default_rng(0), ClassTarget(("x", "y", "z"))
    child = ChildNetwork(columns, target, rng.normal(size=(7, 7)), rng.normal(size=7), rng.normal(size=(4, 3)))
    frame = pd.DataFrame({"far": 1e9 + np.arange(4) / 3, "left": TEXTS[:, 0], "number": NUMBERS[:, 0]})
    inputs = np.stack([frame["number"], frame["far"] - 1e9], axis=1), TEXTS[:, :1]
    found = c_predictor("m", child, frame, predict_proba(child, *inputs).astype(float), 1e-5, tmp_path)
    assert (found.form, found.engine, found.inputs) == ("compiled", "gcc", "codes")
    assert parity_error(found) < 1e-6
    call = found.ready(resized(found.arrays, 9), 1)
    assert call().shape == (9, 3)
    wrong = c_predictor("m2", child, frame, 1 - found.expected, 1e-5, tmp_path)
    assert parity_error(wrong) > 0.01
