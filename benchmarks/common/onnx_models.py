"""Baselines fitted to a real table, natively and as .onnx files, with strings encoded before or in the graph.

All are at their defaults with 100 trees (CatBoost's own default is 1,000). Text columns become numbers in one of two
ways:

- ``codes``: each column's strings are numbered before, and every model takes one matrix of numbers;
- ``raw``: a matrix of numbers and one of strings. Models of trees take the position in one vocabulary of all columns,
  which in the graph is a single ``LabelEncoder`` (faster than the encoder of each column that converters write), and
  natively a look-up in a pandas Index. Logistic regression and the MLP take one-hot columns, as skl2onnx writes them.

Both the linear models' codes and the shared vocabulary are chosen for speed, to the advantage of the baselines.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx
import pandas as pd
from onnx import TensorProto, helper
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from common.predictors import PARITY_ROWS, Arrays, Call, Failure, Predictor, onnx_predictor
from common.tables import MAX_TRAIN_ROWS, Data

__all__ = [
    "NATIVE_CALLS",
    "ONNX_BASELINES",
    "PIP_NAMES",
    "FittedTrees",
    "Table",
    "baseline_predictors",
    "prepend_vocabulary",
]

OPSET = 15
TREES = 100
TOLERANCE = 1e-4  # of a probability: float32 sums of a hundred trees
NATIVE_CALLS = {
    "lightgbm": "Booster.predict",
    "xgboost": "Booster.inplace_predict, which is faster than XGBClassifier.predict_proba",
    "catboost": "CatBoostClassifier.predict(prediction_type='Probability')",
    "scikit-learn": "predict_proba",
}
PIP_NAMES = {  # what each baseline needs beside the project's own packages: modules and what pip calls them
    "lightgbm": {"lightgbm": "lightgbm", "onnxmltools": "onnxmltools"},
    "xgboost": {"xgboost": "xgboost", "onnxmltools": "onnxmltools"},
    "catboost": {"catboost": "catboost"},
    "random-forest": {"skl2onnx": "skl2onnx"},
    "hist-gradient-boosting": {"skl2onnx": "skl2onnx"},
    "logistic-regression": {"skl2onnx": "skl2onnx"},
    "mlp": {"skl2onnx": "skl2onnx"},
}
ONNX_BASELINES = tuple(PIP_NAMES)
LINEAR = ("logistic-regression", "mlp")  # one-hot columns instead of the vocabulary
NO_BLANKS = (*LINEAR, "random-forest")  # skl2onnx's forest answers wrongly where a number is missing


@dataclass(frozen=True)
class Table:
    """A table in all the forms that models take.

    Attributes
    ----------
    data : Data
    train : (S,) array
        Rows that are fitted: at most 1,000, the same for every model.
    """

    data: Data
    train: npt.NDArray[np.int64]

    @classmethod
    def of(cls, data: Data) -> Table:
        return cls(data, np.random.default_rng(0).permutation(len(data.codes))[:MAX_TRAIN_ROWS])

    @property
    def y(self) -> npt.NDArray[np.int64]:  # (S,) in range(classes that are fitted)
        return np.unique(self.data.codes[self.train], return_inverse=True)[1]

    @cached_property
    def is_text(self) -> npt.NDArray[np.bool_]:  # (F,)
        return np.array([not pd.api.types.is_numeric_dtype(kind) for kind in self.data.features.dtypes])

    @cached_property
    def codes(self) -> npt.NDArray[np.float32]:  # (N, F) strings of each column numbered as they come
        columns = [
            pd.factorize(column)[0] if text else column
            for text, (_, column) in zip(self.is_text, self.data.features.items(), strict=True)
        ]
        return np.column_stack(columns).astype(np.float32)

    @cached_property
    def matrix(self) -> Arrays:
        return {"X": self.codes}

    @cached_property
    def raw(self) -> Arrays:
        """Two matrices, or one if the table has columns of one type."""
        frame = self.data.features
        found: Arrays = {}
        if not self.is_text.all():
            found["numbers"] = frame.loc[:, ~self.is_text].to_numpy(np.float32)
        if self.is_text.any():
            found["texts"] = frame.loc[:, self.is_text].fillna("").to_numpy(object)
        return found

    @cached_property
    def vocabulary(self) -> pd.Index[str]:
        """Strings of the fitted rows, sorted; others have position -1."""
        return pd.Index(np.unique(self.raw["texts"][self.train].astype(str)).astype(object))

    def positions(self, rows: Arrays) -> npt.NDArray[np.float32]:  # (N, F) numbers first
        """Strings as positions in the vocabulary, beside the numbers."""
        texts = rows["texts"]
        found = self.vocabulary.get_indexer(texts.ravel()).reshape(texts.shape).astype(np.float32)
        return np.hstack([rows["numbers"], found]) if "numbers" in rows else found


@dataclass(frozen=True)
class FittedTrees:
    """A gradient-boosted model on codes, for those who compile trees."""

    model: str
    booster: Any
    X: npt.NDArray[np.float32]
    expected: npt.NDArray[np.float64]


def baseline_predictors(name: str, table: Table) -> Iterator[Predictor | FittedTrees | Failure]:
    """Fit a baseline to codes and, where the table has text, to raw strings: native and ONNX of each."""
    yield from _on_matrix(name, table, "codes", table.matrix, lambda rows: rows["X"])
    if table.is_text.any():
        if name in LINEAR:
            yield from _one_hot(name, table)
        else:
            yield from _on_matrix(name, table, "raw", table.raw, table.positions)


def _on_matrix(
    name: str,
    table: Table,
    inputs: Literal["raw", "codes"],
    arrays: Arrays,
    encoded: Callable[[Arrays], npt.NDArray[np.float32]],
) -> Iterator[Predictor | FittedTrees | Failure]:
    """A model on one matrix of numbers, which is computed from the inputs in the call."""
    X = encoded(arrays)
    model = _classifier(name, has_blanks=bool(np.isnan(X).any())).fit(X[table.train], table.y)
    engine = name if name in NATIVE_CALLS else "scikit-learn"
    expected = np.asarray(model.predict_proba(X[:PARITY_ROWS]), float)

    def ready(rows: Arrays, threads: int) -> Call:
        predict = _native_call(name, model, threads)
        return lambda: predict(encoded(rows))

    yield Predictor(name, "native", engine, inputs, arrays, ready, expected, TOLERANCE)
    if name in ("lightgbm", "xgboost") and inputs == "codes":
        yield FittedTrees(name, model.booster_ if name == "lightgbm" else model.get_booster(), X, expected)
    try:
        proto = _converted(name, model, X.shape[1])
        if inputs == "raw":
            prepend_vocabulary(proto, table)
        yield onnx_predictor(name, inputs, arrays, proto.SerializeToString(), expected, TOLERANCE)
    except Exception as error:  # of any converter
        yield Failure(name, "onnxruntime", inputs, f"conversion failed: {_short(error)}")


def _one_hot(name: str, table: Table) -> Iterator[Predictor | Failure]:
    """A linear model or MLP on scaled numbers and one-hot strings."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    arrays, widths = table.raw, {key: array.shape[1] for key, array in table.raw.items()}
    has_blanks = "numbers" in arrays and bool(np.isnan(arrays["numbers"]).any())
    steps: dict[str, Any] = {
        "numbers": make_pipeline(*([SimpleImputer()] if has_blanks else []), StandardScaler()),
        "texts": OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    }
    starts = dict(zip(widths, np.cumsum([0, *widths.values()]), strict=False))
    parts = [(key, steps[key], list(range(starts[key], starts[key] + width))) for key, width in widths.items()]
    pipeline = make_pipeline(ColumnTransformer(parts), _bare_classifier(name))
    pipeline.fit(np.hstack([array.astype(object) for array in arrays.values()])[table.train], table.y)
    fitted, classifier = pipeline[0].named_transformers_, pipeline[-1]

    def ready(rows: Arrays, threads: int) -> Call:  # without the ColumnTransformer, which costs a millisecond
        return lambda: classifier.predict_proba(
            np.hstack([fitted[key].transform(array) for key, array in rows.items()])
        )

    first = {key: array[:PARITY_ROWS] for key, array in arrays.items()}
    expected = np.asarray(ready(first, 1)(), float)
    yield Predictor(name, "native", "scikit-learn", "raw", arrays, ready, expected, TOLERANCE)
    try:
        types = {"numbers": FloatTensorType, "texts": StringTensorType}
        proto = to_onnx(
            pipeline,
            initial_types=[(key, types[key]([None, width])) for key, width in widths.items()],
            options={"zipmap": False},
            target_opset=OPSET,
        )
        yield onnx_predictor(name, "raw", arrays, proto.SerializeToString(), expected, TOLERANCE)
    except Exception as error:  # of any converter
        yield Failure(name, "onnxruntime", "raw", f"conversion failed: {_short(error)}")


