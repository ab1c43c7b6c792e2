"""What a numeric core says of itself, as a JSON file beside it: for programs that cannot look into its metadata."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from mothernet_runtime.core import Codes
from mothernet_runtime.file import Form, read_model
from mothernet_runtime.output import written
from mothernet_runtime.rows import RowReader

from mothernet_export.metadata import canonical_json

__all__ = ["core_json", "json_path", "written_beside"]


def json_path(path: str | os.PathLike[str], form: Form) -> Path | None:
    """Where the JSON of a core at `path` goes: beside a name that ends in ``.onnx``; None beside anything else."""
    return Path(path).with_suffix(".json") if form == "core" and Path(path).suffix == ".onnx" else None


@contextlib.contextmanager
def written_beside(proto: onnx.ModelProto, path: str | os.PathLike[str], form: Form) -> Iterator[None]:
    """Put the JSON of a core beside `path` when the block succeeds, if it has a place there."""
    beside = json_path(path, form)
    if beside is None:
        yield
        return
    with written(beside) as temporary:
        temporary.write_text(core_json(proto) + "\n", "utf-8")
        yield


def core_json(proto: onnx.ModelProto) -> str:
    """The file's metadata in one JSON object, the columns of its input, and the self-test's rows as it takes them."""
    metadata = {entry.key.removeprefix("mothernet."): entry.value for entry in proto.metadata_props}
    file = read_model(proto.SerializeToString(), "the model")
    numbers = Codes(file.columns).numbers(RowReader(file.columns).read(file.self_test.columns)[1])
    self_test = json.loads(metadata["self_test"])
    self_test["numbers"] = [[_number(value) for value in row] for row in numbers]
    self_test["class_index"] = [file.labels.index(label) for label in file.self_test.labels]
    content: dict[str, Any] = {
        **metadata,
        **{key: json.loads(metadata[key]) for key in ("schema", "versions")},
        "self_test": self_test,
        "numbers": [
            {"column": column.name, "part": "code"}
            if each.input == "categorical"
            else {"column": column.name, "part": each.part, "offset": each.offset}
            for column in file.columns
            for each in column.inputs
        ],
    }
    return canonical_json(content)


def _number(value: np.float32) -> float | str | None:
    """A float32 as JSON has it: null where it is NaN, and a text where it is infinite."""
    if math.isnan(value):
        return None
    return float(value) if math.isfinite(value) else str(float(value))
