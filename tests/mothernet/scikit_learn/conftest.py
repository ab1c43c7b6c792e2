"""A table with a column of every type that skl2onnx knows, and the classifier's converter, registered once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from mothernet_export.skl2onnx_converter import register

from mothernet import MotherNetClassifier

CATEGORIES = ("grade", "product", "ratio")  # of numbers


@pytest.fixture(scope="session", autouse=True)
def registered():
    register()


def draw(n_rows, seed):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": np.where(rng.random(n_rows) < 0.1, np.nan, rng.uniform(1, 90, n_rows)).round(1),
            "visits": rng.integers(0, 9, n_rows),
            "town": rng.choice(["Bern", "Basel", "Genève", "Zürich"], n_rows),
            "member": rng.random(n_rows) < 0.5,
            "opened": 1_600_000_000 + rng.integers(0, 10**6, n_rows),  # seconds, which float32 merges
            "answer": rng.choice(["yes", "no", "Yes"], n_rows),
            "grade": rng.choice([1, 2, 3, 5], n_rows),
            "product": rng.choice([20240101, 20240102, 20240103, 20240104], n_rows),  # float32 merges neighbours
            "ratio": rng.choice([0.1, 0.25, 1.5, np.nan], n_rows),
            "constant": 1.0,
        }
    )


def scores(frame):
    parts = frame["age"].fillna(40) / 30, (frame["town"] == "Bern") * 1.5, -1.0 * frame["member"], frame["visits"] / 4
    parts += (
        (frame["opened"] - 1.6e9) / 5e5,
        frame["answer"] == "no",
        (frame["grade"] == 3) * 1.1,
        frame["ratio"].isna(),
    )
    noise = np.random.default_rng(1).normal(size=len(frame)) * 0.3
    return sum(np.asarray(each, float) for each in (*parts, frame["product"] == 20240103, noise))


@pytest.fixture(scope="session")
def train():
    frame = draw(600, 0)
    frame.loc[::17, "town"] = None
    return frame


@pytest.fixture(scope="session")
def rows():
    """Rows with missing numbers and texts, and with categories that training never showed."""
    frame = draw(300, 2)
    frame.loc[::13, "town"] = None
    frame.loc[1:4, "town"] = "Atlantis"
    frame.loc[5, "grade"] = 77
    frame.loc[6, "ratio"] = 0.33
    frame.loc[7, "product"] = 20240105
    frame.loc[8, "opened"] = 0
    return frame


@pytest.fixture(scope="session")
def labels(train):
    values = scores(train)
    return np.where(values > np.median(values), "yes", "no")


@pytest.fixture(scope="session")
def model(train, labels):
    """All columns have an influence, but the constant one."""
    return MotherNetClassifier(width=32, size="large", categorical_features=CATEGORIES).fit(train, labels)
