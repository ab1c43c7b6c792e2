"""The child record: what it accepts, what it refuses and in which words, and the text form of cells."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mothernet_export import CategoricalColumn, ChildNetwork, NumericColumn, categorical_text, categorical_texts


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (np.float32("nan"), ""),
        (pd.NA, ""),
        (pd.NaT, ""),
        (np.datetime64("NaT"), ""),
        ("", ""),
        ("NaN", "NaN"),
        (np.str_("x"), "x"),
        (" 3.0 ", " 3.0 "),
        (True, "True"),
        (np.bool_(False), "False"),
        (3, "3"),
        (np.int64(-7), "-7"),
        (3.0, "3"),
        (-0.0, "0"),
        (np.float32(3.0), "3"),
        (1e22, "10000000000000000000000"),
        (0.1, "0.1"),
        (np.float64(1e-7), "1e-07"),
        (np.float32(0.1), "0.10000000149011612"),
        (float("-inf"), "-inf"),
        (Decimal("2.50"), "2.50"),
    ],
)
def test_text_form_of_a_cell(value: object, text: str) -> None:
    assert categorical_text(value) == text
    assert type(categorical_text(value)) is str


def test_a_column_has_the_text_forms_of_its_cells() -> None:
    assert categorical_texts(pd.Series([1, None, 2], dtype="Int64")) == ["1", "", "2"]
    assert categorical_texts(pd.Series([1, None, 2])) == ["1", "", "2"]
    assert categorical_texts(pd.Series(["b", None], dtype="category")) == ["b", ""]
    assert categorical_texts(np.array([True, False])) == ["True", "False"]
    assert categorical_texts(np.array(["a", "b"])) == ["a", "b"]


def test_the_record_is_frozen_and_its_arrays_are_copies(mixed_child: ChildNetwork) -> None:
    weight = np.ones((5, 3))
    child = replace(mixed_child, output_weight=weight)
    with pytest.raises(FrozenInstanceError):
        child.activation = "relu"  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        child.output_weight[0, 0] = 2.0
    weight[:] = 0.0
    assert (child.output_weight == 1.0).all()
    assert child.output_weight.dtype == np.float32


def test_records_are_equal_when_all_fields_are_and_survive_pickling(mixed_child: ChildNetwork) -> None:
    assert pickle.loads(pickle.dumps(mixed_child)) == mixed_child
    assert replace(mixed_child, first_bias=mixed_child.first_bias + 1) != mixed_child
    assert replace(mixed_child, activation="relu") != mixed_child
    assert mixed_child != "something else"


def test_a_column_without_rows_is_accepted_and_ignored(
    mixed_child: ChildNetwork, mixed_rows: tuple[np.ndarray, np.ndarray]
) -> None:
    numeric, categorical = mixed_rows
    expected = mixed_child.predict_logits(numeric, categorical)
    other_numeric, other_categorical = numeric.copy(), categorical.copy()
    other_numeric[:, 1], other_categorical[:, 1] = 99.0, "never seen"
    np.testing.assert_array_equal(mixed_child.predict_logits(other_numeric, other_categorical), expected)


def test_numbers_beyond_float32_saturate_like_infinities(mixed_child: ChildNetwork) -> None:
    cells = np.full((2, 3), "", object)
    got = mixed_child.predict_logits([[1e300, 0, -1e300], [np.inf, 0, -np.inf]], cells)
    np.testing.assert_array_equal(got[0], got[1])


def test_chunks_do_not_change_the_answer(mixed_child: ChildNetwork, mixed_rows: Any) -> None:
    numeric, categorical = np.tile(mixed_rows[0], (2001, 1)), np.tile(mixed_rows[1], (2001, 1))
    got = mixed_child.predict_proba(numeric, categorical)
    np.testing.assert_allclose(got, np.tile(mixed_child.predict_proba(*mixed_rows), (2001, 1)), atol=1e-6)


def test_an_input_may_be_left_out_only_if_the_table_has_no_such_columns(make_child: Any) -> None:
    child = make_child(NumericColumn("x", 0.0, (0.0, 1.0), False))
    assert child.predict_proba([[0.5]]).shape == (1, 2)
    assert child.predict_proba([[0.5]], np.empty((1, 0))).shape == (1, 2)
    with pytest.raises(ValueError, match=r"numeric must have shape \(N, 1\), however: it was not given"):
        child.predict_proba(categorical=[["x"]])
    with pytest.raises(ValueError, match=r"numeric must have shape \(N, 1\), however: \(1, 2\)"):
        child.predict_proba([[0.5, 1.0]])
    with pytest.raises(ValueError, match=r"categorical must have shape \(N, 0\), however: \(1, 1\)"):
        child.predict_proba([[0.5]], [["x"]])


def test_inputs_of_different_lengths_are_refused(mixed_child: ChildNetwork) -> None:
    with pytest.raises(ValueError, match="equally many rows, however: 2 and 1"):
        mixed_child.predict_proba(np.zeros((2, 3)), np.full((1, 3), ""))


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"name": 3}, TypeError, "the name of a column must be a string, however: 3"),
        ({"name": "a\0b"}, ValueError, "NUL character"),
        ({"centre": float("nan")}, ValueError, "centre of column 'x' must be finite as float32, however: nan"),
        ({"centre": 1e39}, ValueError, "finite as float32"),
        ({"knots": (1.0,)}, ValueError, "none or at least two"),
        ({"knots": (0.0, 0.1)}, ValueError, "float32 holds exactly, however: 0.1"),
        ({"knots": (0.0, float("inf"))}, ValueError, "however: inf"),
        ({"knots": (1.0, 1.0)}, ValueError, "strictly increasing, however: 1.0 before 1.0"),
        ({"knots": (2.0, 1.0)}, ValueError, "strictly increasing"),
        ({"knots": (0.0, 2.0**-149)}, ValueError, "Merge them or rescale"),
        ({"knots": (-(2.0**127), 2.0**127)}, ValueError, "Merge them or rescale"),
    ],
)
def test_a_numeric_column_that_cannot_be_evaluated_is_refused(
    fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    valid: dict[str, Any] = {"name": "x", "centre": 0.0, "knots": (0.0, 1.0), "missing_indicator": False}
    with pytest.raises(error, match=message):
        NumericColumn(**valid | fields)


@pytest.mark.parametrize(
    ("categories", "error", "message"),
    [
        (("a", "b", "a"), ValueError, "must differ, however: 'a' comes twice"),
        (("a", None), TypeError, "a category of column 'x' must be a string, however: None"),
        (("a\0",), ValueError, r"NUL character, which ends a C string, however: 'a\\x00'. Remove it"),
        (("\ud800",), ValueError, "valid Unicode"),
        ("abc", TypeError, "must be a tuple of strings, however: one string"),
    ],
)
def test_a_categorical_column_that_cannot_be_stored_is_refused(
    categories: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        CategoricalColumn("x", categories)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"columns": ()}, ValueError, "at least one column"),
        ({"columns": ("x",)}, TypeError, "must be NumericColumn or CategoricalColumn, however: 'x'"),
        ({"columns": (CategoricalColumn("x", ()), CategoricalColumn("x", ()))}, ValueError, "'x' comes twice"),
        ({"classes": ("a",)}, ValueError, r"at least two, however: \('a',\)"),
        ({"classes": ("a", 1)}, TypeError, r"one Python type.*\['int', 'str'\]"),
        ({"classes": (0, True)}, TypeError, r"one Python type.*\['bool', 'int'\]"),
        ({"classes": (np.int64(0), np.int64(1))}, TypeError, r"Use array.tolist\(\)"),
        ({"classes": ("b", "a")}, ValueError, "sorted and differ, however: 'b' before 'a'"),
        ({"classes": ("a", "a")}, ValueError, "sorted and differ"),
        ({"classes": (0.5, float("nan"))}, ValueError, "finite"),
        ({"classes": (0, 2**63)}, ValueError, "64 bits"),
        ({"classes": ("a", "b\0")}, ValueError, "NUL"),
        ({"classes": ("a", "b")}, ValueError, r"output_weight must have shape \(H, C\).*C = 2 classes.*\(5, 3\)"),
        ({"output_weight": np.ones((0, 3))}, ValueError, "H >= 1"),
        ({"output_weight": np.ones(3)}, ValueError, r"however: \(3,\)"),
        ({"first_weight": np.ones((2, 2))}, ValueError, r"\(R, H \+ C\) = \(11, 8\).*however: \(2, 2\)"),
        ({"first_bias": np.ones(3)}, ValueError, r"\(H \+ C,\) = \(8,\), however: \(3,\)"),
        ({"first_bias": np.full(8, 1e39)}, ValueError, "first_bias must be finite as float32, however: 8 values"),
        ({"activation": "gelu"}, ValueError, "'tanh' or 'relu', however: 'gelu'"),
        ({"versions": {"torch": 2}}, TypeError, r"versions\['torch'\] must be a string, however: 2"),
    ],
)
def test_a_network_that_does_not_fit_together_is_refused(
    mixed_child: ChildNetwork, fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        replace(mixed_child, **fields)
