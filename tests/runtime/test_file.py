"""Metadata that is not as FORMAT.md says, each case with a message of its own."""

import hashlib
import json
import re
import time

import numpy as np
import pytest
from mothernet_runtime import ModelFileError, load

onnx = pytest.importorskip("onnx")


def nested(depth):
    return "[" * depth + "]" * depth


def with_key(text, key, value):
    """JSON object with one more key, whose value is JSON text already."""
    return f'{text[:-1]},"{key}":{value}}}'


def test_missing_file_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no model file .*absent\.onnx"):
        load(tmp_path / "absent.onnx")


def test_what_holds_no_file_is_no_model(tmp_path):
    with pytest.raises(ValueError, match="is a folder"):
        load(tmp_path)
    for device in ("/dev/zero", "/dev/null"):  # the first has no end
        with pytest.raises(ValueError, match=r"must lead to an \.onnx file, however: '/dev/.*' is no file"):
            load(device)


def test_file_cut_off_anywhere_is_refused(load_bytes, data):
    for size in [*range(1, 40), *range(40, len(data), 97), *range(len(data) - 40, len(data))]:
        with pytest.raises(ModelFileError) as error:
            load_bytes(data[:size])
        assert "cut off" in str(error.value) or size < 40, (size, error.value)


def test_foreign_onnx_file_is_named_as_such(load_bytes, with_graph):
    def make_foreign(model):
        del model.metadata_props[:]
        model.opset_import.add(domain="com.microsoft", version=1)

    with pytest.raises(ModelFileError, match=r"is an ONNX file, but not one of MotherNet .*mothernet export"):
        load_bytes(with_graph(make_foreign))


@pytest.mark.parametrize("version", ["3", "10"])
def test_newer_format_asks_for_an_upgrade_whatever_else_is_new(load_bytes, with_metadata, version):
    content = with_metadata(format=version, schema=None) + b"\xaa\x06\x00"  # a field that ONNX does not have
    with pytest.raises(ModelFileError, match=f"has format '{version}'; this runtime reads format 2. Upgrade"):
        load_bytes(content)


@pytest.mark.parametrize("version", ["0", "1", "02", "٢", "2.0", "2.1", "", " 2", "2\n", "+2", "²", "2" * 5000 + "x"])
def test_format_is_exactly_2(load_bytes, with_metadata, version):
    with pytest.raises(ModelFileError, match=r"this runtime reads format 2\. Copy or export the file again") as error:
        load_bytes(with_metadata(format=version))
    assert len(str(error.value)) < 300


