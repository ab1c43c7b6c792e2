"""What a conformance case consists of before anything is computed, and a small network for it.

The cells of a row are written once, as typed JSON values; their text in the CSV follows from them, unless it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from mothernet_export import CategoricalColumn, ChildNetwork, ClassTarget, IgnoredColumn, NumericColumn

Cell = str | int | float | bool | None
Column = NumericColumn | CategoricalColumn | IgnoredColumn


@dataclass(frozen=True)
class Spelled:
    """A cell whose text in rows.csv is not the usual text of its value in rows.json."""

    text: str
    value: Cell


@dataclass(frozen=True)
class Case:
    """Rows that have an answer.

    Parameters
    ----------
    name : str
        Also the name of its folder.
    about : str
        One sentence.
    child : ChildNetwork
        The record; any writer can write it in its own way.
    rows : sequence of sequences of cells
        In the order of `header`; typed cells as section 6 of FORMAT.md has them, and texts as a CSV file has them.
    header : tuple of str, optional
        Names of the columns in the order of the files, ignored ones optional; by default those of the record.
    edit : callable, optional
        Changes the finished ``onnx.ModelProto`` in a way that no answer depends on.
    """

    name: str
    about: str
    child: ChildNetwork
    rows: Sequence[Sequence[Cell | Spelled]]
    header: tuple[str, ...] = ()
    opset: int = 17
    ir_version: int = 8
    edit: Callable[[onnx.ModelProto], None] | None = None
    line_end: str = "\n"
    byte_order_mark: bool = False
    final_line_end: bool = True

    def __post_init__(self) -> None:
        names = tuple(parts[0].name for parts in self.child.raw_columns)
        ignored = {column.name for column in self.child.columns if isinstance(column, IgnoredColumn)}
        object.__setattr__(self, "header", self.header or names)
        assert set(names) - ignored <= set(self.header) <= set(names), self.name
        assert all(len(row) == len(self.header) for row in self.rows), self.name


@dataclass(frozen=True)
class ErrorCase:
    """A model or rows that every consumer must refuse.

    Parameters
    ----------
    message : str
        A word that the message holds, in any letter case.
    model, rows : bytes, optional
        Content of model.onnx and rows.csv; by default the files of the case "mixed".
    records : list of dict, optional
        The same rows as typed cells, if they can be written so.
    """

    name: str
    about: str
    message: str
    model: bytes | None = None
    rows: bytes | None = None
    records: list[dict[str, Any]] | None = field(default=None)


def network(
    columns: Sequence[Column],
    classes: Sequence[Any],
    *,
    seed: int,
    width: int = 4,
    scale: float = 1.0,
) -> ChildNetwork:
    """A record with random weights: hundredths between -2 and 2, times `scale`."""
    rng = np.random.default_rng(seed)
    n_inputs, n_classes = sum(column.n_inputs for column in columns), len(classes)
    first, bias, output = (
        rng.integers(-200, 201, shape) / 100 * scale
        for shape in ((n_inputs, width + n_classes), width + n_classes, (width, n_classes))
    )
    return ChildNetwork(tuple(columns), ClassTarget(tuple(classes)), first, bias, output, {"mothernet": "conformance"})
