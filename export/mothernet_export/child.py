"""The child network as a plain record: the one contract between what makes a network and what writes or runs it.

Front ends (the estimator) make a `ChildNetwork`; back ends (the ONNX writer) and the NumPy reference read one. Nothing
that is particular to either belongs here, and nothing but NumPy may be imported. The columns are in `columns.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from mothernet_export.columns import CategoricalColumn, Column, FloatArray, IgnoredColumn, NumericColumn
from mothernet_export.estimators import classifier_of
from mothernet_export.target import Target
from mothernet_export.text import check_storable


@dataclass(frozen=True, eq=False)
class ChildNetwork:
    """A predictor for one table: preprocessing and a network with one hidden layer and a linear part beside it.

    Axis letters: D inputs of the first layer, H hidden units, C outputs (one per class), Fn numeric and Fc categorical
    columns.

    Parameters
    ----------
    columns : tuple of NumericColumn, CategoricalColumn and IgnoredColumn
        In the order of the training table, at least one of them not ignored. A raw column of dates has one
        NumericColumn per part, side by side, with the same name and rule. A column without inputs has no influence.
    target : ClassTarget
        What is predicted; it determines C.
    first_weight : ndarray (D, H + C), float32
        Inputs: all ramps (column by column, knot by knot), then missing indicators (column by column), then for each
        categorical column its categories and one input for every other string. The first H columns lead to the hidden
        units, the last C straight to the outputs.
    first_bias : ndarray (H + C,), float32
    output_weight : ndarray (H, C), float32
        The activation of the hidden units is clip(x, 0, 1). H may be zero.
    versions : mapping of str to str
        What made the record (for example ``{"mothernet": "0.1.0"}``); written into the file.

    Raises
    ------
    ValueError, TypeError
        If a field is not as above. Arrays are copied and cannot be written to.
    """

    columns: tuple[Column, ...]
    target: Target
    first_weight: FloatArray
    first_bias: FloatArray
    output_weight: FloatArray
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))
        for name in ("first_weight", "first_bias", "output_weight"):
            object.__setattr__(self, name, _frozen_array(getattr(self, name), name))
        object.__setattr__(self, "versions", dict(self.versions))
        self._check_columns()
        if not isinstance(self.target, Target):
            raise TypeError(f"target must be a ClassTarget, however: {self.target!r}. Write ClassTarget(classes).")
        for key, value in self.versions.items():
            check_storable(key, "a key of versions")
            check_storable(value, f"versions[{key!r}]")
        self._check_shapes()

    def _check_shapes(self) -> None:
        n_inputs, n_outputs = sum(column.n_inputs for column in self.columns), self.target.n_outputs
        if self.output_weight.ndim != 2 or self.output_weight.shape[1] != n_outputs:
            raise ValueError(
                f"output_weight must have shape (H, C) with C = {n_outputs} for this target, "
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
        for column in self.columns:
            if not isinstance(column, Column):
                raise TypeError(
                    f"columns must be NumericColumn, CategoricalColumn or IgnoredColumn, however: {column!r}"
                )
        if all(isinstance(column, IgnoredColumn) for column in self.columns):
            found = "all are ignored" if self.columns else "none"
            raise ValueError(f"columns must hold at least one that is not ignored, however: {found}")
        names = [parts[0].name for parts in self.raw_columns]
        twice = [name for name in names if names.count(name) > 1]
        twice += [parts[0].name for parts in self.raw_columns if len(parts) > 1 and not _are_one_date(parts)]
        if twice:
            raise ValueError(
                "names of columns must differ, but for the parts of one date, which are adjacent and share its rule, "
                f"however: {twice[0]!r} comes twice"
            )

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
    def raw_columns(self) -> tuple[tuple[Column, ...], ...]:
        """Columns that read the same raw column of the table, in its order: the parts of a date, or one column."""
        return tuple(tuple(parts) for _, parts in itertools.groupby(self.columns, key=lambda column: column.name))

    @property
    def numeric_columns(self) -> tuple[NumericColumn, ...]:
        """The numeric columns in order (Fn of them), those without inputs among them."""
        return tuple(column for column in self.columns if isinstance(column, NumericColumn))

    @property
    def categorical_columns(self) -> tuple[CategoricalColumn, ...]:
        """The categorical columns in order (Fc of them), those without inputs among them."""
        return tuple(column for column in self.columns if isinstance(column, CategoricalColumn))


def _are_one_date(columns: Sequence[Column]) -> bool:
    parts = [column for column in columns if isinstance(column, NumericColumn)]
    is_date = all(column.part != "value" and column.rule == parts[0].rule for column in parts)
    return is_date and len({column.part for column in parts}) == len(columns)


def child_of(model: Any) -> ChildNetwork:
    """The child network that `model` is or, as the attribute `child_`, holds; also within a search or a pipeline.

    Raises
    ------
    TypeError
        If there is none, or more than one network decides.
    """
    child = getattr(classifier_of(model), "child_", model)
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
