"""CSV files: what `read_csv` yields, and which cells are quoted for writing."""

import csv
import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mothernet_runtime import csv_files
from mothernet_runtime.csv_files import csv_cell, read_csv


@pytest.fixture
def read(tmp_path):
    def read(content):
        (tmp_path / "rows.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read_csv(str(tmp_path / "rows.csv")))

    return read


def test_first_chunk_has_the_header_alone(read):
    assert read("a,b\n") == [([], ["a", "b"], [])]
    assert read("a,b") == [([], ["a", "b"], [])]
    assert read("a,b\n1,2\n") == [([], ["a", "b"], []), ([2], ["a", "b"], [["1", "2"]])]


def test_rows_come_in_chunks_with_the_lines_on_which_they_start(read, monkeypatch):
    monkeypatch.setattr(csv_files, "CHUNK_ROWS", 2)
    chunks = read('a,b\n1,"two\nlines"\n\n3,4\r\n5,6\n')
    assert [lines for lines, _, _ in chunks] == [[], [2, 5], [6]]
    assert [rows for _, _, rows in chunks] == [[], [["1", "two\nlines"], ["3", "4"]], [["5", "6"]]]


def test_cells_are_raw_text(read):
    assert read('a,b\n" x ", 1 \n')[1][2] == [[" x ", " 1 "]]


def test_encodings_of_utf_8_files_are_understood(read):
    expected = read("a,b\n1,é\n")
    assert read("\ufeffa,b\n1,é\n") == expected
    assert read(gzip.compress("a,b\n1,é\n".encode())) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "must start with a line of column names, however: it is empty"),
        ("\na\n", "must start with a line of column names"),
        ("a,b\n1\n", "line 2: a row must have 2 cells like the header, however: 1"),
        ('a,b\n"1,2\n', "not valid CSV"),
        (b"a\n\xe9\n", "must be a CSV file in UTF-8, however: it has the byte 0xe9"),
        (gzip.compress(b"a\n1\n")[:-6], "is a damaged gzip file"),
        ("a\n" + "x" * 200_000, "not valid CSV: field larger than field limit"),
    ],
)
def test_what_is_no_csv_file_is_refused(read, content, message):
    with pytest.raises(ValueError, match=message):
        read(content)


def test_file_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        next(read_csv(str(tmp_path / "absent.csv")))
    with pytest.raises(ValueError, match="is a folder"):
        next(read_csv(str(tmp_path)))


def test_closed_standard_input_is_a_clear_error(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(ValueError, match="standard input is closed"):
        next(read_csv("-"))


@pytest.mark.parametrize(
    ("text", "cell"),
    [("plain", "plain"), ("", ""), ("a,b", '"a,b"'), ('a"b', '"a""b"'), ("a\rb", '"a\rb"'), ("a\nb", '"a\nb"'),
     (" a ", " a ")],
)  # fmt: skip
def test_cells_are_quoted_only_if_they_have_to_be(text, cell):
    assert csv_cell(text) == cell


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2))
def test_quoted_cells_are_read_back_as_they_were(cells):
    line = ",".join(map(csv_cell, cells)) + "\n"
    assert next(csv.reader(io.StringIO(line, newline=""), strict=True)) == cells
