"""The container of a file: what section 1 of FORMAT.md forbids is refused before onnxruntime sees it."""

import pickle
import re
import time
from pathlib import Path

import numpy as np
import pytest
from mothernet_runtime import ModelFileError
from mothernet_runtime.container import _MESSAGES, read_container, read_metadata
from mothernet_runtime.graph_rules import IR_VERSIONS, OPERATORS, OPSETS

onnx = pytest.importorskip("onnx")
FORMAT = (Path(__file__).parents[2] / "export" / "FORMAT.md").read_text("utf-8")


def node(domain="", operator="Identity", **attributes):
    return onnx.helper.make_node(operator, ["probabilities"], ["copy"], domain=domain, **attributes)


def empty_graph():
    return onnx.helper.make_graph([], "empty", [], [])


def endless_loop(model):
    body = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["go"], ["go_on"])],
        "body",
        [
            onnx.helper.make_tensor_value_info("i", onnx.TensorProto.INT64, []),
            onnx.helper.make_tensor_value_info("go", onnx.TensorProto.BOOL, []),
        ],
        [onnx.helper.make_tensor_value_info("go_on", onnx.TensorProto.BOOL, [])],
    )
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node.append(onnx.helper.make_node("Loop", ["", "yes"], [], body=body))


def local_function(model):
    negate = onnx.helper.make_node("Neg", ["a"], ["b"])
    imports = [onnx.helper.make_opsetid("", 17)]
    model.functions.append(onnx.helper.make_function("ai.onnx", "Softmax", ["a"], ["b"], [negate], imports))


def set_external(tensor):
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


