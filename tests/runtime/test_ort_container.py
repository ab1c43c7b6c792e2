"""ORT files that are damaged, foreign or hostile are refused before onnxruntime sees them."""

from __future__ import annotations

import contextlib
import random
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mothernet_runtime
import pytest
from mothernet_runtime.cli import main
from mothernet_runtime.file import ModelFileError, read_model
from mothernet_runtime.graph_rules import is_ort
from mothernet_runtime.model import Model
from mothernet_runtime.ort_container import hash_position, ort_hash, read_ort_container
from mothernet_runtime.session import open_session

exporter = pytest.importorskip("mothernet_export")
onnx = pytest.importorskip("onnx")

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="session")
def ort(child: Any) -> bytes:
    return exporter.to_ort(child).data


def signed(data: bytes) -> bytes:
    """The same with the hash that it should have."""
    position = hash_position(data)
    return data[:position] + ort_hash(data, position).encode() + data[position + 64 :]


def converted(model: Any, folder: Path) -> bytes:
    """What onnxruntime makes of any ONNX model."""
    open_session(model.SerializeToString(), "it", None, 1, True, save_as=folder / "it.ort", keep_constants=True)
    return (folder / "it.ort").read_bytes()


def test_it_is_loaded_from_a_file_with_any_name(ort: bytes, model_path: str, rows: Any, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(ort)
    got = mothernet_runtime.load(tmp_path / "model.bin", on_unseen="ignore").predict_proba(rows[:1])
    want = mothernet_runtime.load(model_path, on_unseen="ignore").predict_proba(rows[:1])
    assert got == pytest.approx(want, abs=1e-6)


def test_the_command_predicts_with_it(
    ort: bytes, model_path: str, rows_path: Path, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "model.ort").write_bytes(ort)
    said = []
    for path in (model_path, tmp_path / "model.ort"):
        assert main(["predict", str(path), str(rows_path)]) == 0
        said.append([line.split(",")[0] for line in capsys.readouterr().out.splitlines()])
        assert main(["info", str(path)]) == 0
        assert "age" in capsys.readouterr().out
    assert said[0] == said[1]


def test_any_part_of_a_file_is_cut_off(ort: bytes) -> None:
    for length in [*range(8, 200), *range(200, len(ort), 97)]:
        with pytest.raises(ModelFileError, match=r"cut off or damaged|is not as format|not one of MotherNet"):
            read_model(ort[:length], "the file")


def test_any_byte_that_is_changed_is_noticed(ort: bytes) -> None:
    rng = random.Random(0)
    for place in rng.sample(range(8, len(ort)), 400):
        changed = bytearray(ort)
        changed[place] ^= 1 << rng.randrange(8)
        with pytest.raises(ModelFileError):
            read_model(bytes(changed), "the file")


def test_changes_that_are_signed_anew_are_refused_or_do_no_harm(ort: bytes) -> None:
    rng = random.Random(1)
    for _ in range(300):
        changed = bytearray(ort)
        for _ in range(rng.choice([1, 2, 4])):
            changed[rng.randrange(8, len(ort))] = rng.choice([0, 1, 4, 127, 128, 255])
        start = time.process_time()
        with contextlib.suppress(ValueError):
            Model(signed(bytes(changed)), "the file")
        assert time.process_time() - start < 2


def random_numbers(model: Any) -> None:
    node = onnx.helper.make_node("RandomUniform", [], ["noise"], shape=[1])
    model.graph.node.insert(0, node)
    model.graph.output.append(onnx.helper.make_tensor_value_info("noise", 1, [1]))


def subgraph(model: Any) -> None:
    value = onnx.helper.make_tensor_value_info("branch", 1, [1])
    constant = onnx.helper.make_node("Constant", [], ["branch"], value_floats=[1.0])
    branch = onnx.helper.make_graph([constant], "branch", [], [value])
    condition = onnx.helper.make_node("Size", ["numeric"], ["size"])
    test = onnx.helper.make_node("Cast", ["size"], ["is_any"], to=9)
    node = onnx.helper.make_node("If", ["is_any"], ["chosen"], then_branch=branch, else_branch=branch)
    model.graph.node.extend([condition, test, node])
    model.graph.output.append(onnx.helper.make_tensor_value_info("chosen", 1, [1]))


def further_output(model: Any) -> None:
    model.graph.node.append(onnx.helper.make_node("Neg", ["probabilities"], ["negative"]))
    model.graph.output.append(onnx.helper.make_tensor_value_info("negative", 1, ["N", 3]))


def other_format(model: Any) -> None:
    next(entry for entry in model.metadata_props if entry.key == "mothernet.format").value = "3"


def no_metadata(model: Any) -> None:
    del model.metadata_props[:]


EDITS: dict[str, tuple[Callable[[Any], None], str]] = {
    "random numbers": (
        random_numbers,
        "those that FORMAT.md lists, however: 'ai.onnx.RandomUniform'",
    ),
    "a subgraph": (subgraph, "the model must have no subgraphs"),
    "a further output": (further_output, "outputs of the graph must be"),
    "a later format": (other_format, "this runtime reads format"),
    "another program's model": (no_metadata, "not one of MotherNet"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_models_that_differ_from_the_format_are_refused(child: Any, tmp_path: Path, edit: str) -> None:
    model = exporter.to_onnx(child)
    EDITS[edit][0](model)
    data = converted(model, tmp_path)
    with pytest.raises(ModelFileError, match=EDITS[edit][1]):
        read_model(signed(data) if model.metadata_props else data, "the file")


# A file of our own: tables and vectors that lie one after the other, so that references lead forward.


class Flat:
    """Bytes of a flatbuffer in the making."""

    def __init__(self) -> None:
        self.data = bytearray(b"\0\0\0\0ORTM")

    def table(self, n_fields: int, fields: dict[int, int]) -> tuple[int, dict[int, int]]:
        """A table with 8 bytes for each field; its position, and where each field's reference goes."""
        vtable = len(self.data)
        places = {number: 4 + 8 * k for k, number in enumerate(fields)}
        self.data += struct.pack("<HH", 4 + 2 * n_fields, 4 + 8 * len(fields))
        self.data += b"".join(struct.pack("<H", places.get(number, 0)) for number in range(n_fields))
        table = len(self.data)
        self.data += struct.pack("<i", table - vtable) + b"\0" * (8 * len(fields))
        for number, value in fields.items():
            struct.pack_into("<q", self.data, table + places[number], value)
        return table, {number: table + place for number, place in places.items()}

    def refer(self, place: int, target: int) -> None:
        struct.pack_into("<I", self.data, place, target - place)

    def vector(self, n: int) -> tuple[int, list[int]]:
        start = len(self.data)
        self.data += struct.pack("<I", n) + b"\0" * (4 * n)
        return start, [start + 4 + 4 * i for i in range(n)]

    def text(self, content: bytes) -> int:
        start = len(self.data)
        self.data += struct.pack("<I", len(content)) + content + b"\0" * (8 - len(content) % 4)
        return start


def model_with(field: int, n_fields: int, fields: dict[int, int], operator: bytes = b"") -> bytes:
    """A model whose graph has one table in a field, with numbers and perhaps the name of an operator."""
    flat = Flat()
    session, at = flat.table(2, {1: 0})
    flat.refer(0, session)
    model, at_model = flat.table(8, {0: 8, 1: 0, 7: 0})
    flat.refer(at[1], model)
    imports, (item,) = flat.vector(1)
    flat.refer(at_model[1], imports)
    flat.refer(item, flat.table(2, {1: 17})[0])
    graph, at_graph = flat.table(field + 1, {field: 0})
    flat.refer(at_model[7], graph)
    tables, (item,) = flat.vector(1)
    flat.refer(at_graph[field], tables)
    table, at_table = flat.table(n_fields, {**fields, **({5: 0} if operator else {})})
    flat.refer(item, table)
    if operator:
        flat.refer(at_table[5], flat.text(operator))
    return bytes(flat.data) + b"\0" * 400


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (model_with(0, 7, {3: 1, 6: 64}), "the file must hold all its tensors"),
        (model_with(0, 7, {3: 11}), "one has the type 11 of ONNX"),
        (model_with(0, 7, {3: 10, 6: -1}), "must have the size of their shape"),  # float16, which may be stored
        (model_with(2, 13, {6: 1}, b"Add"), "operators must be for any CPU, however: 'Add' is not"),
        (model_with(2, 13, {6: 0}, b"If"), "operators must be those that FORMAT.md lists"),
        (model_with(2, 14, {13: 1}, b"Add"), "Node has an unknown field 13"),
        (model_with(8, 13, {}), "the model must have no saved optimizations"),
        (model_with(7, 3, {}), "the model must have no sparse tensors"),
    ],
)
def test_what_onnxruntime_would_read_and_the_format_forbids(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_ort_container(data)


def bomb(n: int) -> bytes:
    """`n` references to one node, which has `n` references to one attribute, which has `n` references to one text."""
    flat = Flat()
    session, at = flat.table(2, {1: 0})
    flat.refer(0, session)
    model, at_model = flat.table(8, {0: 8, 7: 0})
    flat.refer(at[1], model)
    graph, at_graph = flat.table(3, {2: 0})
    flat.refer(at_model[7], graph)
    holder = at_graph[2]
    for n_fields, number in ((11, 10), (11, 10)):  # a node with attributes, an attribute with strings
        start, items = flat.vector(n)
        flat.refer(holder, start)
        table, at_table = flat.table(n_fields, {number: 0})
        for item in items:
            flat.refer(item, table)
        holder = at_table[number]
    start, items = flat.vector(n)
    flat.refer(holder, start)
    text = len(flat.data)
    flat.data += struct.pack("<I", 1) + b"x\0\0\0"
    for item in items:
        flat.refer(item, text)
    return bytes(flat.data)


def test_references_that_are_followed_again_and_again_are_refused_at_once() -> None:
    data = bomb(2000)  # eight billion texts in 24 kB
    assert is_ort(data)
    start = time.process_time()
    with pytest.raises(ValueError, match="used more than once"):
        read_ort_container(data)
    assert time.process_time() - start < 1


def test_the_shape_of_our_own_file_is_right() -> None:
    """With one reference each, the same file is read to its end: so what is refused above is the number of them."""
    with pytest.raises(ValueError, match=r"IR version|import ai\.onnx"):
        read_ort_container(bomb(1) + b"\0" * 400)
