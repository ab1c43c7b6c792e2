"""Tables are read as the exported model will see them, and refused with a reason."""

from __future__ import annotations

import gzip
import math
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mothernet_runtime.text import category_texts

from mothernet.tables import Table, TableError, read_table

EXAMPLES = Path(__file__).parents[3] / "examples" / "data"


def read(tmp_path: Path, text: str | bytes, target: str = "y", categorical: tuple[str, ...] = ()) -> Table:
    path = tmp_path / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path, target, categorical)


def column(tmp_path: Path, *cells: str, categorical: tuple[str, ...] = ()) -> list[object]:
    """What becomes of the cells of a column."""
    rows = "".join(f'"{cell}",{"ab"[i % 2]}\n' for i, cell in enumerate(cells))
    return read(tmp_path, f"x,y\n{rows}", categorical=categorical).features["x"].tolist()


def test_numbers_are_numbers_and_blanks_are_missing(tmp_path: Path) -> None:
    assert column(tmp_path, "1", " 2.5 ", "-3e2", "inf") == [1.0, 2.5, -300.0, math.inf]
    assert np.isnan(column(tmp_path, "1", "", "  ", "nan")[1:]).all()


@pytest.mark.parametrize("odd", ["1_000", "0x10", "a b", "\N{ARABIC-INDIC DIGIT ONE}", "\ufeff1"])
def test_half_of_the_cells_no_numbers_makes_the_column_text(tmp_path: Path, odd: str) -> None:
    assert column(tmp_path, "1", odd, " 2", odd, "") == ["1", odd, "2", odd, ""]


def test_few_cells_that_are_no_numbers_are_warned_of_and_count_as_missing(tmp_path: Path) -> None:
    rows = "".join(f"{'oops' if i == 3 else i * 1.5},{'ab'[i % 2]}\n" for i in range(30))
    table = read(tmp_path, f"x,y\n{rows}")
    assert table.features["x"].isna().sum() == 1
    assert table.warnings == ("column 'x' is read as number; 1 of its cells are none and count as missing: 'oops'",)


def test_a_column_without_any_number_is_text(tmp_path: Path) -> None:
    assert column(tmp_path, "", "", "") == ["", "", ""]


def test_na_words_are_missing_in_every_column(tmp_path: Path) -> None:
    assert column(tmp_path, "NA", "None", "null", "", "Bern", "Basel") == ["", "", "", "", "Bern", "Basel"]
    assert np.isnan(column(tmp_path, "NA", "1.5", "null", "2")[::2]).all()


def test_a_column_named_as_categorical_keeps_its_text(tmp_path: Path) -> None:
    assert column(tmp_path, "01", "1", "", categorical=("x",)) == ["01", "1", ""]


def test_byte_order_mark_quotes_blank_lines_and_other_line_ends_are_understood(tmp_path: Path) -> None:
    table = read(tmp_path, '\ufeffplace,y\r\n"Brno, south",a\r\n\r\n"say ""hi""\nthere",b\r\n')
    assert table.features["place"].tolist() == ["Brno, south", 'say "hi"\nthere']
    assert table.target.tolist() == ["a", "b"]


def test_gzip_is_recognised_by_content(tmp_path: Path) -> None:
    plain = read(tmp_path, "x,y\n1,a\n2,b\n")
    pd.testing.assert_frame_equal(read(tmp_path, gzip.compress(b"x,y\n1,a\n2,b\n")).features, plain.features)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("0", "1"), [0, 1]),
        (("-7", "12"), [-7, 12]),
        (("1.0", "2.0"), [1, 2]),
        ((" 1", "2 "), [1, 2]),
        (("01", "2"), ["01", "2"]),
        (("True", "False"), ["True", "False"]),
        (("9" * 19, "1"), ["9" * 19, "1"]),
    ],
)
def test_labels_are_integers_only_if_written_as_such(
    tmp_path: Path, labels: tuple[str, str], expected: list[object]
) -> None:
    got = read(tmp_path, f"x,y\n1,{labels[0]}\n2,{labels[1]}\n").target.tolist()
    assert got == expected
    assert [type(label) for label in got] == [type(label) for label in expected]


