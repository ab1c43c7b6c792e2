"""Whatever is sent, the server answers at once, with a status of 200 or 4xx in the form of the protocol."""

from __future__ import annotations

import json
import random
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

COLUMNS = ["age", "city", "fare", "constant", "code", "note"]
CELLS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["31", "Bern"])
JSON = st.recursive(
    CELLS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)
ROWS = st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, CELLS)) | JSON, max_size=20)
DATATYPES = ["BOOL", "INT8", "UINT8", "INT64", "UINT64", "FP16", "FP32", "FP64", "BYTES", "BF16"]
TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(COLUMNS) | JSON,
        "shape": st.sampled_from([[2], [2, 1], [0], [1]]) | JSON,
        "datatype": st.sampled_from(DATATYPES) | JSON,
    },
    optional={
        "data": st.lists(CELLS, min_size=2, max_size=2) | JSON,
        "parameters": st.fixed_dictionaries({"binary_data_size": st.integers(-1, 64)}) | JSON,
    },
)
REQUESTS = st.fixed_dictionaries(
    {"inputs": st.lists(TENSORS, max_size=7) | JSON},
    optional={
        "id": JSON,
        "outputs": st.lists(st.fixed_dictionaries({"name": st.sampled_from(["label", "probabilities"]) | JSON})) | JSON,
        "parameters": st.fixed_dictionaries({"binary_data_output": JSON}) | JSON,
    },
)
FUZZED = settings(
    max_examples=150, deadline=5_000, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def check(answer):
    status, headers, body = answer
    assert status == 200 or 400 <= status < 500, (status, body)
    if status != 200:
        error = json.loads(body)
        assert headers["content-type"] == "application/json" and list(error) == ["error"] and error["error"]


@FUZZED
@given(rows=ROWS | JSON)
def test_any_rows(ask, rows):
    check(ask("POST", "/predict/plain", json.dumps({"rows": rows}).encode()))


@FUZZED
@given(request_=REQUESTS, raw=st.binary(max_size=64), says_length=st.booleans())
def test_any_inference_request(ask, request_, raw, says_length):
    head = json.dumps(request_).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))} if says_length else {}
    check(ask("POST", "/v2/models/plain/infer", head + raw if says_length else head, **headers))


@FUZZED
@given(body=st.binary(max_size=200), length=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8))
def test_any_bytes(ask, body, length):
    for path in ("/predict/plain", "/v2/models/plain/infer"):
        check(ask("POST", path, body, **{"Inference-Header-Content-Length": length.strip()}))


@FUZZED
@given(path=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30))
def test_any_path(ask, path):
    for method in ("GET", "POST", "DELETE"):
        check(ask(method, "/v2/models/" + path.replace("#", ""), b"{}"))


def test_a_good_request_with_changed_bytes(ask, rows):
    chooser = random.Random(0)
    head = {
        "inputs": [{"name": n, "shape": [2], "datatype": "BYTES", "data": [r[n] for r in rows[:2]]} for n in COLUMNS]
    }
    for path, request in [("/predict/plain", {"rows": rows[:2]}), ("/v2/models/plain/infer", head)]:
        whole = json.dumps(request).encode()
        for _ in range(300):
            body = bytearray(whole[: chooser.choice([len(whole), chooser.randrange(1, len(whole))])])
            for _ in range(chooser.randrange(4)):
                body[chooser.randrange(len(body))] = chooser.randrange(256)
            check(ask("POST", path, bytes(body)))


@pytest.mark.parametrize("seed", range(3))
def test_bytes_that_are_no_http_close_the_connection(port, ask, seed):
    chooser = random.Random(seed)
    for start in (b"", b"POST /predict/plain HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nContent-Length: -1\r\n"):
        with socket.create_connection(("127.0.0.1", port), 20) as connection:
            connection.sendall(start + chooser.randbytes(200) + b"\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            assert b" 500 " not in b"".join(iter(lambda: connection.recv(2**16), b"")).partition(b"\r\n")[0]
    assert ask("GET", "/v2/health/live")[0] == 200
