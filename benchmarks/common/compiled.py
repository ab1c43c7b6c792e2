"""Gradient-boosted trees compiled to machine code: lleaves, TL2cgen, Timber.

A call is what the compiler's own Python package offers. Inputs are codes, in the type that each takes without copying;
TL2cgen takes rows as its ``DMatrix``, which every call has to make.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from common.onnx_models import TOLERANCE, FittedTrees
from common.predictors import Arrays, Call, Failure, Predictor

__all__ = ["COMPILERS", "COMPILER_PIP_NAMES", "compiled_predictor"]

COMPILER_PIP_NAMES = {  # modules and what pip calls them
    "lleaves": {"lleaves": "lleaves 'llvmlite<0.45'"},
    "tl2cgen": {"tl2cgen": "tl2cgen", "treelite": "treelite"},
    "timber": {"timber.runtime.predictor": "timber-compiler"},
}


def compiled_predictor(compiler: str, trees: FittedTrees, folder: Path) -> Predictor | Failure | None:
    """Compile a model in a folder; None if the compiler is not made for it."""
    if compiler == "lleaves" and trees.model != "lightgbm":
        return None
    if compiler != "lleaves" and shutil.which("gcc") is None:
        return Failure(trees.model, compiler, "codes", "needs gcc, which is not installed")
    try:
        with _quiet():
            ready, size_bytes = COMPILERS[compiler](trees, folder)
    except Exception as error:  # of any compiler
        reason = f"compilation failed: {type(error).__name__}: {str(error)[:200]}"
        return Failure(trees.model, compiler, "codes", reason)
    X = trees.X.astype(np.float64) if compiler == "lleaves" else trees.X
    return Predictor(
        trees.model,
        "compiled",
        compiler,
        "codes",
        {"X": X},
        ready,
        trees.expected,
        TOLERANCE,
        size_bytes=size_bytes,
        single_threaded=compiler == "timber",
    )


Compiled = tuple[Callable[[Arrays, int], Call], int]


def _lleaves(trees: FittedTrees, folder: Path) -> Compiled:
    import lleaves

    text, library = folder / "lightgbm.txt", folder / "lightgbm.o"
    library.unlink(missing_ok=True)  # a file that is there would be taken as the compiled model
    trees.booster.save_model(text)
    model = lleaves.Model(str(text))
    model.compile(cache=str(library))
    return lambda rows, threads: lambda: model.predict(rows["X"], n_jobs=threads), library.stat().st_size


def _tl2cgen(trees: FittedTrees, folder: Path) -> Compiled:
    import tl2cgen
    import treelite

    frontend: Any = treelite.frontend
    load = frontend.from_lightgbm if trees.model == "lightgbm" else frontend.from_xgboost
    library = folder / f"{trees.model}.so"
    units = {"parallel_comp": os.cpu_count()}  # translation units: one of all trees takes gcc minutes
    tl2cgen.export_lib(load(trees.booster), toolchain="gcc", libpath=library, params=units)

    def ready(rows: Arrays, threads: int) -> Call:
        predictor = tl2cgen.Predictor(library, nthread=threads)
        return lambda: predictor.predict(tl2cgen.DMatrix(rows["X"]))

    return ready, library.stat().st_size


def _timber(trees: FittedTrees, folder: Path) -> Compiled:
    from timber.runtime.predictor import TimberPredictor

    path = folder / ("timber.txt" if trees.model == "lightgbm" else "timber.json")
    trees.booster.save_model(path)
    # its optimiser changes answers by up to 0.15 (version 0.6.0), so that parity fails with it
    model = TimberPredictor.from_model(path, format_hint=trees.model, optimize=False)

    return lambda rows, threads: lambda: model.predict(rows["X"]), Path(model._lib_path).stat().st_size


COMPILERS: dict[str, Callable[[FittedTrees, Path], Compiled]] = {
    "lleaves": _lleaves,
    "tl2cgen": _tl2cgen,
    "timber": _timber,
}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what native code says of its progress off the terminal."""
    sys.stdout.flush(), sys.stderr.flush()
    kept, null = [os.dup(1), os.dup(2)], os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1), os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept[0], 1), os.dup2(kept[1], 2)
        for descriptor in (*kept, null):
            os.close(descriptor)
