"""Changes of a written model's metadata, for cases that the writer itself never makes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import onnx


def canonical_json(value: Any) -> str:
    """JSON as section 5 of FORMAT.md wants it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def metadata_of(model: onnx.ModelProto) -> dict[str, str]:
    """The metadata of a model as a dict."""
    return {entry.key: entry.value for entry in model.metadata_props}


def set_metadata(model: onnx.ModelProto, key: str, value: str) -> None:
    """Change the value of a key that is there."""
    next(entry for entry in model.metadata_props if entry.key == key).value = value


def set_schema(model: onnx.ModelProto, text: str) -> None:
    """Change the schema, and its hash with it."""
    set_metadata(model, "mothernet.schema", text)
    set_metadata(model, "mothernet.schema_hash", hashlib.sha256(text.encode()).hexdigest())


def set_graph_hash(model: onnx.ModelProto) -> None:
    """Make the hash that of the graph as it is, so that what else is wrong with the graph decides."""
    graph = model.graph.SerializeToString(deterministic=True)
    set_metadata(model, "mothernet.graph_hash", hashlib.sha256(graph).hexdigest())


def remove_metadata(model: onnx.ModelProto, key: str) -> None:
    """Take a key away."""
    model.metadata_props.remove(next(entry for entry in model.metadata_props if entry.key == key))


def remove_exporter_version(model: onnx.ModelProto) -> None:
    """Take the exporter's version out, so that a release changes no case."""
    model.producer_version = ""
    set_metadata(model, "mothernet.versions", '{"mothernet":"conformance"}')
