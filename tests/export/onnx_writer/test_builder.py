"""Each operator of the graph builder computes what NumPy does, and names are unique."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from mothernet_export.onnx_writer.builder import ElementType, GraphBuilder, Value
from mothernet_runtime.session import open_session
from onnx import helper
from onnx.reference import ReferenceEvaluator

X = np.array([[1.5, -2.0, np.nan], [0.0, 4.0, -1.0]], np.float32)
Y = np.array([3, -1, 2], np.float32)
MISSING = np.isnan(X)
FILLED = np.where(MISSING, np.float32(0), X)
WEIGHT = np.array([[1, -1], [0.5, 2], [0.25, 0]], np.float32)


def model_of(g: GraphBuilder, opset: int = 17) -> onnx.ModelProto:
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 2)]
    model = helper.make_model(g.finish(), opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("operator", "x", "expected"),
    [
        (lambda g, x: g.add(x, Y), X, X + Y),
        (lambda g, x: g.sub(x, Y), X, X - Y),
        (lambda g, x: g.sub(Y, x), X, Y - X),
        (lambda g, x: g.mul(x, np.float32(3)), X, X * 3),
        (lambda g, x: g.clip(x, np.float32(-1), np.float32(2)), FILLED, FILLED.clip(-1, 2)),
        (lambda g, x: g.as_float32(g.is_nan(x)), X, MISSING.astype(np.float32)),
        (lambda g, x: g.clip_unit(x), FILLED, FILLED.clip(0, 1)),
        (lambda g, x: g.imputer(x, [7.0, 8.0, 9.5]), X, np.where(MISSING, [7.0, 8.0, 9.5], X).astype(np.float32)),
        (lambda g, x: g.gemm(x, np.eye(3, 2, dtype=np.float32), Y[:2]), FILLED, FILLED[:, :2] + Y[:2]),
        (lambda g, x: g.gemm(x, np.eye(2, 3, dtype=np.float32), Y[:2], transposed=True), FILLED, FILLED[:, :2] + Y[:2]),
        (lambda g, x: g.add(x, g.one_hot(np.array([2, 0]), 3)), X, X + np.eye(3, dtype=np.float32)[[2, 0]]),
        (lambda g, x: g.linear_classifier(x, WEIGHT, Y[:2], ["a", "é"])[1], FILLED, softmax(FILLED @ WEIGHT + Y[:2])),
        (lambda g, x: g.linear_classifier(x, WEIGHT, Y[:2], ["a", "é"])[0], FILLED, np.array(["a", "é"], object)),
        (lambda g, x: g.linear_classifier(x, WEIGHT, Y[:2], [7, -2])[0], FILLED, [7, -2]),
        (lambda g, x: g.sum([x, x, Y]), FILLED, FILLED + FILLED + Y),
        (lambda g, x: g.gather(x, np.int64(1), axis=1), X, X[:, 1]),
        (lambda g, x: g.concat([x, Y[None, :].repeat(2, axis=0)], axis=1), X, np.concatenate([X, [Y, Y]], axis=1)),
        (lambda g, x: g.gather(x, np.array([2, 0, 2]), axis=1), X, X[:, [2, 0, 2]]),
        (lambda g, x: g.gather(np.array(["a", "é"], object), x), np.array([1, 0]), np.array(["é", "a"], object)),
        (lambda g, x: g.shape(x), X, np.array([2, 3])),
        (lambda g, x: g.expand(x, np.array([2, 1])), X[:1], X[[0, 0]]),
        (lambda g, x: g.label_encoder(x, {"b": 5, "": 7}, default=-1), np.array(["", "b", "c"], object), [7, 5, -1]),
        (lambda g, x: g.label_encoder(x, {"b": 5}, default=0, as_floats=True), np.array(["b", ""], object), [5.0, 0.0]),
        (lambda g, x: g.label_encoder(x, {5: 50, 7: 70}, default=0), np.array([7, 6, 5]), [70, 0, 50]),
    ],
)
def test_each_operator_computes_what_numpy_does(
    operator: Callable[[GraphBuilder, Value], Value], x: np.ndarray, expected: Any
) -> None:
    def element_type(array: np.ndarray) -> ElementType:
        return {"O": "string", "i": "int64", "f": "float32"}[array.dtype.kind]  # type: ignore[return-value]

    expected = np.asarray(expected)
    g = GraphBuilder("one operator")
    result = operator(g, g.input("x", element_type(x), x.shape))
    g.output(result, "y", element_type(expected), expected.shape)
    model = model_of(g)
    for run in (
        open_session(model.SerializeToString(), source="m", providers=None, threads=1, strict=True).run,
        ReferenceEvaluator(model).run,
    ):
        (got,) = run(None, {"x": x})
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(got, expected, rtol=1e-6)  # float32, tanh and exp by another library
        else:
            assert got.tolist() == expected.tolist()


def test_names_are_unique_readable_and_in_order() -> None:
    g = GraphBuilder("names")
    x = g.input("mul", "float32", ("N", 2))  # a name that an operator would have had
    label, probabilities = g.linear_classifier(
        g.mul(g.mul(x, np.float32(2)), np.float32(3)), np.eye(2), np.zeros(2), [0, 1]
    )
    g.output(g.add(probabilities, np.float32(1)), "last", "float32", ("N", 2))
    g.output(label, "label", "int64", ("N",))
    graph = model_of(g).graph
    assert [(node.name, *node.output) for node in graph.node] == [
        ("mul_2", "mul_2"),
        ("mul_3", "mul_3"),
        ("label", "label", "label_1"),
        ("last", "last"),
    ]
    assert [constant.name for constant in graph.initializer] == ["mul_2_b", "mul_3_b", "last_b"]
    assert (graph.name, [value.name for value in graph.input]) == ("names", ["mul"])


def test_a_constant_of_float64_is_refused() -> None:
    g = GraphBuilder("too wide")
    g.output(g.add(g.input("x", "float32", ("N",)), np.array([0.1])), "y", "float32", ("N",))
    with pytest.raises(TypeError, match=r"int8, int64 or strings, however: float64 for 'y_b'\. Cast them"):
        g.finish()


@pytest.mark.parametrize("opset", [13, 17])
def test_operators_are_valid_from_opset_13(opset: int) -> None:
    g = GraphBuilder("opsets")
    x = g.input("x", "float32", ("N", 2))
    g.output(g.gather(x, np.int64(0), axis=1), "first", "float32", ("N",))
    g.output(g.sum([x, x]), "sum", "float32", ("N", 2))
    values = np.array([[1.0, 2.0]], np.float32)
    session = open_session(model_of(g, opset).SerializeToString(), source="m", providers=None, threads=1, strict=True)
    assert [array.tolist() for array in session.run(None, {"x": values})] == [[1.0], [[2.0, 4.0]]]
