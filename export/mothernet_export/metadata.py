"""What the file says about itself: schema, hashes, versions, and a self-test; FORMAT.md specifies each."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import GraphProto

from mothernet_export.child import ChildNetwork, FloatArray, NumericColumn
from mothernet_export.reference import predict_answers

FORMAT_VERSION = "1"

_SELF_TEST_ROWS = 8


def metadata(child: ChildNetwork, graph: GraphProto, exporter_version: str) -> dict[str, str]:
    """Keys and values of the file's ``metadata_props``, for a child and the graph that was written of it."""
    schema = canonical_json(_schema(child))
    return {
        "mothernet.format": FORMAT_VERSION,
        "mothernet.schema": schema,
        "mothernet.schema_hash": hashlib.sha256(schema.encode()).hexdigest(),
        "mothernet.graph_hash": hashlib.sha256(graph.SerializeToString(deterministic=True)).hexdigest(),
        "mothernet.versions": canonical_json({**child.versions, "mothernet-export": exporter_version}),
        "mothernet.self_test": canonical_json(_self_test(child)),
    }


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no spaces, and characters beyond ASCII as they are."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _schema(child: ChildNetwork) -> dict[str, Any]:
    columns: list[dict[str, Any]] = []
    positions = {"numeric": 0, "categorical": 0}
    for column in child.columns:
        column_type = "numeric" if isinstance(column, NumericColumn) else "categorical"
        entry = {"name": column.name, "kind": column_type, "input": column_type, "position": positions[column_type]}
        positions[column_type] += 1
        if isinstance(column, NumericColumn):
            entry |= {"missing_in_training": column.missing_indicator}
        else:
            entry |= {"missing_in_training": "" in column.categories, "categories": list(column.categories)}
        columns.append({**entry, "used": column.n_inputs > 0})
    return {"columns": columns, "width": child.width, **child.target.schema()}


def _self_test(child: ChildNetwork) -> dict[str, Any]:
    """A few rows made from the record alone, and the reference's answers: rows with clear answers if there are any."""
    numeric, categorical = _self_test_rows(child, 3 * _SELF_TEST_ROWS)
    answers = predict_answers(child, numeric, categorical)
    clear = np.flatnonzero(child.target.clear_rows(answers))
    rows = (clear if len(clear) else np.arange(len(numeric)))[:_SELF_TEST_ROWS]
    columns = [_numbers(numeric[rows, i]) for i in range(numeric.shape[1])]
    texts = [[text or None for text in categorical[rows, i]] for i in range(categorical.shape[1])]
    names = [column.name for column in child.numeric_columns] + [column.name for column in child.categorical_columns]
    return {
        "columns": dict(zip(names, columns + texts, strict=True)),
        **child.target.self_test({name: array[rows] for name, array in answers.items()}),
    }


def _self_test_rows(child: ChildNetwork, n_rows: int) -> tuple[FloatArray, npt.NDArray[np.object_]]:
    """Missing, unseen and extreme cells, then random knots and categories: (n_rows, Fn) and (n_rows, Fc)."""
    rng = np.random.default_rng(0)
    numeric = np.empty((n_rows, len(child.numeric_columns)), np.float32)
    categorical = np.empty((n_rows, len(child.categorical_columns)), object)
    for i, column in enumerate(child.numeric_columns):
        points = np.array([column.centre, *column.knots], np.float32)
        between = points / 2 + rng.permuted(points) / 2  # halves first: the sum of two knots may overflow
        numeric[:, i] = rng.choice(np.concatenate([points, between, [np.nan]]), n_rows)
        numeric[:4, i] = np.nan, column.centre, -np.inf, np.inf
    vocabulary = {text for column in child.categorical_columns for text in column.categories}
    unseen = "unseen"
    while unseen in vocabulary:
        unseen += "?"
    for i, categories in enumerate([column.categories for column in child.categorical_columns]):
        choices = ("", unseen, *categories)
        categorical[:, i] = [choices[k] for k in rng.integers(len(choices), size=n_rows)]
        categorical[:4, i] = "", unseen, choices[-1], choices[min(2, len(choices) - 1)]
    return numeric, categorical


def _numbers(values: FloatArray) -> list[float | str | None]:
    """Raw JSON cells; null is missing, and infinities, which JSON lacks, are strings."""
    return [None if np.isnan(v) else str(v) if np.isinf(v) else float(v) for v in values]
