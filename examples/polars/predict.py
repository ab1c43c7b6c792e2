"""Predict a table in polars: the model is an expression, also of lazy frames.

python examples/polars/predict.py MODEL.onnx ROWS.parquet PREDICTED.parquet
"""

from __future__ import annotations

import sys

import mothernet_runtime
import polars as pl

TYPES = {"string": pl.String, "integer": pl.Int64, "boolean": pl.Boolean, "float": pl.Float64}


def predictions(model: mothernet_runtime.Model) -> pl.Expr:
    """An expression, a struct of `label` and a `probability_<class>` for each class."""
    names = [column.name for column in model.columns_ if not column.is_ignored]
    schema = {
        "label": TYPES[model.info()["label_type"]](),
        **{f"probability_{c}": pl.Float32() for c in model.classes_},
    }

    def predict(rows: pl.Series) -> pl.Series:
        try:
            labels, probabilities = model.predict_both(rows.struct.unnest())
        except mothernet_runtime.CellError as error:  # polars makes an error anew from its text
            raise ValueError(str(error)) from None
        columns = [labels, *probabilities.T]
        return pl.DataFrame(dict(zip(schema, columns, strict=True)), schema).to_struct()

    return pl.struct(names).map_batches(predict, return_dtype=pl.Struct(schema), is_elementwise=True)


def main(model_path: str, rows_path: str, output_path: str) -> None:
    model = mothernet_runtime.load(model_path, on_unseen="ignore")
    table = pl.scan_parquet(rows_path)
    table.select(pl.all(), predictions(model).struct.field("*")).sink_parquet(output_path)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
