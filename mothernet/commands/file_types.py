"""What ``mothernet export`` can write, chosen by the name of the file: what it says, how large it is, and how it is
written and compared with the child that was fitted.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, get_args

import numpy.typing as npt
import onnx
import pandas as pd
from mothernet_export import ChildNetwork, check_export, rounded, to_onnx
from mothernet_export.check import Parity
from mothernet_export.onnx_writer.core_json import json_path
from mothernet_export.onnx_writer.file import written_model
from mothernet_export.quantization import Weights, check_weights
from mothernet_runtime.file import Form
from mothernet_runtime.output import check_output

from mothernet.commands.hold_out import graph_inputs

__all__ = ["FileType", "ParityError", "Written", "check_parity", "file_type"]

_EVALUATOR_ROWS = 200  # compared by onnx.reference, which looks strings up one by one in Python


class ParityError(RuntimeError):
    """The file does not say what the model says; it was not put in place."""


class Written(NamedTuple):
    """A file in its place, compared: its size, and that of its constants where that is another matter."""

    parity: Parity
    size_bytes: int
    constant_bytes: int | None = None


class FileType(Protocol):
    """One kind of file at one place."""

    @property
    def weights(self) -> Weights:
        """How weights are stored."""

    @property
    def all_weights(self) -> tuple[Weights, ...]:
        """How they could be, the largest first."""

    def said(self, child: ChildNetwork) -> ChildNetwork:
        """The record that the file says, which differs from `child` by how weights are stored."""

    def limited_bytes(self, child: ChildNetwork, weights: Weights) -> int:
        """What ``--max-bytes`` limits: the size of the file, or of its constants."""

    def write(self, child: ChildNetwork, X: pd.DataFrame, cells: Mapping[str, npt.NDArray[Any]]) -> Written:
        """Write the file unless it answers otherwise than the record on some rows, whose cells are given in both ways.

        Raises
        ------
        ParityError
        """


@dataclass(frozen=True)
class OnnxFile:
    """One .onnx file, that of a numeric core with its JSON beside it."""

    output: str | os.PathLike[str]
    weights: Weights
    opset: int
    form: Form = "full"
    all_weights: ClassVar[tuple[Weights, ...]] = get_args(Weights)

    def __post_init__(self) -> None:
        if (beside := json_path(self.output, self.form)) is not None:
            check_output(beside)

    def said(self, child: ChildNetwork) -> ChildNetwork:
        return rounded(child, self.weights)

    def limited_bytes(self, child: ChildNetwork, weights: Weights) -> int:
        return self._proto(child, weights).ByteSize()

    def write(self, child: ChildNetwork, X: pd.DataFrame, cells: Mapping[str, npt.NDArray[Any]]) -> Written:
        inputs = graph_inputs(child, X)
        proto = self._proto(child, self.weights)
        with written_model(proto, self.output, self.form) as temporary:
            parity = check_export(
                temporary,
                self.said(child),
                inputs.get("numeric"),
                inputs.get("categorical"),
                evaluator_rows=_EVALUATOR_ROWS,
            )
            check_parity(parity, self.output)
            return Written(parity, temporary.stat().st_size)

    def _proto(self, child: ChildNetwork, weights: Weights) -> onnx.ModelProto:
        return to_onnx(child, form=self.form, opset=self.opset, weights=weights)


def file_type(output: str | os.PathLike[str], weights: Weights, opset: int, form: Form) -> FileType:
    """The kind of file that a name and a form ask for.

    Raises
    ------
    ValueError
        If the name, `weights` or `form` cannot be used for it.
    """
    check_weights(weights)
    suffix = Path(output).suffix.lower()
    if form == "core" and suffix in (".c", ".ort"):
        raise ValueError(f"--form core must go with an .onnx file, however: {str(output)!r}. Choose such a name.")
    if suffix == ".c":
        from mothernet.commands.c_source import CFile  # and its compiler's interface, which few need

        return CFile(output, weights)
    if suffix == ".ort":
        from mothernet.commands.ort_file import OrtModelFile

        return OrtModelFile(output, weights, opset)
    return OnnxFile(output, weights, opset, form)


def check_parity(parity: Parity, output: str | os.PathLike[str]) -> None:
    """Raise ParityError if a comparison failed."""
    if not parity.ok:
        raise ParityError(
            f"the file must answer as the model does (probabilities within {parity.tolerance:g}), however: "
            f"{parity.comparisons}. {str(output)!r} was left as it was. Please report this with the table."
        )
