"""Every consumer of MotherNet files on every conformance case: builds those whose tools are there, and prints a table.

    python tests/conformance/consumers.py                       all whose tools are installed; says which it skips
    python tests/conformance/consumers.py --strict              to skip one is an error (also with CI set)
    python tests/conformance/consumers.py --consumer go --consumer java

A consumer is one entry of `CONSUMERS`. Standard library only; what a case demands stands in `run.py`.
"""

from __future__ import annotations

import argparse
import fcntl
import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
Command = tuple[str, ...]


@dataclass(frozen=True)
class Consumer:
    """How a consumer is built and asked.

    Parameters
    ----------
    name : str
        A short one, as it stands in tables.
    tools : tuple of str
        Executables that must be on the PATH, or headers by their path: without one, the consumer is skipped.
    command : tuple of str
        Predicts a file of rows; holds ``{model}`` and ``{rows}``, runs in the repository's root and goes through
        `run.py`. With ``itself``: a command that runs all cases and prints the last two lines of `run.py`.
    folder : str
        Where it lies, from the root.
    build : tuple of commands
        What to run in its folder before, in this order, its own tests included; quick if nothing is to do, and offline
        once all was fetched.
    cells : tuple of str
        Compares the reader of cells with `cells.json`, unless its own tests do; holds ``{cells}``, runs in the root,
        and has exit code 0 if all is well.
    environment : mapping
        Variables that all its commands get, beside ``ORT_DYLIB_PATH``, the shared library of onnxruntime in the Python
        package.
    options : tuple of str
        Further options of `run.py`, for example ``--case NAME`` for a form that takes only some tables.
    itself : bool
        Whether the command compares by itself (a server, a page in a browser).
    """

    name: str
    tools: tuple[str, ...]
    command: Command
    folder: str = "."
    build: tuple[Command, ...] = ()
    cells: Command = ()
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    options: tuple[str, ...] = ()
    itself: bool = False


C_HEADERS = ("/usr/include/jansson.h", "/usr/include/utf8proc.h", "/usr/include/zlib.h")
CONSUMERS = (
    Consumer(
        "python",
        tools=(sys.executable,),
        command=(sys.executable, "-m", "mothernet_runtime", "predict", "{model}", "{rows}"),
    ),
    Consumer(
        "node",
        tools=("node", "npm"),
        folder="examples/node",
        build=(("npm", "ci", "--silent"),),
        command=("node", "examples/node/predict.mjs", "{model}", "{rows}"),
        cells=("node", "examples/node/read_cells.mjs", "{cells}"),
        environment={"ONNXRUNTIME_NODE_INSTALL": "skip"},
    ),
    Consumer(
        "browser",
        tools=("npm", "chromium"),
        folder="examples/browser",
        build=(("npm", "ci", "--silent"), ("npm", "run", "--silent", "build")),
        command=(sys.executable, "tests/conformance/run_in_browser.py"),
        itself=True,
    ),
    Consumer(
        "go",
        tools=("go", "gcc"),
        folder="examples/go",
        build=(("go", "build", "-buildvcs=false", "-o", "predict", "."), ("go", "test", "-count=1", "./...")),
        command=("examples/go/predict", "{model}", "{rows}"),
        environment={"CGO_ENABLED": "1"},
    ),
    Consumer(
        "java",
        tools=("java", "javac", "mvn"),
        folder="examples/java",
        build=(("mvn", "--quiet", "--batch-mode", "package"),),
        command=("examples/java/predict", "{model}", "{rows}"),
    ),
    Consumer(
        "rust",
        tools=("cargo",),
        folder="examples/rust",
        build=(("cargo", "build", "--release", "--locked", "--bins", "--examples"),),
        command=("examples/rust/target/release/predict", "{model}", "{rows}"),
        cells=("examples/rust/target/release/examples/reading", "cells", "{cells}"),
    ),
    Consumer(
        "c",
        tools=("make", "cc", "curl", "dpkg-deb", *C_HEADERS),
        folder="examples/c-onnxruntime",
        build=(("make", "headers"), ("make",)),
        command=("examples/c-onnxruntime/build/predict", "{model}", "{rows}"),
        cells=("examples/c-onnxruntime/build/reading", "cells", "{cells}"),
    ),
    Consumer(
        "c++",
        tools=("make", "cc", "c++", "curl", "dpkg-deb", *C_HEADERS),
        folder="examples/cpp",
        build=(("make", "-C", "../c-onnxruntime", "headers"), ("make",)),
        command=("examples/cpp/build/predict", "{model}", "{rows}"),
    ),
    Consumer(
        "ort",
        tools=(),
        command=(sys.executable, "tests/conformance/written.py", "ort", "{model}", "{rows}"),
        options=("--answers",),
    ),
    Consumer(
        "c without a runtime",
        tools=("cc",),
        command=(sys.executable, "tests/conformance/written.py", "c", "{model}", "{rows}"),
        options=("--answers",),
    ),
)


