"""The C source answers as the record does: conformance cases under sanitizers, and tables of every type of column."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mothernet_export import CategoricalColumn, ChildNetwork, ClassTarget, IgnoredColumn, NumericColumn, predict_proba
from mothernet_runtime.cells import CategoryRule, DateRule, NumberRule, date_part

sys.path.insert(0, str(Path(__file__).parent))

from c_programs import (
    CASES,
    COMPILER,
    CONFORMANCE,
    Case,
    Columns,
    compiled,
    csv_cells,
    program,
    read_columns,
    read_json,
    run,
)

TOLERANCE = 1e-5  # of a probability in float32, as FORMAT.md has it
CLEAR_GAP = 1e-4  # between the two largest probabilities: no rounding changes such a label
pytestmark = pytest.mark.skipif(not COMPILER, reason="needs a C compiler")


def named(case: Case) -> str:
    return case.name


def reference(child: ChildNetwork, cells: Columns) -> np.ndarray:
    """Probabilities of the record for raw cells, read by the rules of the runtime."""
    n_rows = len(next(iter(cells.values())))
    numeric, categorical = [np.empty((0, n_rows))], []
    for column in child.columns:
        if isinstance(column, IgnoredColumn):
            continue
        values = [column.rule.read(cell) for cell in cells[column.name]]
        if isinstance(column, CategoricalColumn):
            categorical.append(values)
        else:
            numbers = np.array(values, np.float64)
            part = numbers if column.part == "value" else date_part(numbers, column.part)
            numeric.append([part - column.offset])
    with np.errstate(over="ignore"):
        return predict_proba(
            child, np.concatenate(numeric).T, np.array(categorical, object).reshape(len(categorical), n_rows).T
        )


def assert_equal(classes: np.ndarray, probabilities: np.ndarray, expected: np.ndarray) -> None:
    assert np.abs(probabilities - expected).max(initial=0.0) < TOLERANCE
    ordered = np.sort(expected, axis=1)
    clear = ordered[:, -1] - ordered[:, -2] > CLEAR_GAP
    assert (classes == expected.argmax(axis=1))[clear].all()


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=named)
def test_every_conformance_case_is_answered_under_sanitizers(case: Case, tmp_path: Path) -> None:
    expected = read_json("cases", case.name, "expected.json")
    cells = csv_cells(CONFORMANCE / "cases" / case.name / "rows.csv", case.child)
    answers = run(program(case.child, tmp_path), zip(*cells.values(), strict=True))
    assert [case.child.target.classes[int(answer[0])] for answer in answers] == expected["labels"]
    if answers:
        probabilities = np.array([answer[1:] for answer in answers], np.float64)  # (N, C)
        assert np.abs(probabilities - np.array(expected["probabilities"])).max() < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mixed", "many_columns", "extremes", "date_parts"])
def test_int8_weights_answer_nearly_the_same_under_sanitizers(name: str, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == name)
    cells = csv_cells(CONFORMANCE / "cases" / name / "rows.csv", case.child)
    answers = run(program(case.child, tmp_path, weights="int8"), zip(*cells.values(), strict=True))
    expected = np.array(read_json("cases", name, "expected.json")["probabilities"])
    assert 0 < np.abs(np.array([answer[1:] for answer in answers], np.float64) - expected).max() < 0.01


def test_typed_rows_are_answered_as_the_conformance_cases_say() -> None:
    for name in ("mixed", "timestamps", "date_parts", "typed_categories"):
        case = next(case for case in CASES if case.name == name)
        records, expected = (read_json("cases", name, file) for file in ("rows.json", "expected.json"))
        columns = {
            parts[0].name: np.array([parts[0].rule.read(record[parts[0].name]) for record in records], object)
            for parts in read_columns(case.child)
        }
        classes, probabilities = compiled(case.child).predict(columns)
        assert [case.child.target.classes[k] for k in classes] == expected["labels"]
        assert np.abs(probabilities - np.array(expected["probabilities"])).max() < TOLERANCE


NUMBERS = [
    "0",
    "1",
    "-1,5",
    "1.234,5 €",
    "(3)",
    "",
    "NA",
    "-",
    "inf",
    "-Infinity",
    "1e400",
    "2.5",
    "  7 ",
    "99,0",
    None,
]
DATES = ["5.1.2024", "2024-01-05", "1.2.24 13:45", "5 May 2024, 3 pm", "2024-12-31T23:59:60+02:00", "", "?", None]
DATES[3] = "5 May 2024, 3:00 pm"
TIMES = ["0:00", "9:30", "12:00 am", "23:59:59.5", "24:00", "nan", None]
TEXTS = ["a", "B ", "03", "3.0", "+3", "é", "e\u0301", "unseen", "", "unknown", "日本", "x" * 300, None]
finite = st.floats(-1e4, 1e4, width=32)


@st.composite
def columns(draw: Any, name: str) -> list[Any]:
    """The columns of the record that read one raw column, of any type."""
    knots = sorted(draw(st.lists(st.floats(-50, 50, width=16), min_size=0, max_size=6, unique=True)))
    knots = [knot for i, knot in enumerate(knots) if i == 0 or knot - knots[i - 1] > 1e-3]
    numeric = {"centre": draw(st.floats(-60, 60, width=16)), "knots": tuple(knots) if len(knots) > 1 else (),
               "missing_indicator": draw(st.booleans())}  # fmt: skip
    kind = draw(st.sampled_from(["number", "boolean", "date", "time", "category", "ignored"]))
    if kind == "ignored":
        return [IgnoredColumn(name)]
    if kind == "category":
        rule = CategoryRule(draw(st.booleans()), draw(st.sampled_from([(), ("unknown", "3.0")])))
        known = draw(st.lists(st.sampled_from(TEXTS[:-1]).map(rule.read_text), max_size=6, unique=True))
        return [CategoricalColumn(name, tuple(known), rule=rule)]
    if kind in ("date", "time"):
        parts = draw(st.lists(st.sampled_from(["days", "month", "weekday", "hour"]), min_size=1, unique=True))
        rule = DateRule("dmy" if kind == "date" else "time", ("?", "-"))
        offset = 19_700.0 if kind == "date" else 0.0
        return [
            NumericColumn(name, **numeric, rule=rule, part=part, offset=offset if part == "days" else 0.0)
            for part in parts
        ]
    rule = (
        NumberRule(boolean=True, missing=("-",))
        if kind == "boolean"
        else NumberRule(",", ".", "€", True, missing=("-",))
    )
    return [NumericColumn(name, **numeric, rule=rule, offset=draw(st.sampled_from([0.0, 1.5, -1e6])))]


@st.composite
def tables(draw: Any) -> tuple[ChildNetwork, Columns]:
    """A child with raw columns of all types, and raw cells for it."""
    raw = [draw(columns(f"c{i}")) for i in range(draw(st.integers(1, 6)))]
    if all(isinstance(parts[0], IgnoredColumn) for parts in raw):
        raw.append([CategoricalColumn("last", ("a",))])
    record = tuple(column for parts in raw for column in parts)
    width, n_classes, rng = (
        draw(st.integers(0, 9)),
        draw(st.integers(2, 5)),
        np.random.default_rng(draw(st.integers(0, 99))),
    )
    n_inputs, n_units = sum(column.n_inputs for column in record), width + n_classes
    target = ClassTarget(tuple(f"class {k}" for k in range(n_classes)))
    weights = [rng.normal(size=shape) for shape in ((n_inputs, n_units), n_units, (width, n_classes))]
    child = ChildNetwork(record, target, *weights)
    cells: Columns = {}
    for parts in read_columns(child):
        rule = parts[0].rule
        numbers = [
            *NUMBERS,
            *(repr(knot).replace(".", ",") for column in parts for knot in getattr(column, "knots", ())),
        ]
        spelled = TEXTS if isinstance(rule, CategoryRule) else NUMBERS
        if isinstance(rule, DateRule):
            spelled = TIMES if rule.pattern == "time" else DATES
        elif isinstance(rule, NumberRule):
            spelled = ["yes", "F", "-", "1", "0.0", "NaN", None] if rule.boolean else numbers
        cells[parts[0].name] = draw(st.lists(st.sampled_from(spelled), min_size=8, max_size=8))
    return child, cells


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables())
def test_any_table_is_answered_as_the_reference_does(table: tuple[ChildNetwork, Columns]) -> None:
    child, cells = table
    model, expected = compiled(child), reference(child, cells)
    assert_equal(*model.predict_texts(cells), expected)
    rules = {parts[0].name: parts[0].rule for parts in read_columns(child)}
    typed = {name: np.array([rules[name].read(cell) for cell in column], object) for name, column in cells.items()}
    assert_equal(*model.predict(typed), expected)
