"""Does a file answer as it should on a user's own rows? Whoever can run it here, against one of them.

The file holds no record, so the NumPy reference can take part only in two ways: by the answers that it left in the
file's self-test, or by a record that the caller has.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mothernet_runtime
import numpy as np
import numpy.typing as npt
from mothernet_runtime.file import read_model
from mothernet_runtime.graph_rules import ModelFileError, is_ort
from mothernet_runtime.model import TOLERANCE
from mothernet_runtime.rows import RowReader
from mothernet_runtime.text import listed

from mothernet_export.child import child_of
from mothernet_export.evaluators import (
    EVALUATORS,
    ONNX_REFERENCE,
    Evaluator,
    EvaluatorError,
    EvaluatorUnavailableError,
    evaluator,
)
from mothernet_export.metadata import file_columns
from mothernet_export.reference import predict_answers

__all__ = ["EvaluatorCheck", "FileCheck", "check_file"]

CLEAR_GAP = 1e-4  # between the two largest probabilities of a row: no rounding changes such a label
_COMPILED = "compiled C"
_RECORD = "NumPy reference"

Rows = Mapping[str, Sequence[Any]]  # raw cells by column


@dataclass(frozen=True)
class EvaluatorCheck:
    """What one evaluator of a file says.

    Attributes
    ----------
    evaluator : str
    max_difference : float or None
        Largest absolute difference of a probability on the rows; None of the reference itself, or if it was skipped.
    different_labels : int or None
        Clear rows with another label.
    self_test_difference : float or None
        Largest difference from the answers that the file records, None if it records none.
    self_test_labels : int or None
        Clear rows of the self-test with another label.
    skipped : str
        Why it did not take part: it is not here, or not meant for such files.
    failure : str
        Why it has no answers, though it should.
    """

    evaluator: str
    max_difference: float | None = None
    different_labels: int | None = None
    self_test_difference: float | None = None
    self_test_labels: int | None = None
    skipped: str = ""
    failure: str = ""


@dataclass(frozen=True)
class FileCheck:
    """Result of `check_file`.

    Attributes
    ----------
    file, reference : str
        What was checked, and what it was compared with.
    rows, clear_rows : int
        All rows, and those whose two largest probabilities, in the reference, lie more than 1e-4 apart: the others'
        labels are not compared.
    evaluators : tuple of EvaluatorCheck
    tolerance : float
    """

    file: str
    reference: str
    rows: int
    clear_rows: int
    evaluators: tuple[EvaluatorCheck, ...]
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether nobody fails, and all agree on labels of clear rows and on probabilities within the tolerance."""
        differences = [(c.max_difference, c.different_labels) for c in self.evaluators]
        differences += [(c.self_test_difference, c.self_test_labels) for c in self.evaluators]
        agree = all(gap is None or (gap <= self.tolerance and not labels) for gap, labels in differences)
        return agree and not any(c.failure for c in self.evaluators)


@dataclass(frozen=True)
class _Answers:
    index: npt.NDArray[np.int64]  # (N,) of the classes
    probabilities: npt.NDArray[np.float32]  # (N, C)

    @property
    def is_clear(self) -> npt.NDArray[np.bool_]:
        ordered = np.sort(self.probabilities, axis=1)
        return np.asarray(ordered[:, -1] - ordered[:, -2] > CLEAR_GAP)

    def difference(self, other: _Answers) -> tuple[float, int]:
        """Largest difference of a probability, and how many labels of clear rows of `self` differ."""
        gap = float(np.abs(other.probabilities - self.probabilities).max(initial=0.0))
        return gap, int((self.index != other.index)[self.is_clear].sum())


def check_file(
    path: str | os.PathLike[str],
    rows: Rows,
    *,
    against: str | os.PathLike[str] | None = None,
    child: Any = None,
    tolerance: float = TOLERANCE,
) -> FileCheck:
    """Compare what all evaluators say of a file on some rows.

    Parameters
    ----------
    path : path-like
        An .onnx file of either form, an ORT file, or C source (``.c``, its header beside it), which is compiled.
    rows : mapping of str to sequence of str
        Raw cells by column, as :func:`mothernet_runtime.csv_files.read_csv` reads them; other columns are left alone.
    against : path-like, optional
        Another file, of any form, whose answers are the reference: of an .onnx file as ``onnx.reference`` evaluates
        it, of an ORT file as onnxruntime does. By default an .onnx file is its own; the others need one.
    child : ChildNetwork or estimator with `child_`, optional
        What the file was written of: its NumPy reference is the reference.
    tolerance : float
        Largest allowed absolute difference of a probability.

    Raises
    ------
    ValueError
        There are no rows, a file is none of ours, a column is missing, a cell does not fit, classes of both files
        differ, C source or an ORT file has no reference, or there is no compiler.
    EvaluatorError
        The reference cannot open or run its file.
    """
    if not len(next(iter(rows.values()), ())):
        raise ValueError("there must be at least one row to compare answers on, however: there is none. Add some.")
    file = _opened(path)
    if child is not None:
        reference, expected = _RECORD, _answers_of_record(child, rows)
    elif against is not None:
        other = _opened(against)
        if other.classes != file.classes:
            raise ValueError(
                f"both files must have the same classes, however: {listed(file.classes)} and {listed(other.classes)}"
            )
        reference, expected = f"{os.fspath(against)} by {other.reference}", other.answers(other.reference, rows)
    elif file.reference == ONNX_REFERENCE:
        reference, expected = file.reference, file.answers(file.reference, rows)
    else:
        raise ValueError(
            f"{os.fspath(path)!r} must be compared with another file, however: ONNX's own evaluator cannot read it. "
            "Name the .onnx file of the same export (--against FILE)."
        )
    checks = tuple(_checks(file, rows, expected, reference))
    return FileCheck(os.fspath(path), reference, len(expected.index), int(expected.is_clear.sum()), checks, tolerance)


