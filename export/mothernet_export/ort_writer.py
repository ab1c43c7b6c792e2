"""The writer of the ORT file: the ONNX model as onnxruntime's own flatbuffer, which its reduced builds load.

onnxruntime makes it, at the basic level: operators stay those of ONNX, and nothing depends on the processor. What is
written beside it, the operators that a reduced build must have, is in the format of onnxruntime's build scripts.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mothernet_runtime.file import read_model
from mothernet_runtime.model import TOLERANCE
from mothernet_runtime.ort_container import HASH_KEY, OrtNode, hash_position, ort_hash, read_ort_container
from mothernet_runtime.output import check_output, written
from mothernet_runtime.session import open_session

from mothernet_export.check import Parity, compared, graph_inputs
from mothernet_export.child import child_of
from mothernet_export.onnx_writer import to_onnx
from mothernet_export.quantization import Weights, small_weights
from mothernet_export.reference import predict_answers

__all__ = ["OrtFile", "check_ort", "operators_path", "to_ort"]


@dataclass(frozen=True)
class OrtFile:
    """An ORT model and the operators that it needs.

    Attributes
    ----------
    data : bytes
    operators : str
        A line ``domain;version;operators`` for each domain and version, as ``--include_ops_by_config`` reads them.
    """

    data: bytes
    operators: str

    def write(self, path: Path) -> None:
        """Write the model, and the operators beside it; both are there before either is put in place."""
        with written(operators_path(path)) as operators, written(path) as model:
            operators.write_text(f"# Generated from model/s:\n# - {path.name}\n{self.operators}", "utf-8")
            model.write_bytes(self.data)


def to_ort(
    model: Any, path: str | os.PathLike[str] | None = None, *, opset: int = 17, weights: Weights = "float32"
) -> OrtFile:
    """Write a child network as one ORT file, and beside it the list of operators that a reduced build must have.

    Parameters
    ----------
    model, opset
        As for :func:`to_onnx`.
    path : path-like, optional
        Where the file goes, a name that ends in ``.ort``; the list goes beside it, with the suffix
        ``.required_operators.config``. Each file is the old or the new one at any moment. Without it, nothing is
        written.
    weights : {"float32", "float16", "int8"}
        float32 is the fastest: onnxruntime computes no constants when it loads an ORT file, so they are computed before
        it is written. Other weights would grow by that, so they stay as they are, and are multiplied out at every call;
        where the operators for that take more than they save, rounded weights are stored as float32.

    Returns
    -------
    OrtFile

    Raises
    ------
    TypeError, ValueError, OSError
        As for :func:`to_onnx`; ValueError too if `path` does not end in ``.ort``.

    Notes
    -----
    The order of some entries changes from call to call, as onnxruntime writes them.

    Examples
    --------
    >>> import numpy as np
    >>> from mothernet_export import ChildNetwork, ClassTarget, NumericColumn
    >>> ramp = NumericColumn("x", centre=0.0, knots=(0.0, 1.0), missing_indicator=False)
    >>> child = ChildNetwork((ramp,), ClassTarget(("no", "yes")), np.ones((1, 3)), np.zeros(3), np.ones((1, 2)))
    >>> print(to_ort(child).operators, end="")
    ai.onnx;6;HardSigmoid
    ai.onnx;13;Clip,Gemm
    ai.onnx.ml;1;Imputer,LinearClassifier
    """
    if path is not None:
        check_ort_path(Path(path))
    small = small_weights(child_of(model), weights)
    data = _converted(model if small is None else small.child, opset, "float32")
    if small is not None:
        data = min(data, _converted(model, opset, weights), key=len)
    position = hash_position(data)
    digits = ort_hash(data, position).encode()
    data = data[:position] + digits + data[position + len(digits) :]
    made = OrtFile(data, _operator_lines(read_ort_container(data)[1]))
    if path is not None:
        made.write(Path(path))
    return made


def check_ort(made: OrtFile, child: Any, numeric: Any = None, categorical: Any = None) -> Parity:
    """Compare the file's answers, by onnxruntime, with the record's on the rows given, as :func:`check_export` does.

    `child` is what the file should say: with other weights than float32, :func:`rounded` of it.
    """
    record = child_of(child)
    read_model(made.data, "the model")
    answers = predict_answers(record, numeric, categorical)
    inputs = graph_inputs(record, numeric, categorical)
    return Parity((compared("onnxruntime", made.data, record, inputs, answers),), (), TOLERANCE)


def operators_path(path: Path) -> Path:
    """Where the list of operators goes that belongs to a file."""
    return path.with_suffix(".required_operators.config")


def check_ort_path(path: Path) -> None:
    """Raise ValueError unless an ORT file can be written there, as `to_ort` does."""
    if path.suffix != ".ort":
        raise ValueError(f"path must end in .ort (a list of operators goes beside it), however: {str(path)!r}. Add it.")
    for each in (path, operators_path(path)):
        check_output(each)


def _converted(model: Any, opset: int, weights: Weights) -> bytes:
    """An ORT model, with zeros for its hash."""
    proto = to_onnx(model, opset=opset, weights=weights)
    for entry in proto.metadata_props:
        if entry.key == HASH_KEY:
            entry.value = "0" * len(entry.value)
    with tempfile.TemporaryDirectory() as folder:
        output, is_small = Path(folder) / "model.ort", weights != "float32"
        open_session(proto.SerializeToString(), "the model", None, 1, True, save_as=output, keep_constants=is_small)
        return output.read_bytes()


def _operator_lines(nodes: Sequence[OrtNode]) -> str:
    sets = sorted({(node.domain, node.since_version) for node in nodes})
    names = {each: sorted({n.operator for n in nodes if (n.domain, n.since_version) == each}) for each in sets}
    return "".join(f"{domain};{version};{','.join(names[domain, version])}\n" for domain, version in sets)
