"""The numeric core: rows as the numbers that its graph takes, categories as codes (FORMAT.md, section 11).

Axis letters: N rows, F inputs of all columns.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mothernet_runtime.file import ModelFile, read_model
from mothernet_runtime.rows import RowReader
from mothernet_runtime.schema import Column

__all__ = ["Codes", "RowCoder"]

_UNSEEN = -1.0


class Codes:
    """From the inputs of the full form to the one of the core.

    Parameters
    ----------
    columns : sequence of Column
        In the order of the training table.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        inputs = [(column, each) for column in columns for each in column.inputs]
        self._size = len(inputs)
        self._number_at = [at for at, (_, each) in enumerate(inputs) if each.input == "numeric"]
        self._codes = [
            (at, each.position, _code_of(column)) for at, (column, each) in enumerate(inputs) if each.input != "numeric"
        ]

    def numbers(self, inputs: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        """Numbers (N, F) float32: NaN where missing, and -1 for a category that the column does not have.

        Parameters
        ----------
        inputs : mapping of str to ndarray
            ``numeric`` (N, Fn) and ``categorical`` (N, Fc), as :class:`mothernet_runtime.rows.RowReader` makes them.
        """
        if not self._codes:
            return inputs["numeric"]
        numbers = np.empty((len(inputs["categorical"]), self._size), np.float32)
        if self._number_at:
            numbers[:, self._number_at] = inputs["numeric"]
        for at, position, code_of in self._codes:
            numbers[:, at] = [code_of.get(text, _UNSEEN) for text in inputs["categorical"][:, position].tolist()]
        return numbers


class RowCoder:
    """Raw rows as the numbers that a numeric core takes, for whoever runs it; imports no engine.

    Parameters
    ----------
    path : path-like
        A MotherNet .onnx file of either form: the schema is the same.

    Attributes
    ----------
    classes_ : ndarray (C,)
        Labels by the core's ``class_index``.
    feature_names_in_ : list of str
        Columns in the order of the training table.

    Raises
    ------
    ModelFileError
        The file is not as its format demands.

    Examples
    --------
    >>> import openvino  # doctest: +SKIP
    >>> coder, compiled = RowCoder("core.onnx"), openvino.compile_model("core.onnx")  # doctest: +SKIP
    >>> coder.classes_[compiled(coder.numbers({"age": [30], "town": ["Bern"]}))["class_index"]]  # doctest: +SKIP
    array(['no'], dtype='<U3')
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        file: ModelFile = read_model(Path(path).read_bytes(), os.fspath(path))
        self._reader, self._codes = RowReader(file.columns), Codes(file.columns)
        self.classes_ = file.classes
        self.feature_names_in_ = self._reader.names

    def numbers(self, rows: Any) -> npt.NDArray[np.float32]:
        """Numbers (N, F) of rows as :meth:`mothernet_runtime.Model.predict` takes them, with its errors."""
        return self._codes.numbers(self._reader.read(rows)[1])


def _code_of(column: Column) -> dict[str, float]:
    return {text: float(code) for code, text in enumerate(column.categories)} | {"": math.nan}
