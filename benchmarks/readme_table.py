"""Writes the README's table of accuracy from ``benchmarks/results/accuracy.jsonl``.

    python benchmarks/readme_table.py

For every suite and model the newest complete run counts. The table stands between two comments in README.md.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- accuracy: benchmarks/readme_table.py -->", "<!-- end of accuracy -->"
TITLES = {
    "mothernet": "MotherNet child",
    "untrained": "same, hypernetwork untrained",
    "one-pass": "same, one forward pass only",
    "logistic-regression": "logistic regression",
    "random-forest": "random forest (300 trees)",
    "lightgbm": "LightGBM",
    "xgboost": "XGBoost",
}
SUITES = {"cc18": "30 small OpenML-CC18 tables", "dev": "39 other tables (choices were made on these)"}


def main() -> None:
    means: dict[tuple[str, str], dict[str, float]] = {}
    header: dict[str, Any] = {}
    for text in (ROOT / "benchmarks" / "results" / "accuracy.jsonl").read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if line["kind"] == "header":
            header = line
        elif line["kind"] == "summary":
            means |= {(line["suite"], model): values for model, values in line["models"].items()}
    rows = [
        f"| mean AUC / log loss, defaults, untuned | {' | '.join(SUITES.values())} |",
        "|---|" + "---|" * len(SUITES),
    ]
    for model, title in TITLES.items():
        cells = [means.get((suite, model)) for suite in SUITES]
        if any(cells):
            texts = [f"{cell['auc']:.4f} / {cell['log_loss']:.4f}" if cell else "" for cell in cells]
            rows.append(f"| {title} | {' | '.join(texts)} |")
    note = (
        f"Two stratified halves each, at most 1,000 training rows; {header['hardware']}; `benchmarks/accuracy.py`, "
        f"results in `benchmarks/results/accuracy.jsonl`."
    )
    readme = ROOT / "README.md"
    before, rest = readme.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    readme.write_text(before + "\n".join([BEGIN, "", *rows, "", note, "", END]) + after, encoding="utf-8")


if __name__ == "__main__":
    main()
