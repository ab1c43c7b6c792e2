"""How many requests per second does one server answer, how long does each take, and is any lost?

    python benchmarks/serving.py [--seconds 10] [--repeats 3] [--connections 1,8,64] [--no-record]

A child is fitted to the example table and served by `mothernet-runtime serve`, one process. wrk (Debian's package), on
the same host and one thread, holds connections on which each request follows the answer to the one before. Requests:

    json    POST /predict with rows as dicts of the texts of a CSV file
    binary  POST /v2/models/parcels/infer, a tensor per column, all as bytes, as tritonclient sends them

of 1 and of 100 rows. Before and after, the answer to each is compared with the model's own. ``failed`` are connections
refused, broken or late, and answers of another status than 200; ``unaccounted`` is how many more requests the server
has counted than wrk, beyond those that its end cut off, one per connection at most; both must be 0. ``cpu_us`` is what
the server's process spends on a request. Reported are medians of ``--repeats`` runs.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mothernet_runtime
import numpy as np
import pandas as pd
from common.results import Run, benchmark_parser
from mothernet_export import to_onnx
from tqdm import tqdm

from mothernet import MotherNetClassifier
from mothernet.network.checkpoint import load_checkpoint
from mothernet.tables import read_table

EXAMPLE = Path(__file__).parents[1] / "examples" / "data" / "parcels_train.csv"
ROWS = (1, 100)
TIMEOUT_SECONDS = 10
PACKAGES = ("mothernet", "mothernet-runtime", "numpy", "onnxruntime", "starlette", "uvicorn", "httptools")
SCRIPT = """\
wrk.method = "POST"
wrk.body = io.open({body}, "rb"):read("*a")
{headers}
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('RESULT {{"requests": %d, "microseconds": %d, "failed": %d, "p50_us": %d, "p99_us": %d}}\\n',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True)
class Request:
    """What is sent, and what the answer must be."""

    kind: str
    n_rows: int
    path: str
    body: bytes
    answer: bytes
    headers: dict[str, str] = field(default_factory=dict)


def main() -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--seconds", type=int, default=10, metavar="N", help="of a run; default: %(default)s")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="default: %(default)s")
    parser.add_argument("--connections", default="1,8,64", metavar="A,B", help="default: %(default)s")
    args = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk must be installed, however: it is not. Run: apt-get install wrk")
    connections = [int(number) for number in args.connections.split(",")]
    protocol = {
        "table": "parcels",
        "connections": connections,
        "seconds": args.seconds,
        "repeats": args.repeats,
        "wrk": re.search(r"wrk ([^\s\[]+)", subprocess.run(["wrk", "-v"], capture_output=True, text=True).stdout)[1],  # type: ignore[index]
        "checkpoint": load_checkpoint().fingerprint,
    }
    run = Run.start("serving", __doc__, args, protocol, PACKAGES)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        model, rows = fitted_model(Path(folder) / "parcels.onnx")
        with served(Path(folder) / "parcels.onnx") as url:
            requests = [make(model, rows[:n]) for n in ROWS for make in (json_request, binary_request)]
            plan = [(r, n, repeat) for repeat in range(args.repeats) for r in requests for n in connections]
            for request in requests:
                check_answer(url, request)
            for request, n_connections, _ in tqdm(plan, file=sys.stderr):
                found.append(measured(url, request, n_connections, args.seconds, Path(folder)))
            for request in requests:
                check_answer(url, request)
    frame = pd.DataFrame(found)
    summary = frame.groupby(["request", "rows", "connections"]).median().reset_index()
    summary[["failed", "unaccounted"]] = (
        frame.groupby(["request", "rows", "connections"])[["failed", "unaccounted"]].sum().to_numpy()
    )
    print(summary.to_string(index=False))
    run.finish({"runs": summary.to_dict("records")}, found)
    return int(summary[["failed", "unaccounted"]].to_numpy().any())


def fitted_model(path: Path) -> tuple[Any, list[dict[str, str]]]:
    """The example's model, and rows of texts."""
    table = read_table(EXAMPLE, "outcome")
    to_onnx(MotherNetClassifier().fit(table.features, np.asarray(table.target)), path)
    model = mothernet_runtime.load(path)
    names = [column.name for column in model.columns_ if not column.is_ignored]
    frame = pd.read_csv(EXAMPLE, dtype=str, keep_default_na=False)[names]
    return model, frame.to_dict("records")


