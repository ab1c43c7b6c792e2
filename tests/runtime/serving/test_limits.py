"""Limits of the server: on rows, bytes, requests at a time and the time that a body takes; and what is counted."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import threading

import pytest
from mothernet_runtime import load
from mothernet_runtime.serving.requests import Limits
from servers import asker, served, until


def test_rows_and_bytes_of_a_request_are_limited(ask, rows):
    assert ask("POST", "/predict/plain", {"rows": rows * 111})[0] == 200  # 999, in a thread
    status, _, body = ask("POST", "/predict/plain", {"rows": rows * 112})
    assert status == 413 and "at most 1,000 rows, however: 1,008" in json.loads(body)["error"]
    status, _, body = ask("POST", "/predict/plain", b" " * (2**18 + 1))
    assert status == 413 and "at most 262,144 bytes" in json.loads(body)["error"]


def test_a_body_without_a_length_is_limited_too(port):
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(b"POST /predict/plain HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(OSError):
            for _ in range(40):
                connection.sendall(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
        assert b" 413 " in connection.recv(1000).splitlines()[0]


def test_a_compressed_body_is_refused(ask):
    status, _, body = ask("POST", "/predict/plain", b"x", Content_Encoding="gzip")
    assert status == 415 and "must not be compressed" in json.loads(body)["error"]


def test_a_body_that_does_not_arrive_is_given_up(model_path):
    with served({"m": load(model_path)}, Limits(body_seconds=0.2)) as port:
        with socket.create_connection(("127.0.0.1", port), 20) as connection:
            connection.sendall(b'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"rows":')
            assert b" 408 " in connection.recv(1000).splitlines()[0]
        with socket.create_connection(("127.0.0.1", port), 20) as connection:
            connection.sendall(b'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"rows":')
        until(lambda: b'status="499"' in asker(port)("GET", "/metrics")[2])  # it has gone: counted, and nothing hangs


def test_requests_beyond_the_limit_are_told_to_come_again(model_path, rows, monkeypatch):
    model, entered, go = load(model_path), threading.Semaphore(0), threading.Event()
    whole = model.predict_both

    def slow(*arguments, **options):
        entered.release()
        assert go.wait(20)
        return whole(*arguments, **options)

    monkeypatch.setattr(model, "predict_both", slow)
    statuses = []
    with served({"m": model}, Limits(requests=2)) as port:
        ask, body = asker(port), {"rows": rows * 100}
        threads = [threading.Thread(target=lambda: statuses.append(ask("POST", "/predict", body)[0])) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for _ in threads:
                assert entered.acquire(timeout=20)
            status, headers, reply = ask("POST", "/predict", body)
            assert (status, headers["retry-after"]) == (503, "1") and "at most 2 requests" in json.loads(reply)["error"]
            assert ask("GET", "/v2/health/live")[0] == 200  # while others wait
            assert b"mothernet_requests_in_progress 2.0" in ask("GET", "/metrics")[2]
        finally:
            go.set()
        for thread in threads:
            thread.join(20)
        assert statuses == [200, 200] and ask("POST", "/predict", body)[0] == 200


def test_requests_rows_seconds_and_errors_are_counted(model_path, rows):
    with served({"m": load(model_path)}) as port:
        ask = asker(port)
        for _ in range(3):
            ask("POST", "/predict", {"rows": rows})
        ask("POST", "/predict", {"rows": [{}]})
        ask("POST", "/predict/" + "x" * 1000, {"rows": rows})
        status, headers, body = ask("GET", "/metrics")
    text = body.decode()
    assert status == 200 and headers["content-type"].startswith("text/plain")
    for line in [
        'mothernet_requests_total{model="m",route="predict",status="200"} 3.0',
        'mothernet_errors_total{model="m",route="predict",status="400"} 1.0',
        'mothernet_errors_total{model="",route="predict",status="404"} 1.0',
        f'mothernet_rows_total{{model="m",route="predict"}} {3.0 * len(rows)}',
        'mothernet_request_seconds_count{model="m",route="predict"} 4.0',
        'mothernet_request_seconds_bucket{le="+Inf",model="m",route="predict"} 4.0',
        "mothernet_requests_in_progress 0.0",
    ]:
        assert line in text
    assert not re.search("x{1000}", text)  # what clients send makes no new series


@pytest.mark.parametrize("path", ["/predict/plain", "/v2/models/plain/infer"])
def test_a_client_that_keeps_its_connection_goes_on_after_an_error(port, rows, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with contextlib.closing(connection):
        for _ in range(3):
            connection.request("POST", path, b"{")
            response = connection.getresponse()
            assert response.status == 400 and "must be JSON" in json.loads(response.read())["error"]
            connection.request("GET", "/v2/health/ready")
            response = connection.getresponse()
            assert response.status == 200 and json.loads(response.read()) == {"ready": True}