def test_rows_without_target_are_dropped_with_the_count(tmp_path: Path) -> None:
    table = read(tmp_path, "x,y\n1,a\n2,\n3,b\n4,  \n")
    assert table.features["x"].tolist() == [1.0, 3.0]
    assert table.warnings == ("dropped 2 of 4 rows whose target 'y' is missing",)


def test_identifiers_are_ignored_with_a_reason_and_can_be_used_all_the_same(tmp_path: Path) -> None:
    rows = "".join(f"{i},k{i},{i % 3},{'ab'[i % 2]}\n" for i in range(30))
    table = read(tmp_path, "row,key,x,y\n" + rows)
    assert list(table.features) == ["row", "key", "x"]
    assert table.readings["row"].reason == "counts the rows"
    assert table.readings["key"].reason == "an identifier: 30 different texts in 30 rows"
    forced = read_table(tmp_path / "table.csv", "y", columns={"row": "number"}, drop=["key"])
    assert list(forced.features) == ["row", "x"] and forced.rules["row"].type == "number"


def test_rows_without_a_label_are_dropped_before_types_are_decided(tmp_path: Path) -> None:
    table = read(tmp_path, "x,y\n1,a\n2,b\n3,a\ntotal,\n")
    assert table.features["x"].tolist() == [1.0, 2.0, 3.0] and not table.readings["x"].odd


def test_how_columns_are_read_is_described(tmp_path: Path) -> None:
    table = read(tmp_path, 'price;day;y\n"1,5";31.12.2024;a\n"2,5";01.01.2024;b\n')
    assert table.described() == [
        "number (1): price",
        "date (1): day",
        "column 'price': decimal comma",
        "column 'day': day, month, year",
    ]
    assert table.features["day"].tolist() == [pd.Timestamp("2024-12-31"), pd.Timestamp("2024-01-01")]


