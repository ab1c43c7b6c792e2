"""How CSV files are written: what is found, what is given, and what a person is shown."""

import codecs

import pytest
from mothernet_runtime.csv_dialect import Dialect, find_delimiter, given_dialect, named_delimiter
from mothernet_runtime.csv_files import read_csv


@pytest.fixture
def read(tmp_path):
    def read(content, **given):
        path = tmp_path / "rows.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        chunks = list(read_csv(str(path), dialect=given_dialect(**given)))
        rows = [list(row) for chunk in chunks for row in zip(*chunk.columns, strict=True)]
        return chunks[0].names, rows, chunks[0].dialect

    return read


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n", ";"),
        ("a\tb\n1;2\t3,4\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ('"a";"b"\n"1,5";"x;y"\n', ";"),
        ("Price, EUR;b;c\n1,5;2;3\n4,5;6;7\n", ";"),  # both cut alike: the longer records
        ("a;x,b;y\n1;2,3;4\n", ";"),
        ("a,b\n1;2;3,4\n", ","),
        ("only\n1;2\n3\n", ","),
        ("a,b\n1,2\n1,2,3\n", ","),  # the error is then in the right line
        ("a;b\n1;2\n1,5;2;3\n", ";"),
        ("a,b;c\n1,2\n1,2\n1;2\n", ","),
        ("\n  \na;b\n1;2\n", ";"),
        ('a;b\n"1\n,2\n,3";4\n', ";"),
        ("", ","),
    ],
)
def test_delimiter_is_the_one_that_cuts_lines_alike(text, delimiter):
    assert find_delimiter(text.splitlines(keepends=True)) == delimiter


def test_delimiter_is_found_from_the_first_200_lines(read):
    head = "a;b\n" + "1,5;2\n" * 198
    assert read(head + '"an open quote;3\n";4\n')[2].delimiter == ";"
    with pytest.raises(ValueError, match=r"line 201: a row must have 2 cells like the header, however: 1\."):
        read(head + "1;2\n" + "1,5\n" * 500)


def test_a_line_names_the_delimiter_and_is_skipped(read):
    for line in ("sep=;\n", '"sep=;"\r\n', "SEP=;\r", "\n \nsep=;\n"):
        assert read(line + "a,b\n1,2\n")[:2] == (["a,b"], [["1,2"]])
    assert read("sep=;\na,b\n1,2\n", delimiter=",")[:2] == (["a", "b"], [["1", "2"]])
    assert named_delimiter("sep=x\n") is None and named_delimiter('"sep=;\n') is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_of_unicode_are_found(read, encoding):
    names, rows, dialect = read("größe,城\n1,北\n".encode(encoding))
    assert (names, rows) == (["größe", "城"], [["1", "北"]])
    assert dialect.encoding == {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(encoding, encoding)
    assert dialect.found == ("delimiter", "encoding")


def test_utf_16_big_endian_is_known_by_its_mark(read):
    assert read(codecs.BOM_UTF16_BE + "a,b\n1,日\n".encode("utf-16-be"))[1] == [["1", "日"]]


@pytest.mark.parametrize("name", ["windows-1252", "CP1252", "iso-8859-1", "Latin_1"])
def test_old_encodings_are_read_where_they_are_given(read, name):
    assert read("a;b\n1;é\n".encode("latin-1"), encoding=name)[1] == [["1", "é"]]
    with pytest.raises(ValueError, match=r"line 2 has the byte 0xe9 .* Give its encoding"):
        read("a;b\n1;é\n".encode("latin-1"))


def test_bytes_that_are_none_of_the_encoding_are_refused(read):
    for content, given in [
        (b"a\n\x81\n", "windows-1252"),
        ("a\n1\n".encode("utf-16-le") + b"x", None),
        (b"a\n\xed\xa0\x80\n", None),
        ("a\n".encode("utf-16-le") + b"\x00\xd8\n\x00", None),
    ]:
        with pytest.raises(ValueError, match="has the byte"):
            read(content, **({"encoding": given} if given else {}))


def test_options_are_checked():
    assert given_dialect("\\t", "utf16") == Dialect("\t", "utf-16")
    assert given_dialect() == Dialect()
    with pytest.raises(ValueError, match="must be comma, semicolon, tab or pipe, however: ':'"):
        given_dialect(":")
    with pytest.raises(ValueError, match=r"must be one of utf-8, utf-16, .*, however: 'ebcdic'"):
        given_dialect(encoding="ebcdic")


def test_a_person_is_shown_what_was_found_and_what_was_given(read):
    assert str(read("a;b\n", encoding="utf-8")[2]) == "semicolons (found), utf-8 (given)"
    assert str(Dialect(",")) == "commas (given), encoding (to be found)"
