"""Raw rows made from a record alone, with the answers that the reference gives them; FORMAT.md, section 6.

Cells are drawn as a caller has them, read by their column's rule, and only then evaluated: so the answers are those of
exactly these cells, whatever rounding an offset brings.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from mothernet_runtime.cells import DateRule, NumberRule, date_part
from mothernet_runtime.file import MAX_SELF_TEST_ROWS

from mothernet_export.child import ChildNetwork
from mothernet_export.columns import CategoricalColumn, Column, FloatArray, NumericColumn
from mothernet_export.reference import predict_answers

Cell = str | float | bool | None  # as JSON has it

_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_FIRST_DAY, _LAST_DAY = datetime.date.min.toordinal() - _EPOCH_DAY, datetime.date.max.toordinal() - _EPOCH_DAY
_TYPICAL_DAYS = np.array([0.0, 10_000.0, 20_000.0])  # 1970, 1997, 2024
_DETOUR = 400  # days around a knot, so that month and weekday vary where few days are between the knots


def self_test(child: ChildNetwork) -> dict[str, Any]:
    """A few rows with clear answers, if there are any, as JSON values: raw cells by column, then the target's answers.

    Columns that are ignored are left out.
    """
    cells = _raw_cells(child, 3 * MAX_SELF_TEST_ROWS)
    answers = predict_answers(child, *_inputs(child, cells))
    clear = np.flatnonzero(child.target.clear_rows(answers))
    rows = (clear if len(clear) else np.arange(3 * MAX_SELF_TEST_ROWS))[:MAX_SELF_TEST_ROWS]
    return {
        "columns": {name: [column[row] for row in rows] for name, column in cells.items()},
        **child.target.self_test({name: array[rows] for name, array in answers.items()}),
    }


def _raw_cells(child: ChildNetwork, n_rows: int) -> dict[str, list[Cell]]:
    """Missing, unseen and extreme cells, then random knots and categories; N of each column."""
    rng = np.random.default_rng(0)
    vocabulary = {text for column in child.categorical_columns for text in column.categories}
    cells: dict[str, list[Cell]] = {}
    for parts in child.raw_columns:
        column = parts[0]
        if isinstance(column, CategoricalColumn):
            cells[column.name] = _categories(column, vocabulary, n_rows, rng)
        elif isinstance(column, NumericColumn) and isinstance(column.rule, DateRule):
            cells[column.name] = _dates(column.rule, parts, n_rows, rng)
        elif isinstance(column, NumericColumn):
            is_boolean = isinstance(column.rule, NumberRule) and column.rule.boolean
            cells[column.name] = _booleans(n_rows, rng) if is_boolean else _numbers(column, n_rows, rng)
    return cells


def _inputs(child: ChildNetwork, cells: Mapping[str, Sequence[Cell]]) -> tuple[FloatArray, npt.NDArray[np.object_]]:
    """The graph's inputs that the cells of N rows mean: (N, Fn) and (N, Fc)."""
    n_rows = len(next(iter(cells.values())))
    numeric = np.empty((n_rows, len(child.numeric_columns)), np.float32)
    categorical = np.empty((n_rows, len(child.categorical_columns)), object)
    for i, column in enumerate(child.numeric_columns):
        values = np.array([column.rule.read(cell) for cell in cells[column.name]], np.float64)
        if column.part != "value":
            values = date_part(values, column.part)
        with np.errstate(over="ignore"):
            numeric[:, i] = values - column.offset
    for i, texts in enumerate(child.categorical_columns):
        categorical[:, i] = [texts.rule.read(cell) for cell in cells[texts.name]]
    return numeric, categorical


def _numbers(column: NumericColumn, n_rows: int, rng: np.random.Generator) -> list[Cell]:
    points = _points(column, rng)
    values = rng.choice(np.append(points, np.nan), n_rows)
    values[:4] = np.nan, column.centre + column.offset, -np.inf, np.inf
    return [None if np.isnan(v) else str(v) if np.isinf(v) else float(v) for v in values.tolist()]


def _points(column: NumericColumn, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Centre and knots and numbers between them, as float32 values, with the offset."""
    points = np.array([column.centre, *column.knots], np.float32)
    between = points / 2 + rng.permuted(points) / 2  # halves first: the sum of two knots may overflow
    return np.concatenate([points, between]).astype(np.float64) + column.offset


def _booleans(n_rows: int, rng: np.random.Generator) -> list[Cell]:
    choices = [None, True, False]
    return [*choices, *(choices[k] for k in rng.integers(len(choices), size=n_rows - len(choices)))]


def _dates(rule: DateRule, parts: Sequence[Column], n_rows: int, rng: np.random.Generator) -> list[Cell]:
    """Dates as ISO 8601 texts, with a time of day; or times of day alone."""
    columns = [column for column in parts if isinstance(column, NumericColumn)]
    points = [_points(column, rng) for column in columns if column.part == "days"]
    days = rng.choice(np.concatenate([*points, _TYPICAL_DAYS]), n_rows)
    days = np.floor(days.clip(_FIRST_DAY + _DETOUR, _LAST_DAY - _DETOUR)).astype(np.int64)
    days += rng.integers(-_DETOUR, _DETOUR + 1, n_rows) * rng.integers(0, 2, n_rows)
    with_time = any(column.part == "hour" for column in columns)
    seconds = rng.integers(0, 86_400, n_rows) if with_time else np.zeros(n_rows, np.int64)
    cells: list[Cell] = [_date_text(rule, int(day), int(second)) for day, second in zip(days, seconds, strict=True)]
    cells[0] = None
    return cells


def _date_text(rule: DateRule, day: int, second: int) -> str:
    time = (datetime.datetime.min + datetime.timedelta(seconds=second)).strftime("%H:%M:%S")
    if rule.pattern == "time":
        return time
    date = datetime.date.fromordinal(day + _EPOCH_DAY).isoformat()
    return f"{date}T{time}" if second else date


def _categories(column: CategoricalColumn, vocabulary: set[str], n_rows: int, rng: np.random.Generator) -> list[Cell]:
    unseen = "unseen"
    while unseen in vocabulary or column.rule.read_text(unseen) != unseen:
        unseen += "?"
    choices: list[Cell] = [None, unseen, *(text or None for text in column.categories)]
    cells = [choices[k] for k in rng.integers(len(choices), size=n_rows)]
    cells[:4] = None, unseen, choices[-1], choices[min(2, len(choices) - 1)]
    return cells
