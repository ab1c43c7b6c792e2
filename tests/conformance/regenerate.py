"""Writes all cases, cells.json and manifest.json beside this file: ``python tests/conformance/regenerate.py``; review
the diff.

Models come from mothernet_export, expected answers from evaluation.py and cell_grammar.py. With
``--to FOLDER`` they go elsewhere.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cell_grammar import text_form
from cell_table import cell_table
from definitions import CASES, Case, ErrorCase, error_cases
from definitions.case import Spelled
from definitions.model_edits import remove_exporter_version
from evaluation import class_text, graph_inputs, probabilities
from mothernet_export import CategoricalColumn, to_onnx

HERE = Path(__file__).parent
TOLERANCE = 1e-5  # of a probability
CLEAR_GAP = 1e-4  # between the two largest probabilities of a row, unless they are equal
FILES = {"model": "model.onnx", "rows_csv": "rows.csv", "rows_json": "rows.json", "expected": "expected.json"}


def main() -> None:
    """Make the folder `cases` and the manifest anew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=HERE, metavar="FOLDER", help="default: beside this script")
    folder = parser.parse_args().to
    shutil.rmtree(folder / "cases", ignore_errors=True)
    entries = [write_case(folder, case) for case in CASES] + [write_error(folder, case) for case in error_cases()]
    write(folder / "cells.json", cell_table().encode())
    write(folder / "manifest.json", (json.dumps({"cases": entries}, indent=1, ensure_ascii=False) + "\n").encode())


def write_case(folder: Path, case: Case) -> dict[str, Any]:
    """Write one case with answers; returns its entry in the manifest."""
    records = [dict(zip(case.header, map(value_of, row), strict=True)) for row in case.rows]
    categories = {column.name for column in case.child.columns if isinstance(column, CategoricalColumn)}
    texts = [
        [text_of(cell, name in categories) for name, cell in zip(case.header, row, strict=True)] for row in case.rows
    ]
    answers = []
    for record, text in zip(records, texts, strict=True):
        cells = graph_inputs(case.child, record)
        from_text = graph_inputs(case.child, dict(zip(case.header, text, strict=True)))
        assert repr(cells) == repr(from_text), f"{case.name}: rows.csv and rows.json differ: {from_text} and {cells}"
        answers.append(probabilities(case.child, cells))
    for row, answer in enumerate(answers):
        first, second = sorted(answer)[:-3:-1]
        is_clear = first == second or first - second > CLEAR_GAP
        assert is_clear, f"{case.name}, row {row}: the label is not clear; take another seed"

    files = {key: f"cases/{case.name}/{file}" for key, file in FILES.items()}
    write(folder / files["model"], model_bytes(case))
    csv_text = case.line_end.join(csv_line(row) for row in [case.header, *texts])
    csv_text += case.line_end if case.final_line_end else ""
    write(folder / files["rows_csv"], csv_text.encode("utf-8-sig" if case.byte_order_mark else "utf-8"))
    write(folder / files["rows_json"], f"{json_lines(records)}\n".encode())
    write(folder / files["expected"], expected_json(case.child.target.classes, answers).encode())
    return {"name": case.name, "about": case.about, **files, "rows": len(records), "tolerance": TOLERANCE}


def write_error(folder: Path, case: ErrorCase) -> dict[str, Any]:
    """Write what an error case has of its own; returns its entry in the manifest."""
    records = None if case.records is None else f"{json_lines(case.records)}\n".encode()
    files = {"model": "cases/mixed/model.onnx", "rows_csv": "cases/mixed/rows.csv"}
    for key, content in {"model": case.model, "rows_csv": case.rows, "rows_json": records}.items():
        if content is not None:
            files[key] = f"cases/{case.name}/{FILES[key]}"
            write(folder / files[key], content)
    error = {"exit_code": 2, "stdout": "", "message_holds": case.message}
    return {"name": case.name, "about": case.about, **files, "error": error}


def model_bytes(case: Case) -> bytes:
    """The case's model.onnx."""
    model = to_onnx(case.child, opset=case.opset, ir_version=case.ir_version)
    remove_exporter_version(model)
    if case.edit:
        case.edit(model)
    return bytes(model.SerializeToString(deterministic=True))


def expected_json(classes: Sequence[Any], answers: list[list[float]]) -> str:
    """Classes, and label and probabilities of each row; nine decimals, a ten-thousandth of the tolerance."""
    labels = [classes[answer.index(max(answer))] for answer in answers]
    rounded = [[round(p, 9) for p in answer] for answer in answers]
    texts = [class_text(label) for label in classes]
    return (
        f'{{"classes": {to_json(classes)},\n"class_texts": {to_json(texts)},\n'
        f'"labels": {to_json(labels)},\n"probabilities": {json_lines(rounded)}}}\n'
    )


def json_lines(values: Iterable[Any]) -> str:
    """A JSON array with a line for each value."""
    lines = ",\n".join(map(to_json, values))
    return f"[\n{lines}\n]" if lines else "[]"


def to_json(value: Any) -> str:
    """JSON on one line."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def value_of(cell: Any) -> Any:
    """The cell in rows.json."""
    return cell.value if isinstance(cell, Spelled) else cell


def text_of(cell: Any, is_category: bool) -> str:
    """The cell in rows.csv."""
    if isinstance(cell, Spelled):
        return cell.text
    return repr(cell) if not is_category and isinstance(cell, int | float) else text_form(cell)


def csv_line(cells: Sequence[str]) -> str:
    """One row of a CSV file by RFC 4180, quoted where needed; a lone blank is quoted, as a blank line is no row."""
    lone_blank = len(cells) == 1 and not cells[0]
    return ",".join(
        '"' + cell.replace('"', '""') + '"' if lone_blank or set(cell) & set(',"\r\n') else cell for cell in cells
    )


def write(path: Path, content: bytes) -> None:
    """Write a file, and its folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    main()