BAD = {
    "empty": ("", "must start with a line of column names, however: it is empty"),
    "header only": ("x,y\n", "must have rows below its header"),
    "short row": ("x,y\n1,a\n2\n", r"line 3: a row must have 2 cells like the header, however: 1\. Quote cells"),
    "long row": ("x,y\n1,a,\n", r"line 2: a row must have 2 cells .* however: 3"),
    "open quote": ('x,y\n"1,a\n2,b\n', "line 2: not valid CSV: a quoted cell opens here and is not closed"),
    "binary": (b"\x89PNG\r\n\x1a\n\x00\x00", "CSV file in utf-8, however: line 1 has the byte 0x89"),
    "spreadsheet": (b"PK\x03\x04\x14\x00\x06\x00", r"is a spreadsheet or an archive\. Save it as CSV"),
    "latin-1": (
        "x,y\n1,é\n".encode("latin1"),
        "line 2 has the byte 0xe9 .* Give its encoding",
    ),
    "cut gzip": (gzip.compress(b"x,y\n1,a\n2,b\n")[:-9], "damaged gzip file"),
    "no target": ("x,Y2\n1,a\n", r"the target 'y' must be a column .* its columns are 'x', 'Y2'\. Is it 'Y2'\?"),
    "only the target": ("y\na\nb\n", "must have columns beside the target"),
    "one class": ("x,y\n1,a\n2,a\n", "must have two classes or more, however: it has only 'a', in 2 rows"),
    "no label": ("x,y\n1,\n2,\n", "it has no label at all"),
    "a quantity": (
        "x,y\n" + "".join(f"1,{i / 7}\n" for i in range(50)),
        "50 different numbers .* looks like a quantity",
    ),
    "names twice": ("x,y,x\n1,a,2\n", "must differ, however: 'x' comes more than once"),
    "no name": (",x,y\n0,1,a\n", r"column 1 of 3 has none.*to_csv\(index=False\)"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_refused_with_a_reason(tmp_path: Path, case: str) -> None:
    text, message = BAD[case]
    with pytest.raises(TableError, match=message):
        read(tmp_path, text)


def test_a_missing_file_is_named_with_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "titanic.csv").touch()
    with pytest.raises(TableError, match=r"there is no file '.*titanik.csv'. Is it '.*titanic.csv'\?"):
        read_table(tmp_path / "titanik.csv", "y")
    with pytest.raises(TableError, match="is a folder"):
        read_table(tmp_path, "y")


def test_categorical_columns_must_exist_and_differ_from_the_target(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"column 'X1' must be a column .* Is it 'x1'\?"):
        read(tmp_path, "x1,y\n1,a\n2,b\n", categorical=("X1",))
    with pytest.raises(TableError, match="'y' is the target"):
        read(tmp_path, "x1,y\n1,a\n2,b\n", categorical=("y",))


def test_parquet_says_the_same_as_csv(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(
        {
            "number": pd.array([1, None, 3, 4], "Int64"),
            "real": [0.5, math.nan, math.inf, -1.0],
            "flag": [True, False, True, True],
            "place": pd.Categorical(["Bern", None, "Bern", "Zürich"]),
            "code": [3, 4, 3, 4],
            "day": pd.to_datetime(["2024-01-02", None, "2024-01-03", "2024-01-02"]),
            "y": [1, 0, 1, 0],
        }
    )
    frame.to_parquet(tmp_path / "table.parquet")
    table = read_table(tmp_path / "table.parquet", "y", ["code"])
    assert table.features["number"].fillna(-1).tolist() == [1.0, -1.0, 3.0, 4.0]
    assert table.features["flag"].tolist() == [1.0, 0.0, 1.0, 1.0]
    assert table.features["place"].tolist() == ["Bern", "", "Bern", "Zürich"]
    assert table.features["code"].tolist() == ["3", "4", "3", "4"]
    assert table.target.tolist() == [1, 0, 1, 0]
    csv = pd.DataFrame({name: category_texts(frame[name]) for name in frame}).to_csv(index=False)
    pd.testing.assert_frame_equal(read(tmp_path, csv, categorical=("code",)).features, table.features)


def test_boolean_targets_of_parquet_stay_boolean(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    pd.DataFrame({"x": [1, 2], "y": [True, False]}).to_parquet(tmp_path / "table.parquet")
    assert read_table(tmp_path / "table.parquet", "y").target.tolist() == [True, False]


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "table.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(TableError, match="damaged Parquet file"):
        read_table(tmp_path / "table.parquet", "y")


def test_the_example_table_is_what_its_script_draws(tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXAMPLES / "make_parcels.py", tmp_path], check=True)
    for name in ("parcels_train.csv", "parcels_heldout.csv"):
        assert (tmp_path / name).read_bytes() == (EXAMPLES / name).read_bytes()


def test_the_example_table_has_every_kind_of_column() -> None:
    features = read_table(EXAMPLES / "parcels_train.csv", "outcome").features
    numeric = features.select_dtypes("number")
    assert numeric.isna().any().any() and (numeric % 1 == 0).all().any()
    text = features.drop(columns=list(numeric))
    assert (text == "").any().any() and text.nunique().max() > 100


def test_whole_numbers_as_categories_have_one_form(tmp_path: Path) -> None:
    assert column(tmp_path, "3.0", "4", "3", "", categorical=("x",)) == ["3", "4", "3", ""]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_and_encodings_are_found(tmp_path: Path, delimiter: str, encoding: str) -> None:
    text = "\n".join(delimiter.join(cells) for cells in (["x", "z", "y"], ["1", "ü", "a"], ["2", "é", "b"]))
    table = read(tmp_path, text.encode(encoding))
    assert table.features["x"].tolist() == [1.0, 2.0] and table.features["z"].tolist() == ["ü", "é"]
    assert table.dialect is not None and table.dialect.delimiter == delimiter


def test_parquet_decimals_indices_and_booleans_with_blanks(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [Decimal("1.5"), None, Decimal(2), Decimal(3)], "y": [True, False, None, True]})
    frame = frame[frame.index != 0]  # a filtered frame writes its index as a column
    frame.to_parquet(tmp_path / "table.parquet")
    table = read_table(tmp_path / "table.parquet", "y")
    assert list(table.features) == ["x"]
    assert table.features["x"].dtype == np.float64
    assert table.target.tolist() == [False, True]
