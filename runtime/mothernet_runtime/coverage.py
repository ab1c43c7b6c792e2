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
_FIRST_ROWS = 64  # nearly always tell that a column is not all missing


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
            (column.name, column.inputs[0].position, column.known) for column in used if column.type == "category"
        ]
        self._absent = {  # columns of which training missed no cell and these rows miss all: their place in the inputs
            column.name: column.inputs[0] for column in used if not column.missing_in_training
        }
        self._examples: dict[str, list[str]] = {name: [] for name, _, _ in self._categories}
        self._blank = dict.fromkeys(self._examples, 0)
        self.n_rows = 0
        self.unseen = dict.fromkeys(self._examples, 0)

    def add(self, inputs: Mapping[str, npt.NDArray[Any]]) -> None:
        """Count the inputs of the graph for N rows: ``numeric`` (N, Fn) and ``categorical`` (N, Fc), if they exist."""
        self.n_rows += len(next(iter(inputs.values())))
        for name, position, known in self._categories:
            cells = inputs["categorical"][:, position].tolist()
            if name in self._absent and any(cells):
                del self._absent[name]
            if known.issuperset(cells):
                continue
            unseen = [cell for cell in cells if cell not in known]
            self.unseen[name] += len(unseen)
            self._blank[name] += unseen.count("")
            examples = self._examples[name]
            examples += [cell for cell in dict.fromkeys(unseen[:100]) if cell and cell not in examples]
            del examples[_EXAMPLES:]
        absent = {name: each.position for name, each in self._absent.items() if each.input == "numeric"}
        if absent:
            numeric = inputs["numeric"]
            are_missing = np.isnan(numeric[:_FIRST_ROWS]).all(axis=0).tolist()  # (Fn,)
            for name, position in absent.items():
                if not are_missing[position] or not np.isnan(numeric[_FIRST_ROWS:, position]).all():
                    del self._absent[name]

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
        complaints += [
            f"all {self.n_rows:,} cells of column {name!r} are missing; in training none was" for name in self._absent
        ]
        if not complaints:
            return ""
        more = f"; {len(complaints) - _MAX_COLUMNS} more columns are like that" if complaints[_MAX_COLUMNS:] else ""
        return (
            f"{'; '.join(complaints[:_MAX_COLUMNS])}{more}. Such cells say little to the model: "
            "check that the rows are written as in training."
        )
