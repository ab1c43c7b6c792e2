"""From a table to a file that was checked, and a report of both: what ``mothernet export`` does."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from mothernet_export import ChildNetwork
from mothernet_export.quantization import Weights
from mothernet_runtime.file import Form

from mothernet.commands.file_types import FileType, ParityError, file_type
from mothernet.commands.hold_out import HeldOut, JudgingRows, hold_out_obstacle, training_rows
from mothernet.commands.reductions import LimitError, Reduction, check_limits, reduction
from mothernet.commands.report import ExportReport, column_reports
from mothernet.fitting.network import FitOptions, fit_network
from mothernet.settings import Size
from mothernet.tables import Table

__all__ = ["LimitError", "ParityError", "export_table"]

_PARITY_ROWS = 1000


def export_table(
    table: Table,
    output: str | os.PathLike[str],
    *,
    size: Size = "default",
    width: int | None = None,
    opset: int = 17,
    checkpoint: str | os.PathLike[str] | None = None,
    seed: int = 0,
    hold_out: bool = True,
    max_bytes: int | None = None,
    weights: Weights = "float32",
    form: Form = "full",
    force: bool = False,
    progress: Callable[[str], None] = lambda stage: None,
    part: Callable[[str], None] = lambda name: None,
) -> ExportReport:
    """Estimate on held-out rows, fit on all, write the file, compare it with the model, then put it in place.

    Parameters
    ----------
    table : Table
    output : path-like
        The file; until all of the above has succeeded it stays as it was. A name that ends in ``.ort`` or ``.c`` makes
        it an ORT file or C source, with another file beside it.
    size, width
        As for :class:`mothernet.MotherNetClassifier`.
    max_bytes : int, optional
        Largest file, or constants of C source. Columns of many categories keep as many as fit; the others are pooled.
    weights
        As for :func:`mothernet_export.to_onnx`, and without float16 for :func:`mothernet_export.to_c`.
    form
        As for :func:`mothernet_export.to_onnx`, with the JSON of a core beside it.
    force : bool
        Whether rounded weights and fewer categories may cost more than the limits of `mothernet.commands.limits`.
    progress, part : callable
        Told what comes next, and what of it.

    Raises
    ------
    ParityError
        If the file answers otherwise than the model.
    LimitError
        If a smaller file costs too much.
    ValueError, OSError
        If a parameter cannot be used or the file cannot be written.
    """
    file = file_type(output, weights, opset, form)
    X, y = table.features, table.target.to_numpy()
    options = FitOptions(width, size, checkpoint)
    held_out: HeldOut | None = None
    judged: list[ChildNetwork] = []
    skipped = hold_out_obstacle(y) if hold_out else "as asked"
    if not skipped:
        progress("hold-out estimate")
        held_out = HeldOut(table.columns, X, y, seed)
        judged = [held_out.fit(options, part)]
    progress("fit on all rows")
    start = time.perf_counter()
    children = [fit_network(table.columns, y, options, seed=seed, progress=part)]
    while max_bytes is not None and file.limited_bytes(children[-1], weights) > max_bytes:
        options = _with_fewer_categories(children[-1], options, file, max_bytes)
        children[1:] = [fit_network(table.columns, y, options, seed=seed, progress=part)]
    fit_seconds = time.perf_counter() - start
    child = children[-1]
    if held_out is not None and len(children) > 1:
        judged.append(held_out.fit(options, part))

    progress("write and compare")
    said = file.said((judged or children)[-1])

    def judges() -> JudgingRows:
        return held_out.rows if held_out is not None else training_rows(X, y, seed)

    reductions = _reductions(judges, judged or children, said, options, weights)
    if not force:
        check_limits(reductions)
    rows = np.sort(np.random.default_rng(seed).permutation(len(X))[:_PARITY_ROWS])
    done = file.write(child, X.iloc[rows], {column.name: column.take(rows).values for column in table.columns})
    return ExportReport(
        path=str(output),
        size_bytes=done.size_bytes,
        constant_bytes=done.constant_bytes,
        weights=weights,
        opset=None if done.constant_bytes is not None else opset,
        width=child.width,
        rows=len(X),
        columns=tuple(column_reports(child, table)),
        classes=tuple({"label": label, "rows": int((y == label).sum())} for label in child.target.classes),
        fit_seconds=fit_seconds,
        parity_rows=len(rows),
        parity_max_difference=done.parity.max_difference,
        parity_evaluators=tuple(comparison.evaluator for comparison in done.parity.comparisons),
        reductions=tuple(reductions),
        hold_out=None if held_out is None else held_out.estimate(said),
        hold_out_skipped=skipped,
        warnings=table.warnings,
        notes=table.notes,
    )


def _reductions(
    judges: Callable[[], JudgingRows],
    children: Sequence[ChildNetwork],
    said: ChildNetwork,
    options: FitOptions,
    weights: Weights,
) -> list[Reduction]:
    """What changes from the child without limits to that with fewer categories, if there is one, and to what the file
    says of the last."""
    fewer = f"at most {options.settings.max_categories:,} categories per column"
    steps = [(fewer, child, False) for child in children[1:]]
    if weights != "float32":
        steps.append((f"{weights} weights", said, True))
    if not steps:
        return []
    rows = judges()
    answers = [rows.probabilities(child) for child in (children[0], *(child for _, child, _ in steps))]
    return [
        reduction(name, rows.code, before, after, rounds=rounds, held_out=rows.held_out)
        for (name, _, rounds), (before, after) in zip(steps, itertools.pairwise(answers), strict=True)
    ]


def _with_fewer_categories(child: ChildNetwork, options: FitOptions, file: FileType, max_bytes: int) -> FitOptions:
    """Options of the next fit, for a file that is too large.

    Raises
    ------
    ValueError
        If there are no categories left to pool.
    """
    most = max((len(column.categories) for column in child.categorical_columns), default=0)
    least = options.settings.max_category_features
    if most > least:
        return replace(options, settings=replace(options.settings, max_categories=max(least, most // 2)))
    smaller = file.all_weights[file.all_weights.index(file.weights) + 1 :]
    sizes = {each: file.limited_bytes(child, each) for each in smaller}
    fits = [f"--weights {each} ({size:,})" for each, size in sizes.items() if size <= max_bytes]
    raise ValueError(
        f"--max-bytes must be at least {file.limited_bytes(child, file.weights):,} for this table, size and weights, "
        f"also with few categories, however: {max_bytes:,}. "
        f"Choose {'a smaller --size or --width, or --drop columns' if not fits else ' or '.join(fits)}."
    )
