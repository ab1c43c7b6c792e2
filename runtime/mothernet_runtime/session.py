"""Opening an onnxruntime session: telemetry off, threads, and which execution provider is really used.

onnxruntime is imported here and only when a session is opened, because the variable that stops its telemetry must be
in the environment before the import.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any

from mothernet_runtime.graph_rules import ModelFileError, is_ort

Providers = str | Sequence[str | tuple[str, dict[str, Any]]] | None

_CPU = "CPUExecutionProvider"
_DEFAULT_OPTIONS = {"CUDAExecutionProvider": {"use_tf32": "0"}}  # TF32 keeps 10 bits; 1e-5 needs all 24
_NEVER_AUTO = ("Azure", "Tensorrt", "NvTensorRTRTX")  # a remote service; engines that take minutes to build


def open_session(
    data: bytes,
    source: str,
    providers: Providers,
    threads: int,
    strict: bool,
    *,
    save_as: str | os.PathLike[str] | None = None,
    keep_constants: bool = False,
) -> Any:
    """Open a session on the bytes of a file (see `mothernet_runtime.load` for the parameters).

    With `save_as`, onnxruntime writes an ORT model there, with portable simplifications only; with `keep_constants` it
    leaves constants as they are stored.

    Raises
    ------
    ModelFileError
        If onnxruntime cannot open the file.
    ValueError
        If a provider's name is unknown, `threads` is negative, or with `strict` a provider is not available.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime  # type: ignore[import-untyped,unused-ignore]

    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 0:
        raise ValueError(f"threads must be an integer >= 0 (0: one per core), however: {threads!r}")
    asked = _resolve(onnxruntime, providers)
    available = onnxruntime.get_available_providers()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised, and need not be printed as well
    # what was checked, whatever else it resembles
    options.add_session_config_entry("session.load_model_format", "ORT" if is_ort(data) else "ONNX")
    for pool in ("intra_op", "inter_op"):  # idle threads that spin slow down whatever else runs on the host
        options.add_session_config_entry(f"session.{pool}.allow_spinning", "0")
    if save_as is not None:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = os.fspath(save_as)
        options.add_session_config_entry("session.save_model_format", "ORT")
        if keep_constants:
            options.add_session_config_entry("optimization.disable_specified_optimizers", "ConstantFolding")
    usable = [entry for entry in asked if entry[0] in available]
    if all(name != _CPU for name, _ in usable):
        usable.append((_CPU, {}))
    reason = ""
    try:
        session = _open(onnxruntime, data, source, options, usable)
    except ModelFileError as error:
        if usable == [(_CPU, {})]:
            raise
        session, reason = _open(onnxruntime, data, source, options, [(_CPU, {})]), f" ({error})"
    used = session.get_providers()
    lacking = [name for name, _ in asked if name not in used]
    if lacking:
        message = (
            f"asked for {', '.join(name for name, _ in asked)}; this onnxruntime offers {', '.join(available)}; "
            f"the session runs on {', '.join(used)}{reason}. Install the build of onnxruntime (and the driver) for "
            f"{', '.join(lacking)}, or ask for one that is available."
        )
        if strict:
            raise ValueError(message)
        warnings.warn(message, stacklevel=4)
    return session


def _open(ort: Any, data: bytes, source: str, options: Any, providers: Any) -> Any:
    """A session, without onnxruntime's own second attempt on the CPU, which it announces on standard output."""
    try:
        return ort.InferenceSession(data, options, providers=providers, enable_fallback=0)
    except Exception as error:  # onnxruntime's exceptions share no base class
        raise ModelFileError(f"{engine()} cannot open {source}: {' '.join(str(error).split())}") from error


def engine() -> str:
    """Name and version of what runs the graph, for error messages."""
    import onnxruntime

    return f"onnxruntime {onnxruntime.__version__}"


def _resolve(ort: Any, providers: Providers) -> list[tuple[str, dict[str, Any]]]:
    """Full names with options: "cuda" is CUDAExecutionProvider, "auto" what accelerates here, None the CPU."""
    if providers is None:
        return [(_CPU, {})]
    if providers == "auto":
        return [
            (name, _DEFAULT_OPTIONS.get(name, {}))
            for name in ort.get_available_providers()
            if not name.startswith(_NEVER_AUTO)
        ]
    names = {name.lower().removesuffix("executionprovider"): name for name in ort.get_all_providers()}
    resolved = []
    for entry in [providers] if isinstance(providers, str) else providers:
        name, options = (entry, None) if isinstance(entry, str) else entry
        full = names.get(name.lower().removesuffix("executionprovider"))
        if full is None:
            raise ValueError(f"providers must be 'auto' or of {', '.join(sorted(names))}, however: {name!r}")
        resolved.append((full, _DEFAULT_OPTIONS.get(full, {}) if options is None else options))
    return resolved
