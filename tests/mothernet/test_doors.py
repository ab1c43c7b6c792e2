"""One table through every door gives one model and the same answers: files in random dialects and spellings, frames of
several libraries, dicts, and the runtime."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import mothernet_runtime
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mothernet_export import ChildNetwork, to_onnx
from mothernet_runtime.cli import main as runtime_main

from mothernet import MotherNetClassifier
from mothernet.tables import read_table

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))

import consumers

N = 80
SPELLINGS = {True: ["True", "true", "YES", "1", "1.0", "t"], False: ["False", "false", "no", "0", "0.0", "N"]}


def clean(seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers with gaps, whole numbers, booleans, dates and categories, and labels that follow from them."""
    rng = np.random.default_rng(seed)
    x = np.where(rng.random(N) < 0.15, np.nan, rng.normal(1000, 700, N).round(2))
    frame = pd.DataFrame(
        {
            "x": x,
            "pieces": rng.integers(1, 900, N) * 7,
            "active": rng.random(N) < 0.5,
            "day": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 700, N), "D"),
            "town": rng.choice(["Bern", "Genève", "Basel", None], N),
        }
    )
    score = np.nan_to_num(x, nan=900) / 700 + frame["active"] + (frame["town"] == "Bern")
    return frame, np.where(score > score.median(), "yes", "no")


def written(frame: pd.DataFrame, y: np.ndarray | None, rng: np.random.Generator, style: dict[str, Any]) -> str:
    """The table as people write it."""

    def number(value: float) -> str:
        if np.isnan(value):
            return str(rng.choice(style["missing"]))
        text = f"{value:,.2f}".replace(",", "G").replace(".", style["decimal"]).replace("G", style["group"])
        return style["affix"].format(text)

    rows = []
    for i, row in enumerate(frame.itertuples(index=False)):
        day = row.day.strftime(style["date"])
        town = "" if row.town is None or row.town != row.town else f"{style['space']}{row.town}{style['space']}"
        cells = [number(row.x), str(row.pieces), str(rng.choice(SPELLINGS[bool(row.active)])), day, town]
        rows.append(cells if y is None else [*cells, f"{y[i]}{style['space']}"])
    out = io.StringIO()
    quoting = csv.QUOTE_ALL if style["quoted"] else csv.QUOTE_MINIMAL
    writer = csv.writer(out, delimiter=style["delimiter"], lineterminator=style["end"], quoting=quoting)
    writer.writerows([[*frame, *([] if y is None else ["y"])], *rows])
    return out.getvalue()


STYLES = st.fixed_dictionaries(
    {
        "marks": st.sampled_from([(".", ""), (",", ""), (",", "."), (".", ","), (".", "'"), (",", " ")]),
        "affix": st.sampled_from(["{}", "${}", "{} €", "{} kg"]),
        "missing": st.sampled_from([[""], ["NA"], ["?", ""], ["n/a", "-"]]),
        "date": st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%dT%H:%M:%S", "%d %b %Y"]),
        "space": st.sampled_from(["", " "]),
        "quoted": st.booleans(),
        "delimiter": st.sampled_from([",", ";", "\t", "|"]),
        "end": st.sampled_from(["\n", "\r\n", "\r"]),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    }
)


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    frame, y = clean()
    return MotherNetClassifier(width=8).fit(frame, y).predict_proba(clean(1)[0])


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(style=STYLES, seed=st.integers(0, 99))
def test_a_table_in_any_dialect_gives_the_answers_of_its_clean_twin(
    tmp_path: Path, expected: np.ndarray, style: dict[str, Any], seed: int
) -> None:
    style = {**style, "decimal": style["marks"][0], "group": style["marks"][1]}
    rng = np.random.default_rng(seed)
    (frame, y), (rows, _) = clean(), clean(1)
    train, predict = tmp_path / "train.csv", tmp_path / "predict.csv"
    train.write_bytes(written(frame, y, rng, style).encode(style["encoding"]))
    predict.write_bytes(written(rows, None, rng, style).encode(style["encoding"]))
    table = read_table(train, "y")
    assert [rule.type for rule in table.rules.values()] == ["number", "number", "boolean", "date", "category"]
    model = MotherNetClassifier(width=8, columns=table.rules).fit(table.features, table.target.to_numpy())
    to_onnx(model, tmp_path / "model.onnx")
    assert runtime_main(["predict", str(tmp_path / "model.onnx"), str(predict), "-o", str(tmp_path / "out.csv")]) == 0
    got = pd.read_csv(tmp_path / "out.csv")[["probability_no", "probability_yes"]].to_numpy()
    assert np.abs(got - expected).max() < 1e-5  # the parity we promise
    # as typed cells as well: what a program passes
    typed = mothernet_runtime.load(tmp_path / "model.onnx").predict_proba(rows)
    assert np.abs(typed - expected).max() < 1e-5


