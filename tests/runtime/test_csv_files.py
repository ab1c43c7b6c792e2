"""CSV files: what `read_csv` yields, how blocks are cut, and which cells are quoted for writing."""

import csv
import gzip
import io
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mothernet_runtime import csv_files
from mothernet_runtime.csv_files import RegularBlock, csv_cell, read_blocks, read_csv
from mothernet_runtime.csv_records import is_blank_line, read_record


@pytest.fixture
def read(tmp_path):
    def read(content):
        (tmp_path / "rows.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read_csv(str(tmp_path / "rows.csv")))

    return read


@pytest.fixture
def rows(read):
    return lambda content: [list(row) for chunk in read(content) for row in zip(*chunk.columns, strict=True)]


def blocks_of(content, block_bytes=1 << 20):
    stream = io.BufferedReader(io.BytesIO(content))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", SimpleNamespace(buffer=stream))
        return list(read_blocks("-", block_bytes=block_bytes))


def test_first_chunk_has_the_header_alone(read):
    for content in ("a,b\n", "a,b", "a,b\n1,2\n"):
        first, *others = read(content)
        assert (first.names, first.columns, len(first)) == (["a", "b"], [[], []], 0)
        columns = [list(map(list, chunk.columns)) for chunk in others]
        assert columns == ([[["1"], ["2"]]] if "1" in content else [])


def test_rows_come_in_chunks_with_the_lines_on_which_they_start(read, monkeypatch):
    monkeypatch.setattr(csv_files, "CHUNK_ROWS", 2)
    for blank in ("", "\n"):
        chunks = read(f'a,b\n1,"two\nlines"\n{blank}3,4\r\n5,6\n')
        after = 4 + len(blank)
        assert [list(chunk.lines) for chunk in chunks] == [[], [2, after], [after + 1]]
        columns = [list(map(list, chunk.columns)) for chunk in chunks]
        assert columns == [[[], []], [["1", "3"], ["two\nlines", "4"]], [["5"], ["6"]]]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('a,b\n" x ", 1 \n', [[" x ", "1 "]]),
        ('a,b\n1, "x, y" \n', [["1", "x, y"]]),
        ('a,b\n5" pipe,"6"" pipe"\n', [['5" pipe', '6" pipe']]),
        ("a,b\r1,2\r\n3,4\n5,6", [["1", "2"], ["3", "4"], ["5", "6"]]),
        ("\n \n\t\na,b\n\n1,2\n \t \n3,4\n\n", [["1", "2"], ["3", "4"]]),
        ("a\tb\n\t\n1\t\n", [["", ""], ["1", ""]]),
        ('a\n""\n\n \nx\n', [[""], ["x"]]),
        ("a\n\t\n1\n", [["1"]]),
        ("\ufeffa,b\n1,\ufeff\n", [["1", "\ufeff"]]),
        ("a,b\n1,x\u2028y\x1c\x85\n", [["1", "x\u2028y\x1c\x85"]]),
        (gzip.compress(b"a,b\n1,") + gzip.compress(b"2\n") + b"\0\0", [["1", "2"]]),
        ("a,b,\n1,2,\n3,4,  \n", [["1", "2"], ["3", "4"]]),
        (",a\n1,2\n", [["1", "2"]]),
    ],
)
def test_cells_are_the_raw_text_between_delimiters(rows, content, expected):
    assert rows(content) == expected


def test_names_are_trimmed_and_those_left_empty_by_a_last_delimiter_dropped(read):
    assert read(' a ,"\tb ",c\u00a0,,\n')[0].names == ["a", "b", "c\u00a0"]
    assert read('""\nx\n')[0].names == [""]


def test_cells_of_megabytes_are_read(rows):
    assert rows("a,b\n1," + "x" * 3_000_000 + "\n") == [["1", "x" * 3_000_000]]
    assert rows('a,b\n1,"' + '""\n' * 100_000 + '"\n') == [["1", '"\n' * 100_000]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "must start with a line of column names, however: it is empty"),
        ("\n  \n", "must start with a line of column names"),
        ("a,b\n1\n", r"line 2: a row must have 2 cells like the header, however: 1\. Quote cells that hold commas"),
        ("a;b\n1;2\n\n1;2;\n", r"line 4: a row must have 2 cells like the header, however: 3\. .* semicolons"),
        ("a,b,\n1,2\n", "line 2: a row must have 3 cells"),
        ("a,b,\n1,2,\n1,2,3\n", "line 3: cells must stand below a name, however: cell 3"),
        ('a,b\n1,2\n"x\ny","1,2\n\n', "line 4: not valid CSV: a quoted cell opens here and is not closed"),
        ('a,b\n1,"x"y\n', "line 2: not valid CSV: text must not follow the closing quote"),
        (b"a\n\xe9\n", "must be a CSV file in utf-8, however: line 2 has the byte 0xe9"),
        (b"a,b\n1,\0\n", r"line 2 holds the character U\+0000"),
        (gzip.compress(b"a\n1\n")[:-6], "is a damaged gzip file"),
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


def test_tables_as_programs_write_them_are_cut_in_blocks():
    for content in (
        "a,b\n1,x\n2, y\n",
        'a,b\n"1","x, ""y"""\n',
        "a,b\r\n1,x\r\n",
        'a,b\r\n1,"x\r\ny"\r\n',
        "a,b\r1,x\r",
    ):
        assert all(isinstance(block, RegularBlock) for block in blocks_of(content.encode())[1:])
    for content in ('a,b\n5" pipe,x\n', "a,b\n\n1,x\n", 'a,b\n1, "x"\n', 'a,b\r\n"1\r2",x\r\n'):
        assert not any(isinstance(block, RegularBlock) for block in blocks_of(content.encode()))


CELLS = st.sampled_from(["", "1", " x", '"', '"y"', '"a,b"', '"""', ' "z" ', '"t\nu"', '5"', '"\r\n"', "é"])
LINES = st.lists(st.tuples(CELLS, CELLS).map(",".join) | CELLS | st.sampled_from(["", " ", ",,"]), max_size=6)


@settings(max_examples=400)
@given(LINES, st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from([1, 5, 20, 1 << 20]))
def test_blocks_give_what_one_record_after_the_other_gives(lines, line_end, block_bytes):
    text = f"a,b{line_end}" + line_end.join(lines)
    expected, rest = [], iter(list(io.StringIO(text, newline="")))
    try:
        for line in rest:
            if not is_blank_line(line, ","):
                expected.append(read_record(line, rest, ","))
        is_valid = all(len(record) == 2 for record in expected)
    except ValueError:
        is_valid = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(text.encode()))))
        try:
            dialect = csv_files.given_dialect(",")
            blocks = list(read_blocks("-", dialect=dialect, block_bytes=block_bytes))
        except ValueError:
            assert not is_valid
            return
    cut = [block.columns() if isinstance(block, RegularBlock) else block.columns for block in blocks]
    assert is_valid
    assert [list(row) for columns in cut for row in zip(*columns, strict=True)] == expected[1:]


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
