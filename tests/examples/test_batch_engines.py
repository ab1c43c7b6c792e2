"""The examples for batch engines say what the runtime says, on 200,000 rows; each needs its engine, and Spark Java."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import mothernet_runtime
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mothernet_export import to_onnx

from mothernet import MotherNetClassifier
from mothernet.tables import read_table

EXAMPLES = Path(__file__).parents[2] / "examples"
ENGINES = {"duckdb": "duckdb", "polars": "polars", "ray": "ray", "spark": "pyspark"}  # by folder: the package
N_ROWS = 200_000
ENVIRONMENT = {
    "PYSPARK_SUBMIT_ARGS": "--master local[2] --conf spark.ui.enabled=false pyspark-shell",
    "SPARK_LOCAL_IP": "127.0.0.1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
pytestmark = pytest.mark.slow


def need(engine: str) -> None:
    """Skip a test whose engine is missing, by name."""
    missing = [] if importlib.util.find_spec(ENGINES[engine]) else [f"{ENGINES[engine]} (pip install '.[engines]')"]
    if engine == "spark" and not shutil.which("java"):
        missing.append("java 17")
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


def python(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder, where engines find what they need and tell nobody."""
    command, environment = [sys.executable, *arguments], {**ENVIRONMENT, **os.environ}
    return subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment, cwd=folder)


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table, path = read_table(EXAMPLES / "data" / "parcels_train.csv", "outcome"), tmp_path_factory.mktemp("model")
    to_onnx(MotherNetClassifier(size="small").fit(table.features, np.asarray(table.target)), path / "parcels.onnx")
    return path / "parcels.onnx"


