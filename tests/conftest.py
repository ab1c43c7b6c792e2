"""Settings for every test: telemetry is off, and in CI a test may not be skipped.

Tests say what they need and are skipped where it is missing. Where the environment variable CI is set, everything must
be there, so a skipped test fails, unless it is marked ``optional`` (or ``gpu``): what it needs, CI does not install.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

# onnxruntime writes telemetry files unless this is set before it is first imported
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if not any(item.get_closest_marker(name) for name in ("optional", "gpu")) and not hasattr(report, "wasxfail"):
        fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    fail_if_skipped(report)
    return report


def fail_if_skipped(report: Any) -> None:
    """Turn a skipped test, or file of tests, into a failed one where CI is set."""
    if report.skipped and os.environ.get("CI"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = (
            f"CI must have what every test needs, however: {reason}. Install it, or mark the test optional."
        )
