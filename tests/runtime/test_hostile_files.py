"""A corpus of damaged, edited and hostile files: each is refused with a ModelFileError, or answers as a valid one does.

The corpus is the same in every run. `python tests/runtime/test_hostile_files.py MODEL SEED COUNT` tries other seeds.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

N_FILES = 2400  # of each of two models
LONGEST_SECONDS = 2.0  # for loading one file and predicting a few dozen rows: some hundred times what it takes
TOLERANCE = 1e-5
OPERATORS = "Abs Add ArgMax Cast Concat Expand Gather Gemm Identity Log MatMul Mul Neg OneHot ReduceSum Reshape Shape "
OPERATORS += (
    "Slice Softmax Split Squeeze Sub TopK Transpose Unsqueeze Where Loop If RandomUniformLike LabelEncoder Scaler"
)
NUMBERS = [0, 1, -1, 2, 7, 127, 128, 2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1, -(2**31), -(2**63)]
JSON_VALUES = [None, True, 0, -1, 1.5, 10**30, "", "x", "\0", [], {}, [[]], ["x"], {"a": 1}, "numeric", 1e300]


# Each mutation takes a random.Random and the bytes of a valid file, and gives the bytes of another file.


def flipped_bits(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 8])):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def replaced_bytes(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(len(data))
    noise = rng.choice([b"\0", b"\xff", b"\x80", rng.randbytes(1)]) * rng.choice([1, 2, 16])
    return data[:start] + noise + data[start + len(noise) :]


def inserted_bytes(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + rng.randbytes(rng.choice([1, 2, 9])) + data[start:]


def removed_bytes(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.choice([1, 2, 9, 500]) :]


def cut_off(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def copied_bytes(rng: random.Random, data: bytes) -> bytes:
    source, target, size = rng.randrange(len(data)), rng.randrange(len(data)), rng.choice([2, 8, 64])
    return data[:target] + data[source : source + size] + data[target + size :]


def shuffled_fields(rng: random.Random, data: bytes) -> bytes:
    """The fields of the model in another order, one lost or one twice; or two of its nodes exchanged."""
    model = onnx.load_from_string(data)
    fields = [type(model)() for _ in model.ListFields()]
    for part, (descriptor, value) in zip(fields, model.ListFields(), strict=True):
        if isinstance(value, int | str):
            setattr(part, descriptor.name, value)
        elif hasattr(value, "CopyFrom"):
            getattr(part, descriptor.name).CopyFrom(value)
        else:
            getattr(part, descriptor.name).extend(value)
    rng.shuffle(fields)
    change = rng.randrange(3)
    if change:
        fields = fields[1:] if change == 1 else [*fields, fields[0]]
    return b"".join(part.SerializeToString() for part in fields)


def edited_graph(rng: random.Random, data: bytes) -> bytes:
    """Another operator, attribute, constant, type or shape; nodes lost, repeated or wired otherwise."""
    model = onnx.load_from_string(data)
    graph = model.graph
    node, constant = rng.choice(graph.node), rng.choice(graph.initializer)
    change = rng.randrange(9)
    if change == 0:
        node.op_type = rng.choice(OPERATORS.split())
    elif change == 1 and node.attribute:
        rng.choice(node.attribute).i = rng.choice(NUMBERS)
    elif change == 2 and node.attribute:
        rng.choice(node.attribute).type = rng.choice([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14])
    elif change == 3 and constant.dims:
        constant.dims[rng.randrange(len(constant.dims))] = rng.choice(NUMBERS)
    elif change == 4:
        constant.data_type = rng.randrange(24)
    elif change == 5 and constant.data_type == onnx.TensorProto.INT64:
        values = onnx.numpy_helper.to_array(constant).copy()
        values.ravel()[rng.randrange(values.size)] = rng.choice(NUMBERS)
        constant.CopyFrom(onnx.numpy_helper.from_array(values, constant.name))
    elif change == 6:
        names = [name for each in graph.node for name in each.output]
        node.input[rng.randrange(len(node.input))] = rng.choice([*names, "numeric", "categorical", ""])
    elif change == 7:
        graph.node.remove(node)
    else:
        value = rng.choice([*graph.input, *graph.output]).type.tensor_type
        value.elem_type = rng.choice([0, 1, 7, 8, 10, 11, 99])
        rng.choice(value.shape.dim).dim_value = rng.choice(NUMBERS)
    graph_hash = next(entry for entry in model.metadata_props if entry.key == "mothernet.graph_hash")
    graph_hash.value = hashlib.sha256(graph.SerializeToString()).hexdigest()  # or it hides what else is wrong
    return model.SerializeToString()


def edited_metadata(rng: random.Random, data: bytes) -> bytes:
    """Some value of the JSON replaced, removed or exchanged with its neighbour; the schema's hash is right."""
    model = onnx.load_from_string(data)
    entries = {entry.key.removeprefix("mothernet."): entry for entry in model.metadata_props}
    entry = entries[rng.choice(["schema", "schema", "self_test", "versions"])]
    value = root = json.loads(entry.value)
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = rng.choice(keys)
        if not (isinstance(value[key], dict | list) and value[key]) or rng.random() < 0.2:
            break
        value = value[key]
    change, other = rng.randrange(3), rng.choice(keys)
    if change == 0:
        value[key] = rng.choice(JSON_VALUES)
    elif change == 1:
        del value[key]
    else:
        value[key], value[other] = value[other], value[key]
    entry.value = json.dumps(root, separators=(",", ":"), ensure_ascii=False).replace("\\u0000", "\0")
    entries["schema_hash"].value = hashlib.sha256(entries["schema"].value.encode()).hexdigest()
    return model.SerializeToString()