def _classifier(name: str, *, has_blanks: bool) -> Any:
    """With what the model needs before it: an imputer where numbers are missing, a scaler for linear ones."""
    before = [SimpleImputer()] if has_blanks and name in NO_BLANKS else []
    if name in LINEAR:
        before.append(StandardScaler())
    return make_pipeline(*before, _bare_classifier(name)) if before else _bare_classifier(name)


def _bare_classifier(name: str) -> Any:
    if name == "lightgbm":
        from lightgbm import LGBMClassifier

        return LGBMClassifier(n_jobs=1, verbose=-1)
    if name == "xgboost":
        from xgboost import XGBClassifier

        return XGBClassifier(n_jobs=1)
    if name == "catboost":
        from catboost import CatBoostClassifier

        return CatBoostClassifier(TREES, thread_count=1, verbose=False, allow_writing_files=False, random_seed=0)
    return {
        "random-forest": lambda: RandomForestClassifier(TREES, random_state=0),
        "hist-gradient-boosting": lambda: HistGradientBoostingClassifier(max_iter=TREES, random_state=0),
        "logistic-regression": lambda: LogisticRegression(max_iter=1000),
        "mlp": lambda: MLPClassifier(random_state=0),
    }[name]()


def _native_call(name: str, model: Any, threads: int) -> Callable[[npt.NDArray[np.float32]], Any]:
    """The fastest predictor that the library offers; see ``NATIVE_CALLS``."""
    if name == "lightgbm":
        return lambda X: model.booster_.predict(X, num_threads=threads)
    if name == "xgboost":
        booster = model.get_booster()
        booster.set_param({"nthread": threads})
        return booster.inplace_predict
    if name == "catboost":
        return lambda X: model.predict(X, prediction_type="Probability", thread_count=threads)
    if name == "random-forest":
        (model[-1] if hasattr(model, "steps") else model).set_params(n_jobs=threads)
    return model.predict_proba


