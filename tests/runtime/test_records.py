"""Rows as dicts: the fast way reads what the slow ones read, or leaves it to them."""

import datetime
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mothernet_runtime import CellError, load
from mothernet_runtime.cells import CategoryRule, DateRule, NumberRule
from mothernet_runtime.dates import DATE_PARTS, date_part, date_part_of_cell
from mothernet_runtime.rows import RowReader
from mothernet_runtime.schema import Column, Input

NUMBERS = [
    Column("plain", NumberRule(), (Input("numeric", 0),)),
    Column("stamp", NumberRule(), (Input("numeric", 1, offset=1.7e9),)),
    Column("flag", NumberRule(boolean=True, missing=("no",)), (Input("numeric", 2),)),
    Column("price", NumberRule(",", ".", "€", percent=True, missing=("-1", "?")), (Input("numeric", 3),)),
    Column("marked", NumberRule(missing=("-999", "inf")), (Input("numeric", 4),)),
]
TEXTS = [
    Column("city", CategoryRule(missing=("?",)), (Input("categorical", 0),), True, True, ("", "Bern", "é")),
    Column("code", CategoryRule(integers=True), (Input("categorical", 1),), True, False, ("3", "True")),
]
DAY = Column("day", DateRule("dmy"), tuple(Input("numeric", 5 + k, part) for k, part in enumerate(DATE_PARTS)))
READER = RowReader([*NUMBERS, *TEXTS])
NUMBER_CELLS = st.one_of(
    st.floats(),
    st.integers(),
    st.sampled_from([10**400, -(10**400), 3.5e38, True, False, None, np.float32(0.1), np.int64(7), b"2", math.nan]),
    st.sampled_from(
        ["", "1", "-0", " 2.5\t", "-1", " -999 ", "-999", "inf", "yes", "No", "no", "TRUE", "?", "1_0", "1\x1c"]
    ),
    st.sampled_from(["1.234,5", "€ 3", "(7)", "5%", "1e400", "nan", "-nan", "NA", "x", "１", "1,5", "0x1", "\ud800"]),
    st.text(max_size=3),
    st.floats().map(repr),
)
TEXT_CELLS = st.one_of(
    st.sampled_from(
        ["Bern", " Bern ", "e\u0301", "é", "3", "03", 3, 3.0, True, None, math.nan, "?", "NA", "", b"Bern"]
    ),
    st.text(max_size=3),
    st.integers(),
)
RECORDS = st.fixed_dictionaries(
    {column.name: NUMBER_CELLS for column in NUMBERS} | {column.name: TEXT_CELLS for column in TEXTS}
)


def outcome(rows):
    """What the reader makes of rows: bytes and texts, or its complaint."""
    try:
        _, inputs = READER.read(rows)
    except CellError as error:
        return error.column, str(error)
    numeric = inputs["numeric"]
    assert numeric.dtype == np.float32
    return np.where(np.isnan(numeric), None, numeric.view(np.int32)).tolist(), inputs["categorical"].tolist()


@given(RECORDS)
def test_a_dict_is_read_as_a_table_of_it_is(record):
    slow = outcome({name: np.array([cell] * 17 + [None], object)[:17] for name, cell in record.items()})
    one, few = outcome(record), outcome([record])
    assert one == few
    if isinstance(slow[0], str):  # the first of several complaints may be another column's
        assert isinstance(one[0], str)
    else:
        assert one == (slow[0][:1], slow[1][:1])


PLAIN_READER = RowReader([Column(name, NumberRule(), (Input("numeric", k),)) for k, name in enumerate("abc")])


@given(st.tuples(*[st.floats().map(repr) | st.text("0123456789.-eE_ \t\x1c１", max_size=4)] * 3))
def test_texts_of_numbers_are_read_as_their_rule_reads_them(cells):
    numbers = [NumberRule().read_text(cell) for cell in cells]
    with np.errstate(over="ignore"):
        expected = None if None in numbers else [np.array(numbers, np.float64).astype(np.float32).tolist()]
    try:
        found = PLAIN_READER.read(dict(zip("abc", cells, strict=True)))[1]["numeric"].tolist()
    except CellError:
        found = None
    assert repr(found) == repr(expected)


@pytest.mark.parametrize("cell", [[1.0], np.zeros(2), (1,), {"a": 1}])
def test_a_column_among_cells_is_refused(cell):
    record = {column.name: None for column in [*NUMBERS, *TEXTS]} | {"plain": cell}
    with pytest.raises(ValueError, match="columns must be equally long"):
        READER.read(record)


def test_ignored_columns_may_be_in_a_dict_or_not(typed_path):
    reader = load(typed_path)._reader
    cells = {"price": 1, "smoker": True, "day": "2.1.1970", "code": 3, "stamp": 1.7e9, "share": "5%"}
    with_id = {"id": "x", **cells}
    expected, found = reader.read(cells)[1], reader.read(with_id)[1]
    assert all(np.array_equal(expected[name], found[name]) for name in expected)
    with pytest.raises(ValueError, match="'ID' is unknown to the model"):
        reader.read({"ID": "x", **cells})


def test_numbers_beyond_float32_are_infinite_without_a_warning(recwarn):
    record = {column.name: None for column in [*NUMBERS, *TEXTS]} | {"plain": 1e39, "stamp": -(10**400)}
    assert READER.read(record)[1]["numeric"][0, :2].tolist() == [math.inf, -math.inf]
    assert not recwarn.list


def test_parts_of_one_date_are_those_of_a_column():
    reader = RowReader([*NUMBERS, *TEXTS, DAY])
    blank = {column.name: None for column in [*NUMBERS, *TEXTS]}
    days = ["17.5.2024 23:59:59.25", "1969-12-31T01:02", None, datetime.date(2000, 2, 29), "1.1.0001"]
    records = [blank | {"day": day} for day in days]
    one_by_one = np.concatenate([reader.read(record)[1]["numeric"] for record in records])
    assert np.array_equal(one_by_one, reader.read(records * 5)[1]["numeric"][: len(days)], equal_nan=True)


@given(st.floats(-62_200_000_000, 253_500_000_000) | st.just(math.nan), st.sampled_from(DATE_PARTS))
def test_a_part_of_one_cell_is_that_of_an_array(seconds, part):
    expected = float(date_part(np.array([seconds]), part)[0])
    found = date_part_of_cell(seconds, part)
    assert found == expected or (math.isnan(found) and math.isnan(expected))
