"""How many instructions one row takes, by callgrind.

The number depends on neither clock nor neighbours. ``one_row.c`` is compiled here and run on a file under valgrind,
which starts to count after start-up and warm-up. Counted is what a call does in C: making the tensors of a row's cells,
the graph, reading the probabilities, and letting go of all. valgrind runs AVX2, not AVX-512.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from common.predictors import Arrays

__all__ = ["MISSING_TOOLS", "instructions_of_one_row"]

SOURCE = Path(__file__).with_name("one_row.c")
CALLS = 200
TOLERANCE = 1e-4  # of a probability
MISSING_TOOLS = [name for name in ("gcc", "valgrind") if shutil.which(name) is None]


def instructions_of_one_row(content: bytes, arrays: Arrays, expected: npt.NDArray[np.float64], folder: Path) -> int:
    """Instructions of one call with the first row.

    Parameters
    ----------
    content : bytes
        An .onnx file, whose second output is the probabilities.
    arrays : dict of (N, columns) arrays
        By input: float32, or objects that are texts.
    expected : (C,) array
        Probabilities of the first row, which the program must give.
    folder : Path
        For temporary files.
    """
    model, inputs = folder / "one_row.onnx", folder / "one_row.inputs"
    model.write_bytes(content)
    inputs.write_bytes(b"".join(_encoded(name, array[0]) for name, array in arrays.items()))
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--instr-atstart=no"]
    program = [str(_program(folder)), str(_library()), str(model), str(inputs), str(CALLS)]
    done = _run([*tool, *program])
    probability = np.array(done.stdout.split(), float)
    assert np.abs(probability - expected).max() < TOLERANCE, (
        "the C program must answer as the model, however it does not"
    )
    collected = re.search(r"Collected : (\d+)", done.stderr)
    assert collected, f"callgrind must say what it collected, however: {done.stderr[-300:]}"
    return round(int(collected[1]) / CALLS)


def _encoded(name: str, row: npt.NDArray[np.generic]) -> bytes:
    is_text = row.dtype == object
    cells = b"".join(text.encode() + b"\0" for text in row) if is_text else row.astype(np.float32).tobytes()
    return f"{name} {'s' if is_text else 'f'} {len(row)}\n".encode() + cells


@lru_cache(maxsize=1)
def _program(folder: Path) -> Path:
    path = folder / "one_row"
    _run(["gcc", "-O2", "-std=gnu17", "-o", str(path), str(SOURCE), "-ldl"])
    return path


def _library() -> Path:
    found = find_spec("onnxruntime")  # not imported, which is for those who have switched its telemetry off
    assert found is not None and found.origin is not None
    return next((Path(found.origin).parent / "capi").glob("libonnxruntime.so.*"))


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"})
    if done.returncode:
        raise RuntimeError(f"{command[0]} must succeed, however: {done.stderr.strip()[-500:]}")
    return done
