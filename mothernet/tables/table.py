"""A table to train on: labels, and features as the exported model will read them.

Rows without a label are dropped first; then it is decided how each column is read (:mod:`mothernet.tables.columns`), by
the same grammar of cells that readers of the exported file follow. What columns then become is
:mod:`mothernet.tables.encoding`'s business.
"""

from __future__ import annotations

import difflib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from mothernet_runtime.cells import CellRule, DateRule, IgnoredRule
from mothernet_runtime.csv_files import Dialect
from mothernet_runtime.text import category_texts

from mothernet.tables.columns import TrainingColumn, read_training_columns
from mothernet.tables.files import TableError, TextColumn, read_columns, source_name
from mothernet.tables.inference import ColumnChoice, Reading
from mothernet.tables.labels import read_classes

__all__ = ["Table", "read_table"]


@dataclass(frozen=True)
class Table:
    """A table to train on.

    Attributes
    ----------
    features : DataFrame (N, F)
        Numbers and booleans as float64, NaN where missing; dates as datetime64; categories as canonical text, ``""``
        where missing; columns that are not used as they are in the file.
    target : Series (N,)
        Integers if every label is a whole number, booleans if the file has such a type, else strings.
    columns : tuple of TrainingColumn
        The same cells as the fit takes them.
    dialect : Dialect, optional
        How a CSV file is written.
    warnings : tuple of str
        What was changed or left out.
    notes : tuple of str
        What looks odd but was kept.
    """

    features: pd.DataFrame
    target: pd.Series
    columns: tuple[TrainingColumn, ...]
    dialect: Dialect | None
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def readings(self) -> dict[str, Reading]:
        """How each column is read, and why."""
        return {column.name: column.reading for column in self.columns}

    @property
    def rules(self) -> dict[str, CellRule]:
        """The rule of every column."""
        return {name: reading.rule for name, reading in self.readings.items()}

    def described(self) -> list[str]:
        """How the columns are read, in lines for a person: those of each type, then whatever is remarkable."""
        by_type: dict[str, list[str]] = {}
        for name, reading in self.readings.items():
            by_type.setdefault(reading.rule.type, []).append(name)
        lines = []
        for column_type, names in by_type.items():
            shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if names[8:] else "")
            lines.append(f"{column_type} ({len(names)}): {shown}")
        by_reason: dict[str, list[str]] = {}
        for name, reading in self.readings.items():
            if reading.reason:
                by_reason.setdefault(reading.reason, []).append(repr(name))
        lines += [
            f"column{'s'[: len(names) > 1]} {', '.join(names[:8])}{' and others' if names[8:] else ''}: {reason}"
            for reason, names in by_reason.items()
        ]
        return lines


def read_table(
    path: str | os.PathLike[str],
    target: str,
    categorical: Sequence[str] = (),
    *,
    columns: Mapping[str, ColumnChoice | CellRule] | None = None,
    drop: Sequence[str] = (),
    dialect: Dialect | None = None,
) -> Table:
    """Read a CSV file (also gzipped) or a Parquet file; ``-`` is a CSV on standard input.

    Parameters
    ----------
    path : path-like
    target : str
        Name of the column to predict.
    categorical : sequence of str
        Columns of categories that are written as numbers.
    columns : mapping of str to str, optional
        Types of columns, where they are not to be found by themselves.
    drop : sequence of str
        Columns to leave out.
    dialect : Dialect, optional
        How a CSV file is written, where that is not to be found by itself.

    Raises
    ------
    TableError
        If there is no such file, it is no such table, or it cannot be learned from.
    ImportError
        If the file is Parquet and pyarrow is not installed.
    """
    file = read_columns(path, dialect=dialect)
    source = source_name(path)
    _check_names(file.names, source)
    choices: dict[str, Any] = {**dict.fromkeys(categorical, "category"), **(columns or {})}
    wanted = [(target, "target"), *((name, "column") for name in [*choices, *drop])]
    for name, role in wanted:
        if name not in file.names:
            raise TableError(_missing_column(name, role, file.names, source))
    if target in choices or target in drop:
        raise TableError(f"options of columns must name feature columns, however: {target!r} is the target. Remove it.")
    cells = {name: column for name, column in zip(file.names, file.cells, strict=True) if name not in drop}
    labels = cells.pop(target)
    if not cells:
        raise TableError(f"{source} must have columns beside the target {target!r}, however: it has no other.")
    if not len(labels):
        raise TableError(f"{source} must have rows below its header, however: it has none.")

    y, present, notes = _labels(labels, target, source)
    warnings = []
    if dropped := int((~present).sum()):
        warnings.append(f"dropped {dropped:,} of {len(present):,} rows whose target {target!r} is missing")
        cells = {name: column.take(present) if isinstance(column, TextColumn) else column[present]
                 for name, column in cells.items()}  # fmt: skip
    try:
        read = read_training_columns(cells, choices)
    except (ValueError, TypeError) as error:
        raise TableError(f"{source}: {error}") from None
    warnings += [warning for column in read if (warning := column.reading.complaint(column.name))]
    features = {column.name: _feature(column, cells[column.name]) for column in read}
    return Table(
        pd.DataFrame(features, copy=False),
        pd.Series(y, name=target),
        tuple(read),
        file.dialect,
        tuple(warnings),
        tuple(notes),
    )


def _labels(column: Any, target: str, source: str) -> tuple[Any, Any, tuple[str, ...]]:
    """Labels of the rows that have one, which rows those are (N,), and notes."""
    is_boolean = isinstance(column, pd.Series) and pd.api.types.is_bool_dtype(column)
    if isinstance(column, TextColumn):
        codes, texts = column.coded()
    else:
        numbers: dict[str, int] = {}
        codes = np.array([numbers.setdefault(text, len(numbers)) for text in category_texts(column)], np.int64)
        texts = list(numbers)
    counts = np.bincount(codes, minlength=len(texts)).tolist()
    classes = read_classes(dict(zip(texts, counts, strict=True)), target, source)
    labels, known = classes.of(texts)  # of the distinct texts
    present = known[codes]
    labels = labels[(np.cumsum(known) - 1)[codes[present]]]
    return (np.array([label == "True" for label in labels]) if is_boolean else labels), present, classes.notes


def _feature(column: TrainingColumn, cells: Any) -> Any:
    if isinstance(column.rule, IgnoredRule):
        return cells.texts() if isinstance(cells, TextColumn) else cells
    if isinstance(column.rule, DateRule):
        return (column.values * 1e6).round().astype("datetime64[us]")
    return column.values


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
    return f"the {role} {name!r} must be a column of {source}, however: its columns are {shown}.{hint}"
