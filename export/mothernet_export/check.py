"""Does the file say what the record says? NumPy reference against onnxruntime and onnx's own evaluator."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx.reference import ReferenceEvaluator

from mothernet_export.child import categorical_texts
from mothernet_export.metadata import label_text
from mothernet_export.onnx_file import child_of

TOLERANCE = 1e-5  # of probabilities: float32 sums in another order; below 1e-6 for logits of order 10, near 1e-5 for 50
TIE = 1e-6  # two probabilities nearer than this are equal up to rounding, and either label is right


@dataclass(frozen=True)
class Comparison:
    """One evaluator of the file against the NumPy reference.

    Attributes
    ----------
    evaluator : str
        ``"onnxruntime"`` or ``"onnx.reference"``.
    rows : int
        Number of rows compared.
    max_difference : float
        Greatest absolute difference of a probability.
    different_labels : int
        Rows with another label than the reference's, ties apart.
    tied_labels : int
        Rows with another label whose probability, in the reference, lies within 1e-6 of the greatest.
    """

    evaluator: str
    rows: int
    max_difference: float
    different_labels: int
    tied_labels: int


@dataclass(frozen=True)
class Parity:
    """Result of `check_export`: a comparison per evaluator, and the evaluators that were not asked."""

    comparisons: tuple[Comparison, ...]
    skipped: tuple[str, ...]
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether labels agree on every row (ties apart) and probabilities within the tolerance, everywhere."""
        return all(c.different_labels == 0 and c.max_difference <= self.tolerance for c in self.comparisons)

    @property
    def max_difference(self) -> float:
        """Greatest absolute difference of a probability over all evaluators."""
        return max((c.max_difference for c in self.comparisons), default=0.0)


def check_export(
    model: onnx.ModelProto | str | os.PathLike[str],
    child: Any,
    numeric: Any = None,
    categorical: Any = None,
    *,
    tolerance: float = TOLERANCE,
    evaluator_rows: int | None = None,
) -> Parity:
    """Compare the file's answers with the record's on the rows given.

    Parameters
    ----------
    model : onnx.ModelProto or path-like
        The exported model or its file.
    child : ChildNetwork or estimator with `child_`
        What the file should say.
    numeric : array-like (N, Fn) of numbers, optional
    categorical : array-like (N, Fc) of objects, optional
        As in `ChildNetwork.predict_proba`.
    tolerance : float
        Greatest allowed absolute difference of a probability.
    evaluator_rows : int, optional
        Give only so many first rows to ``onnx.reference``, which looks strings up one by one in Python.

    Returns
    -------
    Parity
        ``skipped`` names onnxruntime if it is not installed (``pip install 'mothernet-export[check]'``), and
        onnx.reference if there are no rows.

    Raises
    ------
    ValueError
        If the arrays do not fit the record, or the file does not have the inputs and outputs of such a record.
    """
    child = child_of(child)
    proto = model if isinstance(model, onnx.ModelProto) else onnx.load_model_from_string(Path(model).read_bytes())
    probabilities = child.predict_proba(numeric, categorical)  # (N, C)
    inputs = _inputs(child, numeric, categorical)
    expected = list(inputs), ["label", "probabilities"]
    found = [i.name for i in proto.graph.input], [o.name for o in proto.graph.output]
    if found != expected:
        raise ValueError(f"the model must have inputs and outputs {expected} for this record, however: {found}")

    runs: dict[str, Callable[..., Any] | None] = {"onnxruntime": _onnxruntime_run(proto), "onnx.reference": None}
    if len(
        probabilities[:evaluator_rows]
    ):  # without rows, the Gather of onnx.reference gives a wrong shape in onnx 1.18 and before
        runs["onnx.reference"] = ReferenceEvaluator(proto).run
    labels = np.array([label_text(label) for label in child.classes], object)
    comparisons = []
    for name, run in runs.items():
        if run is None:
            continue
        limit = evaluator_rows if name == "onnx.reference" else None
        with np.errstate(over="ignore"):  # an infinite cell saturates
            got_labels, got = run(None, {key: array[:limit] for key, array in inputs.items()})
        comparisons.append(_compare(name, labels, probabilities[:limit], got_labels, got))
    return Parity(tuple(comparisons), tuple(name for name, run in runs.items() if run is None), tolerance)


def _compare(
    name: str,
    labels: npt.NDArray[np.object_],
    probabilities: npt.NDArray[np.float32],
    got_labels: npt.NDArray[Any],
    got: npt.NDArray[np.float32],
) -> Comparison:
    if got.shape != probabilities.shape or got.dtype != np.float32 or got_labels.shape != probabilities.shape[:1]:
        raise ValueError(
            f"{name} must give labels {probabilities.shape[:1]} and float32 probabilities {probabilities.shape}, "
            f"however: {got_labels.shape} and {got.dtype} {got.shape}"
        )
    best = probabilities.argmax(axis=1)
    different = np.flatnonzero(labels[best] != got_labels.astype(object))
    position = {label: k for k, label in enumerate(labels)}
    chosen = [position.get(label, -1) for label in got_labels[different].tolist()]
    tied = sum(
        k >= 0 and bool(probabilities[row, best[row]] - probabilities[row, k] <= TIE)
        for row, k in zip(different, chosen, strict=True)
    )
    return Comparison(
        evaluator=name,
        rows=len(probabilities),
        max_difference=float(np.abs(got - probabilities).max(initial=0.0)),
        different_labels=len(different) - tied,
        tied_labels=tied,
    )


def _inputs(child: Any, numeric: Any, categorical: Any) -> dict[str, npt.NDArray[Any]]:
    inputs: dict[str, npt.NDArray[Any]] = {}
    if child.numeric_columns:
        with np.errstate(over="ignore"):
            inputs["numeric"] = np.asarray(numeric, np.float32)
    if child.categorical_columns:
        cells = np.asarray(categorical, object)
        inputs["categorical"] = np.array(categorical_texts(cells.ravel()), object).reshape(cells.shape)
    return inputs


def _onnxruntime_run(proto: onnx.ModelProto) -> Callable[..., Any] | None:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # counts only before the import
    try:
        import onnxruntime  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), sess_options=options, providers=["CPUExecutionProvider"]
    )
    return session.run  # type: ignore[no-any-return]
