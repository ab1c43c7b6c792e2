"""Predict a table in DuckDB: the model is a function of SQL, which gets its columns as arrays of Arrow.

python examples/duckdb/predict.py MODEL.onnx ROWS.parquet PREDICTED.parquet
"""

from __future__ import annotations

import sys
from typing import Any

import duckdb
import mothernet_runtime
import pyarrow as pa

TYPES = {"string": "VARCHAR", "integer": "BIGINT", "boolean": "BOOLEAN", "float": "DOUBLE"}


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def create_function(
    connection: duckdb.DuckDBPyConnection, name: str, model: mothernet_runtime.Model, table: str
) -> str:
    """Make the model a function of SQL that takes columns of a table; returns the call, a struct of the answers.

    The struct has `label` and a `probability_<class>` for each class.
    """
    names = [column.name for column in model.columns_ if not column.is_ignored]
    answers = [f"probability_{label}" for label in model.classes_]
    types = {column: kind for column, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()}
    model.check_columns([column for column in types if column in model.feature_names_in_])
    if taken := {"label", *answers} & set(types):
        raise ValueError(f"answers need columns of their own, however: {', '.join(sorted(taken))}. Rename them.")

    def predict(rows: Any) -> Any:
        rows = rows.combine_chunks() if isinstance(rows, pa.ChunkedArray) else rows
        labels, probabilities = model.predict_both(dict(zip(names, rows.flatten(), strict=True)))
        arrays = [pa.array(labels), *(pa.array(column.copy()) for column in probabilities.T)]
        return pa.StructArray.from_arrays(arrays, ["label", *answers])

    fields = {"label": TYPES[model.info()["label_type"]], **dict.fromkeys(answers, "FLOAT")}
    connection.create_function(
        name,
        predict,
        [duckdb.struct_type({column: types[column] for column in names})],
        duckdb.struct_type(fields),
        type="arrow",
        null_handling="special",  # a missing cell is for the model to read
    )
    return f"{name}(struct_pack({', '.join(f'{quoted(column)} := {quoted(column)}' for column in names)}))"


def main(model_path: str, rows_path: str, output_path: str) -> None:
    connection = duckdb.connect()
    table = "'" + rows_path.replace("'", "''") + "'"
    call = create_function(connection, "predict", mothernet_runtime.load(model_path, on_unseen="ignore"), table)
    query = f"SELECT *, unnest({call}) FROM {table}"
    connection.execute(f"COPY ({query}) TO '{output_path.replace(chr(39), chr(39) * 2)}' (FORMAT parquet)")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
