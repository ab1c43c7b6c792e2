"""How large is an exported file, and how long does one call of it take?

    python benchmarks/latency.py --data DIR [--quick] [--models mothernet,lightgbm] [--only diabetes,car]

Every model is fitted to the same at most 1,000 rows of a table and measured in up to three forms, in one run:

- ``onnx``: its file in onnxruntime, all with the same options;
- ``native``: its library's own predictor, the fastest one (named in the protocol); of a child, its NumPy reference and
  the project's runtime, which takes a dict of columns;
- ``compiled``: gradient-boosted trees as machine code by lleaves, TL2cgen and Timber; of a child, its C source by gcc.

Inputs are ``raw`` (a matrix of numbers and one of strings; the encoder is in the graph, or in the call) or ``codes``
(one matrix of numbers; strings were turned into integers before, which is not timed). Whatever is compiled takes codes
only. A child's file on codes is its numeric core, its C source takes an array of structs. On a table without text both
are the same for the others: measured once, they stand in two rows. Models are at
their defaults, forests and boosted trees have 100 trees. Before anything is timed, each form must give the
probabilities of the fitted model on 500 rows; one that does not is a failure of the summary and is not timed.

All models take turns in random order: a call each, but below 1,000 rows five after one that is not counted, without
which short calls would be slow because thirty models share the caches. A measurement is up to 500 calls (120 from 100
rows on, 30 from 5,000) or as many as the budget allows, at least 15; ``p50_us`` is their median, ``p99_us`` is there
where there were at least 100. Session creation and the first call (of one row, medians of 5 sessions) stand apart.
``memory_bytes`` is the peak of a fresh process that loads the file and predicts 10,000 rows, above one that only
imports. ``instructions`` are those of one row in one thread by callgrind, through the C interface of onnxruntime; they
need gcc and valgrind.

The summary's ratios are another model's time or size over the child's, median and least over tables: above 1 the
child is faster or smaller. LightGBM, XGBoost, CatBoost and the converters and compilers are installed by hand; what is
missing is said, and refused if asked for by name.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # idle threads of one library do not spin, which would slow the next call

import numpy as np
from common.child_predictors import CHILDREN, child_predictors
from common.compiled import COMPILER_PIP_NAMES, compiled_predictor
from common.instructions import MISSING_TOOLS, instructions_of_one_row
from common.latency_summary import printed, summarised
from common.memory import memory_of_file
from common.onnx_models import NATIVE_CALLS, ONNX_BASELINES, PIP_NAMES, FittedTrees, Table, baseline_predictors
from common.predictors import Failure, Predictor, open_session, parity_error, resized
from common.results import Run, benchmark_parser
from common.tables import RealTable, add_data_arguments, tables_of
from common.timing import MIN_CALLS, take_turns
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from mothernet.network.checkpoint import load_checkpoint

MODELS = (*CHILDREN, *ONNX_BASELINES)
TABLES = "diabetes,credit-g,mfeat-karhunen,kc2,car,vehicle,cmc,credit-approval,wdbc,eucalyptus"
SESSIONS = 5
CHOICES = {  # of option: by default, with --quick
    "only": (TABLES, "diabetes,credit-g"),
    "models": (",".join(MODELS), "mothernet-small,mothernet,lightgbm,xgboost,catboost,logistic-regression"),
    "compilers": (",".join(COMPILER_PIP_NAMES), "lleaves,tl2cgen"),
    "batches": ("1,10,100,1000,10000", "1,100,1000"),
    "threads": ("1,2", "1"),
    "instructions": ("", "all"),
    "budget": (0.5, 0.3),
}
PACKAGES = ("mothernet", "mothernet-export", "numpy", "onnx", "onnxruntime", "scikit-learn", "torch")


def main() -> int:
    parser = benchmark_parser(__doc__)
    add_data_arguments(parser, suites="cc18")
    parser.add_argument("--quick", action="store_true", help="few tables, models and batches: about two minutes")
    parser.add_argument("--models", metavar="A,B", help=f"default: all of {', '.join(MODELS)} that are installed")
    parser.add_argument("--compilers", metavar="A,B", help=f"of {', '.join(COMPILER_PIP_NAMES)}; '' for none")
    parser.add_argument("--batches", metavar="N,N", help=f"rows of a call; default: {CHOICES['batches'][0]}")
    parser.add_argument("--threads", metavar="N,N", help=f"default: {CHOICES['threads'][0]}")
    parser.add_argument("--instructions", metavar="A,B", help="tables on which instructions are counted, or all")
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="of a measurement; default: 0.5")
    parser.set_defaults(only=None)
    args = parser.parse_args()
    by_name = {name for name in ("models", "compilers") if getattr(args, name)}
    for name, (default, quick) in CHOICES.items():
        if getattr(args, name) is None:
            setattr(args, name, quick if args.quick else default)
    tables = tables_of(parser, args)
    models, missing = installed(parser, "models", args.models, MODELS, PIP_NAMES, by_name)
    compilers, others = installed(parser, "compilers", args.compilers, COMPILER_PIP_NAMES, COMPILER_PIP_NAMES, by_name)
    counted = {table.name for table in tables} if args.instructions == "all" else set(args.instructions.split(","))
    if MISSING_TOOLS and counted - {""}:
        missing |= {"instructions": f"apt-get install {' '.join(MISSING_TOOLS)}"}
        counted = set()
    for name, command in (missing := missing | others).items():
        print(f"{name} is left out: {command}", file=sys.stderr)
    batches, threads = numbers(parser, "batches", args.batches), numbers(parser, "threads", args.threads)
    protocol = {
        "tables": [table.name for table in tables],
        "models": models,
        "compilers": compilers,
        "native_calls": NATIVE_CALLS,
        "batches": batches,
        "threads": threads,
        "budget_seconds": args.budget,
        "calls": {str(rows): most_calls(rows) for rows in batches},
        "least_calls": MIN_CALLS,
        "calls_in_turn": {str(rows): turn_calls(rows) for rows in batches},
        "instructions": sorted(counted - {""}),
        "checkpoint": load_checkpoint().fingerprint,
        "missing": missing,
    }
    run = Run.start("latency", __doc__, args, protocol, (*PACKAGES, *packages(models, compilers)))
    minutes = estimated_seconds(tables, models, compilers, batches, threads, counted, args.budget) / 60
    print(f"about {minutes:.0f} minutes, if nothing else runs", file=sys.stderr)
    rows: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    with tqdm(total=len(tables) * (len(models) + len(batches) * len(threads)), file=sys.stderr) as progress:
        for table in tables:
            with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of other packages, about names of columns and versions
                data = Table.of(table.read())
                predictors, failed = prepared(table.name, data, models, compilers, Path(folder), progress)
                failures += [{"table": table.name, **vars(failure)} for failure in failed]
                facts = [facts_of(p, table.name in counted, Path(folder)) for p in predictors]
                about = {
                    "table": table.name,
                    "columns": len(data.is_text),
                    "text_columns": int(data.is_text.sum()),
                    "classes": len(np.unique(data.y)),
                }
                for row in measured(predictors, facts, batches, threads, args.budget, progress):
                    rows += [about | row | {"inputs": inputs} for inputs in kinds_of(row, about["text_columns"])]
    print(printed(rows, failures))
    run.finish({"tables": len(tables), **summarised(rows), "failures": failures}, rows)
    return 0


def installed(
    parser: argparse.ArgumentParser,
    option: str,
    text: str,
    known: Sequence[str] | Mapping[str, Any],
    pip_names: Mapping[str, Mapping[str, str]],
    by_name: set[str],
) -> tuple[list[str], dict[str, str]]:
    """Names whose packages are there, and how to install the others; ends the program if they were asked for."""
    names = [name for name in text.split(",") if name]
    if unknown := set(names) - set(known):
        parser.error(f"--{option} must be among {', '.join(known)}, however: {', '.join(sorted(unknown))}.")
    missing = {}
    for name in names:
        if lacking := [pip for module, pip in pip_names.get(name, {}).items() if not imports(module)]:
            missing[name] = f"pip install {' '.join(lacking)}"
    if missing and option in by_name:
        needs = "; ".join(f"{name} needs: {command}" for name, command in missing.items())
        parser.error(f"--{option} must be installed, however: {needs}")
    return [name for name in names if name not in missing], missing


def imports(module: str) -> bool:
    """Whether a module is there and what it needs is too."""
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def kinds_of(row: dict[str, Any], text_columns: int) -> list[str]:
    """Inputs that a row stands under."""
    has_both = row["form"] != "compiled" and row["model"] not in CHILDREN
    return ["raw", "codes"] if has_both and not text_columns else [row["inputs"]]


def packages(models: Sequence[str], compilers: Sequence[str]) -> list[str]:
    """What is installed beside the project, by the names of distributions."""
    commands = [PIP_NAMES.get(name, {}) for name in models] + [COMPILER_PIP_NAMES[name] for name in compilers]
    return sorted({pip.split()[0] for names in commands for pip in names.values()})


def numbers(parser: argparse.ArgumentParser, option: str, text: str) -> list[int]:
    """Positive integers of an option; ends the program if one is none."""
    parts = text.split(",")
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        parser.error(f"--{option} must be positive integers separated by commas, however: {text}.")
    return [int(part) for part in parts]


def most_calls(rows: int) -> int:
    """Of a measurement, unless the budget allows fewer."""
    return 500 if rows < 100 else 120 if rows < 5_000 else 30


def turn_calls(rows: int) -> int:
    """Of one model, before it is the next one's turn."""
    return 5 if rows < 1_000 else 1


