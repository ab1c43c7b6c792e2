"""Which rule the cells of a training column follow: number, boolean, date, category, or nothing to learn from.

Decided once, at fit, from the distinct texts of a column and how often each occurs, and recorded in the file. What a
rule makes of a cell is :mod:`mothernet_runtime.cells`' business.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, get_args

from mothernet_runtime.cells import (
    BLANKS,
    GROUPS,
    CategoryRule,
    CellRule,
    DateRule,
    Decimal,
    IgnoredRule,
    NumberRule,
    boolean_of_text,
    trimmed,
)
from mothernet_runtime.dates import DATE_PATTERNS, DatePattern, seconds_of_text
from mothernet_runtime.text import shortened

from mothernet.tables.words import CURRENCIES, MARKERS, UNITS

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
    name: str, texts: Mapping[str, int], *, decimal: Decimal | None = None, choice: ColumnChoice | None = None
) -> Reading:
    """Decide how a column is read.

    Parameters
    ----------
    name : str
    texts : mapping of str to int
        The distinct texts of the column and their numbers of rows, in the order of their first rows.
    decimal : {".", ","}, optional
        The decimal sign of the table's other columns, where this one leaves it open.
    choice : str, optional
        The type, where the user has named it; the rule's details are inferred all the same.
    """
    counts: Counter[str] = Counter()
    blank = 0
    for text, rows in texts.items():
        stripped = trimmed(text)
        if stripped in BLANKS:
            blank += rows
        else:
            counts[stripped] += rows
    if choice == "ignored":
        return Reading(IgnoredRule(), "as asked")
    if not counts:
        return Reading(IgnoredRule() if choice is None else _empty_rule(choice), "all cells are missing")
    if choice == "category":
        return Reading(_category_rule(counts), "as asked")
    if choice is None and len(counts) == 1 and not blank:
        return Reading(IgnoredRule(), "constant")
    found: Reading | None = None
    if choice in (None, "boolean"):
        found = _boolean(counts, forced=choice is not None)
    if found is None and choice in (None, "number", "boolean"):
        found = _number(counts, decimal, forced=choice is not None)
        if found is not None and choice is None and isinstance(found.rule, NumberRule):
            numbers = [found.rule.read_text(text) for text, rows in counts.items() for _ in range(min(rows, 2))]
            known = [number for number in numbers if number is not None and not math.isnan(number)]
            if why := identifies_rows(name, known, len(set(known))):
                return Reading(IgnoredRule(), why)
    if found is None and choice in (None, "date"):
        found = _date(counts, forced=choice is not None)
    if found is not None:
        return replace(found, reason="as asked") if choice is not None else found
    if choice is not None:
        example = next(iter(counts))
        raise ValueError(
            f"column {name!r} must hold cells of the type {choice!r}, as asked, however: {example!r}. "
            "Choose another type for it."
        )
    rows = sum(counts.values())
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


def _fitting(
    counts: Counter[str], accepts: Iterable[bool], *, forced: bool
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Markers and odd texts of a column whose other texts are accepted; None if too many are not."""
    refused = [text for text, accepted in zip(counts, accepts, strict=True) if not accepted]
    markers = [text for text in refused if text.lower() in MARKERS]
    odd = [text for text in refused if text.lower() not in MARKERS]
    rows = sum(counts.values())
    marked, strange = (sum(counts[text] for text in group) for group in (markers, odd))
    if rows == marked + strange:
        return None
    if not forced and (len(odd) > _MAX_ODD_TEXTS or strange > _MAX_ODD_SHARE * (rows - marked)):
        return None
    return tuple(markers), tuple(sorted(odd, key=lambda text: -counts[text]))


def _read_as(rule: NumberRule | DateRule, counts: Counter[str], reason: str, *, forced: bool) -> Reading | None:
    fitting = _fitting(counts, [rule.read_text(text) is not None for text in counts], forced=forced)
    if fitting is None:
        return None
    markers, odd = fitting
    notes = [reason] if reason else []
    if markers:
        notes.append("missing where " + ", ".join(map(repr, markers[:4])))
    return Reading(replace(rule, missing=markers + odd), ", ".join(notes), odd, sum(counts[text] for text in odd))


def _boolean(counts: Counter[str], *, forced: bool) -> Reading | None:
    rule = NumberRule(boolean=True)
    words = [text for text in counts if boolean_of_text(text) is not None]
    values = {rule.read_text(text) for text in counts} - {None}
    if not values or not values <= {0.0, 1.0}:
        return None
    if not words and not forced and len(values) < 2:
        return None
    reading = _read_as(rule, counts, "", forced=forced)
    # letters alone (n, t, y, f) are categories unless both values are there
    short = all(len(word) == 1 for word in words) and bool(words)
    return None if reading is None or (short and len(values) < 2 and not forced) else reading


def _number(counts: Counter[str], decimal: Decimal | None, *, forced: bool) -> Reading | None:
    sample = dict(counts.most_common(_SAMPLE))
    plain = NumberRule()
    refused = [text for text in sample if plain.read_text(text) is None and text.lower() not in MARKERS]
    if not refused:
        return _read_as(plain, counts, "", forced=forced)
    affix, percent = _affix(refused)
    best, best_score = plain, -1
    for rule in _candidates(affix, percent, decimal, refused):
        score = sum(rows for text, rows in sample.items() if rule.read_text(text) is not None)
        if score > best_score:
            best, best_score = rule, score
    return _read_as(best, counts, _described(best), forced=forced)


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


def identifies_rows(name: str, numbers: Sequence[float], n_distinct: int) -> str:
    """Why a column of numbers is an identifier, or "" if it is none.

    Parameters
    ----------
    numbers : sequence of float
        Those that are present, in the order of the rows.
    """
    rows = len(numbers)
    if rows < _IDENTIFIER_ROWS or n_distinct < rows or not all(number.is_integer() for number in numbers):
        return ""
    if all(after - before == 1 for before, after in pairwise(numbers)):
        return "counts the rows"
    if _NAMED_LIKE_AN_IDENTIFIER.search(name):
        return f"an identifier by its name: {rows:,} different whole numbers in {rows:,} rows"
    return ""


def _date(counts: Counter[str], *, forced: bool) -> Reading | None:
    sample = dict(counts.most_common(_SAMPLE))
    scores: dict[DatePattern, int] = {
        pattern: sum(rows for text, rows in sample.items() if seconds_of_text(text, pattern) is not None)
        for pattern in DATE_PATTERNS
    }
    slashes = any("/" in text for text in sample)
    order: tuple[DatePattern, ...] = ("ymd", "mdy", "dmy", "time") if slashes else ("ymd", "dmy", "mdy", "time")
    best = max(order, key=lambda pattern: scores[pattern])
    if not scores[best]:
        return None
    reason = {"ymd": "", "dmy": "day, month, year", "mdy": "month, day, year", "time": "time of day"}[best]
    if {"dmy", "mdy"} >= {best} and scores["dmy"] == scores["mdy"]:
        reason += " (every cell could be the other way round)"
    return _read_as(DateRule(best), counts, reason, forced=forced)


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
