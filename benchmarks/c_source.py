"""How long does a row take in the C source, and how much of a microcontroller does it take?

    python benchmarks/c_source.py --data DIR [--only diabetes,credit-g,vehicle,wdbc,titanic]

A child is fitted to at most 1,000 rows of each table and written as C with both kinds of weights. On this machine,
``typed_ns`` and ``text_ns`` are the processor time of one row of numbers and codes, and of one of raw cells (gcc -O2,
the least of 20 rounds over 100 rows); ``onnxruntime_ns`` is that of a bare ``InferenceSession.run`` of one row from
Python, on one thread, from matrices made before. For Cortex-M0+, M4F and M7 (arm-none-eabi-gcc -Os, with
--gc-sections), ``flash`` and ``ram`` are those of a program that predicts one row and does nothing else, and
qemu-system-arm runs 12 rows: instructions and bytes of stack of one row. Every answer is compared with the reference;
exits with 1 if one of float32 is further away than 1e-5. Compilers and qemu that are not installed are left out.
"""

from __future__ import annotations

import datetime
import math
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from common.predictors import open_session
from common.results import Run, benchmark_parser
from common.tables import add_data_arguments, halves, tables_of
from mothernet_export import CategoricalColumn, predict_proba, to_c, to_onnx
from mothernet_export.c_writer.fields import Field, fields_of
from mothernet_export.c_writer.literals import double_literal
from mothernet_runtime.columns import read_column
from tqdm import tqdm

from mothernet import MotherNetClassifier
from mothernet.network.checkpoint import load_checkpoint

SOURCES = Path(__file__).parent / "common"
TABLES = "diabetes,credit-g,vehicle,wdbc,titanic"
ROWS, BOARD_ROWS = 100, 12
TOLERANCE = 1e-5
PACKAGES = ("mothernet", "mothernet-export", "numpy", "onnxruntime", "torch")


class Board(NamedTuple):
    """A processor, and a machine of qemu that has it."""

    name: str
    machine: str
    options: tuple[str, ...]
    memory: tuple[str, str]  # flash, RAM
    instructions_per_tick: float  # of SysTick, with an instruction a nanosecond