def estimated_seconds(
    tables: Sequence[RealTable],
    models: Sequence[str],
    compilers: Sequence[str],
    batches: Sequence[int],
    threads: Sequence[int],
    counted: set[str],
    budget: float,
) -> float:
    """From typical times on two cores: fits, compilers, memory, instructions, and calls of so many rows."""
    files = 2 * len(models)
    calls = sum(min(budget, most_calls(rows) * (1e-4 + 5e-6 * rows)) for rows in batches) * len(threads)
    ways = 4 * len(models) + 2 * len(compilers)
    counting = 3 * files * len(counted & {table.name for table in tables})
    return len(tables) * (3 * len(models) + 15 * len(compilers) + files + ways * calls) + counting


def prepared(
    table: str, data: Table, models: Sequence[str], compilers: Sequence[str], folder: Path, progress: Any
) -> tuple[list[Predictor], list[Failure]]:
    """Every form of every model that answers as it should, and those that do not."""
    predictors: list[Predictor] = []
    failures: list[Failure] = []
    for name in models:
        progress.set_description(f"{table}: fitting {name}")
        for found in every_form(name, data, compilers, folder):
            if isinstance(found, Failure):
                failures.append(found)
            elif (error := parity_error(found)) <= found.tolerance:
                predictors.append(found)
            else:
                reason = f"parity failed: a probability is {error:.2g} off, more than {found.tolerance:g}"
                failures.append(Failure(found.model, found.engine, found.inputs, reason))
        progress.update()
    return predictors, failures


