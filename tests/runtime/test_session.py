"""Opening a session: threads, providers, telemetry."""

import os
import subprocess
import sys
import warnings

import onnxruntime
import pytest
from mothernet_runtime import load


@pytest.mark.parametrize("threads", [-1, 1.5, True, "2"])
def test_threads_must_be_a_count(model_path, threads):
    with pytest.raises(ValueError, match="threads must be an integer >= 0"):
        load(model_path, threads=threads)


@pytest.mark.parametrize("providers", [None, "cpu", "CPU", "CPUExecutionProvider", ["cpu"], [("cpu", {})]])
def test_names_of_the_cpu_are_understood_without_warning(model_path, providers):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(model_path, providers=providers).info()["providers"] == ["CPUExecutionProvider"]


def test_auto_never_takes_a_remote_service(model_path):
    assert "AzureExecutionProvider" not in load(model_path, providers="auto").info()["providers"]


def test_provider_that_is_not_there_falls_back_with_a_warning(model_path, rows):
    # "js" runs in browsers only, so that this holds on machines with a GPU too
    with pytest.warns(
        UserWarning, match="asked for JsExecutionProvider, .* offers .*; the session runs on CPU"
    ) as seen:
        model = load(model_path, providers=["js", "cpu"])
    assert seen[0].filename == __file__  # the warning points at the caller
    assert len(model.predict(rows)) == len(rows)
    with pytest.raises(ValueError, match="asked for JsExecutionProvider"):
        load(model_path, providers="js", strict=True)


def test_provider_nobody_knows_is_an_error_that_lists_names(model_path):
    with pytest.raises(ValueError, match=r"of .*cpu, cuda.*, however: 'gpu'"):
        load(model_path, providers="gpu")


def test_cuda_is_asked_for_first_and_in_full_precision(model_path, monkeypatch):
    opened, real = [], onnxruntime.InferenceSession

    def session(data, options, providers, enable_fallback):
        opened.append(providers)
        return real(data, options, providers=["CPUExecutionProvider"])  # as if the driver were missing

    available = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    with pytest.warns(UserWarning, match="the session runs on CPUExecutionProvider"):
        load(model_path, providers="auto")
    with pytest.warns(UserWarning, match="asked for CUDAExecutionProvider"):
        load(model_path, providers=[("cuda", {"device_id": 1})])
    assert opened == [
        [("CUDAExecutionProvider", {"use_tf32": "0"}), ("CPUExecutionProvider", {})],
        [("CUDAExecutionProvider", {"device_id": 1}), ("CPUExecutionProvider", {})],
    ]


def test_provider_that_fails_to_start_falls_back_with_its_reason(model_path, monkeypatch, capfd):
    real = onnxruntime.InferenceSession

    def session(data, options, providers, enable_fallback):
        if providers[0][0] != "CPUExecutionProvider":
            raise RuntimeError("no device\nfound")
        return real(data, options, providers=providers, enable_fallback=enable_fallback)

    available = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    with pytest.warns(
        UserWarning, match=r"runs on CPUExecutionProvider \(onnxruntime .* cannot open .*: no device found"
    ):
        assert load(model_path, providers="cuda").check()["rows"] == 8
    with pytest.raises(ValueError, match="no device found"):
        load(model_path, providers="cuda", strict=True)
    assert capfd.readouterr() == ("", "")


def test_no_telemetry_file_appears(model_path, tmp_path):
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY" and not k.startswith("XDG_")}
    environment |= {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    code = (
        "import sys, mothernet_runtime as r; assert 'onnxruntime' not in sys.modules; "
        f"m = r.load({model_path!r}); m.check(); print(len(m.classes_))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "3"
    assert [str(path) for folder in (home, temporary) for path in folder.rglob("*")] == []


def test_a_choice_about_telemetry_in_the_environment_stands(model_path, monkeypatch):
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    load(model_path)
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "0"
