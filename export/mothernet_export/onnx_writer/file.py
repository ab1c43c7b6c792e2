"""A child network as an ONNX model and file: versions pinned, metadata added, checked, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import onnx
from mothernet_runtime.container import IR_VERSIONS, OPSETS
from mothernet_runtime.file import Form
from mothernet_runtime.output import written
from onnx import helper

from mothernet_export.child import child_of
from mothernet_export.metadata import metadata
from mothernet_export.onnx_writer.builder import ML_DOMAIN, ML_OPSET
from mothernet_export.onnx_writer.core_json import written_beside
from mothernet_export.onnx_writer.graph import build_core, build_graph
from mothernet_export.quantization import Weights, check_weights, small_weights


def to_onnx(
    model: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    form: Form = "full",
    opset: int = 17,
    ir_version: int = 8,
    weights: Weights = "float32",
) -> onnx.ModelProto:
    """Write a child network as one self-contained ONNX file: raw rows in, label and probabilities out.

    Or, as a numeric core, for engines without strings: numbers and codes of categories in, the number of the class and
    probabilities out, by operators of the default domain alone.

    Parameters
    ----------
    model : ChildNetwork, or a fitted estimator whose attribute `child_` is one
        Also a search of scikit-learn around such an estimator, or a ``Pipeline`` of nothing else. What else a pipeline
        or an ensemble does, skl2onnx writes: `mothernet_export.skl2onnx_converter`.
    path : path-like, optional
        Where the file goes; ``"-"`` is standard output. At any moment the old or the new file is there, and nothing
        else after an error; a device or FIFO is written to, not replaced. Without it, nothing is written. Beside a
        core whose name ends in ``.onnx``, its schema goes into a file of that name with the suffix ``.json``.
    form : {"full", "core"}
        What the graph takes: raw rows, or numbers.
    opset : int
        Version of the default operator set, 13 to 28, as far as the installed onnx knows it.
    ir_version : int
        Version of the file format of ONNX, 7 to 14, likewise. Runtimes refuse one that is newer than they are.
    weights : {"float32", "float16", "int8"}
        How the first layer is stored. onnxruntime makes float32 of it when it loads, so a row costs the same; what the
        file then says is :func:`rounded` of the model.

    Returns
    -------
    onnx.ModelProto
        The model, checked by ``onnx.checker`` with ``full_check=True``.

    Raises
    ------
    TypeError
        If `model` holds no child network, or other steps or networks beside it.
    ValueError
        If `form` or `weights` is another word, `opset` or `ir_version` is not supported here or by the installed onnx,
        or `path` is a folder or lies in one that does not exist or cannot be written to.
    OSError
        If the file cannot be written for another reason.

    Examples
    --------
    >>> import numpy as np
    >>> from mothernet_export import ChildNetwork, ClassTarget, NumericColumn
    >>> ramp = NumericColumn("x", centre=0.0, knots=(0.0, 1.0), missing_indicator=False)
    >>> child = ChildNetwork((ramp,), ClassTarget(("no", "yes")), np.ones((1, 3)), np.zeros(3), np.ones((1, 2)))
    >>> [output.name for output in to_onnx(child).graph.output]
    ['label', 'probabilities']
    """
    child = child_of(model)
    _check_version("opset", opset, OPSETS["ai.onnx"], onnx.defs.onnx_opset_version())
    _check_version("ir_version", ir_version, IR_VERSIONS, onnx.IR_VERSION)
    if form not in get_args(Form):
        raise ValueError(f"form must be one of {', '.join(map(repr, get_args(Form)))}, however: {form!r}. Choose one.")
    check_weights(weights)
    small = small_weights(child, weights)
    child = child if small is None else small.child
    graph = build_core(child, small) if form == "core" else build_graph(child, small)
    imports = [helper.make_opsetid("", opset)]
    if any(node.domain == ML_DOMAIN for node in graph.node):
        imports.append(helper.make_opsetid(ML_DOMAIN, ML_OPSET))
    exporter_version = version("mothernet-export")
    proto = helper.make_model(
        graph,
        opset_imports=imports,
        ir_version=ir_version,
        producer_name="mothernet-export",
        producer_version=exporter_version,
    )
    for key, value in metadata(child, graph, exporter_version, form).items():
        proto.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(proto, full_check=True)
    if path is not None:
        with written_model(proto, path, form):
            pass  # nothing to compare it with
    return proto


@contextlib.contextmanager
def written_model(proto: onnx.ModelProto, path: str | os.PathLike[str], form: Form) -> Iterator[Path]:
    """A temporary file that holds the model; it takes its place, and the JSON of a core its own beside it, when the
    block succeeds."""
    with written_beside(proto, path, form), written(path) as temporary:
        temporary.write_bytes(proto.SerializeToString(deterministic=True))
        yield temporary


def _check_version(name: str, value: Any, supported: range, installed: int) -> None:
    last = min(supported[-1], installed)
    if isinstance(value, bool) or not isinstance(value, int) or not supported[0] <= value <= last:
        raise ValueError(
            f"{name} must be an integer from {supported[0]} to {last} (onnx {onnx.__version__} is installed), "
            f"however: {value!r}"
        )
