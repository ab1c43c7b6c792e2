"""What files hold: names and cells of CSV and Parquet files, and clear errors for what is neither."""

import gzip
import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from mothernet_runtime.csv_files import given_dialect

from mothernet.tables.files import TableError, read_columns


@pytest.fixture
def write(tmp_path):
    def write(content, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_a_csv_file_gives_names_texts_and_its_dialect(write):
    file = read_columns(write(" id ;city\n1;Bern\n2;\n"))
    assert (file.names, str(file.dialect)) == (["id", "city"], "semicolons (found), utf-8 (found)")
    assert [column.texts() for column in file.cells] == [["1", "2"], ["Bern", ""]]


def test_a_dialect_can_be_given(write):
    content = "a;b\n1;é\n".encode("cp1252")
    assert read_columns(write(content), dialect=given_dialect(encoding="cp1252")).cells[1].texts() == ["é"]
    assert read_columns(write("a;b,c\n1;2,3\n"), dialect=given_dialect("semicolon")).names == ["a", "b,c"]
    with pytest.raises(TableError, match="must be a CSV file in utf-8, however: line 2 has the byte 0xe9"):
        read_columns(write(content))


def test_gzip_and_standard_input_are_read_alike(write, monkeypatch):
    content = b"a,b\n1,2\n"
    stream = io.BufferedReader(io.BytesIO(content))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=stream))
    for path in ("-", write(gzip.compress(content), "table.csv.gz")):
        assert [column.texts() for column in read_columns(path).cells] == [["1"], ["2"]]


def test_a_header_alone_has_columns_without_cells(write):
    file = read_columns(write("a,b\n"))
    assert [len(column) for column in file.cells] == [0, 0]
    assert [column.texts() for column in file.cells] == [[], []]


def test_typed_columns_of_parquet_keep_their_types_and_digits(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(
        {
            "id": pd.array([2**60 + 1, None], "Int64"),
            "small": pd.array([None, 200], "UInt8"),
            "flag": pd.array([True, None], "boolean"),
            "day": pd.to_datetime(["2024-01-05", None]),
            "text": ["x", None],
        }
    )
    frame.to_parquet(tmp_path / "table.parquet")
    file = read_columns(tmp_path / "table.parquet")
    assert (file.names, file.dialect) == (list(frame.columns), None)
    cells = dict(zip(file.names, file.cells, strict=True))
    assert cells["id"][0] == 2**60 + 1 and pd.isna(cells["id"][1])
    assert cells["small"][1] == 200 and cells["flag"][0] is np.True_ and cells["day"].dtype.kind == "M"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "must start with a line of column names, however: it is empty"),
        ("a,b\n1,2,3\n", "line 2: a row must have 2 cells like the header, however: 3"),
        ('a,b\n1,"2\n', "line 2: .* a quoted cell opens here and is not closed"),
        (gzip.compress(b"a\n1\n")[:-4], "damaged gzip file"),
        (b"PAR1 and no more", "damaged Parquet file"),
        (b"a,b\n\0,1\n", r"line 2 holds the character U\+0000"),
    ],
)
def test_what_is_no_table_is_refused(write, content, message):
    if content[:4] == b"PAR1":
        pytest.importorskip("pyarrow")
    with pytest.raises(TableError, match=message):
        read_columns(write(content))


def test_a_file_that_is_not_there_is_named_with_its_neighbour(write, tmp_path):
    write("a\n1\n", "titanic.csv")
    with pytest.raises(TableError, match=r"there is no file .*titanik.csv'. Is it .*titanic.csv'\?"):
        read_columns(tmp_path / "titanik.csv")
    with pytest.raises(TableError, match="is a folder"):
        read_columns(tmp_path)
