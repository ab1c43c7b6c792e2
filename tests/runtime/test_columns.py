"""One column through every door that callers have: the same answer, or a clear error."""

import datetime
import decimal
import doctest
import math

import mothernet_runtime.columns
import numpy as np
import pandas
import pytest
from mothernet_runtime.cells import CategoryRule, DateRule, IgnoredRule, NumberRule
from mothernet_runtime.columns import CellError, column_cells, read_column

pyarrow = pytest.importorskip("pyarrow")

NUMBER, BOOLEAN, DATE, CATEGORY = NumberRule(), NumberRule(boolean=True), DateRule(), CategoryRule(integers=True)
UTC = datetime.timezone.utc


def polars_series(cells, dtype=None):
    polars = pytest.importorskip("polars")
    return polars.Series("x", cells, dtype=getattr(polars, dtype) if isinstance(dtype, str) else dtype, strict=False)


def read(rule, column):
    values = read_column("x", rule, column)
    assert isinstance(values, np.ndarray) and values.ndim == 1
    assert values.dtype == (object if isinstance(rule, CategoryRule) else np.float64)
    return [None if isinstance(value, float) and math.isnan(value) else value for value in values.tolist()]


FLOATS = [1.5, None, -2.0, 1e300]
INTEGERS = [3, None, -1, 2**53 + 1]
TEXTS = ["3", None, " 0.5", "NA"]
MOMENTS = [datetime.datetime(2024, 1, 5, 10, 20, 30), None, datetime.datetime(1969, 12, 31, 23, 59, 59, 500_000)]
DAYS = [datetime.date(2024, 1, 5), None, datetime.date(1900, 2, 28)]
SECONDS = [1704450030.0, None, -0.5]
DAY_SECONDS = [1704412800.0, None, -2203977600.0]


def nan(cells):
    return [math.nan if cell is None else cell for cell in cells]


def masked(cells, dtype):
    mask = [cell is None for cell in cells]
    return np.ma.array(
        [cells[0] if hidden else cell for cell, hidden in zip(cells, mask, strict=True)], dtype, mask=mask
    )


def arrow(cells, arrow_type=None):
    return pyarrow.array(cells, arrow_type)


def chunked(cells, arrow_type=None):
    return pyarrow.chunked_array([arrow(cells[:1], arrow_type), arrow(cells[1:], arrow_type)])


FLOAT_DOORS = {
    "list": lambda: FLOATS,
    "tuple": lambda: tuple(FLOATS),
    "NaN": lambda: nan(FLOATS),
    "array": lambda: np.array(nan(FLOATS)),
    "strided": lambda: np.repeat(nan(FLOATS), 2)[::2],
    "masked": lambda: masked(FLOATS, float),
    "objects": lambda: np.array(FLOATS, object),
    "texts": lambda: ["1.5", "", "-2", "1e300"],
    "<U": lambda: np.array(["1.5", "nan", "-2", "1e300"]),
    "bytes": lambda: np.array([b"1.5", b"", b" -2", b"1e300"]),
    "strings of NumPy 2": lambda: np.array(["1.5", "", "-2", "1e300"], np.dtypes.StringDType()),
    "decimals": lambda: [decimal.Decimal("1.5"), None, decimal.Decimal(-2), decimal.Decimal("1e300")],
    "mixed": lambda: ["1.5", pandas.NA, -2, np.float64(1e300)],
    "Series": lambda: pandas.Series(nan(FLOATS), index=[7, 7, 1, 0]),
    "Float64": lambda: pandas.Series(FLOATS, dtype="Float64"),
    "pandas objects": lambda: pandas.Series(FLOATS, dtype=object),
    "pandas strings": lambda: pandas.Series(["1.5", None, "-2", "1e300"]),
    "pandas arrow": lambda: pandas.Series(FLOATS, dtype="double[pyarrow]"),
    "pandas category": lambda: pandas.Series(FLOATS).astype("category"),
    "pandas sparse": lambda: pandas.Series(pandas.arrays.SparseArray(nan(FLOATS))),
    "Index": lambda: pandas.Index(nan(FLOATS)),
    "pandas array": lambda: pandas.array(FLOATS, "Float64"),
    "polars": lambda: polars_series(FLOATS),
    "polars texts": lambda: polars_series(["1.5", None, "-2", "1e300"]),
    "polars decimals": lambda: polars_series([decimal.Decimal("1.5"), None, decimal.Decimal(-2), 10**300])[:3],
    "pyarrow": lambda: arrow(FLOATS),
    "pyarrow chunks": lambda: chunked(FLOATS),
    "pyarrow texts": lambda: arrow(["1.5", None, "-2", "1e300"]),
    "pyarrow large texts": lambda: arrow(["1.5", None, "-2", "1e300"], pyarrow.large_string()),
    "pyarrow bytes": lambda: arrow([b"1.5", None, b"-2", b"1e300"]),
    "pyarrow dictionary": lambda: arrow(FLOATS).dictionary_encode(),
    "pyarrow chunks of a dictionary": lambda: chunked(FLOATS).dictionary_encode(),
    "range": lambda: range(3),
}
EXPECTED = {"range": [0, 1, 2]}


