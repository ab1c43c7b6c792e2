"""What one would write to get a checked .onnx from a CSV with LightGBM or XGBoost: the other side of ``whole_cost.py``.

    python benchmarks/alternatives/gbdt_to_onnx.py lightgbm FILE --target y -o model.onnx [--configurations 30]

Texts become integer codes, a missing one a code of its own; the file takes codes, so the codes are written beside it,
as ``model.onnx.codes.json``, for whoever calls it. A quarter of the rows is held out for an estimate, then all are
fitted. With --configurations so many draws are compared in three folds of the training rows by log loss first;
without, the library's defaults are fitted.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from scipy.stats import loguniform, randint, uniform
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import RandomizedSearchCV, train_test_split
from sklearn.preprocessing import LabelEncoder, OrdinalEncoder

CHECKED_ROWS, TOLERANCE = 1000, 1e-4
COMMON = {
    "n_estimators": randint(50, 501),
    "learning_rate": loguniform(0.01, 0.3),
    "subsample": uniform(0.5, 0.5),
    "colsample_bytree": uniform(0.4, 0.6),
    "reg_lambda": loguniform(1e-3, 100),
}
SPACES = {
    "lightgbm": {"num_leaves": randint(4, 129), "min_child_samples": randint(1, 65), "subsample_freq": [1], **COMMON},
    "xgboost": {"max_depth": randint(2, 11), "min_child_weight": loguniform(0.1, 20), **COMMON},
}


def main() -> int:
    args = arguments()
    table = pd.read_csv(args.table)
    labels = LabelEncoder().fit(table[args.target])
    y = labels.transform(table.pop(args.target))
    text = list(table.select_dtypes(exclude="number"))
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    table[text] = encoder.fit_transform(table[text].fillna("")) if text else table[text]
    X = table.to_numpy(np.float32)

    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0, stratify=y)
    parameters = tuned(args.library, args.configurations, X_train, y_train) if args.configurations else {}
    p = classifier(args.library, parameters).fit(X_train, y_train).predict_proba(X_test)
    auc = roc_auc_score(y_test, p[:, 1] if p.shape[1] == 2 else p, multi_class="ovo")
    estimate = {"auc": auc, "log_loss": log_loss(y_test, p), "accuracy": accuracy_score(y_test, p.argmax(1))}

    model = classifier(args.library, parameters).fit(X, y)
    convert = convert_lightgbm if args.library == "lightgbm" else convert_xgboost
    options = {"zipmap": False} if args.library == "lightgbm" else {}
    converted = convert(model, initial_types=[("X", FloatTensorType([None, X.shape[1]]))], **options)
    content = converted.SerializeToString()
    session = onnxruntime.InferenceSession(content)
    answered = session.run(None, {"X": X[:CHECKED_ROWS]})[1]
    difference = float(np.abs(answered - model.predict_proba(X[:CHECKED_ROWS])).max())
    if difference > TOLERANCE:
        raise SystemExit(f"the file must answer as the model does, however: probabilities differ by {difference:g}.")

    with open(args.output, "wb") as file:
        file.write(content)
    categories = [values.tolist() for values in encoder.categories_] if text else []
    codes = {"columns": dict(zip(text, categories, strict=True)), "classes": labels.classes_.tolist()}
    with open(f"{args.output}.codes.json", "w", encoding="utf-8") as file:
        json.dump(codes, file)
    print(json.dumps({**estimate, "max_difference": difference}))
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", choices=tuple(SPACES))
    parser.add_argument("table", metavar="FILE")
    parser.add_argument("--target", required=True, metavar="NAME")
    parser.add_argument("-o", "--output", required=True, metavar="FILE")
    parser.add_argument("--configurations", type=int, default=0, metavar="N", help="of a random search (default: none)")
    return parser.parse_args()


def classifier(library: str, parameters: dict[str, Any]) -> Any:
    if library == "lightgbm":
        from lightgbm import LGBMClassifier

        return LGBMClassifier(verbose=-1, random_state=0, **parameters)
    from xgboost import XGBClassifier

    return XGBClassifier(random_state=0, **parameters)


def tuned(library: str, configurations: int, X: Any, y: Any) -> dict[str, Any]:
    """The best of some draws, by log loss in three folds."""
    search = RandomizedSearchCV(
        classifier(library, {}),
        SPACES[library],
        n_iter=configurations,
        scoring="neg_log_loss",
        cv=3,
        refit=False,
        random_state=0,
    )
    return dict(search.fit(X, y).best_params_)


if __name__ == "__main__":
    sys.exit(main())
