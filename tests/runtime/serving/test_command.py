"""The command `serve`: which models, where it listens, how it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading

import pytest
from mothernet_runtime import load
from mothernet_runtime.cli import main
from mothernet_runtime.serving.server import load_models
from servers import asker, command


def test_it_serves_files_and_folders_by_name(model_path, typed_path, tmp_path, rows):
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy(model_path, folder / "a.b.onnx")
    for version in (2, 10):
        (folder / "deployed" / str(version)).mkdir(parents=True)
        shutil.copy(model_path if version == 2 else typed_path, folder / "deployed" / str(version) / "model.onnx")
    with command(folder, typed_path) as (_, port):
        ask = asker(port)
        assert json.loads(ask("GET", "/v2")[2])["models"] == ["a.b", "deployed", "typed"]
        answers = json.loads(ask("POST", "/predict/a.b", {"rows": rows})[2])
        assert answers["labels"] == load(model_path).predict(rows).tolist()
        assert ask("GET", "/v2/models/deployed")[2].replace(b"deployed", b"typed") == ask("GET", "/v2/models/typed")[2]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_when_what_runs_is_finished(model_path, rows, number, code):
    body = json.dumps({"rows": rows * 1000}).encode()
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    # whoever runs the tests in the background of a shell ignores SIGINT, and so would the server
    heard = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    with command(model_path, **heard) as (process, port), socket.create_connection(("127.0.0.1", port), 30) as running:
        with socket.create_connection(("127.0.0.1", port), 30) as idle:
            idle.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                answer += idle.recv(1000)
            running.sendall(head + body[:-1])
            process.send_signal(number)
            assert idle.recv(1000) == b""  # a connection at rest is closed
        running.sendall(body[-1:])
        answer = b"".join(iter(lambda: running.recv(2**16), b""))
        assert (
            answer.startswith(b"HTTP/1.1 200 ") and len(json.loads(answer.partition(b"\r\n\r\n")[2])["labels"]) == 9000
        )
        assert process.wait(20) == code
        assert process.stderr.read() == ""
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), 5)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_signal_as_soon_as_it_listens_ends_it(model_path):
    for _ in range(5):
        with command(model_path) as (process, _):
            process.terminate()
            assert process.wait(20) == 0


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_what_does_not_end_within_the_grace_is_cut_off(model_path):
    with (
        command(model_path, "--grace", "1") as (process, port),
        socket.create_connection(("127.0.0.1", port)) as running,
    ):
        running.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        asker(port)("GET", "/v2/health/live")
        process.terminate()
        assert process.wait(20) == 0


def test_no_request_is_lost_when_it_ends(model_path, rows):
    """Every request that got a connection gets its whole answer."""
    statuses, body = [], {"rows": rows * 50}
    with command(model_path) as (process, port):
        ask = asker(port)

        def work():
            while True:
                try:
                    status, _, reply = ask("POST", "/predict", body)
                except ConnectionRefusedError:
                    return
                except OSError:  # taken by the kernel, never by the server
                    return
                statuses.append(status)
                assert len(json.loads(reply)["labels"]) == 50 * len(rows)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        while len(statuses) < 20:
            threads[0].join(0.05)
        process.terminate()
        for thread in threads:
            thread.join(30)
        assert process.wait(20) == 0
    assert set(statuses) == {200}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{missing}"], "there is no model file"),
        (["{empty}"], "a folder must hold models"),
        (["{model}", "{model}"], "names of models must be unique, however: 'model' comes twice"),
        (["{text}"], "rows.onnx"),
        (["{model}", "--port", "{taken}"], "--host and --port must be an address to listen on"),
        (["{model}", "--port", "70000"], "--host and --port must be an address to listen on"),
        (["{model}", "--host", "no.such.host.invalid"], "--host and --port must be an address to listen on"),
    ],
)
def test_errors_are_one_line_and_exit_code_2(arguments, message, model_path, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "rows.onnx").write_text("a,b\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        places = {
            "model": model_path,
            "missing": tmp_path / "none.onnx",
            "empty": tmp_path / "empty",
            "text": tmp_path / "rows.onnx",
            "taken": taken.getsockname()[1],
        }
        assert main(["serve", *(argument.format(**places) for argument in arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and message in captured.err and len(captured.err.splitlines()) == 1


@pytest.mark.parametrize("option", ["--max-rows", "--max-bytes", "--max-requests", "--grace"])
def test_limits_must_be_positive(option, model_path, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["serve", model_path, option, "0"])
    assert caught.value.code == 2 and "must be at least 1" in capsys.readouterr().err


def test_without_the_extra_the_error_says_what_to_install(model_path):
    script = "import sys; sys.modules['starlette'] = None; from mothernet_runtime.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", script, "serve", model_path], capture_output=True, text=True)
    assert done.returncode == 2 and "pip install 'mothernet-runtime[serve]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_models_are_loaded_by_the_name_of_their_file(model_path, tmp_path):
    shutil.copy(model_path, tmp_path / "without_ending")
    assert list(load_models([model_path, str(tmp_path / "without_ending")])) == ["model", "without_ending"]
