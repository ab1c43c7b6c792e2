"""The child network as a record, its NumPy reference, and the writer of its ONNX file."""

from mothernet_export.check import Comparison, Parity, check_export
from mothernet_export.child import (
    CategoricalColumn,
    ChildNetwork,
    NumericColumn,
    categorical_text,
    categorical_texts,
)
from mothernet_export.onnx_file import to_onnx
from mothernet_export.version import __version__

__all__ = [
    "CategoricalColumn",
    "ChildNetwork",
    "Comparison",
    "NumericColumn",
    "Parity",
    "__version__",
    "categorical_text",
    "categorical_texts",
    "check_export",
    "to_onnx",
]
