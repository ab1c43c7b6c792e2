"""The C source gives the answers of every conformance case on emulated microcontrollers, where they are installed."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from c_source import BOARDS, build, run_on_board, write_cells
from mothernet_export import to_c
from mothernet_export.c_writer.fields import fields_of
from mothernet_runtime.csv_files import read_csv

CONFORMANCE = Path(__file__).parents[1] / "conformance"
sys.path.insert(0, str(CONFORMANCE))

from definitions import CASES  # noqa: E402

TOOLS = ("arm-none-eabi-gcc", "qemu-system-arm")
NUMBERED = [(case, BOARDS[number % len(BOARDS)]) for number, case in enumerate(CASES) if case.rows]


@pytest.mark.slow
@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason="needs arm-none-eabi-gcc and qemu-system-arm")
@pytest.mark.parametrize(("case", "board"), NUMBERED, ids=[f"{case.name}-{board.name}" for case, board in NUMBERED])
def test_a_microcontroller_answers_the_conformance_case(case, board, tmp_path):
    folder = CONFORMANCE / "cases" / case.name
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    cells = {field.name: [] for field in fields_of(case.child)}
    for chunk in read_csv(str(folder / "rows.csv")):
        for name, column in zip(chunk.names, chunk.columns, strict=True):
            cells.get(name, []).extend(column)
    to_c(case.child, tmp_path / "model.c")
    write_cells(tmp_path, list(cells.values()), [["0"] * len(case.rows)] * len(cells))
    build(tmp_path, board, ["-DRUN"])
    answers = run_on_board(tmp_path, board)[0][len(case.rows) :]  # of the raw cells
    assert [case.child.target.classes[int(answer[0])] for answer in answers] == expected["labels"]
    np.testing.assert_allclose(answers[:, 1:], expected["probabilities"], rtol=0, atol=1e-5)
