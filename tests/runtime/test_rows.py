"""Rows in every form that callers have them in, and every complaint about them."""

import datetime
import math
from decimal import Decimal

import numpy as np
import pytest
from mothernet_runtime import CellError, load
from mothernet_runtime.rows import RowReader

pandas = pytest.importorskip("pandas")

RECORDS = [
    {"age": 31.0, "city": "Bern", "fare": 7.25, "constant": 1, "code": 3, "note": "x"},
    {"age": None, "city": None, "fare": math.nan, "constant": True, "code": True, "note": None},
    {"age": np.float32(18), "city": "nowhere", "fare": 10**30, "constant": 0, "code": 0.5, "note": 1},
]
NUMERIC = np.array([[31, 7.25, 1], [np.nan, np.nan, 1], [18, 1e30, 0]], np.float32)
CATEGORICAL = [["Bern", "3", "x"], ["", "True", ""], ["nowhere", "0.5", "1"]]


@pytest.fixture(scope="module")
def model(model_path):
    return load(model_path)


@pytest.fixture(scope="module")
def reader(model) -> RowReader:
    return model._reader


def check(reader, rows, count=3):
    n_rows, inputs = reader.read(rows)
    assert n_rows == count
    assert inputs["numeric"].dtype == np.float32
    assert np.array_equal(inputs["numeric"], NUMERIC[:count], equal_nan=True)
    assert inputs["categorical"].tolist() == CATEGORICAL[:count]


def columns(records=RECORDS):
    return {name: [record[name] for record in records] for name in records[0]}


def test_forms_of_rows_mean_the_same(reader):
    frame = pandas.DataFrame(RECORDS)
    check(reader, RECORDS)
    check(reader, tuple(RECORDS))
    check(reader, columns())
    check(reader, {name: tuple(cells) for name, cells in columns().items()})
    check(reader, {name: np.array(cells, object) for name, cells in columns().items()})
    check(reader, frame)
    check(reader, dict(frame.items()))
    check(reader, np.array([list(record.values()) for record in RECORDS], object))
    check(reader, RECORDS[0], 1)
    check(reader, frame[:1], 1)


def test_order_of_named_columns_is_free(reader):
    check(reader, [dict(reversed(record.items())) for record in RECORDS])
    check(reader, pandas.DataFrame(RECORDS)[list(reversed(RECORDS[0]))])


def test_polars_and_pyarrow_tables_are_read_by_name(reader):
    pyarrow = pytest.importorskip("pyarrow")
    table = {"age": [31.0, None, 18.0], "city": ["Bern", None, "nowhere"], "fare": [7.25, None, 1e30]}
    table |= {"constant": [1, 1, 0], "code": ["3", "True", "0.5"], "note": ["x", None, "1"]}
    check(reader, pyarrow.table(table))
    try:
        import polars
    except ImportError:
        return
    check(reader, polars.DataFrame(table))


@pytest.mark.parametrize(
    ("dtype", "cells", "numbers", "texts"),
    [
        ("Int64", [3, None, 0], [3, math.nan, 0], ["3", "", "0"]),
        ("Float64", [3.0, None, 0.5], [3, math.nan, 0.5], ["3", "", "0.5"]),
        ("float32", [3.0, None, 0.1], [3, math.nan, 0.1], ["3", "", "0.10000000149011612"]),
        ("int8", [3, -1, 0], [3, -1, 0], ["3", "-1", "0"]),
        ("bool", [True, False, True], [1, 0, 1], ["True", "False", "True"]),
        ("boolean", [True, None, False], [1, math.nan, 0], ["True", "", "False"]),
        ("string", ["3", None, " 0.5 "], [3, math.nan, 0.5], ["3", "", "0.5"]),
        ("object", ["3", None, pandas.NaT], [3, math.nan, math.nan], ["3", "", ""]),
        ("category", [3, None, 1], [3, math.nan, 1], ["3", "", "1"]),
        ("int64[pyarrow]", [3, None, 1], [3, math.nan, 1], ["3", "", "1"]),
        ("bool[pyarrow]", [True, None, False], [1, math.nan, 0], ["True", "", "False"]),
    ],
)
def test_pandas_dtypes_in_both_types_of_column(reader, dtype, cells, numbers, texts):
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    frame = pandas.DataFrame(RECORDS).assign(
        age=pandas.Series(cells, dtype=dtype), city=pandas.Series(cells, dtype=dtype)
    )
    _, inputs = reader.read(frame)
    assert np.array_equal(inputs["numeric"][:, 0], np.array(numbers, np.float32), equal_nan=True)
    assert inputs["categorical"][:, 0].tolist() == texts


