"""Writes the golden files beside it: ``python tests/runtime/golden/regenerate.py``; review the difference.

model.onnx comes from mothernet_export, expected.csv from the loops below, which follow the definition in
export/FORMAT.md cell by cell in float64 and share no code with the exporter or the runtime.
"""

import csv
import itertools
import math
from pathlib import Path

import numpy as np
from mothernet_export import CategoricalColumn, ChildNetwork, NumericColumn, to_onnx

HERE = Path(__file__).parent
HEADER = ["age", "city", "fare", "constant", "code", "note"]
ROWS = [
    ["31", "Bern", "7.25", "1", "3", "x"],
    ["", "", "", "", "", ""],
    ["-1e39", "Genève", "1e39", "inf", "True", "two\nlines"],
    ["inf", "日本", "-inf", "nan", "0.5", 'quoted "cell", with comma'],
    ["nan", "Bern ", "3.4e38", "-3.4e38", "3.0", "unseen: a space behind Bern, 3.0 as text"],
    ["18", "bern", "-0.0", "0", "", "a knot"],
    ["80.00001", "nowhere", "1e-45", "7", "False", ""],
    [" 42.5 ", 'a "quoted", b', "+1.5e2", "1", "3", ""],
    ["0.1", "a\nb", "16777217", "2", "0.5", "rounds to float32"],
]


def make_child() -> ChildNetwork:
    columns = (
        NumericColumn("age", centre=39.5, knots=(18.0, 30.5, 47.25, 80.0), missing_indicator=True),
        CategoricalColumn("city", categories=("", "Bern", "Genève", "日本", 'a "quoted", b', "a\nb")),
        NumericColumn("fare", centre=14.25, knots=(-2.0, 7.5, 512.0, 2.0**25), missing_indicator=False),
        NumericColumn("constant", centre=1.0, knots=(), missing_indicator=False),
        CategoricalColumn("code", categories=("3", "True", "0.5")),
        CategoricalColumn("note", categories=()),
    )
    rng = np.random.default_rng(3)
    n_rows, n_hidden, n_classes = sum(column.n_rows for column in columns), 5, 3
    first_weight = rng.normal(size=(n_rows, n_hidden + n_classes)).round(2)
    first_bias = rng.normal(size=n_hidden + n_classes).round(2)
    output_weight = rng.normal(size=(n_hidden, n_classes)).round(2)
    classes = ("maybe, or not", "no", "oui, ça")
    return ChildNetwork(columns, classes, first_weight, first_bias, output_weight, versions={"mothernet": "golden"})


def probabilities(child: ChildNetwork, row: dict[str, str]) -> list[float]:
    """Probabilities (C,) of one row of CSV text, slowly."""
    inputs: list[float] = []
    numeric = [column for column in child.columns if isinstance(column, NumericColumn)]
    with np.errstate(over="ignore"):
        cells = {c.name: float(np.float32(float(row[c.name].strip() or "nan"))) for c in numeric}
    for column in numeric:
        x = column.centre if math.isnan(cells[column.name]) else cells[column.name]
        for low, high in itertools.pairwise(column.knots):
            inputs.append(min(max((x - low) / (high - low), 0.0), 1.0))
    for column in numeric:
        if column.missing_indicator:
            inputs.append(float(math.isnan(cells[column.name])))
    for column in child.columns:
        if isinstance(column, CategoricalColumn) and column.categories:
            known = [float(row[column.name] == category) for category in column.categories]
            inputs += [*known, 1.0 - sum(known)]
    pre = [
        float(bias) + sum(x * float(weight) for x, weight in zip(inputs, child.first_weight[:, j], strict=True))
        for j, bias in enumerate(child.first_bias)
    ]
    logits = [
        pre[child.width + c] + sum(math.tanh(pre[h]) * float(child.output_weight[h, c]) for h in range(child.width))
        for c in range(len(child.classes))
    ]
    exponentials = [math.exp(logit - max(logits)) for logit in logits]
    return [e / sum(exponentials) for e in exponentials]


def main() -> None:
    child = make_child()
    to_onnx(child, HERE / "model.onnx")
    with open(HERE / "rows.csv", "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([HEADER, *ROWS])
    with open(HERE / "expected.csv", "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["label", *(f"probability_{label}" for label in child.classes)])
        for row in ROWS:
            p = probabilities(child, dict(zip(HEADER, row, strict=True)))
            writer.writerow([child.classes[p.index(max(p))], *(f"{value:.9f}" for value in p)])


if __name__ == "__main__":
    main()
