"""The Open Inference Protocol v2, as the real tritonclient speaks it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tritonclient.http as triton
from mothernet_runtime import load
from servers import served
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

COLUMNS = ["age", "city", "fare", "constant", "code", "note"]  # of the model `plain`


@pytest.fixture(scope="module")
def client(port):
    with triton.InferenceServerClient(f"127.0.0.1:{port}") as client:
        yield client


def tensors(columns, *, binary=True, column_shape=False):
    inputs = []
    for name, cells in columns.items():
        array = np.asarray(cells)
        array = array.astype(object) if array.dtype.kind == "U" else array
        array = array.reshape(-1, 1) if column_shape else array
        tensor = triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        inputs.append(tensor.set_data_from_numpy(array, binary_data=binary))
    return inputs


def texts(rows):
    return {name: np.array([row[name] for row in rows], object) for name in rows[0]}


def test_client_finds_server_and_models_ready(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("plain") and client.is_model_ready("typed", "1")
    assert not client.is_model_ready("nothing") and not client.is_model_ready("plain", "2")
    about = client.get_server_metadata()
    assert about["name"] == "mothernet-runtime" and "binary_tensor_data" in about["extensions"]


def test_metadata_has_an_input_for_each_column_that_is_not_ignored(client):
    metadata = client.get_model_metadata("typed")
    assert {each["name"]: each["datatype"] for each in metadata["inputs"]} == {
        "price": "FP64", "smoker": "BOOL", "day": "BYTES", "code": "BYTES", "stamp": "FP64", "share": "FP64",
    }  # fmt: skip
    assert [(each["name"], each["datatype"], each["shape"]) for each in metadata["outputs"]] == [
        ("label", "INT64", [-1]),
        ("probabilities", "FP32", [-1, 2]),
    ]
    assert json.loads(metadata["outputs"][1]["parameters"]["classes"]) == [0, 1]
    names = [each["name"] for each in client.get_model_metadata("plain", "1")["inputs"]]
    assert names == COLUMNS


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("column_shape", [True, False])
def test_texts_give_the_models_own_answers(client, model_path, rows, binary, column_shape):
    model = load(model_path, on_unseen="ignore")
    for some in (rows, rows[:1]):
        inputs = tensors(texts(some), binary=binary, column_shape=column_shape)
        outputs = (
            None
            if binary
            else [triton.InferRequestedOutput(name, binary_data=False) for name in ("probabilities", "label")]
        )
        result = client.infer("plain", inputs, outputs=outputs, request_id="7")
        labels = [label.decode() if isinstance(label, bytes) else label for label in result.as_numpy("label")]
        assert labels == model.predict(some).tolist()
        assert np.array_equal(result.as_numpy("probabilities"), model.predict_proba(some))
        assert result.get_response()["id"] == "7" and result.get_response()["model_version"] == "1"


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("n_rows", [1, 3, 40])
def test_typed_tensors_mean_what_typed_columns_mean(client, typed_path, binary, n_rows):
    rng = np.random.default_rng(n_rows)
    columns = {
        "price": rng.normal(50, 40, n_rows),
        "smoker": rng.random(n_rows) < 0.5,
        "day": np.array([f"{1 + k % 28}/{1 + k % 12}/2024" for k in range(n_rows)], object),
        "code": rng.integers(3, 6, n_rows).astype(np.int8),
        "stamp": 1_700_000_000 + rng.integers(-100, 100, n_rows),
        "share": rng.random(n_rows).astype(np.float32),
    }
    columns["price"][0] = np.nan
    model = load(typed_path, on_unseen="ignore")
    result = client.infer("typed", tensors(columns, binary=binary))
    assert np.array_equal(result.as_numpy("probabilities"), model.predict_proba(columns))
    assert np.array_equal(result.as_numpy("label"), model.predict(columns))
    assert result.as_numpy("label").dtype == np.int64


def test_only_the_outputs_asked_for_are_given(client, rows):
    outputs = [triton.InferRequestedOutput("probabilities")]
    result = client.infer("plain", tensors(texts(rows)), outputs=outputs)
    assert [each["name"] for each in result.get_response()["outputs"]] == ["probabilities"]
    with pytest.raises(InferenceServerException, match="outputs must be of label, probabilities"):
        client.infer("plain", tensors(texts(rows)), outputs=[triton.InferRequestedOutput("logits")])


def test_no_rows_give_no_answers(client, rows):
    empty = {name: np.empty(0, object) for name in COLUMNS}
    for binary in (True, False):
        result = client.infer("plain", tensors(empty, binary=binary))
        assert result.as_numpy("label").shape == (0,) and result.as_numpy("probabilities").shape == (0, 3)


@pytest.mark.parametrize(
    ("classes", "datatype"),
    [((False, True), "BOOL"), ((0.5, 2.0), "FP64"), ((-1, 2**62), "INT64"), (("ja", "ü"), "BYTES")],
)
def test_labels_have_the_type_of_the_training_table(write_model, classes, datatype):
    path, _ = write_model(classes, categorical=())
    model = load(path)
    with served({"m": model}) as port, triton.InferenceServerClient(f"127.0.0.1:{port}") as client:
        columns = dict(zip("xy", np.random.default_rng(0).normal(0, 3, (2, 300)), strict=True))
        for binary in (True, False):
            outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("label", "probabilities")]
            result = client.infer("m", tensors(columns), outputs=outputs)
            labels = result.as_numpy("label").tolist()
            labels = [label.decode() if isinstance(label, bytes) else label for label in labels]
            assert labels == model.predict(columns).tolist() and len(set(labels)) == 2
            assert result.get_output("label")["datatype"] == datatype


ERRORS = {
    "unknown column": ({"age": "colour"}, None, "'colour' is unknown to the model"),
    "missing column": ({"age": None}, None, "'age' is missing"),
    "text in a number": ({}, {"age": ["31", "x"]}, "row 1: column 'age' must hold numbers"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_are_those_of_the_model(client, rows, case):
    renamed, changed, message = ERRORS[case]
    columns = {**texts(rows[:2]), **{name: np.array(cells, object) for name, cells in (changed or {}).items()}}
    columns = {renamed.get(name, name): cells for name, cells in columns.items()}
    columns.pop(None, None)
    with pytest.raises(InferenceServerException, match=message) as caught:
        client.infer("plain", tensors(columns))
    assert caught.value.status() == "400"
    with pytest.raises(InferenceServerException, match="the model must be of 'plain', 'typed'") as caught:
        client.infer("nothing", tensors(columns))
    assert caught.value.status() == "404"


def tensor(name="age", shape=(1,), datatype="FP64", **rest):
    return {"name": name, "shape": list(shape), "datatype": datatype, **rest}


BAD_REQUESTS = [
    ({"inputs": []}, "inputs must be an array of objects"),
    ({"inputs": [tensor(data=[1.0])], "id": 7}, "id must be a string"),
    ({"inputs": [tensor(data=[1.0])], "outputs": [{"name": "label"}] * 2}, "each once"),
    ({"inputs": [tensor(data=[1.0])], "outputs": [{"name": "label", "parameters": {"classification": 1}}]}, "as it is"),
    ({"inputs": [tensor(data=[1.0])] * 2}, "each another"),
    ({"inputs": [tensor()]}, "either data or the parameter"),
    ({"inputs": [tensor(shape=(1, 2), data=[1, 2])]}, r"must be \[N\] or \[N, 1\]"),
    ({"inputs": [tensor(shape=(True,), data=[1])]}, r"must be \[N\] or \[N, 1\]"),
    ({"inputs": [tensor(shape=(-1,), data=[])]}, r"must be \[N\] or \[N, 1\]"),
    ({"inputs": [tensor(shape=(2,), data=[1.0])]}, "must hold 2 cells"),
    ({"inputs": [tensor(data=[True])]}, "must be numbers"),
    ({"inputs": [tensor(data=["1"])]}, "cell 0 is '1'"),
    ({"inputs": [tensor(data=[10**400])]}, "beyond float64"),
    ({"inputs": [tensor(datatype="INT8", data=[300])]}, "must fit INT8"),
    ({"inputs": [tensor(datatype="INT8", data=[1.5])]}, "must be integers"),
    ({"inputs": [tensor(datatype="BOOL", data=[1])]}, "must be true or false"),
    ({"inputs": [tensor(datatype="BYTES", data=[1])]}, "must be strings"),
    ({"inputs": [tensor(datatype="BF16", data=[1])]}, "the datatype of input 'age' must be of"),
    ({"inputs": [tensor(datatype=["BYTES"], data=["1"])]}, "the datatype of input 'age' must be of"),
    ({"inputs": [tensor(parameters={"binary_data_size": 8})]}, "that the body still has"),
    ({"inputs": [tensor(parameters=[])]}, "must be an object"),
    ({"inputs": [tensor(data=[1.0]), tensor("fare", (2,), data=[1, 2])]}, "equally many rows"),
    ({"inputs": [tensor(shape=(1001,), data=[])]}, "at most 1,000 rows"),
]


@pytest.mark.parametrize(("request_", "message"), BAD_REQUESTS)
def test_a_request_that_is_wrong_is_told_why(ask, request_, message):
    status, headers, body = ask("POST", "/v2/models/plain/infer", request_)
    assert status == (413 if "at most" in message else 400) and headers["content-type"] == "application/json"
    error = json.loads(body)
    assert list(error) == ["error"]
    with pytest.raises(ValueError, match=message):
        raise ValueError(error["error"])


BAD_BYTES = [
    ("FP32", b"\0" * 3, "must be 4 bytes"),
    ("BYTES", b"\5\0\0\0abc", "are not so many"),
    ("BYTES", b"\0", "are not so many"),
    ("BYTES", b"\xff\xff\xff\xffabc", "are not so many"),
    ("BYTES", b"\1\0\0\0a\0\0\0\0", "are not so many"),
    ("BYTES", b"\2\0\0\0\xff\xfe", "must be UTF-8"),
]


@pytest.mark.parametrize(("datatype", "raw", "message"), BAD_BYTES)
def test_bytes_that_are_no_tensor_are_refused(ask, datatype, raw, message):
    head = json.dumps({"inputs": [tensor(datatype=datatype, parameters={"binary_data_size": len(raw)})]}).encode()
    for length, rest, expected in [
        (str(len(head)), b"", message),
        (str(len(head)), b"x", message),
        (str(len(head) + 1000), b"", "must be the bytes of JSON"),
        ("-1", b"", "must be the bytes of JSON"),
        ("1e3", b"", "must be the bytes of JSON"),
        (str(len(head) - 1), b"", "must be JSON"),
    ]:
        headers = {"Inference_Header_Content_Length": length}
        status, _, body = ask("POST", "/v2/models/plain/infer", head + raw + rest, **headers)
        assert status == 400 and expected in json.loads(body)["error"]
