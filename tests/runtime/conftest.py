"""Small models that the runtime's tests share, and ways to damage them."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mothernet_runtime.cells import CategoryRule, DateRule, NumberRule

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # whichever test imports onnxruntime first

NAMES = ["age", "city", "fare", "constant", "code", "note"]
ROWS = [
    ["31", "Bern", "7.25", "1", "3", "x"],
    ["", "", "", "", "", ""],
    ["-1e39", "Genève", "1e39", "inf", "True", "two\nlines"],
    ["inf", "日本", "-inf", "nan", "0.5", 'quoted "cell", with comma'],
    ["nan", "Bern ", "3.4e38", "-3.4e38", "3.0", "unseen: a space behind Bern, 3.0 as text"],
    ["18", "bern", "-0.0", "0", "", "a knot"],
    ["80.00001", "nowhere", "1e-45", "7", "False", ""],
    [" 42.5 ", 'a "quoted", b', "+1.5e2", "1", "3", ""],
    ["0.1", "a\nb", "16777217", "2", "0.5", "rounds to float32"],
]


def _random_child(columns: Any, classes: Any, n_hidden: int) -> Any:
    exporter = pytest.importorskip("mothernet_export")
    rng, target = np.random.default_rng(3), exporter.ClassTarget(classes)
    n_inputs, n_outputs = sum(column.n_inputs for column in columns), len(classes)
    return exporter.ChildNetwork(
        tuple(columns),
        target,
        rng.normal(size=(n_inputs, n_hidden + n_outputs)),
        rng.normal(size=n_hidden + n_outputs),
        rng.normal(size=(n_hidden, n_outputs)),
        versions={"mothernet": "test"},
    )


@pytest.fixture(scope="session")
def child() -> Any:
    """The record of `model_path`: every type of column, used and ignored."""
    exporter = pytest.importorskip("mothernet_export")
    numeric, categorical = exporter.NumericColumn, exporter.CategoricalColumn
    columns = (
        numeric("age", centre=39.5, knots=(18.0, 30.5, 47.25, 80.0), missing_indicator=True),
        categorical("city", categories=("", "Bern", "Genève", "日本", 'a "quoted", b', "a\nb")),
        numeric("fare", centre=14.25, knots=(-2.0, 7.5, 512.0, 2.0**25), missing_indicator=False),
        numeric("constant", centre=1.0, knots=(), missing_indicator=False),
        categorical("code", categories=("3", "True", "0.5")),
        categorical("note", categories=()),
    )
    return _random_child(columns, ("maybe, or not", "no", "oui, ça"), 5)


@pytest.fixture(scope="session")
def model_path(child: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    exporter = pytest.importorskip("mothernet_export")
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    exporter.to_onnx(child, path)
    return str(path)


@pytest.fixture(scope="session")
def typed_child() -> Any:
    """The record of `typed_path`: every type of raw column."""
    exporter = pytest.importorskip("mothernet_export")
    numeric, categorical = exporter.NumericColumn, exporter.CategoricalColumn
    price, day = NumberRule(",", ".", "€", missing=("?",)), DateRule("dmy", missing=("-",))
    columns = (
        exporter.IgnoredColumn("id"),
        numeric("price", 10.0, (0.0, 5.0, 50.0, 2000.0), missing_indicator=True, rule=price),
        numeric("smoker", 0.0, (0.0, 1.0), missing_indicator=False, rule=NumberRule(boolean=True)),
        numeric("day", 0.0, (-400.0, 0.0, 400.0), missing_indicator=True, rule=day, offset=19_800.0, part="days"),
        numeric("day", 6.0, (1.0, 6.0, 12.0), missing_indicator=False, rule=day, part="month"),
        numeric("day", 3.0, (0.0, 6.0), missing_indicator=False, rule=day, part="weekday"),
        numeric("day", 12.0, (0.0, 12.0, 24.0), missing_indicator=False, rule=day, part="hour"),
        categorical("code", categories=("", "3", "4", "17", "Zürich"), rule=CategoryRule(integers=True)),
        numeric("stamp", 0.0, (-100.0, 0.0, 100.0), missing_indicator=False, offset=1_700_000_000.0),
        numeric("share", 0.5, (0.0, 0.5, 1.0), missing_indicator=False, rule=NumberRule(percent=True)),
    )
    return _random_child(columns, (0, 1), 4)


@pytest.fixture(scope="session")
def typed_path(typed_child: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    exporter = pytest.importorskip("mothernet_export")
    path = tmp_path_factory.mktemp("typed") / "typed.onnx"
    exporter.to_onnx(typed_child, path)
    return str(path)


@pytest.fixture(scope="session")
def data(model_path: str) -> bytes:
    """The bytes of `model_path`."""
    return Path(model_path).read_bytes()


@pytest.fixture(scope="session")
def rows() -> list[dict[str, str]]:
    """Rows for `model_path` as a CSV file has them."""
    return [dict(zip(NAMES, row, strict=True)) for row in ROWS]


@pytest.fixture
def rows_path(rows: list[dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    with open(path, "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([NAMES, *ROWS])
    return path


@pytest.fixture(scope="session")
def expected(child: Any) -> tuple[list[str], np.ndarray]:
    """Labels and probabilities (N, C) of `rows` by the exporter's reference."""
    exporter = pytest.importorskip("mothernet_export")
    numeric = [[float(row[i].strip() or "nan") for i in (0, 2, 3)] for row in ROWS]
    probabilities = exporter.predict_proba(child, numeric, [[row[i].strip() for i in (1, 4, 5)] for row in ROWS])
    return [child.target.classes[k] for k in probabilities.argmax(axis=1)], probabilities


