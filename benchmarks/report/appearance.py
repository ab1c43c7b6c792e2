"""How a model, a form and a suite are called and drawn: one title, colour and marker in every picture and table.

Colours keep apart under the common kinds of colour blindness, and every model has a marker as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["CHILDREN", "DARK", "FORMS", "INPUTS", "LIGHT", "MODELS", "OURS", "Appearance", "appearance", "in_order"]
__all__ += ["suite_title", "variant_title"]

OURS = "mothernet"  # the default size, to which all others are compared
CHILDREN = ("mothernet-small", "mothernet", "mothernet-large")


class Appearance(NamedTuple):
    """Title, colours on a light and on a dark page, marker of matplotlib."""

    title: str
    light: str
    dark: str
    marker: str


MODELS = {
    "mothernet-small": Appearance("MotherNet, small", "#56a5dd", "#2f86d6", "o"),
    "mothernet": Appearance("MotherNet", "#0067b0", "#5cb3ff", "o"),
    "mothernet-large": Appearance("MotherNet, large", "#003a75", "#b5dcff", "o"),
    "untrained": Appearance("MotherNet, untrained", "#5a7d99", "#88a9c4", "p"),
    "predicted-penalty": Appearance("MotherNet, predicted penalties", "#7d6aa8", "#b3a2dc", "H"),
    "lightgbm": Appearance("LightGBM", "#d55e00", "#ff8b3d", "s"),
    "xgboost": Appearance("XGBoost", "#00875f", "#2fd0a0", "^"),
    "catboost": Appearance("CatBoost", "#b0479a", "#ec8bd6", "D"),
    "lightgbm-tuned": Appearance("LightGBM, tuned", "#a14700", "#ffb27d", "d"),
    "xgboost-tuned": Appearance("XGBoost, tuned", "#005c41", "#87e8cb", "v"),
    "hist-gradient-boosting": Appearance("HistGradientBoosting", "#b98200", "#f5c04a", "<"),
    "random-forest": Appearance("random forest", "#7a5230", "#cfa27a", "P"),
    "mlp": Appearance("MLP", "#8a1c4a", "#ff7ba5", ">"),
    "logistic-regression": Appearance("logistic regression", "#5f5f5f", "#bdbdbd", "X"),
}
FORMS = {"onnx": "ONNX", "native": "native", "compiled": "compiled"}
INPUTS = {"raw": "raw cells", "codes": "codes"}
SUITES = {
    "cc18": "{} small OpenML-CC18 tables",
    "dev": "{} other tables (choices were made on these)",
    "large": "{} large tables",
}

LIGHT = {
    "ink": "#1b1f24",
    "muted": "#5b6470",
    "grid": "#dde1e6",
    "surface": "#ffffff",
    "better": "#e8f1fa",
    "worse": "#b04a00",
}
DARK = {
    "ink": "#e8eaed",
    "muted": "#a4adb8",
    "grid": "#363c45",
    "surface": "#15181c",
    "better": "#1b2836",
    "worse": "#ff9a52",
}


def appearance(model: str) -> Appearance:
    """Of a model; grey, under its own name, if it is none that we know."""
    return MODELS.get(model, Appearance(model, "#777777", "#a0a0a0", "*"))


def in_order(models: Iterable[str]) -> list[str]:
    """Models in the order of tables and legends, unknown ones last."""
    names = list(MODELS)
    return sorted(set(models), key=lambda name: (names.index(name) if name in names else len(names), name))


def suite_title(suite: str, tables: int) -> str:
    """What a suite is, with the number of its tables."""
    return SUITES.get(suite, "{} tables of the suite " + suite).format(tables)


def variant_title(model: str, form: str, engine: str, inputs: str) -> str:
    """How a model was run: ``LightGBM (compiled by lleaves, codes)``."""
    ways = {"onnx": "ONNX", "native": "native" if engine == model else engine, "compiled": f"compiled by {engine}"}
    return f"{appearance(model).title} ({ways[form]}, {INPUTS[inputs]})"
