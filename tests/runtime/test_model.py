"""The loaded model: answers, types of labels, self-test, pickling, threads."""

import copy
import hashlib
import json
import os
import pickle
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mothernet_runtime
import numpy as np
import pytest
from mothernet_runtime import ModelFileError, SelfTestError, load

onnx = pytest.importorskip("onnx")
exporter = pytest.importorskip("mothernet_export")
ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-5  # float32 sums in another order than the float64 reference


def test_answers_are_those_of_the_reference(model_path, rows, expected):
    model = load(model_path)
    labels, probabilities = expected
    assert model.predict(rows).tolist() == labels
    assert np.abs(model.predict_proba(rows) - probabilities).max() < TOLERANCE
    assert model.predict_proba(rows).dtype == np.float32
    assert model.classes_.tolist() == ["maybe, or not", "no", "oui, ça"]
    assert model.feature_names_in_ == ["age", "city", "fare", "constant", "code", "note"]


@pytest.mark.parametrize(
    ("classes", "dtype"),
    [(("b", "ccc"), "<U3"), ((-1, 0, 7), "int64"), ((0, 1), "int64"), ((False, True), "bool"), ((0.1, 1.0), "float64")],
)
def test_labels_come_in_the_type_of_the_training_table(write_model, classes, dtype):
    path, child = write_model(classes)
    model = load(path)
    x = np.random.default_rng(1).normal(size=(50, 2))
    cells = np.random.default_rng(2).choice(np.array(["Bern", "", "3", "unseen"], object), (50, 2))
    rows = {"x": x[:, 0], "y": x[:, 1], "city": cells[:, 0], "code": cells[:, 1]}
    expected = exporter.predict_proba(child, x, cells)
    assert np.abs(model.predict_proba(rows) - expected).max() < TOLERANCE
    labels = model.predict(rows)
    assert model.classes_.dtype == labels.dtype == np.dtype(dtype)
    assert labels.tolist() == [classes[k] for k in expected.argmax(axis=1)]
    assert len(set(labels.tolist())) > 1
    assert model.check()["max_difference"] < TOLERANCE


@pytest.mark.parametrize(("numeric", "categorical"), [(("x",), ()), ((), ("city",)), ((), ("city", "code"))])
def test_tables_of_one_type_of_column_work(write_model, numeric, categorical):
    path, _ = write_model(numeric=numeric, categorical=categorical)
    model = load(path)
    assert model.check()["rows"] == 8
    assert model.predict_proba([dict.fromkeys(model.feature_names_in_)]).shape == (1, 2)


def test_batches_beyond_one_chunk_equal_single_rows(write_model, monkeypatch):
    path, _ = write_model()
    model = load(path, on_unseen="ignore")
    rows = [{"x": i / 7, "y": None, "city": "Bern", "code": i % 5} for i in range(23)]
    one_by_one = np.concatenate([model.predict_proba(row) for row in rows])
    monkeypatch.setattr(model._graph, "rows_per_call", 5)
    assert np.abs(model.predict_proba(rows) - one_by_one).max() < 1e-6
    labels, probabilities = model.predict_both(rows)
    assert labels.tolist() == model.predict(rows).tolist()
    assert probabilities.shape == (23, 2)


def test_info_describes_the_file(model_path):
    info = load(model_path, threads=2).info()
    assert info["format"] == 2
    assert info["width"] == 5
    assert info["versions"]["mothernet"] == "test"
    assert [column["type"] for column in info["columns"]] == ["number", "category", *["number"] * 2, *["category"] * 2]
    assert info["size_bytes"] == Path(model_path).stat().st_size
    assert (info["providers"], info["threads"]) == (["CPUExecutionProvider"], 2)


def test_file_whose_recorded_answers_differ_is_not_loaded(load_bytes, with_metadata, metadata):
    test = metadata["self_test"]
    test["probabilities"][3][0] += 2e-5
    with pytest.raises(SelfTestError, match=r"0 of 8 labels differ, and probabilities differ by up to (2|1.99)e-05"):
        load_bytes(with_metadata(self_test=test))
    test["probabilities"][3][0] -= 2e-5
    test["labels"][0] = next(label for label in metadata["schema"]["classes"] if label != test["labels"][0])
    with pytest.raises(SelfTestError, match="1 of 8 labels differ"):
        load_bytes(with_metadata(self_test=test))
    assert issubclass(SelfTestError, ModelFileError)


def test_check_takes_a_tolerance(model_path):
    model = load(model_path)
    assert model.check()["max_difference"] <= model.check()["tolerance"] == 1e-5
    with pytest.raises(SelfTestError, match=r"allowed: 0\) on CPUExecutionProvider. Try providers='cpu'"):
        model._file.self_test.probabilities[0, 0] += 1e-7
        model.check(tolerance=0)


