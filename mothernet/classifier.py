"""The scikit-learn estimator: a table in, a child network out, without tuning."""

from __future__ import annotations

import numbers
import os
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from mothernet_export.metadata import file_columns
from mothernet_export.reference import predict_proba
from mothernet_runtime.cells import CellRule, IgnoredRule
from mothernet_runtime.columns import table_columns
from mothernet_runtime.coverage import Coverage
from mothernet_runtime.rows import RowReader
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, check_consistent_length
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    check_random_state,
    validate_data,
)

from mothernet.fitting.child import PenaltySource
from mothernet.fitting.network import FitOptions, fit_network
from mothernet.settings import DEFAULT_SETTINGS, FitSettings, Size
from mothernet.tables.columns import TrainingColumn, read_training_columns
from mothernet.tables.inference import COLUMN_TYPES, ColumnChoice
from mothernet.tables.labels import label_array
from mothernet.teachers import learned_lesson, rows_of

__all__ = ["MotherNetClassifier"]


class MotherNetClassifier(ClassifierMixin, BaseEstimator):
    """Classifier for tables: a pretrained hypernetwork and a solve make a small network, without tuning.

    Takes tables of pandas, polars and pyarrow, dicts of columns, lists of dicts, and arrays; numbers, texts, booleans,
    dates, categories and missing values, read by the same grammar of cells as CSV files. ``fit`` is
    deterministic for a given ``random_state``, and leaves in ``child_`` all that :func:`mothernet_export.to_onnx`
    needs.

    Parameters
    ----------
    width : int, optional
        Hidden units that are generated, of which the child keeps what its size allows. Default 128.
    size : {"small", "default", "large"}, default "default"
        How much accuracy is given for a smaller, faster file.
    checkpoint : str or path, optional
        A checkpoint of ``mothernet pretrain``; default: the one in the package.
    device : {"cpu", "cuda"}, default "cpu"
        Where onnxruntime runs the hypernetwork's transformer; a GPU needs the package ``onnxruntime-gpu``. All else
        is NumPy.
    random_state : int, default 0
        Draws folds, rules, and the rows that a large table is read, trained, judged and made smaller by.
    categorical_features : sequence of str or int, optional
        Columns that are categories although they hold numbers.
    columns : mapping of str to str, optional
        Types of columns (``"number"``, ``"boolean"``, ``"date"``, ``"category"``, ``"ignored"``), where they are not to
        be decided by the cells.
    class_weight : dict or "balanced", optional
        Weights of the classes in the loss; ``"balanced"``: all classes alike.
    penalty : {"cross-validated", "predicted"}, default "cross-validated"
        Whether the strength of the output layer's penalty is chosen by cross-validation of that layer, or predicted by
        the hypernetwork in the same forward pass.
    teacher : classifier, optional
        Of scikit-learn's kind, with ``predict_proba``, taking the same ``X`` (a DataFrame or an array): a clone is
        fitted to the same rows, and teaches the child on rows that are made by exchanging cells. One that is fitted
        already: in scikit-learn's ``FrozenEstimator``.
    teacher_share : float between 0 and 1, optional
        How much the teacher counts there. Default: chosen, with how sure it may be, by the loss of children on rows
        held out, which takes a dozen further fits; zero if it does not help. What a frozen teacher was fitted to is
        not held out from it: say a share.
    settings : FitSettings, optional
        Constants of the fit, for experiments.

    Attributes
    ----------
    classes_ : ndarray (C,)
    child_ : mothernet_export.ChildNetwork
    teacher_share_ : float
        How much the teacher counted; zero without one.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, if fitted on a DataFrame

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from mothernet import MotherNetClassifier
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> model = MotherNetClassifier().fit(X, y)
    >>> model.predict(X.head(2)).tolist()
    [0, 0]

    Notes
    -----
    At prediction a DataFrame must have the training columns in the same order, as scikit-learn demands; the runtime
    takes them in any order.

    After Müller, Curino, Ramakrishnan: MotherNet: Fast Training and Inference via Hyper-Network Transformers, ICLR
    2025.
    """

    def __init__(
        self,
        width: int | None = None,
        size: Size = "default",
        checkpoint: str | os.PathLike[str] | None = None,
        device: str = "cpu",
        random_state: int | np.random.RandomState | None = 0,
        categorical_features: Sequence[str | int] | None = None,
        columns: Mapping[str, ColumnChoice | CellRule] | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        penalty: PenaltySource = "cross-validated",
        teacher: Any = None,
        teacher_share: float | None = None,
        settings: FitSettings | None = None,
    ) -> None:
        self.width = width
        self.size = size
        self.checkpoint = checkpoint
        self.device = device
        self.random_state = random_state
        self.categorical_features = categorical_features
        self.columns = columns
        self.class_weight = class_weight
        self.penalty = penalty
        self.teacher = teacher
        self.teacher_share = teacher_share
        self.settings = settings

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MotherNetClassifier:
        """Fit a child to a table.

        Parameters
        ----------
        X : table or array of shape (N, F)
            Missing values are welcome; infinite ones count as extremes.
        y : array of shape (N,)
            Two classes or more, without missing values.
        sample_weight : array of shape (N,), optional
            Weights of the rows in the loss, not negative; rows of weight zero are left out.

        Raises
        ------
        ValueError, TypeError
            The table, the labels or a parameter cannot be used; the message says what to do.
        """
        options = FitOptions(
            self.width, self.size, self.checkpoint, self.device, self.penalty, self.settings or DEFAULT_SETTINGS
        )
        table = self._open(X, y, reset=True)
        y = label_array(y)
        check_classification_targets(y)
        row_weight = self._row_weight(y, sample_weight)
        given = None if sample_weight is None else _check_sample_weight(sample_weight, y, dtype=np.float64)
        if row_weight is not None:
            kept = np.flatnonzero(row_weight)
            given = None if given is None else given[kept]
            table = {name: _rows(column, kept) for name, column in table.items()}
            y, row_weight = y[kept], row_weight[kept] / row_weight[kept].mean()
        columns = read_training_columns(table, self._choices(list(table)), are_named=self._is_named)
        _warn(columns)
        seed = self.random_state
        if not isinstance(seed, numbers.Integral):
            seed = check_random_state(seed).randint(2**31)
        lesson = None
        if self.teacher is not None:
            taught = X if row_weight is None else rows_of(X, kept)
            lesson = learned_lesson(self, taught, y, given, int(seed), options.settings)
        self.teacher_share_ = 0.0 if lesson is None else lesson.share
        self.child_ = fit_network(columns, y, options, seed=int(seed), row_weight=row_weight, lesson=lesson)
        self.classes_ = np.array(self.child_.target.classes, y.dtype)
        self._file_columns = file_columns(self.child_)
        self._reader, self._warned = RowReader(self._file_columns), False
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float32]:
        """Probabilities (N, C), columns in the order of ``classes_``."""
        inputs = self.graph_inputs(X)
        if not self._warned:
            coverage = Coverage(self._file_columns)
            coverage.add(inputs)
            if complaint := coverage.complaint():
                self._warned = True  # once per model
                warnings.warn(complaint, stacklevel=2)
        return predict_proba(self.child_, inputs.get("numeric"), inputs.get("categorical"))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Most probable class of every row (N,)."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def graph_inputs(self, X: Any) -> dict[str, npt.NDArray[Any]]:
        """What the exported graph takes for these rows: ``numeric`` (N, Fn) and ``categorical`` (N, Fc), where used."""
        check_is_fitted(self, "child_")
        inputs: dict[str, npt.NDArray[Any]] = self._reader.read(self._open(X, None, reset=False))[1]
        return inputs

    def _open(self, X: Any, y: Any, *, reset: bool) -> dict[str, Any]:
        """The columns of a table by name, checked as scikit-learn checks them."""
        if type(X).__name__ == "LazyFrame":
            X = X.collect()
        _check_column_names(X)
        by_position = not (hasattr(X, "columns") or hasattr(X, "column_names") or _is_records(X))
        if by_position:
            labels = {} if not reset else {"y": None if y is None else label_array(y)}
            validate_data(self, X=X, reset=reset, **labels, **_CHECKS)
            X = _as_array(X)
        elif hasattr(X, "iloc"):  # names alone: columns of several types are no array
            validate_data(self, X=X, reset=reset, skip_check_array=True)
        table = table_columns(X)
        if reset:
            self._is_named = not by_position
            self._column_names = list(table)
            if not by_position:
                if not table or y is None:
                    raise ValueError("a fit needs columns and labels, however: there are none. Give X and y.")
                check_consistent_length(next(iter(table.values())), label_array(y))
            if not by_position and not hasattr(X, "iloc"):
                self.n_features_in_ = len(table)
                self.feature_names_in_ = np.array(list(table), object)
        elif list(table) != self._column_names:  # scikit-learn compares names only if all are text
            raise ValueError(
                f"X must have the columns {self._column_names} in this order, however: {list(table)}. "
                "Rename or reorder them."
            )
        return table

    def _choices(self, names: list[str]) -> dict[str, ColumnChoice | CellRule]:
        """Types that the caller names, by column."""
        choices: dict[str, ColumnChoice | CellRule] = {}
        for column in _categorical_features(self.categorical_features):
            choices[_column_name(column, names)] = "category"
        for column, choice in (self.columns or {}).items():
            if isinstance(choice, str) and choice not in COLUMN_TYPES:
                raise ValueError(
                    f"columns must name types of {', '.join(COLUMN_TYPES)}, however: {choice!r} for {column!r}."
                )
            if column not in names:
                raise ValueError(f"columns names {column!r}, which is not a column. Columns: {names}.")
            choices[column] = choice
        return choices

    def _row_weight(self, y: npt.NDArray[Any], sample_weight: Any) -> npt.NDArray[np.float64] | None:
        """Weights of the rows (N,), or None if all are equal."""
        if sample_weight is None and self.class_weight is None:
            return None
        weight = _check_sample_weight(sample_weight, y, dtype=np.float64, ensure_non_negative=True)
        if self.class_weight is not None:
            weight = weight * compute_sample_weight(self.class_weight, y)
            if not (np.isfinite(weight).all() and (weight >= 0).all()):
                raise ValueError(
                    f"class_weight must hold weights of at least 0, however: {self.class_weight!r}. Correct them."
                )
        return weight / (weight.max() or 1.0)


