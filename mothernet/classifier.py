"""The scikit-learn estimator: a table in, a child network out, no tuning and no gradient descent through the
network."""

from __future__ import annotations

import numbers
import os
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import torch
from mothernet_export import ChildNetwork, ClassTarget
from mothernet_export.reference import predict_proba
from mothernet_runtime.text import is_missing
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_random_state, column_or_1d, validate_data

from mothernet.fitting.child import PenaltySource, fit_child_weights
from mothernet.network.checkpoint import Checkpoint, load_checkpoint
from mothernet.network.inputs import balanced_weights
from mothernet.settings import DEFAULT_SETTINGS, FitSettings
from mothernet.tables.columns import RawInputs, column_types, read_raw_inputs, warn_of_lost_digits
from mothernet.tables.encoding import fit_encoding
from mothernet.version import __version__

__all__ = ["MotherNetClassifier"]

DEFAULT_WIDTH = 128


class MotherNetClassifier(ClassifierMixin, BaseEstimator):
    """Classifier for tables: a pretrained hypernetwork generates a small network in one forward pass.

    Takes DataFrames (numbers, strings, booleans, categories, nullable types, missing values) and arrays. ``fit`` is
    deterministic for a given ``random_state``, and leaves in ``child_`` all that :func:`mothernet_export.to_onnx`
    needs.

    Parameters
    ----------
    width : int, optional
        Hidden units of the child; fewer are smaller and faster. Default 128.
    checkpoint : str or path, optional
        A checkpoint of ``mothernet pretrain``; default: the one in the package.
    device : str, default "auto"
        Where ``fit`` runs: ``"cpu"``, ``"cuda"``, or a GPU if there is one. Predictions are made by NumPy.
    random_state : int, default 0
        Draws folds, and the rows by which a large table is read.
    categorical_features : sequence of str or int, optional
        Columns that are categories although they hold numbers.
    penalty : {"cross-validated", "predicted"}, default "cross-validated"
        Whether the strength of the output layer's penalty is chosen by cross-validation of that layer, or predicted by
        the hypernetwork in the same forward pass.
    settings : FitSettings, optional
        Constants of the fit, for experiments.

    Attributes
    ----------
    classes_ : ndarray (C,)
    child_ : mothernet_export.ChildNetwork
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
        checkpoint: str | os.PathLike[str] | None = None,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = 0,
        categorical_features: Sequence[str | int] | None = None,
        penalty: PenaltySource = "cross-validated",
        settings: FitSettings | None = None,
    ) -> None:
        self.width = width
        self.checkpoint = checkpoint
        self.device = device
        self.random_state = random_state
        self.categorical_features = categorical_features
        self.penalty = penalty
        self.settings = settings

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def fit(self, X: Any, y: Any) -> MotherNetClassifier:
        """Fit a child to a table.

        Parameters
        ----------
        X : DataFrame or array of shape (N, F)
            Missing values are welcome; infinite ones count as extremes.
        y : array of shape (N,)
            Two classes or more, without missing values.

        Raises
        ------
        ValueError, TypeError
            The table, the labels or a parameter cannot be used; the message says what to do.
        """
        if self.penalty not in get_args(PenaltySource):
            raise ValueError(f"penalty must be 'cross-validated' or 'predicted', however: penalty={self.penalty!r}.")
        settings = DEFAULT_SETTINGS if self.settings is None else self.settings
        _check_column_names(X)
        validate_data(self, X=X, y=None if y is None else _labels(y), **_CHECKS)
        y = _labels(y)
        check_classification_targets(y)
        classes, code = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(f"y must hold at least two classes, however: only one class, {classes.tolist()}.")
        X = X if hasattr(X, "iloc") else _as_array(X)
        names = _names(X)
        types = column_types(X, names, _categorical_features(self.categorical_features))
        raw = read_raw_inputs(X, names, types)
        warn_of_lost_digits(X, names, types)
        network, _, fingerprint = _checkpoint(self.checkpoint, _device(self.device))
        row_weight = balanced_weights(torch.from_numpy(code)[None], len(classes))[0].double().numpy()
        encoding = fit_encoding(raw, names, types, network.config.ramps, row_weight, settings)
        seed = check_random_state(self.random_state).randint(2**31)
        weights = fit_child_weights(
            network,
            encoding.inputs,
            encoding.ramp_index,
            code.astype(np.int64),
            len(classes),
            width=_width(self.width, network.config.units),
            penalty=self.penalty,
            rng=np.random.default_rng(seed),
            settings=settings,
        )
        self.classes_ = classes
        self._column_types, self._column_names = types, names
        # fold the encoding, inputs = base + matrix @ basis, into the first layer
        self.child_ = ChildNetwork(
            columns=encoding.columns,
            target=ClassTarget(tuple(classes.tolist())),
            first_weight=(encoding.matrix.T @ weights.first_weight).astype(np.float32),
            first_bias=(weights.first_bias + encoding.base @ weights.first_weight).astype(np.float32),
            output_weight=weights.output_weight.astype(np.float32),
            activation=network.config.activation,
            versions={"mothernet": __version__, "torch": torch.__version__, "checkpoint": fingerprint},
        )
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float32]:
        """Probabilities (N, C), columns in the order of ``classes_``."""
        raw = self._raw_inputs(X)
        return predict_proba(self.child_, raw.numeric, raw.categorical)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Most probable class of every row (N,)."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def _raw_inputs(self, X: Any) -> RawInputs:
        check_is_fitted(self, "child_")
        validate_data(self, X=X, reset=False, **_CHECKS)
        X = X if hasattr(X, "iloc") else _as_array(X)
        # scikit-learn compares names only if all are text
        if hasattr(X, "columns") and _names(X) != self._column_names:
            raise ValueError(
                f"X must have the columns {self._column_names} in this order, however: {_names(X)}. "
                "Rename or reorder them."
            )
        return read_raw_inputs(X, self._column_names, self._column_types)


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


def _names(X: Any) -> list[str]:
    return [str(name) for name in X.columns] if hasattr(X, "columns") else [f"x{i}" for i in range(X.shape[1])]


def _labels(y: Any) -> npt.NDArray[Any]:
    """Labels as an array of text, integers, booleans or floats; missing ones are an error."""
    labels = column_or_1d(np.asarray(y), warn=True)
    code = labels.dtype.kind
    if code in "mMV" or (code == "u" and len(labels) and labels.max() > np.iinfo(np.int64).max):
        raise TypeError(f"y must hold text, integers, booleans or floats, however: {labels.dtype}. Convert it first.")
    missing = sum(map(is_missing, labels)) if code == "O" else int(np.isnan(labels).sum()) if code == "f" else 0
    if missing:
        raise ValueError(f"y must have a label in every row, however: {missing} are missing (NaN). Drop those rows.")
    if code != "O":
        return labels
    types = set()
    for label in labels:
        found = next((t for t, known in _LABEL_TYPES.items() if isinstance(label, known)), None)
        if found is None:
            raise TypeError(f"y holds {label!r}: Unknown label type, expected text, integers, booleans or floats.")
        types.add(found)
    if len(types) > 1:
        names = sorted(t.__name__ for t in types)
        raise TypeError(f"y must hold labels of one type, however: {names} (str and number, say). Convert them first.")
    (only,) = types
    return np.array([only(label) for label in labels], dtype=object if only is str else None)


_LABEL_TYPES: dict[type, tuple[type, ...]] = {
    bool: (bool, np.bool_),
    int: (int, np.integer),
    float: (float, np.floating),
    str: (str,),
}


def _categorical_features(columns: Any) -> list[str | int]:
    if isinstance(columns, str):
        raise TypeError(f"categorical_features must be a list of columns, however: {columns!r}. Write [{columns!r}].")
    return [] if columns is None else list(columns)


def _width(width: Any, units: int) -> int:
    if width is None:
        return min(DEFAULT_WIDTH, units)
    if not isinstance(width, numbers.Integral) or isinstance(width, bool) or not 1 <= int(width) <= units:
        raise ValueError(f"width must be between 1 and {units}, a whole number, however: width={width!r}.")
    return int(width)


def _device(device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        backend = torch.device(device).type
    except RuntimeError:
        backend = ""
    if backend not in ("cpu", "cuda") or (backend == "cuda" and not torch.cuda.is_available()):
        raise ValueError(f"device must be 'auto', 'cpu' or an available 'cuda', however: device={device!r}.")
    return device


def _checkpoint(source: str | os.PathLike[str] | None, device: str) -> Checkpoint:
    """Load a checkpoint once per process, and again only if its file has changed."""
    path = None if source is None else os.fspath(source)
    changed = os.stat(path).st_mtime_ns if path is not None and os.path.isfile(path) else 0
    return _loaded(path, device, changed)


@lru_cache(maxsize=4)
def _loaded(path: str | None, device: str, changed: int) -> Checkpoint:
    return load_checkpoint(path, device)
