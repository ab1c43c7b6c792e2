"""Tell skl2onnx how an estimator of ours is converted. Nothing is imported or registered before someone asks."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_OPTIONS = {"zipmap": [True, False, "columns"], "nocl": [True, False], "output_class_labels": [False, True]}


def register(estimator_class: type | None = None) -> None:
    """Register the converter of `mothernet.MotherNetClassifier` with skl2onnx, in this process.

    From then on ``skl2onnx.to_onnx`` and ``skl2onnx.convert_sklearn`` take the classifier alone, at the end of a
    ``Pipeline`` and within the ensembles that skl2onnx knows. Calling it again changes nothing.

    Parameters
    ----------
    estimator_class : type, optional
        Another class of estimators that hold a child network as ``child_``: a subclass, since skl2onnx looks for the
        exact class. Default: ``mothernet.MotherNetClassifier``.

    Raises
    ------
    ImportError
        If skl2onnx, or without `estimator_class` mothernet, is not installed.
    """
    skl2onnx = _imported("skl2onnx", "mothernet-export[skl2onnx]")
    if estimator_class is None:
        estimator_class = _imported("mothernet", "mothernet").MotherNetClassifier
    from mothernet_export.skl2onnx_converter.conversion import calculate_output_shapes, convert

    skl2onnx.update_registered_converter(
        estimator_class, f"MotherNet{estimator_class.__name__}", calculate_output_shapes, convert, options=_OPTIONS
    )


def _imported(module: str, requirement: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise ImportError(
            f"the converter for skl2onnx needs {module}, which is not installed. Run: pip install '{requirement}'"
        ) from None