_CHECKS: dict[str, Any] = {"dtype": None, "ensure_all_finite": False}


def _check_column_names(X: Any) -> None:
    if hasattr(X, "columns"):
        twice = [name for name, count in Counter(map(str, X.columns)).items() if count > 1]
        if twice:
            raise ValueError(f"column names must differ, however: {twice} come more than once. Rename or remove them.")


def _as_array(X: Any) -> npt.NDArray[Any]:
    """A 2-D array; rows of mixed cells become objects, never text."""
    if isinstance(X, np.ndarray):
        return X
    array = np.asarray(X)
    return array if array.dtype.kind in "iufb" else np.asarray(X, object)


def _is_records(X: Any) -> bool:
    """Whether it is a dict of columns or a list of dicts."""
    return isinstance(X, Mapping) or (isinstance(X, list | tuple) and bool(X) and isinstance(X[0], Mapping))


def _rows(column: Any, kept: npt.NDArray[np.int64]) -> Any:
    """Some rows of a column."""
    if hasattr(column, "iloc"):
        return column.iloc[kept]
    return [column[i] for i in kept] if isinstance(column, list | tuple) else column[kept]


def _warn(columns: Sequence[TrainingColumn]) -> None:
    """Say which columns are ignored though they vary, and which cells count as missing."""
    for name, reading, _ in columns:
        if isinstance(reading.rule, IgnoredRule) and reading.reason not in _UNREMARKABLE:
            warnings.warn(
                f"column {name!r} is ignored: {reading.reason}. Pass columns={{{name!r}: 'category'}} or 'number' to "
                "use it.",
                stacklevel=3,
            )
        if complaint := reading.complaint(name):
            warnings.warn(complaint, stacklevel=3)


_UNREMARKABLE = ("as asked", "constant", "all cells are missing")


def _categorical_features(columns: Any) -> list[str | int]:
    if isinstance(columns, str):
        raise TypeError(f"categorical_features must be a list of columns, however: {columns!r}. Write [{columns!r}].")
    return [] if columns is None else list(columns)


def _column_name(column: str | int, names: list[str]) -> str:
    if isinstance(column, numbers.Integral) and not isinstance(column, bool):
        if not 0 <= column < len(names):
            raise ValueError(f"categorical_features must be between 0 and {len(names) - 1}, however: {column}.")
        return names[int(column)]
    if column not in names:
        raise ValueError(f"categorical_features names {column!r}, which is not a column. Columns: {names}.")
    return str(column)
