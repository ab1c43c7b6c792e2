"""The wheel in an environment of its own: what a user installs, and what that imports."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FORBIDDEN = {"mothernet", "mothernet_export", "onnx", "pandas", "pyarrow", "scipy", "sklearn", "torch"}
REPORT = """
import json, sys, mothernet_runtime, importlib.metadata
model = mothernet_runtime.load(sys.argv[1])
rows = [dict.fromkeys(model.feature_names_in_), dict(age=31, city="Bern", fare=1.5, constant=0, code=3, note="")]
print(json.dumps({
    "checked": model.check()["rows"],
    "labels": model.predict(rows).tolist(),
    "modules": sorted({name.partition(".")[0] for name in sys.modules}),
    "installed": sorted(d.metadata["Name"].lower() for d in importlib.metadata.distributions()),
    "typed": importlib.metadata.files("mothernet-runtime") is not None
    and any(file.name == "py.typed" for file in importlib.metadata.files("mothernet-runtime")),
}))
"""


def make_environment(folder: Path) -> Path:
    """Path of a virtual environment with the runtime's wheel and what it needs (MOTHERNET_RUNTIME_VENV if set)."""
    given = os.environ.get("MOTHERNET_RUNTIME_VENV")
    if given:
        return Path(given).resolve()
    wheels, environment = folder / "wheels", folder / "venv"
    pip = ["-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([sys.executable, *pip, "wheel", "--no-deps", "-w", wheels, ROOT / "runtime"], check=True)
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    (wheel,) = wheels.glob("mothernet_runtime-*.whl")
    subprocess.run([python_of(environment), *pip, "install", wheel], check=True)
    return environment


def python_of(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def test_wheel_imports_onnxruntime_and_numpy_and_nothing_else(model_path, rows_path, tmp_path):
    environment = make_environment(tmp_path)
    arguments = [python_of(environment), "-I", "-c", REPORT, model_path]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["checked"] == 8
    assert len(report["labels"]) == 2
    assert {"mothernet_runtime", "numpy", "onnxruntime"} <= set(report["modules"])
    assert not FORBIDDEN & set(report["modules"])
    assert not (FORBIDDEN | {"mothernet-export", "scikit-learn"}) & set(report["installed"])
    third_party = set(report["modules"]) - set(sys.stdlib_module_names) - {"__mp_main__", "mothernet_runtime"}
    assert {name for name in third_party if not name.startswith("_")} <= {"numpy", "onnxruntime"}

    script = python_of(environment).with_name("mothernet-runtime" + (".exe" if os.name == "nt" else ""))
    done = subprocess.run([script, "predict", model_path, rows_path], capture_output=True, text=True)
    assert (done.returncode, done.stdout.count("label,")) == (0, 1), done.stderr
    assert report["typed"]
