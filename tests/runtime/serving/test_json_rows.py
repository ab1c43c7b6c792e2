"""The plain route: rows as JSON objects, the conformance cases among them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mothernet_runtime import ModelFileError, load
from servers import asker, served

CONFORMANCE = Path(__file__).parents[2] / "conformance"
CASES = json.loads((CONFORMANCE / "manifest.json").read_text("utf-8"))["cases"]
ANSWERED = [case for case in CASES if "expected" in case]
REFUSED = [case for case in CASES if "error" in case and case.get("rows_json")]


def content(path):
    return json.loads((CONFORMANCE / path).read_text("utf-8"))


@pytest.fixture(scope="module")
def conformance_ask():
    """A way to ask a server of the model of every case that a model can be loaded for."""
    models = {}
    for case in [*ANSWERED, *REFUSED]:
        try:
            models[case["name"]] = load(CONFORMANCE / case["model"], on_unseen="ignore")
        except ModelFileError:
            assert "error" in case
    with served(models) as port:
        yield asker(port)


def test_every_conformance_case_is_answered(conformance_ask):
    largest = 0.0
    for case in ANSWERED:
        status, _, body = conformance_ask("POST", f"/predict/{case['name']}", {"rows": content(case["rows_json"])})
        assert status == 200, (case["name"], body)
        answers, expected = json.loads(body), content(case["expected"])
        assert repr(answers["labels"]) == repr(expected["labels"]), case["name"]
        assert all(list(row) == expected["class_texts"] for row in answers["probabilities"])
        found = [list(row.values()) for row in answers["probabilities"]]
        differences = np.abs(np.array(found) - np.array(expected["probabilities"]))
        assert differences.max(initial=0.0) <= case["tolerance"], case["name"]
        largest = max(largest, differences.max(initial=0.0))
    assert len(ANSWERED) > 20 and 0 < largest <= 1e-5


def test_every_conformance_case_is_answered_by_the_inference_protocol(conformance_ask):
    """Row by row, since the cells of some columns are of several types."""
    for case in ANSWERED:
        rows, expected = content(case["rows_json"]), content(case["expected"])
        for row, label, probabilities in zip(rows, expected["labels"], expected["probabilities"], strict=True):
            inputs = [tensor_of(name, cell) for name, cell in row.items()]
            status, _, body = conformance_ask("POST", f"/v2/models/{case['name']}/infer", {"inputs": inputs})
            assert status == 200, (case["name"], body)
            outputs = {output["name"]: output["data"] for output in json.loads(body)["outputs"]}
            assert repr(outputs["label"]) == repr([label]), case["name"]
            assert np.abs(np.subtract(outputs["probabilities"], probabilities)).max() <= case["tolerance"]


def tensor_of(name, cell):
    """A tensor of one cell, of the datatype that is its type."""
    datatype = {bool: "BOOL", int: "INT64", float: "FP64"}.get(type(cell), "BYTES")
    if datatype == "INT64" and not -(2**63) <= cell < 2**63:
        datatype = "FP64"
    return {"name": name, "shape": [1], "datatype": datatype, "data": [cell]}


def test_every_conformance_case_that_must_be_refused_is(conformance_ask):
    refused = 0
    for case in REFUSED:
        status, _, body = conformance_ask("POST", f"/predict/{case['name']}", {"rows": content(case["rows_json"])})
        if status == 404:  # its model was not loaded
            continue
        assert status == 400, (case["name"], body)
        assert case["error"]["message_holds"].lower() in json.loads(body)["error"].lower()
        refused += 1
    assert refused > 5


def test_the_only_model_needs_no_name(model_path, rows):
    model = load(model_path)
    with served({"m": model}) as port:
        ask = asker(port)
        status, _, body = ask("POST", "/predict", {"rows": rows})
        assert status == 200 and ask("POST", "/predict/m", {"rows": rows})[2] == body
        assert json.loads(body)["labels"] == model.predict(rows).tolist()
        assert ask("POST", "/predict", {"rows": rows[:1]})[0] == 200
        assert json.loads(ask("POST", "/predict", {"rows": []})[2]) == {"model": "m", "labels": [], "probabilities": []}


def test_with_several_models_a_name_is_asked_for(ask, rows):
    status, _, body = ask("POST", "/predict", {"rows": rows})
    assert status == 404 and "Use /predict/NAME." in json.loads(body)["error"]
    assert ask("POST", "/predict/plain", {"rows": rows})[0] == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "must be JSON"),
        (b"\xff", "must be JSON"),
        (b"[" * 200_000, "must not nest so deep"),
        (b'{"rows": ' + b"9" * 5_000 + b"}", "must be JSON"),
        (b"[]", "must be a JSON object"),
        (b"{}", 'must be {"rows"'),
        (b'{"rows": {}}', 'must be {"rows"'),
        (b'{"rows": [], "columns": []}', 'must be {"rows"'),
        (b'{"rows": [], "rows": []}', "'rows' comes twice"),
        (b'{"rows": [1]}', "row 0 must be an object"),
        (b'{"rows": [{"age": [1]}]}', "row 0 must be an object of strings"),
        (b'{"rows": [{}]}', "rows must have exactly"),
        (b'{"rows": [{"a": 1}, {"a": 2}]}', "'a' is unknown to the model"),
    ],
)
def test_rows_that_are_wrong_are_told_why(ask, body, message):
    status, headers, reply = ask("POST", "/predict/plain", body)
    assert status == 400 and headers["content-type"] == "application/json"
    assert message in json.loads(reply)["error"]


def test_numbers_that_are_none_are_missing_or_infinite(ask, model_path, rows):
    model = load(model_path)
    row = {**rows[0], "age": float("nan"), "fare": float("-inf")}
    answers = json.loads(ask("POST", "/predict/plain", {"rows": [row]})[2])
    assert list(answers["probabilities"][0].values()) == model.predict_proba([row])[0].tolist()


def test_a_lone_surrogate_is_refused(ask, rows):
    status, _, body = ask("POST", "/predict/plain", {"rows": [{**rows[0], "city": "\ud800"}]})
    assert status == 400 and "valid Unicode" in json.loads(body)["error"]


def test_what_the_server_does_not_have_is_an_error_in_the_same_form(ask):
    for method, path, expected in [("GET", "/nothing", 404), ("GET", "/predict", 405), ("POST", "/v2", 405)]:
        status, headers, body = ask(method, path)
        assert (status, headers["content-type"], list(json.loads(body))) == (expected, "application/json", ["error"])


def test_a_model_that_fails_is_the_servers_fault(model_path, rows, monkeypatch):
    model = load(model_path)

    def fail(*_, **__):
        raise ModelFileError("onnxruntime cannot run it")

    monkeypatch.setattr(model, "predict_both", fail)
    with served({"m": model}) as port:
        status, _, body = asker(port)("POST", "/predict", {"rows": rows})
        assert (status, json.loads(body)) == (500, {"error": "onnxruntime cannot run it"})
        assert (
            b'mothernet_errors_total{model="m",route="predict",status="500"} 1.0' in asker(port)("GET", "/metrics")[2]
        )
