"""The command ``mothernet-runtime``: files in, files out; results on stdout, everything else on stderr."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from mothernet_runtime.command import exit_code, say
from mothernet_runtime.csv_files import csv_cell, read_csv, source_name
from mothernet_runtime.model import Model, SelfTestError, load
from mothernet_runtime.output import check_output, written
from mothernet_runtime.rows import CellError
from mothernet_runtime.text import escaped, escaped_json

_PROG = "mothernet-runtime"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 2 after one line on stderr about bad input, or 1 if the self-test fails."""

    def run() -> None:
        args = _parser().parse_args(argv)
        check_output(args.output, inputs=args.inputs(args))
        args.run(args, load(args.model, providers=args.providers, threads=args.threads))

    return exit_code(_PROG, run, failures=(SelfTestError,))


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
    common.set_defaults(output="-", inputs=lambda args: [args.model])
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
    predict.set_defaults(run=_predict, inputs=lambda args: [args.model, args.rows])

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
    known, unseen, n_rows = set(model.feature_names_in_), Counter[str](), 0
    source, classes = source_name(args.rows), model.classes_.tolist()
    cell_of = {label: csv_cell(str(label)) for label in classes}
    with (
        written(args.output, inputs=args.inputs(args)) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as stream,
    ):
        stream.write(",".join(["label", *(csv_cell(f"probability_{label}") for label in classes)]) + "\n")
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
                cells = [cell_of[label], *(f"{number:.9g}" for number in numbers)]  # 9 digits hold a float32
                stream.write(",".join(cells) + "\n")
            if args.report_unseen:
                unseen.update(model.count_unseen(columns))
            n_rows += len(rows)
    if args.report_unseen:
        counts = [f"{name!r}: {count:,} of {n_rows:,} rows" for name, count in unseen.items() if count]
        say(_PROG, "no unseen categories" if not counts else "unseen categories in " + ", ".join(counts))


def _info(args: argparse.Namespace, model: Model) -> None:
    info = model.info()
    if args.json:
        print(_json(info))
        return
    names = [escaped(column["name"]) for column in info["columns"]]
    width = max(map(len, names))
    versions = ", ".join(f"{name} {version}" for name, version in info["versions"].items())
    print(
        f"{escaped(args.model)}: {info['size_bytes']:,} bytes, format {info['format']}, {info['width']} hidden units\n"
        f"classes ({info['class_kind']}): {escaped(', '.join(map(str, info['classes'])))}\n"
        f"columns ({len(names)}):"
    )
    for name, column in zip(names, info["columns"], strict=True):
        notes = [f"{len(column['categories'])} categories"] if column["kind"] == "categorical" else []
        notes += ["missing in training"] if column["missing_in_training"] else []
        notes += [] if column["used"] else ["ignored"]
        print(f"  {name:{width}}  {column['kind']:11}  {', '.join(notes)}".rstrip())
    print(f"made by: {escaped(versions) or 'not recorded'}")
    print(f"runs on: {', '.join(info['providers'])}, threads: {info['threads'] or 'one per core'}")


def _check(args: argparse.Namespace, model: Model) -> None:
    result = model.check()
    if args.json:
        print(_json(result))
    else:
        print(
            f"{escaped(args.model)}: {result['rows']} self-test rows, labels equal, "
            f"probabilities within {result['max_difference']:.1g} (allowed: {result['tolerance']:g})"
        )


def _json(value: Any) -> str:
    return escaped_json(json.dumps(value, ensure_ascii=False))
