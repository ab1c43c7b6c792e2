"""A server that the tests of serving share; without the packages that they need they are left out, but not in CI."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

NEEDED = ("httptools", "prometheus_client", "starlette", "tritonclient", "uvicorn")
MISSING = [package for package in NEEDED if importlib.util.find_spec(package) is None]
if MISSING and os.environ.get("CI"):
    raise ImportError(f"CI must have what serving needs, however: {', '.join(MISSING)} is missing")
collect_ignore_glob = ["test_*.py"] if MISSING else []


def pytest_report_header() -> list[str]:
    return [f"left out: tests/runtime/serving, which needs {', '.join(MISSING)}"] if MISSING else []


@pytest.fixture(scope="session")
def port(model_path: str, typed_path: str) -> Iterator[int]:
    """Of a server of the two models that the runtime's tests share, ``plain`` and ``typed``."""
    from mothernet_runtime import load
    from mothernet_runtime.serving.requests import Limits
    from servers import served

    models = {name: load(path, on_unseen="ignore") for name, path in (("plain", model_path), ("typed", typed_path))}
    with served(models, Limits(rows=1_000, bytes=2**18)) as number:
        yield number


@pytest.fixture(scope="session")
def ask(port: int) -> Any:
    from servers import asker

    return asker(port)
