"""What results depend on beside data and protocol: commit, versions and hardware."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["changed_files", "environment"]

ROOT = Path(__file__).parent.parent.parent
WITHOUT_EFFECT = (":!benchmarks/results", ":!docs", ":!*.md")  # on what a benchmark measures


def environment(packages: Sequence[str]) -> dict[str, Any]:
    """Commit, time (UTC), hardware and versions of some packages."""
    cpuinfo = Path("/proc/cpuinfo")
    processor = re.search(r"model name\s*: (.*)", cpuinfo.read_text() if cpuinfo.exists() else "")
    return {
        "commit": _git("rev-parse", "--short=7", "HEAD") or "unknown",
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "hardware": f"{processor[1] if processor else platform.processor()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }


def changed_files() -> list[str]:
    """Files that differ from the commit and could change a result: all but documents and earlier results.

    Raises
    ------
    OSError
        The folder is not a git repository, so that nothing can be said.
    """
    if not _git("rev-parse", "--verify", "--quiet", "HEAD"):
        raise OSError(f"{ROOT.name} must be a git repository with a commit, however: git finds none.")
    return [line[3:] for line in _git("status", "--porcelain", "--", ".", *WITHOUT_EFFECT).splitlines()]


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return done.stdout.rstrip() if done.returncode == 0 else ""
