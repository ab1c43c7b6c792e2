"""Checks of a consumer in another language beyond the cases: odd CSV files, damaged models, options, many rows.

A consumer gives two commands: `predict MODEL ROWS`, and `reading tables|models FILE`, which prints what it reads (see
`examples/rust/examples/reading.rs`).
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mothernet_runtime
import pytest
from mothernet_export import to_onnx
from mothernet_runtime.file import read_model

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "conformance")]

import consumers  # noqa: E402
from definitions import CASES  # noqa: E402
from run import compare  # noqa: E402
from test_csv_readers_agree import mutated, options, read_by_python, table, write_file  # noqa: E402

ROOT = HERE.parents[1]
EXAMPLES, CONFORMANCE = ROOT / "examples", HERE.parent / "conformance"
MIXED = CONFORMANCE / "cases" / "mixed"
N_FILES, N_MODELS = 2_000, 600
Command = Sequence[str | Path]


def needs(*tools: str) -> pytest.MarkDecorator:
    """Skips tests where a tool is missing."""
    missing = [tool for tool in tools if not shutil.which(tool)]
    return pytest.mark.skipif(bool(missing), reason=f"needs {' and '.join(missing)}")


def environment() -> dict[str, str]:
    """With the shared library of the Python package onnxruntime."""
    return os.environ | {"ORT_DYLIB_PATH": consumers.shared_library()}


def run(command: Command, env: Mapping[str, str], timeout: float = 120) -> subprocess.CompletedProcess[str]:
    command = list(map(str, command))
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=timeout, env=env)


def build(name: str, *further: tuple[str, ...]) -> None:
    """Build a consumer, and run further commands in its folder."""
    consumer = consumers.named(name)
    assert consumers.build(consumer) == ""
    assert consumers.build(replace(consumer, build=further)) == ""


def check_conformance(predict: Command, env: Mapping[str, str]) -> None:
    command = [sys.executable, CONFORMANCE / "run.py", "--", *predict, "{model}", "{rows}"]
    done = run(command, env, timeout=600)
    wrong = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert (done.returncode, wrong, done.stderr) == (0, [], "")


def read_batch(command: Command, files: Sequence[tuple[dict[str, str], bytes]], path: Path, env: Any) -> list[Any]:
    """What a consumer prints of each file."""
    with open(path, "wb") as stream:
        for given, content in files:
            write_file(stream, given, content)
    done = run([*command, path], env)
    assert (done.returncode, done.stderr) == (0, "")
    answers = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
    assert len(answers) == len(files)
    return answers


def check_tables(reading: Command, env: Mapping[str, str], path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cells of 2,000 mutated CSV files are those that Python reads, or both find an error."""
    rng = random.Random(23)
    files = [(options(rng), mutated(table(rng), rng)) for _ in range(N_FILES)]
    for (given, content), answer in zip(files, read_batch([*reading, "tables"], files, path, env), strict=True):
        standard_input = SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(content)))
        monkeypatch.setattr("sys.stdin", standard_input)
        python = read_by_python(given, 1 << 20)
        if "error" not in python or "error" not in answer:
            assert answer == python, (given, content[:2000])


def damaged(whole: bytes, rng: random.Random) -> bytes:
    """A model of which some bytes are changed, or the end is cut off; hashes may be made anew."""
    content = bytearray(whole[: rng.randrange(len(whole))] if rng.random() < 0.2 else whole)
    for _ in range(rng.choice([0, 1, 1, 2, 4])):
        if content:
            content[rng.randrange(len(content))] = rng.choice([0, 1, 8, 34, 48, 57, 91, 125, 127, 128, 255])
    return bytes(content)


def check_models(reading: Command, env: Mapping[str, str], path: Path) -> None:
    """A damaged model is refused wherever Python refuses it, and otherwise read."""
    rng = random.Random(29)
    wholes = [
        (CONFORMANCE / "cases" / name / "model.onnx").read_bytes() for name in ("mixed", "date_parts", "currencies")
    ]
    files: list[tuple[dict[str, str], bytes]] = [({}, damaged(rng.choice(wholes), rng)) for _ in range(N_MODELS)]
    files += [({}, rng.randbytes(rng.randrange(300))) for _ in range(100)]
    answers = read_batch([*reading, "models"], files, path, env)
    for (_, content), answer in zip(files, answers, strict=True):
        try:
            read_model(content, "model.onnx")
        except ValueError:
            assert answer != "ok", content
        else:
            assert answer == "ok", answer
    assert 10 < answers.count("ok") < len(files) / 2  # both kinds are tried


