"""The model repository of Triton: its layout, and a config.pbtxt that is compared whole.

``REGENERATE=1 python -m pytest tests/runtime/test_triton_repository.py`` writes the golden files anew.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
from mothernet_runtime import load
from mothernet_runtime.cli import main
from mothernet_runtime.session import open_session
from mothernet_runtime.triton_repository import write_triton_model

GOLDEN = Path(__file__).parent / "triton"


def test_config_is_the_golden_one(model_path, typed_path, tmp_path):
    for name, path in (("plain", model_path), ("typed", typed_path)):
        folder = write_triton_model(path, tmp_path / "repository", name=name)
        assert folder == tmp_path / "repository" / name
        if os.environ.get("REGENERATE"):
            (GOLDEN / f"{name}.pbtxt").write_bytes((folder / "config.pbtxt").read_bytes())
        assert (folder / "config.pbtxt").read_text("utf-8") == (GOLDEN / f"{name}.pbtxt").read_text("utf-8")
        assert (folder / "1" / "model.onnx").read_bytes() == Path(path).read_bytes()
        assert (folder / "labels.txt").read_text("utf-8").splitlines() == [str(c) for c in load(path).classes_.tolist()]


def test_triton_reads_the_config(model_path, tmp_path):
    package = importlib.util.find_spec("tritonclient")
    source = Path(package.submodule_search_locations[0]) / "grpc" / "model_config_pb2.py"  # without grpc itself
    spec = importlib.util.spec_from_file_location("model_config_pb2", source)
    messages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(messages)
    from google.protobuf import text_format

    folder = write_triton_model(model_path, tmp_path)
    config = text_format.Parse((folder / "config.pbtxt").read_text("utf-8"), messages.ModelConfig())
    session = open_session(Path(model_path).read_bytes(), "m", None, 1, True)
    for expected, found in ((session.get_inputs(), config.input), (session.get_outputs(), config.output)):
        assert [each.name for each in found] == [each.name for each in expected]
        for graph, triton in zip(expected, found, strict=True):
            shape = triton.reshape.shape if triton.HasField("reshape") else triton.dims
            assert list(shape) == graph.shape[1:] and graph.shape[0] == "N"
            data_type = {"tensor(float)": "TYPE_FP32", "tensor(string)": "TYPE_STRING"}[graph.type]
            assert messages.DataType.Name(triton.data_type) == data_type
    assert config.max_batch_size > 0 and config.backend == "onnxruntime"


def test_graph_inputs_are_what_the_graph_takes(typed_path, model_path, rows):
    typed = {"price": ["2,50 €", "?"], "smoker": [True, None], "day": ["1.2.2024", ""]}
    typed |= {"code": [3, "Zürich"], "stamp": [1.7e9, 1.7e9 + 5], "share": ["5 %", 1]}
    for path, some in ((model_path, rows), (typed_path, typed)):
        model, session = load(path), open_session(Path(path).read_bytes(), "m", None, 1, True)
        inputs, expected = model.graph_inputs(some), session.get_inputs()
        assert [inputs[each.name].shape[1] for each in expected] == [each.shape[1] for each in expected]
        assert np.array_equal(session.run(["probabilities"], inputs)[0], model.predict_proba(some))


def test_classes_of_several_lines_have_no_file_of_labels(write_model, tmp_path):
    path, _ = write_model(classes=("a\nb", "c"))
    folder = write_triton_model(path, tmp_path / "repository")
    assert not (folder / "labels.txt").exists() and "label_filename" not in (folder / "config.pbtxt").read_text()


def test_a_core_and_an_ort_file_are_refused(child, tmp_path):
    exporter = pytest.importorskip("mothernet_export")
    exporter.to_onnx(child, tmp_path / "core.onnx", form="core")
    exporter.to_ort(child, tmp_path / "model.ort")
    for name, found in (("core.onnx", "is of the form core"), ("model.ort", "is an ORT file")):
        with pytest.raises(ValueError, match=found):
            write_triton_model(tmp_path / name, tmp_path / "repository")
    assert not (tmp_path / "repository").exists()


def test_command_says_where_it_wrote(model_path, tmp_path, capsys):
    assert main(["triton", model_path, str(tmp_path), "--name", "m"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'm'}\n"
    for name in ("a/b", "..", "", 'a"b'):
        assert main(["triton", model_path, str(tmp_path), "--name", name]) == 2
        assert "must be of letters, digits" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    with pytest.raises(SystemExit):
        main(["triton", model_path])
