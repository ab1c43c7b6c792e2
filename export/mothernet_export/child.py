"""The child network as a plain record, and the slow-but-plain NumPy answer to what it means.

Front ends (the estimator) make a `ChildNetwork`; back ends (the ONNX writer) read one. Nothing that is particular to
either belongs here, and nothing but NumPy may be imported.
"""

from __future__ import annotations

import itertools
import math
import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

_CHUNK_ROWS = 4096  # rows evaluated at a time, so that the (rows, ramps) array of a large table stays in the cache
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
        _check_text(self.name, "the name of a column")
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
    def n_rows(self) -> int:
        """Number of rows of the first layer that this column owns."""
        return max(len(self.knots) - 1, 0) + int(self.missing_indicator)


@dataclass(frozen=True)
class CategoricalColumn:
    """A column of strings with one first-layer row per known category, and one more for every other string.

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
        _check_text(self.name, "the name of a column")
        if isinstance(self.categories, str):
            raise TypeError(f"categories of column {self.name!r} must be a tuple of strings, however: one string")
        object.__setattr__(self, "categories", tuple(self.categories))
        for category in self.categories:
            _check_text(category, f"a category of column {self.name!r}")
        if len(set(self.categories)) != len(self.categories):
            twice = next(text for text in self.categories if self.categories.count(text) > 1)
            raise ValueError(f"categories of column {self.name!r} must differ, however: {twice!r} comes twice")

    @property
    def n_rows(self) -> int:
        """Number of rows of the first layer that this column owns."""
        return len(self.categories) + 1 if self.categories else 0


@dataclass(frozen=True, eq=False)
class ChildNetwork:
    """A classifier for one table: preprocessing and a network with one hidden layer and a linear part beside it.

    Axis letters: N rows, R first-layer rows, H hidden units, C classes, Fn numeric and Fc categorical columns.

    Parameters
    ----------
    columns : tuple of NumericColumn and CategoricalColumn
        In the order of the training table, at least one. A column that owns no first-layer row is accepted and ignored.
    classes : tuple of str, int, bool or float
        At least two, of one Python type, strictly increasing.
    first_weight : ndarray (R, H + C), float32
        Rows: all ramps (column by column, knot by knot), then missing indicators (column by column), then for each
        categorical column its categories and one row for every other string. The first H columns lead to the hidden
        units, the last C straight to the logits.
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
    classes: tuple[str, ...] | tuple[int, ...] | tuple[bool, ...] | tuple[float, ...]
    first_weight: FloatArray
    first_bias: FloatArray
    output_weight: FloatArray
    activation: Literal["tanh", "relu"] = "tanh"
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("columns", "classes"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("first_weight", "first_bias", "output_weight"):
            object.__setattr__(self, name, _frozen_array(getattr(self, name), name))
        object.__setattr__(self, "versions", dict(self.versions))
        self._check_columns()
        _check_classes(self.classes)
        if self.activation not in ("tanh", "relu"):
            raise ValueError(f"activation must be 'tanh' or 'relu', however: {self.activation!r}")
        for key, value in self.versions.items():
            _check_text(key, "a key of versions")
            _check_text(value, f"versions[{key!r}]")
        n_rows, n_classes = sum(column.n_rows for column in self.columns), len(self.classes)
        if self.output_weight.ndim != 2 or self.output_weight.shape[0] < 1 or self.output_weight.shape[1] != n_classes:
            raise ValueError(
                f"output_weight must have shape (H, C) with H >= 1 and C = {n_classes} classes, "
                f"however: {self.output_weight.shape}"
            )
        n_outputs = self.output_weight.shape[0] + n_classes
        if self.first_weight.shape != (n_rows, n_outputs):
            raise ValueError(
                f"first_weight must have shape (R, H + C) = {(n_rows, n_outputs)} for these columns, classes and "
                f"output_weight, however: {self.first_weight.shape}"
            )
        if self.first_bias.shape != (n_outputs,):
            raise ValueError(f"first_bias must have shape (H + C,) = {(n_outputs,)}, however: {self.first_bias.shape}")

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
    def class_kind(self) -> Literal["string", "integer", "boolean", "float"]:
        """What the classes are in Python."""
        return _CLASS_KINDS[type(self.classes[0])]

    @property
    def numeric_columns(self) -> tuple[NumericColumn, ...]:
        """The numeric columns in order (Fn of them), ignored ones among them."""
        return tuple(column for column in self.columns if isinstance(column, NumericColumn))

    @property
    def categorical_columns(self) -> tuple[CategoricalColumn, ...]:
        """The categorical columns in order (Fc of them), ignored ones among them."""
        return tuple(column for column in self.columns if isinstance(column, CategoricalColumn))

    def predict_logits(self, numeric: Any = None, categorical: Any = None) -> FloatArray:
        """Evaluate the network: float32 ramps, as the file has them, then float64 sums, rounded to float32 at the end.

        Parameters
        ----------
        numeric : array-like (N, Fn) of numbers, optional
            Cells of the numeric columns in order, NaN where missing. May be left out if there are none.
        categorical : array-like (N, Fc) of objects, optional
            Cells of the categorical columns in order, in their text form or anything that `categorical_text` takes.

        Returns
        -------
        ndarray (N, C), float32

        Raises
        ------
        ValueError
            If an array has another shape or a cell of `numeric` is no number.
        """
        return self._evaluate(numeric, categorical).astype(np.float32)

    def _evaluate(self, numeric: Any, categorical: Any) -> npt.NDArray[np.float64]:
        x, cells = self._as_inputs(numeric, categorical)
        logits = np.empty((len(x), len(self.classes)))
        for start in range(0, len(x), _CHUNK_ROWS):
            chunk = slice(start, start + _CHUNK_ROWS)
            logits[chunk] = self._logits(x[chunk], cells[chunk])
        return logits

    def predict_proba(self, numeric: Any = None, categorical: Any = None) -> FloatArray:
        """Probabilities (N, C), float32: the softmax of `predict_logits`, columns in the order of `classes`."""
        logits = self._evaluate(numeric, categorical)
        e = np.exp(logits - logits.max(axis=1, keepdims=True))  # (N, C)
        return (e / e.sum(axis=1, keepdims=True)).astype(np.float32)  # type: ignore[no-any-return]

    def _as_inputs(self, numeric: Any, categorical: Any) -> tuple[FloatArray, npt.NDArray[np.object_]]:
        n_numeric, n_categorical = len(self.numeric_columns), len(self.categorical_columns)
        with np.errstate(over="ignore"):  # beyond float32 is infinite, and infinite saturates
            x = None if numeric is None else np.asarray(numeric, np.float32)
        cells = None if categorical is None else np.asarray(categorical, object)
        for name, array, n_columns in (("numeric", x, n_numeric), ("categorical", cells, n_categorical)):
            if array is None and n_columns:
                raise ValueError(f"{name} must have shape (N, {n_columns}), however: it was not given")
            if array is not None and (array.ndim != 2 or array.shape[1] != n_columns):
                raise ValueError(f"{name} must have shape (N, {n_columns}), however: {array.shape}")
        if x is None:
            x = np.empty((0 if cells is None else len(cells), 0), np.float32)
        if cells is None:
            cells = np.empty((len(x), 0), object)
        if n_numeric and n_categorical and len(x) != len(cells):
            raise ValueError(f"numeric and categorical must have equally many rows, however: {len(x)} and {len(cells)}")
        return (x, cells) if n_numeric else (np.empty((len(cells), 0), np.float32), cells)

    def _logits(self, x: FloatArray, cells: npt.NDArray[np.object_]) -> npt.NDArray[np.float64]:
        numeric = [(x[:, i], column) for i, column in enumerate(self.numeric_columns)]
        inputs = [ramp for values, column in numeric for ramp in _ramps(values, column)]
        inputs += [np.isnan(values).astype(np.float32) for values, column in numeric if column.missing_indicator]
        pre = np.zeros((len(x), len(self.first_bias))) + self.first_bias  # (N, H + C)
        if inputs:
            pre += np.stack(inputs, axis=1).astype(np.float64) @ self.first_weight[: len(inputs)]
        row = len(inputs)
        for i, column in enumerate(self.categorical_columns):
            if column.categories:
                rows = {category: row + j for j, category in enumerate(column.categories)}
                other = row + len(rows)
                pre += self.first_weight[[rows.get(text, other) for text in categorical_texts(cells[:, i])]]
            row += column.n_rows
        hidden = np.tanh(pre[:, : self.width]) if self.activation == "tanh" else np.maximum(pre[:, : self.width], 0)
        return hidden @ self.output_weight + pre[:, self.width :]  # (N, C)


def _ramps(values: FloatArray, column: NumericColumn) -> list[FloatArray]:
    """ramp_k = clip((x - knot_k) * float32(1 / (knot_{k+1} - knot_k)), 0, 1), step by step as the graph does it."""
    x = np.where(np.isnan(values), np.float32(column.centre), values)
    ramps = []
    with np.errstate(over="ignore"):
        for low, inverse_width in zip(column.knots, inverse_widths(column), strict=False):
            ramps.append(np.clip((x - np.float32(low)) * inverse_width, np.float32(0), np.float32(1)))
    return ramps


def inverse_widths(column: NumericColumn) -> FloatArray:
    """float32(1 / (knot_{k+1} - knot_k)) of a column's K ramps, divided in float64 and rounded once; shape (K,)."""
    return (1.0 / np.diff(np.array(column.knots, np.float64))).astype(np.float32)


def categorical_text(value: object) -> str:
    """Text form of one cell of a categorical column, the same in every reader of the file.

    None, NaN, NA and NaT become ``""``; booleans ``"True"`` or ``"False"``; integral numbers have no decimal point;
    other floats are their shortest float64 ``repr``; strings are unchanged; anything else is its ``str``.

    Examples
    --------
    >>> [categorical_text(value) for value in ("Bern", None, True, 3, 3.0, 0.5, float("nan"))]
    ['Bern', '', 'True', '3', '3', '0.5', '']
    """
    if isinstance(value, str):
        return str(value)
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, float | np.floating):
        number = float(value)
        if math.isnan(number):
            return ""
        return str(int(number)) if number.is_integer() else repr(number)
    if isinstance(value, np.datetime64 | np.timedelta64) and np.isnat(value):
        return ""
    return str(value)


