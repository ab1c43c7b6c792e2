"""C source, compiled and called: to prove that it answers as the record does."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mothernet_export.c_writer.fields import fields_of
from mothernet_export.c_writer.file import CSource
from mothernet_export.child import ChildNetwork
from mothernet_export.columns import CategoricalColumn

__all__ = ["CompiledChild", "find_compiler"]

_C_TYPES = {"float": ctypes.c_float, "double": ctypes.c_double, "int": ctypes.c_int}


def find_compiler() -> str | None:
    """The C compiler that the variable CC of the environment names, else one that is installed, if any."""
    return next(filter(None, map(shutil.which, [os.environ.get("CC", ""), "cc", "gcc", "clang"])), None)


class CompiledChild:
    """The functions of a C source, compiled into a library that this process loads.

    Parameters
    ----------
    source : CSource
    child : ChildNetwork
        What it was made of.
    compiler : str
        As `find_compiler` finds it.
    options : sequence of str
        For the compiler, beside those for a library.

    Raises
    ------
    RuntimeError
        If it does not compile.
    """

    def __init__(
        self, source: CSource, child: ChildNetwork, compiler: str, options: Sequence[str] = ("-std=c99", "-O1")
    ) -> None:
        self._fields = fields_of(child)
        self._n_classes = child.target.n_outputs
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, source.header_name).write_text(source.header, "utf-8")
            Path(folder, "source.c").write_text(source.source, "utf-8")
            command = [compiler, *options, "-shared", "-fPIC", "source.c", "-o", "library.so"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
            if done.returncode != 0:
                raise RuntimeError(f"{compiler} must compile the source, however: {done.stderr.strip()}")
            self._library = ctypes.CDLL(str(Path(folder, "library.so")))  # stays loaded when the file is gone
        self._row = type(
            "Row", (ctypes.Structure,), {"_fields_": [(field.field, _C_TYPES[field.c_type]) for field in self._fields]}
        )
        self._predict = getattr(self._library, f"{source.name}_predict")
        self._predict_text = getattr(self._library, f"{source.name}_predict_text")
        self._read = getattr(self._library, f"{source.name}_read")

    def predict(self, columns: Mapping[str, npt.NDArray[Any]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Numbers of classes (N,) and probabilities (N, C) of typed rows.

        Parameters
        ----------
        columns : mapping of str to ndarray (N,)
            By name, as :func:`mothernet_runtime.columns.read_column` reads them: numbers, seconds, or texts of
            categories.

        Raises
        ------
        ValueError
            A row has an error; the first is said.
        """
        values = [self._values(field.column, columns[field.name]) for field in self._fields]
        rows = [ctypes.byref(self._row(*cells)) for cells in zip(*values, strict=True)]
        return self._answers(self._predict, rows)

    def predict_texts(
        self, columns: Mapping[str, Sequence[str | None]]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """The same of raw cells, columns by name; None where missing."""
        cells = [[None if text is None else text.encode() for text in columns[field.name]] for field in self._fields]
        array = ctypes.c_char_p * len(self._fields)
        return self._answers(self._predict_text, [array(*row) for row in zip(*cells, strict=True)])

    def read(self, cells: Sequence[str | bytes | None]) -> list[float] | int:
        """The fields of one row of raw cells, or an error."""
        array = ctypes.c_char_p * len(self._fields)
        row = self._row()
        texts = [cell.encode() if isinstance(cell, str) else cell for cell in cells]
        error: int = self._read(array(*texts), ctypes.byref(row))
        return error if error < 0 else [getattr(row, field.field) for field in self._fields]

    def _values(self, column: Any, values: npt.NDArray[Any]) -> list[Any]:
        if not isinstance(column, CategoricalColumn):
            return [float(value) for value in values]
        codes = {text: code for code, text in enumerate(column.categories)}
        return [codes.get(text, -1) for text in values]

    def _answers(self, function: Any, rows: Sequence[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        probabilities = np.empty((len(rows), self._n_classes), np.float32)
        classes = np.empty(len(rows), np.int64)
        pointer = ctypes.POINTER(ctypes.c_float)
        for i, row in enumerate(rows):
            classes[i] = function(row, probabilities[i].ctypes.data_as(pointer))
            if classes[i] < 0:
                raise ValueError(f"row {i} must have an answer, however: error {classes[i]}")
        return classes, probabilities
