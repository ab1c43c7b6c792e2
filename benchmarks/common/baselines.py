"""The other classifiers, at their defaults, behind the encoding that they need."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

__all__ = ["BASELINES", "PACKAGE_OF", "Baseline", "encoder", "is_installed"]


class Baseline:
    """A classifier that fits DataFrames: at most ten one-hot categories a column, missing numbers as the mean."""

    def __init__(self, make: Callable[[], Any], *, scale: bool = False) -> None:
        self.make, self.scale = make, scale

    def fit(self, X: pd.DataFrame, y: Any) -> Baseline:
        self.pipeline = make_pipeline(encoder(X, scale=self.scale), self.make()).fit(X, y)
        return self

    def predict_proba(self, X: pd.DataFrame) -> Any:
        return self.pipeline.predict_proba(X)


def encoder(X: pd.DataFrame, *, scale: bool = False) -> ColumnTransformer:
    """One-hot categories (a missing one, ``""``, is one) and imputed numbers; columns without a value are dropped."""
    numeric = [name for name in X if pd.api.types.is_numeric_dtype(X[name]) and X[name].notna().any()]
    text = [name for name in X if not pd.api.types.is_numeric_dtype(X[name]) and (X[name] != "").any()]
    one_hot = OneHotEncoder(max_categories=10, handle_unknown="ignore", sparse_output=False)
    filled = SimpleImputer(missing_values="", strategy="constant", fill_value="?")
    parts = [
        ("numeric", make_pipeline(SimpleImputer(), *([StandardScaler()] if scale else [])), numeric),
        ("text", make_pipeline(filled, one_hot), text),
    ]
    return ColumnTransformer([part for part in parts if part[2]])


def _lightgbm() -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_jobs=1, verbose=-1, random_state=0)


def _xgboost() -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(n_jobs=1, random_state=0)


def _catboost() -> Any:
    from catboost import CatBoostClassifier

    return CatBoostClassifier(thread_count=1, verbose=0, random_seed=0, allow_writing_files=False)


BASELINES: dict[str, Callable[[], Baseline]] = {
    "logistic-regression": lambda: Baseline(lambda: LogisticRegression(max_iter=1000), scale=True),
    "mlp": lambda: Baseline(lambda: MLPClassifier(max_iter=500, random_state=0), scale=True),
    "random-forest": lambda: Baseline(lambda: RandomForestClassifier(300, random_state=0)),
    "hist-gradient-boosting": lambda: Baseline(lambda: HistGradientBoostingClassifier(random_state=0)),
    "lightgbm": lambda: Baseline(_lightgbm),
    "xgboost": lambda: Baseline(_xgboost),
    "catboost": lambda: Baseline(_catboost),
}
PACKAGE_OF = {
    "lightgbm": "lightgbm",
    "lightgbm-tuned": "lightgbm",
    "xgboost": "xgboost",
    "xgboost-tuned": "xgboost",
    "catboost": "catboost",
}


def is_installed(model: str) -> bool:
    """Whether the package of a model, if it needs one that this project does not bring, is there."""
    return model not in PACKAGE_OF or find_spec(PACKAGE_OF[model]) is not None
