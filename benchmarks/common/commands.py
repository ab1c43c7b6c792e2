"""What a command costs: seconds, CPU seconds and memory of a fresh process, and what it imports meanwhile."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Cost", "cost_of", "import_seconds"]

# A process begins with the memory of the one that starts it as its peak: so a small one does.
_LAUNCHER = """
import json, os, sys, time
start = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - start
print(json.dumps([os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss]))
"""
_IMPORT = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s*([\w.]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Cost:
    """Of a process and the children that it waited for; the peak is that of the largest of them.

    Attributes
    ----------
    wall_seconds : float
        From its start to its end.
    cpu_seconds : float
        User and system.
    peak_bytes : int
        Most resident memory.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int


def cost_of(command: Sequence[str]) -> Cost:
    """Run a command, whose first word is the path of a program, to its end; POSIX only.

    Raises
    ------
    RuntimeError
        It fails; with the last lines that it wrote.
    """
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", _LAUNCHER, *command], capture_output=True, text=True, check=True
    )
    code, wall, cpu, peak = json.loads(done.stdout.splitlines()[-1])
    if code:
        raise RuntimeError(f"{' '.join(command)} must succeed, however: exit code {code}\n{done.stderr[-2000:]}")
    return Cost(wall, cpu, peak * (1 if sys.platform == "darwin" else 1024))


def import_seconds(arguments: Sequence[str]) -> dict[str, float]:
    """Seconds that a run of Python spends in the modules of every top-level package, without those they import.

    Parameters
    ----------
    arguments : sequence of str
        As ``python`` takes them.
    """
    done = subprocess.run([sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True)
    seconds: Counter[str] = Counter()
    for microseconds, module in _IMPORT.findall(done.stderr):
        seconds[module.split(".")[0]] += int(microseconds)
    return {package: round(value / 1e6, 4) for package, value in seconds.most_common()}
