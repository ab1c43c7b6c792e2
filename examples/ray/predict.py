"""Predict a table in Ray Data: a pool of actors, each with the model open.

python examples/ray/predict.py MODEL.onnx ROWS.parquet PREDICTED_FOLDER
"""

from __future__ import annotations

import sys

import mothernet_runtime
import pyarrow as pa
import ray


class Predictor:
    """An actor: takes batches of rows, and gives them back with `label` and a `probability_<class>` for each class."""

    def __init__(self, model: mothernet_runtime.Model) -> None:
        self._model = model  # came as a pickle, which is its file
        self._names = [column.name for column in model.columns_ if not column.is_ignored]

    def __call__(self, batch: pa.Table) -> pa.Table:
        labels, probabilities = self._model.predict_both(batch.select(self._names))
        batch = batch.append_column("label", pa.array(labels))
        for label, column in zip(self._model.classes_, probabilities.T, strict=True):
            batch = batch.append_column(f"probability_{label}", pa.array(column.copy()))
        return batch


def with_predictions(table: ray.data.Dataset, model: mothernet_runtime.Model, actors: int) -> ray.data.Dataset:
    """The table with its predictions."""
    if taken := {"label", *(f"probability_{label}" for label in model.classes_)} & set(table.columns()):
        raise ValueError(f"answers need columns of their own, however: {', '.join(sorted(taken))}. Rename them.")
    return table.map_batches(
        Predictor,
        fn_constructor_args=(model,),
        batch_format="pyarrow",
        batch_size=10_000,
        compute=ray.data.ActorPoolStrategy(size=actors),
    )


def main(model_path: str, rows_path: str, output_path: str) -> None:
    ray.init(include_dashboard=False, log_to_driver=False)
    model = mothernet_runtime.load(model_path, on_unseen="ignore")
    actors = max(1, int(ray.available_resources().get("CPU", 1)) - 1)  # one core is left to reading and writing
    with_predictions(ray.data.read_parquet(rows_path), model, actors).write_parquet(output_path)
    ray.shutdown()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
