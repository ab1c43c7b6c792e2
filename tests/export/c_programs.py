"""C source compiled and run for the tests of its writer; no tests here."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mothernet_export import ChildNetwork, IgnoredColumn, to_c
from mothernet_export.c_writer.compiled import CompiledChild, find_compiler
from mothernet_runtime.csv_files import read_csv

HERE = Path(__file__).parent
CONFORMANCE = HERE.parent / "conformance"
sys.path.insert(0, str(CONFORMANCE))

from definitions import CASES, Case  # noqa: E402

__all__ = [
    "CASES",
    "COMPILER",
    "CONFORMANCE",
    "DIALECTS",
    "STRICT",
    "Case",
    "Columns",
    "compiled",
    "csv_cells",
    "program",
    "read_columns",
    "read_json",
    "run",
]

COMPILER = find_compiler() or ""
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-O1"]
DIALECTS = [
    [compiler, *options]
    for compiler, options in [
        ("gcc", ["-std=c99"]),
        ("clang", ["-std=c99"]),
        ("g++", ["-std=c++11", "-x", "c++"]),
        ("clang++", ["-std=c++11", "-x", "c++"]),
    ]
    if shutil.which(compiler)
]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g"]

Columns = dict[str, list[str | None]]


def read_json(*parts: str) -> Any:
    return json.loads(CONFORMANCE.joinpath(*parts).read_text("utf-8"))


def compiled(child: ChildNetwork, *options: str, **choices: Any) -> CompiledChild:
    return CompiledChild(to_c(child, **choices), child, COMPILER, ("-std=c99", *(options or ("-O0",))))


def read_columns(child: ChildNetwork) -> list[Any]:
    """Per raw column that is read its columns of the record."""
    return [parts for parts in child.raw_columns if not isinstance(parts[0], IgnoredColumn)]


def program(child: ChildNetwork, folder: Path, **choices: Any) -> Path:
    """A program that predicts the cells of its standard input, with sanitizers."""
    to_c(child, folder / "model.c", **choices)
    command = [COMPILER, "-std=c99", *STRICT, *SANITIZERS, HERE / "c_program.c", "model.c"]
    subprocess.run([*command, "-I.", "-o", "program"], cwd=folder, check=True)
    return folder / "program"


def run(path: Path, rows: Iterable[Sequence[str | bytes | None]]) -> list[list[str]]:
    """What the program says of each row, in words."""
    cells = [cell.encode() if isinstance(cell, str) else cell for row in rows for cell in row]
    stdin = b"".join(struct.pack("i", -1 if cell is None else len(cell)) + (cell or b"") for cell in cells)
    done = subprocess.run([path], input=stdin, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    return [line.split(" ") for line in done.stdout.decode().splitlines()]


def csv_cells(path: Path, child: ChildNetwork) -> Columns:
    columns: Columns = {parts[0].name: [] for parts in read_columns(child)}
    for chunk in read_csv(str(path)):
        for name, cells in zip(chunk.names, chunk.columns, strict=True):
            columns.get(name, []).extend(cells)
    return columns
