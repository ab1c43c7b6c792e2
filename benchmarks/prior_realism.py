"""Do sampled tasks look like real tables?

    python benchmarks/prior_realism.py --data DIR [--suites dev] [--tasks 200] [--splits 3]
    python benchmarks/prior_realism.py --draw

Real tables are encoded by mothernet's own rules. Compared are simple meta-features of at most 500 support rows and 128
query rows: of random rows of each real table (stratified, ``--splits`` times, seeds 0, 1, ...) and of one task of each
of the first ``--tasks`` steps of pretraining with the default prior and seed 0. Real tables are encoded with support
and query rows together. Both sides then pass the hypernetwork's standardiser. Learners are scikit-learn's at their
defaults, the forest has 100 trees; ``gain`` is accuracy over that of the most frequent class.

Reported is the Kolmogorov-Smirnov distance of every meta-feature. ``--draw`` makes ``docs/pictures/prior-realism.png``
of the newest results, and prints them as the table of ``docs/prior.md``.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from common.results import Run, benchmark_parser, newest_rows
from common.tables import RealTable, add_data_arguments, tables_of
from mothernet_runtime.output import written
from scipy.stats import ks_2samp, kurtosis, skew
from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier
from tqdm import tqdm

from mothernet.network.inputs import Standardiser
from mothernet.prior import PriorConfig, sample_shape, sample_tasks
from mothernet.tables import category_odds
from mothernet.tables.columns import read_training_columns
from mothernet.tables.encoding import fit_encoding
from mothernet.tables.raw_inputs import raw_columns

SUPPORT_ROWS, QUERY_ROWS, TASKS_PER_BATCH = 500, 128, 4
FEW_VALUES = 20
COUNTS = ("support rows", "inputs", "classes")
PICTURE = Path(__file__).parent.parent / "docs" / "pictures" / "prior-realism.png"
Inputs = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int64]


class Task(NamedTuple):
    """An encoded task; the first ``support`` rows are its support set."""

    name: str  # of the table or the mechanism
    inputs: Inputs  # (N, F)
    labels: Labels  # (N,)
    support: int
    indicators: float  # share of missing indicators among the inputs


def learners() -> dict[str, ClassifierMixin]:
    return {
        "nearest": KNeighborsClassifier(1),
        "linear": LogisticRegression(max_iter=300),
        "stump": DecisionTreeClassifier(max_depth=1, random_state=0),
        "tree": DecisionTreeClassifier(random_state=0),
        "forest": RandomForestClassifier(100, random_state=0),
    }


def real_tasks(tables: Sequence[RealTable], splits: int) -> Iterator[Task]:
    """Random rows of every table and split."""
    for table in tqdm(tables, file=sys.stderr, desc="real"):
        data = table.read()
        y = data.codes
        query = min(QUERY_ROWS, len(y) // 3)
        support = min(SUPPORT_ROWS, len(y) - query)
        for seed in range(splits):
            first, last = train_test_split(
                np.arange(len(y)), train_size=support, test_size=query, random_state=seed, stratify=y
            )
            X = data.features.iloc[np.concatenate([first, last])]
            columns = read_training_columns(dict(X.items()))
            raw = raw_columns((column.name, column.rule, column.values) for column in columns)
            rows = np.concatenate([first, last])
            encoded_by = category_odds.Labels(y[rows], int(y.max()) + 1, np.random.default_rng(0))
            encoding = fit_encoding(raw, 0, encoded_by)
            indicators = sum(getattr(column, "missing_indicator", False) for column in encoding.columns)
            last_known = np.isin(y[last], y[first])  # classes of the support rows only
            labels = np.searchsorted(np.unique(y[first]), np.concatenate([y[first], y[last][last_known]]))
            inputs = np.concatenate([encoding.inputs[:support], encoding.inputs[support:][last_known]])
            yield Task(table.name, inputs, labels, support, indicators / inputs.shape[1])


def synthetic_tasks(config: PriorConfig, count: int) -> Iterator[Task]:
    """The first task of each batch of pretraining; named by the mechanism."""
    for index in tqdm(range(count), file=sys.stderr, desc="prior"):
        shape = sample_shape(config, 0, index)
        batch = sample_tasks(config, TASKS_PER_BATCH, shape, seed=0, index=index)
        support = min(SUPPORT_ROWS, shape.support)
        X, y = batch.X[0].numpy(), batch.y[0].numpy()
        rows = np.concatenate([np.arange(support), np.arange(shape.support, len(y))])
        indicators = float("nan") if batch.missing is None else float(batch.missing[0].float().mean())
        yield Task(batch.mechanism, X[rows], y[rows], support, indicators)


def meta_features(task: Task) -> dict[str, float]:
    """Meta-features of one task; those that cannot be measured are left out."""
    X, y, support = task.inputs, task.labels, task.support
    tensor = torch.from_numpy(np.ascontiguousarray(X, np.float32))[None]
    Z = Standardiser.fit(tensor[:, :support])(tensor)[0].double().numpy()
    S, labels = Z[:support], y[:support]
    distinct = np.array([len(np.unique(np.round(column, 6))) for column in S.T])
    numeric = S[:, distinct > 2]
    values = distinct[distinct > 2]
    shares = np.bincount(labels) / support
    shares = shares[shares > 0]
    varied = S[:, distinct > 1]
    total = varied.var(axis=0) + 1e-9
    means = np.stack([varied[labels == c].mean(axis=0) for c in np.unique(labels)])
    explained = ((means - varied.mean(axis=0)) ** 2 * shares[:, None]).sum(axis=0) / total  # correlation ratio
    found: dict[str, float] = {
        "support rows": support,
        "inputs": Z.shape[1],
        "classes": len(shares),
        "share of two-valued inputs": float((distinct == 2).mean()),
        "share of missing indicators": task.indicators,
        "share of constant inputs": float((distinct < 2).mean()),
        "class entropy ratio": float(-(shares * np.log(shares)).sum() / np.log(max(2, len(shares)))),
        "rarest class": float(shares.min()),
        "best input's explained share": float(explained.max()) if len(explained) else 0.0,
        "median input's explained share": float(np.median(explained)) if len(explained) else 0.0,
    }
    if numeric.shape[1]:
        found |= {
            "median |skewness|": float(np.median(np.abs(skew(numeric, axis=0)))),
            "median excess kurtosis": float(np.median(kurtosis(numeric, axis=0))),
            "largest |z|": float(np.abs(numeric).max()),
            "distinct values / rows": float(np.median(values) / support),
            "numeric inputs of few values": float((values <= FEW_VALUES).mean()),
        }
    if varied.shape[1] > 1:
        correlation = np.corrcoef(varied.T)
        found["mean |correlation|"] = float(np.abs(correlation[np.triu_indices(len(correlation), 1)]).mean())
        eigenvalues = np.linalg.eigvalsh(correlation).clip(1e-12)
        spectrum = eigenvalues / eigenvalues.sum()
        found["effective rank / inputs"] = float(np.exp(-(spectrum * np.log(spectrum)).sum()) / len(spectrum))
    return found | performances(Z, y, support)


def performances(Z: Inputs, y: Labels, support: int) -> dict[str, float]:
    """Accuracy gains over the most frequent class and AUC on the query rows."""
    S, labels, Q, truth = Z[:support], y[:support], Z[support:], y[support:]
    base = float((truth == np.bincount(labels).argmax()).mean())
    found: dict[str, float] = {}
    for name, model in learners().items():
        model.fit(S, labels)
        p = model.predict_proba(Q)
        found[f"{name} gain"] = float((model.classes_[p.argmax(axis=1)] == truth).mean() - base)
        found[f"{name} AUC"] = one_against_rest_auc(truth, p, model.classes_)
        if name == "forest":
            found["forest error"] = 1 - base - found["forest gain"]
    for one, other in (("forest", "linear"), ("forest", "nearest"), ("tree", "linear"), ("forest", "stump")):
        found[f"{one} - {other}"] = found[f"{one} gain"] - found[f"{other} gain"]
        found[f"{one} - {other} AUC"] = found[f"{one} AUC"] - found[f"{other} AUC"]
    return found


def one_against_rest_auc(truth: Labels, p: Inputs, classes: Labels) -> float:
    """Mean one-against-rest AUC of the classes that some query rows have and others have not."""
    areas = [roc_auc_score(truth == c, p[:, i]) for i, c in enumerate(classes) if 0 < (truth == c).mean() < 1]
    return float(np.mean(areas)) if areas else float("nan")


def distances(frame: pd.DataFrame) -> pd.DataFrame:
    """Kolmogorov-Smirnov distance and medians of both sides for every meta-feature."""
    real, prior = (frame[frame["side"] == side].drop(columns=["side", "name"]) for side in ("real", "prior"))
    table = {}
    for name in real.columns:
        a, b = real[name].dropna(), prior[name].dropna()
        if len(a) and len(b):
            medians = [round(float(side.median()), 3) for side in (a, b)]
            table[name] = [round(float(ks_2samp(a, b).statistic), 3), *medians]
    return pd.DataFrame.from_dict(table, "index", columns=["KS", "median real", "median sampled"])


def markdown(table: pd.DataFrame) -> str:
    """The table of ``docs/prior.md``."""
    lines = [f"| meta-feature | {' | '.join(table.columns)} |", "|---|" + "---|" * len(table.columns)]
    for name, (ks, *medians) in table.iterrows():
        escaped, form = str(name).replace("|", "\\|"), "g" if name in COUNTS else ".2f"
        lines.append(f"| {escaped} | {ks:.2f} | {' | '.join(f'{median:{form}}' for median in medians)} |")
    return "\n".join([*lines, f"| **mean** | **{table['KS'].mean():.3f}** | | |"])


def draw(frame: pd.DataFrame) -> None:
    """Cumulative distributions, one small picture per meta-feature."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    table, columns = distances(frame), 6
    figure = Figure(figsize=(2.6 * columns, 2.1 * -(-len(table) // columns)), layout="constrained")
    axes = figure.subplots(-(-len(table) // columns), columns, squeeze=False).flatten()
    for axis, name in zip(axes, table.index, strict=False):
        for side, colour in (("real", "black"), ("prior", "tab:orange")):
            values = np.sort(frame.loc[frame["side"] == side, name].dropna())
            axis.plot(values, np.arange(1, len(values) + 1) / len(values), color=colour, label=side, linewidth=1.6)
        if name in ("support rows", "inputs"):
            axis.set_xscale("log")
            axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_title(f"{name}: {table.loc[name, 'KS']:.2f}", fontsize=9)
        axis.tick_params(labelsize=7)
        axis.set_ylim(0, 1)
    for axis in axes[len(table) :]:
        axis.remove()
    axes[0].legend(fontsize=8)
    figure.suptitle("Cumulative distributions over real tables and sampled tasks; the number is their KS distance")
    with written(PICTURE) as temporary:
        figure.savefig(temporary, format="png", dpi=75)


def main() -> int:
    parser = benchmark_parser(__doc__)
    add_data_arguments(parser, suites="dev", required="--draw" not in sys.argv)
    parser.add_argument("--tasks", type=int, default=200, metavar="N")
    parser.add_argument("--splits", type=int, default=3, metavar="N")
    parser.add_argument("--draw", action="store_true", help="measure nothing, draw the newest results")
    args = parser.parse_args()
    if args.draw:
        frame = newest_rows("prior_realism")
        draw(frame)
        print(markdown(distances(frame)))
        return 0
    if args.tasks < 2 or args.splits < 1:
        parser.error(f"--tasks must be 2 or more and --splits 1 or more, however: {args.tasks} and {args.splits}.")
    tables = tables_of(parser, args)
    protocol = {"suites": args.suites.split(","), "tables": len(tables), "tasks": args.tasks, "splits": args.splits}
    run = Run.start("prior_realism", __doc__, args, protocol)
    warnings.filterwarnings("ignore")  # unconverged logistic regressions, by the dozen
    sides = {"real": real_tasks(tables, args.splits), "prior": synthetic_tasks(PriorConfig(), args.tasks)}
    frame = pd.DataFrame(
        [{"side": side, "name": task.name, **meta_features(task)} for side, tasks in sides.items() for task in tasks]
    ).round(4)
    table = distances(frame)
    print(table.to_string())
    summary = {"mean_ks": round(float(table["KS"].mean()), 4), "meta_features": table.to_dict("index")}
    run.finish(summary, frame.to_dict("records"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
