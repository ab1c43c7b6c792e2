"""State files: whole or refused, several where one would be too large."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from mothernet.pretraining.state import read_state, write_state


def equal(one, other):
    return one[:-1] == other[:-1] and all(torch.equal(t, other.tensors[name]) for name, t in one.tensors.items())


def rewritten(path, change):
    """Change the JSON in the file's metadata."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    state = json.loads(metadata["state"])
    change(state, metadata)
    save_file(tensors, path, metadata | {"state": json.dumps(state)})


def test_what_is_written_is_read(new_run, tmp_path):
    run = new_run()
    run.step(1.0)
    write_state(tmp_path / "state.safetensors", run.state())
    assert [file.name for file in tmp_path.iterdir()] == ["state.safetensors"]
    state = read_state(tmp_path / "state.safetensors")
    assert equal(state, run.state()) and state.counters["step"] == 1
    assert {name.partition(".")[0] for name in state.tensors} == {"weight", "average", "optimiser"}


def test_a_large_state_is_written_in_several_files(new_run, tmp_path):
    path = tmp_path / "state.safetensors"
    run = new_run()
    for _ in range(2):
        run.step(1.0)
        write_state(path, run.state(), max_file_bytes=10_000)  # the second time, shards of the first are removed
    shards = sorted(file.name for file in tmp_path.glob("state-*"))
    assert len(shards) > 3 and all(name.startswith("state-2-") for name in shards)
    assert all(file.stat().st_size < 20_000 for file in tmp_path.iterdir())
    assert equal(read_state(path), run.state())
    (tmp_path / shards[0]).unlink()
    with pytest.raises(ValueError, match="must be a whole state"):
        read_state(path)


def test_a_state_without_a_newer_field_gets_its_default(new_run, tmp_path):
    run = new_run()
    write_state(tmp_path / "state.safetensors", run.state())
    rewritten(tmp_path / "state.safetensors", lambda state, _: state["config"].pop("clip"))
    assert equal(read_state(tmp_path / "state.safetensors"), run.state())


def test_a_state_of_another_version_is_refused(new_run, tmp_path):
    path = tmp_path / "state.safetensors"
    write_state(path, new_run().state())
    rewritten(path, lambda state, _: state["config"].update(head_steps=12))
    with pytest.raises(ValueError, match=r"must be a whole state .*'head_steps'.*Remove it, or name another"):
        read_state(path)
    rewritten(path, lambda _, metadata: metadata.update(format="mothernet-state/9"))
    with pytest.raises(ValueError, match="its format is 'mothernet-state/9'"):
        read_state(path)


@pytest.mark.parametrize("content", [b"", b"not a state", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_a_damaged_state_is_an_error_that_says_so(tmp_path, content):
    (tmp_path / "state.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="must be a whole state of `mothernet pretrain`"):
        read_state(tmp_path / "state.safetensors")
