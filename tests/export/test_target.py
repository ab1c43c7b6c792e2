"""Classes as a target: what is accepted, what the file says about them; and that another target needs no other code."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from mothernet_export import CategoricalColumn, ClassTarget, NumericColumn, check_export, to_onnx
from mothernet_export import child as child_module
from mothernet_export.onnx_writer import graph as graph_module
from mothernet_export.target import Answers, Difference, GraphOutput
from onnx import TensorProto


@pytest.mark.parametrize(
    ("classes", "error", "message"),
    [
        (("a",), ValueError, r"at least two, however: \('a',\)"),
        (("a", 1), TypeError, r"one Python type.*\['int', 'str'\]"),
        ((0, True), TypeError, r"one Python type.*\['bool', 'int'\]"),
        ((np.int64(0), np.int64(1)), TypeError, r"Use array.tolist\(\)"),
        ((None, None), TypeError, r"str, int, bool or float, however: \['NoneType'\]"),
        ("ab", TypeError, "must be a tuple, however: one string, 'ab'"),
        (("b", "a"), ValueError, "sorted and differ, however: 'b' before 'a'"),
        (("a", "a"), ValueError, "sorted and differ"),
        ((0.5, float("nan")), ValueError, "finite"),
        ((0, 2**63), ValueError, "64 bits"),
        ((-(2**63) - 1, 0), ValueError, "64 bits"),
        (("a", "b\0"), ValueError, "a class must not hold a NUL"),
        (("a", "\ud800"), ValueError, "a class must be valid Unicode"),
    ],
)
def test_classes_that_no_file_can_hold_are_refused(classes: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ClassTarget(classes)


@pytest.mark.parametrize(
    ("classes", "label_type", "labels", "element_type"),
    [
        (("a", "b", "c"), "string", ("a", "b", "c"), "string"),
        ((-(2**63), 2**63 - 1), "integer", (-(2**63), 2**63 - 1), "int64"),
        ((False, True), "boolean", ("False", "True"), "string"),
        ((0.5, 2.0), "float", ("0.5", "2.0"), "string"),
    ],
)
def test_what_the_file_says_about_classes(
    classes: tuple[Any, ...], label_type: str, labels: tuple[Any, ...], element_type: str
) -> None:
    target = ClassTarget(classes)
    assert (target.n_outputs, target.label_type, target.labels) == (len(classes), label_type, labels)
    assert target.graph_outputs == (
        ("label", element_type, ("N",)),
        ("probabilities", "float32", ("N", len(classes))),
    )
    assert target.schema() == {"classes": list(classes), "label_type": label_type}


def test_targets_are_equal_if_their_classes_have_the_same_type_and_text() -> None:
    different = [(False, True), (0, 1), (0.0, 1.0), (-0.0, 1.0), ("0", "1"), ("False", "True"), (0, 1, 2)]
    targets = [ClassTarget(classes) for classes in different]
    for i, one in enumerate(targets):
        assert [one == other for other in targets] == [i == j for j in range(len(targets))]
        assert one == ClassTarget(list(different[i])) and hash(one) == hash(ClassTarget(different[i]))
    assert len(set(targets)) == len(targets)
    assert targets[0] != (False, True)
    assert pickle.loads(pickle.dumps(targets[0])) == targets[0]


def test_networks_with_other_types_of_classes_differ(make_child: Any) -> None:
    column = NumericColumn("x", 0.0, (0.0, 1.0), False)
    children = [make_child(column, classes=classes) for classes in [(False, True), (0, 1), (0.0, 1.0)]]
    assert all(np.array_equal(children[0].first_weight, child.first_weight) for child in children)
    assert children[0] != children[1] and children[1] != children[2] and children[0] != children[2]
    assert children[1] == make_child(column, classes=(0, 1))


def test_answers_are_the_softmax_and_the_first_largest_class() -> None:
    answers = ClassTarget((3, 7)).answers(np.array([[0.0, 0.0], [1.0, 3.0], [1000.0, 0.0]]))
    p = 1 / (1 + np.exp(2.0))
    np.testing.assert_allclose(answers["probabilities"], [[0.5, 0.5], [p, 1 - p], [1, 0]], rtol=1e-6)  # float32
    assert answers["probabilities"].dtype == np.float32
    assert answers["label"].tolist() == [3, 7, 3]


def test_rows_are_clear_if_the_two_largest_probabilities_lie_apart() -> None:
    probabilities = np.array([[0.5, 0.5, 0], [0.4, 0.4009, 0.1991], [0.4, 0.402, 0.198], [0, 0, 1]], np.float32)
    assert ClassTarget((0, 1, 2)).clear_rows({"probabilities": probabilities}).tolist() == [False, False, True, True]


def test_differences_count_labels_and_ties_apart() -> None:
    target = ClassTarget(("a", "b", "c"))
    logits = np.array([[0.0, 1e-8, -9.0], [0.0, 5.0, 0.0], [0.0, 5.0, 0.0], [9.0, 0.0, 0.0]])
    expected = target.answers(logits)
    probabilities = expected["probabilities"].copy()
    probabilities[3, 2] += 0.25
    got = {"label": np.array(["b", "b", "c", "unknown"]), "probabilities": probabilities}
    assert expected["label"].tolist() == ["a", "b", "b", "a"]
    max_difference, different_labels, tied_labels = target.difference(expected, got)
    assert (max_difference, different_labels, tied_labels) == (pytest.approx(0.25, abs=1e-6), 2, 1)
    assert target.difference(expected, expected) == (0.0, 0, 0)


@dataclass(frozen=True)
class QuantityTarget:
    """A target of another type: one number, the network's only output times a scale."""

    scale: float
    n_outputs: int = 1
    graph_outputs: tuple[GraphOutput, ...] = (GraphOutput("value", "float32", ("N", 1)),)

    def schema(self) -> dict[str, Any]:
        return {"scale": self.scale}

    def answers(self, outputs: np.ndarray) -> Answers:
        return {"value": (outputs * self.scale).astype(np.float32)}

    def clear_rows(self, answers: Answers) -> np.ndarray:
        return np.ones(len(answers["value"]), bool)

    def self_test(self, answers: Answers) -> dict[str, Any]:
        return {"values": answers["value"].ravel().tolist()}

    def difference(self, expected: Answers, got: Answers) -> Difference:
        return Difference(float(np.abs(expected["value"] - got["value"]).max(initial=0.0)), 0, 0)