@pytest.fixture
def write_model(tmp_path: Path) -> Callable[..., tuple[str, Any]]:
    """Write a random model; returns its path and its ChildNetwork."""
    exporter = pytest.importorskip("mothernet_export")

    def write(
        classes: tuple[Any, ...] = ("no", "yes"),
        numeric: tuple[str, ...] = ("x", "y"),
        categorical: tuple[str, ...] = ("city", "code"),
        categories: tuple[str, ...] = ("", "Bern", "3", "0.5", "True"),
        name: str = "model.onnx",
    ) -> tuple[str, Any]:
        columns = [exporter.NumericColumn(n, 0.25, (-1.0, 0.0, 0.5, 2.0), missing_indicator=True) for n in numeric]
        columns += [exporter.CategoricalColumn(n, categories) for n in categorical]
        child = _random_child(columns, classes, 6)
        path = str(tmp_path / name)
        exporter.to_onnx(child, path)
        return path, child

    return write


@pytest.fixture
def load_bytes(tmp_path: Path) -> Callable[[bytes], Any]:
    from mothernet_runtime import load

    def load_bytes(data: bytes) -> Any:
        (tmp_path / "m.onnx").write_bytes(data)
        return load(tmp_path / "m.onnx")

    return load_bytes


@pytest.fixture(scope="session")
def with_metadata(data: bytes) -> Callable[..., bytes]:
    """`data` (or `of`) with other values (None: without) of the metadata's keys; the schema's hash is kept right."""
    onnx = pytest.importorskip("onnx")

    def with_metadata(*, of: bytes = data, **changes: Any) -> bytes:
        model = onnx.load_from_string(of)
        metadata = {entry.key.removeprefix("mothernet."): entry.value for entry in model.metadata_props}
        texts = {key: value if isinstance(value, str | None) else json.dumps(value) for key, value in changes.items()}
        if isinstance(texts.get("schema"), str):
            metadata["schema_hash"] = hashlib.sha256(texts["schema"].encode()).hexdigest()
        metadata |= texts
        props = {f"mothernet.{key}": value for key, value in metadata.items() if value is not None}
        onnx.helper.set_model_props(model, props)
        return model.SerializeToString(deterministic=True)

    return with_metadata


@pytest.fixture(scope="session")
def with_graph(data: bytes) -> Callable[..., bytes]:
    """`data` (or `of`) after a function has changed the onnx.ModelProto."""
    onnx = pytest.importorskip("onnx")

    def with_graph(change: Callable[[Any], Any], *, of: bytes = data) -> bytes:
        model = onnx.load_from_string(of)
        change(model)
        renew_graph_hash(model)
        return model.SerializeToString(deterministic=True)

    return with_graph


@pytest.fixture
def metadata(data: bytes) -> dict[str, Any]:
    """The metadata of `data`, parsed: schema, versions, self_test."""
    return _parsed_metadata(data)


@pytest.fixture
def typed_metadata(typed_path: str) -> dict[str, Any]:
    """The same of `typed_path`."""
    return _parsed_metadata(Path(typed_path).read_bytes())


def _parsed_metadata(data: bytes) -> dict[str, Any]:
    onnx = pytest.importorskip("onnx")
    texts = {entry.key.removeprefix("mothernet."): entry.value for entry in onnx.load_from_string(data).metadata_props}
    return {key: json.loads(texts[key]) for key in ("schema", "versions", "self_test")}


def renew_graph_hash(model: Any) -> None:
    """With the right hash, so that what else a changed graph breaks is seen."""
    text = hashlib.sha256(model.graph.SerializeToString(deterministic=True)).hexdigest()
    for entry in model.metadata_props:
        if entry.key == "mothernet.graph_hash":
            entry.value = text
