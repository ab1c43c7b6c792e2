"""The command ``mothernet-runtime``: files in, files out; results on stdout, everything else on stderr."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import Sequence

from mothernet_runtime.model import Model, SelfTestError, load
from mothernet_runtime.rows import CellError
from mothernet_runtime.table import read_csv, source_name, written_whole

_PROG = "mothernet-runtime"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 2 after one line on stderr about bad input, or 1 if the self-test fails."""
    args = _parser().parse_args(argv)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: _say(f"warning: {message}")
            model = load(args.model, providers=args.providers, threads=args.threads)
        args.run(args, model)
    except BrokenPipeError:  # the reader of our output had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except SelfTestError as error:
        _say(f"error: {error}")
        return 1
    except (ValueError, OSError) as error:
        _say(f"error: {error}")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROG,
        description="Predict with a MotherNet .onnx file.",
        epilog=f"example: {_PROG} predict titanic.onnx new_passengers.csv -o predicted.csv",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("model", metavar="MODEL", help="a MotherNet .onnx file")
    common.add_argument(
        "--providers",
        type=lambda text: "auto" if text == "auto" else text.split(","),
        metavar="NAMES",
        help='what runs the graph, for example "cuda,cpu" or "auto" (default: cpu)',
    )
    common.add_argument("--threads", type=int, default=1, metavar="N", help="0: one per core (default: 1)")

    predict = commands.add_parser(
        "predict",
        parents=[common],
        help="predict the rows of a CSV file",
        description="Write a CSV file with a label and one probability per class for each row of ROWS.",
        epilog=f"example: zcat rows.csv.gz | {_PROG} predict model.onnx - > predicted.csv",
    )
    predict.add_argument("rows", metavar="ROWS", help="a CSV file in UTF-8 with a header, also gzipped; - for stdin")
    predict.add_argument("-o", "--output", default="-", metavar="FILE", help="default: - for stdout")
    predict.add_argument(
        "--ignore-extra", action="store_true", help="ignore columns the model does not know (the target, an id)"
    )
    predict.add_argument(
        "--report-unseen", action="store_true", help="count cells without a category of their own, on stderr"
    )
    predict.set_defaults(run=_predict)

    info = commands.add_parser("info", parents=[common], help="show columns, classes and versions of a file")
    info.add_argument("--json", action="store_true", help="all of it as JSON")
    info.set_defaults(run=_info)

    check = commands.add_parser(
        "check", parents=[common], help="predict the self-test rows in a file and compare with its recorded answers"
    )
    check.add_argument("--json", action="store_true", help="the result as JSON")
    check.set_defaults(run=_check)
    return parser


def _predict(args: argparse.Namespace, model: Model) -> None:
    known, unseen, n_rows = set(model.feature_names), Counter[str](), 0
    source = source_name(args.rows)
    with written_whole(args.output) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["label", *(f"probability_{label}" for label in model.classes_.tolist())])
        for lines, header, rows in read_csv(args.rows):
            kept = [i for i, name in enumerate(header) if name in known or not args.ignore_extra]
            try:
                model.check_columns([header[i] for i in kept])
            except ValueError as error:
                hint = "" if args.ignore_extra or known - set(header) else " Or use --ignore-extra."
                raise ValueError(f"{source}: {error}{hint}") from None
            columns = {header[i]: [row[i] for row in rows] for i in kept}
            try:
                labels, probabilities = model.predict_both(columns)
            except CellError as error:
                raise ValueError(f"{source}, line {lines[error.row]}: {error.reason}") from None
            for label, numbers in zip(labels.tolist(), probabilities.tolist(), strict=True):
                writer.writerow([label, *(f"{number:.9g}" for number in numbers)])  # 9 digits hold a float32
            if args.report_unseen:
                unseen.update(model.count_unseen(columns))
            n_rows += len(rows)
    if args.report_unseen:
        counts = [f"{name!r}: {count:,} of {n_rows:,} rows" for name, count in unseen.items() if count]
        _say("no unseen categories" if not counts else "unseen categories in " + ", ".join(counts))


def _info(args: argparse.Namespace, model: Model) -> None:
    info = model.info()
    if args.json:
        print(json.dumps(info, ensure_ascii=False))
        return
    print(f"{args.model}: {info['size_bytes']:,} bytes, format {info['format']}, {info['width']} hidden units")
    print(f"classes ({info['class_kind']}): {', '.join(map(str, info['classes']))}")
    print(f"columns ({len(info['columns'])}):")
    width = max(len(column["name"]) for column in info["columns"])
    for column in info["columns"]:
        notes = [f"{len(column['categories'])} categories"] if column["kind"] == "categorical" else []
        notes += ["missing in training"] if column["missing_in_training"] else []
        notes += [] if column["used"] else ["ignored"]
        print(f"  {column['name']:{width}}  {column['kind']:11}  {', '.join(notes)}".rstrip())
    print(f"made by: {', '.join(f'{name} {version}' for name, version in info['versions'].items()) or 'not recorded'}")
    print(f"runs on: {', '.join(info['providers'])}, threads: {info['threads'] or 'one per core'}")


def _check(args: argparse.Namespace, model: Model) -> None:
    result = model.check()
    if args.json:
        print(json.dumps(result))
    else:
        print(
            f"{args.model}: {result['rows']} self-test rows, labels equal, "
            f"probabilities within {result['max_difference']:.1g} (allowed: {result['tolerance']:g})"
        )


def _say(text: str) -> None:
    print(f"{_PROG}: {' '.join(text.splitlines())}", file=sys.stderr)
