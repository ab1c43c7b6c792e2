"""What ``mothernet export -o model.c`` does in the place of an .onnx file: C source, compiled and compared first."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
from mothernet_export import ChildNetwork, check_c
from mothernet_export.c_writer import Weights, rounded
from mothernet_export.c_writer.check import reference_answers
from mothernet_export.c_writer.file import c_source, check_path
from mothernet_export.check import Parity
from mothernet_export.target import Difference
from mothernet_runtime.output import check_output

__all__ = ["check_c_options", "write_c"]


def check_c_options(output: str | os.PathLike[str], max_bytes: int | None) -> None:
    """Raise ValueError for options that C source does not have, before any work is done."""
    check_path(Path(output))
    check_output(Path(output).with_suffix(".h"))
    if max_bytes is not None:
        raise ValueError("--max-bytes must be left out for a .c file, however: it was given. Use --size or --weights.")


def write_c(
    child: ChildNetwork, columns: Mapping[str, npt.NDArray[Any]], output: str | os.PathLike[str], weights: Weights
) -> tuple[Parity, Difference | None]:
    """Compare on rows, columns by name as the fit reads them, then write source and header unless they differ; no
    compiler, no comparison.

    Returns
    -------
    Parity
        Of the source and the record that it was written from: with int8 weights, the rounded one.
    Difference or None
        What int8 weights change in the answers to these rows.
    """
    source = c_source(child, output, weights=weights)
    parity = check_c(source, child, columns)
    if parity.ok:
        source.write(Path(output))
    if weights == "float32":
        return parity, None
    exact, coarse = (reference_answers(each, columns) for each in (child, rounded(child)))
    return parity, child.target.difference(exact, coarse)
