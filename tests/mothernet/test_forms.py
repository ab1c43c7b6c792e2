"""A table with columns of any type, fitted and exported in every form: all evaluators say what the reference says."""

from __future__ import annotations

import csv
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mothernet_export import check_file, to_c, to_onnx
from mothernet_export.c_writer.compiled import find_compiler

from mothernet.fitting.network import FitOptions, fit_network
from mothernet.tables import read_table

N_TRAIN, N_ROWS = 160, 60
Cells = list[str]


def numbers(rng: np.random.Generator, n: int) -> Cells:
    return [f"{value:.4g}" for value in rng.lognormal(2, 2, n)]


def whole_numbers(rng: np.random.Generator, n: int) -> Cells:
    return [str(value) for value in rng.integers(-3, 9, n)]


def prices(rng: np.random.Generator, n: int) -> Cells:
    return [f"{value:,.2f} €".translate(str.maketrans(",.", ".,")) for value in rng.lognormal(7, 1, n)]


def shares(rng: np.random.Generator, n: int) -> Cells:
    return [f"{value:.1f}%" for value in rng.uniform(0, 100, n)]


def seconds(rng: np.random.Generator, n: int) -> Cells:
    return [str(1_700_000_000 + value) for value in rng.integers(0, 5000, n)]


def truths(rng: np.random.Generator, n: int) -> Cells:
    return rng.choice(["yes", "no", "Yes"], n).tolist()


def days(rng: np.random.Generator, n: int) -> Cells:
    return [f"{value % 28 + 1}.{value % 12 + 1}.{2015 + value % 9}" for value in rng.integers(0, 9000, n)]


def instants(rng: np.random.Generator, n: int) -> Cells:
    return [f"2024-{value % 12 + 1:02}-{value % 28 + 1:02}T{value % 24:02}:30" for value in rng.integers(0, 9000, n)]


def words(rng: np.random.Generator, n: int) -> Cells:
    return rng.choice(["Bern", "Genève", "e\u0301", " padded", 'a "quote"'], n).tolist()


def many_words(rng: np.random.Generator, n: int) -> Cells:
    return [f"w{value}" for value in rng.integers(0, 40, n)]


def notes(rng: np.random.Generator, n: int) -> Cells:
    return [f"note {value}" for value in range(n)]


KINDS: dict[Callable[[np.random.Generator, int], Cells], tuple[str, Cells]] = {
    # the column's type, and cells that training need not have
    numbers: ("number", ["", "NA", "1e39", "-inf", "inf"]),
    whole_numbers: ("number", ["", "1000000"]),
    prices: ("number", ["", "-1,5", "(2,25 €)"]),
    shares: ("number", ["", "250%"]),
    seconds: ("number", ["", "0", "1700002500.25"]),
    truths: ("boolean", ["", "FALSE", "1"]),
    days: ("date", ["", "29.2.2000", "1999-12-31"]),
    instants: ("date", ["", "0001-01-01", "2024-01-01T00:00:00+02:00"]),
    words: ("category", ["", "unseen", "é", "bern"]),
    many_words: ("category", ["", "unseen"]),
    notes: ("ignored", ["anything"]),
}


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_form_of_any_table_says_what_the_reference_says(tmp_path: Path, data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(list(KINDS)[:-1]), min_size=1, max_size=7))
    kinds += data.draw(st.lists(st.just(notes), max_size=1))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    n_classes = data.draw(st.integers(2, 4))
    columns = {f"{kind.__name__} {i}": kind(rng, N_TRAIN) for i, kind in enumerate(kinds)}
    gaps = rng.random((len(columns), N_TRAIN)) < data.draw(st.sampled_from([0.0, 0.15]))
    columns = {
        name: ["" if gap else cell for cell, gap in zip(cells, row, strict=True)]
        for (name, cells), row in zip(columns.items(), gaps, strict=True)
    }
    first = next(iter(columns.values()))
    noise = rng.random(N_TRAIN) < 0.2
    labels = [f"class {(sum(map(ord, cell)) + odd) % n_classes}" for cell, odd in zip(first, noise, strict=True)]
    labels[: 4 * n_classes] = [f"class {k}" for k in range(n_classes)] * 4
    path = tmp_path / "table.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([[*columns, "label"], *zip(*columns.values(), labels, strict=True)])
    types = {name: KINDS[kind][0] for name, kind in zip(columns, kinds, strict=True)}
    table = read_table(path, "label", columns=types)
    child = fit_network(table.columns, table.target.to_numpy(), FitOptions(width=8), seed=0)

    rows = {
        name: [str(cell) for cell in rng.choice([*cells[:20], *KINDS[kind][1]], N_ROWS)]
        for (name, cells), kind in zip(columns.items(), kinds, strict=True)
    }
    to_onnx(child, tmp_path / "full.onnx")
    to_onnx(child, tmp_path / "core.onnx", form="core")
    to_c(child, tmp_path / "model.c")
    asked: dict[str, list[str]] = {}
    for name in ["full.onnx", "core.onnx", *["model.c"][: find_compiler() is not None]]:
        result = check_file(tmp_path / name, rows, child=child)
        assert result.ok, result
        asked[name] = [each.evaluator for each in result.evaluators if not each.skipped]
    assert asked["full.onnx"] == ["onnxruntime", "onnx.reference"]
    assert asked["core.onnx"] == ["onnxruntime", "onnx.reference", *["OpenVINO"][: find_spec("openvino") is not None]]
