"""What rows of ``latency.py`` come to over tables: medians, ratios to the child, and a table to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

__all__ = ["printed", "summarised"]

KIND = ["model", "form", "engine", "inputs"]
CHILD = "mothernet"
ONCE = {"size_bytes": (1e-3, "kB"), "session_ms": (1, "session ms"), "first_call_us": (1, "first µs")}
ONCE |= {"memory_bytes": (1e-6, "memory MB"), "instructions": (1, "instructions")}  # and their scale and title


def summarised(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of the smallest number of threads: ``models``, medians over tables, and ``ratios`` to the child.

    The former are files: children on raw inputs, others on codes. The latter are to the child's file, of others on
    either kind of inputs; and to its C source, ``compiled``, of others on codes.
    """
    frame = pd.DataFrame(list(rows))
    frame = frame[frame["threads"] == frame["threads"].min()]
    files = frame[(frame["form"] == "onnx") & (frame["inputs"] == _own_inputs(frame))]
    models = {
        name: {
            "size_bytes": float(found.groupby("table")["size_bytes"].first().median()),
            "latency_us": {str(n): round(float(v), 2) for n, v in found.groupby("rows")["p50_us"].median().items()},
        }
        for name, found in files.groupby("model", sort=False)
    }
    ratios = {inputs: _ratios(frame, inputs, "onnx", "raw") for inputs in ("codes", "raw")}
    return {"models": models, "ratios": ratios | {"compiled": _ratios(frame, "codes", "compiled", "codes")}}


def _own_inputs(frame: pd.DataFrame) -> pd.Series[str]:
    return frame["model"].str.startswith(CHILD).map({True: "raw", False: "codes"})


def _ratios(frame: pd.DataFrame, inputs: str, own_form: str, own_inputs: str) -> dict[str, dict[str, dict[str, float]]]:
    """By model and engine, then by rows and for the size: median and least over tables of others / child."""
    child = frame[(frame["model"] == CHILD) & (frame["form"] == own_form) & (frame["inputs"] == own_inputs)]
    own = child.set_index(["table", "rows"])[["p50_us", "size_bytes"]]
    found: dict[str, dict[str, dict[str, float]]] = {}
    others = frame[(frame["inputs"] == inputs) & ~frame["model"].str.startswith(CHILD)]
    for (model, engine), group in others.groupby(["model", "engine"], sort=False):
        ratio = group.set_index(["table", "rows"])[["p50_us", "size_bytes"]].astype(float) / own
        by_rows = {str(rows): values for rows, values in ratio["p50_us"].groupby("rows")}
        every = by_rows | {"size_bytes": ratio["size_bytes"].groupby("table").first()}
        kept = {key: values.dropna() for key, values in every.items()}
        found[f"{model}/{engine}"] = {
            key: {"median": round(float(values.median()), 3), "least": round(float(values.min()), 3)}
            for key, values in kept.items()
            if len(values)
        }
    return found


def printed(rows: Sequence[dict[str, Any]], failures: Sequence[dict[str, Any]]) -> str:
    """Medians over tables as text, one block for each number of threads; then ratios and failures."""
    frame = pd.DataFrame(list(rows))
    blocks = []
    for threads, found in frame.groupby("threads"):
        by_kind = found.groupby(KIND, sort=False)
        once = pd.DataFrame(
            {
                title: scale * pd.to_numeric(found[name]).groupby([found[k] for k in KIND], sort=False).median()
                for name, (scale, title) in ONCE.items()
            }
        )
        counts = by_kind["table"].nunique().rename("tables")
        times = found.pivot_table(index=KIND, columns="rows", values="p50_us", aggfunc="median", sort=False)
        times.columns = [f"{rows:,} rows" for rows in times.columns]
        text = pd.concat([counts, once, times], axis=1).map(_number).to_string()
        blocks.append(
            f"medians over tables, times in µs (p50), {threads} {'thread' if threads == 1 else 'threads'}\n{text}"
        )
    for inputs, ratios in summarised(rows)["ratios"].items():
        lines = [
            f"  {name}: " + ", ".join(f"{key} {r['median']:.2f} {r['least']:.2f}" for key, r in by_rows.items())
            for name, by_rows in ratios.items()
        ]
        kind = "compiled), codes" if inputs == "compiled" else f"onnx), {inputs}"
        blocks.append("\n".join([f"others over {CHILD} ({kind}: median and least over tables", *lines]))
    if failures:
        lines = [f"  {f['table']}: {f['model']} {f['engine']} {f['inputs']}: {f['reason']}" for f in failures]
        blocks.append("\n".join(["not timed", *lines]))
    return "\n\n".join(blocks)


def _number(value: float) -> str:
    if pd.isna(value):
        return ""
    return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:,.1f}"
