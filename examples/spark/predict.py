"""Predict a table in Spark: each worker process opens the model once and gets rows as frames of pandas.

python examples/spark/predict.py MODEL.onnx ROWS.parquet PREDICTED.parquet
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import mothernet_runtime
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import BooleanType, DoubleType, FloatType, LongType, StringType, StructField, StructType

TYPES = {"string": StringType(), "integer": LongType(), "boolean": BooleanType(), "float": DoubleType()}


def with_predictions(table: DataFrame, model: mothernet_runtime.Model) -> DataFrame:
    """The table with its `label` and a `probability_<class>` for each class.

    The model goes to the workers as a pickle, which is its file and opens once in each process.
    """
    names = [column.name for column in model.columns_ if not column.is_ignored]
    answers = [f"probability_{label}" for label in model.classes_]
    if taken := {"label", *answers} & set(table.columns):
        raise ValueError(f"answers need columns of their own, however: {', '.join(sorted(taken))}. Rename them.")

    def predict(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            labels, probabilities = model.predict_both(frame[names])
            yield frame.assign(label=labels, **dict(zip(answers, probabilities.T, strict=True)))

    fields = [
        StructField("label", TYPES[model.info()["label_type"]]),
        *(StructField(answer, FloatType()) for answer in answers),
    ]
    return table.mapInPandas(predict, StructType([*table.schema.fields, *fields]))


def main(model_path: str, rows_path: str, output_path: str) -> None:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # of the workers, which need mothernet-runtime too
    spark = SparkSession.builder.appName("mothernet").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    model = mothernet_runtime.load(model_path, on_unseen="ignore")
    with_predictions(spark.read.parquet(rows_path), model).write.mode("overwrite").parquet(output_path)
    spark.stop()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