DAMAGE = {
    "no schema": ({"schema": None}, "all keys, however: 'mothernet.schema' is missing"),
    "no hash": ({"schema_hash": None}, "'mothernet.schema_hash' is missing"),
    "no hash of the graph": ({"graph_hash": None}, "'mothernet.graph_hash' is missing"),
    "wrong hash of the graph": ({"graph_hash": "0" * 64}, "the graph does not match its hash"),
    "no versions": ({"versions": None}, "'mothernet.versions' is missing"),
    "no self-test": ({"self_test": None}, "'mothernet.self_test' is missing"),
    "wrong hash": ({"schema_hash": "0" * 64}, "the schema does not match its hash"),
    "no JSON": ({"self_test": "{"}, "the self-test must be valid JSON, however: Expecting"),
    "no object": ({"schema": "[1]"}, "the schema must be a JSON object, however: [1]"),
    "versions of another type": (
        {"versions": {"mothernet": 1}},
        "'mothernet' of versions must be a string, however: 1",
    ),
    "versions in a list": ({"versions": []}, "versions must be a JSON object, however: []"),
    "key twice": ({"versions": '{"a":"1","a":"2"}'}, "keys must be unique, however: 'a' comes twice"),
    "NaN": ({"versions": '{"a":NaN}'}, "NaN is no JSON number"),
    "lone surrogate": ({"versions": r'{"a":"\ud800"}'}, "surrogates not allowed"),
    "deep versions": ({"versions": f'{{"a":{nested(33)}}}'}, "versions must nest at most 32 levels"),
    "very deep versions": ({"versions": nested(100_000)}, "versions must nest at most 32 levels"),
    "huge integer": ({"versions": f'{{"a":{"9" * 300_000}}}'}, "an integer has 300000 digits"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damaged_metadata_names_what_is_wrong(load_bytes, with_metadata, case):
    changes, message = DAMAGE[case]
    start = time.perf_counter()
    with pytest.raises(ModelFileError, match=f"not as format 2 demands: .*{re.escape(message)}") as error:
        load_bytes(with_metadata(**changes))
    assert len(str(error.value)) < 700 and time.perf_counter() - start < 2


@pytest.mark.parametrize("key", ["schema", "self_test"])
@pytest.mark.parametrize("depth", [40, 900, 200_000])
def test_deep_json_is_refused_in_schema_and_self_test(load_bytes, with_metadata, metadata, key, depth):
    with pytest.raises(ModelFileError, match="must nest at most 32 levels"):
        load_bytes(with_metadata(**{key: with_key(json.dumps(metadata[key]), "more", nested(depth))}))


def put(*path, value):
    """A change of one value in the parsed metadata; a function as `value` gets the old one."""

    def change(entry):
        for key in path[:-1]:
            entry = entry[key]
        entry[path[-1]] = value(entry[path[-1]]) if callable(value) else value

    return change


def drop(*path):
    def change(entry):
        for key in path[:-1]:
            entry = entry[key]
        del entry[path[-1]]

    return change


def more_input(schema):
    return [{**schema["columns"][0]["inputs"][0], "position": 3}]


WRONG_SCHEMA = {
    "swapped classes": (
        put("classes", value=lambda c: [c[1], c[0], c[2]]),
        "strictly increasing, however: 'no' comes before",
    ),
    "repeated classes": (put("classes", value=lambda c: [c[0], c[0], c[2]]), "strictly increasing"),
    "fewer classes": (
        put("classes", value=lambda c: c[:2]),
        "outputs of the graph must be label (string [N]), probabilities (float32 [N, 2])",
    ),
    "one class": (put("classes", value=lambda c: c[:1]), "classes must be at least two, however: 1"),
    "no classes": (drop("classes"), "the schema must have the key 'classes'"),
    "classes of two types": (
        put("classes", 1, value=3),
        "classes of label_type 'string' must be of that type, however: 3",
    ),
    "a class with NUL": (put("classes", 1, value="n\0"), "classes must be strings without NUL"),
    "an unknown label_type": (
        put("label_type", value="date"),
        "label_type must be one of string, integer, boolean, float, however: 'date'",
    ),
    "another label_type": (put("label_type", value="integer"), "classes of label_type 'integer' must be of that type"),
    "label_type of another type": (put("label_type", value=["string"]), "'label_type' of the schema must be a string"),
    "no width": (drop("width"), "must have the key 'width'"),
    "width -1": (put("width", value=-1), "width must be at least 0, however: -1"),
    "width 5.0": (put("width", value=5.0), "'width' of the schema must be an integer, however: 5.0"),
    "width true": (put("width", value=True), "'width' of the schema must be an integer, however: True"),
    "no columns": (put("columns", value=[]), "at least one column"),
    "columns as an object": (put("columns", value={}), "'columns' of the schema must be an array"),
    "a column that is no object": (put("columns", 1, value="city"), "column 1 must be an object, however: 'city'"),
    "a name that is no string": (put("columns", 1, "name", value=3), "'name' of column 1 must be a string, however: 3"),
    "a name that is null": (
        put("columns", 1, "name", value=None),
        "'name' of column 1 must be a string, however: None",
    ),
    "a name twice": (
        put("columns", 1, "name", value="age"),
        "names of columns must be unique, however: 'age' comes twice",
    ),
    "a name with NUL": (put("columns", 1, "name", value="a\0"), "the name of column 1 must be strings without NUL"),
    "an unknown type": (
        put("columns", 1, "type", value="numeric"),
        "'type' of column 1 must be one of 'number', 'boolean', 'date', 'category', 'ignored', however: 'numeric'",
    ),
    "no type": (drop("columns", 1, "type"), "column 1 must have the key 'type', however: it is missing"),
    "another input": (
        put("columns", 1, "inputs", 0, "input", value="numeric"),
        "inputs of column 1 must be categorical for its type category, however: 'numeric'",
    ),
    "positions out of order": (
        put("columns", 2, "inputs", 0, "position", value=0),
        "the position of column 2 must be 1, after the numeric inputs before it, however: 0",
    ),
    "a column more": (
        lambda s: s["columns"].append({**s["columns"][0], "name": "more", "inputs": more_input(s)}),
        "inputs of the graph must be numeric (float32 [N, 4])",
    ),
    "a column of another type": (
        lambda s: s["columns"].__setitem__(5, {**s["columns"][0], "name": "note", "inputs": more_input(s)}),
        "inputs of the graph must be",
    ),
    "used as a number": (put("columns", 0, "used", value=1), "'used' of column 0 must be true or false, however: 1"),
    "no missing_in_training": (drop("columns", 0, "missing_in_training"), "must have the key 'missing_in_training'"),
    "no categories": (drop("columns", 1, "categories"), "column 1 must have the key 'categories'"),
    "categories of numbers": (
        put("columns", 0, "categories", value=[]),
        "column 0 is of type number and must have no categories",
    ),
    "a category twice": (
        put("columns", 1, "categories", 1, value=""),
        "categories of column 1 must be unique, however: '' comes twice",
    ),
    "a category that is no string": (
        put("columns", 1, "categories", 1, value=None),
        "categories of column 1 must be strings without NUL, however: None",
    ),
    "categories of an ignored column": (
        put("columns", 5, "categories", value=["a"]),
        "used and missing_in_training of column 5 must be True and False",
    ),
    "a missing category": (
        put("columns", 1, "categories", 0, value="Basel"),
        "used and missing_in_training of column 1 must be True and False",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_SCHEMA)
def test_wrong_schema_names_what_is_wrong_though_its_hash_is_right(load_bytes, with_metadata, metadata, case):
    change, message = WRONG_SCHEMA[case]
    change(metadata["schema"])
    with pytest.raises(ModelFileError, match=f"not as format 2 demands: {'.*' + re.escape(message)}"):
        load_bytes(with_metadata(schema=json.dumps(metadata["schema"])))


@pytest.mark.parametrize(
    ("classes", "wrong", "message"),
    [
        ((0, 1, 2), [0, 1, 10**30], "must be finite and fit into 64 bits"),
        ((0, 1, 2), [0, 1, 2**63], "must be finite and fit into 64 bits"),
        ((0, 1, 2), [0, 1.0, 2], "classes of label_type 'integer' must be of that type, however: 1.0"),
        ((0, 1, 2), [0, True, 2], "classes of label_type 'integer' must be of that type, however: True"),
        ((False, True), [True, False], "must be strictly increasing"),
        ((False, True), [0, 1], "classes of label_type 'boolean' must be of that type, however: 0"),
        ((0.5, 1.0), "[0.5,1e999]", "must be finite and fit into 64 bits"),
        ((0.5, 1.0), [0.5, "1.0"], "classes of label_type 'float' must be of that type, however: '1.0'"),
    ],
)
def test_classes_must_be_of_their_type(write_model, with_classes, load_bytes, classes, wrong, message):
    path, _ = write_model(classes)
    with pytest.raises(ModelFileError, match=re.escape(message)):
        load_bytes(with_classes(path, wrong))


@pytest.fixture
def with_classes():
    def with_classes(path, classes):
        model = onnx.load(path)
        entries = {entry.key: entry for entry in model.metadata_props}
        text = classes if isinstance(classes, str) else json.dumps(classes)
        schema = re.sub(r'"classes":\[.*?\]', f'"classes":{text}', entries["mothernet.schema"].value)
        entries["mothernet.schema"].value = schema
        entries["mothernet.schema_hash"].value = hashlib.sha256(schema.encode()).hexdigest()
        return model.SerializeToString()

    return with_classes


def test_float_classes_may_be_written_without_a_point(write_model, with_classes, load_bytes):
    path, _ = write_model((0.5, 1.0))
    model = load_bytes(with_classes(path, "[0.5,1]"))
    assert model.classes_.tolist() == [0.5, 1.0]
    assert model.classes_.dtype == np.float64


WRONG_SELF_TEST = {
    "no columns": (drop("columns"), "the self-test must have the key 'columns'"),
    "a column less": (drop("columns", "age"), "must have the columns of the schema"),
    "a column more": (put("columns", "more", value=[]), "must have the columns of the schema"),
    "columns that are shorter": (
        put("columns", "age", value=lambda c: c[:-1]),
        "column 'age' of the self-test must hold 8 cells of the type number",
    ),
    "text among numbers": (
        put("columns", "age", 0, value="1"),
        "column 'age' of the self-test must hold 8 cells of the type number",
    ),
    "numbers among text": (
        put("columns", "city", 0, value=1),
        "column 'city' of the self-test must hold 8 cells of the type category",
    ),
    "an enormous number": (put("columns", "age", 0, value=10**39), None),
    "true among numbers": (put("columns", "age", 0, value=True), "must hold 8 cells of the type number"),
    "no rows": (
        lambda t: (t["labels"].clear(), t["probabilities"].clear(), [c.clear() for c in t["columns"].values()]),
        "must have 1 to 8 rows, however: 0",
    ),
    "many rows": (put("labels", value=lambda x: x * 2), "must have 1 to 8 rows, however: 16"),
    "a label that is no class": (put("labels", 0, value="never"), "labels of the self-test must be classes"),
    "a label of another type": (put("labels", 0, value=0), "labels of the self-test must be classes"),
    "fewer rows of probabilities": (put("probabilities", value=lambda p: p[1:]), "must be 8 rows of 3 finite numbers"),
    "fewer probabilities": (put("probabilities", 3, value=[0.5, 0.5]), "must be 8 rows of 3 finite numbers"),
    "a probability that is text": (put("probabilities", 3, 1, value="0.5"), "must be 8 rows of 3 finite numbers"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_SELF_TEST)
def test_self_test_that_is_not_as_it_should_be_is_refused(load_bytes, with_metadata, metadata, case):
    change, message = WRONG_SELF_TEST[case]
    change(metadata["self_test"])
    with pytest.raises(ModelFileError, match="fails its self-test" if message is None else re.escape(message)):
        load_bytes(with_metadata(self_test=metadata["self_test"]))


def test_self_test_with_the_columns_of_a_mapping_of_another_shape_is_refused(load_bytes, with_metadata, metadata):
    with pytest.raises(ModelFileError, match="'columns' of the self-test must be an object"):
        load_bytes(with_metadata(self_test={**metadata["self_test"], "columns": []}))
    with pytest.raises(ModelFileError, match="'labels' of the self-test must be an array"):
        load_bytes(with_metadata(self_test={**metadata["self_test"], "labels": {}}))


def test_unknown_keys_are_ignored_everywhere(load_bytes, with_metadata, metadata, rows, expected):
    extra = {"later": [{"a": nested(3)}]}
    for entry in (metadata["schema"], *metadata["schema"]["columns"], metadata["self_test"]):
        entry |= extra
    model = load_bytes(with_metadata(**metadata, other="ignored"))
    assert model.predict(rows).tolist() == expected[0]


GRAPHS = {
    "no outputs": (lambda m: m.graph.ClearField("output"), "outputs of the graph must be label"),
    "no probabilities": (lambda m: m.graph.output.pop(), "outputs of the graph must be label"),
    "outputs in another order": (lambda m: m.graph.output.reverse(), "outputs of the graph must be label"),
    "an output more": (
        lambda m: m.graph.output.add().CopyFrom(onnx.helper.make_tensor_value_info("logits", 1, ["N", 3])),
        "outputs of the graph",
    ),
    "another name": (lambda m: setattr(m.graph.output[0], "name", "class"), "however: 'class (string [N])"),
    "another element type": (
        lambda m: setattr(m.graph.output[0].type.tensor_type, "elem_type", 7),
        "however: 'label (int64 [N])",
    ),
    "another width": (lambda m: setattr(m.graph.output[1].type.tensor_type.shape.dim[1], "dim_value", 5), "[N, 5]"),
    "a fixed number of rows": (
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[0], "dim_value", 3),
        "inputs of the graph must be numeric (float32 [N, 3])",
    ),
    "another symbol": (
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[0], "dim_param", "M"),
        "numeric (float32 [M, 3])",
    ),
    "no shape": (lambda m: m.graph.input[1].type.tensor_type.ClearField("shape"), "categorical (string [])"),
    "no dimension": (lambda m: m.graph.input[1].type.tensor_type.shape.dim[0].Clear(), "categorical (string [?, 3])"),
    "no type": (lambda m: m.graph.input[0].ClearField("type"), "tensors must hold float32"),
    "inputs in another order": (lambda m: m.graph.input.reverse(), "inputs of the graph must be numeric"),
    "an initializer as input": (
        lambda m: m.graph.input.add().CopyFrom(onnx.helper.make_tensor_value_info("centres", 1, [3])),
        "inputs of the graph",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GRAPHS)
def test_inputs_and_outputs_follow_from_the_schema(load_bytes, with_graph, case):
    change, message = GRAPHS[case]
    with pytest.raises(ModelFileError, match=f"not as format 2 demands: .*{re.escape(message)}"):
        load_bytes(with_graph(change))


def test_graph_that_onnxruntime_refuses_names_its_version_in_one_line(load_bytes, with_graph):
    with pytest.raises(ModelFileError, match=r"onnxruntime \d.* cannot open .*m\.onnx") as error:
        load_bytes(with_graph(lambda model: model.graph.node[0].input.append("nowhere")))
    assert "\n" not in str(error.value)