def test_categories_of_strings_and_dates_become_text(reader):
    frame = pandas.DataFrame(RECORDS).assign(city=pandas.Categorical(["Bern", None, "Rome"]))
    frame["code"] = pandas.to_datetime(["2024-02-03 00:00", None, "2024-02-03 04:05"])
    _, inputs = reader.read(frame)
    assert inputs["categorical"][:, 0].tolist() == ["Bern", "", "Rome"]
    assert inputs["categorical"][:, 1].tolist() == ["2024-02-03 00:00:00", "", "2024-02-03 04:05:00"]


def test_masked_cells_are_missing(reader):
    rows = columns() | {"age": np.ma.array([31.0, 5.0, 18.0], mask=[False, True, False])}
    check(reader, rows)


def test_matrix_of_numbers_goes_by_position(write_model):
    exporter = pytest.importorskip("mothernet_export")
    path, child = write_model(categorical=())
    model = load(path)
    x = np.array([[1, 1e300], [np.nan, -np.inf], [3, -4]])
    assert np.abs(model.predict_proba(x) - exporter.predict_proba(child, x)).max() < 1e-6
    assert np.array_equal(model.predict_proba(x.astype(object)), model.predict_proba(x))
    integers = np.array([[1, 2], [3, 4]])
    assert np.array_equal(model.predict_proba(integers), model.predict_proba(integers.astype(np.float64)))
    assert np.array_equal(model.predict_proba(np.asfortranarray(x)), model.predict_proba(x))
    assert np.array_equal(model.predict_proba(np.ma.array(x, mask=np.isnan(x)).astype(object)), model.predict_proba(x))
    assert np.array_equal(model.predict_proba(np.array([["1", ""], ["nan", "-4"]])), model.predict_proba(
        np.array([[1, np.nan], [np.nan, -4]])
    ))  # fmt: skip


def test_frame_of_numbers_is_read_by_name_as_its_columns_are(write_model):
    path, _ = write_model(numeric=("x", "y"), categorical=())
    model = load(path, on_unseen="ignore")
    x = np.array([[1, 2**53 + 1], [0, 7]])
    expected = model.predict_proba({"x": x[:, 0], "y": x[:, 1]})
    frame = pandas.DataFrame(x, columns=["x", "y"])
    mixed, of_bool = frame.astype({"x": "float32"}), frame.astype({"x": bool})
    frames = [frame, mixed, of_bool, frame.astype(float), frame.astype("Int64"), frame.astype(object)]
    for each in [*frames, *(each[["y", "x"]] for each in frames)]:
        assert np.array_equal(model.predict_proba(each), expected)
    floats = pandas.DataFrame({"x": [1.0, np.nan], "y": [1e300, -np.inf]})
    plain = {"x": [1, None], "y": [math.inf, -math.inf]}
    assert np.array_equal(model.predict_proba(floats), model.predict_proba(plain))
    for wrong in (frame[["x"]], frame.assign(z=1), frame.rename(columns={"x": "X"})):
        with pytest.raises(ValueError, match="rows must have exactly the 2 columns"):
            model.predict(wrong)


