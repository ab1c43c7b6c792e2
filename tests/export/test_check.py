"""The parity check itself must fail when it should."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mothernet_export import ChildNetwork, ClassTarget, NumericColumn, check_export, predict_proba, to_onnx


def test_another_networks_file_is_found_out(mixed_child: ChildNetwork, mixed_rows: Any) -> None:
    other = replace(mixed_child, first_bias=mixed_child.first_bias + np.arange(8))
    parity = check_export(to_onnx(other), mixed_child, *mixed_rows)
    assert not parity.ok
    assert parity.max_difference > 1e-3
    assert all(comparison.different_labels > 0 for comparison in parity.comparisons)


def test_swapped_class_names_are_found_out_though_probabilities_agree(
    mixed_child: ChildNetwork, mixed_rows: Any
) -> None:
    parity = check_export(to_onnx(replace(mixed_child, target=ClassTarget(("a", "b", "d")))), mixed_child, *mixed_rows)
    got = predict_proba(mixed_child, *mixed_rows).argmax(axis=1)
    assert [c.different_labels for c in parity.comparisons] == [np.count_nonzero(got == 2)] * 2
    assert parity.max_difference < 1e-6


def test_a_tie_is_counted_and_not_an_error(make_child: Any) -> None:
    child = make_child(NumericColumn("x", 0.0, (), False), classes=(0, 1, 2))
    tied = replace(child, first_bias=[0.0] * 8, output_weight=np.zeros((5, 3)))
    nearly = replace(tied, first_bias=[0.0] * 6 + [1e-6, 0.0])  # class 1 greater, by a few units in the last place
    parity = check_export(to_onnx(nearly), tied, np.zeros((4, 1)))
    assert parity.ok
    assert [(c.different_labels, c.tied_labels) for c in parity.comparisons] == [(0, 4)] * 2
    clearly = replace(tied, first_bias=[0.0] * 6 + [1e-5, 0.0])
    parity = check_export(to_onnx(clearly), clearly, np.zeros((4, 1)))
    assert [(c.different_labels, c.tied_labels) for c in parity.comparisons] == [(0, 0)] * 2
    assert not check_export(to_onnx(clearly), replace(tied, first_bias=[0.0] * 5 + [1e-5, 0, 0]), np.zeros((4, 1))).ok


def test_a_file_is_read_from_its_path(mixed_child: ChildNetwork, mixed_rows: Any, tmp_path: Path) -> None:
    to_onnx(mixed_child, tmp_path / "model.onnx")
    parity = check_export(tmp_path / "model.onnx", mixed_child, *mixed_rows, evaluator_rows=2)
    assert parity.ok and [c.rows for c in parity.comparisons] == [5, 2]


def test_a_file_of_another_table_is_refused(mixed_child: ChildNetwork, mixed_rows: Any, make_child: Any) -> None:
    model = to_onnx(make_child(NumericColumn("x", 0.0, (0.0, 1.0), False)))
    with pytest.raises(ValueError, match=r"must have inputs and outputs .*categorical.*however: \(\['numeric'\]"):
        check_export(model, mixed_child, *mixed_rows)


def test_without_rows_only_onnxruntime_is_asked(mixed_child: ChildNetwork, mixed_rows: Any) -> None:
    numeric, categorical = mixed_rows
    parity = check_export(to_onnx(mixed_child), mixed_child, numeric[:0], categorical[:0])
    assert parity.ok and [c.evaluator for c in parity.comparisons] == ["onnxruntime"]
    assert parity.skipped == ("onnx.reference",)
    parity = check_export(to_onnx(mixed_child), mixed_child, *mixed_rows)
    assert [c.evaluator for c in parity.comparisons] == ["onnxruntime", "onnx.reference"] and parity.skipped == ()


def test_the_check_and_the_import_bring_no_telemetry_and_nothing_large(tmp_path: Path) -> None:
    code = """if True:
        import sys
        import numpy as np
        from mothernet_export import ChildNetwork, ClassTarget, NumericColumn, check_export, to_onnx
        ramp, target = NumericColumn("x", 0, (0, 1), 0), ClassTarget((0, 1))
        child = ChildNetwork((ramp,), target, np.ones((1, 3)), np.zeros(3), np.ones((1, 2)))
        model = to_onnx(child)
        assert not {"torch", "pandas", "sklearn", "onnxruntime"} & set(sys.modules)
        assert check_export(model, child, [[0.5]]).ok
        assert "onnxruntime" in sys.modules
    """
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], check=False, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob("*")) == []
