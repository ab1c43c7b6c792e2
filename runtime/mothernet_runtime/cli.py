"""The command ``mothernet-runtime``: files in, files out; results on stdout, everything else on stderr."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from mothernet_runtime.command import exit_code, say
from mothernet_runtime.csv_files import csv_cell, given_dialect, read_csv, source_name
from mothernet_runtime.describe import described
from mothernet_runtime.model import Model, SelfTestError, load
from mothernet_runtime.output import check_output, written
from mothernet_runtime.rows import CellError
from mothernet_runtime.serving.requests import Limits
from mothernet_runtime.text import escaped, escaped_json, listed
from mothernet_runtime.triton_repository import write_triton_model

_PROG = "mothernet-runtime"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 2 after one line on stderr about bad input, or 1 if the self-test fails."""

    def run() -> None:
        args = _parser().parse_args(argv)
        if args.run is _serve:  # which opens several models, and writes nothing
            _serve(args)
            return
        check_output(args.output, inputs=args.inputs(args))
        args.run(args, load(args.model, providers=args.providers, threads=args.threads, on_unseen="ignore"))

    return exit_code(_PROG, run, failures=(SelfTestError,))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROG,
        description="Predict with a MotherNet .onnx or .ort file.",
        epilog=f"example: {_PROG} predict titanic.onnx new_passengers.csv -o predicted.csv",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    running = argparse.ArgumentParser(add_help=False)
    running.add_argument(
        "--providers",
        type=lambda text: "auto" if text == "auto" else text.split(","),
        metavar="NAMES",
        help='what runs the graph, for example "cuda,cpu" or "auto" (default: cpu)',
    )
    running.add_argument("--threads", type=int, default=1, metavar="N", help="0: one per core (default: 1)")
    common = argparse.ArgumentParser(add_help=False, parents=[running])
    common.add_argument("model", metavar="MODEL", help="a MotherNet .onnx or .ort file")
    common.set_defaults(output="-", inputs=lambda args: [args.model])

    predict = commands.add_parser(
        "predict",
        parents=[common],
        help="predict the rows of a CSV file",
        description="Write a CSV file with a label and one probability per class for each row of ROWS.",
        epilog=f"example: zcat rows.csv.gz | {_PROG} predict model.onnx - > predicted.csv",
    )
    predict.add_argument("rows", metavar="ROWS", help="a CSV file with a header, also gzipped; - for stdin")
    predict.add_argument("-o", "--output", default="-", metavar="FILE", help="default: - for stdout")
    predict.add_argument(
        "--ignore-extra", action="store_true", help="ignore columns the model does not know (the target, an id)"
    )
    predict.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="NAME",
        help="write this column of ROWS before the label, also one the model does not know; may be repeated",
    )
    predict.add_argument(
        "--strict",
        action="store_true",
        help="fail, rather than warn, if most cells of a column are unknown to the model, or missing as never before",
    )
    predict.add_argument(
        "--delimiter", metavar="CHAR", help="of ROWS: comma, semicolon, tab, pipe or the character (default: found)"
    )
    predict.add_argument("--encoding", metavar="NAME", help="of ROWS: utf-8, utf-16, latin-1, ... (default: found)")
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

    triton = commands.add_parser(
        "triton",
        parents=[common],
        help="write a model repository of the Triton Inference Server",
        description="Write REPOSITORY/NAME/ with config.pbtxt and the model, an .onnx file of the full form. "
        "Triton's clients send what the graph takes: Model.graph_inputs(rows).",
        epilog=f"example: {_PROG} triton titanic.onnx repository",
    )
    triton.add_argument("repository", metavar="REPOSITORY", help="a folder; made if there is none")
    triton.add_argument("--name", help="of the model (default: that of the file)")
    triton.set_defaults(run=_triton)

    serve = commands.add_parser(
        "serve",
        parents=[running],
        help="answer over HTTP; needs mothernet-runtime[serve]",
        description="Answer over HTTP: Open Inference Protocol v2 (/v2/...), rows as JSON (POST /predict), /metrics.",
        epilog=f"example: {_PROG} serve titanic.onnx --port 8000",
    )
    serve.add_argument("models", nargs="+", metavar="MODEL", help="a MotherNet .onnx file, or a folder of such")
    serve.add_argument("--host", default="127.0.0.1", help="to listen on; 0.0.0.0 for all (default: %(default)s)")
    serve.add_argument("--port", type=int, default=8000, metavar="N", help="0: any free one (default: %(default)s)")
    for option, default, what in (
        ("--max-rows", Limits.rows, "of a request"),
        ("--max-bytes", Limits.bytes, "of a request's body"),
        ("--max-requests", Limits.requests, "in work at a time; others are answered 503"),
        ("--grace", 30, "seconds for what runs, after SIGTERM"),
    ):
        serve.add_argument(option, type=_positive, default=default, metavar="N", help=f"{what} (default: %(default)s)")
    serve.set_defaults(run=_serve)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, however: {text}")
    return number


