"""The benchmark of the server runs to its end, and what it counts adds up."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "serving.py"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("wrk") is None, reason="needs wrk")
def test_every_request_of_a_short_run_is_answered():
    command = [sys.executable, SCRIPT, "--no-record", "--seconds", "1", "--repeats", "1", "--connections", "1,8"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    runs = json.loads(done.stdout.splitlines()[-1])["summary"]["runs"]
    assert len(runs) == 8 and all(run["failed"] == run["unaccounted"] == 0 for run in runs)
    assert all(0 < run["p50_us"] <= run["p99_us"] and run["requests_per_second"] > 0 for run in runs)
