"""MotherNet: a classifier for your table, as one small file that runs anywhere ONNX does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mothernet.version import __version__

if TYPE_CHECKING:
    from mothernet.classifier import MotherNetClassifier

__all__ = ["MotherNetClassifier", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the estimator, and with it scikit-learn, only when it is asked for."""
    if name == "MotherNetClassifier":
        from mothernet.classifier import MotherNetClassifier

        return MotherNetClassifier
    raise AttributeError(f"module 'mothernet' has no attribute {name!r}")
