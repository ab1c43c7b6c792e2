"""Running the graph: rows cut into calls that stay in the cache, and answers checked before anyone sees them.

What rows are, and how a session is opened, is decided elsewhere.

Axis letters: N rows, C classes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mothernet_runtime.core import Codes
from mothernet_runtime.file import ModelFile
from mothernet_runtime.graph_rules import ModelFileError
from mothernet_runtime.session import engine

__all__ = ["Graph", "rows_per_call"]

_CALL_BYTES = 2**21  # of intermediate results: what a core's own cache holds, or nearly
_MIN_ROWS, _MAX_ROWS = 64, 2048  # fewer pay for calls, more for memory
_ACCELERATOR_ROWS = 4096
_CORE_NAMES = {"label": "class_index"}  # of outputs, where a numeric core calls them otherwise
_RAMPS = 8  # inputs that a numeric column becomes, about
_FEW_LABELS = 16  # looked up one by one, which takes less than an array does


def rows_per_call(model: ModelFile, threads: int, on_cpu: bool) -> int:
    """Rows that one call of onnxruntime takes at most.

    A row costs least where the intermediate results of a call fit into the cache of a core. They are estimated: the
    ramps of numbers, and as many numbers as there are units and classes, for each categorical input and once more. On
    eight real tables and five synthetic ones of up to 500 columns that is within some 10 % of the best number of rows;
    one number for all, 2,048, made rows of the widest tables cost up to twice as much.

    Parameters
    ----------
    model : ModelFile
    threads : int
        Of one call, each with a cache; 0 is one per core.
    on_cpu : bool
        Whether all of the graph runs there.
    """
    if not on_cpu:
        return _ACCELERATOR_ROWS
    inputs = [each.input for column in model.columns for each in column.inputs]
    n_outputs = int(model.schema["width"]) + len(model.classes)
    row_bytes = 4 * (_RAMPS * inputs.count("numeric") + (1 + inputs.count("categorical")) * n_outputs)
    rows = min(max(_CALL_BYTES // row_bytes, _MIN_ROWS), _MAX_ROWS)
    return rows * (threads or os.cpu_count() or 1)


class Graph:
    """The graph of a file in a session; safe to share between threads.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    model : ModelFile
    source : str
        What errors call the file.
    threads : int
        Of one call.
    """

    def __init__(self, session: Any, model: ModelFile, source: str, threads: int) -> None:
        self._run, self._source = session.run, source
        self._classes = model.classes
        self._codes = Codes(model.columns) if model.form == "core" else None
        self._positions = {label: position for position, label in enumerate(model.labels)}
        self.providers: list[str] = session.get_providers()
        self.on_cpu = self.providers == ["CPUExecutionProvider"]
        self.rows_per_call = rows_per_call(model, threads, self.on_cpu)

    def answers(
        self, inputs: Mapping[str, npt.NDArray[Any]], n_rows: int, outputs: Sequence[str]
    ) -> list[npt.NDArray[Any]]:
        """The named outputs for N rows: ``label`` (N,) in the dtype of the classes, ``probabilities`` (N, C) float32.

        Raises
        ------
        ModelFileError
            onnxruntime cannot run the graph, or answers have other shapes or labels than they should.
        ValueError
            A text is not valid Unicode.
        """
        inputs = self.feed(inputs)
        if 0 < n_rows <= self.rows_per_call:
            return self._call(inputs, n_rows, outputs)
        results = [
            np.empty(n_rows, self._classes.dtype)
            if name == "label"
            else np.empty((n_rows, len(self._classes)), np.float32)
            for name in outputs
        ]
        for start in range(0, n_rows, self.rows_per_call):
            stop = min(start + self.rows_per_call, n_rows)
            feed = {name: array[start:stop] for name, array in inputs.items()}
            for result, part in zip(results, self._call(feed, stop - start, outputs), strict=True):
                result[start:stop] = part
        return results

    def feed(self, inputs: Mapping[str, npt.NDArray[Any]]) -> Mapping[str, npt.NDArray[Any]]:
        """What the graph takes, of the inputs that its full form takes."""
        return inputs if self._codes is None else {"numbers": self._codes.numbers(inputs)}

    def _call(
        self, feed: Mapping[str, npt.NDArray[Any]], n_rows: int, outputs: Sequence[str]
    ) -> list[npt.NDArray[Any]]:
        names = outputs if self._codes is None else [_CORE_NAMES.get(name, name) for name in outputs]
        try:
            results: list[npt.NDArray[Any]] = self._run(names, feed)
        except UnicodeEncodeError as error:
            raise ValueError(f"text must be valid Unicode, however: {error.object!r} (a lone surrogate)") from None
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise ModelFileError(
                f"{engine()} cannot run {self._source}: {' '.join(str(error).split())}. Export the file again."
            ) from error
        for k, name in enumerate(outputs):
            expected = (n_rows,) if name == "label" else (n_rows, len(self._classes))
            if results[k].shape != expected:
                raise ModelFileError(
                    f"the output {name!r} of {self._source} must have shape {expected}, "
                    f"however: {results[k].shape}. Export the file again."
                )
            if name == "label":
                results[k] = self._typed(results[k]) if self._codes is None else self._classes_at(results[k])
        return results

    def _classes_at(self, index: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """The labels that a core means."""
        if len(index) and not 0 <= index.min() <= index.max() < len(self._classes):
            raise ModelFileError(
                f"class_index of {self._source} must be from 0 to {len(self._classes) - 1}, however: "
                f"{index.min()} to {index.max()}. Export the file again."
            )
        return self._classes[index]

    def _typed(self, labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The graph's labels as in the training table, where it writes booleans and floats as text."""
        if len(labels) == 1 and (position := self._positions.get(labels.item())) is not None:
            return self._classes[position : position + 1].copy()
        if labels.dtype.kind == "i" and len(labels) > _FEW_LABELS:
            nearest = self._classes.take(np.searchsorted(self._classes, labels), mode="clip")
            if np.array_equal(nearest, labels):
                return nearest
        try:
            found = np.fromiter(map(self._positions.__getitem__, labels.tolist()), np.intp, len(labels))
        except KeyError as error:
            raise ModelFileError(
                f"labels of {self._source} must be its classes, however: {error.args[0]!r}. Export the file again."
            ) from None
        return self._classes[found]
