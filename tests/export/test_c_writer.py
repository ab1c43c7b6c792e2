"""The C source compiles under strict compilers, whatever the names, and needs nothing that they do not bring."""

from __future__ import annotations

import ctypes
import doctest
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mothernet_export import (
    CategoricalColumn,
    ChildNetwork,
    IgnoredColumn,
    NumericColumn,
    check_c,
    predict_proba,
    to_c,
)
from mothernet_export.c_writer import file, identifiers, literals, quantization, texts
from mothernet_export.c_writer.compiled import CompiledChild
from mothernet_runtime.cells import CategoryRule, DateRule, NumberRule

sys.path.insert(0, str(Path(__file__).parent))

from c_programs import COMPILER, DIALECTS, STRICT, compiled, read_columns

Child = Callable[..., ChildNetwork]
needs_compiler = pytest.mark.skipif(not COMPILER, reason="needs a C compiler")

HOSTILE = [
    "int",
    'a "quoted" name',
    "two\nlines",
    "größe",
    "日本",
    "*/ int x; /*",
    "??/",
    "%s",
    "\\",
    "a b",
    "a_b",
    "A B",
]
HOSTILE += ["1st", "", "linux", "NULL", "x" * 5000, "\u202e", "double", "true", "class"]


@needs_compiler
def test_hostile_names_texts_and_labels_compile_everywhere(make_child: Child, tmp_path: Path) -> None:
    rules = [
        NumberRule(affix='"\\', missing=("?", "*/", "??!")),
        DateRule("dmy", ('"',)),
        CategoryRule(missing=('\\"',)),
    ]
    columns = [
        CategoricalColumn(name, tuple(text for text in HOSTILE if rules[2].read_text(text) == text), rule=rules[2])
        if i % 3 == 2
        else NumericColumn(name, 0.0, (0.0, 1.0), True, rule=rules[i % 3], part=("value", "days")[i % 3])
        for i, name in enumerate(HOSTILE)
    ]
    child = make_child(*columns, classes=tuple(sorted(HOSTILE)))
    for number, stem in enumerate(["int", "2024 data", "größe", "日本", "a.b-c"]):
        source = to_c(child, tmp_path / f"{stem}.c")
        dialect = DIALECTS[number % len(DIALECTS)]
        subprocess.run([*dialect, *STRICT, "-c", f"{stem}.c", "-o", "x.o"], cwd=tmp_path, check=True)
        assert source.source.replace(f"{stem}.h", "").isascii() and source.header.isascii()
    fields = [line.split()[1] for line in source.header.splitlines() if line.startswith("    ")]
    assert len(fields) == len(set(fields)) == len(HOSTILE)
    model = CompiledChild(source, child, COMPILER)
    found = [getattr(model._library, f"{source.name}_{what}") for what in ("label", "column")]
    for function, wanted in zip(found, [child.target.classes, HOSTILE], strict=True):
        function.restype = ctypes.c_char_p
        assert [function(k).decode() for k in range(len(wanted))] == list(wanted)
        assert function(-1) is None and function(len(wanted)) is None