@pytest.fixture(scope="module")
def rows_path(model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows drawn cell by cell from the example's: texts, whole and other numbers, booleans, nulls; in parts."""
    frame = pd.read_csv(EXAMPLES / "data" / "parcels_train.csv", keep_default_na=False, na_values=[""])
    frame, rng = frame.drop(columns="outcome").convert_dtypes(), np.random.default_rng(0)
    columns: dict[str, Any] = {
        str(name): pa.array(frame[name]).take(rng.integers(0, len(frame), N_ROWS)) for name in frame
    }
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    pq.write_table(pa.table({"row": np.arange(N_ROWS), **columns}), path, row_group_size=25_000)
    return path


def expected(model_path: Path, rows_path: Path) -> tuple[list[str], np.ndarray]:
    model, rows = mothernet_runtime.load(model_path, on_unseen="error"), pq.read_table(rows_path)
    names = [column.name for column in model.columns_ if not column.is_ignored]
    labels, probabilities = model.predict_both(rows.select(names))
    assert len(set(labels)) == 3 and any(rows[name].null_count for name in names)
    return labels.tolist(), probabilities


@pytest.mark.parametrize("engine", ENGINES)
def test_engine_says_what_the_runtime_says(engine: str, model_path: Path, rows_path: Path, tmp_path: Path) -> None:
    need(engine)
    done = python(tmp_path, EXAMPLES / engine / "predict.py", model_path, rows_path, tmp_path / "predicted.parquet")
    assert done.returncode == 0, done.stderr[-3000:]
    labels, probabilities = expected(model_path, rows_path)
    predicted = pq.read_table(tmp_path / "predicted.parquet").sort_by("row")
    assert predicted["row"].to_pylist() == list(range(N_ROWS)) and predicted["label"].to_pylist() == labels
    for name, column in zip(("late", "on_time", "returned"), probabilities.T, strict=True):
        assert np.array_equal(predicted[f"probability_{name}"].to_numpy(), column)
    rows = pq.read_table(rows_path)
    assert predicted.select(rows.column_names).cast(rows.schema).equals(rows)


@pytest.mark.parametrize("engine", ENGINES)
def test_no_column_of_the_table_is_lost(engine: str, model_path: Path, rows_path: Path, tmp_path: Path) -> None:
    need(engine)
    rows = pq.read_table(rows_path).slice(0, 100)

    def predict(further: str) -> subprocess.CompletedProcess[str]:
        pq.write_table(rows.append_column(further, rows["row"]), tmp_path / "rows.parquet")
        return python(tmp_path, EXAMPLES / engine / "predict.py", model_path, "rows.parquet", "predicted.parquet")

    done = predict("label")
    assert done.returncode == 1 and "label" in done.stderr
    if engine in ("duckdb", "polars"):  # where the answers are a struct for a while
        assert predict("answers").returncode == 0
        assert pq.read_table(tmp_path / "predicted.parquet")["answers"].to_pylist() == rows["row"].to_pylist()


def test_labels_have_the_type_of_the_training_table(tmp_path: Path) -> None:
    for engine in ("duckdb", "polars"):
        need(engine)
    import duckdb
    import polars as pl

    frame = pd.read_csv(EXAMPLES / "data" / "parcels_train.csv")
    rows = frame[["depot", "weight_kg", "distance_km", "service"]]
    for target, duck, polar in [
        (frame["outcome"] == "late", "BOOLEAN", pl.Boolean),
        (frame["outcome"].map({"late": -1, "on_time": 0, "returned": 7}), "BIGINT", pl.Int64),
        (frame["outcome"].map({"late": 0.0, "on_time": 1.0, "returned": 2.0}), "DOUBLE", pl.Float64),
    ]:
        to_onnx(MotherNetClassifier(size="small").fit(rows, target), tmp_path / "m.onnx")
        model = mothernet_runtime.load(tmp_path / "m.onnx")
        expected = model.predict(rows).tolist()
        answers = pl.DataFrame(rows).select(example("polars").predictions(model).alias("answers")).unnest("answers")
        assert answers["label"].dtype == polar and answers["label"].to_list() == expected
        connection = duckdb.connect()
        connection.register("rows", rows)
        call = example("duckdb").create_function(connection, "predict", model, "rows")
        answered = connection.execute(f"SELECT {call}.label AS label, typeof({call}.label) FROM rows").fetchall()
        assert answered == [(label, duck) for label in expected]


def test_a_cell_that_does_not_fit_is_an_error_that_says_where(model_path: Path) -> None:
    for engine in ("duckdb", "polars"):
        need(engine)
    import duckdb
    import polars as pl

    model = mothernet_runtime.load(model_path)
    rows = pd.read_csv(EXAMPLES / "data" / "parcels_train.csv", dtype=str).head(100)
    rows.loc[7, "weight_kg"] = "heavy"
    with pytest.raises(ValueError, match="row 7: column 'weight_kg' must hold numbers"):
        pl.DataFrame(rows).select(example("polars").predictions(model))
    connection = duckdb.connect()
    connection.register("rows", rows)
    call = example("duckdb").create_function(connection, "predict", model, "rows")
    with pytest.raises(duckdb.Error, match="row 7: column 'weight_kg' must hold numbers"):
        connection.execute(f"SELECT {call} FROM rows").fetchall()


def example(engine: str) -> Any:
    """The module of an example."""
    spec = importlib.util.spec_from_file_location(f"{engine}_example", EXAMPLES / engine / "predict.py")
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


SPARK = """
import os, sys
import mothernet_runtime, mothernet_runtime.model
from pyspark.sql import SparkSession

model = mothernet_runtime.load(sys.argv[1])

def count(frames):
    import pandas as pd
    for frame in frames:
        n_open = len(mothernet_runtime.model._reopened)
        yield pd.DataFrame({"process": [os.getpid()], "model": [id(model)], "open": [n_open]})

os.environ["PYSPARK_PYTHON"] = sys.executable
spark = SparkSession.builder.getOrCreate()
for _ in range(2):
    rows = spark.range(0, 16, 1, 16).mapInPandas(count, "process long, model long, open long").collect()
    assert len(rows) == 16 and len(set(row.process for row in rows)) <= 2 and {row.open for row in rows} == {1}
    assert len(set((row.process, row.model) for row in rows)) == len(set(row.process for row in rows))
print("opened once in each process")
"""


def test_spark_opens_the_model_once_in_each_process(model_path: Path, tmp_path: Path) -> None:
    need("spark")
    (tmp_path / "script.py").write_text(SPARK, "utf-8")
    done = python(tmp_path, tmp_path / "script.py", model_path)
    assert done.stdout.endswith("opened once in each process\n"), done.stderr[-3000:]
