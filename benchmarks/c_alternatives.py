"""How much of a microcontroller do other makers of C take, on the tables of `c_source.py`?

    python benchmarks/c_alternatives.py --data DIR [--only diabetes,credit-g,vehicle,wdbc,titanic]

emlearn (a forest, a network of 16 units) and m2cgen (a forest, a logistic regression) write C for models of
scikit-learn that are fitted to the same rows; packages that are not installed are left out (``pip install emlearn
m2cgen``). Neither reads raw cells: rows are one-hot and imputed, for network and regression also scaled, before they
reach the board, and what that would take is not counted. Both forests are of 10 trees with at most 32 leaves. For
Cortex-M0+, M4F and M7 (arm-none-eabi-gcc -Os, with --gc-sections), as there: ``flash`` and ``ram`` of a program that
predicts one row; by qemu-system-arm, instructions and bytes of stack of one row. ``auc`` and ``log_loss`` are
scikit-learn's, on all test rows; ``difference`` is the largest of a probability on 12 of them, as the board gives it
(emlearn's forest counts votes, m2cgen's regression gives one number, which is compared after the sigmoid).
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from c_source import BOARD_ROWS, BOARDS, TABLES, build, run_on_board, write_cells
from common.baselines import Baseline
from common.results import Run, benchmark_parser
from common.scores import scored
from common.tables import add_data_arguments, halves, tables_of
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from tqdm import tqdm

HEADER = """
#define MODEL_COLUMNS 1
#define MODEL_CLASSES {n_classes}
typedef struct {{ float x[{n_inputs}]; }} model_row;
int model_predict(const model_row *row, float *probabilities);
int model_predict_text(const char *const *cells, float *probabilities);
"""
LAST = """
int model_predict_text(const char *const *cells, float *probabilities)
{
    (void)cells;
    return probabilities[0] > 1.0f; /* none of them reads text */
}
int model_predict(const model_row *row, float *probabilities)
{
    int k, best = 0;
    (void)k;
"""
LARGEST = "    for (k = 1; k < MODEL_CLASSES; k++) best = probabilities[k] > probabilities[best] ? k : best;\n"


class Maker(NamedTuple):
    """A maker of C, a classifier that it takes, and C99 that calls what it makes."""

    package: str
    baseline: Callable[[], Baseline]
    write: Callable[[Any, int, int], str]  # of classifier, inputs and classes


def forest() -> Baseline:
    return Baseline(lambda: RandomForestClassifier(10, max_leaf_nodes=32, random_state=0))


def network() -> Baseline:
    return Baseline(lambda: MLPClassifier((16,), max_iter=500, random_state=0), scale=True)


def regression() -> Baseline:
    return Baseline(lambda: LogisticRegression(max_iter=1000), scale=True)


def emlearn_forest(model: Any, n_inputs: int, n_classes: int) -> str:
    import emlearn

    text = emlearn.convert(model, method="inline", dtype="float").save(name="made", include_proba=True)
    call = f"    made_predict_proba(row->x, {n_inputs}, probabilities, {n_classes});\n"
    return f"{text}{LAST}{call}{LARGEST}    return best;\n}}\n"


def emlearn_network(model: Any, n_inputs: int, n_classes: int) -> str:
    import emlearn

    text = emlearn.convert(model).save(name="made")
    call = f"    eml_net_predict_proba(&made, row->x, {n_inputs}, probabilities, {n_classes});\n"
    return f"{text}{LAST}{call}{LARGEST}    return best;\n}}\n"


def m2cgen_source(model: Any, n_inputs: int, n_classes: int) -> str:
    import m2cgen

    text = m2cgen.export_to_c(model)
    lines = f"    double x[{n_inputs}], said[{n_classes}];\n    int i;\n"
    lines += f"    for (i = 0; i < {n_inputs}; i++) x[i] = row->x[i];\n"
    if "double score(" in text:
        lines += "    probabilities[1] = (float)score(x);\n    probabilities[0] = 0.0f;\n    (void)said;\n"
        lines += "    best = probabilities[1] > 0.0f;\n"
        return f"{text}{LAST}{lines}    return best;\n}}\n"
    lines += f"    score(x, said);\n    for (k = 0; k < {n_classes}; k++) probabilities[k] = (float)said[k];\n"
    return f"{text}{LAST}{lines}{LARGEST}    return best;\n}}\n"


MAKERS = {
    "emlearn, forest": Maker("emlearn", forest, emlearn_forest),
    "emlearn, network": Maker("emlearn", network, emlearn_network),
    "m2cgen, forest": Maker("m2cgen", forest, m2cgen_source),
    "m2cgen, regression": Maker("m2cgen", regression, m2cgen_source),
}


def main() -> int:
    parser = benchmark_parser(__doc__)
    add_data_arguments(parser, suites="cc18,dev")
    parser.set_defaults(only=TABLES)
    args = parser.parse_args()
    tables = tables_of(parser, args)
    makers = {name: maker for name, maker in MAKERS.items() if find_spec(maker.package)}
    if not makers:
        parser.error("emlearn or m2cgen must be installed, however: neither is. Run: pip install emlearn m2cgen")
    tools = {name: bool(shutil.which(name)) for name in ("arm-none-eabi-gcc", "qemu-system-arm")}
    if not tools["arm-none-eabi-gcc"]:
        parser.error("arm-none-eabi-gcc must be installed, however: it is not. Run: apt-get install gcc-arm-none-eabi")
    protocol = {"tables": [table.name for table in tables], "tools": tools, "makers": list(makers)}
    packages = ("scikit-learn", *sorted({maker.package for maker in makers.values()}))
    run = Run.start("c_alternatives", __doc__, args, protocol, packages)
    found: list[dict[str, Any]] = []
    for table in tqdm(tables, file=sys.stderr):
        data = table.read()
        train, test = halves(data.codes, 0)
        for name, maker in makers.items():
            fitted = maker.baseline().fit(data.features.iloc[train], data.codes[train])
            row = scored(data.codes[test], fitted.predict_proba(data.features.iloc[test]))
            about = {"table": table.name, "maker": name, "auc": row["auc"], "log_loss": row["log_loss"]}
            found.append(about | dict(measured(maker, fitted, data.features.iloc[test[:BOARD_ROWS]], tools)))
    print(pd.DataFrame(found).to_string(index=False))
    run.finish({"tables": len(tables), "makers": len(makers)}, found)
    return 0


def measured(maker: Maker, fitted: Baseline, X: pd.DataFrame, tools: dict[str, bool]) -> Iterator[tuple[str, float]]:
    """Flash and RAM on each board, instructions and stack of a row, and how far its answers are off."""
    encoded = np.asarray(fitted.pipeline[:-1].transform(X), np.float32)
    expected = fitted.predict_proba(X)
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(name)
        write_model(folder, maker, fitted.pipeline[-1], encoded.shape[1], expected.shape[1])
        for board in BOARDS:
            options = [f"-I{include}" for include in includes(maker)]
            with contextlib.suppress(subprocess.CalledProcessError):  # it does not fit on this one
                write_rows(folder, encoded[:1])
                flash, ram = build(folder, board, options)
                yield f"{board.name}_flash", flash
                yield f"{board.name}_ram", ram
                if tools["qemu-system-arm"]:
                    write_rows(folder, encoded)
                    build(folder, board, [*options, "-DRUN"])
                    answers, said = run_on_board(folder, board)
                    yield f"{board.name}_instructions", round(said[0][0] * board.instructions_per_tick / len(X))
                    yield f"{board.name}_stack", said[0][1]
                    yield f"{board.name}_difference", difference(maker, answers[: len(X), 1:], expected)


def difference(maker: Maker, got: npt.NDArray[np.float64], expected: npt.NDArray[np.float64]) -> float:
    """The largest of a probability; a lone number is one before the sigmoid."""
    if maker.baseline is regression and expected.shape[1] == 2:
        got = np.stack([1 / (1 + np.exp(got[:, 1])), 1 / (1 + np.exp(-got[:, 1]))], axis=1)
    elif maker.baseline is regression:
        got = np.exp(got - got.max(axis=1, keepdims=True))
        got /= got.sum(axis=1, keepdims=True)
    return float(np.abs(got - expected).max())


def includes(maker: Maker) -> list[str]:
    if maker.package != "emlearn":
        return []
    import emlearn

    return [emlearn.includedir]


def write_model(folder: Path, maker: Maker, classifier: Any, n_inputs: int, n_classes: int) -> None:
    """Source and header with the names that `c_board.c` calls."""
    (folder / "model.h").write_text(HEADER.format(n_inputs=n_inputs, n_classes=n_classes))
    (folder / "model.c").write_text(f'#include "model.h"\n{maker.write(classifier, n_inputs, n_classes)}')


def write_rows(folder: Path, encoded: npt.NDArray[np.float32]) -> None:
    """Rows as `write_cells` writes them: a column of structs with an array."""
    typed = ["{" + ", ".join(f"{value!s}f" for value in map(float, row)) + "}" for row in encoded]
    write_cells(folder, [['""'] * len(typed)], [typed])


if __name__ == "__main__":
    sys.exit(main())