def test_ignored_columns_of_a_matrix_of_numbers_are_left_out(tmp_path):
    exporter = pytest.importorskip("mothernet_export")
    columns, weight = [], np.random.default_rng(0)
    for k, is_ignored in enumerate([True, False, False, True, True, False, True]):
        name = f"x{k}"
        columns.append(
            exporter.IgnoredColumn(name) if is_ignored else exporter.NumericColumn(name, 0.0, (-1.0, 0.0, 1.0), False)
        )
    child = exporter.ChildNetwork(
        tuple(columns), exporter.ClassTarget(("a", "b")), weight.normal(size=(6, 5)), [0.0] * 5, np.ones((3, 2))
    )
    exporter.to_onnx(child, tmp_path / "m.onnx")
    reader = load(tmp_path / "m.onnx")._reader
    matrix = np.arange(35.0).reshape(5, 7)
    frame = pandas.DataFrame(matrix, columns=reader.names)
    with_text = frame.assign(x0="id")
    for rows in (matrix, matrix.astype(int), np.asfortranarray(matrix), frame, frame[["x1", "x2", "x5"]], with_text):
        numeric = reader.read(rows)[1]["numeric"]
        assert numeric.dtype == np.float32 and numeric.flags.c_contiguous
        assert np.array_equal(numeric, matrix[:, [1, 2, 5]])
    with pytest.raises(ValueError, match="an array of rows must have shape"):
        reader.read(matrix[:, [1, 2, 5]])


def test_float32_matrix_is_not_copied(write_model):
    path, _ = write_model(numeric=("x", "y"), categorical=())
    reader = load(path)._reader
    x = np.array([[1, np.nan], [3, -4]], np.float32)
    assert np.shares_memory(reader.read(x)[1]["numeric"], x)
    for each in (x, x.astype(">f4"), np.asfortranarray(x), x.view(np.matrix)):
        numeric = reader.read(each)[1]["numeric"]
        assert type(numeric) is np.ndarray and numeric.dtype == np.float32 and numeric.flags.c_contiguous
        assert np.array_equal(numeric, x, equal_nan=True)


def test_matrix_of_numbers_reaches_categorical_columns_as_text(write_model):
    model = load(write_model(numeric=(), categorical=("code",))[0])
    expected = model.predict_proba({"code": ["3", "0.5", ""]})
    assert np.array_equal(model.predict_proba(np.array([[3.0], [0.5], [np.nan]])), expected)
    assert np.abs(model.predict_proba(np.array([[3]])) - expected[:1]).max() < 1e-6  # fewer rows round otherwise


@pytest.mark.parametrize(
    "empty",
    [
        [],
        columns([dict.fromkeys(RECORDS[0])]) | {name: [] for name in RECORDS[0]},
        pandas.DataFrame(RECORDS)[:0],
        np.empty((0, 6)),
        np.empty((0, 6), object),
    ],
)
def test_no_rows_give_no_answers_of_the_right_shape(model, empty):
    assert model.predict(empty).shape == (0,)
    assert model.predict(empty).dtype == model.classes_.dtype
    assert model.predict_proba(empty).shape == (0, 3)
    assert model.predict_proba(empty).dtype == np.float32


def without(name):
    return {key: value for key, value in RECORDS[0].items() if key != name}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (without("age"), "'age' is missing. Rename, add or drop"),
        (without("age") | {"Age": 3}, r"'age' is missing \(is it 'Age'\?\); 'Age' is unknown to the model"),
        (without("city") | {"citty ": 3}, r"'city' is missing \(is it 'citty '\?\)"),
        (RECORDS[0] | {"label": "no", "id": 1}, "'label', 'id' are unknown to the model"),
        ({}, "'age' is missing; .*'note' is missing"),
    ],
)
def test_wrong_columns_are_named_in_every_form(reader, row, message):
    prefix = "rows must have exactly the 6 columns 'age', 'city', 'fare', 'constant', 'code', 'note', in any order, "
    for rows in (row, {name: [cell] for name, cell in row.items()}, pandas.DataFrame([row])):
        with pytest.raises(ValueError, match=f"{prefix}however: .*{message}"):
            reader.read(rows)
    with pytest.raises(ValueError, match=f"row 1: {prefix}however: .*{message}.* A missing value is written as None"):
        reader.read([RECORDS[0], row])