NODE = Path(__file__).parents[2] / "examples" / "node"


@pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="needs node and npm")
@pytest.mark.parametrize("k", range(4))
def test_node_reads_the_dialects_too(tmp_path: Path, expected: np.ndarray, k: int) -> None:
    marks, affix = [(",", "."), (".", ","), (",", " "), (".", "'")][k], ["{} €", "${}", "{} kg", "{}"][k]
    style = {
        "decimal": marks[0],
        "group": marks[1],
        "affix": affix,
        "missing": [["NA"], ["?", ""], ["-"], ["n/a"]][k],
        "date": ["%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%dT%H:%M:%S", "%d %b %Y"][k],
        "space": " ",
        "quoted": k % 2 == 0,
        "delimiter": ";,\t|"[k],
        "end": ["\n", "\r\n", "\r", "\n"][k],
    }
    rng = np.random.default_rng(k)
    (frame, y), (rows, _) = clean(), clean(1)
    train, predict = tmp_path / "train.csv", tmp_path / "predict.csv"
    train.write_bytes(written(frame, y, rng, style).encode())
    predict.write_bytes(written(rows, None, rng, style).encode("utf-16" if k == 3 else "utf-8"))
    table = read_table(train, "y")
    model = MotherNetClassifier(width=8, columns=table.rules).fit(table.features, table.target.to_numpy())
    to_onnx(model, tmp_path / "model.onnx")
    assert consumers.build(consumers.named("node")) == ""
    command = ["node", str(NODE / "predict.mjs"), str(tmp_path / "model.onnx"), str(predict)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    got = pd.read_csv(io.StringIO(done.stdout))[["probability_no", "probability_yes"]].to_numpy()
    assert np.abs(got - expected).max() < 1e-5


def same(one: ChildNetwork, two: ChildNetwork) -> bool:
    return np.array_equal(one.first_weight, two.first_weight) and np.array_equal(one.output_weight, two.output_weight)


def doors(frame: pd.DataFrame) -> dict[str, Any]:
    polars, pyarrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    objects = frame.astype(object).where(frame.notna(), None)
    table = pyarrow.Table.from_pandas(frame, preserve_index=False)
    return {
        "nullable": frame.convert_dtypes(),
        "arrow-backed": frame.convert_dtypes(dtype_backend="pyarrow"),
        "objects": objects,
        "polars": polars.from_pandas(frame),
        "lazy polars": polars.from_pandas(frame).lazy(),
        "pyarrow": table,
        "dict of columns": {name: list(objects[name]) for name in objects},
        "list of dicts": objects.to_dict("records"),
        "strings": frame.astype({"x": str, "pieces": str, "active": str, "day": str}),
    }


@pytest.mark.parametrize("door", list(doors(clean()[0])))
def test_frames_of_every_library_give_the_same_model_and_answers(tmp_path: Path, door: str) -> None:
    (frame, y), (rows, _) = clean(), clean(1)
    model = MotherNetClassifier(width=8).fit(frame, y)
    expected = model.predict_proba(rows)
    to_onnx(model, tmp_path / "model.onnx")
    through = doors(frame)[door]
    other = MotherNetClassifier(width=8).fit(through, y)
    assert same(model.child_, other.child_)
    assert np.array_equal(other.predict_proba(doors(rows)[door]), expected)
    runtime = mothernet_runtime.load(tmp_path / "model.onnx")
    assert np.abs(runtime.predict_proba(doors(rows)[door]) - expected).max() < 1e-5


def test_parquet_says_the_same_as_the_frame_it_was_written_from(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    frame, y = clean()
    frame.assign(y=y).to_parquet(tmp_path / "table.parquet")
    table = read_table(tmp_path / "table.parquet", "y")
    model = MotherNetClassifier(width=8, columns=table.rules).fit(table.features, table.target.to_numpy())
    assert same(model.child_, MotherNetClassifier(width=8).fit(frame, y).child_)


def test_an_array_of_strings_is_read_as_its_cells_say() -> None:
    frame, y = clean()
    cells = frame[["x", "pieces", "town"]].astype(str).to_numpy()
    model = MotherNetClassifier(width=8).fit(cells.astype("U32"), y)
    assert [column.rule.type for column in model.child_.columns] == ["number", "number", "category"]


def test_sparse_matrices_are_refused_clearly() -> None:
    from scipy.sparse import csr_matrix

    with pytest.raises(TypeError, match=r"[Ss]parse"):
        MotherNetClassifier(width=8).fit(csr_matrix(np.eye(20)), np.arange(20) % 2)
