"""One way to predict with one fitted model, ready to be timed, checked and weighed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is imported

import numpy as np
import numpy.typing as npt
import onnxruntime

__all__ = ["PARITY_ROWS", "Arrays", "Failure", "Predictor", "onnx_predictor", "open_session", "parity_error", "resized"]

PARITY_ROWS = 500

Arrays = dict[str, npt.NDArray[Any]]  # by input: (N, columns), or (N,) for one column
Call = Callable[[], Any]
Ready = Callable[[Arrays, int], Call]  # from rows and threads to a call without arguments


@dataclass(frozen=True)
class Predictor:
    """A model in one form.

    Attributes
    ----------
    inputs : {"raw", "codes"}
        Strings as the table has them, or numbers that they were turned into before.
    arrays : dict of arrays
        All rows of the table, as ``ready`` takes them.
    ready : callable
        Gives a call that predicts these rows on so many threads; what it prepares is not timed.
    expected : (PARITY_ROWS or fewer, C) array
        Probabilities of the first rows by the model that was fitted.
    tolerance : float
        Of a probability.
    content : bytes
        The .onnx file, if that is the form.
    size_bytes : int, optional
        Of the file or shared library.
    single_threaded : bool
        Whether it knows one thread only.
    """

    model: str
    form: Literal["onnx", "native", "compiled"]
    engine: str
    inputs: Literal["raw", "codes"]
    arrays: Arrays
    ready: Ready
    expected: npt.NDArray[np.float64]
    tolerance: float
    content: bytes = b""
    size_bytes: int | None = None
    single_threaded: bool = False


@dataclass(frozen=True)
class Failure:
    """A predictor that could not be made, or whose answers are wrong."""

    model: str
    engine: str
    inputs: str
    reason: str


def open_session(content: bytes, threads: int) -> onnxruntime.InferenceSession:
    """Without warnings; idle threads of one session do not spin, which would slow the next model's call."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def onnx_predictor(
    model: str,
    inputs: Literal["raw", "codes"],
    arrays: Arrays,
    content: bytes,
    expected: npt.NDArray[np.float64],
    tolerance: float,
) -> Predictor:
    """A file in onnxruntime, all outputs computed; one session for each number of threads."""
    session_of = cache(lambda threads: open_session(content, threads))

    def ready(rows: Arrays, threads: int) -> Call:
        session = session_of(threads)
        return lambda: session.run(None, rows)

    return Predictor(
        model, "onnx", "onnxruntime", inputs, arrays, ready, expected, tolerance, content, size_bytes=len(content)
    )


def resized(arrays: Arrays, rows: int) -> Arrays:
    """The first rows, or all of them again and again."""
    return {name: np.ascontiguousarray(np.resize(array, (rows, *array.shape[1:]))) for name, array in arrays.items()}


def probabilities(answer: Any) -> npt.NDArray[np.float64]:
    """What a call gave, as (N, C): the second output of a graph; two columns where one class's probability is given."""
    p = np.asarray(answer[1] if isinstance(answer, list) else answer, float)
    p = p.reshape(len(p), -1)
    return p if p.shape[1] > 1 else np.hstack([1 - p, p])


def parity_error(predictor: Predictor) -> float:
    """The largest difference from the expected probabilities; NaN if one is none."""
    rows = resized(predictor.arrays, len(predictor.expected))
    p = probabilities(predictor.ready(rows, 1)())
    return float(np.abs(p - predictor.expected).max()) if p.shape == predictor.expected.shape else np.inf
