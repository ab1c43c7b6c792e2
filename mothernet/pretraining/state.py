"""The state of a run in files: what it goes on from after a kill, here or elsewhere.

A state is one safetensors file of a bounded size; what does not fit goes to shards beside it, which it names and which
are written before it. What a run does with its state does not belong here: see :mod:`mothernet.pretraining.run`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from mothernet_runtime.output import written
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from mothernet.network.config import HypernetworkConfig
from mothernet.pretraining.config import PretrainingConfig
from mothernet.prior import PriorConfig

__all__ = ["MAX_FILE_BYTES", "MAX_STATE_BYTES", "State", "read_state", "write_state"]

MAX_FILE_BYTES = 14_000_000  # unless one tensor is larger
MAX_STATE_BYTES = 60_000_000

_FORMAT = "mothernet-state/2"


class State(NamedTuple):
    """All that a run needs to go on."""

    model: HypernetworkConfig
    prior: PriorConfig
    config: PretrainingConfig
    counters: dict[str, float]
    start: str | None  # fingerprint of the checkpoint that the weights came from
    tensors: dict[str, Tensor]  # weights, their moving average, moments of the optimisers


def write_state(path: Path, state: State, *, max_file_bytes: int = MAX_FILE_BYTES) -> None:
    """Write a state; a kill at any moment leaves the old one or the new one whole.

    Parameters
    ----------
    max_file_bytes : int
        Size of the tensors in one file, unless one tensor is larger.
    """
    packs: list[dict[str, Tensor]] = [{}]
    room = max_file_bytes
    for name, tensor in state.tensors.items():
        if tensor.nbytes > room and packs[-1]:
            packs.append({})
            room = max_file_bytes
        packs[-1][name] = tensor.contiguous()
        room -= tensor.nbytes
    shards = [f"{path.stem}-{state.counters['step']:.0f}-{i}.safetensors" for i in range(1, len(packs))]
    for name, pack in zip(shards, packs[1:], strict=True):
        with written(path.with_name(name)) as temporary:
            save_file(pack, temporary)
    about = {name: asdict(part) for name, part in (("model", state.model), ("prior", state.prior))}
    about["config"] = asdict(state.config)
    metadata = {**about, "counters": state.counters, "start": state.start, "shards": shards}
    with written(path) as temporary:
        save_file(packs[0], temporary, metadata={"format": _FORMAT, "state": json.dumps(metadata)})
    for old in path.parent.glob(f"{path.stem}-*.safetensors"):
        if old.name not in shards:
            old.unlink()


def read_state(path: Path) -> State:
    """Read a state; a field of a configuration that it lacks gets its default.

    Raises
    ------
    ValueError
        If the file, or one that it names, is missing, damaged or of another version.
    """
    tensors: dict[str, Tensor] = {}
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
        if metadata.get("format") != _FORMAT:
            raise ValueError(f"its format is {metadata.get('format')!r}, not {_FORMAT!r}")
        state = json.loads(metadata["state"])
        for part in (path, *(path.with_name(name) for name in state["shards"])):
            with safe_open(part, "pt") as file:
                tensors |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return State(
            HypernetworkConfig(**state["model"]),
            PriorConfig(**state["prior"]),
            PretrainingConfig(**state["config"]),
            state["counters"],
            state["start"],
            tensors,
        )
    except (SafetensorError, FileNotFoundError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} must be a whole state of `mothernet pretrain`, written by this version, however: {error}. Remove "
            "it, or name another --state folder."
        ) from error
