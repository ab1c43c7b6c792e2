"""Registration, options and operator sets of the converter, and labels of every type."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mothernet_export import skl2onnx_converter
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mothernet import MotherNetClassifier

sys.path.insert(0, str(Path(__file__).parent))

from converted import TOLERANCE, assert_equal, converted, run

X, y = load_iris(return_X_y=True)
LABELS = {
    "integers": (y * 7 - 3, [-3, 4, 11]),
    "texts": (np.array(["setosa", "versicolor", "virginica"])[y], ["setosa", "versicolor", "virginica"]),
    "whole floats": (y * 2.0, [0, 2, 4]),
    "booleans": (y == 1, [0, 1]),
    "two texts": (np.where(y == 1, "yes", "no"), ["no", "yes"]),
}


def fitted(labels, **parameters):
    return MotherNetClassifier(width=16, **parameters).fit(X, labels)


@pytest.fixture(scope="module")
def iris():
    return fitted(y)


@pytest.fixture(scope="module", params=LABELS)
def labelled(request):
    """A model, and its classes as skl2onnx writes them for every classifier."""
    labels, expected = LABELS[request.param]
    return fitted(labels), expected


def test_labels_are_those_of_skl2onnx(labelled):
    model, classes = labelled
    assert_equal(converted(model, X[:1]), model, X, labels=classes)


def test_nocl_gives_the_number_of_the_class(labelled):
    model, classes = labelled
    file = converted(model, X[:1], options={"zipmap": False, "nocl": True})
    assert_equal(file, model, X, labels=range(len(classes)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_zipmap_gives_a_dict_per_row(labelled, dtype):
    model, classes = labelled
    label, dicts = run(converted(model, X[:1].astype(dtype), options=None), X)  # skl2onnx's default
    assert list(dicts[0]) == classes
    probabilities = np.array([[row[each] for each in classes] for row in dicts])
    assert np.abs(probabilities - model.predict_proba(X)).max() < TOLERANCE
    assert label.tolist() == np.array(classes)[probabilities.argmax(axis=1)].tolist()


def test_zipmap_columns_gives_an_output_per_class(labelled):
    model, classes = labelled
    file = converted(model, X[:1], options={"zipmap": "columns"})
    label, *columns = run(file, X)
    assert len(columns) == len(classes) and label.shape == (len(X),)
    assert np.abs(np.stack(columns, axis=1) - model.predict_proba(X)).max() < TOLERANCE


def test_class_labels_are_an_output_if_asked_for():
    model = fitted(LABELS["texts"][0])
    outputs = run(converted(model, X[:1], options={"zipmap": False, "output_class_labels": True}), X)
    assert outputs[2].tolist() == LABELS["texts"][1]


def test_raw_scores_and_unknown_options_are_refused(iris):
    for option in ("raw_scores", "decision_path"):
        with pytest.raises(NameError, match=f"Option '{option}' not in"):
            converted(iris, X[:1], options={id(iris): {option: True}})
    with pytest.raises(ValueError, match="option 'zipmap'"):
        converted(iris, X[:1], options={"zipmap": "rows"})


@pytest.mark.parametrize(
    "target", [13, 17, 21, {"": 15}, {"": 17, "ai.onnx.ml": 2}, {"": 18, "ai.onnx.ml": 3}, {"": 21, "ai.onnx.ml": 4}]
)
def test_operator_sets_are_no_newer_than_asked_for(iris, target):
    file = converted(make_pipeline(StandardScaler(), iris).fit(X, y), X[:1], target_opset=target)
    limits = {"": target} if isinstance(target, int) else target
    for each in file.opset_import:
        assert each.version <= limits.get(each.domain, each.version)
    assert {each.domain: each.version for each in file.opset_import}[""] == limits[""]
    assert file.ir_version <= (8 if limits[""] <= 18 else 10)


@pytest.mark.parametrize("target", [12, {"": 9}, {"": 17, "ai.onnx.ml": 1}])
def test_operator_sets_that_are_too_old_are_refused(iris, target):
    with pytest.raises(ValueError, match=r"target_opset must be at least (13|2) in the domain ai.onnx"):
        converted(iris, X[:1], target_opset=target)


def test_black_lists_are_obeyed(iris):
    with pytest.raises(RuntimeError, match="'Gemm' is black listed"):
        converted(iris, X[:1], black_op={"Gemm"})


def test_convert_sklearn_and_names_of_outputs(iris):
    types = [("measures", FloatTensorType([None, 4]))]
    outputs = [("species", None), ("scores", None)]
    file = convert_sklearn(iris, initial_types=types, options={"zipmap": False}, final_types=outputs)
    assert [each.name for each in file.graph.output] == ["species", "scores"]
    assert_equal(file, iris, X.astype(np.float32))


def test_a_subclass_is_registered_by_itself():
    class Ours(MotherNetClassifier):
        pass

    model = Ours(width=8).fit(X, y)
    with pytest.raises(RuntimeError):
        converted(model, X[:1])
    skl2onnx_converter.register(Ours)
    skl2onnx_converter.register(Ours)
    assert_equal(converted(model, X[:1]), model, X)


def test_an_unfitted_classifier_is_an_error():
    with pytest.raises(TypeError, match=r"MotherNetClassifier\. Call fit first"):
        converted(MotherNetClassifier(), X[:1])


def test_the_exporter_imports_neither_skl2onnx_nor_mothernet_before_it_is_asked():
    code = """
import sys
import mothernet_export.skl2onnx_converter as converter
assert not {"skl2onnx", "mothernet", "sklearn"} & set(sys.modules)
sys.modules["skl2onnx"] = None
converter.register()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (
        "ImportError: the converter for skl2onnx needs skl2onnx, which is not installed. Run: pip install"
        in done.stderr
    )
