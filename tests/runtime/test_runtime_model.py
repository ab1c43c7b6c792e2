"""The loaded model: answers, kinds of labels, self-test, pickling, threads, providers, telemetry."""

import copy
import os
import pickle
import re
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mothernet_runtime
import numpy as np
import onnxruntime
import pytest
from mothernet_runtime import SelfTestError, load

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-5  # float32 sums in another order than the float64 reference


def test_golden_rows_get_the_golden_answers(golden, golden_rows, golden_expected):
    model = load(golden / "model.onnx")
    labels, probabilities = golden_expected
    assert model.predict(golden_rows).tolist() == labels
    assert np.abs(model.predict_proba(golden_rows) - probabilities).max() < TOLERANCE
    assert model.predict_proba(golden_rows).dtype == np.float32
    assert model.classes_.tolist() == ["maybe, or not", "no", "oui, ça"]
    assert model.feature_names == ["age", "city", "fare", "constant", "code", "note"]


@pytest.mark.parametrize(
    ("classes", "dtype"),
    [(("b", "ccc"), "<U3"), ((-1, 0, 7), "int64"), ((0, 1), "int64"), ((False, True), "bool"), ((0.1, 1.0), "float64")],
)
def test_labels_come_in_the_kind_of_the_training_table(write_model, classes, dtype):
    path, child = write_model(classes)
    model = load(path)
    x = np.random.default_rng(1).normal(size=(50, 2))
    cells = np.random.default_rng(2).choice(np.array(["Bern", "", "3", "unseen"], object), (50, 2))
    rows = {"x": x[:, 0], "y": x[:, 1], "city": cells[:, 0], "code": cells[:, 1]}
    expected = child.predict_proba(x, cells)
    assert np.abs(model.predict_proba(rows) - expected).max() < TOLERANCE
    labels = model.predict(rows)
    assert model.classes_.dtype == labels.dtype == np.dtype(dtype)
    assert labels.tolist() == [classes[k] for k in expected.argmax(axis=1)]
    assert len(set(labels.tolist())) > 1
    assert model.check()["max_difference"] < TOLERANCE


@pytest.mark.parametrize(("numeric", "categorical"), [(("x",), ()), ((), ("city",)), ((), ("city", "code"))])
def test_tables_of_one_kind_of_column_work(write_model, numeric, categorical):
    path, _ = write_model(numeric=numeric, categorical=categorical)
    model = load(path)
    assert model.check()["rows"] == 8
    assert model.predict_proba([dict.fromkeys(model.feature_names)]).shape == (1, 2)


def test_batches_beyond_one_chunk_equal_single_rows(write_model, monkeypatch):
    path, _ = write_model()
    model = load(path)
    rows = [{"x": i / 7, "y": None, "city": "Bern", "code": i % 5} for i in range(23)]
    one_by_one = np.concatenate([model.predict_proba(row) for row in rows])
    monkeypatch.setattr("mothernet_runtime.model._CHUNK_ROWS", 5)
    assert np.abs(model.predict_proba(rows) - one_by_one).max() < 1e-6
    labels, probabilities = model.predict_both(rows)
    assert labels.tolist() == model.predict(rows).tolist()
    assert probabilities.shape == (23, 2)


def test_info_describes_the_file(golden):
    info = load(golden / "model.onnx", threads=2).info()
    assert info["format"] == 1
    assert info["width"] == 5
    assert info["versions"]["mothernet"] == "golden"
    assert [column["kind"] for column in info["columns"]] == ["numeric", "categorical", "numeric", "numeric"] + [
        "categorical"
    ] * 2
    assert info["size_bytes"] == (golden / "model.onnx").stat().st_size
    assert (info["providers"], info["threads"]) == (["CPUExecutionProvider"], 2)


def test_check_fails_when_the_recorded_answers_differ(golden):
    model = load(golden / "model.onnx")
    assert model.check()["max_difference"] <= 1e-5
    model._file.self_test["probabilities"][3][0] += 2e-5
    with pytest.raises(SelfTestError, match="0 of 8 labels differ, and probabilities differ by up to 2e-05"):
        model.check()
    model._file.self_test["labels"][0] = "other"
    with pytest.raises(SelfTestError, match="1 of 8 labels differ"):
        model.check(tolerance=1)


def test_unseen_categories_are_counted_per_used_column(golden, golden_rows):
    model = load(golden / "model.onnx")
    # city: "Bern ", "bern", "nowhere"; code: two blanks, "3.0", "False"; note is ignored by the model
    assert model.count_unseen(golden_rows) == {"city": 3, "code": 4}
    assert model.count_unseen([]) == {"city": 0, "code": 0}


