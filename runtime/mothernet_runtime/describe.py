"""How the cells of a column are written, in words for a person; what they mean is decided in `cells.py`."""

from __future__ import annotations

from mothernet_runtime.cells import CategoryRule, CellRule, DateRule, NumberRule
from mothernet_runtime.schema import Column
from mothernet_runtime.text import listed

__all__ = ["described", "written_as"]

_PATTERNS = {"ymd": "year, month, day", "dmy": "day, month, year", "mdy": "month, day, year", "time": "times of day"}
_GROUPS = {",": "commas", ".": "points", "'": "apostrophes", "\u2019": "apostrophes", " ": "spaces"}


def written_as(rule: CellRule) -> list[str]:
    """Phrases that say how the cells of a column are written, none for the plain way.

    Examples
    --------
    >>> written_as(NumberRule(",", ".", "€", missing=("?",)))
    ['decimal comma', 'thousands separated by points', "with '€'", "missing where '?'"]
    """
    phrases = []
    if isinstance(rule, NumberRule):
        phrases += ["decimal comma"] if rule.decimal == "," else []
        phrases += [f"thousands separated by {_GROUPS[rule.group]}"] if rule.group else []
        phrases += [f"with {rule.affix!r}"] if rule.affix else []
        phrases += ["percent"] if rule.percent else []
    if isinstance(rule, DateRule):
        phrases.append(_PATTERNS[rule.pattern])
    if isinstance(rule, CategoryRule) and rule.integers:
        phrases.append("whole numbers")
    missing = getattr(rule, "missing", ())
    return phrases + ([f"missing where {listed(missing)}"] if missing else [])


def described(column: Column) -> list[str]:
    """Phrases about a column of a file: how it is written, what it becomes."""
    phrases = [f"{len(column.categories):,} categories"] if column.categories else []
    phrases += written_as(column.rule)
    parts = [each.part for each in column.inputs if each.part != "value"]
    phrases += [f"as {', '.join(parts)}"] if parts else []
    phrases += ["missing in training"] if column.missing_in_training else []
    return phrases + ([] if column.used or column.is_ignored else ["not used"])
