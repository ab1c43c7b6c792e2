"""The columns of a child network: how raw cells are read, and the inputs of the network that they become.

How a cell is read is a rule of the readers (`mothernet_runtime.cells`), which a column holds and the file stores.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from mothernet_runtime.cells import CategoryRule, DatePart, DateRule, NumberRule, rule_of_schema

from mothernet_export.text import check_storable

__all__ = ["CategoricalColumn", "Column", "FloatArray", "IgnoredColumn", "NumericColumn", "Part"]

FloatArray = npt.NDArray[np.float32]
Part = Literal["value"] | DatePart

_DATE_PARTS: tuple[DatePart, ...] = get_args(DatePart)
_PLAIN_NUMBERS, _PLAIN_TEXTS = NumberRule(), CategoryRule()
_TINY = float(np.finfo(np.float32).tiny)  # below it, runtimes may flush to zero


@dataclass(frozen=True)
class NumericColumn:
    """A column of numbers, turned into piecewise-linear ramps between `knots`.

    Parameters
    ----------
    name : str
    centre : float
        What a missing cell (NaN) is replaced by. Finite, also as float32.
    knots : tuple of float
        Strictly increasing values that float32 holds exactly; K + 1 knots make K ramps, ``()`` makes none.
    missing_indicator : bool
        Whether the network has one more input, 1.0 where the cell is missing.
    rule : NumberRule or DateRule
        How raw cells are read.
    offset : float
        What a reader subtracts in float64 before it rounds to float32. Finite; `centre` and `knots` are of the
        difference.
    part : {"value", "days", "month", "weekday", "hour"}
        What of a cell is the number: ``"value"`` of a `NumberRule`, one of the others of a `DateRule`.
    missing_in_training : bool
        Whether training had missing cells, also where `missing_indicator` says that nothing depends on them.

    Raises
    ------
    ValueError, TypeError
        If a field is not as above, or two knots are so near or far that the inverse width is no normal float32.
    """

    name: str
    centre: float
    knots: tuple[float, ...]
    missing_indicator: bool
    rule: NumberRule | DateRule = _PLAIN_NUMBERS
    offset: float = 0.0
    part: Part = "value"
    missing_in_training: bool = False

    def __post_init__(self) -> None:
        check_storable(self.name, "the name of a column")
        centre, knots = float(self.centre), tuple(float(knot) for knot in self.knots)
        object.__setattr__(self, "centre", centre)
        object.__setattr__(self, "knots", knots)
        object.__setattr__(self, "missing_indicator", bool(self.missing_indicator))
        object.__setattr__(self, "offset", float(self.offset))
        self._check_reading()
        if not np.isfinite(_as_float32(centre)):
            raise ValueError(f"centre of column {self.name!r} must be finite as float32, however: {centre!r}")
        if len(knots) == 1:
            raise ValueError(f"knots of column {self.name!r} must be none or at least two, however: {knots!r}")
        for knot in knots:
            if float(_as_float32(knot)) != knot or not math.isfinite(knot):
                raise ValueError(
                    f"knots of column {self.name!r} must be finite values that float32 holds exactly, "
                    f"however: {knot!r}. Round them with float(numpy.float32(knot)) first."
                )
        for low, high in itertools.pairwise(knots):
            if not low < high:
                raise ValueError(
                    f"knots of column {self.name!r} must be strictly increasing, however: {low!r} before {high!r}"
                )
            if not (_TINY <= 1.0 / (high - low) <= float(np.finfo(np.float32).max)):
                raise ValueError(
                    f"knots of column {self.name!r} must lie between 3e-39 and 8e37 apart, so that float32 holds the "
                    f"inverse width, however: {low!r} and {high!r}. Merge them or rescale the column."
                )

    def _check_reading(self) -> None:
        _check_rule(self.rule, (NumberRule, DateRule), self.name)
        if not math.isfinite(self.offset):
            raise ValueError(f"offset of column {self.name!r} must be finite, however: {self.offset!r}")
        parts = _DATE_PARTS if isinstance(self.rule, DateRule) else ("value",)
        if self.part not in parts:
            raise ValueError(
                f"part of column {self.name!r} must be {' or '.join(map(repr, parts))} to fit its rule, "
                f"however: {self.part!r}"
            )

    @property
    def n_ramps(self) -> int:
        """K, the number of ramps."""
        return max(len(self.knots) - 1, 0)

    @property
    def n_inputs(self) -> int:
        """Number of inputs of the first layer that this column owns: its ramps and its missing indicator."""
        return self.n_ramps + int(self.missing_indicator)

    @property
    def inverse_widths(self) -> FloatArray:
        """float32(1 / (knot_{k+1} - knot_k)) of the K ramps, divided in float64 and rounded once; shape (K,)."""
        return (1.0 / np.diff(np.array(self.knots, np.float64))).astype(np.float32)


@dataclass(frozen=True)
class CategoricalColumn:
    """A column of strings: one input of the first layer per known category, and one more for every other string.

    Parameters
    ----------
    name : str
    categories : tuple of str
        The known categories, without repetition, as the rule writes them. A missing cell is the string ``""``, which
        may be one of them. With ``()``, cells have no influence.
    rule : CategoryRule
        How raw cells are read.

    Raises
    ------
    ValueError, TypeError
        If a category repeats, is no string, cannot be stored (a NUL character or a lone surrogate), or is a text that
        the rule reads as another one, so that no cell could name it.
    """

    name: str
    categories: tuple[str, ...]
    rule: CategoryRule = _PLAIN_TEXTS

    def __post_init__(self) -> None:
        check_storable(self.name, "the name of a column")
        if isinstance(self.categories, str):
            raise TypeError(f"categories of column {self.name!r} must be a tuple of strings, however: one string")
        object.__setattr__(self, "categories", tuple(self.categories))
        _check_rule(self.rule, (CategoryRule,), self.name)
        for category in self.categories:
            check_storable(category, f"a category of column {self.name!r}")
            canonical = self.rule.read_text(category)
            if canonical != category:
                raise ValueError(
                    f"categories of column {self.name!r} must be texts as its rule writes them, however: {category!r} "
                    f"is read as {canonical!r}. Use rule.read(cell)."
                )
        if len(set(self.categories)) != len(self.categories):
            twice = next(text for text in self.categories if self.categories.count(text) > 1)
            raise ValueError(f"categories of column {self.name!r} must differ, however: {twice!r} comes twice")

    @property
    def n_inputs(self) -> int:
        """Number of inputs of the first layer that this column owns: its categories and every other string."""
        return len(self.categories) + 1 if self.categories else 0


@dataclass(frozen=True)
class IgnoredColumn:
    """A column of the training table that is not read; rows may leave it out.

    Parameters
    ----------
    name : str

    Raises
    ------
    ValueError, TypeError
        If the name is no string or cannot be stored.
    """

    name: str

    def __post_init__(self) -> None:
        check_storable(self.name, "the name of a column")

    @property
    def n_inputs(self) -> int:
        """Number of inputs of the first layer that this column owns: none."""
        return 0


Column = NumericColumn | CategoricalColumn | IgnoredColumn


def _check_rule(rule: object, types: tuple[type, ...], name: str) -> None:
    if not isinstance(rule, types):
        expected = " or ".join(each.__name__ for each in types)
        raise TypeError(f"rule of column {name!r} must be a {expected}, however: {rule!r}")
    for text in [*getattr(rule, "missing", ()), getattr(rule, "affix", "")]:
        check_storable(text, f"a text of the rule of column {name!r}")
    try:
        stored = rule_of_schema(rule.schema())  # type: ignore[attr-defined]
    except ValueError as error:
        raise ValueError(f"rule of column {name!r} must be as FORMAT.md demands, however: {error}") from None
    if stored != rule:
        raise ValueError(f"rule of column {name!r} must be one that the schema can hold, however: {rule!r}")


def _as_float32(value: float) -> np.float32:
    with np.errstate(over="ignore"):
        return np.float32(value)
