"""How do loss and AUC move with tasks and with seconds of pretraining?

    python benchmarks/learning_curves.py first=RUN/log.jsonl second=OTHER/log.jsonl

Draws ``docs/pictures/learning-curves.png`` from the logs that ``mothernet pretrain`` leaves: scores of children with
predicted penalties on the fixed validation tasks, the runs overlaid. Other classifiers on the same tasks, from the
newest results of ``pretraining.py``, are lines where they lie within the picture, and in the legend in any case. Logs
of the runs that the documents speak of are in ``benchmarks/results/training_runs/``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import pandas as pd
from common.results import every_result
from matplotlib.figure import Figure
from mothernet_runtime.output import written

PICTURE = Path(__file__).parent.parent / "docs" / "pictures" / "learning-curves.png"
SCORES = (("validation_loss", "log_loss", "log loss (nats)"), ("validation_auc", "auc", "AUC"))
STYLES = {"random-forest": ":", "lightgbm": "--", "xgboost": "-."}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", nargs="+", metavar="NAME=LOG")
    parser.add_argument("--out", type=Path, default=PICTURE, metavar="FILE")
    args = parser.parse_args()
    pairs = [text.partition("=") for text in args.logs]
    if not all(path for _, _, path in pairs):
        parser.error(f"logs must be given as NAME=LOG, however: {' '.join(args.logs)}.")
    draw({name: pd.read_json(path, lines=True) for name, _, path in pairs}, args.out)
    return 0


def others() -> dict[str, dict[str, float]]:
    """Scores of the other classifiers on the validation tasks, the newest of each."""
    found: dict[str, dict[str, float]] = {}
    for _, result in every_result("pretraining"):
        found |= result["summary"]["suites"]["synthetic"]["models"]
    return {name: scores for name, scores in found.items() if name in STYLES}


def draw(runs: dict[str, pd.DataFrame], path: Path) -> None:
    """A row for each score; columns over tasks and over seconds."""
    figure = Figure(figsize=(14, 7), layout="constrained")
    axes = figure.subplots(2, 2, sharey="row")
    for row, (key, score, label) in zip(axes, SCORES, strict=True):
        for axis, over in zip(row, ("tasks", "seconds"), strict=True):
            for name, log in runs.items():
                axis.plot(log[over], log[key], marker=".", label=name)
            shown = axis.get_ylim()  # of the runs
            for name, scores in others().items():
                style = {"color": "grey", "linestyle": STYLES[name], "linewidth": 1}
                axis.axhline(scores[score], label=f"{name}: {scores[score]:.3f}", **style)
            axis.set_ylim(shown)
            axis.set_xlabel(over)
            axis.grid(alpha=0.3)
        row[0].set_ylabel(label)
        row[1].legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    with written(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
    print(json.dumps({"picture": path.name, "runs": list(runs)}))


if __name__ == "__main__":
    sys.exit(main())
