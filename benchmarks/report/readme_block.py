"""The README's table: between two comments, which name the script that writes it.

``<!-- NAME: benchmarks/make_report.py -->`` and ``<!-- end of NAME -->``, whatever NAME is.
"""

from __future__ import annotations

import re

import pandas as pd

from report.appearance import CHILDREN, OURS, appearance, in_order, suite_title
from report.comparisons import scores_of, speeds, suites_of
from report.loading import Results
from report.losses import findings, in_one_sentence
from report.words import plain_size, plain_time

__all__ = ["block", "replaced"]

SCRIPT = "benchmarks/make_report.py"
PAGE = "docs/benchmarks.html"
SUITES = ("cc18", "dev")
LEFT_OUT = {
    "predicted-penalty",
    "hist-gradient-boosting",
    "mlp",
}  # of the table, which is to be short; the page has all
BATCHES = {1: "one row", 1_000: "1,000 rows"}
_MARKED = re.compile(r"<!-- (\w+): benchmarks/\w+\.py -->\n.*?(<!-- end of \1 -->)", re.DOTALL)


def replaced(text: str, new: str) -> str:
    """The README's text with a new block between the comments.

    Raises
    ------
    ValueError
        The text does not have the two comments once.
    """
    if len(_MARKED.findall(text)) != 1:
        raise ValueError(
            f"README must have '<!-- NAME: {SCRIPT} -->' and, later, '<!-- end of NAME -->' once, "
            f"however: it has such a pair {len(_MARKED.findall(text))} times. Put them where the table belongs."
        )
    return _MARKED.sub(lambda found: f"<!-- {found[1]}: {SCRIPT} -->\n\n{new}\n\n{found[2]}", text)


def block(results: Results) -> str:
    """The table, what it was measured on, and where the child loses, as Markdown."""
    accuracy = results.accuracy[results.accuracy["suite"].isin(SUITES)]
    suites = suites_of(accuracy)
    means = {suite: scores_of(accuracy, suite) for suite in suites}
    files = _files(results.latency)
    titles = [suite_title(suite, int(means[suite]["tables"].max())) for suite in suites]
    titles += ["fit", *(["file", *BATCHES.values()] if files else [])]
    lines = [f"| mean AUC / log loss | {' | '.join(titles)} |", "|---|" + "---|" * len(titles)]
    for model in in_order({*accuracy["model"], *files} - LEFT_OUT):
        cells = [_pair(means[suite], model) for suite in suites]
        cells.append(_fit(accuracy, model))
        cells += files.get(model, ["", "", ""]) if files else []
        name = appearance(model).title
        lines.append(f"| {f'**{name}**' if model == OURS else name} | {' | '.join(cells)} |")
    lost = in_one_sentence(findings(accuracy, results.latency, results.cost))
    return "\n".join([*lines, "", f"**{lost}**", "", f"{_conditions(results)} More: [{PAGE}]({PAGE})."])


def _pair(means: pd.DataFrame, model: str) -> str:
    return f"{means.loc[model, 'auc']:.4f} / {means.loc[model, 'log_loss']:.4f}" if model in means.index else ""


def _fit(accuracy: pd.DataFrame, model: str) -> str:
    seconds = accuracy.loc[accuracy["model"] == model, "fit_seconds"]
    return plain_time(1e6 * seconds.median()) if len(seconds) else ""


def _files(latency: pd.DataFrame) -> dict[str, list[str]]:
    """Size and times of a model's ONNX file, by model: of its inputs, those that answer one row sooner."""
    latency = latency[~latency["model"].isin(CHILDREN) | (latency["inputs"] == "raw")]
    table = speeds(latency[latency["form"] == "onnx"])
    size = latency[latency["form"] == "onnx"].groupby(["model", "inputs", "table"])["size_bytes"].first()
    found = {}
    for model, own in table.groupby("model"):
        inputs = own[own["rows"] == 1].sort_values("p50_us")["inputs"].iloc[0]
        times = own[own["inputs"] == inputs].set_index("rows")["p50_us"]
        found[model] = [plain_size(size[model, inputs].median()), *(plain_time(times[rows]) for rows in BATCHES)]
    return found


def _conditions(results: Results) -> str:
    runs = [run for run in results.runs if run.benchmark == "accuracy"]
    shown = [run for run in runs if not {*run.content["protocol"].get("suites", SUITES)}.isdisjoint(SUITES)]
    accuracy = (shown or runs)[-1]
    rows = accuracy.content["protocol"].get("max_train_rows", 1_000)
    texts = [
        f"Two stratified halves of every table, at most {rows:,} rows to fit; models at their defaults unless called "
        f"tuned; fit: median; {accuracy.content['environment']['hardware']}."
    ]
    if not results.latency.empty:
        tables = results.latency["table"].nunique()
        texts.append(
            f"File and time of a call: medians over {tables} table{'s' * (tables != 1)}, ONNX in onnxruntime on one "
            "thread; ours takes raw cells, of the others counts whichever of raw cells and codes computed before is "
            "faster, and all trees are 100 (scored: random forest 300, CatBoost 1,000)."
        )
    return " ".join(texts)
