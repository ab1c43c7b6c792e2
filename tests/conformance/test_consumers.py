"""Every consumer passes every case; one whose tools are missing is skipped by name, and never where CI is set."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import consumers
from consumers import CONSUMERS, Consumer

# test_conformance.py and test_browser.py run all cases in these two
OTHERS = [consumer for consumer in CONSUMERS if consumer.name not in ("python", "browser")]
NOTHING = "import sys; print('largest difference: 1.0e-07'); print('3 passed, 0 failed')"


@pytest.mark.slow
@pytest.mark.parametrize("consumer", OTHERS, ids=lambda consumer: consumer.name)
def test_a_consumer_passes_every_case(consumer: Consumer) -> None:
    outcome = consumers.outcome(consumer)
    if outcome.status == "skipped":
        pytest.skip(f"{consumer.name} {outcome.reason}")
    assert (outcome.status, outcome.reason) == ("passed", "")


def run_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], consumer: Consumer, *arguments: str
) -> tuple[int, str]:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(consumers, "CONSUMERS", (consumer,))
    return consumers.main(arguments), capsys.readouterr().out.splitlines()[-1]


def test_a_consumer_without_its_tools_is_skipped_by_name_and_an_error_if_strict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    consumer = Consumer("cobol", tools=(sys.executable, "no-such-compiler"), command=("{model}", "{rows}"))
    exit_code, line = run_on(monkeypatch, capsys, consumer)
    assert (exit_code, line.split()) == (0, ["cobol", "skipped", "needs", "no-such-compiler"])
    assert run_on(monkeypatch, capsys, consumer, "--strict")[0] == 1


@pytest.mark.parametrize(
    ("code", "build", "status"),
    [
        (NOTHING, (), "passed"),
        ("print('FAILED  ties: why'); " + NOTHING, (), "failed"),
        (NOTHING + "; sys.exit(1)", (), "failed"),
        ("print('3 passed, 0 failed')", (), "failed"),
        (NOTHING, ((sys.executable, "-c", "raise SystemExit(3)"),), "failed"),
    ],
)
def test_an_outcome_is_what_the_command_says(
    code: str,
    build: tuple[tuple[str, ...], ...],
    status: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    consumer = Consumer("itself", tools=(), command=(sys.executable, "-c", code), build=build, itself=True)
    exit_code, line = run_on(monkeypatch, capsys, consumer)
    assert (exit_code, line.split()[1]) == (int(status == "failed"), status)


def test_a_consumer_that_answers_wrongly_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = (sys.executable, "-c", "print('label')", "{model}", "{rows}")
    consumer = Consumer("silent", tools=(), command=command, options=("--case", "ties"))
    exit_code, line = run_on(monkeypatch, capsys, consumer)
    assert exit_code == 1 and "FAILED  ties" in line
