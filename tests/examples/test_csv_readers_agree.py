"""The CSV readers of all languages give the same cells of the same bytes, or all an error, however odd the bytes."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import struct
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest
from mothernet_runtime.csv_files import RegularBlock, given_dialect, read_blocks

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "conformance"))

import consumers  # noqa: E402

JAVA = "examples/java/target"
N_FILES = 10_000

# each file is preceded by the length of its options, these, and its length; writes the cells or an error for each
READ_ALL = """
const { readFileSync, writeFileSync } = await import("node:fs");
const { givenDialect, readCsv } = await import(process.argv[1]);
const bytes = readFileSync(process.argv[2]);
const answers = [];
for (let at = 0; at < bytes.length; ) {
  const parts = [];
  for (let k = 0; k < 2; k++) {
    const size = bytes.readUInt32LE(at);
    parts.push(bytes.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  let answer;
  try {
    const { names, rows, lines, dialect } = readCsv(parts[1], givenDialect(JSON.parse(parts[0])));
    answer = { names, rows, lines, dialect: [dialect.delimiter, dialect.encoding] };
  } catch (error) {
    if (error.constructor !== Error) throw error;
    answer = { error: error.message };
  }
  answers.push(JSON.stringify(answer) + "\\n");
}
writeFileSync(process.argv[3], answers.join(""));
"""
CELLS = [*("", "a", "1.5", " x", "x ", " ", "a b", '"', '""', 'in"ch', "é", "日本", "\u2028", "\x1c", "\x85", "🙂")]
CELLS += ["\ufeff", "e\u0301", "1,5", "a;b", "x\ty", "p|q", "two\nlines", "two\r\nlines", "two\rlines", "sep=;", "\x0b"]
ODD = [
    b'"',
    b",",
    b";",
    b"\t",
    b"|",
    b"\n",
    b"\r",
    b"\r\n",
    b" ",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\x81",
]
ODD += [
    b"sep=;\n",
    b"SEP=\t\r",
    b'"sep=|"\n',
    b"\xed\xa0\x80",
    b"\xc3",
    b"a" * 3000,
    b'""',
    b'" ',
    b"\n\n",
    b"\x1f\x8b",
]


def table(rng: random.Random) -> bytes:
    """A table in some dialect, more or less well-formed."""
    delimiter, line_end = rng.choice(",;\t|"), rng.choice(["\n", "\r\n", "\r"])
    n_columns, quoting = rng.choice([1, 1, 2, 3, 4]), rng.random()

    def written(cell: str) -> str:
        must = any(sign in cell for sign in (delimiter, "\n", "\r")) or cell.startswith(('"', " "))
        if (must and rng.random() < 0.98) or rng.random() < quoting:
            spaces = rng.choice(["", "", "", " "])
            return f'{spaces}"{cell.replace(chr(34), chr(34) * 2)}"{rng.choice(["", "", "", " "])}'
        return cell

    lines = []
    for _ in range(rng.choice([1, 2, 3, 5, 8])):
        cells = [written(rng.choice(CELLS)) for _ in range(n_columns)]
        cells += [""] * (rng.random() < 0.02)
        lines.append(delimiter.join(cells) + (delimiter if rng.random() < 0.01 else ""))
        if rng.random() < 0.1:
            lines.append(rng.choice(["", "  ", "\t", " \t "]))
    if rng.random() < 0.1:
        lines.insert(0, rng.choice([f"sep={delimiter}", "", " ", "sep=,", "sep=x"]))
    if rng.random() < 0.05:  # every line ends with a delimiter
        lines = [line + delimiter for line in lines]
    if rng.random() < 0.03:  # beyond the sample and the limit of the standard library
        lines += [lines[-1]] * 300 if rng.random() < 0.5 else [rng.choice(["x", '"y', "é"]) * 140_000]
    ends = [line_end if rng.random() < 0.95 else rng.choice(["\n", "\r\n", "\r"]) for _ in lines]
    text = "".join(line + end for line, end in zip(lines, ends, strict=True))
    text = text if rng.random() < 0.7 else text[: -len(line_end)]
    encoding = rng.choice(["utf-8"] * 12 + ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") and rng.random() < 0.5 else ""
    return (mark + text).encode(encoding, "replace")


def mutated(content: bytes, rng: random.Random) -> bytes:
    """With some bytes changed, cut out, doubled or put in."""
    for _ in range(rng.choice([0, 0, 1, 1, 2, 4])):
        start = rng.randrange(len(content) + 1)
        end = min(len(content), start + rng.choice([0, 0, 1, 2, 10]))
        middle = rng.choice(
            [rng.choice(ODD), rng.choice(ODD), bytes([rng.randrange(128)]), b"", content[start:end] * 2]
        )
        content = content[:start] + middle + content[end:]
    return gzip.compress(content, mtime=0) + rng.choice([b"", b"", b"\0", b"x"]) if rng.random() < 0.05 else content


def options(rng: random.Random) -> dict[str, str]:
    """Options of a command line, mostly none."""
    given = {}
    if rng.random() < 0.1:
        given["delimiter"] = rng.choice([",", ";", "tab", "|"])
    if rng.random() < 0.1:
        given["encoding"] = rng.choice(["utf-8", "utf-16", "UTF-16-LE", "utf_16_be", "cp1252", "latin1"])
    return given


def read_by_python(given: dict[str, str], block_bytes: int) -> dict[str, Any]:
    """The names, cells and lines of standard input, or the error."""
    names: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for block in read_blocks("-", dialect=given_dialect(**given), block_bytes=block_bytes):
            columns = block.columns() if isinstance(block, RegularBlock) else block.columns
            names, dialect = block.names, [block.dialect.delimiter, block.dialect.encoding]
            rows += map(list, zip(*columns, strict=True))
            lines += block.lines
    except ValueError as error:
        return {"error": str(error)}
    return {"names": names, "rows": rows, "lines": lines, "dialect": dialect}


def write_file(stream: BinaryIO, given: dict[str, str], content: bytes) -> None:
    """Append options and a file to a batch."""
    for part in (json.dumps(given).encode(), content):
        stream.write(struct.pack("<I", len(part)) + part)


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """A file of options and CSV files, each with its length before it, and the answers of Python."""
    rng, path = random.Random(11), tmp_path_factory.mktemp("csv") / "batch"
    answers = []
    with open(path, "wb") as stream, pytest.MonkeyPatch.context() as patch:
        for _ in range(N_FILES):
            given, content = options(rng), mutated(table(rng), rng)
            standard_input = SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(content)))  # files take far longer
            patch.setattr("sys.stdin", standard_input)
            answers.append((given, content, read_by_python(given, rng.choice([1, 7, 64, 1000, 1 << 20]))))
            write_file(stream, given, content)
    return path, answers


def commands(path: Path) -> dict[str, list[str]]:
    """Per language what reads the file and writes a line of JSON for each CSV file in it."""
    reader = (ROOT / "examples" / "javascript" / "csv_reader.mjs").as_uri()
    classpath = ROOT / JAVA / "classpath"
    folders = [f"{JAVA}/classes", f"{JAVA}/test-classes", classpath.read_text() if classpath.exists() else ""]
    return {
        "node": ["node", "--input-type=module", "--eval", READ_ALL, reader, str(path), f"{path}.answers"],
        "go": ["go", "test", "-count=1", "-run", "TestReadAll", "./mothernet"],
        "java": ["java", "-cp", os.pathsep.join(folders), "mothernet.ReadAll", str(path), f"{path}.answers"],
    }


@pytest.mark.parametrize("name", ["node", "go", "java"])
def test_all_languages_read_the_same_cells_of_mutated_files(
    name: str, batch: tuple[Path, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, answers = batch
    consumer = consumers.named(name)
    missing = consumers.missing_tools(consumer)
    if missing:
        pytest.skip(f"{name} needs {' and '.join(missing)}")
    assert name == "node" or consumers.build(consumer) == ""
    monkeypatch.setenv("CSV_BATCH", str(path))
    monkeypatch.setenv("CSV_ANSWERS", f"{path}.answers")
    done = consumers.run(commands(path)[name], consumer, consumer.folder if name == "go" else ".")
    assert (done.returncode, done.stderr) == (0, "")
    lines = Path(f"{path}.answers").read_text("utf-8").split("\n")[:-1]
    assert len(lines) == N_FILES
    for (given, content, python), line in zip(answers, lines, strict=True):
        other = json.loads(line)
        if "error" not in python or "error" not in other:
            wanted = {key: python[key] for key in python if key in other or key != "dialect"}  # not all tell that
            assert wanted == other, (given, content[:2000])
    n_errors = sum("error" in answer for *_, answer in answers)
    assert 0.1 * N_FILES < n_errors < 0.7 * N_FILES  # both kinds are tried
