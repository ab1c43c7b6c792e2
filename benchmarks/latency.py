"""How large is an exported file, and how long does one call of it take?

    python benchmarks/latency.py --data DIR [--models mothernet,lightgbm,xgboost] [--only diabetes,car] [--width 128]

Every model is fitted to at most 1,000 rows of a table, written as ONNX and run in the same onnxruntime on one thread,
calls interleaved. The child takes raw numbers and strings; LightGBM and XGBoost (at their defaults) take strings that
were turned into integers before, which favours them, and need ``onnxmltools``. For each number of rows the median of
repeated calls, in microseconds; session creation and the first calls are not counted. The summary is the median over
tables.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is imported

import numpy as np
import numpy.typing as npt
import onnxruntime
import pandas as pd
from common.results import Run, benchmark_parser
from common.tables import MAX_TRAIN_ROWS, Data, add_data_arguments, tables_of
from mothernet_export import to_onnx
from tqdm import tqdm

from mothernet import MotherNetClassifier
from mothernet.network.checkpoint import load_checkpoint

MODELS = ("mothernet", "lightgbm", "xgboost")
TABLES = "diabetes,credit-g,mfeat-karhunen,kc2,car,vehicle,cmc,credit-approval,wdbc,eucalyptus"
CALLS = {1: 500, 100: 120, 1000: 120}  # rows: calls
WARM_UP = 5
MAX_CONVERSION_ERROR = 1e-4  # of a probability of a GBDT's file
PACKAGES = ("mothernet", "mothernet-export", "numpy", "onnx", "onnxruntime", "torch")


class Exported(NamedTuple):
    """A model's file and the matrices that it takes."""

    content: bytes
    matrices: dict[str, npt.NDArray[Any]]  # (N, columns of one type) by input


def main() -> int:
    parser = benchmark_parser(__doc__)
    add_data_arguments(parser, suites="cc18")
    parser.set_defaults(only=TABLES)
    parser.add_argument("--models", default="mothernet", metavar="A,B", help=f"among {', '.join(MODELS)}")
    parser.add_argument("--width", type=int, default=128, metavar="N", help="hidden units of the child")
    args = parser.parse_args()
    tables, models = tables_of(parser, args), args.models.split(",")
    if unknown := set(models) - set(MODELS):
        parser.error(f"--models must be among {', '.join(MODELS)}, however: {', '.join(sorted(unknown))}.")
    protocol = {
        "tables": [table.name for table in tables],
        "models": models,
        "calls": CALLS,
        "width": args.width,
        "threads": 1,
        "checkpoint": load_checkpoint().fingerprint,
    }
    packages = (*PACKAGES, *(name for name in MODELS[1:] if name in models))
    run = Run.start("latency", __doc__, args, protocol, packages)
    rows = []
    for table in tqdm(tables, file=sys.stderr):
        data = table.read()
        files = {name: exported_gbdt(name, data) if name != "mothernet" else child(data, args.width) for name in models}
        about = {"table": table.name, "columns": data.features.shape[1], "classes": int(data.codes.max()) + 1}
        rows += [about | row for row in measured(files)]
    frame = pd.DataFrame(rows)
    print(frame.pivot_table(index=["table", "model", "size_bytes"], columns="rows", values="latency_us").to_string())
    run.finish(
        {"tables": len(tables), "models": {name: medians(frame[frame["model"] == name]) for name in models}}, rows
    )
    return 0


def medians(frame: pd.DataFrame) -> dict[str, Any]:
    """Over tables: bytes of the file, and microseconds by number of rows."""
    latency = frame.groupby("rows")["latency_us"].median().round(1)
    return {
        "size_bytes": float(frame.groupby("table")["size_bytes"].first().median()),
        "latency_us": {str(rows): float(value) for rows, value in latency.items()},
    }


def child(data: Data, width: int) -> Exported:
    """The project's own file."""
    train = fitted_rows(data)
    model = MotherNetClassifier(width=width).fit(data.features.iloc[train], data.labels[train])
    return Exported(to_onnx(model).SerializeToString(), model.graph_inputs(data.features))


def exported_gbdt(name: str, data: Data) -> Exported:
    """Gradient-boosted trees on strings turned into integers, checked against the model they were made of."""
    import onnxmltools
    from onnxmltools.convert.common.data_types import FloatTensorType

    numbers = data.features.apply(lambda c: c if pd.api.types.is_numeric_dtype(c) else pd.factorize(c)[0])
    X, train = numbers.to_numpy(np.float32), fitted_rows(data)
    y = np.unique(data.codes[train], return_inverse=True)[1]
    types = [("X", FloatTensorType([None, X.shape[1]]))]
    if name == "lightgbm":
        from lightgbm import LGBMClassifier

        model: Any = LGBMClassifier(n_jobs=1, verbose=-1).fit(X[train], y)
        proto = onnxmltools.convert_lightgbm(model, initial_types=types, target_opset=15, zipmap=False)
    else:
        from xgboost import XGBClassifier

        model = XGBClassifier(n_jobs=1).fit(X[train], y)
        proto = onnxmltools.convert_xgboost(model, initial_types=types, target_opset=15)
    content = proto.SerializeToString()
    error = np.abs(session_of(content).run(None, {"X": X[:500]})[1] - model.predict_proba(X[:500])).max()
    assert error < MAX_CONVERSION_ERROR, f"{name}: the file must answer as the model, however: it is {error:.1g} off."
    return Exported(content, {"X": X})


def fitted_rows(data: Data) -> npt.NDArray[np.int64]:
    """The same rows for every model."""
    return np.random.default_rng(0).permutation(len(data.codes))[:MAX_TRAIN_ROWS]


def session_of(content: bytes) -> onnxruntime.InferenceSession:
    """On one thread, without warnings."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def measured(files: dict[str, Exported]) -> Iterator[dict[str, Any]]:
    """A row for each model and number of rows."""
    sessions = {name: session_of(file.content) for name, file in files.items()}
    for size, calls in CALLS.items():
        feeds = {
            name: {key: np.ascontiguousarray(np.resize(m, (size, m.shape[1]))) for key, m in file.matrices.items()}
            for name, file in files.items()
        }
        seconds: dict[str, list[float]] = {name: [] for name in files}
        for _ in range(WARM_UP + calls):
            for name, session in sessions.items():
                start = time.perf_counter()
                session.run(None, feeds[name])
                seconds[name].append(time.perf_counter() - start)
        for name, times in seconds.items():
            latency_us = round(1e6 * float(np.median(times[WARM_UP:])), 2)
            yield {"model": name, "size_bytes": len(files[name].content), "rows": size, "latency_us": latency_us}


if __name__ == "__main__":
    sys.exit(main())