@dataclass(frozen=True)
class Outcome:
    """What came of one consumer: `status` is ``passed``, ``failed`` or ``skipped``; `reason` says why not passed."""

    name: str
    status: str
    passed: str = ""
    largest_difference: str = ""
    seconds: float = 0.0
    reason: str = ""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the consumers; 0 if none failed (nor, if strict, was skipped), else 1; 2 after bad usage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--consumer", action="append", metavar="NAME", help="only this one; may come more than once")
    strict = bool(os.environ.get("CI"))
    parser.add_argument(
        "--strict", action="store_true", default=strict, help="skipping is an error; so is it with CI set"
    )
    args = parser.parse_args(argv)
    known = [consumer.name for consumer in CONSUMERS]
    if unknown := set(args.consumer or ()) - set(known):
        parser.error(f"consumers must be of {', '.join(known)}, however: {', '.join(sorted(unknown))}")

    outcomes = []
    for consumer in CONSUMERS:
        if not args.consumer or consumer.name in args.consumer:
            print(f"{consumer.name} ...", file=sys.stderr, flush=True)
            outcomes.append(outcome(consumer))
    for line in table(outcomes):
        print(line)
    bad = {"failed", "skipped"} if args.strict else {"failed"}
    return int(any(each.status in bad for each in outcomes))


def named(name: str) -> Consumer:
    """The consumer of a name."""
    return next(consumer for consumer in CONSUMERS if consumer.name == name)


def outcome(consumer: Consumer) -> Outcome:
    """Build a consumer and run it on all cases."""
    if missing := missing_tools(consumer):
        return Outcome(consumer.name, "skipped", reason=f"needs {' and '.join(missing)}")
    start = time.monotonic()
    if reason := build(consumer):
        return Outcome(consumer.name, "failed", reason=reason)
    command = consumer.command
    if not consumer.itself:
        command = (sys.executable, str(HERE / "run.py"), *consumer.options, "--", *command)
    done = run(command, consumer)
    difference = re.search("^largest difference: (.+)$", done.stdout, re.MULTILINE)
    count = re.search("^([0-9]+ passed), [0-9]+ failed$", done.stdout, re.MULTILINE)
    wrong = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    if not wrong and (done.returncode or not difference or not count):
        wrong = [last_line(done)]
    if not wrong and consumer.cells:
        done = run([part.replace("{cells}", str(HERE / "cells.json")) for part in consumer.cells], consumer)
        if done.returncode:
            wrong = [f"cells.json: {last_line(done)}"]
    for line in wrong:
        print(f"{consumer.name}: {line}", file=sys.stderr)
    return Outcome(
        consumer.name,
        "failed" if wrong else "passed",
        count[1] if count else "",
        difference[1] if difference else "",
        time.monotonic() - start,
        wrong[0] if wrong else "",
    )


@functools.cache
def build(consumer: Consumer) -> str:
    """Run what builds a consumer and its own tests, once; what went wrong, an empty text if nothing did."""
    with alone(consumer.name):
        for command in consumer.build:
            done = run(command, consumer, consumer.folder)
            if done.returncode:
                print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
                return f"`{' '.join(command)}` has exit code {done.returncode}"
    return ""


def missing_tools(consumer: Consumer) -> list[str]:
    """The tools of a consumer that are not installed."""
    path = os.environ.get("PATH")
    return [tool for tool in consumer.tools if not shutil.which(tool, path=path) and not Path("/", tool).is_file()]


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """Lines of text, one per consumer below a header."""
    rows = [("consumer", "result", "cases", "largest difference", "time", "")]
    for each in outcomes:
        seconds = f"{each.seconds:.0f} s" if each.seconds else ""
        rows.append((each.name, each.status, each.passed, each.largest_difference, seconds, each.reason))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[5]]).rstrip()
        for row in rows
    ]


def shared_library() -> str:
    """The shared library of onnxruntime in the Python package, an empty text if it is not installed."""
    package = importlib.util.find_spec("onnxruntime")
    folders = package.submodule_search_locations if package else None
    found = [str(path) for folder in folders or () for path in Path(folder, "capi").glob("libonnxruntime.*")]
    return found[0] if found else ""


def run(command: Sequence[str | Path], consumer: Consumer, folder: str = ".") -> subprocess.CompletedProcess[str]:
    """Run a command of a consumer; it may print what it likes."""
    return subprocess.run(
        command,
        cwd=ROOT / folder,
        env={"ORT_DYLIB_PATH": shared_library()} | os.environ | consumer.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """What it said last."""
    lines = [line for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
    return lines[-1] if lines else f"exit code {done.returncode}"


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Lets no other process build the same consumer meanwhile."""
    (ROOT / "build").mkdir(exist_ok=True)
    with open(ROOT / "build" / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
