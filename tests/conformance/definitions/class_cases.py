"""Cases about what is answered: the types of classes, how labels are written, many classes, ties, no used column."""

from __future__ import annotations

import numpy as np
from mothernet_export import CategoricalColumn, ChildNetwork, ClassTarget, NumericColumn

from definitions.case import Case, Cell, network

_COLUMNS = (
    NumericColumn("x", centre=0.25, knots=(-1.0, 0.0, 0.5, 2.0), missing_indicator=True),
    CategoricalColumn("city", categories=("", "Bern", "Genf")),
)
_ROWS: list[list[Cell]] = [
    *([-1.5, "Bern"], [-0.5, "Genf"], [0.25, ""], [0.75, "Rome"], [1.5, "Bern"], [3, "Genf"], [None, "Rome"]),
    *([None, None], [0.1, "Genf"]),
]
_ODD_LABELS = (
    *("", " spaces ", "=1+1", "True", "a,b", "cafe\u0301", "caf\u00e9", "carriage\rreturn", "crlf\r\nend"),
    *('quoted "b"\'', "two\nlines", "日本", "ﬁ", "🎉"),  # by code point: in UTF-16, the last two would swap
)


def _of_classes(name: str, about: str, classes: tuple[object, ...], seed: int, width: int = 4) -> Case:
    return Case(name, about, network(_COLUMNS, classes, seed=seed, width=width), _ROWS)


def _ties() -> Case:
    """All weights are quarters: the sums are exact in any order, so equal logits stay equal."""
    columns = (
        NumericColumn("x", centre=0.0, knots=(0.0, 1.0), missing_indicator=False),
        CategoricalColumn("tie", categories=("first and second", "second and third", "all")),
    )
    first = np.zeros((5, 4))  # a ramp and four strings; one unit and three classes
    first[0, 1:] = 0.5, 0.5, 0.0
    first[1:, 1:] = [2.0, 2.0, 0.0], [0.0, 1.5, 1.5], [0.0, 0.0, 0.0], [1.0, 0.0, 1.0]
    child = ChildNetwork(columns, ClassTarget(("a", "b", "c")), first, np.zeros(4), np.zeros((1, 3)))
    texts = (*columns[1].categories, "first and third, unseen")
    rows = [[x, text] for x in (0, 0.5) for text in texts]
    about = "Exact ties of the largest probabilities: the label is the first of the equals."
    return Case("ties", about, child, rows)


def _constant_answer() -> Case:
    columns = (
        NumericColumn("x", centre=1.0, knots=(), missing_indicator=False),
        CategoricalColumn("note", categories=()),
    )
    rows: list[list[Cell]] = [[1, "a"], [None, None], ["inf", "two\nlines"]]
    about = "No column is used: every row gets the same answer."
    return Case("constant_answer", about, network(columns, ("no", "yes"), seed=28), rows)


CASES = (
    _of_classes(
        "string_classes",
        "Labels with commas, quotes, line ends, blanks and characters beyond the basic plane.",
        _ODD_LABELS,
        seed=21,
    ),
    _of_classes(
        "integer_classes",
        "Integer classes up to the ends of 64 bits, which float64 does not hold.",
        (-(2**63), -5, 0, 2**53 + 1, 2**63 - 1),
        seed=22,
    ),
    _of_classes("boolean_classes", "Boolean classes: labels are True and False.", (False, True), seed=23),
    _of_classes(
        "float_classes",
        "Float classes: labels are written as Python's repr writes them.",
        (-0.5, 1e-07, 0.1, 2.0, 1e22),
        seed=24,
    ),
    _of_classes("many_classes", "40 classes.", tuple(f"class {number:02}" for number in range(40)), seed=25, width=3),
    _ties(),
    _constant_answer(),
)
