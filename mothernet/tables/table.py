"""A table to train on, as the exported model will see it: numbers, and the raw text of everything else.

CSV cells are taken as they are written; whether a column is numeric follows from its cells alone, by the same rule
that the readers of the exported file parse with. What columns then mean is :mod:`mothernet.tables.encoding`'s business.
"""

from __future__ import annotations

import difflib
import math
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from mothernet_runtime.text import category_texts

from mothernet.tables.files import TableError, read_columns, source_name

__all__ = ["Table", "read_table"]


@dataclass(frozen=True)
class Table:
    """A table to train on.

    Attributes
    ----------
    features : DataFrame (N, F)
        Numeric columns as float64, NaN where missing; all others as text, ``""`` where missing.
    target : Series (N,)
        Integers if every label is written as one, booleans if the file has such a type, else strings.
    warnings : tuple of str
        What was changed or left out.
    notes : tuple of str
        What looks odd but was kept.
    """

    features: pd.DataFrame
    target: pd.Series
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def read_table(path: str | os.PathLike[str], target: str, categorical: Sequence[str] = ()) -> Table:
    """Read a CSV file (comma, UTF-8, a header; also gzipped) or a Parquet file; ``-`` is a CSV on standard input.

    A CSV column is numeric if all its cells that are not blank are numbers (``nan`` counts as missing, ``inf`` as
    infinite). Rows without a target are dropped with a warning.

    Parameters
    ----------
    path : path-like
    target : str
        Name of the column to predict.
    categorical : sequence of str
        Columns to be read as text although they are numbers.

    Raises
    ------
    TableError
        If there is no such file, it is no such table, or it cannot be learned from.
    ImportError
        If the file is Parquet and pyarrow is not installed.
    """
    names, cells = read_columns(path)
    source = source_name(path)
    _check_names(names, source)
    wanted = [(target, "target")] + [(name, "categorical column") for name in categorical]
    for name, role in wanted:
        if name not in names:
            raise TableError(_missing_column(name, role, names, source))
    if target in categorical:
        raise TableError(f"--categorical must name feature columns, however: {target!r} is the target. Remove it.")
    if len(names) == 1:
        raise TableError(f"{source} must have columns beside the target {target!r}, however: it has no other.")
    if not len(cells[0]):
        raise TableError(f"{source} must have rows below its header, however: it has none.")

    columns = dict(zip(names, cells, strict=True))
    labels, present = _labels(columns.pop(target), target, source)
    warnings = []
    if dropped := int((~present).sum()):
        warnings.append(f"dropped {dropped:,} of {len(present):,} rows whose target {target!r} is missing")
    features, notes = {}, []
    for name, column in columns.items():
        values = _feature(column, as_text=name in categorical)[present]
        features[name] = values
        notes += _notes(name, column, values, forced=name in categorical)
    return Table(pd.DataFrame(features), pd.Series(labels, name=target), tuple(warnings), tuple(notes))


def _check_names(names: Sequence[str], source: str) -> None:
    nameless = [i for i, name in enumerate(names, 1) if not name.strip()]
    if nameless:
        raise TableError(
            f"every column of {source} must have a name, however: column {nameless[0]} of {len(names)} has none. "
            "Name it, or remove it (pandas writes such a column for its index: use to_csv(index=False))."
        )
    twice = [repr(name) for name, count in Counter(names).items() if count > 1]
    if twice:
        raise TableError(
            f"the column names of {source} must differ, however: {', '.join(twice)} "
            f"{'comes' if len(twice) == 1 else 'come'} more than once. Rename or remove the repeated columns."
        )


def _missing_column(name: str, role: str, names: Sequence[str], source: str) -> str:
    by_lower = {other.strip().lower(): other for other in names}
    near = difflib.get_close_matches(name.strip().lower(), by_lower, n=2)
    shown = ", ".join(map(repr, names[:12])) + (f" and {len(names) - 12} more" if names[12:] else "")
    hint = f" Is it {' or '.join(repr(by_lower[match]) for match in near)}?" if near else ""
    for delimiter, word in ((";", "semicolons"), ("\t", "tabs")):
        if len(names) == 1 and delimiter in names[0]:
            hint = f" The header has {word}: write the table with commas."
    return f"the {role} {name!r} must be a column of {source}, however: its columns are {shown}.{hint}"


