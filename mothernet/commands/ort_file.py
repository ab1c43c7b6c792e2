"""What ``mothernet export -o model.ort`` does in the place of an .onnx file: an ORT file, and its list of operators."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pandas as pd
from mothernet_export import ChildNetwork, check_ort, to_ort
from mothernet_export.ort_writer import check_ort_path
from mothernet_export.quantization import Weights

from mothernet.commands.file_types import OnnxFile, Written, check_parity
from mothernet.commands.hold_out import graph_inputs

__all__ = ["OrtModelFile"]


class OrtModelFile(OnnxFile):
    """One .ort file made of the .onnx file, with the operators of a reduced build beside it."""

    def __post_init__(self) -> None:
        check_ort_path(Path(self.output))

    def limited_bytes(self, child: ChildNetwork, weights: Weights) -> int:
        return len(to_ort(child, opset=self.opset, weights=weights).data)

    def write(self, child: ChildNetwork, X: pd.DataFrame, cells: Mapping[str, npt.NDArray[Any]]) -> Written:
        inputs = graph_inputs(child, X)
        made = to_ort(child, opset=self.opset, weights=self.weights)
        parity = check_ort(made, self.said(child), inputs.get("numeric"), inputs.get("categorical"))
        check_parity(parity, self.output)
        made.write(Path(self.output))
        return Written(parity, len(made.data))