BOARDS = [
    Board("M0+", "microbit", ("-mcpu=cortex-m0plus",), ("256K", "16K"), 62.5),
    Board("M4F", "mps2-an386", ("-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"), ("4M", "4M"), 40.0),
    Board("M7", "mps2-an500", ("-mcpu=cortex-m7", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"), ("4M", "4M"), 40.0),
]


def main() -> int:
    parser = benchmark_parser(__doc__)
    add_data_arguments(parser, suites="cc18,dev")
    parser.set_defaults(only=TABLES)
    args = parser.parse_args()
    tables = tables_of(parser, args)
    tools = {name: bool(shutil.which(name)) for name in ("gcc", "arm-none-eabi-gcc", "qemu-system-arm")}
    protocol = {"tables": [table.name for table in tables], "tools": tools, "checkpoint": load_checkpoint().fingerprint}
    run = Run.start("c_source", __doc__, args, protocol, PACKAGES)
    found: list[dict[str, Any]] = []
    for table in tqdm(tables, file=sys.stderr):
        data = table.read()
        train, test = halves(data.codes, 0)
        model = MotherNetClassifier().fit(data.features.iloc[train], data.labels[train])
        for weights in ("float32", "int8"):
            about = {"table": table.name, "weights": weights, "units": model.child_.width}
            found.append(about | measured(model, data.features.iloc[test[:ROWS]], weights, tools))
    frame = pd.DataFrame(found)
    print(frame.to_string(index=False))
    worst = frame[frame["weights"] == "float32"].filter(like="difference").max().max()
    run.finish({"tables": len(tables), "max_difference": worst}, found)
    return int(not worst <= TOLERANCE)


def measured(model: MotherNetClassifier, X: pd.DataFrame, weights: Any, tools: dict[str, bool]) -> dict[str, Any]:
    """A row of the results: one table with one kind of weights."""
    child, inputs = model.child_, model.graph_inputs(X)
    expected = predict_proba(child, inputs.get("numeric"), inputs.get("categorical"))
    fields = fields_of(child)
    columns = [read_column(field.name, field.column.rule, X[field.name]) for field in fields]  # type: ignore[union-attr]
    row = {"columns": len(fields), "classes": expected.shape[1], "onnxruntime_ns": onnxruntime_ns(model, inputs)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        to_c(child, folder / "model.c", weights=weights)
        if tools["gcc"]:
            write_rows(folder, fields, columns, len(X))
            command = ["gcc", "-std=gnu99", "-O2", "-I.", SOURCES / "c_host.c", "model.c", "-o", "host"]
            subprocess.run(command, cwd=folder, check=True)
            done = subprocess.run([folder / "host"], capture_output=True, text=True, check=True)
            row |= dict(zip(("typed_ns", "text_ns"), map(float, done.stdout.split()), strict=True))
        for board in BOARDS if tools["arm-none-eabi-gcc"] else []:
            write_rows(folder, fields, columns, 1)
            for kind, options in (("typed", []), ("text", ["-DTEXT"])):
                flash, ram = build(folder, board, options)
                row |= {f"{board.name}_{kind}_flash": flash, f"{board.name}_{kind}_ram": ram}
            if tools["qemu-system-arm"]:
                write_rows(folder, fields, columns, BOARD_ROWS)
                build(folder, board, ["-DRUN"])
                row |= {f"{board.name}_{key}": value for key, value in emulated(folder, board, expected)}
    return row


def onnxruntime_ns(model: MotherNetClassifier, inputs: dict[str, npt.NDArray[Any]]) -> float:
    """Processor time of a call for one row, the least of 20 rounds."""
    session = open_session(to_onnx(model).SerializeToString(), 1)
    n_rows = len(next(iter(inputs.values())))
    feeds = [{name: matrix[k : k + 1] for name, matrix in inputs.items()} for k in range(n_rows)]
    best = math.inf
    for _ in range(20):
        start = time.process_time_ns()
        for feed in feeds:
            session.run(["probabilities"], feed)
        best = min(best, (time.process_time_ns() - start) / n_rows)
    return round(best)


def write_rows(folder: Path, fields: Sequence[Field], columns: Sequence[npt.NDArray[Any]], n_rows: int) -> None:
    """The first rows as constants, raw and typed."""
    raw = [cell_texts(field, column[:n_rows]) for field, column in zip(fields, columns, strict=True)]
    typed = [typed_cells(field, column[:n_rows]) for field, column in zip(fields, columns, strict=True)]
    write_cells(folder, raw, typed)


def write_cells(folder: Path, raw: Sequence[Sequence[str]], typed: Sequence[Sequence[str]]) -> None:
    """Columns of raw cells, and of typed ones as literals, as constants in rows.h."""
    cells, rows = (
        ",\n".join("{" + ", ".join(row) + "}" for row in zip(*columns, strict=True))
        for columns in ([[string_literal(text) for text in column] for column in raw], typed)
    )
    (folder / "rows.h").write_text(
        f"#include <math.h>\nenum {{ ROWS = {len(raw[0])} }};\n"
        f"static const char *const CELLS[][MODEL_COLUMNS] = {{{cells}}};\n"
        f"static const model_row TYPED[] = {{{rows}}};\n"
    )


def typed_cells(field: Field, values: npt.NDArray[Any]) -> list[str]:
    """Literals of the values of a field."""
    if isinstance(field.column, CategoricalColumn):
        codes = {text: str(code) for code, text in enumerate(field.column.categories)}
        return [codes.get(text, "-1") for text in values]
    return ["NAN" if math.isnan(value) else double_literal(value) for value in values]


def cell_texts(field: Field, values: npt.NDArray[Any]) -> list[str]:
    """Texts that say the values of a field, in a way that its column writes them."""
    if isinstance(field.column, CategoricalColumn):
        return list(values)
    if field.type == "date":
        epoch = datetime.datetime(1970, 1, 1)
        return ["" if v != v else (epoch + datetime.timedelta(seconds=float(v))).isoformat() for v in values]
    sign = getattr(field.column.rule, "decimal", ".")  # type: ignore[union-attr]
    numbers = [int(v) if float(v).is_integer() else float(v) for v in np.where(values == values, values, 0.0)]
    return ["" if v != v else str(n).replace(".", sign) for v, n in zip(values, numbers, strict=True)]


def string_literal(text: str) -> str:
    """A text in UTF-8 as a string literal; octal escapes, which end after three digits."""
    plain = {byte: chr(byte) for byte in range(0x20, 0x7F)} | {ord(c): f"\\{c}" for c in '"\\?'}
    return '"' + "".join(plain.get(byte, f"\\{byte:03o}") for byte in text.encode()) + '"'


def build(folder: Path, board: Board, options: Sequence[str]) -> tuple[int, int]:
    """Bytes of flash and of RAM (without the stack) of a program for a board."""
    command = ["arm-none-eabi-gcc", "-std=gnu99", "-Os", "-mthumb", *board.options, *options, "-I."]
    command += ["-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", "-nostartfiles", "--specs=nosys.specs"]
    flash, ram = board.memory
    command += [f"-Wl,--defsym=FLASH_SIZE={flash}", f"-Wl,--defsym=RAM_SIZE={ram}", "-T", str(SOURCES / "c_board.ld")]
    subprocess.run([*command, SOURCES / "c_board.c", "model.c", "-lm", "-o", "board.elf"], cwd=folder, check=True)
    size = subprocess.run(["arm-none-eabi-size", folder / "board.elf"], capture_output=True, text=True, check=True)
    code, data, zeros = map(int, size.stdout.splitlines()[1].split()[:3])
    return code, data + zeros


def emulated(folder: Path, board: Board, expected: npt.NDArray[np.float32]) -> Iterator[tuple[str, float]]:
    """Instructions and stack of one row, typed and raw, and how far the answers are from those expected."""
    answers, said = run_on_board(folder, board)
    n_rows = len(answers) // 2
    for kind, (ticks, stack) in zip(("typed", "text"), said, strict=True):
        yield f"{kind}_instructions", round(ticks * board.instructions_per_tick / n_rows)
        yield f"{kind}_stack", stack
    yield "difference", float(np.abs(answers[:, 1:] - np.tile(expected[:n_rows], (2, 1))).max())


def run_on_board(folder: Path, board: Board) -> tuple[npt.NDArray[np.float64], list[tuple[int, int]]]:
    """Class and probabilities (2 N, 1 + C) of the N rows, typed and then raw; and of both the ticks and the stack."""
    command = ["qemu-system-arm", "-M", board.machine, "-nographic", "-icount", "shift=0"]
    command += ["-semihosting-config", "enable=on,target=native", "-kernel", folder / "board.elf"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    lines = [line.split() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    answers = [
        [int(line[0]) - 1000, *(struct.unpack("f", struct.pack("I", int(word)))[0] for word in line[1:])]
        for line in lines
        if line[0].isdigit()
    ]
    return np.array(answers), [(int(line[1]), int(line[3])) for line in lines if line[0] == "ticks"]


if __name__ == "__main__":
    sys.exit(main())