ODD_ROWS = {
    "empty": b"",
    "line end": b"\n",
    "lone quote": b'"',
    "NUL": b"age,city\n1,a\0b\n",
    "bad UTF-8": b"age,city\n1,\xff\xfe\xfd\n",
    "other text": b"\x7fELF\x02\x01\x01" + bytes(200),
    "no columns": b",,,\n,,,\n",
    "damaged gzip": b"\x1f\x8b\x08\x00\x00\x00",
    "long name": b"x" * 100_000 + b",y\n1,2\n",
    "repeated name": b"age,age\n1,2\n",
    "many names": ",".join(f"é{i}" for i in range(200_000)).encode() + b"\n",
}


def check_odd_rows(predict: Command, env: Mapping[str, str], folder: Path) -> None:
    """Odd rows are one line on stderr and exit code 2; odd cells in sound rows are answers."""
    header, row, *_ = (MIXED / "rows.csv").read_bytes().split(b"\n")
    for name, content in ODD_ROWS.items():
        (folder / "rows.csv").write_bytes(content)
        done = run([*predict, MIXED / "model.onnx", folder / "rows.csv"], env)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), (name, done)
    whole = (MIXED / "rows.csv").read_bytes()
    right = run([*predict, MIXED / "model.onnx", MIXED / "rows.csv"], env).stdout
    for content in (b"\xef\xbb\xbf" + whole, whole.rstrip(), whole.decode().encode("utf-16")):
        (folder / "rows.csv").write_bytes(content)
        done = run([*predict, MIXED / "model.onnx", folder / "rows.csv"], env)
        assert (done.returncode, done.stdout) == (0, right)
    for long_row in row.replace(b"Bern", b"\xc3\xa9" * 100_000), row.replace(b",", b"," + b"9" * 50_000, 1):
        (folder / "rows.csv").write_bytes(header + b"\n" + long_row + b"\n")
        assert run([*predict, MIXED / "model.onnx", folder / "rows.csv"], env).returncode == 0
    path = folder / os.fsdecode(b"caf\xe9.csv")  # a name that is no UTF-8
    path.write_bytes(whole)
    assert run([*predict, MIXED / "model.onnx", path], env).stdout == right
    for arguments in (
        [],
        [folder / "none.onnx", MIXED / "rows.csv"],
        [MIXED / "model.onnx", folder / "none.csv"],
        [folder, folder],
        [MIXED / "model.onnx", MIXED / "rows.csv", "--delimiter"],
    ):
        done = run([*predict, *arguments], env)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done


def check_dialect(predict: Command, env: Mapping[str, str], folder: Path) -> None:
    lines = (MIXED / "rows.csv").read_text("utf-8").splitlines()[:2]
    rows = "\r".join(lines).replace(",", "|").replace("Bern", "Z\xfcrich")
    (folder / "rows.csv").write_bytes(rows.encode("cp1252"))
    command = [*predict, MIXED / "model.onnx", folder / "rows.csv"]
    done = run([*command, "--delimiter", "pipe", "--encoding", "windows-1252"], env)
    assert (done.returncode, done.stderr) == (0, "")
    for wrong, message in (
        ([], "must be text in utf-8"),
        (["--delimiter", ":"], "must be comma, semicolon"),
        (["--encoding", "ebcdic"], "encoding must be"),
    ):
        done = run([*command, *wrong], env)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
        assert message in done.stderr.lower()


def check_warning(predict: Command, env: Mapping[str, str], folder: Path) -> None:
    header, row = (MIXED / "rows.csv").read_text("utf-8").splitlines()[:2]
    for city, n_rows, warns in ("Bern", 5, False), ("BERN", 4, False), ("BERN", 5, True):
        (folder / "rows.csv").write_text("\n".join([header, *[row.replace("Bern", city)] * n_rows]), "utf-8")
        done = run([*predict, MIXED / "model.onnx", folder / "rows.csv"], env)
        assert (done.returncode, len(done.stdout.splitlines())) == (0, n_rows + 1)
        assert ('of column "city" are categories that the model does not know, such as "BERN"' in done.stderr) is warns


