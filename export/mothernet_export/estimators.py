"""Which estimator of ours stands within scikit-learn's: searches and pipelines, known by what they hold.

scikit-learn is not imported. What several networks or other steps predict together is no child network, and an error.
"""

from __future__ import annotations

from typing import Any

_ENSEMBLES = ("estimators_", "calibrated_classifiers_", "estimator_")
_NOT_FITTED = ("estimator", "base_estimator", "estimators")


def classifier_of(model: Any) -> Any:
    """The classifier that a fitted search found or a pipeline consists of; anything else as it is.

    Raises
    ------
    TypeError
        If a pipeline has other steps, a search was not fitted or keeps no best estimator, or `model` is an ensemble.
    """
    while not hasattr(model, "child_"):
        name = type(model).__name__
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif isinstance(getattr(model, "steps", None), list):
            others = [step for step, each in model.steps[:-1] if each is not None and each != "passthrough"]
            if others:
                raise TypeError(
                    f"model must be one child network, however: {name} has steps before the classifier, {others}. "
                    f"Leave them out (the classifier scales, encodes and fills gaps by itself), or {_BY_SKL2ONNX}"
                )
            model = model.steps[-1][1]
        elif any(hasattr(model, attribute) for attribute in _ENSEMBLES):
            raise TypeError(
                f"model must be one child network, however: {name} combines or alters some. To write it, {_BY_SKL2ONNX}"
            )
        elif hasattr(model, "best_params_") or (hasattr(model, "refit") and hasattr(model, "estimator")):
            raise TypeError(
                f"model must hold a fitted classifier, however: {name} has no best_estimator_. Fit it with refit=True."
            )
        elif any(hasattr(model, attribute) for attribute in _NOT_FITTED):
            raise TypeError(f"model must be fitted, however: {name} is not. Call fit first.")
        else:
            return model
    return model


_BY_SKL2ONNX = (
    "use skl2onnx (pip install 'mothernet-export[skl2onnx]'): "
    "from mothernet_export.skl2onnx_converter import register; register(); "
    "skl2onnx.to_onnx(model, X[:1], options={'zipmap': False}, target_opset=17)"
)
