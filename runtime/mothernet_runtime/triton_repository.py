"""A model repository of NVIDIA's Triton Inference Server, written from a model file.

Triton's onnxruntime backend gives clients the graph itself: what FORMAT.md section 2 says of cells is then up to them
(`Model.graph_inputs` does it). Only the layout of folders and ``config.pbtxt`` belong here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from mothernet_runtime.file import ModelFile, read_model
from mothernet_runtime.graph_rules import is_ort
from mothernet_runtime.output import written
from mothernet_runtime.schema import INPUTS

__all__ = ["write_triton_model"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_MAX_BATCH = 4096  # rows that Triton gathers into one call at most
_DATA_TYPES = {"numeric": "TYPE_FP32", "categorical": "TYPE_STRING"}

_CONFIG = """\
name: "{name}"
backend: "onnxruntime"
max_batch_size: {max_batch}
input [
{inputs}
]
output [
  {{
    name: "label"
    data_type: {label_type}
    dims: [ 1 ]
    reshape: {{ shape: [ ] }}
  }},
  {{
    name: "probabilities"
    data_type: TYPE_FP32
    dims: [ {n_classes} ]{labels}
  }}
]
dynamic_batching {{ }}
instance_group [ {{ kind: KIND_CPU }} ]
parameters {{ key: "intra_op_thread_count" value: {{ string_value: "1" }} }}
"""

_INPUT = """\
  {{
    name: "{name}"
    data_type: {data_type}
    dims: [ {size} ]
  }}"""


def write_triton_model(
    path: str | os.PathLike[str], repository: str | os.PathLike[str], *, name: str | None = None
) -> Path:
    """Write ``NAME/config.pbtxt``, ``NAME/1/model.onnx`` and the names of classes, ``NAME/labels.txt``.

    Parameters
    ----------
    path : path-like
        A MotherNet .onnx file of the full form.
    repository : path-like
        The folder that ``tritonserver --model-repository`` is given; made if there is none.
    name : str, optional
        Of the model; by default that of the file without its ending.

    Returns
    -------
    pathlib.Path
        The model's folder.

    Raises
    ------
    ModelFileError
        The file is not as FORMAT.md demands.
    ValueError
        The file is a numeric core or an ORT file, `name` cannot be that of a folder, or a folder cannot be written to.

    Notes
    -----
    Inputs are those of the graph: ``numeric`` FP32 [N, Fn], offsets subtracted and dates taken apart, NaN where
    missing; ``categorical`` BYTES [N, Fc] as FORMAT.md 2.5 writes them, empty where missing. ``label`` is [N, 1].

    Examples
    --------
    >>> write_triton_model("titanic.onnx", "repository")  # doctest: +SKIP
    PosixPath('repository/titanic')
    """
    model = read_model(Path(path).read_bytes(), os.fspath(path))
    if is_ort(model.data) or model.form != "full":
        found = "an ORT file" if is_ort(model.data) else f"of the form {model.form}"
        raise ValueError(
            f"a model for Triton must be an .onnx file of the form full, however: {os.fspath(path)!r} is {found}. "
            "Export it again as such a file."
        )
    name = Path(path).name.removesuffix(".onnx") if name is None else name
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"the name of a model in Triton must be of letters, digits, '_', '-' and '.', however: {name!r}. "
            "Give it another --name."
        )
    folder, labels = Path(repository) / name, [str(label) for label in model.labels]
    (folder / "1").mkdir(parents=True, exist_ok=True)
    has_lines = all(len(label.splitlines()) == 1 for label in labels)  # Triton reads one class per line
    with written(folder / "1" / "model.onnx", inputs=[path]) as temporary:
        temporary.write_bytes(model.data)
    if has_lines:
        with written(folder / "labels.txt") as temporary:
            temporary.write_text("".join(f"{label}\n" for label in labels), "utf-8", newline="\n")
    with written(folder / "config.pbtxt") as temporary:
        temporary.write_text(_config(model, name, labels if has_lines else ()), "utf-8", newline="\n")
    return folder


def _config(model: ModelFile, name: str, labels: Sequence[str]) -> str:
    inputs = [each.input for column in model.columns for each in column.inputs]
    return _CONFIG.format(
        name=name,
        max_batch=_MAX_BATCH,
        inputs=",\n".join(
            _INPUT.format(name=each, data_type=_DATA_TYPES[each], size=inputs.count(each))
            for each in INPUTS
            if each in inputs
        ),
        label_type="TYPE_INT64" if isinstance(model.labels[0], int) else "TYPE_STRING",
        n_classes=len(model.labels),
        labels='\n    label_filename: "labels.txt"' if labels else "",
    )
