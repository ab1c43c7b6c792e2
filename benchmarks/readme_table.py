"""Writes the README's table of accuracy, size and speed from the newest results in ``benchmarks/results/``.

    python benchmarks/readme_table.py

Of every suite and model the newest run of whole suites by ``accuracy.py`` counts; columns of size and speed stand in
the table where ``latency.py`` has left results. The table replaces what stands between the two comments
``<!-- NAME: benchmarks/readme_table.py -->`` and ``<!-- end of NAME -->`` in README.md, whatever NAME is.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from common.results import RESULTS, every_result
from mothernet_runtime.output import written

README = Path(__file__).parent.parent / "README.md"
MARKED = re.compile(r"(<!-- (\w+): benchmarks/readme_table\.py -->\n).*?(<!-- end of \2 -->)", re.DOTALL)
TITLES = {
    "mothernet": "MotherNet child",
    "untrained": "same, hypernetwork untrained",
    "predicted-penalty": "same, penalties from the hypernetwork",
    "logistic-regression": "logistic regression",
    "random-forest": "random forest (300 trees)",
    "lightgbm": "LightGBM",
    "xgboost": "XGBoost",
}
SUITES = {"cc18": "30 small OpenML-CC18 tables", "dev": "39 other tables (choices were made on these)"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FOLDER")
    parser.add_argument("--readme", type=Path, default=README, metavar="FILE")
    args = parser.parse_args()
    text = replaced_table(args.readme.read_text(encoding="utf-8"), table(args.results))
    with written(args.readme) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return 0


def replaced_table(text: str, block: str) -> str:
    """The README's text with a new block between the comments.

    Raises
    ------
    ValueError
        The text does not have the two comments once.
    """
    if len(MARKED.findall(text)) != 1:
        raise ValueError(
            "README must have '<!-- NAME: benchmarks/readme_table.py -->' and, later, '<!-- end of NAME -->' once, "
            f"however: it has such a pair {len(MARKED.findall(text))} times. Put them where the table belongs."
        )
    return MARKED.sub(lambda found: f"{found[1]}\n{block}\n\n{found[3]}", text)


def table(results: Path) -> str:
    """The table and what stands below it, as Markdown.

    Raises
    ------
    ValueError
        There is no run of whole suites.
    """
    whole = [result for _, result in every_result("accuracy", results) if not result["protocol"]["only"]]
    if not whole:
        raise ValueError(f"{results.name}/accuracy must have a run of whole suites, however: it has none.")
    means: dict[tuple[str, str], dict[str, Any]] = {}
    for result in whole:
        for suite, found in result["summary"]["suites"].items():
            means |= {(suite, model): values for model, values in found["models"].items()}
    latency = every_result("latency", results)[-1:]
    speed = latency[0][1]["summary"]["models"] if latency else {}
    titles = [*SUITES.values(), *(("file", "one row", "1,000 rows") if speed else ())]
    rows = [f"| mean AUC / log loss, defaults, untuned | {' | '.join(titles)} |", "|---|" + "---|" * len(titles)]
    for model, title in TITLES.items():
        cells = [means.get((suite, model)) for suite in SUITES]
        if any(cells):
            texts = [f"{cell['auc']:.4f} / {cell['log_loss']:.4f}" if cell else "" for cell in cells]
            rows.append(f"| {title} | {' | '.join([*texts, *(size_and_speed(speed.get(model)) if speed else ())])} |")
    notes = [
        "Two stratified halves each, at most 1,000 training rows; "
        f"{whole[-1]['environment']['hardware']}; `benchmarks/accuracy.py`, results in `benchmarks/results/accuracy/`."
    ]
    if speed:
        notes.append(
            f"File and time per call: medians over {latency[0][1]['summary']['tables']} of the first tables, all as "
            "ONNX in onnxruntime on one thread; the trees get strings already turned into integers; "
            "`benchmarks/latency.py`."
        )
    return "\n".join([*rows, "", " ".join(notes)])


def size_and_speed(found: dict[str, Any] | None) -> tuple[str, str, str]:
    """Cells of a model, empty if it was not measured."""
    if found is None:
        return "", "", ""
    one, thousand = (found["latency_us"][rows] for rows in ("1", "1000"))
    return f"{found['size_bytes'] / 1000:,.0f} kB", f"{one:,.0f} µs", f"{thousand:,.0f} µs"


if __name__ == "__main__":
    sys.exit(main())