def _converted(name: str, model: Any, columns: int) -> onnx.ModelProto:
    """One input ``X`` (N, columns); outputs labels and a matrix of probabilities."""
    if name in ("lightgbm", "xgboost"):
        import onnxmltools
        from onnxmltools.convert.common.data_types import FloatTensorType as Floats

        types = [("X", Floats([None, columns]))]
        if name == "lightgbm":
            return onnxmltools.convert_lightgbm(model, initial_types=types, target_opset=OPSET, zipmap=False)
        return onnxmltools.convert_xgboost(model, initial_types=types, target_opset=OPSET)
    if name == "catboost":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "catboost.onnx"
            model.save_model(path, format="onnx")
            proto = onnx.load(path)
        _without_zipmap(proto)
        _rename(proto, proto.graph.input[0].name, "X")
        return proto
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    types = [("X", FloatTensorType([None, columns]))]
    return to_onnx(model, initial_types=types, options={"zipmap": False}, target_opset=OPSET)


def _without_zipmap(proto: onnx.ModelProto) -> None:
    """Probabilities as a matrix, not as a list of dicts, which is twice as slow."""
    zipmap = next(node for node in proto.graph.node if node.op_type == "ZipMap")
    output = next(value for value in proto.graph.output if value.name == zipmap.output[0])
    output.CopyFrom(helper.make_tensor_value_info(zipmap.input[0], TensorProto.FLOAT, [None, None]))
    proto.graph.node.remove(zipmap)


def _rename(proto: onnx.ModelProto, old: str, new: str) -> None:
    proto.graph.input[0].name = new
    for node in proto.graph.node:
        node.input[:] = [new if name == old else name for name in node.input]


def prepend_vocabulary(proto: onnx.ModelProto, table: Table) -> None:
    """Two inputs in place of ``X``: numbers, and texts that one LabelEncoder turns into positions."""
    graph, arrays = proto.graph, table.raw
    vocabulary = table.vocabulary.tolist()
    encoder = helper.make_node(
        "LabelEncoder",
        ["texts"],
        ["positions" if "numbers" in arrays else "X"],
        domain="ai.onnx.ml",
        keys_strings=vocabulary,
        values_floats=np.arange(len(vocabulary), dtype=np.float32),
        default_float=-1.0,
    )
    nodes = [encoder]
    if "numbers" in arrays:
        nodes.append(helper.make_node("Concat", ["numbers", "positions"], ["X"], axis=1))
    nodes += graph.node
    del graph.node[:], graph.input[:]
    graph.node.extend(nodes)
    types = {"numbers": TensorProto.FLOAT, "texts": TensorProto.STRING}
    graph.input.extend(
        helper.make_tensor_value_info(key, types[key], [None, array.shape[1]]) for key, array in arrays.items()
    )
    del proto.opset_import[:]
    proto.opset_import.extend([helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", 3)])


def _short(error: BaseException) -> str:
    """The last cause in a line: converters put whole trees into their messages."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}"
