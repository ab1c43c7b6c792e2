"""``mothernet pretrain`` and ``mothernet prior`` hand their arguments on and say what came of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mothernet.commands import cli

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("as_json", [True, False])
def test_pretrain_trains_in_the_folder_and_says_the_last_line(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    from mothernet import pretraining

    calls: dict[str, Any] = {}

    def pretrain(state: str, minutes: float, **options: Any) -> dict[str, Any]:
        calls.update(options, state=state, minutes=minutes)
        return {"step": 12, "validation_loss": 0.75}

    monkeypatch.setattr(pretraining, "pretrain", pretrain)
    options = ["--minutes", "0.5", "--cool-down-minutes", "2", "--seed", "7", "--device", "cpu"]
    options += ["--tasks", "900", "--cool-down-tasks", "80", "--accumulate", "4", "--from", "start.safetensors"]
    assert cli.main(["pretrain", "--state", str(tmp_path), *options, *["--json"] * as_json]) == 0
    assert (calls["state"], calls["minutes"], calls["cool_down_minutes"]) == (str(tmp_path), 0.5, 2.0)
    assert (calls["config"].seed, calls["config"].accumulate, calls["device"]) == (7, 4, "cpu")
    assert (calls["tasks"], calls["cool_down_tasks"], calls["start"]) == (900, 80, "start.safetensors")
    output = capsys.readouterr().out
    if as_json:
        assert json.loads(output) == {"step": 12, "validation_loss": 0.75}
    else:
        assert output == f"{tmp_path / 'checkpoint.safetensors'}: step 12, validation loss 0.75\n"


def test_prior_draws_a_picture_and_names_it(tmp_path: Path, capsys: Capture) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "tasks.png"
    assert cli.main(["prior", "--plot", str(path), "--seed", "1"]) == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out == f"{path}\n"
