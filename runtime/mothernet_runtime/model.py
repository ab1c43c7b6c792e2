"""The loaded model: rows in, labels and probabilities out."""

from __future__ import annotations

import hashlib
import os
import stat
import warnings
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from mothernet_runtime.coverage import Coverage
from mothernet_runtime.file import read_model
from mothernet_runtime.graph import Graph
from mothernet_runtime.graph_rules import ModelFileError
from mothernet_runtime.rows import RowReader
from mothernet_runtime.session import Providers, open_session

OnUnseen = Literal["warn", "error", "ignore"]

_MAX_BYTES = 2**31 - 1  # of a protobuf message
TOLERANCE = 1e-5  # of a probability, on the CPU
_REDUCED_TOLERANCE = 1e-3  # on hardware that may multiply at reduced precision
_SUM_TOLERANCE = 1e-3  # of the sum of a row's probabilities
_MAX_REOPENED = 8  # models that stay open for further pickles of them
_reopened: dict[tuple[bytes, str], Model] = {}  # by what is in the pickle, the latest last
_CLEAR_GAP = 1e-3  # between the two largest probabilities of a row whose label no rounding changes


class SelfTestError(ModelFileError):
    """The model does not reproduce the answers that its file records."""


def load(
    path: str | os.PathLike[str],
    *,
    providers: Providers = None,
    threads: int = 1,
    strict: bool = False,
    on_unseen: OnUnseen = "warn",
) -> Model:
    """Open a MotherNet .onnx or .ort file, check it against its format, and run its self-test once.

    Parameters
    ----------
    path : path of the file
    providers : str, or sequence of str or (str, dict of options), optional
        What runs the graph, in order of preference: names such as "cpu", "cuda", "tensorrt" or those of onnxruntime
        ("CUDAExecutionProvider"); "auto" takes the available accelerators (TensorRT, slow to start, only by name).
        The CPU is always last. Default: the CPU, the fastest for small batches.
    threads : int
        Threads of one call; 0 takes one per core. More than one pays from some thousand rows on.
    strict : bool
        Whether a provider that is not available is an error; by default a warning says what is used instead.
    on_unseen : {"warn", "error", "ignore"}
        What to do if most of the cells that a used column of categories has in at least 5 rows are unknown to the
        model, or a column is all missing that was complete in training: warn once, raise ValueError, or nothing.

    Returns
    -------
    Model

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        A ValueError: the file is no ONNX file, cut off, not from MotherNet, too new, or not as its format demands.
    SelfTestError
        A ModelFileError: the answers to the rows of the self-test differ from the recorded ones by more than 1e-5 in a
        probability (1e-3 unless all runs on the CPU).
    ValueError
        If `path`, `providers`, `threads` or `on_unseen` is not as above.

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
    status = os.stat(source)
    if stat.S_ISDIR(status.st_mode) or stat.S_ISCHR(status.st_mode) or status.st_size > _MAX_BYTES:
        what = "a folder" if stat.S_ISDIR(status.st_mode) else f"no file of at most {_MAX_BYTES:,} bytes"
        raise ValueError(f"the path of a model must lead to an .onnx file, however: {source!r} is {what}")
    with open(source, "rb") as stream:
        data = stream.read(_MAX_BYTES)
    return Model(data, source, providers=providers, threads=threads, strict=strict, on_unseen=on_unseen)


class Model:
    """A classifier read from a file; made by `load`. Safe to share between threads and to send to other processes.

    Rows may be given as a dict of columns (single values: one row), a list of dicts, a data frame (pandas, polars,
    pyarrow: anything with ``columns`` and ``[name]``), all with columns in any order, or a 2-D NumPy array with columns
    in the order of `feature_names_in_`. Columns that the model ignores may be left out, except from an array.
    None, NaN, NA and NaT are missing. Text means what it means in a CSV file, by the rule of its column: see
    ``info()["columns"]`` and FORMAT.md. Numbers, booleans, dates and times may be of their own types too.

    Attributes
    ----------
    classes_ : ndarray (C,)
        Labels in the order of the probabilities, of the type that the training table had: str, int64, bool or float64.
    feature_names_in_ : list of str
        Columns in the order of the training table.
    columns_ : tuple of Column
        The same with their types and how their cells are written.

    Notes
    -----
    Wrong rows raise ValueError: a column missing, unknown, repeated or of another length, a cell that is no number or
    date in a column of such (`CellError`), an array of another shape. Something that is no table raises TypeError. If
    onnxruntime cannot run the graph, or the graph answers with other shapes or labels than it should, that is a
    ModelFileError.

    A pickle of a model holds the bytes of its file and what `load` was given, nothing else: engines such as Spark, Ray
    or a pool of processes pickle what they send to their workers. A process that reads the same model again and again,
    as with every task, opens its session and runs its self-test once, and gets the same object. The package itself
    reads no pickles; a model is kept and published as its .onnx file.
    """

    def __init__(
        self,
        data: bytes,
        source: str,
        *,
        providers: Providers = None,
        threads: int = 1,
        strict: bool = False,
        on_unseen: OnUnseen = "warn",
    ) -> None:
        if on_unseen not in get_args(OnUnseen):
            raise ValueError(f"on_unseen must be 'warn', 'error' or 'ignore', however: {on_unseen!r}")
        self._file = read_model(data, source)
        self._settings = (source, providers, threads, strict, on_unseen)
        self._must_check = on_unseen != "ignore"
        self._graph = Graph(open_session(data, source, providers, threads, strict), self._file, source, threads)
        self._reader = RowReader(self._file.columns)
        self.classes_ = self._file.classes
        self.feature_names_in_ = self._reader.names
        self.columns_ = self._file.columns
        self.check(TOLERANCE if self._graph.on_cpu else _REDUCED_TOLERANCE)

    def predict(self, rows: Any) -> npt.NDArray[Any]:
        """Labels (N,), of the dtype of `classes_`."""
        return self._run(rows, ("label",))[0]

    def predict_proba(self, rows: Any) -> npt.NDArray[np.float32]:
        """Probabilities (N, C), float32, columns in the order of `classes_`."""
        return self._run(rows, ("probabilities",))[0]

    def predict_both(
        self, rows: Any, *, coverage: Coverage | None = None
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32]]:
        """Labels (N,) and probabilities (N, C) in one pass.

        Parameters
        ----------
        rows : as for `predict`
        coverage : Coverage, optional
            Counts the cells of these rows, instead of a warning or an error (see `coverage`).
        """
        labels, probabilities = self._run(rows, ("label", "probabilities"), coverage)
        return labels, probabilities

    def graph_inputs(self, rows: Any) -> dict[str, npt.NDArray[Any]]:
        """What the graph takes for N rows: ``numeric`` (N, Fn) and ``categorical`` (N, Fc), where there are such; of a
        numeric core ``numbers`` (N, F).

        For whoever runs the graph elsewhere, a Triton server for example.
        """
        return dict(self._graph.feed(self._reader.read(rows)[1]))

    def coverage(self) -> Coverage:
        """An empty count of the cells that the model knows, for rows that come in parts."""
        return Coverage(self._file.columns)

    def check_columns(self, names: Sequence[str]) -> None:
        """Raise ValueError unless `names` are the columns that rows must have, each once, in any order."""
        self._reader.check_names(names)

    def count_unseen(self, rows: Any) -> dict[str, int]:
        """Per column of categories, the cells that have none of their own in the model and count as "other".

        That is: text unseen or rare in training, or a missing cell if training had none. Columns without influence are
        left out.
        """
        coverage = self.coverage()
        coverage.add(self._reader.read(rows)[1])
        return coverage.unseen

    def info(self) -> dict[str, Any]:
        """What the file says of itself, and how it runs here; JSON can hold it."""
        _, _, threads, _, _ = self._settings
        return {
            **self._file.schema,
            "size_bytes": len(self._file.data),
            "providers": list(self._graph.providers),
            "threads": threads,
        }

    def check(self, tolerance: float = TOLERANCE) -> dict[str, Any]:
        """Predict the self-test rows of the file and compare with the recorded answers.

        Returns
        -------
        dict
            ``rows``, ``max_difference`` of the probabilities, and ``tolerance``.

        Raises
        ------
        SelfTestError
            If a probability is off by more than `tolerance`, or a label differs in a row whose two largest recorded
            probabilities are further apart than rounding explains.
        """
        test, classes = self._file.self_test, self.classes_.tolist()
        n_rows, inputs = self._reader.read(test.columns)
        got_labels, got = self._graph.answers(inputs, n_rows, ("label", "probabilities"))
        if not ((got >= 0).all() and (np.abs(got.sum(axis=1) - 1) <= _SUM_TOLERANCE).all()):
            raise ModelFileError(
                f"the probabilities of {self._settings[0]} must be at least 0 and sum to 1, however: in the self-test "
                f"they lie between {got.min():.3g} and {got.max():.3g}. Export the file again."
            )
        difference = float(np.abs(got - test.probabilities).max())
        may_differ = _near_ties(test.probabilities, tolerance)
        answered = [classes.index(label) for label in got_labels.tolist()]
        recorded = [self._file.labels.index(label) for label in test.labels]
        wrong = sum(
            answer != record and not may_differ[row, [answer, record]].all()
            for row, (answer, record) in enumerate(zip(answered, recorded, strict=True))
        )
        if wrong or not difference <= tolerance:
            raise SelfTestError(
                f"{self._settings[0]} fails its self-test: {wrong} of {len(got)} labels differ, and probabilities "
                f"differ by up to {difference:.3g} (allowed: {tolerance:g}) on "
                f"{', '.join(self._graph.providers)}. Try providers='cpu'; if that fails too, export the file again."
            )
        return {"rows": len(got), "max_difference": difference, "tolerance": tolerance}

    def _run(self, rows: Any, outputs: Sequence[str], coverage: Coverage | None = None) -> list[npt.NDArray[Any]]:
        """The named outputs for N rows."""
        n_rows, inputs = self._reader.read(rows)
        if coverage is not None:
            coverage.add(inputs)
        elif self._must_check and n_rows > 1:
            self._check_coverage(inputs)
        return self._graph.answers(inputs, n_rows, outputs)

    def _check_coverage(self, inputs: dict[str, npt.NDArray[Any]]) -> None:
        coverage = self.coverage()
        coverage.add(inputs)
        complaint = coverage.complaint()
        if complaint and self._settings[-1] == "error":
            raise ValueError(complaint)
        if complaint:
            self._must_check = False
            warnings.warn(complaint, UserWarning, stacklevel=4)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self._file.data, *self._settings)

    def __repr__(self) -> str:
        return f"<Model {self._settings[0]!r}: {len(self.feature_names_in_)} columns, {len(self.classes_)} classes>"


def _near_ties(probabilities: npt.NDArray[np.float64], tolerance: float) -> npt.NDArray[np.bool_]:
    """Per row and class (n, C), whether rounding may make that class the label instead of the recorded one."""
    ordered = np.sort(probabilities, axis=1)
    is_clear = ordered[:, -1:] - ordered[:, -2:-1] > max(_CLEAR_GAP, 2 * tolerance)  # (n, 1)
    return np.asarray((probabilities >= ordered[:, -1:] - 2 * tolerance) & ~is_clear)


def _reopen(data: bytes, source: str, providers: Providers, threads: int, strict: bool, on_unseen: OnUnseen) -> Model:
    """The model of a pickle: one for all pickles of it that this process reads, as engines send one with every task."""
    key = hashlib.sha256(data).digest(), repr((source, providers, threads, strict, on_unseen))
    model = _reopened.get(key)
    if model is None:
        model = Model(data, source, providers=providers, threads=threads, strict=strict, on_unseen=on_unseen)
        model = _reopened.setdefault(key, model)  # another thread's, if it was sooner
        for old in list(_reopened)[:-_MAX_REOPENED]:
            _reopened.pop(old, None)
    return model
