"""What every consumer must refuse with one clear line: rows that do not fit the model, and models that are none.

An error case has the rows or the model of its own; what it does not have is that of the case "mixed".
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from typing import Any

import onnx
from mothernet_export import CategoricalColumn, NumericColumn, to_onnx
from onnx import TensorProto, helper

from definitions.case import ErrorCase, network
from definitions.cell_errors import GOOD, cell_errors
from definitions.model_edits import (
    canonical_json,
    metadata_of,
    remove_exporter_version,
    remove_metadata,
    set_graph_hash,
    set_metadata,
    set_schema,
)

_HEADER = ",".join(GOOD)
_CELLS = ",".join(map(str, GOOD.values()))
_SMALL_ROWS = b"x,y,city\n1,2,Bern\n0.25,,Rome\n"


def error_cases() -> list[ErrorCase]:
    """All of them, in the order of the manifest."""
    model = _small_model()
    return [
        *_row_errors(),
        *cell_errors(),
        *_metadata_errors(model),
        *_schema_errors(model),
        *_graph_errors(model),
        *_container_errors(model),
    ]


def _row_errors() -> list[ErrorCase]:
    without_fare = {name: cell for name, cell in GOOD.items() if name != "fare"}

    def case(name: str, about: str, word: str, text: str, record: dict[str, Any] | None = None) -> ErrorCase:
        records = [record] if record else None
        return ErrorCase(f"error_{name}", about, word, rows=text.encode("latin-1"), records=records)

    return [
        case(
            "unknown_column",
            "A column that the model does not know.",
            "colour",
            f"{_HEADER},colour\n{_CELLS},red\n",
            {**GOOD, "colour": "red"},
        ),
        case(
            "missing_column",
            "A column of the model is not there.",
            "fare",
            "age,city,constant,code,note\n31,Bern,1,3,x\n",
            without_fare,
        ),
        case(
            "misspelt_column",
            "Names of columns are compared with their letter case.",
            "fare",
            f"{_HEADER.replace('fare', 'Fare')}\n{_CELLS}\n",
            {**without_fare, "Fare": 7.25},
        ),
        case("repeated_column", "A column comes twice.", "city", f"{_HEADER},city\n{_CELLS},Bern\n"),
        case("short_row", "A row of fewer cells than the header.", "line 3", f"{_HEADER}\n{_CELLS}\n31,Bern\n"),
        case("long_row", "A row of more cells than the header.", "line 3", f"{_HEADER}\n{_CELLS}\n{_CELLS},9\n"),
        case("not_utf8", "Text in another encoding than UTF-8.", "UTF-8", f"{_HEADER}\n31,Z\xfcrich,1,1,3,x\n"),
        case("open_quote", "A quote that nothing closes.", "", f'{_HEADER}\n31,"Bern,7.25,1,3,x\n'),
        case("empty_rows", "A CSV file without a header.", "", ""),
    ]


def _metadata_errors(model: onnx.ModelProto) -> list[ErrorCase]:
    metadata = metadata_of(model)

    def case(name: str, about: str, word: str, key: str, value: str) -> ErrorCase:
        return _model_error(name, about, word, _edited(model, lambda m: set_metadata(m, f"mothernet.{key}", value)))

    def without(name: str, about: str, key: str) -> ErrorCase:
        return _model_error(name, about, key, _edited(model, lambda m: remove_metadata(m, f"mothernet.{key}")))

    other_schema = metadata["mothernet.schema"].replace("Genf", "Biel")
    return [
        case("format_1", "The format before, whose cells mean something else.", "format", "format", "1"),
        case("format_3", "A later format.", "format", "format", "3"),
        case("format_02", "The format is the text 2, not a number that equals 2.", "format", "format", "02"),
        case("format_digits", "The digit two of another script is not 2.", "format", "format", "٢"),
        case("schema_hash", "A schema that was changed and does not match its hash.", "hash", "schema", other_schema),
        without("no_self_test", "A key of the metadata is missing.", "self_test"),
        without(
            "no_graph_hash", "The hash of the graph is missing, so that nothing tells an edited one.", "graph_hash"
        ),
    ]


def _schema_errors(model: onnx.ModelProto) -> list[ErrorCase]:
    schema = json.loads(metadata_of(model)["mothernet.schema"])

    def case(name: str, about: str, word: str, changes: dict[str, Any]) -> ErrorCase:
        text = canonical_json({**schema, **changes})
        return _model_error(name, about, word, _edited(model, lambda m: set_schema(m, text)))

    def only(column: dict[str, Any]) -> dict[str, Any]:
        (graph_input,) = column["inputs"]
        return dict(graph_input)

    def without(column: dict[str, Any], key: str) -> dict[str, Any]:
        return {name: value for name, value in column.items() if name != key}

    x, y, city = schema["columns"]
    return [
        case("swapped_classes", "Classes out of order.", "classes", {"classes": ["yes", "no"]}),
        case("repeated_class", "A class that comes twice.", "classes", {"classes": ["no", "no"]}),
        case("class_type", "Classes of another type than the schema says.", "class", {"label_type": "integer"}),
        case(
            "further_class",
            "More classes in the schema than probabilities in the graph.",
            "probabilities",
            {"classes": ["maybe", "no", "yes"]},
        ),
        case("repeated_name", "Two columns of one name.", "column", {"columns": [x, {**y, "name": "x"}, city]}),
        case(
            "further_column",
            "More columns in the schema than the graph takes.",
            "numeric",
            {"columns": [x, y, {**y, "name": "z", "inputs": [{**only(y), "position": 2}]}, city]},
        ),
        case(
            "position",
            "Positions of columns that leave a gap.",
            "position",
            {"columns": [x, {**y, "inputs": [{**only(y), "position": 2}]}, city]},
        ),
        case(
            "column_type",
            "A type of columns that does not exist.",
            "type",
            {"columns": [x, {**y, "type": "money"}, city]},
        ),
        case("decimal", "A decimal sign that is none.", "decimal", {"columns": [x, {**y, "decimal": ";"}, city]}),
        case("group", "One sign for decimals and thousands.", "group", {"columns": [x, {**y, "group": "."}, city]}),
        case("no_rule", "A key of the column's rule is missing.", "affix", {"columns": [x, without(y, "affix"), city]}),
        case(
            "part",
            "A part of a date in a column of numbers.",
            "part",
            {"columns": [x, {**y, "inputs": [{**only(y), "part": "month"}]}, city]},
        ),
        case(
            "offset",
            "An offset that is no number.",
            "offset",
            {"columns": [x, {**y, "inputs": [{**only(y), "offset": "0"}]}, city]},
        ),
        _model_error(
            "schema_no_json", "A schema that is no JSON.", "schema", _edited(model, lambda m: set_schema(m, "{"))
        ),
    ]


def _graph_errors(model: onnx.ModelProto) -> list[ErrorCase]:
    def foreign_operator(m: onnx.ModelProto) -> None:
        clip = next(node for node in m.graph.node if node.op_type == "Clip")
        clip.op_type, clip.domain = "FastGelu", "com.microsoft"
        m.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    def unlisted_operator(m: onnx.ModelProto) -> None:
        next(node for node in m.graph.node if node.op_type == "Clip").op_type = "Sinh"

    def local_function(m: onnx.ModelProto) -> None:
        identity = [helper.make_node("Identity", ["a"], ["b"])]
        m.functions.append(helper.make_function("local", "Same", ["a"], ["b"], identity, list(m.opset_import)))

    def external_data(m: onnx.ModelProto) -> None:
        tensor = m.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="rows.csv")

    edits = [
        ("foreign_operator", "An operator that is not of ONNX.", "com.microsoft", foreign_operator),
        ("unlisted_operator", "An operator of ONNX that no file may use.", "Sinh", unlisted_operator),
        ("local_function", "A function defined in the model.", "function", local_function),
        ("external_data", "Weights that lie in another file.", "external", external_data),
        ("endless_loop", "A subgraph: a Loop that never ends.", "graph", _add_endless_loop),
    ]
    return [_model_error(name, about, word, _edited(model, edit)) for name, about, word, edit in edits]


def _add_endless_loop(model: onnx.ModelProto) -> None:
    """Put a Loop before the last operator: after 2^63 - 1 rounds, it returns what came in."""
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["go_on"], ["still"]), helper.make_node("Identity", ["before"], ["after"])],
        "body",
        [
            value("round", TensorProto.INT64, []),
            value("go_on", TensorProto.BOOL, []),
            value("before", TensorProto.FLOAT, None),
        ],
        [value("still", TensorProto.BOOL, []), value("after", TensorProto.FLOAT, None)],
    )
    model.graph.initializer.append(helper.make_tensor("rounds", TensorProto.INT64, [], [2**63 - 1]))
    model.graph.initializer.append(helper.make_tensor("true", TensorProto.BOOL, [], [True]))
    at = next(i for i, node in enumerate(model.graph.node) if node.op_type == "LinearClassifier")
    hidden = model.graph.node[at].input[0]
    model.graph.node[at].input[0] = "looped"
    model.graph.node.insert(at, helper.make_node("Loop", ["rounds", "true", hidden], ["looped"], body=body))


def _container_errors(model: onnx.ModelProto) -> list[ErrorCase]:
    data = model.SerializeToString(deterministic=True)
    reweighted = copy.deepcopy(model)
    constant = next(each for each in reweighted.graph.initializer if each.data_type == TensorProto.FLOAT)
    constant.raw_data = constant.raw_data[:-1] + bytes([constant.raw_data[-1] ^ 1])
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 2]) for name in ("x", "y"))
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "foreign", [x], [y])
    foreign = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    files: Sequence[tuple[str, str, str, bytes]] = (
        ("truncated", "A model of which a third is missing.", "cut off", data[: len(data) * 2 // 3]),
        ("last_byte", "A model that lacks its last byte.", "cut off", data[:-1]),
        ("graph_hash", "One bit of a constant differs.", "hash", reweighted.SerializeToString(deterministic=True)),
        ("empty_model", "A model of no bytes.", "", b""),
        ("foreign_onnx", "An ONNX file without the metadata.", "MotherNet", foreign.SerializeToString()),
        ("text_model", "A text file in place of the model.", "ONNX", _SMALL_ROWS * 20),
        ("all_ones", "A file of 0xff: one number that never ends.", "ONNX", b"\xff" * 2**18),
    )
    return [_model_error(*file) for file in files]


def _small_model() -> onnx.ModelProto:
    columns = [
        NumericColumn("x", centre=0.5, knots=(0.0, 1.0, 2.0), missing_indicator=True),
        NumericColumn("y", centre=0.5, knots=(0.0, 1.0), missing_indicator=False),
        CategoricalColumn("city", categories=("Bern", "Genf")),
    ]
    model = to_onnx(network(columns, ("no", "yes"), seed=51, width=3))
    remove_exporter_version(model)
    return model


def _edited(model: onnx.ModelProto, edit: Callable[[onnx.ModelProto], None]) -> bytes:
    model = copy.deepcopy(model)
    graph = model.graph.SerializeToString(deterministic=True)
    edit(model)
    if model.graph.SerializeToString(deterministic=True) != graph:
        set_graph_hash(model)
    return model.SerializeToString(deterministic=True)


def _model_error(name: str, about: str, word: str, model: bytes) -> ErrorCase:
    return ErrorCase(f"error_{name}", about, word, model=model, rows=_SMALL_ROWS)
