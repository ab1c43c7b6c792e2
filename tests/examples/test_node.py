"""The Node example passes every conformance case; needs node and npm, which fetches a package on the first run."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE, CONFORMANCE = ROOT / "examples" / "node", ROOT / "tests" / "conformance"
MIXED = [CONFORMANCE / "cases" / "mixed" / name for name in ("model.onnx", "rows.csv")]
pytestmark = pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="needs node and npm")

# changes up to four bytes of a model, or cuts it, and counts the errors that are no plain Error
DAMAGE = """
const { readFileSync } = await import("node:fs");
const { readModelFile } = await import(process.argv[1]);
let seed = 1;
const random = (n) => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % n;
const whole = readFileSync(process.argv[2]);
for (let i = 0; i < 3000; i++) {
  const bytes = Buffer.from(whole.subarray(0, random(4) ? whole.length : random(whole.length)));
  for (let k = random(5); k && bytes.length; k--) bytes[random(bytes.length)] = random(256);
  try {
    readModelFile(bytes);
  } catch (error) {
    if (error.constructor !== Error) throw error;
  }
}
"""


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    """node_modules as package-lock.json wants it; installed again only when the lock file is newer."""
    with open(EXAMPLE / "package.json") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # parallel test processes
        installed = EXAMPLE / "node_modules" / ".package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < (EXAMPLE / "package-lock.json").stat().st_mtime:
            environment = os.environ | {"ONNXRUNTIME_NODE_INSTALL": "skip"}
            done = subprocess.run(["npm", "ci"], cwd=EXAMPLE, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            installed.touch()


def node(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["node", *arguments], capture_output=True, encoding="utf-8", timeout=60, **options)  # type: ignore[call-overload,no-any-return]


def test_node_passes_every_conformance_case() -> None:
    command = [sys.executable, CONFORMANCE / "run.py", "--", "node", EXAMPLE / "predict.mjs", "{model}", "{rows}"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=600)
    wrong = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert (done.returncode, wrong, done.stderr) == (0, [], "")


def test_node_reads_every_cell_of_the_table() -> None:
    done = node(EXAMPLE / "read_cells.mjs", CONFORMANCE / "cells.json")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert int(done.stdout.split()[0]) > 4_000


def test_node_takes_the_dialect_as_options(tmp_path: Path) -> None:
    lines = MIXED[1].read_text("utf-8").splitlines()[:2]
    (tmp_path / "rows.csv").write_bytes(
        "\r".join(lines).replace(",", "|").replace("Bern", "Z\xfcrich").encode("cp1252")
    )
    options = ["--delimiter", "pipe", "--encoding", "windows-1252"]
    done = node(EXAMPLE / "predict.mjs", MIXED[0], tmp_path / "rows.csv", *options)
    assert (done.returncode, done.stderr) == (0, "")
    for wrong, message in [([], "must be text in utf-8"), (["--delimiter", ":"], "must be comma, semicolon")]:
        done = node(EXAMPLE / "predict.mjs", MIXED[0], tmp_path / "rows.csv", *wrong)
        assert (done.returncode, done.stdout) == (2, "") and message in done.stderr


def test_node_warns_of_columns_that_are_mostly_unseen(tmp_path: Path) -> None:
    header, row = MIXED[1].read_text("utf-8").splitlines()[:2]
    for city, n_rows, warns in [("Bern", 5, False), ("BERN", 4, False), ("BERN", 5, True)]:
        (tmp_path / "rows.csv").write_text("\n".join([header, *[row.replace("Bern", city)] * n_rows]), "utf-8")
        done = node(EXAMPLE / "predict.mjs", MIXED[0], tmp_path / "rows.csv")
        assert (done.returncode, len(done.stdout.splitlines())) == (0, n_rows + 1)
        assert ('of column "city" are categories that the model does not know, such as "BERN"' in done.stderr) is warns


def test_a_damaged_model_never_crashes_node() -> None:
    done = node("--input-type=module", "--eval", DAMAGE, (EXAMPLE / "model_file.mjs").as_uri(), MIXED[0])
    assert (done.returncode, done.stderr) == (0, "")


def test_bad_usage_exits_2_in_node(tmp_path: Path) -> None:
    for arguments, message in [((), "usage:"), ((tmp_path / "none.onnx", MIXED[1]), "none.onnx")]:
        done = node(EXAMPLE / "predict.mjs", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr and len(done.stderr.splitlines()) == 1


def test_no_telemetry_file_appears_from_node(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY" and not k.startswith("XDG_")}
    environment |= {"HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    assert node(EXAMPLE / "predict.mjs", *MIXED, env=environment).returncode == 0
    assert os.listdir(tmp_path) == []


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in (EXAMPLE / "package-lock.json").read_text("utf-8")