@contextlib.contextmanager
def served(path: Path) -> Iterator[str]:
    """The address of a server of its own process, which ends in order."""
    command = [sys.executable, "-m", "mothernet_runtime", "serve", path, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stderr.readline()  # type: ignore[union-attr]
            yield re.search(r"http://\S+", line)[0]  # type: ignore[index]
        finally:
            process.terminate()
    assert process.returncode == 0


def json_request(model: Any, rows: list[dict[str, str]]) -> Request:
    labels, probabilities = model.predict_both(rows)
    classes = model.classes_.tolist()
    answer = {
        "model": "parcels",
        "labels": labels.tolist(),
        "probabilities": [dict(zip(classes, row, strict=True)) for row in probabilities.tolist()],
    }
    body = json.dumps({"rows": rows}).encode()
    headers = {"Content-Type": "application/json"}
    return Request("json", len(rows), "/predict", body, json.dumps(answer, separators=(",", ":")).encode(), headers)


def binary_request(model: Any, rows: list[dict[str, str]]) -> Request:
    inputs, parts = [], []
    for name in rows[0]:
        texts = [row[name].encode() for row in rows]
        parts.append(b"".join(struct.pack("<I", len(text)) + text for text in texts))
        about = {"name": name, "shape": [len(rows)], "datatype": "BYTES"}
        inputs.append({**about, "parameters": {"binary_data_size": len(parts[-1])}})
    head = json.dumps({"inputs": inputs, "outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}]})
    answer = model.predict_proba(rows).tobytes()
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
    body = b"".join([head.encode(), *parts])
    return Request("binary", len(rows), "/v2/models/parcels/infer", body, answer, headers)


def check_answer(url: str, request: Request) -> None:
    """Raise SystemExit unless the server says what the model says."""
    asked = urllib.request.Request(url + request.path, request.body, request.headers)
    with urllib.request.urlopen(asked, timeout=TIMEOUT_SECONDS) as response:
        answer = response.read()
    if not answer.endswith(request.answer):
        raise SystemExit(f"the answer to {request.kind} must be the model's, however: {answer[:200]!r}")


def measured(url: str, request: Request, connections: int, seconds: int, folder: Path) -> dict[str, Any]:
    """A row of results: one run of wrk."""
    body, script = folder / "body", folder / "script.lua"
    body.write_bytes(request.body)
    headers = "\n".join(f"wrk.headers[{json.dumps(key)}] = {json.dumps(text)}" for key, text in request.headers.items())
    script.write_text(SCRIPT.format(body=json.dumps(str(body)), headers=headers))
    before = settled_counts(url)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={TIMEOUT_SECONDS}s", "-s", script]
    done = subprocess.run([*command, url + request.path], capture_output=True, text=True, check=True)
    after = settled_counts(url)
    result = json.loads(re.search(r"RESULT (.*)", done.stdout)[1])  # type: ignore[index]
    answered, cpu_seconds = (b - a for a, b in zip(before, after, strict=True))
    return {
        "request": request.kind,
        "rows": request.n_rows,
        "connections": connections,
        "requests_per_second": round(result["requests"] / result["microseconds"] * 1e6),
        "p50_us": result["p50_us"],
        "p99_us": result["p99_us"],
        "cpu_us": round(cpu_seconds / answered * 1e6),
        "failed": result["failed"],
        "unaccounted": max(0, result["requests"] - answered, answered - connections - result["requests"]),
    }


def settled_counts(url: str) -> tuple[int, float]:
    """The same once the server rests: what a run cut off is answered after its end."""
    counts = server_counts(url)
    while True:
        time.sleep(0.3)
        if (again := server_counts(url))[0] == counts[0]:
            return again
        counts = again


def server_counts(url: str) -> tuple[int, float]:
    """Requests that the server has answered with 200, and its CPU seconds."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=TIMEOUT_SECONDS) as response:
        text = response.read().decode()
    answered = re.findall(r'^mothernet_requests_total\{.*status="200"\} (\S+)$', text, re.MULTILINE)
    return int(sum(map(float, answered))), float(re.search(r"^process_cpu_seconds_total (\S+)$", text, re.MULTILINE)[1])  # type: ignore[index]


if __name__ == "__main__":
    sys.exit(main())