def test_label_of_a_tie_may_be_any_of_its_classes(tmp_path):
    column = exporter.NumericColumn("x", 0.0, (0.0, 1.0), False)
    child = exporter.ChildNetwork((column,), exporter.ClassTarget(("a", "b", "c")), [[0] * 4], [0, 3, 3, 0], [[0] * 3])
    model = onnx.load_from_string(exporter.to_onnx(child).SerializeToString())
    (entry,) = (entry for entry in model.metadata_props if entry.key == "mothernet.self_test")
    for label, message in (("b", None), ("c", "labels differ")):
        entry.value = re.sub(r'"labels":\[.*?\]', f'"labels":{json.dumps([label] * 8)}', entry.value)
        (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
        if message is None:
            assert load(tmp_path / "m.onnx").predict({"x": [0.5]}).tolist() == ["a"]
        else:
            with pytest.raises(SelfTestError, match=message):
                load(tmp_path / "m.onnx")


def replace_output(name, *nodes, **initializers):
    """A change of a graph: `nodes` make the output `name` from what was it before, "before"."""

    def change(model):
        for node in model.graph.node:
            for names in (node.input, node.output):
                names[:] = ["before" if each == name else each for each in names]
        model.graph.node.extend(onnx.helper.make_node(*node) for node in nodes)
        model.graph.initializer.extend(onnx.numpy_helper.from_array(np.array(v), k) for k, v in initializers.items())

    return change


def test_answers_of_other_shapes_are_refused_when_loading(load_bytes, with_graph):
    constant = replace_output(
        "probabilities", ("Identity", ["c"], ["probabilities"]), c=np.full((3, 5), 0.2, np.float32)
    )
    with pytest.raises(ModelFileError, match=r"'probabilities' of .* must have shape \(8, 3\), however: \(3, 5\)"):
        load_bytes(with_graph(constant))


def test_answers_of_other_shapes_are_refused_at_each_prediction(load_bytes, with_graph, rows):
    first_eight = ("Slice", ["before", "start", "end"], ["probabilities"])
    model = load_bytes(with_graph(replace_output("probabilities", first_eight, start=[0], end=[8])))
    assert model.predict_proba(rows[:8]).shape == (8, 3)
    with pytest.raises(ModelFileError, match=r"'probabilities' .* must have shape \(9, 3\), however: \(8, 3\)"):
        model.predict_proba(rows)
    model = load_bytes(with_graph(replace_output("label", (*first_eight[:2], ["label"]), start=[0], end=[8])))
    with pytest.raises(ModelFileError, match=r"'label' .* must have shape \(9,\), however: \(8,\)"):
        model.predict(rows)


@pytest.mark.parametrize(("shift", "message"), [((-0.5, 0.5, 0), "lie between -"), ((0.5, 0, 0), "sum to 1")])
def test_numbers_that_are_no_probabilities_are_refused_though_recorded(
    load_bytes, with_graph, with_metadata, metadata, shift, message
):
    test, shifted = metadata["self_test"], np.array(shift, np.float32)
    test["probabilities"] = (np.array(test["probabilities"], np.float32) + shifted).tolist()
    change = replace_output("probabilities", ("Add", ["before", "shift"], ["probabilities"]), shift=shifted)

    def change_both(model):
        change(model)
        del model.metadata_props[:]
        model.metadata_props.extend(onnx.load_from_string(with_metadata(self_test=test)).metadata_props)

    with pytest.raises(ModelFileError, match=f"must be at least 0 and sum to 1, .*{message}|{message}"):
        load_bytes(with_graph(change_both))


@pytest.mark.parametrize("classes", [tuple(f"c{i:02}" for i in range(40)), tuple(range(100, 140))])
def test_label_that_is_no_class_is_refused(write_model, tmp_path, classes):
    path, _ = write_model(classes)
    model = onnx.load(path)
    (test,) = (json.loads(e.value) for e in model.metadata_props if e.key == "mothernet.self_test")
    wrong = {
        label: label if label in test["labels"] else -1 if label in range(100, 140) else "never" for label in classes
    }
    replace_output("label")(model)
    kind = "int64s" if -1 in wrong.values() else "strings"
    attributes = {f"keys_{kind}": list(wrong), f"values_{kind}": list(wrong.values())}
    model.graph.node.append(
        onnx.helper.make_node("LabelEncoder", ["before"], ["label"], domain="ai.onnx.ml", **attributes)
    )
    (graph_hash,) = (e for e in model.metadata_props if e.key == "mothernet.graph_hash")
    graph_hash.value = hashlib.sha256(model.graph.SerializeToString(deterministic=True)).hexdigest()
    onnx.save(model, path)
    rows = np.random.default_rng(0).normal(size=(500, 4)).astype(object)
    with pytest.raises(ModelFileError, match=r"labels of .* must be its classes, however: (-1|'never')"):
        load(path, on_unseen="ignore").predict(rows)


def test_failing_operator_is_one_clear_error_that_names_the_file(load_bytes, with_graph, rows, capfd):
    change = replace_output("probabilities", ("Reshape", ["before", "shape"], ["probabilities"]), shape=[8, 3])
    model = load_bytes(with_graph(change))
    with pytest.raises(ModelFileError, match=r"onnxruntime \d.* cannot run .*m.onnx: .*[Rr]eshape") as error:
        model.predict_proba(rows)
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_memory_that_is_not_there_is_a_clear_error(load_bytes, with_graph, capfd):
    change = replace_output(
        "probabilities",
        ("Expand", ["zero", "huge"], ["zeros"]),
        ("ReduceMax", ["zeros"], ["nothing"]),
        ("Add", ["before", "nothing"], ["probabilities"]),
        zero=np.float32(0),
        huge=[10**15],
    )
    with pytest.raises(ModelFileError, match=r"cannot (run|open) .*m\.onnx"):
        load_bytes(with_graph(change))
    assert capfd.readouterr() == ("", "")


def test_unseen_categories_are_counted_per_used_column(model_path, rows):
    model = load(model_path)
    # city: "bern", "nowhere"; code: two blanks, "3.0", "False"; note is not used
    assert model.count_unseen(rows) == {"city": 2, "code": 4}
    assert model.count_unseen([]) == {"city": 0, "code": 0}


def test_pickled_model_reopens_its_session_without_the_file(model_path, rows, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(Path(model_path).read_bytes())
    model = load(path, threads=2)
    path.unlink()
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert np.array_equal(other.predict_proba(rows), model.predict_proba(rows))
        assert other.info() == model.info()


def test_a_pickle_is_the_file_and_little_more(model_path):
    model = load(model_path)
    assert len(pickle.dumps(model)) <= os.path.getsize(model_path) + len(model_path) + 200


def test_the_same_pickle_is_opened_once(model_path, typed_path, monkeypatch):
    opened = []
    monkeypatch.setattr(mothernet_runtime.model, "_reopened", {})
    whole = mothernet_runtime.model.open_session
    monkeypatch.setattr(mothernet_runtime.model, "open_session", lambda *args: opened.append(args) or whole(*args))
    pickles = [
        pickle.dumps(load(model_path)),
        pickle.dumps(load(typed_path)),
        pickle.dumps(load(model_path, threads=2)),
    ]
    opened.clear()
    models = [[pickle.loads(data) for data in pickles] for _ in range(3)]
    assert len(opened) == 3 and models[0] == models[1] == models[2] and len(set(models[0])) == 3
    monkeypatch.setattr(mothernet_runtime.model, "_MAX_REOPENED", 1)
    for data in pickles * 2:
        pickle.loads(data)
    assert len(mothernet_runtime.model._reopened) == 1 + 2  # none is dropped before another is opened
    pickle.loads(pickle.dumps(load(model_path, threads=3)))
    assert len(mothernet_runtime.model._reopened) == 1


POOL = """
import concurrent.futures, multiprocessing, os, sys
import mothernet_runtime

kept = []

def work(model, row):
    kept.append(model)
    return os.getpid(), len(set(map(id, kept))), model.predict([row]).tolist()

if __name__ == "__main__":
    model, row = mothernet_runtime.load(sys.argv[1]), eval(sys.argv[2])
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        answers = list(pool.map(work, [model] * 40, [row] * 40))
    assert all(labels == model.predict([row]).tolist() for _, _, labels in answers)
    assert all(n_models == 1 and process != os.getpid() for process, n_models, _ in answers)
    print(len(answers))
"""


def test_a_pool_of_processes_opens_a_session_each(model_path, rows, tmp_path):
    script = tmp_path / "pool.py"
    script.write_text(POOL, "utf-8")
    done = subprocess.run(
        [sys.executable, script, model_path, repr(rows[0])], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "40\n", "")


def test_threads_may_share_a_model(model_path, rows):
    model = load(model_path)
    expected = [model.predict_proba(row) for row in rows]

    def work(seed):
        for k in np.random.default_rng(seed).permutation(np.tile(np.arange(len(rows)), 20)):
            assert np.array_equal(model.predict_proba(rows[k]), expected[k])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


def test_readme_block_runs(write_model, monkeypatch):
    path, _ = write_model(numeric=("age", "fare"), categorical=("sex", "embarked"), name="titanic.onnx")
    monkeypatch.chdir(Path(path).parent)
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "runtime" / "README.md").read_text("utf-8"), re.DOTALL)
    names = {}
    exec(block, names)
    assert names["model"].feature_names_in_ == ["age", "fare", "sex", "embarked"]
    assert set(mothernet_runtime.__all__) <= set(dir(mothernet_runtime))
