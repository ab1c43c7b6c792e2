"""What the commands share: exit codes, and one line on stderr for whatever goes wrong."""

import sys
import warnings

import pytest
from mothernet_runtime.command import exit_code, say


def raising(error):
    def run():
        raise error

    return run


@pytest.mark.parametrize(
    ("run", "code", "printed"),
    [
        (lambda: None, 0, ""),
        (lambda: 1, 1, ""),
        (raising(ValueError("bad\ninput\x1b")), 2, "program: error: bad input\\x1b\n"),
        (raising(FileNotFoundError(2, "No such file", "a\nb")), 2, "program: error: [Errno 2] No such file: 'a\\nb'\n"),
        (raising(ImportError("no torch")), 2, "program: error: no torch\n"),
        (raising(ArithmeticError("off by 1")), 1, "program: error: off by 1\n"),
        (raising(BrokenPipeError()), 1, ""),
        (raising(KeyboardInterrupt()), 130, ""),
        (lambda: warnings.warn("slow\n", stacklevel=1), 0, "program: warning: slow\n"),
    ],
)
def test_exit_codes_and_lines(capsys, run, code, printed):
    assert exit_code("program", run, failures=(ArithmeticError,)) == code
    assert capsys.readouterr() == ("", printed)


def test_own_mistakes_are_not_hidden():
    with pytest.raises(AssertionError):
        exit_code("program", raising(AssertionError()))


def test_usage_errors_pass_through():
    with pytest.raises(SystemExit):
        exit_code("program", lambda: sys.exit(2))


def test_nothing_strays_to_standard_output_when_stderr_is_closed(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr", None)
    say("program", "text")
    assert capsys.readouterr().out == ""