@pytest.mark.parametrize("door", FLOAT_DOORS)
def test_numbers_are_the_same_through_every_door(door):
    expected = EXPECTED.get(door, FLOATS)
    column = FLOAT_DOORS[door]()
    assert read(NUMBER, column) == expected[: len(column)]


INTEGER_DOORS = {
    "list": lambda: INTEGERS,
    "objects": lambda: np.array(INTEGERS, object),
    "masked": lambda: masked(INTEGERS, np.int64),
    "Int64": lambda: pandas.Series(INTEGERS, dtype="Int64"),
    "pandas arrow": lambda: pandas.Series(INTEGERS, dtype="int64[pyarrow]"),
    "pandas category": lambda: pandas.Series(INTEGERS, dtype="Int64").astype("category"),
    "polars": lambda: polars_series(INTEGERS),
    "pyarrow": lambda: arrow(INTEGERS),
    "pyarrow chunks": lambda: chunked(INTEGERS),
    "pyarrow dictionary": lambda: chunked(INTEGERS).dictionary_encode(),
}


@pytest.mark.parametrize("door", INTEGER_DOORS)
def test_integers_keep_all_digits_in_columns_of_categories(door):
    column = INTEGER_DOORS[door]()
    assert read(CATEGORY, column) == ["3", "", "-1", "9007199254740993"]
    assert read(NUMBER, column) == [3.0, None, -1.0, 2.0**53]


@pytest.mark.parametrize(
    "dtype", ["int8", "uint16", "int64", "uint64", "float16", "float32", "bool", ">i4", ">f8", "g"]
)
def test_typed_arrays_of_every_size(dtype):
    array = np.array([1, 0, 1], dtype)
    texts = ["True", "False", "True"] if dtype == "bool" else ["1", "0", "1"]
    for column in (array, pandas.Series(array), array.tolist()) if dtype != "g" else (array,):
        assert read(NUMBER, column) == [1.0, 0.0, 1.0]
        assert read(BOOLEAN, column) == [1.0, 0.0, 1.0]
        assert read(CATEGORY, column) == texts
    if dtype not in ("g", ">i4", ">f8"):
        assert read(NUMBER, arrow(array)) == read(NUMBER, chunked(array)) == [1.0, 0.0, 1.0]
        assert read(CATEGORY, arrow(array)) == texts


def test_float32_has_the_text_of_its_float64_value():
    array = np.array([0.1, 3, np.nan], np.float32)
    expected = ["0.10000000149011612", "3", ""]
    assert read(CATEGORY, array) == read(CATEGORY, arrow(array)) == read(CATEGORY, list(array)) == expected
    assert read(CATEGORY, pandas.Series(array)) == expected
    assert read(CATEGORY, polars_series([0.1, 3, None], "Float32")) == expected


BOOLEANS = [True, None, False]
BOOLEAN_DOORS = {
    "list": lambda: BOOLEANS,
    "words": lambda: ["yes", None, "FALSE"],
    "numbers": lambda: [1.0, math.nan, 0.0],
    "masked": lambda: masked(BOOLEANS, bool),
    "boolean": lambda: pandas.Series(BOOLEANS, dtype="boolean"),
    "pandas objects": lambda: pandas.Series(BOOLEANS, dtype=object),
    "pandas arrow": lambda: pandas.Series(BOOLEANS, dtype="bool[pyarrow]"),
    "polars": lambda: polars_series(BOOLEANS),
    "pyarrow": lambda: arrow(BOOLEANS),
    "bytes": lambda: np.array([b"T", b"", b"0"]),
}


