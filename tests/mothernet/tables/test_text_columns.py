"""Columns of CSV files: the engine sees what the slow readers of rows and cells see, number by number, text by text."""

import io
import math
import random
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from mothernet_runtime.cells import CategoryRule, NumberRule
from mothernet_runtime.columns import CellError
from mothernet_runtime.csv_files import read_blocks, read_csv

from mothernet.tables.text_columns import text_columns

NUMBERS = [*("1", "-1", "+1", "1.5", ".5", "5.", "-0", "007", "1e5", "1E-3", "1e400", "-1e400", "1e-400", "4.9e-324")]
NUMBERS += ["9007199254740993", "18446744073709551616", "-9223372036854775809", "1" * 400, "1e23", "0.1e-5000", "inf"]
NUMBERS += ["-Inf", "+infinity", "2.2250738585072011e-308", "NAN", "+nan", " 1", "1 ", "\t1", "1\x0b"]
BLANKS = ["", "NA", "NaN", "null", "#N/A N/A", "-1.#IND", "-nan", "<NA>", "None"]
OTHERS = [
    "1_0",
    "0x10",
    "1e",
    "1e+",
    "--1",
    "True",
    "false",
    "1d5",
    "1L",
    "1j",
    "½",
    "1\xa0",
    "Infinit",
    "x y",
    "NULL!",
]


def read(content, block_bytes=1 << 20):
    """The columns of some bytes, and the cells that `read_csv` gives."""

    def opened(reader, **options):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(content))))
            return list(reader("-", **options))

    header, *blocks = opened(read_blocks, block_bytes=block_bytes)
    chunks = opened(read_csv)
    cells = [[cell for chunk in chunks for cell in chunk.columns[j]] for j in range(len(header.names))]
    return text_columns(len(header.names), blocks), cells


def random_table(rng):
    """Mostly numbers, with or without quotes, line ends of all kinds and a few texts."""
    floats = [repr(rng.uniform(-1, 1) * 10.0 ** rng.randint(-320, 300)) for _ in range(30)]
    floats += [f"{rng.uniform(-1e3, 1e3):.{rng.randint(0, 20)}f}" for _ in range(30)]
    odd = rng.sample([*NUMBERS, *BLANKS, *OTHERS], rng.choice([1, 2, 5]))
    share, quoting, blank = rng.choice([0.0, 0.1, 0.9]), rng.choice([0.0, 0.0, 0.3, 1.0]), rng.random() < 0.2
    lines = ["a,b,c"]
    for _ in range(rng.choice([1, 5, 40])):
        cells = [rng.choice(odd if rng.random() < share else floats) for _ in range(3)]
        lines.append(",".join(f'"{cell}"' if rng.random() < quoting else cell for cell in cells))
        lines += [""] * (blank and rng.random() < 0.2)
    return (rng.choice(["\n", "\r\n", "\r"]).join(lines) + rng.choice(["", "\n"])).encode()


def test_numbers_texts_and_categories_are_those_of_the_grammar():
    rng, plain, category = random.Random(5), NumberRule(), CategoryRule(integers=True)
    for _ in range(250):
        columns, cells = read(random_table(rng), rng.choice([40, 300, 1 << 20]))
        for column, texts in zip(columns, cells, strict=True):
            values = [plain.read_text(text) for text in texts]
            is_plain = None not in values and not all(map(math.isnan, values))
            assert (column.numbers is not None) == is_plain, texts
            if is_plain:
                np.testing.assert_array_equal(column.numbers, np.array(values))
            assert column.texts() == texts
            assert list(column.counts().items()) == list(Counter(texts).items())
            odd = {text.strip("\t\n\v\f\r ") for text, value in zip(texts, values, strict=True) if value is None}
            rule = NumberRule(missing=tuple(odd))
            np.testing.assert_array_equal(column.read("a", rule), [rule.read_text(text) for text in texts])
            assert column.read("a", category).tolist() == [category.read_text(text) for text in texts]


def test_rules_that_read_plain_numbers_otherwise_get_the_texts():
    column = read(b"a\n1.234\n7\n-1\n")[0][0]
    assert column.read("a", NumberRule(",", ".")).tolist() == [1234.0, 7.0, -1.0]
    np.testing.assert_array_equal(column.read("a", NumberRule(missing=("-1", "7"))), [1.234, math.nan, math.nan])
    assert column.numbers.tolist() == [1.234, 7.0, -1.0]


def test_a_cell_that_does_not_fit_is_named_with_its_row():
    column = read(b"a\n" + b"1\n" * 50 + b"x\n" + b"2\n" * 50 + b"x\n", 20)[0][0]
    with pytest.raises(CellError, match="column 'a' must hold numbers") as caught:
        column.read("a", NumberRule())
    assert (caught.value.row, caught.value.value) == (50, "x")


def test_texts_that_pandas_would_change_stay():
    tables = [["True", "False"], ["007", "x"], ["1", "x" * 200_000], ["2024-01-05", "1"], ["\ufeffx", "y"], ["NA", "x"]]
    for cells in tables:
        assert read("\n".join(["a", *cells, ""]).encode(), 4)[0][0].texts() == cells


def test_rows_of_a_mask_are_a_column():
    column = read(b"a\nx\ny\nx\nz\ny\n", 4)[0][0].take(np.array([False, True, False, True, True]))
    assert (len(column), column.texts(), column.counts()) == (3, ["y", "z", "y"], {"y": 2, "z": 1})
    numbers = read(b"a\n3\n4\n5\n", 3)[0][0].take(np.array([True, False, True]))
    assert numbers.numbers.tolist() == [3.0, 5.0] and numbers.texts() == ["3", "5"]
