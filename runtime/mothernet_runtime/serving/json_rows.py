"""The plain route: rows as JSON objects in, labels and probabilities by class out.

Axis letters: N rows, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mothernet_runtime.model import Model
from mothernet_runtime.serving.requests import Reply, RequestError, checked_rows, compact_json, read_json
from mothernet_runtime.text import shortened

__all__ = ["predict"]

_CELLS = frozenset([str, int, float, bool, type(None)])


def predict(name: str, model: Model, body: bytes, headers: Mapping[str, str], max_rows: int) -> Reply:
    """Answer ``{"rows": [{column: cell, ...}, ...]}``.

    Raises
    ------
    ValueError, TypeError
        The request is not as it should be: `RequestError`, or what the model says of its rows.

    Examples
    --------
    >>> import mothernet_runtime
    >>> model = mothernet_runtime.load("titanic.onnx")  # doctest: +SKIP
    >>> predict("titanic", model, b'{"rows": [{"age": 22, "sex": "male"}]}', {}, 100).body  # doctest: +SKIP
    b'{"model":"titanic","labels":["no"],"probabilities":[{"no":0.75,"yes":0.25}]}'
    """
    request = read_json(body)
    rows = request.get("rows")
    if request.keys() != {"rows"} or type(rows) is not list:
        raise RequestError(
            'the body must be {"rows": [{...}, ...]}, an object per row, however: ' + shortened(repr(request))
        )
    n_rows = checked_rows(len(rows), max_rows)
    for number, row in enumerate(rows):
        if type(row) is not dict or not _CELLS.issuperset(map(type, row.values())):
            raise RequestError(
                f"row {number} must be an object of strings, numbers, true, false and null, however: "
                f"{shortened(repr(row))}"
            )
    labels, probabilities = model.predict_both(rows[0] if n_rows == 1 and rows[0] else rows)
    classes = [str(label) for label in model.classes_.tolist()]
    answers: dict[str, Any] = {
        "model": name,
        "labels": labels.tolist(),
        "probabilities": [dict(zip(classes, row, strict=True)) for row in probabilities.tolist()],
    }
    return Reply(compact_json(answers), n_rows)
