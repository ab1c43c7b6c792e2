"""The child network as a record, its NumPy reference, and the writers of its ONNX and ORT files and of its C source."""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from mothernet_export.check import Comparison, Parity, check_export
from mothernet_export.child import ChildNetwork
from mothernet_export.columns import CategoricalColumn, IgnoredColumn, NumericColumn
from mothernet_export.onnx_writer import to_onnx
from mothernet_export.quantization import rounded
from mothernet_export.reference import predict_logits, predict_proba
from mothernet_export.target import ClassTarget

if TYPE_CHECKING:
    from mothernet_export.c_writer import CSource, check_c, to_c
    from mothernet_export.file_check import FileCheck, check_file
    from mothernet_export.ort_writer import OrtFile, check_ort, to_ort

__version__ = version("mothernet-export")

__all__ = [
    "CSource",
    "CategoricalColumn",
    "ChildNetwork",
    "ClassTarget",
    "Comparison",
    "FileCheck",
    "IgnoredColumn",
    "NumericColumn",
    "OrtFile",
    "Parity",
    "__version__",
    "check_c",
    "check_export",
    "check_file",
    "check_ort",
    "predict_logits",
    "predict_proba",
    "rounded",
    "to_c",
    "to_onnx",
    "to_ort",
]


def __getattr__(name: str) -> Any:
    """Import writers of C source and of ORT files, and what compares files, only when they are asked for."""
    if name in ("CSource", "check_c", "to_c"):
        return getattr(import_module("mothernet_export.c_writer"), name)
    if name in ("OrtFile", "check_ort", "to_ort"):
        return getattr(import_module("mothernet_export.ort_writer"), name)
    if name in ("FileCheck", "check_file"):
        return getattr(import_module("mothernet_export.file_check"), name)
    raise AttributeError(f"module 'mothernet_export' has no attribute {name!r}")