FORBIDDEN = {
    "operators of another domain": (
        lambda m: (
            m.graph.node.append(node("com.microsoft", "FusedMatMul")),
            m.opset_import.add(domain="com.microsoft", version=1),
        ),
        "operators must be of ai.onnx or ai.onnx.ml, however: the model imports 'com.microsoft'",
    ),
    "a domain that is not imported": (
        lambda m: m.graph.node.append(node("com.microsoft", "Gelu")),
        "must be those that FORMAT.md lists, however: 'com.microsoft.Gelu'",
    ),
    "an operator without import": (
        lambda m: (m.opset_import.pop(), m.graph.node.append(node("ai.onnx.ml", "Scaler"))),
        "must be imported, however: ai.onnx.ml is not",
    ),
    "randomness": (lambda m: m.graph.node.append(node("", "RandomUniformLike")), "ai.onnx.RandomUniformLike"),
    "sequences": (lambda m: m.graph.node.append(node("ai.onnx.ml", "ZipMap")), "ai.onnx.ml.ZipMap"),
    "an overload": (lambda m: m.graph.node.append(node(overload="x")), "those that FORMAT.md lists"),
    "a loop that never ends": (endless_loop, "must have no subgraphs, however: its AttributeProto has 'g'"),
    "a list of graphs": (
        lambda m: m.graph.node.append(node(bodies=[empty_graph()])),
        "must have no subgraphs, however: its AttributeProto has 'graphs'",
    ),
    "a model-local function": (local_function, "must have no model-local functions"),
    "training": (lambda m: m.training_info.add(), "must have no training information"),
    "external data": (lambda m: set_external(m.graph.initializer[0]), "must have no external data"),
    "external data in an attribute": (
        lambda m: (
            m.graph.node.append(node(value=m.graph.initializer[0])),
            set_external(m.graph.node[-1].attribute[0].t),
        ),
        "must have no external data",
    ),
    "a location without data": (
        lambda m: setattr(m.graph.initializer[0], "data_location", 1),
        "the file must hold all its tensors",
    ),
    "sparse initializers": (lambda m: m.graph.sparse_initializer.add(), "must have no sparse tensors"),
    "sparse attributes": (
        lambda m: m.graph.node.append(node(s=onnx.SparseTensorProto())),
        "must have no sparse tensors",
    ),
    "types as attributes": (
        lambda m: m.graph.node.append(node(t=onnx.TypeProto())),
        "must have no types as attributes",
    ),
    "references to attributes of a function": (
        lambda m: (m.graph.node.append(node()), m.graph.node[-1].attribute.add(name="a", ref_attr_name="b", type=1)),
        "must have no references to attributes",
    ),
    "attributes without a type": (
        lambda m: (m.graph.node.append(node()), m.graph.node[-1].attribute.add(name="a")),
        "has the type None of ONNX",
    ),
    "quantisation": (lambda m: m.graph.quantization_annotation.add(), "must have no quantization annotations"),
    "float64": (
        lambda m: m.graph.initializer.append(onnx.TensorProto(name="d", data_type=onnx.TensorProto.DOUBLE)),
        "must hold float32, integers, booleans or strings, however: one has the type 11",
    ),
    "a cast to float16": (lambda m: m.graph.node.append(node(operator="Cast", to=10)), "however: one has the type 10"),
    "optional values": (
        lambda m: m.graph.value_info.add(name="o").type.optional_type.elem_type.tensor_type.CopyFrom(
            onnx.TypeProto.Tensor(elem_type=1)
        ),
        "must have no values that are no tensors",
    ),
    "opset 12": (lambda m: setattr(m.opset_import[0], "version", 12), "version of 13 to 28, however: 12"),
    "opset 29": (lambda m: setattr(m.opset_import[0], "version", 29), "version of 13 to 28, however: 29"),
    "a negative opset": (lambda m: setattr(m.opset_import[0], "version", -1), "version of 13 to 28"),
    "ai.onnx.ml 1": (lambda m: setattr(m.opset_import[1], "version", 1), "version of 2 to 5, however: 1"),
    "an operator set twice": (lambda m: m.opset_import.add(domain="ai.onnx", version=17), "no operator set twice"),
    "no operator set": (lambda m: m.ClearField("opset_import"), "must import ai.onnx"),
    "IR version 6": (lambda m: setattr(m, "ir_version", 6), "IR version must be 7 to 14, however: 6"),
    "IR version 15": (lambda m: setattr(m, "ir_version", 15), "IR version must be 7 to 14, however: 15"),
    "no IR version": (lambda m: m.ClearField("ir_version"), "IR version must be 7 to 14, however: None"),
    "metadata twice": (
        lambda m: m.metadata_props.add(key="mothernet.schema", value=m.metadata_props[1].value),
        "each key of the metadata must come once",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FORBIDDEN)
def test_what_the_format_forbids_is_refused(load_bytes, with_graph, case):
    change, message = FORBIDDEN[case]
    with pytest.raises(ModelFileError, match=f"not as format 2 demands: .*{re.escape(message)}"):
        load_bytes(with_graph(change))


def test_both_names_of_the_default_domain_are_understood(load_bytes, with_graph, rows, expected):
    def rename(model):
        model.opset_import[0].domain = "ai.onnx"
        for each in model.graph.node:
            each.domain = each.domain or "ai.onnx"

    assert load_bytes(with_graph(rename)).predict(rows).tolist() == expected[0]


def test_notes_that_tools_leave_behind_do_no_harm(load_bytes, with_graph, rows, expected):
    def annotate(model):
        model.doc_string = model.graph.doc_string = model.graph.node[0].doc_string = "noted"
        model.model_version, model.domain = 3, "org.example"
        model.graph.node[0].metadata_props.add(key="a", value="b")
        model.graph.metadata_props.add(key="a", value="b")
        model.graph.initializer[0].doc_string = "noted"
        model.metadata_props.add(key="other", value="kept")
        model.graph.value_info.append(onnx.helper.make_tensor_value_info("hidden", 1, ["N", 5]))

    assert load_bytes(with_graph(annotate)).predict(rows).tolist() == expected[0]


def test_tables_of_fields_are_those_of_onnx():
    messages = onnx.ModelProto.DESCRIPTOR.file.message_types_by_name
    nested = {"TypeProto.Tensor": onnx.TypeProto.Tensor, "Dimension": onnx.TensorShapeProto.Dimension}
    wire_types = {1: "1", 2: "5", 3: "0", 4: "0", 5: "0", 14: "0"}  # of double, float, integers and enumerations
    for message, fields in _MESSAGES.items():
        descriptor = nested[message].DESCRIPTOR if message in nested else messages[message]
        for number, text in fields.items():
            field, (name, kind) = descriptor.fields_by_number.get(number), text.split()
            if field is None:  # younger than the installed onnx
                continue
            assert name == field.name
            is_repeated = field.is_repeated if hasattr(field, "is_repeated") else field.label == 3
            wire_type = wire_types.get(field.type, "2")
            if kind[0] == "-":
                assert set(kind[1:]) == ({wire_type, "2"} if is_repeated else {wire_type}), (message, name)
            elif kind != "refused":
                assert kind.endswith("*") == is_repeated, (message, name)
                expected = {"int": None, "text": None}.get(kind.rstrip("*"), kind.rstrip("*").rpartition(".")[2])
                assert (field.message_type and field.message_type.name) == expected
                assert (kind == "int") == (wire_type == "0")


def test_format_names_the_operators_and_versions_that_the_runtime_takes():
    section = FORMAT.split("## 2.")[0]
    for domain, operators in OPERATORS.items():
        (listed,) = re.findall(rf"^\| `{re.escape(domain)}` \| (\d+) to (\d+) \| .* \| (.*) \|$", section, re.MULTILINE)
        assert range(int(listed[0]), int(listed[1]) + 1) == OPSETS[domain]
        assert listed[2].split(", ") == sorted(operators)
    assert f"IR version {IR_VERSIONS[0]} to {IR_VERSIONS[-1]}" in section


def test_listed_operators_exist_and_have_no_subgraphs():
    for domain, operators in OPERATORS.items():
        for operator in operators:
            schema = onnx.defs.get_schema(operator, domain.removesuffix("ai.onnx"))
            kinds = {attribute.type for attribute in schema.attributes.values()}
            assert onnx.defs.OpSchema.AttrType.GRAPH not in kinds, operator
            texts = [str(output.type_str) for output in schema.outputs]
            assert not any(text.startswith(("seq(", "optional(", "map(")) for text in texts), operator


@pytest.mark.parametrize(
    "content", [b"age,city\n1,Bern\n", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"PK\x03\x04" + bytes(60), b"\xff" * 300_000]
)
def test_other_files_are_not_onnx_and_told_so_at_once(load_bytes, content):
    start = time.perf_counter()
    with pytest.raises(ModelFileError, match="is not an ONNX file"):
        load_bytes(content)
    assert time.perf_counter() - start < 1


def test_pickle_is_never_unpickled(load_bytes):
    with pytest.raises(ModelFileError, match="is not an ONNX file"):
        load_bytes(pickle.dumps({"a": 1}))


def test_empty_file_says_so(load_bytes):
    with pytest.raises(ModelFileError, match="is empty"):
        load_bytes(b"")


DAMAGED, REFUSED = "cut off or damaged", "not as format 2 demands"
TAILS = [
    (b"\x3a" + b"\xff" * 9 + b"\x02", DAMAGED, "more than 64 bits"),
    (b"\x3a" + b"\x80" * 300_000, DAMAGED, "more than 64 bits"),
    (b"\x3a\xff\xff\xff\xff\x0f", DAMAGED, "a field ends beyond its message"),
    (b"\x3a\x80", DAMAGED, "a number ends beyond its message"),
    (b"\x3b\x3c", DAMAGED, "wire type 3"),
    (b"\x28", DAMAGED, "a number ends beyond its message"),
    (b"\xaa\x06\x00", REFUSED, "ModelProto has an unknown field 101"),
    (b"\x02\x00", REFUSED, "ModelProto has an unknown field 0"),
    (b"\x08\x08", REFUSED, "ModelProto.ir_version comes twice"),
    (b"\x3a\x00", REFUSED, "ModelProto.graph comes twice"),
    (b"\x3d\x00\x00\x00\x00", REFUSED, "ModelProto.graph has wire type 5"),
    (b"\x12\x00\x10\x00", REFUSED, "ModelProto.producer_name has wire type 0"),
    (b"\x42\x03\x0a\x01\xff", REFUSED, "OperatorSetIdProto.domain is not UTF-8"),
]


@pytest.mark.parametrize(("tail", "what", "reason"), TAILS)
def test_protobuf_that_is_broken_or_no_onnx_is_refused_with_a_reason(load_bytes, data, tail, what, reason):
    with pytest.raises(ModelFileError, match=f"{what}.*{reason}"):
        load_bytes(data + tail)


def sized(tag, content):
    """A field of wire type 2."""
    size, length = b"", len(content)
    while length > 127:
        size, length = size + bytes([length & 127 | 128]), length >> 7
    return tag + size + bytes([length]) + content


def test_graphs_in_graphs_are_refused_however_deep():
    graph = b""
    for _ in range(3_000):  # graph.node.attribute.g
        graph = sized(b"\x0a", sized(b"\x2a", sized(b"\x32", graph)))
    content = b"\x08\x08" + sized(b"\x3a", graph)
    assert read_metadata(content, "m") == {}
    with pytest.raises(ValueError, match="must have no subgraphs, however: its AttributeProto has 'g'"):
        read_container(content)


def test_time_grows_with_the_size_of_a_file_and_no_faster():
    def seconds(n):
        content = b"\x08\x08" + b"\x72\x04\x0a\x02ab" * n + b"\x3a\x00"
        start = time.perf_counter()
        with pytest.raises(ValueError, match=r"must import ai\.onnx"):
            read_container(content)
        return time.perf_counter() - start

    seconds(1_000)
    assert seconds(40_000) < 100 * max(seconds(4_000), 1e-3)
