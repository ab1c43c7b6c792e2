"""Packages of an example from npm, as its package-lock.json wants them."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path


def install(example: Path) -> None:
    """Make node_modules; again only when the lock file is newer."""
    with open(example / "package.json") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # parallel test processes
        installed = example / "node_modules" / ".package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < (example / "package-lock.json").stat().st_mtime:
            npm(example, "ci")
            installed.touch()


def npm(example: Path, *arguments: str) -> None:
    """Run npm in the folder of an example."""
    environment = os.environ | {"ONNXRUNTIME_NODE_INSTALL": "skip"}
    done = subprocess.run(["npm", *arguments], cwd=example, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
