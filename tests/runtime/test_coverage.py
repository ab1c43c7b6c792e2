"""Warnings about columns whose cells the model does not know, or that are all missing."""

import doctest
import warnings

import mothernet_runtime.coverage
import mothernet_runtime.describe
import numpy as np
import pytest
from mothernet_runtime import load
from mothernet_runtime.cells import CategoryRule, DateRule, NumberRule
from mothernet_runtime.coverage import Coverage
from mothernet_runtime.describe import described
from mothernet_runtime.schema import Column, Input

CITY = Column("city", CategoryRule(), (Input("categorical", 0),), True, True, ("", "Bern"))
CODE = Column("code", CategoryRule(), (Input("categorical", 1),), True, False, ("1", "2"))
UNUSED = Column("unused", CategoryRule(), (Input("categorical", 2),), False, False)
AGE = Column("age", NumberRule(), (Input("numeric", 0),), True, False)
FARE = Column("fare", NumberRule(), (Input("numeric", 1),), True, True)


def coverage_of(cities, codes=None, ages=None):
    n = len(cities)
    codes, ages = codes or ["1"] * n, ages or [1.0] * n
    coverage = Coverage([CITY, CODE, UNUSED, AGE, FARE])
    categorical = np.array([cities, codes, ["x"] * n], object).T
    coverage.add({"categorical": categorical, "numeric": np.array([ages, [np.nan] * n], np.float32).T})
    return coverage


@pytest.mark.parametrize("cities", [["Bern"] * 9, ["x"] * 4, ["x"] * 5 + ["Bern"] * 5, [""] * 9, []])
def test_known_cells_and_few_odd_ones_are_no_complaint(cities):
    assert coverage_of(cities).complaint() == ""


def test_mostly_unknown_categories_are_a_complaint_with_share_and_examples():
    complaint = coverage_of(["a", "b", "a", "c", "d", "Bern"] * 200).complaint()
    assert complaint == (
        "1,000 of 1,200 cells of column 'city' (83%) are categories that the model does not know, "
        "such as 'a', 'b', 'c'. Such cells say little to the model: check that the rows are written as in training."
    )


def test_column_that_is_all_missing_is_a_complaint_if_it_was_complete():
    complaint = coverage_of([""] * 5, [""] * 5, [np.nan] * 5).complaint()
    assert "all 5 cells of column 'code' are missing; in training none was" in complaint
    assert "all 5 cells of column 'age' are missing" in complaint
    assert "'city'" not in complaint and "'fare'" not in complaint and "categories" not in complaint
    assert coverage_of([""] * 5, ["", "", "", "", "1"], [np.nan] * 4 + [0]).complaint() == ""


def test_parts_of_a_table_count_together():
    coverage = coverage_of(["x"] * 4, ages=[np.nan] * 4)
    assert coverage.complaint() == ""
    coverage.add(
        {"categorical": np.array([["y", "3", ""]] * 3, object), "numeric": np.full((3, 2), np.nan, np.float32)}
    )
    assert coverage.n_rows == 7
    assert coverage.unseen == {"city": 7, "code": 3}
    assert "7 of 7 cells of column 'city'" in coverage.complaint() and "'age'" in coverage.complaint()
    coverage.add({"categorical": np.array([["Bern", "1", ""]] * 9, object), "numeric": np.zeros((9, 2), np.float32)})
    assert coverage.complaint() == ""


def test_examples_and_columns_in_a_message_are_few_and_short():
    columns = [Column(f"c{i}", CategoryRule(), (Input("categorical", i),), True, True, ("", "a")) for i in range(50)]
    coverage = Coverage(columns)
    coverage.add({"categorical": np.array([["x" * 10**5] * 50] * 9, object)})
    assert len(coverage.complaint()) < 1500
    assert "45 more columns are like that" in coverage.complaint()


@pytest.fixture
def path(write_model):
    return write_model(categories=("Bern", "Rome"))[0]


ODD_ROWS = [{"x": 1.0, "y": 2.0, "city": f"c{i}", "code": "Bern"} for i in range(10)]
MESSAGE = "10 of 10 cells of column 'city' .100%. are categories that the model does not know, such as 'c0', 'c1', 'c2'"


def test_model_warns_once(path):
    model = load(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(ODD_ROWS[0])
        model.predict(ODD_ROWS[:4])
        model.count_unseen(ODD_ROWS)
        model.predict_both(ODD_ROWS, coverage=model.coverage())
    with pytest.warns(UserWarning, match=MESSAGE) as caught:
        expected = model.predict_proba(ODD_ROWS)
    assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(model.predict_proba(ODD_ROWS), expected)


def test_model_can_refuse_or_be_quiet(path):
    model = load(path, on_unseen="error")
    for predict in (model.predict, model.predict_proba, model.predict_both):
        with pytest.raises(ValueError, match=MESSAGE):
            predict(ODD_ROWS)
    assert model.predict(ODD_ROWS[0]).shape == (1,)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(path, on_unseen="ignore").predict(ODD_ROWS)
    with pytest.raises(ValueError, match="on_unseen must be 'warn', 'error' or 'ignore', however: 'never'"):
        load(path, on_unseen="never")


def test_columns_are_described_in_words():
    date = Column("day", DateRule("dmy", ("-",)), (Input("numeric", 0, "days"), Input("numeric", 1, "hour")))
    assert described(date) == ["day, month, year", "missing where '-'", "as days, hour"]
    assert described(CITY) == ["2 categories", "missing in training"]
    assert described(UNUSED) == ["not used"]


@pytest.mark.parametrize("module", [mothernet_runtime.coverage, mothernet_runtime.describe])
def test_docstring_examples_run(module):
    result = doctest.testmod(module)
    assert result.attempted > 0 and result.failed == 0
