"""Does the file say what the record says? NumPy reference against onnxruntime and onnx's own evaluator."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from mothernet_runtime.core import Codes
from mothernet_runtime.file import Form
from mothernet_runtime.model import TOLERANCE

from mothernet_export.child import ChildNetwork, child_of
from mothernet_export.evaluators import ONNX_REFERENCE, Arrays, evaluator
from mothernet_export.metadata import file_columns
from mothernet_export.reference import predict_answers
from mothernet_export.target import Answers, GraphOutput, Target


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
        Largest absolute difference of a probability.
    different_labels : int
        Rows with another label than the reference's, ties apart.
    tied_labels : int
        Rows with another label whose probability, in the reference, lies within 1e-6 of the largest.
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
        """Largest absolute difference of a probability over all evaluators."""
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
    categorical : array-like (N, Fc) of str, optional
        As in `predict_proba`.
    tolerance : float
        Largest allowed absolute difference of a probability.
    evaluator_rows : int, optional
        Give only so many first rows to ``onnx.reference``, which looks strings up one by one in Python.

    Returns
    -------
    Parity
        ``skipped`` names onnx.reference if there are no rows for it.

    Raises
    ------
    ValueError
        If the arrays do not fit the record, or the file does not have the inputs and outputs of such a record.
    EvaluatorError
        If an evaluator cannot open or run it.
    """
    record = child_of(child)
    proto = model if isinstance(model, onnx.ModelProto) else onnx.load_model_from_string(Path(model).read_bytes())
    answers = predict_answers(record, numeric, categorical)
    form = form_of(proto)
    inputs = graph_inputs(record, numeric, categorical, form)
    expected = list(inputs), [output.name for output in _graph_outputs(record, form)]
    found = [i.name for i in proto.graph.input], [o.name for o in proto.graph.output]
    if found != expected:
        raise ValueError(f"the model must have inputs and outputs {expected} for this record, however: {found}")

    data = proto.SerializeToString()
    comparisons = [compared("onnxruntime", data, record, inputs, answers, form)]
    inputs, answers = _first_rows(inputs, evaluator_rows), _first_rows(answers, evaluator_rows)
    if not len(next(iter(inputs.values()))):  # its Gather gives a wrong shape in onnx 1.18 and before
        return Parity(tuple(comparisons), (ONNX_REFERENCE,), tolerance)
    comparisons.append(compared(ONNX_REFERENCE, data, record, inputs, answers, form))
    return Parity(tuple(comparisons), (), tolerance)


def compared(
    name: str, model: bytes, child: ChildNetwork, inputs: Arrays, expected: Answers, form: Form = "full"
) -> Comparison:
    """What one evaluator says of a file's content, against answers that the record gave."""
    got = evaluator(name, model)(inputs)
    n_rows = len(next(iter(inputs.values())))
    for output in _graph_outputs(child, form):
        shape = tuple(n_rows if size == "N" else size for size in output.shape)
        _check_array(name, output, got[output.name], shape)
    return Comparison(name, n_rows, *child.target.difference(expected, answers_of(got, child.target)))


def answers_of(outputs: Arrays, target: Target) -> Answers:
    """The answers that the outputs of a graph of either form mean."""
    if "class_index" not in outputs:
        return outputs
    return {
        "label": np.array(target.labels, object)[outputs["class_index"]],
        "probabilities": outputs["probabilities"],
    }


def form_of(proto: onnx.ModelProto) -> Form:
    """What the model says of its form."""
    says = {entry.key: entry.value for entry in proto.metadata_props}
    return "core" if says.get("mothernet.form") == "core" else "full"


def graph_inputs(child: ChildNetwork, numeric: Any, categorical: Any, form: Form = "full") -> Arrays:
    """What the file's graph takes, by name, of the arrays that `check_export` takes."""
    inputs: dict[str, npt.NDArray[Any]] = {}
    if child.numeric_columns:
        with np.errstate(over="ignore"):
            inputs["numeric"] = np.asarray(numeric, np.float32)
    if child.categorical_columns:
        inputs["categorical"] = np.asarray(categorical, object)
    return {"numbers": Codes(file_columns(child)).numbers(inputs)} if form == "core" else inputs


def _graph_outputs(child: ChildNetwork, form: Form) -> list[GraphOutput]:
    """Outputs of the file's graph, in order."""
    label, *others = child.target.graph_outputs
    return [GraphOutput("class_index", "int64", label.shape) if form == "core" else label, *others]


def _check_array(name: str, output: GraphOutput, got: npt.NDArray[Any], shape: tuple[int | str, ...]) -> None:
    element_type = "string" if got.dtype.kind in "OU" else got.dtype.name
    if got.shape != shape or element_type != output.element_type:
        raise ValueError(
            f"{name} must give {output.name} as {output.element_type} {shape}, however: {element_type} {got.shape}"
        )


def _first_rows(arrays: Arrays, n_rows: int | None) -> Arrays:
    return {name: array[:n_rows] for name, array in arrays.items()}
