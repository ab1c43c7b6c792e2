"""Tables as callers have them, opened by `columns.py`."""

import numpy as np
import pandas
import pytest
from mothernet_runtime.cells import CategoryRule, NumberRule
from mothernet_runtime.columns import read_column, table_columns

RECORDS = [{"a": 1.5, "b": "x"}, {"a": None, "b": "y"}, {"a": -2.0, "b": None}]
COLUMNS = {"a": [1.5, None, -2.0], "b": ["x", "y", None]}


def lazy(columns):
    return pytest.importorskip("polars").LazyFrame(columns)


DOORS = {
    "dict of lists": lambda: COLUMNS,
    "dict of arrays": lambda: {name: np.array(cells, object) for name, cells in COLUMNS.items()},
    "list of dicts": lambda: RECORDS,
    "tuple of dicts": lambda: tuple(RECORDS),
    "dicts in other orders": lambda: [RECORDS[0], *(dict(reversed(row.items())) for row in RECORDS[1:])],
    "pandas": lambda: pandas.DataFrame(COLUMNS, index=[5, 5, 1]),
    "pandas nullable": lambda: pandas.DataFrame(COLUMNS).convert_dtypes(),
    "pandas arrow": lambda: pandas.DataFrame(COLUMNS).convert_dtypes(dtype_backend="pyarrow"),
    "pyarrow": lambda: pytest.importorskip("pyarrow").table(COLUMNS),
    "record batch": lambda: pytest.importorskip("pyarrow").RecordBatch.from_pydict(COLUMNS),
    "polars": lambda: pytest.importorskip("polars").DataFrame(COLUMNS),
    "lazy polars": lambda: lazy(COLUMNS),
    "structured array": lambda: np.array([(1.5, "x"), (np.nan, "y"), (-2.0, "")], [("a", float), ("b", "U1")]),
    "objects": lambda: np.array([list(row.values()) for row in RECORDS], object),
    "texts": lambda: np.array([["1.5", "x"], ["", "y"], ["-2", ""]]),
    "bytes": lambda: np.array([[b"1.5", b"x"], [b"", b"y"], [b"-2", b""]]),
    "masked": lambda: np.ma.array([[1.5, "x"], [0, "y"], [-2, "z"]], object, mask=[[0, 0], [1, 0], [0, 1]]),
}


@pytest.mark.parametrize("door", DOORS)
def test_tables_are_the_same_through_every_door(door):
    columns = table_columns(DOORS[door](), ["a", "b"])
    assert list(columns) == ["a", "b"]
    assert np.array_equal(read_column("a", NumberRule(), columns["a"]), [1.5, np.nan, -2.0], equal_nan=True)
    assert read_column("b", CategoryRule(), columns["b"]).tolist() == ["x", "y", ""]


def test_single_values_are_one_row():
    assert table_columns({"a": 1.5, "b": None}) == {"a": [1.5], "b": [None]}
    with pytest.raises(ValueError, match="equally long, however: 'b' hold one value, no sequence"):
        table_columns({"a": [1.5], "b": None})


def test_arrays_without_names_have_names_by_position():
    assert list(table_columns(np.zeros((2, 3)))) == ["x0", "x1", "x2"]


@pytest.mark.parametrize("shape", [(3,), (), (2, 3, 1)])
def test_arrays_of_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"must have shape \(N, F\), however"):
        table_columns(np.zeros(shape))
    with pytest.raises(ValueError, match=r"must have shape \(N, 2\), columns in the order 'a', 'b', however"):
        table_columns(np.zeros((3, 3)), ["a", "b"])


def test_names_of_frames_count_by_their_text():
    assert list(table_columns(pandas.DataFrame({0: [1], "a": [2]}))) == ["0", "a"]
    with pytest.raises(ValueError, match="'0' comes more than once"):
        table_columns(pandas.DataFrame({0: [1], "0": [2]}))
    with pytest.raises(ValueError, match="'a' comes more than once"):
        table_columns(pandas.DataFrame([[1, 2]], columns=["a", "a"]))


def test_sparse_matrices_are_refused_with_advice():
    sparse = pytest.importorskip("scipy.sparse")
    for matrix in (sparse.csr_matrix(np.eye(3)), sparse.coo_array(np.eye(3))):
        with pytest.raises(TypeError, match=r"is a sparse matrix\. Use its toarray\(\)"):
            table_columns(matrix)


@pytest.mark.parametrize("rows", [None, 3, "age", {1: [2]}, [[1, 2]], [RECORDS[0], None], pandas.Series([1]), [{1: 2}]])
def test_what_is_no_table_is_a_type_error(rows):
    with pytest.raises(TypeError, match="must"):
        table_columns(rows)


def test_rows_with_other_columns_are_refused():
    with pytest.raises(ValueError, match="row 1 and row 0 differ in 'b'"):
        table_columns([RECORDS[0], {"a": 1}])


def test_objects_that_become_arrays_are_tables():
    torch = pytest.importorskip("torch")
    columns = table_columns(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert read_column("x1", NumberRule(), columns["x1"]).tolist() == [2.0, 4.0]