@pytest.mark.parametrize("door", BOOLEAN_DOORS)
def test_booleans_are_the_same_through_every_door(door):
    assert read(BOOLEAN, BOOLEAN_DOORS[door]()) == [1.0, None, 0.0]


def utc(cells):
    return [cell and cell.replace(tzinfo=UTC) for cell in cells]


def berlin(cells):
    return pandas.Series(pandas.to_datetime(utc(cells))).dt.tz_convert("Europe/Berlin")


MOMENT_DOORS = {
    "list": lambda: MOMENTS,
    "UTC": lambda: utc(MOMENTS),
    "texts": lambda: ["2024-01-05 10:20:30", "", "1969-12-31T23:59:59.5"],
    "bytes": lambda: [b"2024-01-05T11:20:30+01:00", None, b"1969-12-31T23:59:59.50Z"],
    "array": lambda: np.array(MOMENTS, "datetime64[ms]"),
    "nanoseconds": lambda: np.array(MOMENTS, "datetime64[ns]"),
    "masked": lambda: masked(MOMENTS, "datetime64[us]"),
    "objects": lambda: np.array(MOMENTS, object),
    "datetime64 among objects": lambda: np.array([np.datetime64(MOMENTS[0]), None, np.datetime64(MOMENTS[2])], object),
    "Series": lambda: pandas.Series(MOMENTS),
    "Timestamps": lambda: [pandas.Timestamp(MOMENTS[0]), pandas.NaT, pandas.Timestamp(MOMENTS[2])],
    "pandas zone": lambda: berlin(MOMENTS),
    "Index": lambda: pandas.DatetimeIndex(berlin(MOMENTS)),
    "pandas arrow": lambda: pandas.Series(MOMENTS, dtype="timestamp[us][pyarrow]"),
    "pandas arrow zone": lambda: berlin(MOMENTS).astype(pandas.ArrowDtype(pyarrow.timestamp("us", "Asia/Tokyo"))),
    "pandas category": lambda: pandas.Series(MOMENTS).astype("category"),
    "pandas objects": lambda: pandas.Series(MOMENTS, dtype=object),
    "polars": lambda: polars_series(MOMENTS),
    "polars zone": lambda: polars_series(MOMENTS).dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo"),
    "polars milliseconds": lambda: polars_series(MOMENTS).dt.cast_time_unit("ms"),
    "pyarrow": lambda: arrow(MOMENTS),
    "pyarrow zone": lambda: chunked(utc(MOMENTS), pyarrow.timestamp("ns", "Europe/Berlin")),
}


@pytest.mark.parametrize("door", MOMENT_DOORS)
def test_moments_are_the_same_through_every_door(door):
    column = MOMENT_DOORS[door]()
    assert read(DATE, column) == SECONDS
    with pytest.raises(CellError, match="row 0: column 'x' must hold numbers"):
        read(NUMBER, column)
    if door not in ("texts", "bytes"):
        assert read(CATEGORY, column) == ["2024-01-05 10:20:30", "", "1969-12-31 23:59:59.500000"]


DAY_DOORS = {
    "list": lambda: DAYS,
    "texts": lambda: ["2024-01-05", None, "1900-02-28"],
    "array": lambda: np.array(DAYS, "datetime64[D]"),
    "objects": lambda: pandas.Series(DAYS, dtype=object),
    "pandas arrow": lambda: pandas.Series(DAYS, dtype="date32[pyarrow]"),
    "polars": lambda: polars_series(DAYS),
    "pyarrow": lambda: arrow(DAYS),
    "pyarrow date64": lambda: chunked(DAYS, pyarrow.date64()),
}


@pytest.mark.parametrize("door", DAY_DOORS)
def test_days_are_the_same_through_every_door(door):
    assert read(DATE, DAY_DOORS[door]()) == DAY_SECONDS
    assert read(CATEGORY, DAY_DOORS[door]()) == ["2024-01-05", "", "1900-02-28"]


TIMES = [datetime.time(1, 2, 3), None]