def _labels(column: Any, target: str, source: str) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Labels of the rows that have one, and which rows those are (N,)."""
    texts = category_texts(column)
    present = np.array([bool(text.strip()) for text in texts])
    known = [text for text in texts if text.strip()]
    classes = set(known)
    if len(classes) < 2:
        found = f"only {known[0]!r}, in {len(known):,} rows" if known else "no label at all"
        raise TableError(f"the target {target!r} of {source} must have two classes or more, however: it has {found}.")
    if len(classes) > max(20, len(known) / 2):
        raise TableError(
            f"the target {target!r} must hold classes that repeat, however: {source} has {len(classes):,} different "
            f"values in {len(known):,} rows. Is it an identifier or a quantity? Name another column, or bin it first."
        )
    if isinstance(column, pd.Series) and pd.api.types.is_bool_dtype(column):
        return np.array([text == "True" for text in known]), present
    if all(_is_integer(text) for text in classes):
        return np.array([int(text) for text in known]), present
    return np.array(known, object), present


def _is_integer(text: str) -> bool:
    """Whether the text is how a 64-bit integer is written: "01" and "1.0" are not."""
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdecimal() and str(int(text)) == text and -(2**63) <= int(text) < 2**63


def _feature(column: Any, *, as_text: bool) -> npt.NDArray[Any]:
    """Cells (N,) as float64 or, if they are not all numbers, as text."""
    if isinstance(column, pd.Series):
        if not as_text and pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            return column.to_numpy(np.float64, na_value=np.nan)
    elif not as_text and (values := _parsed(column)) is not None:
        return values
    texts = np.empty(len(column), object)
    texts[:] = category_texts(column)
    return texts


def _parsed(cells: Iterable[str]) -> npt.NDArray[np.float64] | None:
    """The cells as numbers, blank ones as NaN; None if one is no number, or none is."""
    values = []
    try:
        for cell in cells:
            number = cell.strip()
            if not number.isascii() or "_" in number:  # float() takes them, other languages do not
                return None
            values.append(float(number) if number else math.nan)
    except ValueError:
        return None
    array = np.array(values)
    return None if np.isnan(array).all() else array


def _notes(name: str, cells: Any, values: npt.NDArray[Any], *, forced: bool) -> list[str]:
    """What looks odd about a feature; ``forced``: it was said to be categorical."""
    notes = []
    if len(values) >= 20:
        if values.dtype == object and len(set(values.tolist())) == len(values):
            notes.append(
                f"column {name!r} is different in every row, like an identifier: nothing can be learned from it"
            )
        if values.dtype != object and (np.diff(values) == 1).all():
            notes.append(
                f"column {name!r} counts the rows: remove it if it says nothing else, or the model learns their order"
            )
    if values.dtype != object or isinstance(cells, pd.Series):
        return notes
    texts = [text for text in values.tolist() if text.strip()]
    numbers = {text: number for text in sorted(set(texts)) if (number := _parsed([text])) is not None}
    if forced:
        odd = next((text for text, number in numbers.items() if category_texts(number)[0] != text), None)
        if odd is not None:
            notes.append(
                f"categories of column {name!r} are compared as text: {odd!r} is not "
                f"{category_texts(numbers[odd])[0]!r}, which is how a program passes that number"
            )
    elif sum(text in numbers for text in texts) > 0.8 * len(texts):
        other = [text for text in texts if text not in numbers]
        notes.append(
            f"column {name!r} is read as text, not numbers, because {len(other):,} of {len(texts):,} cells are none: "
            f"{other[0]!r}. Leave missing cells blank"
        )
    return notes
