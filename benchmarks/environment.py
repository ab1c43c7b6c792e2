"""What a benchmark's results depend on beside the code: versions, hardware, commit and time."""

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

__all__ = ["environment"]


def environment(packages: Sequence[str]) -> dict[str, Any]:
    """Versions of some packages, processor, commit (marked if the tree differs from it) and time of a run."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True)
        return done.stdout.strip()

    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    processor = re.search(r"model name\s*: (.*)", text)
    return {
        "commit": (git("rev-parse", "--verify", "--quiet", "HEAD") or "none")
        + ("-dirty" if git("status", "--porcelain") else ""),
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "hardware": f"{processor[1] if processor else platform.processor()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }
