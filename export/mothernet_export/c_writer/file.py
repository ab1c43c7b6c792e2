"""A child network as C: one source file and one header, written whole or not at all."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mothernet_runtime.output import written

from mothernet_export.c_writer.identifiers import prefix_of
from mothernet_export.c_writer.source import SourceText
from mothernet_export.child import child_of
from mothernet_export.quantization import Weights, check_weights

__all__ = ["C_WEIGHTS", "CSource", "c_source", "check_path", "to_c"]

C_WEIGHTS: tuple[Weights, ...] = ("float32", "int8")  # C99 has no float of 16 bits

_SIZES = {"char": 1, "int8_t": 1, "uint8_t": 1, "uint16_t": 2, "int32_t": 4, "uint32_t": 4, "float": 4, "double": 8}
_ARRAY = re.compile(
    r"^static const (?:unsigned )?(?P<type>" + "|".join(_SIZES) + r") \w+\[\] = \{\n(?P<values>.*?)^\};", re.M | re.S
)
_ELEMENT = re.compile(r"'[^']'|[^\s,]+")
_ODD_IN_INCLUDE = re.compile(r'["\\\x00-\x1f\x7f]|\?\?')


@dataclass(frozen=True)
class CSource:
    """C that predicts one table.

    Attributes
    ----------
    name : str
        What its public names begin with.
    header, source : str
        The text of the two files, in ASCII if `header_name` is, which the source includes.
    header_name : str
    weights : {"float32", "int8"}
        How weights are stored.
    """

    name: str
    header: str
    source: str
    header_name: str
    weights: Weights

    @property
    def constant_bytes(self) -> int:
        """Size of the arrays that hold the table's texts, categories, knots and weights; rules of columns, some bytes
        each, and the code come on top."""
        return sum(
            _SIZES[found["type"]] * len(_ELEMENT.findall(found["values"])) for found in _ARRAY.finditer(self.source)
        )

    def write(self, path: Path) -> None:
        """Write the source, and the header beside it; both are there before either is put in place."""
        with written(path.with_suffix(".h")) as header, written(path) as source:
            header.write_text(self.header, "utf-8")
            source.write_text(self.source, "utf-8")


def to_c(
    model: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    name: str | None = None,
    weights: Weights = "float32",
) -> CSource:
    """Write a child network as C99 that needs no runtime, no library and no memory but the stack.

    Parameters
    ----------
    model : ChildNetwork, or a fitted estimator whose attribute `child_` is one
    path : path-like, optional
        Where the source goes, a name that ends in ``.c``; the header goes beside it, with the suffix ``.h``. Each file
        is the old or the new one at any moment. Without it, nothing is written.
    name : str, optional
        What the names of functions begin with, as far as C allows; by default the stem of `path`, or ``"model"``.
    weights : {"float32", "int8"}
        How weights are stored. ``"int8"`` takes a quarter of the space, and moves probabilities.

    Returns
    -------
    CSource

    Raises
    ------
    TypeError
        If `model` holds no child network.
    ValueError
        If `path` does not end in ``.c``, has characters that C cannot include, or cannot be written to; `weights` is
        another word; or a sum of weights is beyond float32.
    OSError
        If a file cannot be written for another reason.

    Examples
    --------
    >>> import numpy as np
    >>> from mothernet_export import ChildNetwork, ClassTarget, NumericColumn
    >>> ramp = NumericColumn("x", centre=0.0, knots=(0.0, 1.0), missing_indicator=False)
    >>> child = ChildNetwork((ramp,), ClassTarget(("no", "yes")), np.ones((1, 3)), np.zeros(3), np.ones((1, 2)))
    >>> "int model_predict(const model_row *row, float *probabilities);" in to_c(child).header
    True
    """
    made = c_source(model, path, name=name, weights=weights)
    if path is not None:
        made.write(Path(path))
    return made


def c_source(
    model: Any, path: str | os.PathLike[str] | None, *, name: str | None = None, weights: Weights = "float32"
) -> CSource:
    """What `to_c` writes to a path, not written yet."""
    child = child_of(model)
    check_weights(weights, C_WEIGHTS)
    source_path = None if path is None else Path(path)
    if source_path is not None:
        check_path(source_path)
    prefix = prefix_of(name if name is not None else source_path.stem if source_path else "model")
    header_name = source_path.with_suffix(".h").name if source_path else f"{prefix}.h"
    made_by = f"Made by mothernet-export {version('mothernet-export')}; do not edit."
    text = SourceText(child, prefix, header_name, weights, made_by)
    return CSource(prefix, text.header(), text.source(), header_name, weights)


def check_path(path: Path) -> None:
    """Raise ValueError unless a source can be written there, as `to_c` does."""
    if path.suffix != ".c":
        raise ValueError(f"path must end in .c (the header, .h, goes beside it), however: {str(path)!r}. Add it.")
    if _ODD_IN_INCLUDE.search(path.name):
        raise ValueError(
            "path must be a name that C can include, without quotes, backslashes and control characters, however: "
            f"{path.name!r}. Choose another."
        )