def _checks(file: _OnnxFile | _CFile, rows: Rows, expected: _Answers, reference: str) -> Iterator[EvaluatorCheck]:
    for name in file.names:
        try:
            recorded: tuple[Any, Any] = (None, None)
            if file.recorded is not None:
                cells, answers = file.recorded
                recorded = answers.difference(file.answers(name, cells))
            differences: tuple[Any, Any] = (None, None)
            if name != reference:
                differences = expected.difference(file.answers(name, rows))
        except EvaluatorUnavailableError as error:
            yield EvaluatorCheck(name, skipped=str(error))
        except EvaluatorError as error:
            yield EvaluatorCheck(name, failure=str(error))
        else:
            yield EvaluatorCheck(name, *differences, *recorded)


class _OnnxFile:
    """An .onnx file of either form, or an ORT file."""

    names = tuple(EVALUATORS)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._model = mothernet_runtime.load(path, on_unseen="ignore")
        self.classes = [str(label) for label in self._model.classes_.tolist()]
        self._data = Path(path).read_bytes()
        self.reference = "onnxruntime" if is_ort(self._data) else ONNX_REFERENCE
        self._evaluators: dict[str, Evaluator] = {}
        test = read_model(self._data, os.fspath(path)).self_test
        probabilities = test.probabilities.astype(np.float32)
        self.recorded: tuple[Rows, _Answers] | None = test.columns, _Answers(self._index(test.labels), probabilities)

    def answers(self, name: str, rows: Rows) -> _Answers:
        """What one of `names` says.

        Raises
        ------
        EvaluatorUnavailableError, EvaluatorError
            As `evaluator` does.
        """
        columns = {column.name: rows[column.name] for column in self._columns(rows)}
        if name == "onnxruntime":  # as the runtime asks it
            try:
                labels, probabilities = self._model.predict_both(columns)
            except ModelFileError as error:
                raise EvaluatorError(str(error)) from error
            return _Answers(self._index(labels.tolist()), probabilities)
        run = self._evaluators.get(name) or self._evaluators.setdefault(name, evaluator(name, self._data))
        outputs = run(self._model.graph_inputs(columns))
        index = outputs["class_index"] if "class_index" in outputs else self._index(outputs["label"].tolist())
        return _Answers(np.asarray(index, np.int64), outputs["probabilities"])

    def _columns(self, rows: Rows) -> list[Any]:
        self._model.check_columns([name for name in rows if name in self._model.feature_names_in_])
        return [column for column in self._model.columns_ if not column.is_ignored]

    def _index(self, labels: Sequence[Any]) -> npt.NDArray[np.int64]:
        """Positions of labels in the classes; -1 of what is none."""
        position = {label: k for k, label in enumerate(self.classes)}
        return np.array([position.get(str(label), -1) for label in labels], np.int64)


class _CFile:
    """C source, compiled."""

    reference = _COMPILED
    names = (_COMPILED,)
    recorded = None

    def __init__(self, path: str | os.PathLike[str]) -> None:
        from mothernet_export.c_writer.compiled import find_compiler
        from mothernet_export.c_writer.compiled_file import CompiledFile

        compiler = find_compiler()
        if compiler is None:
            raise ValueError("C source must be compiled, however: there is no compiler. Install one, or set CC.")
        self._compiled = CompiledFile(Path(path), compiler)
        self.classes = self._compiled.classes

    def answers(self, name: str, rows: Rows) -> _Answers:
        missing = [column for column in self._compiled.columns if column not in rows]
        if missing:
            raise ValueError(f"rows must have all columns, however: {listed(missing)} is missing. Add it.")
        return _Answers(*self._compiled.predict(rows))


def _opened(path: str | os.PathLike[str]) -> _OnnxFile | _CFile:
    return _CFile(path) if Path(path).suffix == ".c" else _OnnxFile(path)


def _answers_of_record(child: Any, rows: Rows) -> _Answers:
    record = child_of(child)
    columns = file_columns(record)
    needed = {column.name: rows[column.name] for column in columns if not column.is_ignored}
    inputs = RowReader(columns).read(needed)[1]
    answers = predict_answers(record, inputs.get("numeric"), inputs.get("categorical"))
    position = {label: k for k, label in enumerate(record.target.labels)}
    index = np.array([position[label] for label in answers["label"].tolist()], np.int64)
    return _Answers(index, answers["probabilities"])