BYTES = [flipped_bits, replaced_bytes, inserted_bytes, removed_bytes, cut_off, copied_bytes]
MUTATIONS: list[Callable[[random.Random, bytes], bytes]] = [*BYTES, shuffled_fields, edited_graph, edited_metadata]


def mutants(data: bytes, seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """`count` files that differ from `data`, with the name of what was done to it."""
    rng = random.Random(seed)
    for mutation in itertools.islice(itertools.cycle(MUTATIONS), count):
        yield mutation.__name__, mutation(rng, data)


def fresh_rows(names: list[str], count: int = 40) -> list[dict[str, Any]]:
    """Rows for the models of `conftest.py`."""
    rng = random.Random(0)
    numbers = [None, -1e39, -3.0, 0.0, 7.25, 20.5, 31.0, 60.0, 300.0, 1e6, float("inf")]
    texts = ["", "Bern", "Genève", "日本", "nowhere", "3", "True", "0.5", "a\nb"]
    dates = [None, "5.1.2024", "2024-02-29T10:00", "-", "31.12.1999 23:59:59"]
    cells = {"age": numbers, "city": texts, "fare": numbers, "constant": numbers, "code": texts, "note": texts}
    cells |= {"price": [None, "1.234,5 €", "(3)", 7.25], "smoker": ["yes", "F", True, 0], "day": dates}
    cells |= {"stamp": numbers, "share": ["45 %", None, 0.2]}
    return [{name: rng.choice(cells[name]) for name in names if name != "id"} for _ in range(count)]


def try_file(content: bytes, rows: list[dict[str, Any]], expected: np.ndarray, path: Path) -> str:
    """What becomes of a file: "refused", "same" answers or "other" ones; anything else raises."""
    from mothernet_runtime import CellError, ModelFileError, load

    path.write_bytes(content)
    start = time.perf_counter()
    try:
        model = load(path, on_unseen="ignore")
        if {column.name for column in model.columns_ if not column.is_ignored} != rows[0].keys():
            return "other table"  # edited names and self-test
        labels, probabilities = model.predict_both(rows)
    except ModelFileError as error:
        assert "\n" not in str(error) and len(str(error)) < 2000, error
        return "refused"
    except CellError:  # with an edited rule cells do not fit any longer
        return "refused"
    finally:
        seconds = time.perf_counter() - start
        assert seconds < LONGEST_SECONDS, f"{seconds:.1f} s"
    assert labels.shape == (len(rows),)
    assert set(labels.tolist()) <= set(model.classes_.tolist())
    assert probabilities.shape == (len(rows), len(model.classes_)) and probabilities.dtype == np.float32
    recorded = model._file.self_test
    assert np.abs(model.predict_proba(recorded.columns) - recorded.probabilities).max() <= TOLERANCE
    same = probabilities.shape == expected.shape and np.abs(probabilities - expected).max() <= TOLERANCE
    return "same" if same else "other"


@pytest.mark.parametrize("base", ["model_path", "typed_path"])
def test_damaged_and_edited_files_are_refused_or_answer_as_before(request, base, tmp_path, capfd):
    """What is guaranteed: no other exception, no hang, nothing printed; answers have their shapes and are classes, and
    to the rows of the self-test they are the recorded ones.

    Only if the graph or a column's rule was edited on purpose, its hash renewed, may fresh rows be answered otherwise,
    as long as the rows of the self-test keep their answers.
    """
    from mothernet_runtime import load

    model_path = request.getfixturevalue(base)
    rows = fresh_rows(load(model_path).feature_names_in_)
    expected = load(model_path, on_unseen="ignore").predict_proba(rows)
    outcomes: Counter[str] = Counter()
    for number, (mutation, content) in enumerate(mutants(Path(model_path).read_bytes(), seed=7, count=N_FILES)):
        try:
            outcome = try_file(content, rows, expected, tmp_path / "m.onnx")
        except Exception as error:
            pytest.fail(f"file {number} ({mutation}): {type(error).__name__}: {error}")
        outcomes[outcome] += 1
        if outcome == "other":
            assert mutation in ("edited_graph", "edited_metadata"), number
    assert outcomes["refused"] > 0.8 * N_FILES
    assert outcomes["same"] > 20
    assert outcomes["other"] < 0.02 * N_FILES
    assert capfd.readouterr().out == ""  # the log of onnxruntime goes to stderr


if __name__ == "__main__":
    import faulthandler
    import tempfile

    from mothernet_runtime import load as load_model

    faulthandler.enable()
    model_file, seed_argument, count_argument = sys.argv[1:]
    known_rows, tally = fresh_rows(load_model(model_file).feature_names_in_), Counter[tuple[str, str]]()
    known = load_model(model_file, on_unseen="ignore").predict_proba(known_rows)
    for what, content in mutants(Path(model_file).read_bytes(), int(seed_argument), int(count_argument)):
        tally[what, try_file(content, known_rows, known, Path(tempfile.gettempdir(), f"{seed_argument}.onnx"))] += 1
    print(*(f"{what} {outcome}: {count}" for (what, outcome), count in sorted(tally.items())), sep="\n")
