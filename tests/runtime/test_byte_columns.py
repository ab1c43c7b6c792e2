"""Columns in bytes mean what their cells mean one by one, whatever the rule and however they are written."""

import datetime
import doctest
import io
import random
from types import SimpleNamespace

import mothernet_runtime.byte_cells
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mothernet_runtime.byte_cells import ByteCells
from mothernet_runtime.cells import CategoryRule, DateRule, IgnoredRule, NumberRule
from mothernet_runtime.columns import CellError, read_column
from mothernet_runtime.csv_files import RegularBlock, csv_cell, read_blocks
from mothernet_runtime.dates import DATE_PATTERNS, LAYOUT_LENGTHS, seconds_of_characters, seconds_of_text

MARKERS = st.lists(
    st.sampled_from(["?", "-1", "7", "1,5", "2024-01-05", "05.01.2024", "n.a."]), unique=True, max_size=2
)
NUMBER_RULES = st.builds(
    NumberRule,
    st.sampled_from([".", ","]),
    st.sampled_from(["", ",", ".", "'", " "]),
    st.sampled_from(["", "€", "m2", "1", "-", "1.5", "kg"]),
    st.booleans(),
    missing=MARKERS.map(tuple),
).filter(lambda rule: rule.decimal != rule.group)
BOOLEAN_RULES = st.builds(NumberRule, boolean=st.just(True), missing=MARKERS.map(tuple))
DATE_RULES = st.builds(DateRule, st.sampled_from(DATE_PATTERNS), MARKERS.map(tuple))
CATEGORY_RULES = st.builds(CategoryRule, st.booleans(), MARKERS.map(tuple))
RULES = NUMBER_RULES | BOOLEAN_RULES | DATE_RULES | CATEGORY_RULES | st.just(IgnoredRule())

FIXED = ["", "1", "-1", "7", "1.5", "1,5", "1.234", "1,234.5", "-0", "5 €", "15", "1 2", "inf", "NA", "nan", "+nan"]
FIXED += ["?", " 7", "7 ", "\t-1", "1e3", "1" * 17, "0.1234567890123456789", "yes", "No", "(5)", "45%", "x", "é", "٣"]
FIXED += ["2024-01-05", "2024-02-30", "05.01.2024", "01/31/2024", "31/01/2024", "5.1.24", "2024/01/05", "2024.01-05"]
FIXED += [
    "2024-01-05 10:20",
    "2024-01-05T10:20:30Z",
    "05.01.2024 24:00",
    "12:30",
    "0000-01-01",
    "x" * 70,
    "a b c d e f g",
]
TEXTS = st.sampled_from(FIXED) | st.text("0123456789.,-+/:TZ eE'\u00a0", max_size=20)


def read_cell_by_cell(rule, texts):
    return [None if isinstance(rule, IgnoredRule) else rule.read(text) for text in texts]


@settings(max_examples=500)
@given(RULES, st.lists(TEXTS, max_size=20), st.integers(1, 40))
@example(NumberRule(missing=("7",)), ["7", "7.0", " 7", "07"], 1)
@example(DateRule("dmy", ("05.01.2024",)), ["05.01.2024", "2024-01-05", "5.1.2024"], 1)
@example(NumberRule(affix="1"), ["15", "5", "1"], 1)
def test_columns_are_read_as_cell_by_cell(rule, texts, times):
    texts = texts * times
    try:
        expected = read_cell_by_cell(rule, texts)
    except ValueError:
        with pytest.raises(CellError) as of_texts:
            read_column("a", rule, texts)
        with pytest.raises(CellError) as of_bytes:
            read_column("a", rule, ByteCells.of(texts))
        assert of_bytes.value.args == of_texts.value.args
        return
    got = read_column("a", rule, ByteCells.of(texts))
    if isinstance(rule, NumberRule | DateRule):
        np.testing.assert_array_equal(got, np.array(expected, float))
        np.testing.assert_array_equal(np.signbit(got), np.signbit(np.array(expected, float)))
    else:
        assert got.tolist() == expected


LAYOUT_TEXTS = st.sampled_from(LAYOUT_LENGTHS).flatmap(
    lambda length: st.lists(st.text("0123459-/.: TZ", min_size=length, max_size=length), min_size=1, max_size=4)
)
MOMENTS = st.lists(st.datetimes(datetime.datetime(1000, 1, 1)), min_size=1, max_size=8)


@given(LAYOUT_TEXTS, st.sampled_from(DATE_PATTERNS))
def test_dates_that_are_found_are_those_of_the_grammar(texts, pattern):
    check_dates(texts, pattern)


