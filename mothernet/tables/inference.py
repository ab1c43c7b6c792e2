"""Which rule the cells of a training column follow: number, boolean, date, category, or nothing to learn from.

Decided once, at fit, from the distinct texts of a column and how often each occurs, and recorded in the file. What a
rule makes of a cell is :mod:`mothernet_runtime.cells`' business.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from mothernet_runtime.cells import (
    GROUPS,
    CategoryRule,
    CellRule,
    DateRule,
    Decimal,
    IgnoredRule,
    NumberRule,
    boolean_of_text,
)
from mothernet_runtime.dates import DATE_PATTERNS, DatePattern
from mothernet_runtime.text import shortened

from mothernet.tables.distinct_texts import DistinctTexts
from mothernet.tables.words import CURRENCIES, UNITS

__all__ = ["COLUMN_TYPES", "ColumnChoice", "Reading", "identifies_rows", "infer_rule"]

ColumnChoice = Literal["number", "boolean", "date", "category", "ignored"]
COLUMN_TYPES: tuple[ColumnChoice, ...] = get_args(ColumnChoice)

_MAX_ODD_SHARE = 0.05  # of the cells that are present, beyond which a column is no column of numbers or dates
_MAX_ODD_TEXTS = 30
_SAMPLE = 2_000  # distinct texts by which the way to write numbers is chosen
_IDENTIFIER_ROWS = 20  # below, that all cells differ says nothing
_IDENTIFIER_SHARE = 0.95  # of distinct texts
_FREE_TEXT_WORDS = 4  # on average
_WRITTEN = re.compile(
    r"\(?\s*[+-]?\s*(?P<before>[^\d\s.,+()-]*(?:\.(?=\s))?)\s*[+-]?"
    r"(?P<number>(?:[.,]?\d(?:[\d.,'\u2019 \u00a0\u202f]*\d)?[.,]?)(?:[eE][+-]?\d+)?)"
    r"(?P<space>[\s\u00a0\u202f]*)(?P<after>[^\d\s()+-][^\s()]*|)\s*\)?"
)
_PLAIN_INTEGER = re.compile(r"-?\d+", re.ASCII)
_NAMED_LIKE_AN_IDENTIFIER = re.compile(
    r"(?i)(?:^|[\W_])(?:id|ids|uuid|guid|key|nr|no|number|num|index|idx|row|rowid)$|^id(?:[\W_]|$)|(?-i:[a-z](?:ID|Id|Nr|No))$"
)


@dataclass(frozen=True)
class Reading:
    """How a column is read, and why.

    Attributes
    ----------
    rule : CellRule
    reason : str
        One phrase for a person.
    odd : tuple of str
        Texts that do not fit and count as missing, the most frequent first.
    odd_cells : int
        How many cells hold them.
    """

    rule: CellRule
    reason: str = ""
    odd: tuple[str, ...] = ()
    odd_cells: int = 0

    def complaint(self, name: str) -> str:
        """Which cells of the column do not fit, for a person; ``""`` if all do."""
        if not self.odd:
            return ""
        shown = ", ".join(shortened(repr(text)) for text in self.odd[:5]) + (" and others" if self.odd[5:] else "")
        return (
            f"column {name!r} is read as {self.rule.type}; {self.odd_cells:,} of its cells are none and count as "
            f"missing: {shown}"
        )


def infer_rule(
    name: str,
    texts: Mapping[str, int] | DistinctTexts,
    *,
    decimal: Decimal | None = None,
    choice: ColumnChoice | None = None,
) -> Reading:
    """Decide how a column is read.

    Parameters
    ----------
    name : str
    texts : mapping of str to int, or DistinctTexts
        The distinct texts of the column and their numbers of rows, in the order of their first rows.
    decimal : {".", ","}, optional
        The decimal sign of the table's other columns, where this one leaves it open.
    choice : str, optional
        The type, where the user has named it; the rule's details are inferred all the same.
    """
    distinct = texts if isinstance(texts, DistinctTexts) else DistinctTexts.of(texts)
    if choice == "ignored":
        return Reading(IgnoredRule(), "as asked")
    if not len(distinct):
        return Reading(IgnoredRule() if choice is None else _empty_rule(choice), "all cells are missing")
    if choice == "category":
        return Reading(_category_rule(distinct.counts()), "as asked")
    if choice is None and len(distinct) == 1 and not distinct.n_blank:
        return Reading(IgnoredRule(), "constant")
    found: Reading | None = None
    forced = choice is not None
    if choice in (None, "boolean"):
        found = _boolean(distinct, forced=forced)
    if found is None and choice in (None, "number", "boolean"):
        found = _number(distinct, decimal, forced=forced)
        if found is not None and choice is None and isinstance(found.rule, NumberRule):
            numbers = np.repeat(distinct.read(found.rule).values, distinct.rows.clip(max=2))
            if why := identifies_rows(name, numbers[~np.isnan(numbers)]):
                return Reading(IgnoredRule(), why)
    if found is None and choice in (None, "date"):
        found = _date(distinct, forced=forced)
    if found is not None:
        return replace(found, reason="as asked") if choice is not None else found
    counts = distinct.counts()
    if choice is not None:
        example = next(iter(counts))
        raise ValueError(
            f"column {name!r} must hold cells of the type {choice!r}, as asked, however: {example!r}. "
            "Choose another type for it."
        )
    rows = distinct.n_rows
    if rows >= _IDENTIFIER_ROWS and len(counts) > _IDENTIFIER_SHARE * rows:
        words = sum(len(text.split()) for text in counts) / len(counts)
        what = "free text" if words > _FREE_TEXT_WORDS else "an identifier"
        return Reading(IgnoredRule(), f"{what}: {len(counts):,} different texts in {rows:,} rows")
    return Reading(_category_rule(counts))


def _empty_rule(choice: ColumnChoice) -> CellRule:
    rules: dict[str, CellRule] = {
        "date": DateRule(),
        "category": CategoryRule(),
        "boolean": NumberRule(boolean=True),
    }
    return rules.get(choice, NumberRule())


def _read_as(rule: NumberRule | DateRule, texts: DistinctTexts, reason: str, *, forced: bool) -> Reading | None:
    """The reading by a rule, which gets the markers and odd texts of the column; None if too many are odd."""
    read = texts.read(rule, max_odd := math.inf if forced else _MAX_ODD_TEXTS)
    if len(read.odd) > max_odd or read.refused_rows == texts.n_rows:
        return None
    marked, strange = sum(read.markers.values()), sum(read.odd.values())
    if not forced and strange > _MAX_ODD_SHARE * (texts.n_rows - marked):
        return None
    markers, odd = tuple(read.markers), tuple(sorted(read.odd, key=lambda text: -read.odd[text]))
    notes = [reason] if reason else []
    if markers:
        notes.append("missing where " + ", ".join(map(repr, markers[:4])))
    return Reading(replace(rule, missing=markers + odd), ", ".join(notes), odd, strange)


def _boolean(texts: DistinctTexts, *, forced: bool) -> Reading | None:
    rule = NumberRule(boolean=True)
    read = texts.read(rule, max_odd := math.inf if forced else _MAX_ODD_TEXTS)
    if len(read.odd) > max_odd:
        return None
    known = read.values[~np.isnan(read.values)]
    has_nan = len(known) + len(read.markers) + len(read.odd) < len(texts)  # a number, such as +nan
    if not len(known) or has_nan or not ((known == 0) | (known == 1)).all():
        return None
    words = [text for text in texts.counts() if boolean_of_text(text) is not None]
    has_one_value = bool((known == known[0]).all())
    if not words and not forced and has_one_value:
        return None
    # letters alone (n, t, y, f) are categories unless both values are there
    if words and all(len(word) == 1 for word in words) and has_one_value and not forced:
        return None
    return _read_as(rule, texts, "", forced=forced)


def _number(texts: DistinctTexts, decimal: Decimal | None, *, forced: bool) -> Reading | None:
    sample = texts.most_common(_SAMPLE)
    refused = list(sample.read(NumberRule()).odd)
    if not refused:
        return _read_as(NumberRule(), texts, "", forced=forced)
    affix, percent = _affix(refused)
    candidates = _candidates(affix, percent, decimal, refused)
    best = min(candidates, key=lambda rule: sample.read(rule).refused_rows)
    return _read_as(best, texts, _described(best), forced=forced)


def _candidates(affix: str, percent: bool, decimal: Decimal | None, refused: list[str]) -> list[NumberRule]:
    """Ways to write numbers, the likelier first; the first of equally good ones counts."""
    groups = [
        group
        for group in GROUPS
        if not group or any(set(group if group != " " else " \u00a0\u202f") & set(text) for text in refused)
    ]
    # 1,234 alone may be either: groups, unless other columns of the table have a decimal comma
    point = [NumberRule(".", group, affix, percent) for group in groups if group != "."]
    comma = [NumberRule(",", group, affix, percent) for group in groups if group != ","]
    return comma + point if decimal == "," else point + comma


def _affix(refused: list[str]) -> tuple[str, bool]:
    """The one currency or unit that numbers carry, and whether some end in %."""
    found: Counter[str] = Counter()
    percent = False
    for text in refused:
        match = _WRITTEN.fullmatch(text)
        if not match:
            continue
        before, after = match["before"], match["after"]
        if after.endswith("%"):
            percent, after = True, after[:-1]
        if before and _is_currency(before):
            found[before] += 1
        if after and (_is_currency(after) or after.lower() in UNITS or (match["space"] and after.isalpha())):
            found[after] += 1
    return (found.most_common(1)[0][0] if found else ""), percent


def _is_currency(text: str) -> bool:
    return text in CURRENCIES or text.upper() in CURRENCIES or any(unicodedata.category(c) == "Sc" for c in text)


def _described(rule: NumberRule) -> str:
    parts = []
    if rule.decimal == ",":
        parts.append("decimal comma")
    if rule.group:
        parts.append(f"thousands separated by {rule.group!r}")
    if rule.affix:
        parts.append(f"in {rule.affix}")
    if rule.percent:
        parts.append("percent")
    return ", ".join(parts)


def identifies_rows(name: str, numbers: npt.NDArray[np.float64]) -> str:
    """Why a column of numbers is an identifier, or "" if it is none.

    Parameters
    ----------
    numbers : ndarray (N,)
        Those that are present, in the order of the rows.
    """
    rows = len(numbers)
    if rows < _IDENTIFIER_ROWS or not (np.isfinite(numbers) & (numbers == np.floor(numbers))).all():
        return ""
    steps = np.diff(np.sort(numbers))
    if not steps.all():  # two are equal
        return ""
    if (np.diff(numbers) == 1).all():
        return "counts the rows"
    if _NAMED_LIKE_AN_IDENTIFIER.search(name):
        return f"an identifier by its name: {rows:,} different whole numbers in {rows:,} rows"
    return ""


def _date(texts: DistinctTexts, *, forced: bool) -> Reading | None:
    sample = texts.most_common(_SAMPLE)
    scores = {pattern: sample.n_rows - sample.read(DateRule(pattern)).refused_rows for pattern in DATE_PATTERNS}
    slashes = any("/" in text for text in sample.counts())
    order: tuple[DatePattern, ...] = ("ymd", "mdy", "dmy", "time") if slashes else ("ymd", "dmy", "mdy", "time")
    best = max(order, key=lambda pattern: scores[pattern])
    if not scores[best]:
        return None
    reason = {"ymd": "", "dmy": "day, month, year", "mdy": "month, day, year", "time": "time of day"}[best]
    if {"dmy", "mdy"} >= {best} and scores["dmy"] == scores["mdy"]:
        reason += " (every cell could be the other way round)"
    return _read_as(DateRule(best), texts, reason, forced=forced)


def _category_rule(counts: Counter[str]) -> CategoryRule:
    """With whole numbers in one form where that does not merge two texts of the training table that are not equal."""
    rule = CategoryRule(integers=True)
    integral = [text for text in counts if rule.read_text(text) != text or _PLAIN_INTEGER.fullmatch(text)]
    merged: dict[str, set[str]] = {}
    for text in counts:
        merged.setdefault(rule.read_text(text), set()).add(_without_point(text))
    apart = all(len(texts) == 1 for texts in merged.values())
    return CategoryRule(integers=apart and len(integral) == len(counts))


def _without_point(text: str) -> str:
    """``3.0`` and ``3`` are the same number however a program writes it; ``03`` and ``3`` may be two codes."""
    return re.sub(r"\.0*$", "", text.removeprefix("+"))
