"""The child network as a plain record: the one contract between what makes a network and what writes or runs it.

Front ends (the estimator) make a `ChildNetwork`; back ends (the ONNX writer) and the NumPy reference read one. Nothing
that is particular to either belongs here, and nothing but NumPy may be imported.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mothernet_export.target import Target
from mothernet_export.text import check_storable

FloatArray = npt.NDArray[np.float32]

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

    Raises
    ------
    ValueError, TypeError
        If a field is not as above, or two knots are so near or far that the inverse width is no normal float32.
    """

    name: str
    centre: float
    knots: tuple[float, ...]
    missing_indicator: bool

    def __post_init__(self) -> None:
        check_storable(self.name, "the name of a column")
        centre, knots = float(self.centre), tuple(float(knot) for knot in self.knots)
        object.__setattr__(self, "centre", centre)
        object.__setattr__(self, "knots", knots)
        object.__setattr__(self, "missing_indicator", bool(self.missing_indicator))
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
        The known categories, without repetition. A missing cell is the string ``""``, which may be one of them.
        ``()`` ignores the column.

    Raises
    ------
    ValueError, TypeError
        If a category repeats, is no string, or cannot be stored (a NUL character or a lone surrogate).
    """

    name: str
    categories: tuple[str, ...]

    def __post_init__(self) -> None:
        check_storable(self.name, "the name of a column")
        if isinstance(self.categories, str):
            raise TypeError(f"categories of column {self.name!r} must be a tuple of strings, however: one string")
        object.__setattr__(self, "categories", tuple(self.categories))
        for category in self.categories:
            check_storable(category, f"a category of column {self.name!r}")
        if len(set(self.categories)) != len(self.categories):
            twice = next(text for text in self.categories if self.categories.count(text) > 1)
            raise ValueError(f"categories of column {self.name!r} must differ, however: {twice!r} comes twice")

    @property
    def n_inputs(self) -> int:
        """Number of inputs of the first layer that this column owns: its categories and every other string."""
        return len(self.categories) + 1 if self.categories else 0


@dataclass(frozen=True, eq=False)
class ChildNetwork:
    """A predictor for one table: preprocessing and a network with one hidden layer and a linear part beside it.

    Axis letters: D inputs of the first layer, H hidden units, C outputs (one per class), Fn numeric and Fc categorical
    columns.

    Parameters
    ----------
    columns : tuple of NumericColumn and CategoricalColumn
        In the order of the training table, at least one. A column without inputs is accepted and ignored.
    target : ClassTarget
        What is predicted; it determines C.
    first_weight : ndarray (D, H + C), float32
        Inputs: all ramps (column by column, knot by knot), then missing indicators (column by column), then for each
        categorical column its categories and one input for every other string. The first H columns lead to the hidden
        units, the last C straight to the outputs.
    first_bias : ndarray (H + C,), float32
    output_weight : ndarray (H, C), float32
        H is at least 1.
    activation : {"tanh", "relu"}
    versions : mapping of str to str
        What made the record (for example ``{"mothernet": "0.1.0"}``); written into the file.

    Raises
    ------
    ValueError, TypeError
        If a field is not as above. Arrays are copied and cannot be written to.
    """

    columns: tuple[NumericColumn | CategoricalColumn, ...]
    target: Target
    first_weight: FloatArray
    first_bias: FloatArray
    output_weight: FloatArray
    activation: Literal["tanh", "relu"] = "tanh"
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))
        for name in ("first_weight", "first_bias", "output_weight"):
            object.__setattr__(self, name, _frozen_array(getattr(self, name), name))
        object.__setattr__(self, "versions", dict(self.versions))
        self._check_columns()
        if not isinstance(self.target, Target):
            raise TypeError(f"target must be a ClassTarget, however: {self.target!r}. Write ClassTarget(classes).")
        if self.activation not in ("tanh", "relu"):
            raise ValueError(f"activation must be 'tanh' or 'relu', however: {self.activation!r}")
        for key, value in self.versions.items():
            check_storable(key, "a key of versions")
            check_storable(value, f"versions[{key!r}]")
        self._check_shapes()

    def _check_shapes(self) -> None:
        n_inputs, n_outputs = sum(column.n_inputs for column in self.columns), self.target.n_outputs
        if self.output_weight.ndim != 2 or self.output_weight.shape[0] < 1 or self.output_weight.shape[1] != n_outputs:
            raise ValueError(
                f"output_weight must have shape (H, C) with H >= 1 and C = {n_outputs} for this target, "
                f"however: {self.output_weight.shape}"
            )
        n_units = self.width + n_outputs
        if self.first_weight.shape != (n_inputs, n_units):
            raise ValueError(
                f"first_weight must have shape (D, H + C) = {(n_inputs, n_units)} for these columns, this target and "
                f"output_weight, however: {self.first_weight.shape}"
            )
        if self.first_bias.shape != (n_units,):
            raise ValueError(f"first_bias must have shape (H + C,) = {(n_units,)}, however: {self.first_bias.shape}")

    def _check_columns(self) -> None:
        if not self.columns:
            raise ValueError("columns must hold at least one column, however: none")
        for column in self.columns:
            if not isinstance(column, NumericColumn | CategoricalColumn):
                raise TypeError(f"columns must be NumericColumn or CategoricalColumn, however: {column!r}")
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"names of columns must differ, however: {twice!r} comes twice")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ChildNetwork):
            return NotImplemented
        pairs = [(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)]
        return all(
            np.array_equal(one, two) if isinstance(one, np.ndarray) else one == two and type(one) is type(two)
            for one, two in pairs
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    @property
    def width(self) -> int:
        """H, the number of hidden units."""
        return int(self.output_weight.shape[0])

    @property
    def numeric_columns(self) -> tuple[NumericColumn, ...]:
        """The numeric columns in order (Fn of them), ignored ones among them."""
        return tuple(column for column in self.columns if isinstance(column, NumericColumn))

    @property
    def categorical_columns(self) -> tuple[CategoricalColumn, ...]:
        """The categorical columns in order (Fc of them), ignored ones among them."""
        return tuple(column for column in self.columns if isinstance(column, CategoricalColumn))


def child_of(model: Any) -> ChildNetwork:
    """The child network that `model` is or, as the attribute `child_`, holds.

    Raises
    ------
    TypeError
        If there is none.
    """
    child = getattr(model, "child_", model)
    if not isinstance(child, ChildNetwork):
        raise TypeError(
            "model must be a ChildNetwork or a fitted estimator that holds one as child_, however: "
            f"{type(model).__name__}. Call fit first."
        )
    return child


def _frozen_array(values: Any, name: str) -> FloatArray:
    with np.errstate(over="ignore"):
        array = np.array(values, np.float32, order="C")
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name} must be finite as float32, however: {int((~np.isfinite(array)).sum())} values are not"
        )
    array.flags.writeable = False
    return array


def _as_float32(value: float) -> np.float32:
    with np.errstate(over="ignore"):
        return np.float32(value)
