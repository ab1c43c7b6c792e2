"""Times a model on the rows of a CSV file; needs the runtime, nothing else. Prints JSON: medians in microseconds.

python time_rows.py model.onnx rows.csv
"""

from __future__ import annotations

import csv
import json
import statistics
import sys
import time
from collections.abc import Callable

import mothernet_runtime


def median_us(predict: Callable[[dict[str, list[str]]], object], rows: dict[str, list[str]], calls: int) -> float:
    """Median time of one call, after a few to warm up."""
    times = []
    for _ in range(calls + 5):
        start = time.perf_counter()
        predict(rows)
        times.append(time.perf_counter() - start)
    return statistics.median(times[5:]) * 1e6


model = mothernet_runtime.load(sys.argv[1])
numeric = {column["name"] for column in model.info()["columns"] if column["type"] == "number"}
with open(sys.argv[2], encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file))
columns = {
    name: [(float(row[name]) if row[name] else None) if name in numeric else row[name] for row in rows]
    for name in model.feature_names_in_
}
first = {name: cells[:1] for name, cells in columns.items()}
per_row_us = median_us(model.predict_proba, columns, 100) / len(rows)
print(json.dumps({"one_row_us": median_us(model.predict_proba, first, 500), "per_row_us": per_row_us}))
