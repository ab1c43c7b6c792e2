"""How good is a checkpoint on fixed synthetic tasks, beside common classifiers on the very same?

    python benchmarks/pretraining.py [--checkpoint FILE] [--models mothernet,predicted-penalty]

The 256 validation tasks that no run trains on (``mothernet.pretraining.validation``: 40 to 600 rows, 2 to 40 features,
2 to 10 classes). ``mothernet`` does what ``fit`` does, ``predicted-penalty`` takes penalties and temperature from the
hypernetwork, ``untrained`` is ``mothernet`` with random weights. Losses are in nats, at most 3 per task; AUC is
one-vs-one, and probabilities that agree to nine digits are a tie (of the same rows, and of classes that no support row
has). Where the prior's code changes, so do the tasks: compare under one commit. ``accuracy.py --checkpoint FILE``
asks the same of real tables, ``learning_curves.py`` draws the logs of training runs.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from common.baselines import BASELINES
from common.children import WIDTH, child_probabilities
from common.models import Maker, chosen_models, untrained_checkpoint
from common.results import Run, benchmark_parser
from common.scores import means_by_model, scored
from tqdm import tqdm

from mothernet.network.checkpoint import load_checkpoint
from mothernet.network.forward import ForwardPass
from mothernet.network.hypernetwork import Hypernetwork, hypernetwork_of
from mothernet.pretraining.validation import one_vs_one_auc, predicted_penalty_logits, validation_tasks
from mothernet.prior import TaskBatch

MODELS = ("mothernet", "predicted-penalty", "untrained", *BASELINES)
MAX_LOSS = 3.0  # nats per task
Predict = Callable[[TaskBatch], npt.NDArray[np.float64]]  # probabilities (B, Q, C)


def predicted_penalty(network: Hypernetwork) -> Predict:
    """The hypernetwork's own penalties."""
    return lambda batch: predicted_penalty_logits(network, batch, WIDTH).softmax(-1).numpy()


def cross_validated(network: ForwardPass) -> Predict:
    """The hypernetwork's units, penalties chosen by cross-validation."""

    def predict(batch: TaskBatch) -> npt.NDArray[np.float64]:
        tasks = zip(batch.X, batch.y[:, : batch.shape.support].numpy(), strict=True)
        return np.stack([child_probabilities(network, X, y, batch.shape.classes) for X, y in tasks])

    return predict


def classifier(make: Maker) -> Predict:
    """Another classifier, fitted to each task."""

    def predict(batch: TaskBatch) -> npt.NDArray[np.float64]:
        S, results = batch.shape.support, []
        for X, y in zip(batch.X.numpy(), batch.y.numpy(), strict=True):
            classes, code = np.unique(y[:S], return_inverse=True)
            p = np.zeros((len(y) - S, batch.shape.classes))
            p[:, classes] = make().fit(pd.DataFrame(X[:S]), code).predict_proba(pd.DataFrame(X[S:]))
            results.append(p)
        return np.stack(results)

    return predict


def measured(predict: dict[str, Predict]) -> Iterator[dict[str, Any]]:
    """One row per task and model."""
    for group, batch in enumerate(tqdm(validation_tasks(), file=sys.stderr)):
        y = batch.y[:, batch.shape.support :].numpy()
        for name, make in predict.items():
            for task, p in enumerate(make(batch)):
                scores = scored(y[task], p)
                scores["log_loss"] = min(MAX_LOSS, scores["log_loss"])
                scores["auc"] = float(
                    one_vs_one_auc(torch.from_numpy(p.round(9))[None], torch.from_numpy(y[task])[None])
                )
                yield {"suite": "synthetic", "table": f"{group}.{task}", "split": 0, "model": name, **scores}


def main() -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--checkpoint", metavar="FILE", help="default: the one in the package")
    parser.add_argument("--models", default="all", metavar="A,B", help=f"among {', '.join(MODELS)}")
    args = parser.parse_args()
    models, checkpoint = chosen_models(parser, args.models, MODELS), load_checkpoint(args.checkpoint)
    protocol = {"models": models, "checkpoint": checkpoint.fingerprint, "tasks_trained": checkpoint.info.get("tasks")}
    run = Run.start("pretraining", __doc__, args, protocol)
    warnings.filterwarnings("ignore")  # unconverged baselines, by the hundred
    with untrained_checkpoint() as path:
        untrained = ForwardPass(load_checkpoint(path))
    predict = {
        "mothernet": cross_validated(ForwardPass(checkpoint)),
        "predicted-penalty": predicted_penalty(hypernetwork_of(checkpoint)),
        "untrained": cross_validated(untrained),
        **{name: classifier(make) for name, make in BASELINES.items()},
    }
    rows = list(measured({name: predict[name] for name in models}))
    means = means_by_model(rows)
    print(pd.DataFrame(means).T.to_string())
    run.finish({"suites": {"synthetic": {"tables": len({row["table"] for row in rows}), "models": means}}}, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
