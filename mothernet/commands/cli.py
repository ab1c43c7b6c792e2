"""The command ``mothernet``: files in, files out; results on stdout, progress and warnings on stderr.

Only parsing of arguments and saying of results belongs here; all that is slow to import waits for its verb.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from mothernet.commands.limits import LIMITS
from mothernet.settings import Size
from mothernet.version import __version__

_PROG = "mothernet"
_COLUMN_TYPES = ("number", "boolean", "date", "category", "ignored")  # a test compares them with the tables'
_WEIGHTS = ("float32", "float16", "int8")  # and these with the writer's
_FORMS = ("full", "core")  # and these with the runtime's


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 2 after one line on stderr about bad input, or 1 if an export is not faithful."""
    args = _parser().parse_args(argv)
    from mothernet_runtime.command import exit_code  # not before: `--help` is to be quick

    return exit_code(_PROG, lambda: args.run(args))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROG,
        description="From a table to one self-contained ONNX classifier, without tuning.",
        epilog=f"example: {_PROG} export titanic.csv --target survived -o titanic.onnx",
    )
    parser.add_argument("--version", action="version", version=f"{_PROG} {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    export = commands.add_parser(
        "export",
        help="fit a classifier to a table and write it as one .onnx file",
        description="Fit a classifier to a table and write it as one .onnx file: raw rows in (strings, blanks and "
        "all), label and probabilities out. The file is compared with the model before it is put in place.",
        epilog=f"example: {_PROG} export titanic.csv --target survived --categorical pclass -o titanic.onnx",
    )
    export.add_argument(
        "table", metavar="TABLE", help="CSV (UTF-8, commas, a header; also gzipped) or Parquet; - for stdin"
    )
    export.add_argument("--target", required=True, metavar="NAME", help="the column to predict")
    export.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help="the .onnx file to write; - for stdout; a name that ends in .ort for an ORT file, with its operators "
        "beside it; in .c for C source, with a header beside it",
    )
    export.add_argument(
        "--size",
        choices=get_args(Size),
        default="default",
        help="small: a faster, smaller file for a little accuracy; large: at most 128 units, several times slower",
    )
    export.add_argument(
        "--width", type=_positive, metavar="N", help="hidden units to generate, 1 to 256 (default: 128)"
    )
    export.add_argument(
        "--categorical",
        type=_names,
        default=(),
        metavar="A,B",
        help="columns of categories that are written as numbers: short for --column A=category --column B=category",
    )
    export.add_argument(
        "--column",
        type=_column,
        action="append",
        default=[],
        metavar="NAME=TYPE",
        help="how a column is read: number, boolean, date, category or ignored; may be repeated",
    )
    export.add_argument(
        "--columns", metavar="FILE", help='the same for many columns, a JSON file: {"age": "number", ...}'
    )
    export.add_argument(
        "--drop", action="append", default=[], metavar="NAME", help="leave a column out; may be repeated"
    )
    export.add_argument("--delimiter", metavar="CHAR", help="of a CSV file: , ; | or tab (default: found)")
    export.add_argument(
        "--encoding", metavar="NAME", help="of a CSV file: utf-8, utf-16, latin-1, ... (default: found)"
    )
    export.add_argument(
        "--max-bytes",
        type=_positive,
        metavar="N",
        help="largest file, or constants of C source: columns of many categories keep fewer (default: no limit)",
    )
    export.add_argument(
        "--weights",
        choices=_WEIGHTS,
        default="float32",
        help="how they are stored; int8 takes a quarter of the space and moves probabilities a little; C has no "
        "float16 (default: float32)",
    )
    export.add_argument(
        "--force",
        action="store_true",
        help=f"write it although --weights or --max-bytes cost more than allowed: {LIMITS}, on the hold-out, or with "
        "--no-holdout on training rows",
    )
    export.add_argument(
        "--form",
        choices=_FORMS,
        default="full",
        help="core: a graph without strings, categories as codes, for engines that know default operators alone; its "
        "schema goes beside it, with the suffix .json (default: full)",
    )
    export.add_argument("--opset", type=int, default=17, metavar="N", help="ONNX operator set (default: 17)")
    export.add_argument("--checkpoint", metavar="FILE", help="a checkpoint of `mothernet pretrain` (default: built in)")
    export.add_argument(
        "--seed", type=_seed, default=0, metavar="N", help="of the hold-out split and the fit (default: 0)"
    )
    export.add_argument("--no-holdout", action="store_true", help="skip the estimate of accuracy: half the time")
    export.add_argument("--json", action="store_true", help="the report as JSON")
    export.set_defaults(run=_export)

    pretrain = commands.add_parser(
        "pretrain",
        help="train the hypernetwork on synthetic tasks",
        description="Train the hypernetwork on synthetic tasks for some minutes or tasks, and go on from there next "
        "time. DIR holds state.safetensors (to go on from), checkpoint.safetensors (for --checkpoint) and log.jsonl.",
        epilog=f"example: {_PROG} pretrain --minutes 30 --cool-down-minutes 5 --state run",
    )
    pretrain.add_argument("--state", required=True, metavar="DIR", help="folder of the run; made if there is none")
    pretrain.add_argument("--minutes", type=_minutes, metavar="N", help="at a constant learning rate")
    pretrain.add_argument("--tasks", type=_natural, metavar="N", help="at most so many further tasks")
    pretrain.add_argument(
        "--cool-down-minutes", type=_minutes, metavar="M", help="then, for the checkpoint only (default: none)"
    )
    pretrain.add_argument("--cool-down-tasks", type=_natural, metavar="M", help="the same in tasks")
    pretrain.add_argument("--from", dest="start", metavar="FILE", help="a checkpoint that a fresh run begins with")
    pretrain.add_argument(
        "--seed", type=_seed, metavar="N", help="of weights and tasks (default: that of the state, or 0)"
    )
    pretrain.add_argument(
        "--accumulate",
        type=_positive,
        metavar="N",
        help="batches per step (default: that of the state, or 1); the processes of torchrun share them out",
    )
    pretrain.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: a GPU if there is one"
    )
    pretrain.add_argument("--json", action="store_true", help="the last line of the log as JSON")
    pretrain.set_defaults(run=_pretrain, usage_error=pretrain.error)

    prior = commands.add_parser(
        "prior",
        help="draw a picture of synthetic tasks",
        description="Draw a picture of tasks that the hypernetwork is trained on.",
        epilog=f"example: {_PROG} prior --plot tasks.png --seed 1",
    )
    prior.add_argument("--plot", required=True, metavar="FILE", help="the PNG to write; - for stdout")
    prior.add_argument("--seed", type=_seed, default=0, metavar="N", help="another one, other tasks (default: 0)")
    prior.set_defaults(run=_prior)
    return parser