@needs_compiler
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect[0])
def test_every_type_of_table_compiles_without_a_warning(
    dialect: list[str], mixed_child: ChildNetwork, spelled_child: ChildNetwork,
    make_child: Child, tmp_path: Path,
) -> None:  # fmt: skip
    number, text = NumericColumn("x", 0.0, (0.0, 1.0), False), CategoricalColumn("c", ("a",))
    indicator, unused = NumericColumn("x", 0.0, (), True), CategoricalColumn("c", ())
    day = NumericColumn("d", 0.0, (0.0, 1.0), False, rule=DateRule(), part="days")
    clock = NumericColumn("d", 0.0, (), True, rule=DateRule("time"), part="hour")
    tables = [
        (clock,),
        (replace(clock, missing_indicator=False),),
        (number,),
        (text,),
        (indicator,),
        (unused,),
        (day,),
        (number, text),
        (NumericColumn("x", 0.0, (), False),),
    ]
    children = [mixed_child, spelled_child, *(make_child(*table, width=k % 2) for k, table in enumerate(tables))]
    for k, child in enumerate(children):
        to_c(child, tmp_path / f"m{k}.c", weights=("float32", "int8")[k // 2 % 2])
    sources = [f"m{k}.c" for k in range(len(children))]
    subprocess.run([*dialect, *STRICT, "-c", *sources], cwd=tmp_path, check=True)


@needs_compiler
def test_nothing_is_called_that_the_compiler_does_not_bring(spelled_child: ChildNetwork, tmp_path: Path) -> None:
    to_c(spelled_child, tmp_path / "model.c")
    subprocess.run([COMPILER, "-std=c99", "-O2", "-ffreestanding", "-c", "model.c"], cwd=tmp_path, check=True)
    done = subprocess.run(["nm", "-u", "model.o"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) - {"U"} <= {"memcpy", "memmove", "memset", "_GLOBAL_OFFSET_TABLE_"}
    writable = subprocess.run(["nm", "model.o"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert not [line for line in writable.stdout.splitlines() if line.split()[-2] in "bBC"]


@needs_compiler
def test_a_compiler_that_knows_no_nan_is_refused(mixed_child: ChildNetwork, tmp_path: Path) -> None:
    to_c(mixed_child, tmp_path / "model.c")
    done = subprocess.run([COMPILER, "-ffast-math", "-c", "model.c"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0 and "missing cells are NaN" in done.stderr


def test_a_bad_path_or_option_is_refused_and_nothing_is_written(mixed_child: ChildNetwork, tmp_path: Path) -> None:
    for name, message in [("model.h", "must end in .c"), ("model", "must end in .c"), ('a"b.c', "C can include")]:
        with pytest.raises(ValueError, match=message):
            to_c(mixed_child, tmp_path / name)
    with pytest.raises(ValueError, match="weights must be one of 'float32', 'int8', however: 'int4'"):
        to_c(mixed_child, tmp_path / "model.c", weights="int4")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="folder that exists"):
        to_c(mixed_child, tmp_path / "none" / "model.c")
    with pytest.raises(TypeError, match="must be a ChildNetwork"):
        to_c("model", tmp_path / "model.c")
    assert list(tmp_path.iterdir()) == []


def test_sums_beyond_float32_are_refused(make_child: Child) -> None:
    column = NumericColumn("x", 0.0, (0.0, 1.0, 2.0), False)
    child = make_child(column, width=0)
    huge = ChildNetwork(child.columns, child.target, np.full((2, 2), 3e38), child.first_bias, child.output_weight)
    with pytest.raises(ValueError, match="must add up to finite numbers"):
        to_c(huge)


def test_the_source_depends_on_nothing_but_the_record_and_the_name(spelled_child: ChildNetwork, tmp_path: Path) -> None:
    one, two = to_c(spelled_child, tmp_path / "price list.c"), to_c(spelled_child, name="price list")
    assert (one.name, one.header) == (two.name, two.header) and one.name == "price_list"
    assert (tmp_path / "price list.c").read_text() == one.source
    assert (tmp_path / "price list.h").read_text() == one.header
    assert one.source == two.source.replace('"price_list.h"', '"price list.h"')


@needs_compiler
def test_int8_weights_are_a_quarter_as_large_and_nearly_as_right(make_child: Child, tmp_path: Path) -> None:
    columns = [NumericColumn(f"x{k}", 0.0, (-2.0, -1.0, 0.0, 1.0, 2.0), False) for k in range(10)]
    child = make_child(*columns, classes=("a", "b", "c"), width=40)
    numeric = np.random.default_rng(1).normal(size=(200, 10)).astype(np.float32)
    cells = {column.name: numeric[:, k] for k, column in enumerate(columns)}
    expected = predict_proba(child, numeric)
    _, exact = compiled(child).predict(cells)
    _, coarse = compiled(child, weights="int8").predict(cells)
    assert np.abs(exact - expected).max() < 1e-5 < np.abs(coarse - expected).max() < 0.1
    sizes = []
    for weights in ("float32", "int8"):
        to_c(child, tmp_path / "model.c", weights=weights)
        subprocess.run([COMPILER, "-Os", "-c", "model.c"], cwd=tmp_path, check=True)
        sizes.append((tmp_path / "model.o").stat().st_size)
    assert sizes[0] - sizes[1] > 0.7 * 4 * child.first_weight.size


@needs_compiler
def test_int8_weights_say_what_the_rounded_record_says(spelled_child: ChildNetwork, mixed_child: ChildNetwork) -> None:
    rng = np.random.default_rng(0)
    for child in (spelled_child, mixed_child):
        cells: dict[str, np.ndarray] = {}
        for parts in read_columns(child):
            if isinstance(parts[0], CategoricalColumn):
                cells[parts[0].name] = rng.choice(np.array(["", "unseen", *parts[0].categories], object), 100)
            else:
                scale = 1e9 if isinstance(parts[0].rule, DateRule) else 100.0
                cells[parts[0].name] = np.where(rng.random(100) < 0.2, np.nan, rng.normal(size=100) * scale)
        for weights in ("float32", "int8"):
            parity = check_c(to_c(child, weights=weights), child, cells, compiler=COMPILER)
            assert parity.ok and parity.comparisons[0].rows == 100, parity
        coarse = replace(to_c(child, weights="int8"), weights="float32")
        assert not check_c(coarse, child, cells, compiler=COMPILER).ok


def test_columns_without_influence_take_nothing_of_the_precision_of_int8(make_child: Child) -> None:
    used = NumericColumn("x", 0.0, (0.0, 1.0, 2.0), True)
    alone, beside = (
        quantization.quantized_layers(make_child(used, *(IgnoredColumn(f"i{k}") for k in range(n_ignored))))[0]
        for n_ignored in (0, 1_000)
    )
    np.testing.assert_array_equal(alone.multipliers, beside.multipliers)


@needs_compiler
def test_a_source_that_says_something_else_is_found(mixed_child: ChildNetwork) -> None:
    source = to_c(mixed_child)
    cells = {parts[0].name: np.array([1.0, 2.0]) for parts in read_columns(mixed_child)}
    cells |= {name: np.array(["Bern", ""], object) for name in ("city", "id", "home")}
    assert check_c(source, mixed_child, cells).ok
    wrong = replace(source, source=source.source.replace("share * ", "").replace("1.0f - share", "0.9f - share"))
    assert wrong.source != source.source and not check_c(wrong, mixed_child, cells).ok
    with pytest.raises(RuntimeError, match="must compile the source"):
        check_c(replace(source, source="int main"), mixed_child, cells)


@needs_compiler
def test_a_date_that_is_none_is_an_error_of_its_column(spelled_child: ChildNetwork) -> None:
    model = compiled(spelled_child)
    row = {"price": 1.0, "share": 0.5, "member": 1.0, "day": 1.7e9, "branch": "3", "seconds": 1.7e9, "opens": 30_000.0}
    model.predict({name: np.array([value], object) for name, value in row.items()})
    for day in (np.inf, -np.inf, 1e12, -7e10):
        with pytest.raises(ValueError, match="error -4"):
            model.predict({name: np.array([value], object) for name, value in (row | {"day": day}).items()})


@pytest.mark.parametrize("module", [file, identifiers, literals, quantization, texts])
def test_docstring_examples_run(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted > 0 and result.failed == 0


@pytest.mark.skipif(not shutil.which("nm"), reason="needs binutils")
def test_constants_are_counted_as_the_compiler_stores_them(spelled_child: ChildNetwork, tmp_path: Path) -> None:
    for weights in ("float32", "int8"):
        source = to_c(spelled_child, tmp_path / "model.c", weights=weights)
        subprocess.run([COMPILER, "-O0", "-c", "model.c"], cwd=tmp_path, check=True)
        said = subprocess.run(["nm", "-S", tmp_path / "model.o"], check=True, capture_output=True, text=True).stdout
        size = {fields[3]: int(fields[1], 16) for fields in map(str.split, said.splitlines()) if len(fields) == 4}
        arrays = re.findall(r"^static const (?!.*_rule).*?(\w+)\[\] = \{$", source.source, re.M)
        assert {"texts", "knots", "first_weights"} <= set(arrays)
        assert source.constant_bytes == sum(size[name] for name in arrays)
