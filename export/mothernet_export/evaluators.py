"""Who can answer for an ONNX file: onnxruntime, ONNX's own evaluator in NumPy, OpenVINO."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from mothernet_runtime.graph_rules import is_ort
from mothernet_runtime.session import open_session
from onnx.reference import ReferenceEvaluator

from mothernet_export.onnx_writer.builder import ML_DOMAIN

__all__ = [
    "EVALUATORS",
    "ONNX_REFERENCE",
    "Arrays",
    "Evaluator",
    "EvaluatorError",
    "EvaluatorUnavailableError",
    "evaluator",
]

Arrays = Mapping[str, npt.NDArray[Any]]  # inputs or outputs of a graph by name
Evaluator = Callable[[Arrays], Arrays]

ONNX_REFERENCE = "onnx.reference"


class EvaluatorUnavailableError(RuntimeError):
    """An evaluator is not installed, or is not meant for files of this kind; the message says which."""


class EvaluatorError(RuntimeError):
    """An evaluator that is here, and should take the file, does not; the message says why."""


def evaluator(name: str, model: bytes) -> Evaluator:
    """A function from the inputs of a file's graph to its outputs.

    Parameters
    ----------
    name : str
        One of `EVALUATORS`.
    model : bytes
        The content of an .onnx or ORT file.

    Raises
    ------
    EvaluatorUnavailableError
        It is not installed, or is not meant for such files.
    EvaluatorError
        It cannot open the file; the function raises it where it cannot run the file.
    """
    open_model = EVALUATORS[name]
    with _failing(f"{name} cannot open"):
        run = open_model(model)

    def answer(inputs: Arrays) -> Arrays:
        with _failing(f"{name} cannot run"):
            return run(inputs)

    return answer


@contextlib.contextmanager
def _failing(problem: str) -> Iterator[None]:
    try:
        yield
    except EvaluatorUnavailableError:
        raise
    except Exception as error:  # those of engines share no base class
        text = " ".join(str(error).split())[-300:] or type(error).__name__
        raise EvaluatorError(f"{problem} the file: {text}") from error


def _onnxruntime(model: bytes) -> Evaluator:
    session = open_session(model, source="the model", providers=None, threads=1, strict=True)
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, dict(inputs)), strict=True))


def _onnx_reference(model: bytes) -> Evaluator:
    _check_onnx(model)
    graph = ReferenceEvaluator(model)

    def run(inputs: Arrays) -> Arrays:
        with np.errstate(over="ignore"):  # an infinite cell saturates
            return dict(zip(graph.output_names, graph.run(None, dict(inputs)), strict=True))

    return run


def _openvino(model: bytes) -> Evaluator:
    _check_onnx(model)
    if any(entry.domain == ML_DOMAIN for entry in onnx.load_model_from_string(model).opset_import):
        raise EvaluatorUnavailableError(f"it has no operators of {ML_DOMAIN}; a numeric core needs none (--form core)")
    core = _imported_openvino().Core()
    # bfloat16, which some processors are given by default, keeps 8 bits
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    compiled = core.compile_model(core.read_model(model=model, weights=b""), "CPU", settings)
    names = [output.any_name for output in compiled.outputs]

    def run(inputs: Arrays) -> Arrays:
        results = compiled(dict(inputs))
        return {name: np.array(results[name]) for name in names}

    return run


def _imported_openvino() -> Any:
    """OpenVINO without openvino-telemetry, by which its import would send an event to Google Analytics."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # now it cannot be imported
    try:
        import openvino
    except ImportError as error:
        raise EvaluatorUnavailableError("it is not installed: pip install 'mothernet-export[openvino]'") from error
    return openvino


def _check_onnx(model: bytes) -> None:
    if is_ort(model):
        raise EvaluatorUnavailableError("it reads no ORT files")


EVALUATORS: Mapping[str, Callable[[bytes], Evaluator]] = {
    "onnxruntime": _onnxruntime,
    ONNX_REFERENCE: _onnx_reference,
    "OpenVINO": _openvino,
}
