"""The C source reads raw cells exactly as the rules of the runtime do."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mothernet_export import CategoricalColumn, ChildNetwork, NumericColumn
from mothernet_export.c_writer.compiled import CompiledChild
from mothernet_runtime.cells import CategoryRule, DateRule, NumberRule, rule_of_schema

sys.path.insert(0, str(Path(__file__).parent))

from c_programs import CASES, COMPILER, CONFORMANCE, compiled, csv_cells, program, read_columns, read_json, run

Child = Callable[..., ChildNetwork]
pytestmark = pytest.mark.skipif(not COMPILER, reason="needs a C compiler")

CELLS = read_json("cells.json")


@pytest.mark.parametrize("entry", [rule for name in ("number", "date", "category") for rule in CELLS[name]["rules"]])
def test_every_text_of_the_table_of_cells_is_read_exactly(entry: dict[str, Any], make_child: Child) -> None:
    rule = rule_of_schema(entry)
    group = CELLS["number" if entry["type"] == "boolean" else entry["type"]]
    number = group["rules"].index(entry)
    cells = [(text, values[number]) for text, values in group["cells"] if "\0" not in text]
    if isinstance(rule, CategoryRule):
        known = tuple(sorted({value for _, value in cells}))
        model = compiled(make_child(CategoricalColumn("x", known, rule=rule), width=0))
        wanted = [[known.index(value)] for _, value in cells]
    else:  # with an offset, the field is a double
        part = "days" if isinstance(rule, DateRule) else "value"
        column = NumericColumn("x", 0.0, (0.0, 1.0), True, rule=rule, offset=1.0, part=part)
        model = compiled(make_child(column, width=0))
        wanted = [-1 if value == "error" else [float(value)] for _, value in cells]
    assert [repr(model.read([text])) for text, _ in cells] == list(map(repr, wanted))


def test_a_cell_that_cannot_be_read_is_an_error_of_its_column(tmp_path: Path) -> None:
    child = next(case.child for case in CASES if case.name == "mixed")
    path = program(child, tmp_path)
    entries = [
        entry for entry in read_json("manifest.json")["cases"] if entry.get("error", {}).get("message_holds") == "fare"
    ]
    entries = [entry for entry in entries if "column" not in entry["name"]]
    assert len(entries) > 10
    for entry in entries:
        cells = csv_cells(CONFORMANCE / entry["rows_csv"], child)
        answers = run(path, zip(*cells.values(), strict=True))
        number = [parts[0].name for parts in read_columns(child)].index("fare")
        assert answers[-1][:2] == [str(-1 - number), "fare:"], entry["name"]
        assert " ".join(answers[-1]).endswith("must hold a number as the column writes them")


def test_text_that_is_not_utf8_is_an_error(make_child: Child) -> None:
    model = compiled(make_child(CategoricalColumn("town", ("Bern", "Genève"))))
    for cell in (b"Z\xfcrich", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xe2\x82", b"\xff" * 99):
        assert model.read([cell]) == -1
    assert [model.read([cell]) for cell in ("Genève", "Gene\u0300ve", "", None)] == [[1], [1], [2], [2]]


RULES = [
    NumberRule(),
    NumberRule(",", ".", "€", missing=("-", "0")),
    NumberRule(",", " ", "p.a.", percent=True),
    NumberRule(".", "\u2019", "m2", missing=("1e3",)),
    NumberRule(".", ",", "5"),  # no currency that anyone has, but the grammar allows it
    NumberRule(".", "'", "-"),
    NumberRule(boolean=True, missing=("n",)),
    DateRule("ymd"),
    DateRule("dmy", ("?",)),
    DateRule("mdy"),
    DateRule("time", ("0:00",)),
]
SPELLED = [
    "1.234,5",
    "12,34,567.5",
    "1 234\u00a0567,25 p.a.",
    "(5 €)",
    "-€-5",
    "5\u202f%",
    "1'234",
    "1\u2019234m2",
    "yes",
]
SPELLED += ["0.1", "1e-7", "-.5E+3", "-inf", "nan", "NA", "9007199254740993", "2.2250738585072011e-308", "4.9e-324"]
SPELLED += ["1.7976931348623159e308", "0.500000000000000166533453693773481063544750213623046875", "9" * 400 + "e-399"]
SPELLED += ["2024-02-29T12:30:15.25Z", "29.2.2024 23:59", "05/01/24, 3:04 pm", "5. Sept. 2024", "May 5, 2024 24:00"]
SPELLED += ["20240105T12:30", "9999-12-31 23:59:60-23:59", "12:00 a.m.", "0:00", "?"]
PIECES = [
    *"0123456789 .,'-+()%eE:/TZ",
    "\u00a0",
    "\u2019",
    "€",
    "p.a.",
    "m2",
    "am",
    "UTC",
    "Jan",
    "\t",
    "é",
    "12",
    "000",
]


@st.composite
def spellings(draw: Any) -> str:
    """Texts that are nearly numbers or dates: others with a few pieces put in, replaced or taken out."""
    text = draw(st.sampled_from(SPELLED) | st.floats().map(repr) | st.lists(st.sampled_from(PIECES)).map("".join))
    for _ in range(draw(st.integers(0, 3))):
        place, dropped = draw(st.integers(0, len(text))), draw(st.integers(0, 2))
        text = text[:place] + draw(st.sampled_from(["", *PIECES])) + text[place + dropped :]
    return text


@pytest.fixture(scope="module")
def readers(make_child: Child) -> list[CompiledChild]:
    """One of a column by each rule, whose field is a double that holds the value itself."""
    found = []
    for rule in RULES:
        part: Any = "days" if isinstance(rule, DateRule) else "value"
        column = NumericColumn("x", 0.0, (0.0, 1.0), True, rule=rule, offset=1.0, part=part)
        found.append(compiled(make_child(column, width=0)))
    return found


@settings(max_examples=1000, deadline=None)
@given(text=spellings())
def test_any_number_and_date_is_read_exactly(readers: list[CompiledChild], text: str) -> None:
    for rule, reader in zip(RULES, readers, strict=True):
        value = rule.read_text(text)
        assert repr(reader.read([text])) == repr(-1 if value is None else [value]), rule


def test_numbers_are_rounded_to_the_nearest_float64(readers: list[CompiledChild]) -> None:
    rng = np.random.default_rng(0)
    found = rng.integers(0, 2**63, 300, np.int64).view(np.float64)
    for number in [*found[np.isfinite(found)].tolist(), 5e-324, 2.0**-1022, 1.0, 2.0**53, 1e22]:
        with localcontext() as context:
            context.prec = 1200
            half = (Decimal(number) + Decimal(float(np.nextafter(number, np.inf)))) / 2
        tie = f"{half:f}" if "." in f"{half:f}" else f"{half:f}."
        for text in (repr(number), tie, f"{half:e}", f"{tie}1", f"{tie}{'0' * 900}1"):
            assert readers[0].read([text]) == [float(text)], text
    for digits in rng.integers(10**15, 10**18, 2000).tolist():  # of which a float64 holds the smaller ones
        text = f"{digits // 1000}.{digits % 1000:03}"
        assert readers[0].read([text]) == [float(text)], text


LETTERS = [
    *"e\u0301\u0300\u0323éệK\u212aA\u030a\u212b가각\u1100\u1161\u11a8\u0344\u0308\u0f73\u0f71\U0001d15e\u0958=\u0338\u0340日03."
]
words = st.lists(st.sampled_from(LETTERS), min_size=1, max_size=6).map("".join)
INTEGERS = ["3.0", "03", "+3.", "-3", "3", "-0", "00.0", "3e0"]
CATEGORY_RULES = [
    (CategoryRule(), [""]),
    (CategoryRule(integers=True, missing=("3", "é", "e\u0301")), [""]),
    (CategoryRule(integers=True, missing=("3.0", "é")), []),  # missing cells are like any other text
]
KNOWN = [*"éệ각가ÅK30\u0958日.\U0001d15e", "e\u0323A", "a\u0308\u0301\u0323", "=\u0338", "日本", ""]


@pytest.fixture(scope="module")
def category_readers(make_child: Child) -> list[tuple[CategoryRule, list[str], CompiledChild]]:
    found = []
    for rule, missing in CATEGORY_RULES:
        known = [*missing, *(text for text in dict.fromkeys(map(rule.read_text, KNOWN)) if text)]
        found.append((rule, known, compiled(make_child(CategoricalColumn("x", tuple(known), rule=rule), width=0))))
    return found


@settings(max_examples=1000, deadline=None)
@given(
    text=words
    | st.sampled_from([*KNOWN, *INTEGERS])
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
)
def test_a_category_is_found_by_any_spelling_that_is_the_same_in_nfc(category_readers: Any, text: str) -> None:
    for rule, known, reader in category_readers:
        for spelled in {text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD"))}:
            found = rule.read_text(spelled)
            assert reader.read([spelled]) == [known.index(found) if found in known else len(known)]
