"""The exported file answers as the estimator does, on bundled and generated tables (a small benchmarks/parity.py)."""

from pathlib import Path

import mothernet_runtime
import numpy as np
import pandas as pd
import pytest
from mothernet_export import check_export, to_onnx
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from mothernet import MotherNetClassifier
from mothernet.tables import read_table

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"


def bundled(load):
    X, y = load(return_X_y=True, as_frame=True)
    return X, y.to_numpy()


def parcels():
    table = read_table(EXAMPLES / "parcels_train.csv", "outcome")
    return table.features, table.target.to_numpy()


def odd():
    """Constant, empty, duplicate and extreme columns, unseen categories, many classes."""
    rng = np.random.default_rng(0)
    n = 400
    x = rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "x": x,
            "copy": x,
            "constant": 7.0,
            "empty": np.nan,
            "huge": np.where(rng.random(n) < 0.05, np.inf, 1e20 * rng.normal(size=n)),
            "gaps": np.where(rng.random(n) < 0.3, np.nan, rng.integers(0, 4, n)),
            "word": rng.choice(["a", "b", "", 'quote "q"', "ü, ö"], n),
            "name": [f"n{i}" for i in range(n)],
            "half": [f"v{i % 25}" if i < n // 2 else f"w{i % 25}" for i in range(n)],
        }
    )
    return frame, (np.digitize(x, [-1, 0, 0.5]) * 3 + rng.integers(0, 3, n)).astype(str)


def grid():
    """Small integers and a rule without noise: what drives the weights up, and float32 to its limits."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.integers(0, 9, (900, 4)), columns=list("abcd"))
    return X, np.where(X["a"] > X["b"], "win", np.where(X["c"] + X["d"] > 8, "draw", "loss"))


TABLES = {
    load.__name__: (lambda load=load: bundled(load)) for load in (load_iris, load_wine, load_breast_cancer, load_digits)
}


@pytest.mark.parametrize("table", [*TABLES.values(), parcels, odd, grid], ids=[*TABLES, "parcels", "odd", "grid"])
def test_reference_onnxruntime_and_evaluator_agree(table, tmp_path):
    X, y = table()
    train, test = np.arange(len(X)) % 2 == 0, np.arange(len(X)) % 2 == 1
    if table is odd:
        train = np.arange(len(X)) < len(X) // 2
        test = ~train
    model = MotherNetClassifier(width=64).fit(X[train], y[train])
    child = model.child_
    to_onnx(model, tmp_path / "model.onnx")
    numeric = X.loc[test, [column.name for column in child.numeric_columns]].to_numpy(float)
    categorical = X.loc[test, [column.name for column in child.categorical_columns]].to_numpy(object)
    parity = check_export(tmp_path / "model.onnx", child, numeric, categorical, evaluator_rows=200)
    assert parity.ok and not parity.skipped, parity
    assert {comparison.evaluator for comparison in parity.comparisons} == {"onnxruntime", "onnx.reference"}
    runtime = mothernet_runtime.load(tmp_path / "model.onnx")
    runtime.check()
    shuffled = X.loc[test, list(X.columns[::-1])]  # the runtime takes columns by name
    assert np.abs(runtime.predict_proba(shuffled) - model.predict_proba(X[test])).max() < 1e-5
    assert runtime.predict(shuffled).tolist() == model.predict(X[test]).tolist()
