"""A C file as it lies on the disk, compiled and asked: what it predicts of raw cells, its columns and its classes."""

from __future__ import annotations

import ctypes
import itertools
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["CompiledFile"]

_PREDICT = re.compile(r"^int (\w+)_predict_text\(", re.MULTILINE)


class CompiledFile:
    """The functions of a ``.c`` file of ours, whose header lies beside it.

    Parameters
    ----------
    path : Path
    compiler : str
        As :func:`mothernet_export.c_writer.compiled.find_compiler` finds it.

    Attributes
    ----------
    columns, classes : list of str
        Names of the columns that are read, and texts of the classes, in order.

    Raises
    ------
    ValueError
        It is no file of ours, or does not compile.
    """

    def __init__(self, path: Path, compiler: str) -> None:
        found = _PREDICT.search(path.read_text("utf-8", errors="replace"))
        if found is None:
            raise ValueError(f"a .c file must be one of `mothernet export`, however: {str(path)!r} is none")
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder, "library.so")
            command = [compiler, "-std=c99", "-O1", "-shared", "-fPIC", str(path.absolute()), "-o", str(library)]
            done = subprocess.run(command, capture_output=True, text=True, errors="replace")
            if done.returncode != 0:
                raise ValueError(f"{str(path)!r} must compile, however: {compiler} says {done.stderr.strip()}")
            loaded = ctypes.CDLL(str(library))  # stays loaded when the file is gone
        self._predict = getattr(loaded, f"{found[1]}_predict_text")
        self._message = _text_function(loaded, f"{found[1]}_message")
        self.columns = _texts(_text_function(loaded, f"{found[1]}_column"))
        self.classes = _texts(_text_function(loaded, f"{found[1]}_label"))

    def predict(self, columns: Mapping[str, Sequence[str]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Numbers of classes (N,) and probabilities (N, C) of raw cells, columns by name.

        Raises
        ------
        ValueError
            A cell does not fit its column; the first is said.
        """
        cells = [[text.encode() for text in columns[name]] for name in self.columns]
        n_rows = len(cells[0])
        probabilities = np.empty((n_rows, len(self.classes)), np.float32)
        index = np.empty(n_rows, np.int64)
        array, pointer = ctypes.c_char_p * len(cells), ctypes.POINTER(ctypes.c_float)
        for i, row in enumerate(zip(*cells, strict=True)):
            index[i] = self._predict(array(*row), probabilities[i].ctypes.data_as(pointer))
            if index[i] < 0:
                name, said = self.columns[-1 - int(index[i])], self._message(int(index[i])) or b"an error"
                raise ValueError(f"row {i} must have an answer, however: {said.decode()} (column {name!r})")
        return index, probabilities


def _text_function(library: Any, name: str) -> Any:
    function = getattr(library, name)
    function.restype, function.argtypes = ctypes.c_char_p, [ctypes.c_int]
    return function


def _texts(function: Any) -> list[str]:
    """What a function from a number says, up to the first that says nothing."""
    return [text.decode() for text in iter(map(function, itertools.count()).__next__, None)]