@pytest.mark.parametrize(
    "door", [list, lambda cells: np.array(cells, object), arrow, polars_series, lambda _: ["1:02:03", ""]]
)
def test_times_of_day_are_the_same_through_every_door(door):
    assert read(DateRule("time"), door(TIMES)) == [3723.0, None]


TEXT_DOORS = [
    list, tuple, lambda cells: np.array(cells, object), pandas.Series, arrow, chunked, polars_series,
    lambda cells: pandas.Series(cells, dtype="string"), lambda cells: pandas.Series(cells, dtype=object),
    lambda cells: pandas.Series(cells, dtype="string[pyarrow]"), lambda cells: pandas.Series(cells).astype("category"),
    lambda cells: pandas.Series(cells, dtype=pandas.ArrowDtype(pyarrow.string())), pandas.Index, pandas.Categorical,
    lambda cells: np.array([cell or "" for cell in cells]), lambda cells: [cell and cell.encode() for cell in cells],
    lambda cells: np.array([(cell or "").encode() for cell in cells]),
    lambda cells: polars_series(cells, "Categorical"),
    lambda cells: arrow(cells).dictionary_encode(), lambda cells: arrow([cell and cell.encode() for cell in cells]),
]  # fmt: skip


@pytest.mark.parametrize("door", range(len(TEXT_DOORS)))
def test_texts_are_the_same_through_every_door(door):
    cells = [" Bern", None, "Zu\u0308rich", "NA", "03", "3.0", "None", "", "x y\n"]
    assert read(CATEGORY, TEXT_DOORS[door](cells)) == ["Bern", "", "Zürich", "", "3", "3", "", "", "x y"]


LONG = ["Bern", " 03 ", "", "NA", "e\u0301", "unseen"] * 100
LONG_READ = ["Bern", "3", "", "", "\u00e9", "unseen"] * 100


@pytest.mark.parametrize(
    "column",
    [
        pandas.Series(LONG),
        pandas.Series(LONG, dtype="string[pyarrow]"),
        pandas.Series(LONG, dtype="string[python]"),
        pandas.Series(["x", *LONG])[1:],
        pandas.Series(LONG, dtype=pandas.ArrowDtype(pyarrow.string())),
        pyarrow.array(LONG),
        pyarrow.array(LONG, pyarrow.large_string()),
        pyarrow.chunked_array([LONG[:1], LONG[1:]]),
    ],
)
def test_long_columns_of_texts_are_read_as_their_cells_are(column):
    assert read(CATEGORY, column) == read(CATEGORY, LONG) == LONG_READ


@pytest.mark.parametrize("dtype", ["str", "string[pyarrow]", "category", "object"])
def test_long_columns_of_texts_that_all_differ_are_read(dtype):
    texts = [f" text {i} " for i in range(1000)]
    read = read_column("a", CategoryRule(), pandas.Series(texts, dtype=dtype))
    assert read.tolist() == [text.strip() for text in texts]


@pytest.mark.parametrize("dtype", ["str", "string[pyarrow]", "string[python]", object])
def test_missing_cells_of_long_columns_of_texts_are_missing(dtype):
    cells = ["Bern", None] * 200
    assert read(CATEGORY, pandas.Series(cells, dtype=dtype)) == ["Bern", ""] * 200
    assert read(CATEGORY, pyarrow.array(cells)) == ["Bern", ""] * 200


@pytest.mark.parametrize("dtype", ["str", "string[pyarrow]", "string[python]", object])
def test_long_columns_of_booleans_as_texts_are_numbers(dtype):
    cells = ["yes", None, " No ", "1"] * 100
    assert read(BOOLEAN, pandas.Series(cells, dtype=dtype)) == [1, None, 0, 1] * 100
    with pytest.raises(CellError, match="row 400: column 'x' must hold true or false"):
        read(BOOLEAN, pandas.Series([*cells, "perhaps"], dtype=dtype))


def test_true_and_one_are_different_categories_and_the_same_number():
    cells = [True, 1, 1.0, "1", "True", False, 0, None]
    assert read(CATEGORY, cells) == ["True", "1", "1", "1", "True", "False", "0", ""]
    assert read(BOOLEAN, cells) == [1.0] * 5 + [0.0, 0.0, None]


