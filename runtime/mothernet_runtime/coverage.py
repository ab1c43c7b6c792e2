"""How many cells of each column a model knows, and which columns look as if they were written in another way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mothernet_runtime.schema import Column
from mothernet_runtime.text import shortened

__all__ = ["Coverage"]

_MIN_ROWS = 5  # fewer may be odd by chance
_MAX_UNSEEN_SHARE = 0.5
_EXAMPLES = 3
_MAX_COLUMNS = 5  # named in a message


class Coverage:
    """Counts of cells, over as many batches of rows as are added.

    Columns without influence are left out.

    Parameters
    ----------
    columns : sequence of Column
        In the order of the training table.

    Examples
    --------
    >>> from mothernet_runtime.cells import CategoryRule
    >>> from mothernet_runtime.schema import Input
    >>> coverage = Coverage([Column("city", CategoryRule(), (Input("categorical", 0),), True, True, ("", "Bern"))])
    >>> coverage.add({"categorical": np.array([["Bern"], ["x"], [""]], object)})
    >>> coverage.unseen
    {'city': 1}
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        used = [column for column in columns if column.used]
        self._categories = [
            (column.name, column.inputs[0].position, frozenset(column.categories))
            for column in used
            if column.type == "category"
        ]
        self._complete = [column for column in used if not column.missing_in_training]  # no cell was missing
        self._present: set[str] = set()  # those of them of which a cell is there
        self._examples: dict[str, list[str]] = {name: [] for name, _, _ in self._categories}
        self._blank = dict.fromkeys(self._examples, 0)
        self.n_rows = 0
        self.unseen = dict.fromkeys(self._examples, 0)

    def add(self, inputs: Mapping[str, npt.NDArray[Any]]) -> None:
        """Count the inputs of the graph for N rows: ``numeric`` (N, Fn) and ``categorical`` (N, Fc), if they exist."""
        self.n_rows += len(next(iter(inputs.values())))
        for name, position, known in self._categories:
            cells = inputs["categorical"][:, position].tolist()
            if known.issuperset(cells):
                continue
            unseen = [cell for cell in cells if cell not in known]
            self.unseen[name] += len(unseen)
            self._blank[name] += unseen.count("")
            examples = self._examples[name]
            examples += [cell for cell in dict.fromkeys(unseen[:100]) if cell and cell not in examples]
            del examples[_EXAMPLES:]
        for column in self._complete:
            if column.name not in self._present:
                cells = inputs[column.inputs[0].input][:, column.inputs[0].position]
                if (cells != "").any() if column.type == "category" else not np.isnan(cells).all():
                    self._present.add(column.name)

    def complaint(self) -> str:
        """What looks wrong, with shares and examples, for a person; ``""`` if nothing does."""
        if self.n_rows < _MIN_ROWS:
            return ""
        complaints = []
        for name, count in self.unseen.items():
            strange = count - self._blank[name]
            if strange > _MAX_UNSEEN_SHARE * self.n_rows:
                examples = ", ".join(shortened(repr(text)) for text in self._examples[name])
                complaints.append(
                    f"{strange:,} of {self.n_rows:,} cells of column {name!r} ({strange / self.n_rows:.0%}) are "
                    f"categories that the model does not know, such as {examples}"
                )
        absent = [column.name for column in self._complete if column.name not in self._present]
        complaints += [
            f"all {self.n_rows:,} cells of column {name!r} are missing; in training none was" for name in absent
        ]
        if not complaints:
            return ""
        more = f"; {len(complaints) - _MAX_COLUMNS} more columns are like that" if complaints[_MAX_COLUMNS:] else ""
        return (
            f"{'; '.join(complaints[:_MAX_COLUMNS])}{more}. Such cells say little to the model: "
            "check that the rows are written as in training."
        )
