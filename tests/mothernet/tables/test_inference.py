"""How a column of texts is read: as numbers, booleans, dates or categories, however people write them."""

from __future__ import annotations

from collections import Counter

import pytest
from mothernet_runtime.cells import CategoryRule, DateRule, IgnoredRule, NumberRule

from mothernet.tables.inference import Reading, infer_rule


def infer(*cells: str, name: str = "column", **options: str) -> Reading:
    return infer_rule(name, Counter(cells * 5), **options)


NUMBERS = {
    "plain": (["1", "-2.5", "3e2", ".5", "inf"], NumberRule()),
    "decimal comma": (["21,32", "22,5", "3"], NumberRule(",")),
    "German": (["1.234,56", "12,5", "1.234.567,0"], NumberRule(",", ".")),
    "French": (["1 234,5", "2\u00a0345,0", "12\u202f000"], NumberRule(",", " ")),
    "Swiss": (["1'234.50", "12'345'678.00"], NumberRule(".", "'")),
    "Indian": (["1,00,000", "12,34,567", "99"], NumberRule(".", ",")),
    "English": (["1,234.5", "12"], NumberRule(".", ",")),
    "accounting": (["(1,234)", "5,678", "-3"], NumberRule(".", ",")),
    "percent": (["45.1%", "3 %", "0.5%"], NumberRule(percent=True)),
    "dollars": (["$12.50", "-$3", "$1"], NumberRule(affix="$")),
    "euros": (["12,50 €", "1.200,00 €"], NumberRule(",", ".", "€")),
    "code before": (["USD 12.50", "USD 3"], NumberRule(affix="USD")),
    "unit": (["12 kg", "3.5kg", "4"], NumberRule(affix="kg")),
    "unit of its own": (["12 widgets", "3 widgets"], NumberRule(affix="widgets")),
    "markers": (["1", "2", "?", "n.a.", "-", "3"], NumberRule(missing=("?", "n.a.", "-"))),
    "words of pandas": (["1", "2", "NA", "null", "3"], NumberRule()),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers_are_read_as_their_column_writes_them(case: str) -> None:
    cells, rule = NUMBERS[case]
    reading = infer(*cells)
    assert reading.rule == rule
    assert not reading.odd


TEXTS = {
    "codes with letters": ["S15", "S38", "S2"],
    "sizes": ["12", "14", "16", "XL"],
    "versions": ["1.2.3", "1.2.4"],
    "addresses": ["10.0.0.1", "10.0.0.2"],
    "telephones": ["+49 30 123", "+49 30 456"],
    "ranges": ["10-20", "20-30"],
    "comparisons": ["<5", "5", "6"],
    "underscores": ["1_000", "2_000"],
    "full-width digits": ["\uff11", "\uff12"],
    "two units": ["12 kg", "500 g"],
    "two currencies": ["$5", "€5"],
    "grades": ["A+", "A-", "B"],
    "letters that could be booleans": ["y", "x"],
}


@pytest.mark.parametrize("case", TEXTS)
def test_what_is_no_number_stays_a_category(case: str) -> None:
    assert isinstance(infer(*TEXTS[case]).rule, CategoryRule)


@pytest.mark.parametrize(
    "cells", [["True", "False"], ["true", "FALSE", "1"], ["yes", "no", ""], ["Y", "n"], ["0", "1"], ["0.0", "1.0"]]
)
def test_booleans_in_any_spelling(cells: list[str]) -> None:
    assert infer(*cells).rule == NumberRule(boolean=True)


DATES = {
    "ISO": (["2024-01-05", "2023-12-31"], "ymd"),
    "ISO with time": (["2024-01-05T10:00:00Z", "2024-01-05 10:00:00.5+02:00"], "ymd"),
    "slashes, year first": (["2024/01/05", "2023/12/31"], "ymd"),
    "points": (["31.12.2024", "1.1.2023"], "dmy"),
    "slashes, a day beyond 12 first": (["31/12/2024", "1/1/2023"], "dmy"),
    "slashes, a day beyond 12 second": (["12/31/2024", "1/1/2023"], "mdy"),
    "names of months": (["3 Jan 2024", "14 February 2023"], "dmy"),
    "American names": (["Jan 3, 2024", "February 14, 2023"], "mdy"),
    "times of day": (["10:30", "23:59:59"], "time"),
}


@pytest.mark.parametrize("case", DATES)
def test_dates_in_the_order_that_fits_all_cells(case: str) -> None:
    cells, pattern = DATES[case]
    assert infer(*cells).rule == DateRule(pattern)


def test_dates_that_fit_two_orders_say_so() -> None:
    assert "the other way round" in infer("1/2/2024", "3/4/2023").reason


def test_few_strange_cells_among_numbers_are_named_and_count_as_missing() -> None:
    reading = infer_rule("x", Counter([*map(str, range(0, 300, 3)), "oops", "oops", "12;5"]))
    assert isinstance(reading.rule, NumberRule) and set(reading.rule.missing) == {"oops", "12;5"}
    assert reading.odd == ("oops", "12;5") and reading.odd_cells == 3


def test_many_strange_cells_make_a_category() -> None:
    assert isinstance(infer_rule("x", Counter([*map(str, range(50)), *["low"] * 10])).rule, CategoryRule)


def test_a_thousand_or_a_decimal_comma_is_decided_by_the_rest_of_the_table() -> None:
    assert infer("1,234", "5,678").rule == NumberRule(".", ",")
    assert infer("1,234", "5,678", decimal=",").rule == NumberRule(",")


def test_identifiers_constants_and_free_text_are_ignored_with_a_reason() -> None:
    ids = {str(7919 * i % 100_003): 1 for i in range(1, 60)}
    assert infer_rule("customer_id", ids) == Reading(IgnoredRule(), infer_rule("customer_id", ids).reason)
    assert "by its name" in infer_rule("customer_id", ids).reason
    assert isinstance(infer_rule("population", ids).rule, NumberRule)
    assert infer_rule("n", {str(i): 1 for i in range(40)}).reason == "counts the rows"
    assert "an identifier" in infer_rule("code", {f"k{i}": 1 for i in range(40)}).reason
    assert "free text" in infer_rule("remark", {f"a long remark, number {i} of them": 1 for i in range(40)}).reason
    assert infer("a").reason == "constant" and infer("7").reason == "constant"
    assert infer("", "NA").reason == "all cells are missing"


def test_a_type_that_the_user_names_is_obeyed() -> None:
    ids = {str(i): 1 for i in range(40)}
    assert isinstance(infer_rule("id", ids, choice="number").rule, NumberRule)
    assert infer_rule("id", ids, choice="category").rule == CategoryRule(integers=True)
    assert infer_rule("day", {"20240105": 3, "20231231": 2}, choice="date").rule == DateRule("ymd")
    assert infer("a", "b", choice="ignored").rule == IgnoredRule()
    with pytest.raises(ValueError, match="column 'x' must hold cells of the type 'number', as asked, however: 'a'"):
        infer_rule("x", {"a": 3, "b": 2}, choice="number")


@pytest.mark.parametrize(("cells", "integers"), [("3 4", True), ("3.0 4", True), ("03 3", False), ("3 x", False)])
def test_whole_numbers_as_categories_have_one_form_unless_that_merges_two(cells: str, integers: bool) -> None:
    assert infer(*cells.split(), choice="category").rule == CategoryRule(integers=integers)
