"""How much memory a process needs for a file: its peak with the file and a batch, above one that only imports."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np

from common.predictors import Arrays, resized

__all__ = ["BATCH_ROWS", "memory_of_file"]

BATCH_ROWS = 10_000
PEAK = "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
IMPORTS = "import sys, numpy, onnxruntime"
PREDICT = """
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.log_severity_level = 3
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
names = [value.name for value in session.get_inputs()]
session.run(None, {name: numpy.load(f"{sys.argv[1]}.{name}.npy", allow_pickle=True) for name in names})
"""


def memory_of_file(content: bytes, arrays: Arrays, folder: Path) -> int | None:
    """Bytes; None where the system does not tell (it must be Linux).

    Parameters
    ----------
    content : bytes
        An .onnx file.
    arrays : dict of (N, columns) arrays
        Rows by input; the batch is ``BATCH_ROWS`` of them, and counts.
    folder : Path
        For temporary files.
    """
    if not Path("/proc/self/status").exists():
        return None
    model = folder / "memory.onnx"
    model.write_bytes(content)
    for name, array in resized(arrays, BATCH_ROWS).items():
        np.save(f"{model}.{name}.npy", array, allow_pickle=True)
    return _peak_bytes(IMPORTS + PREDICT + PEAK, str(model)) - _import_bytes()


@lru_cache(maxsize=1)
def _import_bytes() -> int:
    return _peak_bytes(f"{IMPORTS}\n{PEAK}")


def _peak_bytes(*arguments: str) -> int:
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-c", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return 1024 * int(done.stdout)
