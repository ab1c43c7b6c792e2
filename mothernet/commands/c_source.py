"""What ``mothernet export -o model.c`` does in the place of an .onnx file: C source, compiled and compared first."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy.typing as npt
import pandas as pd
from mothernet_export import ChildNetwork, check_c
from mothernet_export.c_writer import rounded
from mothernet_export.c_writer.file import C_WEIGHTS, c_source, check_path
from mothernet_export.quantization import Weights
from mothernet_runtime.output import check_output

from mothernet.commands.file_types import Written, check_parity

__all__ = ["CFile"]


@dataclass(frozen=True)
class CFile:
    """One source file, with its header beside it. What a limit is about are constants: code is the same for all."""

    output: str | os.PathLike[str]
    weights: Weights
    all_weights: ClassVar[tuple[Weights, ...]] = C_WEIGHTS

    def __post_init__(self) -> None:
        if self.weights not in C_WEIGHTS:
            raise ValueError(
                f"--weights must be {' or '.join(C_WEIGHTS)} for C source, since C99 has no float of 16 bits, however: "
                f"{self.weights}. Choose int8, or -o FILE.onnx."
            )
        check_path(Path(self.output))
        check_output(Path(self.output).with_suffix(".h"))

    def said(self, child: ChildNetwork) -> ChildNetwork:
        return child if self.weights == "float32" else rounded(child)

    def limited_bytes(self, child: ChildNetwork, weights: Weights) -> int:
        return c_source(child, self.output, weights=weights).constant_bytes

    def write(self, child: ChildNetwork, X: pd.DataFrame, cells: Mapping[str, npt.NDArray[Any]]) -> Written:
        """No compiler, no comparison."""
        source = c_source(child, self.output, weights=self.weights)
        parity = check_c(source, child, cells)
        check_parity(parity, self.output)
        source.write(Path(self.output))
        return Written(parity, os.stat(self.output).st_size, source.constant_bytes)