def test_repeated_column_of_a_frame_is_refused(reader):
    frame = pandas.DataFrame(RECORDS)
    with pytest.raises(ValueError, match="'age' comes more than once"):
        reader.read(pandas.concat([frame, frame[["age"]]], axis=1))


def test_long_lists_of_columns_are_cut(write_model):
    model = load(write_model(numeric=tuple(f"x{i}" for i in range(300)))[0])
    with pytest.raises(ValueError, match=r"'x11' and 290 more, .*'x7' is missing; 293 more are missing") as error:
        model.predict({"city": ["Bern"]})
    assert len(str(error.value)) < 700


@pytest.mark.parametrize(
    "cell",
    [
        "old",
        "1,5",
        "1 2",
        "1_000",
        "１２",
        "\x1c5",
        "\xa0",
        np.str_("1_000"),
        datetime.date(2020, 1, 2),
        np.datetime64("2020"),
        np.timedelta64(3, "s"),
        [1],
        Decimal("sNaN"),
        1j,
        np.complex64(1),
    ],
)
def test_what_is_no_number_is_named_with_column_and_row(reader, cell):
    records = [RECORDS[0], RECORDS[1], RECORDS[2] | {"fare": cell}]
    for rows in (records, columns(records), pandas.DataFrame(records, dtype=object)):
        with pytest.raises(
            CellError, match=r"row 2: column 'fare' must hold numbers .*, however: .*Correct the cell"
        ) as e:
            reader.read(rows)
        assert (e.value.column, e.value.row) == ("fare", 2)


def test_dates_are_no_numbers(reader):
    with pytest.raises(CellError, match="column 'age'"):
        reader.read(pandas.DataFrame(RECORDS).assign(age=pandas.to_datetime("2024-01-01")))


@pytest.mark.parametrize("shape", [(3, 5), (3, 7), (6,), (1, 6, 1)])
def test_array_of_another_shape_is_refused(reader, shape):
    with pytest.raises(ValueError, match=r"must have shape \(N, 6\), columns in the order 'age', .*, however: \("):
        reader.read(np.zeros(shape))


def test_ragged_columns_are_refused_with_their_lengths(reader):
    with pytest.raises(ValueError, match="equally long, however: 'age': 3, 'city': 2, 'fare': 3"):
        reader.read(columns() | {"city": ["Bern", "Bern"]})
    with pytest.raises(ValueError, match="equally long, however: 'city' hold one value"):
        reader.read(columns() | {"city": "Bern"})


def test_column_of_arrays_is_refused(reader):
    with pytest.raises(ValueError, match="a column must be a sequence of single values"):
        reader.read(columns() | {"age": np.zeros((3, 1))})


@pytest.mark.parametrize("rows", [None, 3, "age", {1: [2]}, [[1, 2]], [RECORDS[0], None], pandas.Series([1])])
def test_what_is_no_table_is_a_type_error(reader, rows):
    with pytest.raises(TypeError, match="must"):
        reader.read(rows)