def _serve(args: argparse.Namespace) -> None:
    try:
        from mothernet_runtime.serving import server
    except ImportError as error:
        raise ImportError(f"{error}. Run: pip install 'mothernet-runtime[serve]'") from None
    server.serve(
        server.load_models(args.models, providers=args.providers, threads=args.threads),
        host=args.host,
        port=args.port,
        limits=Limits(args.max_rows, args.max_bytes, args.max_requests),
        grace_seconds=args.grace,
        say=lambda text: say(_PROG, text),
    )


def _predict(args: argparse.Namespace, model: Model) -> None:
    source, classes, coverage = source_name(args.rows), model.classes_.tolist(), model.coverage()
    dialect = given_dialect(args.delimiter, args.encoding)
    cell_of = {label: csv_cell(str(label)) for label in classes}
    answers = ["label", *(f"probability_{label}" for label in classes)]
    with (
        written(args.output, inputs=args.inputs(args)) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as stream,
    ):
        from mothernet_runtime.number_lines import number_lines  # makes its tables of texts when it is imported

        for chunk in read_csv(args.rows, dialect=dialect):
            if not len(chunk):  # the first, which has the header alone
                kept = _kept_columns(chunk.names, answers, args.keep, source)
                known = _known_columns(chunk.names, model, args)
                stream.write(",".join(map(csv_cell, [*args.keep, *answers])) + "\n")
            columns = {chunk.names[i]: chunk.columns[i] for i in known}
            try:
                labels, probabilities = model.predict_both(columns, coverage=coverage)
            except CellError as error:
                raise ValueError(f"{source}, line {chunk.lines[error.row]}: {error.reason}") from None
            cells = [*(map(csv_cell, chunk.columns[i]) for i in kept), map(cell_of.__getitem__, labels.tolist())]
            lines = map(",".join, zip(*cells, number_lines(probabilities), strict=True))
            stream.writelines(f"{line}\n" for line in lines)
        complaint = coverage.complaint()
        if complaint and args.strict:
            raise ValueError(f"{source}: {complaint}")
    if chunk.dialect.found and (chunk.dialect.delimiter, chunk.dialect.encoding) != (",", "utf-8"):
        say(_PROG, f"read {source}, {chunk.dialect}")
    if complaint:
        say(_PROG, f"warning: {source}: {complaint}")
    if args.report_unseen:
        counts = [
            f"{name!r}: {count:,} of {coverage.n_rows:,} rows" for name, count in coverage.unseen.items() if count
        ]
        say(_PROG, "no unseen categories" if not counts else "unseen categories in " + ", ".join(counts))


def _known_columns(names: Sequence[str], model: Model, args: argparse.Namespace) -> list[int]:
    """Indices of the columns of a CSV file that the model takes.

    Raises
    ------
    ValueError
        The columns do not fit the model.
    """
    expected = set(model.feature_names_in_)
    known = [i for i, name in enumerate(names) if name in expected or not (args.ignore_extra or name in args.keep)]
    try:
        model.check_columns([names[i] for i in known])
    except ValueError as error:
        needed = {column.name for column in model.columns_ if not column.is_ignored}
        hint = "" if args.ignore_extra or needed - set(names) else " Or use --ignore-extra."
        raise ValueError(f"{source_name(args.rows)}: {error}{hint}") from None
    return known


def _kept_columns(names: Sequence[str], answers: Sequence[str], keep: Sequence[str], source: str) -> list[int]:
    """Indices of the columns of a CSV file that `keep` names.

    Raises
    ------
    ValueError
        There is no such column, or it is no clear one, or its name is that of an answer.
    """
    for name in keep:
        count = names.count(name) if name not in answers else -1
        if count != 1:
            problem = {-1: "is a column of the output", 0: "is not there"}.get(count, "comes more than once")
            raise ValueError(
                f"{source}: a column to keep must be one of {listed(names)}, however: {name!r} {problem}. "
                + ("Rename it in the file." if count else "Check --keep.")
            )
    return [names.index(name) for name in keep]


def _info(args: argparse.Namespace, model: Model) -> None:
    info = model.info()
    if args.json:
        print(_json(info))
        return
    columns = model.columns_
    names = [escaped(column.name) for column in columns]
    width = max(map(len, names))
    versions = ", ".join(f"{name} {version}" for name, version in info["versions"].items())
    form = f"format {info['format']}{', numeric core' if info['form'] == 'core' else ''}"
    print(
        f"{escaped(args.model)}: {info['size_bytes']:,} bytes, {form}, {info['width']} hidden units\n"
        f"classes ({info['label_type']}): {escaped(', '.join(map(str, info['classes'])))}\n"
        f"columns ({len(names)}):"
    )
    for name, column in zip(names, columns, strict=True):
        print(f"  {name:{width}}  {column.type:8}  {escaped(', '.join(described(column)))}".rstrip())
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


def _triton(args: argparse.Namespace, model: Model) -> None:
    print(escaped(str(write_triton_model(args.model, args.repository, name=args.name))))


def _json(value: Any) -> str:
    return escaped_json(json.dumps(value, ensure_ascii=False))
