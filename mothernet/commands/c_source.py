"""What ``mothernet export -o model.c`` does in the place of an .onnx file: C source, compiled and compared first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mothernet_export import ChildNetwork, check_c, to_c
from mothernet_export.c_writer import Weights, rounded
from mothernet_export.c_writer.check import reference_answers
from mothernet_export.c_writer.file import check_path
from mothernet_export.check import Parity
from mothernet_export.columns import IgnoredColumn
from mothernet_export.target import Difference
from mothernet_runtime.columns import read_column
from mothernet_runtime.output import check_output

__all__ = ["check_form", "is_c", "write_c"]


def is_c(output: str | os.PathLike[str]) -> bool:
    """Whether the name of the output asks for C source."""
    return Path(output).suffix == ".c"


def check_form(output: str | os.PathLike[str], weights: Weights, max_bytes: int | None) -> None:
    """Raise ValueError for options that the form of the output does not have, before any work is done."""
    if is_c(output):
        check_path(Path(output))
        check_output(Path(output).with_suffix(".h"))
        if max_bytes is not None:
            raise ValueError(
                "--max-bytes must be left out for a .c file, however: it was given. Use --size or --weights."
            )
    elif weights != "float32":
        raise ValueError(f"--weights {weights} must go with -o FILE.c, however: {str(output)!r}. Choose such a name.")


def write_c(
    child: ChildNetwork, X: Any, output: str | os.PathLike[str], weights: Weights
) -> tuple[Parity, Difference | None]:
    """Compare on the rows of a frame, then write source and header unless they differ; no compiler, no comparison.

    Returns
    -------
    Parity
        Of the source and the record that it was written from: with int8 weights, the rounded one.
    Difference or None
        What int8 weights change in the answers to these rows.
    """
    parts = [parts[0] for parts in child.raw_columns if not isinstance(parts[0], IgnoredColumn)]
    columns = {column.name: read_column(column.name, column.rule, X[column.name]) for column in parts}
    parity = check_c(to_c(child, name=Path(output).stem, weights=weights), child, columns)
    if parity.ok:
        to_c(child, output, weights=weights)
    if weights == "float32":
        return parity, None
    exact, coarse = (reference_answers(each, columns) for each in (child, rounded(child)))
    return parity, child.target.difference(exact, coarse)