@pytest.mark.parametrize("layout", ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d-%m-%Y", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y"])
@pytest.mark.parametrize("time", ["", " %H:%M", "T%H:%M", " %H:%M:%S", "T%H:%M:%S", "T%H:%M:%SZ"])
@settings(max_examples=20)
@given(moments=MOMENTS, pattern=st.sampled_from(DATE_PATTERNS))
def test_dates_of_usual_layouts_are_found(layout, time, moments, pattern):
    texts = [moment.strftime(layout + time) for moment in moments]
    found = check_dates(texts, pattern)
    assert found == [pattern != "time" and seconds_of_text(text, pattern) is not None for text in texts]


def check_dates(texts, pattern):
    by_length = {}
    for text in texts:
        by_length.setdefault(len(text), []).append(text)
    are_found = {}
    for length, alike in by_length.items():
        characters = np.frombuffer("".join(alike).encode(), np.uint8).reshape(-1, length)
        seconds, found = seconds_of_characters(characters, pattern)
        for text, value, is_found in zip(alike, seconds.tolist(), found.tolist(), strict=True):
            assert np.isnan(value) if not is_found else value == seconds_of_text(text, pattern), text
            are_found[text] = is_found
    return [are_found[text] for text in texts]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=90), max_size=30))
@example(["a", "aa", "", "a" * 64, "a" * 65, "b" + "a" * 63])
@example(["a" * 8 + "b", "a" * 9, "b" + "a" * 8])
def test_codes_and_distinct_texts_are_those_of_a_dict(texts):
    texts = texts * 2
    cells = ByteCells.of(texts)
    codes, distinct = cells.coded()
    assert distinct == list(dict.fromkeys(texts))
    assert [distinct[code] for code in codes.tolist()] == texts == cells.texts() == list(cells)
    assert cells.content() == "".join(texts).encode()


def test_texts_of_one_key_are_told_apart():
    """Keys are words of eight characters, mixed; here the second word is chosen so that two texts have one key."""
    factor = mothernet_runtime.byte_cells._FACTORS[0]

    def key(last, first):
        return ((last ^ (last >> 29)) * factor + first) % 2**64

    rng, texts = random.Random(0), []
    while len(texts) < 2:
        one, other = (int.from_bytes(bytes(rng.randrange(1, 128) for _ in range(8)), "little") for _ in range(2))
        first = int.from_bytes(b"abcdefgh", "little")
        needed = (key(one, first) - key(other, 0)) % 2**64
        words = [(first, one), (needed, other)]
        try:
            texts = ["".join(word.to_bytes(8, "little").decode() for word in pair) for pair in words]
        except UnicodeDecodeError:
            continue
        texts = texts if "\0" not in "".join(texts) else []
    codes, distinct = ByteCells.of(texts * 3).coded()
    assert distinct == texts and codes.tolist() == [0, 1] * 3


def cells_of_file(columns, delimiter, line_end, quote, block_bytes):
    """The cells of a file's columns, as bytes, block by block."""
    written = [
        delimiter.join('"' + cell.replace('"', '""') + '"' if quote else csv_cell(cell) for cell in row)
        for row in zip(*columns, strict=True)
    ]
    content = line_end.join([delimiter.join("abc"[: len(columns)]), *written, ""]).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(content))))
        blocks = [block for block in read_blocks("-", block_bytes=block_bytes) if len(block)]
    return [
        [block.cells(j) if isinstance(block, RegularBlock) else block.columns[j] for block in blocks]
        for j in range(len(columns))
    ]


@settings(max_examples=200)
@given(
    st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=30),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.sampled_from([30, 300, 1 << 20]),
)
def test_cells_of_blocks_are_those_that_were_written(rows, delimiter, line_end, quote, block_bytes):
    if not quote:
        rows = [[cell.strip(" \t").replace(delimiter, "") or "1" for cell in row] for row in rows]
    columns = [list(column) for column in zip(*rows, strict=True)]
    for column, parts in zip(columns, cells_of_file(columns, delimiter, line_end, quote, block_bytes), strict=True):
        assert [cell for part in parts for cell in part] == column
        for part in parts:
            if isinstance(part, ByteCells):
                assert read_column("a", CategoryRule(), part).tolist() == [CategoryRule().read(cell) for cell in part]


def test_a_cell_of_many_spaces_takes_little_time():
    for text in (" " * 10**6 + "1", " " * 10**6):
        blocks = cells_of_file([["x", text], ["y", "2"]], ",", "\n", False, 1 << 20)
        assert [cell for part in blocks[0] for cell in part] == ["x", text.lstrip(" ")]


def test_docstring_examples_run():
    assert doctest.testmod(mothernet_runtime.byte_cells).failed == 0