def every_form(name: str, data: Table, compilers: Sequence[str], folder: Path) -> Iterator[Predictor | Failure]:
    """Fit a model and give what can be timed of it."""
    if name in CHILDREN:
        yield from child_predictors(name, data, folder)
        return
    for found in baseline_predictors(name, data):
        if isinstance(found, FittedTrees):
            compiled = (compiled_predictor(compiler, found, folder) for compiler in compilers)
            yield from (predictor for predictor in compiled if predictor is not None)
        else:
            yield found


def facts_of(predictor: Predictor, with_instructions: bool, folder: Path) -> dict[str, Any]:
    """What is measured once of a file."""
    facts: dict[str, Any] = {"size_bytes": predictor.size_bytes}
    if predictor.form != "onnx":
        return facts
    one_row, created, first = resized(predictor.arrays, 1), [], []
    for _ in range(SESSIONS):
        times = [time.perf_counter()]
        session = open_session(predictor.content, 1)
        times.append(time.perf_counter())
        session.run(None, one_row)
        times.append(time.perf_counter())
        created.append(times[1] - times[0])
        first.append(times[2] - times[1])
    facts["session_ms"] = round(1e3 * float(np.median(created)), 3)
    facts["first_call_us"] = round(1e6 * float(np.median(first)), 1)
    facts["memory_bytes"] = memory_of_file(predictor.content, predictor.arrays, folder)
    if with_instructions:
        facts["instructions"] = instructions_of_one_row(
            predictor.content, predictor.arrays, predictor.expected[0], folder
        )
    return facts


def measured(
    predictors: Sequence[Predictor],
    facts: Sequence[dict[str, Any]],
    batches: Sequence[int],
    threads: Sequence[int],
    budget: float,
    progress: Any,
) -> Iterator[dict[str, Any]]:
    """A row for each predictor, number of threads and rows."""
    rng = np.random.default_rng(0)
    for n_threads in threads:
        with threadpool_limits(n_threads):
            for size in batches:
                progress.set_description(f"{size:,} rows, {n_threads} threads")
                able = [i for i, p in enumerate(predictors) if n_threads == 1 or not p.single_threaded]
                batch = {id(p.arrays): resized(p.arrays, size) for p in predictors}
                calls = [predictors[i].ready(batch[id(predictors[i].arrays)], n_threads) for i in able]
                timings = take_turns(calls, most_calls(size), budget, rng, turn_calls=turn_calls(size))
                for i, timing in zip(able, timings, strict=True):
                    p = predictors[i]
                    yield {
                        "model": p.model,
                        "form": p.form,
                        "engine": p.engine,
                        "inputs": p.inputs,
                        "threads": n_threads,
                        "rows": size,
                        **vars(timing),
                        **dict.fromkeys(("session_ms", "first_call_us", "memory_bytes", "instructions")),
                        **facts[i],
                    }
                progress.update()


if __name__ == "__main__":
    sys.exit(main())
