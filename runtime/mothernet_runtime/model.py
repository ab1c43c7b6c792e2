"""The loaded model: rows in, labels and probabilities out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mothernet_runtime.file import read_model
from mothernet_runtime.rows import RowReader
from mothernet_runtime.session import Providers, open_session

_CHUNK_ROWS = 4096  # rows per call of onnxruntime, whose intermediate results grow with rows times categorical columns


class SelfTestError(RuntimeError):
    """The model does not reproduce the answers that its file records."""


def load(path: str | os.PathLike[str], *, providers: Providers = None, threads: int = 1, strict: bool = False) -> Model:
    """Open a MotherNet .onnx file.

    Parameters
    ----------
    path : path of the file
    providers : str, or sequence of str or (str, dict of options), optional
        What runs the graph, in order of preference: names such as "cpu", "cuda", "tensorrt" or those of onnxruntime
        ("CUDAExecutionProvider"); "auto" takes the accelerators that are there (TensorRT, slow to start, only by name).
        The CPU always stands last. Default: the CPU, the fastest for small batches.
    threads : int
        Threads of one call; 0 takes one per core. More than one pays from some thousand rows on.
    strict : bool
        Whether a provider that is not to be had is an error; by default a warning says what is used in its place.

    Returns
    -------
    Model

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        A ValueError: the file is no ONNX file, cut off, not from MotherNet, too new or damaged.
    ValueError
        If `providers` or `threads` is not as above.

    Examples
    --------
    >>> model = load("titanic.onnx")  # doctest: +SKIP
    >>> model.predict([{"age": 22.0, "sex": "male"}, {"age": None, "sex": "female"}])  # doctest: +SKIP
    array([0, 1])
    """
    source = os.fspath(path)
    if not os.path.exists(source):
        raise FileNotFoundError(
            f"there is no model file {source!r}. Check the path, or write one with `mothernet export`."
        )
    if os.path.isdir(source):
        raise ValueError(f"the path of a model must lead to an .onnx file, however: {source!r} is a folder")
    with open(source, "rb") as stream:
        data = stream.read()
    return Model(data, source, providers=providers, threads=threads, strict=strict)


class Model:
    """A classifier read from a file; made by `load`. Safe to share between threads; pickles with the file inside.

    Rows may be given as a dict of columns (single values: one row), a list of dicts, a data frame (pandas, polars,
    pyarrow: anything with ``columns`` and ``[name]``), all with columns in any order, or a 2-D NumPy array with columns
    in the order of `feature_names`. None, NaN, NA and NaT are missing. A numeric column takes numbers, or text that
    reads as one (blank: missing); a categorical column anything, in its text form: True is "True", 3 and 3.0 are "3".

    Attributes
    ----------
    classes_ : ndarray (C,)
        Labels in the order of the probabilities, of the kind that the training table had: str, int64, bool or float64.
    feature_names : list of str
        Columns in the order of the training table.

    Notes
    -----
    Wrong rows raise ValueError: a column missing, unknown, repeated or of another length, text in a numeric column
    (`CellError`), an array of another shape. Something that is no table raises TypeError.
    """

    def __init__(
        self, data: bytes, source: str, *, providers: Providers = None, threads: int = 1, strict: bool = False
    ) -> None:
        self._file = read_model(data, source)
        self._settings = (source, providers, threads, strict)
        self._session = open_session(data, source, providers, threads, strict)
        self._reader = RowReader(self._file.columns)
        self.classes_ = self._file.classes
        self.feature_names = self._reader.names

    def predict(self, rows: Any) -> npt.NDArray[Any]:
        """Labels (N,), of the dtype of `classes_`."""
        return self._run(rows, "label")[0]

    def predict_proba(self, rows: Any) -> npt.NDArray[np.float32]:
        """Probabilities (N, C), float32, columns in the order of `classes_`."""
        return self._run(rows, "probabilities")[0]

    def predict_both(self, rows: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32]]:
        """Labels (N,) and probabilities (N, C) in one pass."""
        labels, probabilities = self._run(rows, "label", "probabilities")
        return labels, probabilities

    def check_columns(self, names: Sequence[str]) -> None:
        """Raise ValueError unless `names` are the columns that rows must have, each once, in any order."""
        self._reader.check_names(names)

    def count_unseen(self, rows: Any) -> dict[str, int]:
        """Per categorical column, the cells that have no category of their own in the model and count as "other".

        That is: text unseen or rare in training, or a missing cell where training had none. Columns that the model
        ignores are left out.
        """
        cells = self._reader.read(rows)[1].get("categorical")
        columns = [column for column in self._file.columns if column.kind == "categorical"]
        return {
            column.name: sum(cell not in known for cell in cells[:, i])
            for i, column in enumerate(columns)
            if cells is not None and (known := frozenset(column.categories))
        }

    def info(self) -> dict[str, Any]:
        """What the file says of itself, and how it runs here; JSON can hold it."""
        _, _, threads, _ = self._settings
        return {
            **self._file.schema,
            "size_bytes": len(self._file.data),
            "providers": self._session.get_providers(),
            "threads": threads,
        }

    def check(self, tolerance: float = 1e-5) -> dict[str, Any]:
        """Predict the self-test rows of the file and compare with the recorded answers.

        Returns
        -------
        dict
            ``rows``, ``max_difference`` of the probabilities, and ``tolerance``.

        Raises
        ------
        SelfTestError
            If a label differs or a probability is off by more than `tolerance`.
        """
        test = self._file.self_test
        labels, probabilities = self.predict_both(test["columns"])
        expected = np.array(test["probabilities"], np.float64)
        difference = float(np.abs(probabilities - expected).max()) if probabilities.shape == expected.shape else np.inf
        wrong = sum(str(label) != str(other) for label, other in zip(labels.tolist(), test["labels"], strict=True))
        if wrong or not difference <= tolerance:
            raise SelfTestError(
                f"self-test failed: {wrong} of {len(labels)} labels differ, and probabilities differ by up to "
                f"{difference:.3g} (allowed: {tolerance:g}) on {', '.join(self._session.get_providers())}. "
                "Try providers='cpu'; if that fails too, export the file again."
            )
        return {"rows": len(labels), "max_difference": difference, "tolerance": tolerance}

    def _run(self, rows: Any, *outputs: str) -> list[npt.NDArray[Any]]:
        """The named outputs for N rows; labels as in `classes_`."""
        n_rows, inputs = self._reader.read(rows)
        if not n_rows:
            empty = {"label": self.classes_[:0], "probabilities": np.empty((0, len(self.classes_)), np.float32)}
            return [empty[name] for name in outputs]
        chunks = []
        try:
            for start in range(0, n_rows, _CHUNK_ROWS):
                feed = {name: array[start : start + _CHUNK_ROWS] for name, array in inputs.items()}
                chunks.append(self._session.run(outputs, feed))
        except UnicodeEncodeError as error:
            raise ValueError(f"text must be valid Unicode, however: {error.object!r} (a lone surrogate)") from None
        results = [parts[0] if len(parts) == 1 else np.concatenate(parts) for parts in zip(*chunks, strict=True)]
        return [
            self._labels(result) if name == "label" else result for name, result in zip(outputs, results, strict=True)
        ]

    def _labels(self, labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The graph's labels as in the training table: it writes booleans and floats as text."""
        if self.classes_.dtype.kind == "b":
            return np.asarray(labels == "True")
        return labels.astype(self.classes_.dtype, copy=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self._file.data, *self._settings)

    def __repr__(self) -> str:
        return f"<Model {self._settings[0]!r}: {len(self.feature_names)} columns, {len(self.classes_)} classes>"


def _reopen(data: bytes, source: str, providers: Providers, threads: int, strict: bool) -> Model:
    return Model(data, source, providers=providers, threads=threads, strict=strict)