def test_values_of_a_categorical_column_that_no_row_has_do_not_matter():
    column = pandas.Series(pandas.Categorical(["1", "2"], ["1", "2", "x"]))
    assert read(NUMBER, column) == [1.0, 2.0]
    with pytest.raises(CellError, match=r"row 1: .* however: 'x'"):
        read(NUMBER, pandas.Series(pandas.Categorical(["1", "x"])))


MISSING = [[None] * 2, [math.nan] * 2, np.full(2, np.nan), np.array(["NaT"] * 2, "M8[s]"), ["", "NA"]]
MISSING += [np.array([None, math.nan], object), pandas.Series([None, None]), pandas.Series([pandas.NaT] * 2)]
MISSING += [pandas.Series([None, None], dtype=d) for d in ("Int64", "boolean", "string", "category", "double[pyarrow]")]
MISSING += [arrow([None, None]), chunked([None, None], pyarrow.int64()), arrow([None, None], pyarrow.date32())]


@pytest.mark.parametrize("column", MISSING, ids=range(len(MISSING)))
def test_column_without_a_cell_is_missing_whatever_its_type(column):
    assert read(NUMBER, column) == read(DATE, column) == [None, None]
    assert read(CATEGORY, column) == ["", ""]


@pytest.mark.parametrize("rule", [NUMBER, BOOLEAN, DATE, CATEGORY], ids=lambda rule: rule.type)
@pytest.mark.parametrize("empty", [[], (), np.empty(0), np.empty(0, object), np.empty(0, "M8[s]"), pandas.Series([])])
def test_column_without_rows_is_empty(rule, empty):
    assert read(rule, empty) == read(rule, arrow([])) == []


def test_ignored_columns_are_not_read():
    assert read_column("x", IgnoredRule(), [object(), b"\xff"]).tolist() == [None, None]


NUMBERS_ARE_NO_DATES = [[3.0, None], np.array([3, 4]), pandas.Series([3.5]), arrow([3]), [True], np.array([True])]


@pytest.mark.parametrize("column", NUMBERS_ARE_NO_DATES, ids=repr)
def test_numbers_are_no_dates(column):
    with pytest.raises(CellError, match=r"row 0: column 'x' must hold dates or times \(year, month, day\)"):
        read(DATE, column)


NO_NUMBERS = [datetime.timedelta(1), np.timedelta64(1, "s"), 1j, [1], {}, object(), "x", b"\xff", pandas.Period("2020")]


@pytest.mark.parametrize("cell", NO_NUMBERS, ids=repr)
def test_cell_that_is_no_number_is_named_with_its_row(cell):
    for column in ([1.0, None, cell], ["1", "", cell], pandas.Series([1, None, cell], dtype=object)):
        with pytest.raises(
            CellError, match=r"row 2: column 'x' must hold numbers .*, however: .*Correct the cell"
        ) as error:
            read(NUMBER, column)
        assert (error.value.column, error.value.row) == ("x", 2)
        assert len(str(error.value)) < 250


@pytest.mark.parametrize("column", [np.array([1, 2], "m8[s]"), np.array([1j]), pandas.Series([pandas.Timedelta(1)]),
                                    arrow([datetime.timedelta(1)]), pandas.Series([1 + 2j])], ids=repr)  # fmt: skip
def test_arrays_of_what_is_no_number_are_refused(column):
    with pytest.raises(CellError, match="row 0"):
        read(NUMBER, column)


def test_year_beyond_the_calendar_is_named_with_its_row():
    for column in (np.array(["2020", "12020"], "M8[Y]"), arrow([0, 10**15], pyarrow.timestamp("s"))):
        with pytest.raises(CellError, match="row 1: column 'x' must hold dates"):
            read(DATE, column)


@pytest.mark.parametrize("column", ["Bern", b"Bern", 3, None, {"a": 1}, {1, 2}.__iter__(), object()], ids=repr)
def test_what_is_no_sequence_is_no_column(column):
    with pytest.raises(TypeError, match="a column must be a sequence of cells, however"):
        column_cells(column)


@pytest.mark.parametrize("column", [np.zeros((3, 1)), np.zeros(()), np.array([[None]])], ids=repr)
def test_arrays_of_other_shapes_are_no_column(column):
    with pytest.raises(ValueError, match="a column must be a sequence of single values"):
        column_cells(column)


def test_docstring_examples_run():
    result = doctest.testmod(mothernet_runtime.columns)
    assert result.attempted > 0 and result.failed == 0
