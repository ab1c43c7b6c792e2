"""Labels: which rows of a file have one, what the classes are, when a target is no class; and those of a caller."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from mothernet_runtime.cells import CategoryRule, NumberRule
from mothernet_runtime.text import is_missing

from mothernet.tables.files import TableError
from mothernet.tables.words import MARKERS

__all__ = ["Classes", "label_array", "read_classes"]

_INTEGER = re.compile(r"(-?(?:0|[1-9]\d*))(?:\.0*)?", re.ASCII)
_MAX_DIFFERENT = 20  # classes that are never taken for a quantity or an identifier


class Classes(NamedTuple):
    """What the texts of a target mean.

    Attributes
    ----------
    labels : dict of str to str or int
        The class of each text; texts that are not in it are missing labels.
    notes : tuple of str
        What was merged, and what looks odd.
    """

    labels: dict[str, Any]
    notes: tuple[str, ...]

    def of(self, texts: list[str]) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        """Labels of the rows that have one, and which rows those are (N,)."""
        present = np.fromiter((text in self.labels for text in texts), np.bool_, len(texts))
        known = [self.labels[text] for text in texts if text in self.labels]
        return np.array(known, np.int64 if known and type(known[0]) is int else object), present


def read_classes(texts: Mapping[str, int], target: str, source: str) -> Classes:
    """Decide what the classes are.

    Labels are trimmed, and whole numbers are one class however they are written (``1``, ``1.0``).

    Parameters
    ----------
    texts : mapping of str to int
        Distinct texts of the target and how many rows have each.
    target, source : str
        Names of column and file, for messages.

    Raises
    ------
    TableError
        There are fewer than two classes, or the target is a quantity or an identifier.
    """
    rule = CategoryRule()
    names = {text: name for text in texts if (name := rule.read_text(text))}
    rows: Counter[str] = Counter()
    for text, name in names.items():
        rows[name] += texts[text]
    if all((match := _INTEGER.fullmatch(name)) and -(2**63) <= int(match[1]) < 2**63 for name in rows):
        labels: dict[str, Any] = {text: int(name.partition(".")[0]) for text, name in names.items()}
    else:
        labels = dict(names)
    different = set(labels.values())
    if len(different) < 2:
        found = f"only {next(iter(rows))!r}, in {rows.total():,} rows" if rows else "no label at all"
        raise TableError(f"the target {target!r} of {source} must have two classes or more, however: it has {found}.")
    _check_repeats(rows, len(different), target, source)
    return Classes(labels, tuple(_notes(names, labels, target)))


def _check_repeats(rows: Counter[str], n_different: int, target: str, source: str) -> None:
    n = rows.total()
    if n_different <= _MAX_DIFFERENT:
        return
    numbers = [NumberRule().read_text(name) for name in rows]
    if all(number is not None for number in numbers):
        whole = all(float(number or 0).is_integer() for number in numbers)
        if n_different > n / (10 if whole else 50):
            raise TableError(
                f"the target {target!r} must hold classes, however: {source} has {n_different:,} different numbers in "
                f"{n:,} rows, which looks like a quantity. Only classes can be predicted: bin it into a few first, or "
                "name another column."
            )
    elif n_different > n / 2:
        raise TableError(
            f"the target {target!r} must hold classes that repeat, however: {source} has {n_different:,} different "
            f"values in {n:,} rows. Is it an identifier? Name another column."
        )


def _notes(names: dict[str, str], labels: dict[str, Any], target: str) -> list[str]:
    notes = []
    written: dict[Any, list[str]] = {}
    for text, label in labels.items():
        written.setdefault(label, []).append(text)
    merged = [texts for texts in written.values() if len(texts) > 1]
    if merged:
        shown = "; ".join(" and ".join(map(repr, texts[:3])) for texts in merged[:3])
        notes.append(f"labels of {target!r} that differ only in how they are written are one class: {shown}")
    by_case: dict[str, list[str]] = {}
    for name in dict.fromkeys(names.values()):
        by_case.setdefault(name.casefold(), []).append(name)
    if alike := [each for each in by_case.values() if len(each) > 1]:
        shown = "; ".join(" and ".join(map(repr, each[:3])) for each in alike[:3])
        notes.append(f"labels of {target!r} that differ in case are different classes: {shown}")
    if odd := [name for name in dict.fromkeys(names.values()) if name.lower() in MARKERS]:
        notes.append(
            f"the label {odd[0]!r} of {target!r} counts as a class; if it means missing, leave those cells blank"
        )
    return notes


def label_array(y: Any) -> npt.NDArray[Any]:
    """Labels as an array of text, integers, booleans or floats; missing ones are an error."""
    from sklearn.utils.validation import column_or_1d  # takes as long to import as a small fit, and files need it not

    labels = column_or_1d(np.asarray(y), warn=True)
    code = labels.dtype.kind
    if code in "mMV" or (code == "u" and len(labels) and labels.max() > np.iinfo(np.int64).max):
        raise TypeError(f"y must hold text, integers, booleans or floats, however: {labels.dtype}. Convert it first.")
    missing = sum(map(is_missing, labels)) if code == "O" else int(np.isnan(labels).sum()) if code == "f" else 0
    if missing:
        raise ValueError(f"y must have a label in every row, however: {missing} are missing (NaN). Drop those rows.")
    if code != "O":
        return labels
    types = set()
    for label in labels:
        found = next((t for t, known in _LABEL_TYPES.items() if isinstance(label, known)), None)
        if found is None:
            raise TypeError(f"y holds {label!r}: Unknown label type, expected text, integers, booleans or floats.")
        types.add(found)
    if len(types) > 1:
        names = sorted(t.__name__ for t in types)
        raise TypeError(f"y must hold labels of one type, however: {names} (str and number, say). Convert them first.")
    (only,) = types
    return np.array([only(label) for label in labels], dtype=object if only is str else None)


_LABEL_TYPES: dict[type, tuple[type, ...]] = {
    bool: (bool, np.bool_),
    int: (int, np.integer),
    float: (float, np.floating),
    str: (str,),
}
