"""The command and its streams: devices, pipes that close, full disks, and text that is no plain text."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
from functools import partial

import pytest
from mothernet_runtime import load
from mothernet_runtime.cli import main

pytestmark = pytest.mark.skipif(os.name != "posix", reason="shells, FIFOs and devices are those of POSIX")


@pytest.fixture
def shell(model_path, rows_path, tmp_path):
    """Run a line of shell with the command, model.onnx and rows.csv in the folder; gives exit code, output, errors."""
    (tmp_path / "model.onnx").symlink_to(model_path)
    (tmp_path / "rows.csv").write_bytes(rows_path.read_bytes())
    command = f"{sys.executable} -m mothernet_runtime"

    def shell(line):
        line = line.replace("mothernet-runtime", command)
        options = {"capture_output": True, "text": True, "encoding": "utf-8", "timeout": 60}
        options["env"] = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
        done = subprocess.run(["bash", "-c", line], cwd=tmp_path, **options)
        return done.returncode, done.stdout, done.stderr

    return shell


@pytest.mark.parametrize("output", ["/dev/null", "/dev/stdout", "-", "/dev/fd/1"])
def test_devices_are_written_to(shell, output):
    code, out, err = shell(f"mothernet-runtime predict model.onnx rows.csv -o {output}")
    assert (code, err) == (0, "")
    assert out.startswith("label,") == (output != "/dev/null")
    assert shell("test -c /dev/null")[0] == 0


def test_fifo_is_written_to_and_stays(shell, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    code, out, err = shell("cat fifo & mothernet-runtime predict model.onnx rows.csv -o fifo; wait")
    assert (code, err) == (0, "")
    assert out == shell("mothernet-runtime predict model.onnx rows.csv")[1] != ""
    assert shell("test -p fifo")[0] == 0


def test_output_is_added_to_a_redirected_file(shell, tmp_path):
    shell("echo first > all; mothernet-runtime predict model.onnx rows.csv >> all")
    assert (tmp_path / "all").read_text("utf-8").startswith("first\nlabel,")


def test_rows_may_come_from_a_pipe_that_has_a_name(shell):
    expected = shell("mothernet-runtime predict model.onnx rows.csv")
    assert shell("mothernet-runtime predict model.onnx <(cat rows.csv)") == expected
    assert shell("mothernet-runtime predict /dev/stdin rows.csv < model.onnx")[1] == expected[1]


COMMANDS = ["predict model.onnx rows.csv", "info model.onnx", "info model.onnx --json", "check model.onnx", "--help"]


@pytest.mark.parametrize("command", COMMANDS)
def test_reader_that_stops_early_is_no_complaint(shell, command):
    assert shell(f"mothernet-runtime {command} | true")[2] == ""
    assert shell(f"PYTHONUNBUFFERED=1 mothernet-runtime {command} | true")[2] == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("command", COMMANDS)
def test_full_disk_is_one_line(shell, command):
    expected = "mothernet-runtime: error: cannot write standard output: No space left on device. Free some space or"
    for setting in ("", "PYTHONUNBUFFERED=1 "):
        code, _, err = shell(f"{setting}mothernet-runtime {command} > /dev/full")
        if command != "--help" or not setting:  # argparse hides errors when it prints
            assert (code, len(err.splitlines())) == (2, 1)
            assert err.startswith(expected)


@pytest.mark.parametrize("command", COMMANDS[:-1])
def test_closed_standard_output_is_one_line(shell, command):
    code, _, err = shell(f"mothernet-runtime {command} >&-")
    assert (code, err) == (2, "mothernet-runtime: error: standard output is closed. Give the name of a file.\n")


def test_closed_streams_that_are_not_needed_do_no_harm(shell, tmp_path):
    assert shell("mothernet-runtime predict model.onnx rows.csv -o out.csv <&- >&-") == (0, "", "")
    assert (tmp_path / "out.csv").read_text("utf-8").startswith("label,")
    code, out, err = shell("mothernet-runtime predict model.onnx - <&-")
    assert (code, out) == (2, "") and "standard input is closed" in err
    assert shell("mothernet-runtime predict model.onnx absent.csv 2>&-") == (2, "", "")  # nothing strays to stdout


def test_interrupted_run_leaves_nothing(shell, model_path, tmp_path):
    command = [sys.executable, "-m", "mothernet_runtime", "predict", model_path, "-", "-o", "out.csv"]
    # a shell that runs the tests in the background has them ignore the interrupt, and their children too
    listen = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, preexec_fn=listen, **pipes) as process:
        while not any(name.startswith(".mothernet-") for name in os.listdir(tmp_path)):
            assert process.poll() is None
        process.send_signal(2)
        timer = threading.Timer(60, process.kill)
        timer.start()
        assert process.wait() == 130
        timer.cancel()
        assert process.stderr.read() == b""
    assert sorted(os.listdir(tmp_path)) == ["model.onnx", "rows.csv"]


ODD = ("a\rb", "c\nd", 'e"f', "g,h", "i\x1b[31mj", "k\u2028l", "m\x9bn", "plain")


@pytest.fixture
def odd_model(write_model):
    """A model whose classes and columns have names full of control characters."""
    return write_model(tuple(sorted(ODD)), ("x", *ODD[:3]), ODD[3:])[0]


def test_labels_with_odd_characters_survive_the_csv(odd_model, tmp_path):
    names = ["x", *ODD]
    rows = [[i / 3 - 5, *[i % 7] * 3, *["Bern"] * 5] for i in range(60)]
    with open(tmp_path / "rows.csv", "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([names, *rows])  # \r\n as line end makes every version quote \r
    assert main(["predict", odd_model, str(tmp_path / "rows.csv"), "-o", str(tmp_path / "out.csv")]) == 0
    text = (tmp_path / "out.csv").read_bytes().decode()
    header, *answers = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert header == ["label", *(f"probability_{label}" for label in sorted(ODD))]
    expected = load(odd_model).predict([dict(zip(names, row, strict=True)) for row in rows]).tolist()
    assert [row[0] for row in answers] == expected
    assert len(set(expected)) > 2


def test_control_characters_are_escaped_where_a_person_reads_them(odd_model, tmp_path, capsys):
    assert main(["info", odd_model]) == 0
    text = capsys.readouterr().out
    assert len(text.splitlines()) == 1 + 1 + 1 + 9 + 2
    assert "i\\x1b[31mj" in text and "k\\u2028l" in text
    assert not set(text) & set("\r\x1b\x9b\u2028")
    assert main(["info", odd_model, "--json"]) == 0
    text = capsys.readouterr().out
    assert not set(text[:-1]) & set("\r\n\x1b\x9b\u2028")
    assert set(json.loads(text)["classes"]) == set(ODD)
    (tmp_path / "rows.csv").write_text("x,\x1b[0m\n1,2\n")
    assert main(["predict", odd_model, str(tmp_path / "rows.csv")]) == 2
    assert main(["info", str(tmp_path / "absent\n\x1b.onnx")]) == 2
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 2
    assert not set(printed.err) & set("\r\x1b\x9b\u2028")


def test_columns_with_odd_names_are_escaped_in_reports_too(odd_model, tmp_path, capsys):
    with open(tmp_path / "rows.csv", "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([["x", *ODD], [1, 2, 3, 4, *["unseen"] * 5]])
    assert main(["predict", odd_model, str(tmp_path / "rows.csv"), "--report-unseen", "-o", os.devnull]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "1 of 1 rows" in line and not set(line) & set("\r\x1b\x9b\u2028")