def _export(args: argparse.Namespace) -> int:
    from mothernet_runtime.command import say
    from mothernet_runtime.output import check_output
    from mothernet_runtime.text import escaped_json
    from tqdm import tqdm

    if sys.stdout is None:
        raise OSError("standard output is closed, however the report goes there. Leave it open, or send it to a file.")
    inputs = [name for name in (args.table, args.checkpoint, args.columns) if name is not None]
    check_output(args.output, inputs=inputs)
    if args.form == "core" and args.output.endswith(".onnx"):
        check_output(f"{args.output.removesuffix('.onnx')}.json", inputs=inputs)

    from mothernet_runtime.csv_files import given_dialect

    from mothernet.tables import read_table

    table = read_table(
        args.table,
        args.target,
        args.categorical,
        columns={**_column_file(args.columns), **dict(args.column)},
        drop=args.drop,
        dialect=given_dialect(args.delimiter, args.encoding),
    )
    say(_PROG, f"read {len(table.features):,} rows" + (f", {table.dialect}" if table.dialect else ""))
    for line in table.described():
        say(_PROG, line)
    for warning in table.warnings:
        say(_PROG, f"warning: {warning}")
    for note in table.notes:
        say(_PROG, f"note: {note}")
    with tqdm(
        total=4,
        file=sys.stderr,
        disable=sys.stderr is None or None,
        leave=False,
        bar_format="{desc} {bar} {elapsed}{postfix}",
    ) as bar:

        def progress(stage: str) -> None:
            bar.update()
            bar.set_description_str(stage)

        def part(name: str) -> None:
            bar.set_postfix_str(name)

        progress("load packages")
        from mothernet_export.evaluators import EvaluatorError

        from mothernet.commands.export import LimitError, ParityError, export_table

        try:
            report = export_table(
                table,
                args.output,
                size=args.size,
                width=args.width,
                opset=args.opset,
                checkpoint=args.checkpoint,
                seed=args.seed,
                hold_out=not args.no_holdout,
                max_bytes=args.max_bytes,
                weights=args.weights,
                force=args.force,
                form=args.form,
                progress=progress,
                part=part,
            )
        except (EvaluatorError, LimitError, ParityError) as error:
            say(_PROG, f"error: {error}")
            return 1
    said = escaped_json(json.dumps(report.as_dict(), ensure_ascii=False)) if args.json else report
    print(said, file=sys.stderr if args.output == "-" else sys.stdout)
    return 0