DAY = (datetime.datetime(2024, 1, 5, 6) - datetime.datetime(1970, 1, 1)).total_seconds() / 86_400
TYPED = [
    {"price": "1.234,5 €", "smoker": "yes", "day": "5.1.2024 6:00", "code": "03", "stamp": 1700000001, "share": "50%"},
    {"price": "?", "smoker": False, "day": "-", "code": None, "stamp": "1699999999.5", "share": None},
    {"price": -2, "smoker": "0.0", "day": datetime.datetime(2024, 1, 5, 6), "code": 3.0, "stamp": 1.7e9, "share": 0.25},
]
TYPED_NUMERIC = np.array(
    [
        [1234.5, 1, DAY - 19_800, 1, 4, 6, 1, 0.5],
        [np.nan, 0, np.nan, np.nan, np.nan, np.nan, -0.5, np.nan],
        [-2, 0, DAY - 19_800, 1, 4, 6, 0, 0.25],
    ],
    np.float32,
)


@pytest.fixture(scope="module")
def typed_model(typed_path):
    return load(typed_path)


def test_few_rows_and_many_are_read_alike_by_the_rules_of_their_columns(typed_model):
    frame, with_id = pandas.DataFrame(TYPED, dtype=object), [{**TYPED[0], "id": 1}, *TYPED[1:]]
    for rows in (TYPED, TYPED * 20, columns(TYPED), frame, with_id):
        n_rows, inputs = typed_model._reader.read(rows)
        assert n_rows == len(rows["price"] if isinstance(rows, dict) else rows)
        assert inputs["numeric"].dtype == np.float32
        assert np.array_equal(inputs["numeric"], np.tile(TYPED_NUMERIC, (n_rows // 3, 1)), equal_nan=True)
        assert inputs["categorical"].tolist() == [["3"], [""], ["3"]] * (n_rows // 3)


def test_offset_keeps_what_float32_alone_would_lose(typed_model):
    rows = [{**TYPED[0], "stamp": 1_700_000_000 + k} for k in range(20)]
    for each, count in ((rows, 20), (rows[:3], 3), (columns(rows), 20)):
        assert len(np.unique(typed_model._reader.read(each)[1]["numeric"][:, 6])) == count


def test_ignored_columns_may_be_left_out_or_hold_anything(typed_model):
    expected = typed_model.predict_proba(TYPED)
    for cells in (["a", object(), 3], [1], np.zeros((2, 2))):
        assert np.array_equal(typed_model.predict_proba({**columns(TYPED), "id": cells}), expected)
    assert np.array_equal(typed_model.predict_proba([{**TYPED[0], "id": object()}, *TYPED[1:]]), expected)
    array = np.array([[None, *row.values()] for row in TYPED], object)
    assert np.array_equal(typed_model.predict_proba(array), expected)
    with pytest.raises(ValueError, match=r"the 6 columns 'price', .*'stamp' is missing"):
        typed_model.predict([{name: cell for name, cell in TYPED[0].items() if name != "stamp"}])
    with pytest.raises(ValueError, match="'Id' is unknown to the model"):
        typed_model.predict([{**TYPED[0], "Id": 1}])


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("price", "5 $", r"numbers \(decimal comma, thousands separated by points, with '€', missing where '\?'\)"),
        ("smoker", "perhaps", "true or false"),
        ("day", "1/13/2024", r"dates or times \(day, month, year, missing where '-'\)"),
        ("day", 3.5, "dates or times"),
    ],
)
def test_cell_that_does_not_fit_is_named_with_what_its_column_holds(typed_model, column, cell, message):
    rows = [*TYPED, {**TYPED[0], column: cell}]
    for each in (rows, [*TYPED * 10, rows[-1]], pandas.DataFrame(rows, dtype=object)):
        with pytest.raises(CellError, match=f"row {len(each) - 1}: column '{column}' must hold {message}"):
            typed_model.predict(each)


def test_lone_surrogate_is_a_clear_error(model):
    with pytest.raises(ValueError, match="text must be valid Unicode"):
        model.predict([RECORDS[0] | {"city": "\ud800"}])


def test_nul_character_is_an_unseen_category(model):
    known, unseen = (model.predict_proba([RECORDS[0] | {"city": city}]) for city in ("Bern\0", "nowhere"))
    assert np.array_equal(known, unseen)
