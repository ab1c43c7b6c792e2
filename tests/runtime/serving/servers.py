"""Servers for tests: in a thread of the test, or the command as a process; and ways to ask them."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from mothernet_runtime.serving.app import create_app
from mothernet_runtime.serving.requests import Limits
from mothernet_runtime.serving.server import listening_socket

Ask = Callable[..., tuple[int, dict[str, str], bytes]]


@contextlib.contextmanager
def served(models: dict[str, Any], limits: Limits | None = None) -> Iterator[int]:
    """The port of a server in a thread of this process."""
    with listening_socket("127.0.0.1", 0) as listener:
        config = uvicorn.Config(create_app(models, limits), lifespan="off", ws="none", log_level="critical")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


@contextlib.contextmanager
def command(*arguments: object, **options: Any) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """``mothernet-runtime serve`` as a process, and the port that it says it listens on."""
    words = [sys.executable, "-m", "mothernet_runtime", "serve", *map(str, arguments), "--port", "0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, **options) as process:
        try:
            line = process.stderr.readline()  # type: ignore[union-attr]
            found = re.search(r" on http://[^ ]*:(\d+) \(process \d+\)$", line.rstrip())
            assert found, line
            yield process, int(found[1])
        finally:
            process.kill()


def asker(port: int) -> Ask:
    """A function that sends one request on a connection of its own, and gives status, headers and body."""

    def ask(method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        with contextlib.closing(connection):
            data = json.dumps(body).encode() if isinstance(body, dict | list) else body
            connection.request(method, path, data, {name.replace("_", "-"): text for name, text in headers.items()})
            response = connection.getresponse()
            return response.status, {name.lower(): text for name, text in response.getheaders()}, response.read()

    return ask


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for a condition; fail if it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
