"""Golden files and small models that the runtime's tests share."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # whichever test imports onnxruntime first

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder with model.onnx, rows.csv and expected.csv."""
    return GOLDEN


@pytest.fixture(scope="session")
def golden_rows() -> list[dict[str, str]]:
    with open(GOLDEN / "rows.csv", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="session")
def golden_expected() -> tuple[list[str], np.ndarray]:
    """Labels and probabilities (N, C) of the golden rows."""
    with open(GOLDEN / "expected.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    return [row[0] for row in rows], np.array([row[1:] for row in rows], np.float64)


@pytest.fixture
def write_model(tmp_path: Path) -> Callable[..., tuple[str, Any]]:
    """Write a random model; returns its path and its ChildNetwork."""
    exporter = pytest.importorskip("mothernet_export")

    def write(
        classes: tuple[Any, ...] = ("no", "yes"),
        numeric: tuple[str, ...] = ("x", "y"),
        categorical: tuple[str, ...] = ("city", "code"),
        categories: tuple[str, ...] = ("", "Bern", "3", "0.5", "True"),
        name: str = "model.onnx",
    ) -> tuple[str, Any]:
        columns = [exporter.NumericColumn(n, 0.25, (-1.0, 0.0, 0.5, 2.0), missing_indicator=True) for n in numeric]
        columns += [exporter.CategoricalColumn(n, categories) for n in categorical]
        rng, n_hidden = np.random.default_rng(0), 6
        child = exporter.ChildNetwork(
            tuple(columns),
            classes,
            rng.normal(size=(sum(column.n_rows for column in columns), n_hidden + len(classes))),
            rng.normal(size=n_hidden + len(classes)),
            rng.normal(size=(n_hidden, len(classes))),
        )
        path = str(tmp_path / name)
        exporter.to_onnx(child, path)
        return path, child

    return write