def test_pickled_model_reopens_its_session_without_the_file(golden, golden_rows, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes((golden / "model.onnx").read_bytes())
    model = load(path, threads=2)
    path.unlink()
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert np.array_equal(other.predict_proba(golden_rows), model.predict_proba(golden_rows))
        assert other.info() == model.info()


def test_threads_may_share_a_model(golden, golden_rows):
    model = load(golden / "model.onnx")
    expected = [model.predict_proba(row) for row in golden_rows]

    def work(seed):
        for k in np.random.default_rng(seed).permutation(np.tile(np.arange(len(golden_rows)), 20)):
            assert np.array_equal(model.predict_proba(golden_rows[k]), expected[k])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


@pytest.mark.parametrize("threads", [-1, 1.5, True, "2"])
def test_threads_must_be_a_count(golden, threads):
    with pytest.raises(ValueError, match="threads must be an integer >= 0"):
        load(golden / "model.onnx", threads=threads)


@pytest.mark.parametrize("providers", [None, "cpu", "CPU", "CPUExecutionProvider", ["cpu"], [("cpu", {})]])
def test_names_of_the_cpu_are_understood_without_warning(golden, providers):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(golden / "model.onnx", providers=providers).info()["providers"] == ["CPUExecutionProvider"]


def test_auto_never_takes_a_remote_service(golden):
    assert "AzureExecutionProvider" not in load(golden / "model.onnx", providers="auto").info()["providers"]


def test_provider_that_is_not_there_falls_back_with_a_warning(golden, golden_rows):
    # "js" runs in browsers only, so that this holds on machines with a GPU too
    with pytest.warns(
        UserWarning, match="asked for JsExecutionProvider, .* offers .*; the session runs on CPU"
    ) as seen:
        model = load(golden / "model.onnx", providers=["js", "cpu"])
    assert seen[0].filename == __file__  # the warning points at the caller
    assert len(model.predict(golden_rows)) == len(golden_rows)
    with pytest.raises(ValueError, match="asked for JsExecutionProvider"):
        load(golden / "model.onnx", providers="js", strict=True)


def test_provider_nobody_knows_is_an_error_that_lists_names(golden):
    with pytest.raises(ValueError, match=r"of .*cpu, cuda.*, however: 'gpu'"):
        load(golden / "model.onnx", providers="gpu")


def test_cuda_is_asked_for_first_and_in_full_precision(golden, monkeypatch):
    opened, real = [], onnxruntime.InferenceSession

    def session(data, options, providers):
        opened.append(providers)
        return real(data, options, providers=["CPUExecutionProvider"])  # as if the driver were missing

    available = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    with pytest.warns(UserWarning, match="the session runs on CPUExecutionProvider"):
        load(golden / "model.onnx", providers="auto")
    with pytest.warns(UserWarning, match="asked for CUDAExecutionProvider"):
        load(golden / "model.onnx", providers=[("cuda", {"device_id": 1})])
    assert opened == [
        [("CUDAExecutionProvider", {"use_tf32": "0"}), ("CPUExecutionProvider", {})],
        [("CUDAExecutionProvider", {"device_id": 1}), ("CPUExecutionProvider", {})],
    ]


def test_no_telemetry_file_appears(golden, tmp_path):
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY" and not k.startswith("XDG_")}
    environment |= {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    code = (
        "import sys, mothernet_runtime as r; assert 'onnxruntime' not in sys.modules; "
        f"m = r.load({str(golden / 'model.onnx')!r}); m.check(); print(len(m.classes_))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "3"
    assert [str(path) for folder in (home, temporary) for path in folder.rglob("*")] == []


def test_a_choice_about_telemetry_in_the_environment_stands(golden, monkeypatch):
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    load(golden / "model.onnx")
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "0"


def test_readme_block_runs(write_model, monkeypatch):
    path, _ = write_model(numeric=("age", "fare"), categorical=("sex", "embarked"), name="titanic.onnx")
    monkeypatch.chdir(Path(path).parent)
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "runtime" / "README.md").read_text("utf-8"), re.DOTALL)
    names = {}
    exec(block, names)
    assert names["model"].feature_names == ["age", "fare", "sex", "embarked"]
    assert set(mothernet_runtime.__all__) <= set(dir(mothernet_runtime))