@pytest.mark.parametrize("used", [True, False])
def test_another_target_needs_only_itself_and_its_nodes(
    make_child: Any, monkeypatch: pytest.MonkeyPatch, used: bool
) -> None:
    target = QuantityTarget(4.0)
    columns = [NumericColumn("x", 0.5, (0.0, 1.0), True), CategoricalColumn("y", ("a", "b"))]
    columns = columns if used else [NumericColumn("x", 0.5, (), False)]
    with pytest.raises(TypeError, match="target must be a ClassTarget"):
        make_child(*columns, target=target)
    monkeypatch.setattr(child_module, "Target", ClassTarget | QuantityTarget)
    child = make_child(*columns, target=target)
    with pytest.raises(TypeError, match="must know the target, however: QuantityTarget"):
        to_onnx(child)

    def quantity(g: Any, target: QuantityTarget, x: Any, weight: np.ndarray, bias: np.ndarray) -> tuple[Any]:
        return (g.gemm(x, weight * np.float32(target.scale), bias * np.float32(target.scale)),)

    monkeypatch.setattr(graph_module, "target_answers", quantity)
    model = to_onnx(child)
    output = model.graph.output[0]
    assert (len(model.graph.output), output.name, output.type.tensor_type.elem_type) == (1, "value", TensorProto.FLOAT)
    metadata = {entry.key: json.loads(entry.value) for entry in model.metadata_props if entry.value.startswith("{")}
    assert metadata["mothernet.schema"]["scale"] == 4.0 and "classes" not in metadata["mothernet.schema"]
    assert len(metadata["mothernet.self_test"]["values"]) == 8
    cells = np.array([["a"], ["b"], ["?"]], object)[:, : len(columns) - 1]
    parity = check_export(model, child, [[0.3], [np.nan], [9.0]], cells)
    assert parity.ok and len(parity.comparisons) == 2