def _pretrain(args: argparse.Namespace) -> int:
    if os.path.exists(args.state) and not os.path.isdir(args.state):
        raise ValueError(f"--state must be a folder, however: {args.state!r} is a file. Name another.")
    written = Path(args.state) / "checkpoint.safetensors"
    if args.start is not None and written.exists() and os.path.exists(args.start) and written.samefile(args.start):
        raise ValueError(
            f"--from must be another file than the run's own, however: {args.start!r} would be overwritten. "
            "Copy it first."
        )
    if args.minutes is None and args.tasks is None:
        args.usage_error("one of --minutes and --tasks is required")
    _check_torch()
    import torch

    from mothernet.pretraining import PretrainingConfig, pretrain

    device = args.device if args.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda needs a GPU that torch can use, however: it finds none. Use --device cpu.")
    changes = {name: value for name in ("seed", "accumulate") if (value := getattr(args, name)) is not None}
    line = pretrain(
        args.state,
        args.minutes,
        tasks=args.tasks,
        cool_down_minutes=args.cool_down_minutes,
        cool_down_tasks=args.cool_down_tasks,
        start=args.start,
        config=PretrainingConfig.suited(device, **changes) if changes else None,
        device=device,
    )
    if not line:  # another process of torchrun's has said it
        return 0
    text = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in line.items())
    print(json.dumps(line) if args.json else f"{Path(args.state) / 'checkpoint.safetensors'}: {text}")
    return 0


def _prior(args: argparse.Namespace) -> int:
    from mothernet_runtime.output import check_output
    from mothernet_runtime.text import escaped

    check_output(args.plot)
    _check_torch()
    from mothernet.prior.plot import plot_tasks

    plot_tasks(args.plot, seed=args.seed)
    if args.plot != "-":
        print(escaped(args.plot))
    return 0


def _check_torch() -> None:
    """Synthetic tasks and pretraining need torch, which fits and exports do without."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise ModuleNotFoundError(
            "this command needs torch, which is not installed. Run: pip install 'mothernet[pretrain]'"
        ) from error


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _column(text: str) -> tuple[str, Any]:
    name, equals, column_type = text.rpartition("=")
    if not equals or column_type not in _COLUMN_TYPES:
        raise argparse.ArgumentTypeError(
            f"must be NAME=TYPE with a type of {', '.join(_COLUMN_TYPES)}, however: {text!r}"
        )
    return name, column_type


def _column_file(name: str | None) -> dict[str, Any]:
    """Types of columns by name from a JSON file."""
    if name is None:
        return {}
    try:
        types = json.loads(Path(name).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"--columns must be a JSON file, however: {name!r} is none ({error}). Correct it.") from None
    if not isinstance(types, dict):
        raise ValueError(f"--columns must hold an object of names and types, however: {name!r} holds something else.")
    for column, column_type in types.items():
        if column_type not in _COLUMN_TYPES:
            raise ValueError(
                f"types in {name!r} must be of {', '.join(_COLUMN_TYPES)}, however: {column_type!r} for {column!r}."
            )
    return types


def _number(text: str, low: float, what: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) < low:
        raise argparse.ArgumentTypeError(f"must be {what}, however: {text!r}")
    return int(text)


def _positive(text: str) -> int:
    return _number(text, 1, "a whole number from 1 up")


def _natural(text: str) -> int:
    return _number(text, 0, "a whole number from 0 up")


def _seed(text: str) -> int:
    seed = _natural(text)
    if seed >= 2**32:
        raise argparse.ArgumentTypeError(f"must be below 2^32, however: {text!r}")
    return seed


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not 0 <= minutes < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of minutes from 0 up, however: {text!r}")
    return minutes
