"""The child record: what it accepts, and what it refuses in which words."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from mothernet_export import CategoricalColumn, ChildNetwork, ClassTarget, IgnoredColumn, NumericColumn
from mothernet_runtime.cells import CategoryRule, DateRule, IgnoredRule, NumberRule


def test_the_record_is_frozen_and_its_arrays_are_copies(mixed_child: ChildNetwork) -> None:
    weight = np.ones((5, 3))
    child = replace(mixed_child, output_weight=weight)
    with pytest.raises(FrozenInstanceError):
        child.versions = {}  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        child.output_weight[0, 0] = 2.0
    weight[:] = 0.0
    assert (child.output_weight == 1.0).all()
    assert child.output_weight.dtype == np.float32


def test_records_are_equal_when_all_fields_are_and_survive_pickling(mixed_child: ChildNetwork) -> None:
    assert pickle.loads(pickle.dumps(mixed_child)) == mixed_child
    assert replace(mixed_child, first_bias=mixed_child.first_bias + 1) != mixed_child
    assert replace(mixed_child, versions={"torch": "0"}) != mixed_child
    assert mixed_child != "something else"


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
        ({"offset": float("inf")}, ValueError, "offset of column 'x' must be finite, however: inf"),
        ({"part": "days"}, ValueError, "part of column 'x' must be 'value' to fit its rule, however: 'days'"),
        (
            {"rule": DateRule()},
            ValueError,
            "'days' or 'month' or 'weekday' or 'hour' to fit its rule, however: 'value'",
        ),
        ({"rule": CategoryRule()}, TypeError, "rule of column 'x' must be a NumberRule or DateRule, however: Category"),
        (
            {"rule": NumberRule(",", ",")},
            ValueError,
            "as FORMAT.md demands, however: 'decimal' and 'group' of the column must differ",
        ),
        ({"rule": NumberRule(",", boolean=True)}, ValueError, "one that the schema can hold, however: NumberRule"),
        ({"rule": NumberRule(affix="\ud800")}, ValueError, "valid Unicode"),
        ({"rule": NumberRule(missing=("a\0",))}, ValueError, "NUL character"),
        ({"rule": NumberRule(missing=(" a",))}, ValueError, "trimmed strings"),
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
        ((" a",), ValueError, "as its rule writes them, however: ' a' is read as 'a'. Use rule.read"),
        (("e\u0301",), ValueError, "as its rule writes them"),
        (("NA",), ValueError, "however: 'NA' is read as ''"),
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
        ({"columns": ()}, ValueError, "at least one that is not ignored, however: none"),
        ({"columns": (IgnoredColumn("x"),)}, ValueError, "at least one that is not ignored, however: all are ignored"),
        ({"columns": ("x",)}, TypeError, "must be NumericColumn, CategoricalColumn or IgnoredColumn, however: 'x'"),
        ({"columns": (CategoricalColumn("x", ()), CategoricalColumn("x", ()))}, ValueError, "'x' comes twice"),
        ({"target": ClassTarget(("a", "b"))}, ValueError, r"shape \(H, C\).*C = 2 for this target.*\(5, 3\)"),
        ({"target": ("a", "b", "c")}, TypeError, r"must be a ClassTarget.*Write ClassTarget\(classes\)"),
        ({"output_weight": np.ones(3)}, ValueError, r"however: \(3,\)"),
        ({"first_weight": np.ones((2, 2))}, ValueError, r"\(D, H \+ C\) = \(11, 8\).*however: \(2, 2\)"),
        ({"first_bias": np.ones(3)}, ValueError, r"\(H \+ C,\) = \(8,\), however: \(3,\)"),
        ({"first_bias": np.full(8, 1e39)}, ValueError, "first_bias must be finite as float32, however: 8 values"),
        ({"versions": {"torch": 2}}, TypeError, r"versions\['torch'\] must be a string, however: 2"),
    ],
)
def test_a_network_that_does_not_fit_together_is_refused(
    mixed_child: ChildNetwork, fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        replace(mixed_child, **fields)


@pytest.mark.parametrize("rule", [NumberRule(), IgnoredRule(), "category"])
def test_a_categorical_column_has_a_rule_of_categories(rule: Any) -> None:
    with pytest.raises(TypeError, match="rule of column 'x' must be a CategoryRule, however: "):
        CategoricalColumn("x", (), rule)


def test_an_ignored_column_has_a_name_and_no_inputs() -> None:
    assert IgnoredColumn("x").n_inputs == 0
    with pytest.raises(TypeError, match="the name of a column must be a string, however: 3"):
        IgnoredColumn(3)  # type: ignore[arg-type]


def date(part: Any, name: str = "d", rule: DateRule | None = None) -> NumericColumn:
    return NumericColumn(name, 0.0, (), False, rule=rule or DateRule("dmy"), part=part)


def test_raw_columns_are_dates_with_all_their_parts_or_single_columns(make_child: Any) -> None:
    day, month, hour, x = date("days"), date("month"), date("hour", "e"), CategoricalColumn("x", ("a",))
    child = make_child(IgnoredColumn("row"), day, month, hour, x)
    assert child.raw_columns == ((IgnoredColumn("row"),), (day, month), (hour,), (x,))
    assert (child.numeric_columns, child.categorical_columns) == ((day, month, hour), (x,))


@pytest.mark.parametrize(
    "columns",
    [
        (date("days"), date("days")),
        (date("days"), date("month", rule=DateRule("mdy"))),
        (date("days"), IgnoredColumn("x"), date("month")),
        (date("days"), CategoricalColumn("d", ())),
        (date("days"), IgnoredColumn("d")),
        (NumericColumn("d", 0.0, (), False), NumericColumn("d", 0.0, (), False)),
    ],
)
def test_a_name_comes_twice_only_for_different_parts_of_one_date(make_child: Any, columns: Any) -> None:
    with pytest.raises(ValueError, match=r"but for the parts of one date.*however: 'd' comes twice"):
        make_child(*columns)