def categorical_texts(values: Iterable[object]) -> list[str]:
    """Text forms of the N cells of one column (see `categorical_text`): a list, an array or a pandas Series."""
    return [value if type(value) is str else categorical_text(value) for value in values]


_CLASS_KINDS: dict[type, Literal["string", "integer", "boolean", "float"]] = {
    str: "string",
    int: "integer",
    bool: "boolean",
    float: "float",
}


def _check_classes(classes: tuple[Any, ...]) -> None:
    if len(classes) < 2:
        raise ValueError(f"classes must be at least two, however: {classes!r}")
    kinds = {type(label) for label in classes}
    if len(kinds) != 1 or not kinds <= _CLASS_KINDS.keys():
        raise TypeError(
            "classes must be of one Python type, str, int, bool or float, however: "
            f"{sorted(kind.__name__ for kind in kinds)}. Use array.tolist() on NumPy labels."
        )
    for label in classes:
        if isinstance(label, str):
            _check_text(label, "a class")
        elif isinstance(label, float) and not math.isfinite(label):
            raise ValueError(f"classes must be finite, however: {label!r}")
        elif isinstance(label, int) and not -(2**63) <= label < 2**63:
            raise ValueError(f"integer classes must fit into 64 bits, however: {label!r}")
    for low, high in itertools.pairwise(classes):
        if not low < high:
            raise ValueError(f"classes must be sorted and differ, however: {low!r} before {high!r}")


def _check_text(text: object, what: str) -> None:
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a string, however: {text!r}")
    if "\0" in text:
        raise ValueError(
            f"{what} must not hold a NUL character, which ends a C string, however: {text!r}. Remove it from the table."
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{what} must be valid Unicode (UTF-8 can store it), however: {text!r}: {error}") from None


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
