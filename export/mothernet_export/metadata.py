"""What the file says about itself: schema, hashes and versions; FORMAT.md, section 5, specifies each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from mothernet_runtime.cells import IgnoredRule
from mothernet_runtime.file import FORMAT, Form
from mothernet_runtime.schema import Column as FileColumn
from mothernet_runtime.schema import read_columns
from onnx import GraphProto

from mothernet_export.child import ChildNetwork
from mothernet_export.columns import CategoricalColumn, Column, IgnoredColumn, NumericColumn
from mothernet_export.self_test import self_test


def metadata(child: ChildNetwork, graph: GraphProto, exporter_version: str, form: Form = "full") -> dict[str, str]:
    """Keys and values of the file's ``metadata_props``, for a child and the graph that was written of it in a form."""
    schema_text = canonical_json(schema(child))
    return {
        "mothernet.format": FORMAT,
        **({} if form == "full" else {"mothernet.form": form}),
        "mothernet.schema": schema_text,
        "mothernet.schema_hash": hashlib.sha256(schema_text.encode()).hexdigest(),
        "mothernet.graph_hash": hashlib.sha256(graph.SerializeToString(deterministic=True)).hexdigest(),
        "mothernet.versions": canonical_json({**child.versions, "mothernet-export": exporter_version}),
        "mothernet.self_test": canonical_json(self_test(child)),
    }


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no spaces, and characters beyond ASCII as they are."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def schema(child: ChildNetwork) -> dict[str, Any]:
    """The schema of the file: columns, classes and width."""
    positions = {"numeric": 0, "categorical": 0}  # of the next column of each input
    columns = [_entry(parts, positions) for parts in child.raw_columns]
    return {"columns": columns, "width": child.width, **child.target.schema()}


def file_columns(child: ChildNetwork) -> tuple[FileColumn, ...]:
    """The columns of the file as the runtime reads them."""
    return read_columns(schema(child)["columns"])


def _entry(parts: Sequence[Column], positions: dict[str, int]) -> dict[str, Any]:
    """The schema of one raw column; counts `positions` up."""
    inputs: list[dict[str, Any]] = []
    entry: dict[str, Any] = {"name": parts[0].name, "inputs": inputs}
    for column in parts:
        if isinstance(column, IgnoredColumn):
            entry |= {**IgnoredRule().schema(), "missing_in_training": False}
            continue
        name = "numeric" if isinstance(column, NumericColumn) else "categorical"
        inputs.append({"input": name, "position": positions[name]})
        positions[name] += 1
        entry |= column.rule.schema()
        if isinstance(column, NumericColumn):
            inputs[-1] |= {"part": column.part, "offset": column.offset}
        if isinstance(column, CategoricalColumn):
            entry |= {"categories": list(column.categories), "missing_in_training": "" in column.categories}
    if isinstance(parts[0], NumericColumn):
        entry["missing_in_training"] = any(
            isinstance(c, NumericColumn) and (c.missing_indicator or c.missing_in_training) for c in parts
        )
    return {**entry, "used": any(column.n_inputs > 0 for column in parts)}