def check_many_rows(predict: Command, env: Mapping[str, str], folder: Path, n_rows: int = 25_000) -> None:
    """Answers of many rows, which take several calls of onnxruntime, are those of the Python runtime."""
    header, *rows = (CONFORMANCE / "cases" / "date_parts" / "rows.csv").read_text("utf-8").splitlines()
    random.Random(31).shuffle(rows := rows * (n_rows // len(rows) + 1))
    (folder / "rows.csv").write_text("\n".join([header, *rows]), "utf-8")
    model = CONFORMANCE / "cases" / "date_parts" / "model.onnx"
    done = run([*predict, model, folder / "rows.csv"], env)
    assert done.returncode == 0, done.stderr
    _, *found = csv.reader(io.StringIO(done.stdout))
    records = list(csv.DictReader(io.StringIO("\n".join([header, *rows]))))
    runtime = mothernet_runtime.load(model, on_unseen="ignore")
    labels, probabilities = runtime.predict_both({name: [record[name] for record in records] for name in records[0]})
    assert [row[0] for row in found] == list(map(str, labels.tolist()))
    differences = [
        abs(float(cell) - p)
        for row, ps in zip(found, probabilities, strict=True)
        for cell, p in zip(row[1:], ps, strict=True)
    ]
    assert max(differences) < 1e-6  # the same library on the same machine


def check_no_telemetry(predict: Command, env: Mapping[str, str], folder: Path) -> None:
    kept = {k: v for k, v in env.items() if k != "ORT_DISABLE_TELEMETRY" and not k.startswith("XDG_")}
    done = run(
        [*predict, MIXED / "model.onnx", MIXED / "rows.csv"], kept | {"HOME": str(folder), "TMPDIR": str(folder)}
    )
    assert done.returncode == 0 and os.listdir(folder) == []


Answer = tuple[Any, list[float]]


def check_typed_rows(predict: Command, env: Mapping[str, str], read: Callable[[str, list[Any]], Answer]) -> None:
    """Typed rows of every case, of which `predict MODEL ROWS.json` prints a line each.

    `read` takes a line and the classes, and gives the label and its row of probabilities.
    """
    for case in json.loads((CONFORMANCE / "manifest.json").read_text("utf-8"))["cases"]:
        if "rows_json" not in case:
            continue
        done = run([*predict, CONFORMANCE / case["model"], CONFORMANCE / case["rows_json"]], env)
        if "error" in case:
            assert (done.returncode, done.stdout) == (2, ""), case["name"]
            continue
        assert (done.returncode, done.stderr) == (0, ""), case["name"]
        expected = json.loads((CONFORMANCE / case["expected"]).read_text("utf-8"))
        answers = [read(line, expected["classes"]) for line in done.stdout.split("\n")[:-1]]
        assert [repr(label) for label, _ in answers] == list(map(repr, expected["labels"])), case["name"]
        for (_, found), probabilities in zip(answers, expected["probabilities"], strict=True):
            assert found == pytest.approx(probabilities, abs=1e-5), case["name"]


def check_core(predict: Command, env: Mapping[str, str], folder: Path, leave_out: str = "") -> None:
    """The rows of every case with answers, predicted by its numeric core."""
    n_compared = 0
    for case in CASES:
        if case.name == leave_out:
            continue
        to_onnx(case.child, folder / "core.onnx", form="core")
        place = CONFORMANCE / "cases" / case.name
        command = [*predict, folder / "core.onnx", place / "rows.csv"]
        done = subprocess.run(list(map(str, command)), capture_output=True, timeout=120, env=env)
        assert (done.returncode, done.stderr) == (0, b""), (case.name, done.stderr)
        expected = json.loads((place / "expected.json").read_text("utf-8"))
        compare(expected, done.stdout.decode(), 1e-5)
        n_compared += len(expected["labels"])
    assert n_compared > 200
