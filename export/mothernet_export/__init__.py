"""The child network as a record, its NumPy reference, and the writers of its ONNX file and of its C source."""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from mothernet_export.check import Comparison, Parity, check_export
from mothernet_export.child import ChildNetwork
from mothernet_export.columns import CategoricalColumn, IgnoredColumn, NumericColumn
from mothernet_export.onnx_writer import to_onnx
from mothernet_export.reference import predict_logits, predict_proba
from mothernet_export.target import ClassTarget

if TYPE_CHECKING:
    from mothernet_export.c_writer import CSource, check_c, to_c

__version__ = version("mothernet-export")

__all__ = [
    "CSource",
    "CategoricalColumn",
    "ChildNetwork",
    "ClassTarget",
    "Comparison",
    "IgnoredColumn",
    "NumericColumn",
    "Parity",
    "__version__",
    "check_c",
    "check_export",
    "predict_logits",
    "predict_proba",
    "to_c",
    "to_onnx",
]


def __getattr__(name: str) -> Any:
    """Import the writer of C source only when it is asked for."""
    if name in ("CSource", "check_c", "to_c"):
        return getattr(import_module("mothernet_export.c_writer"), name)
    raise AttributeError(f"module 'mothernet_export' has no attribute {name!r}")
