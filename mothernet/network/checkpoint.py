"""Checkpoints: the hypernetwork's weights as safetensors, with the configuration inside. Never pickle."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mothernet_runtime.output import written
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from mothernet.network.hypernetwork import Hypernetwork, HypernetworkConfig

__all__ = ["DEFAULT_CHECKPOINT", "Checkpoint", "load_checkpoint", "save_checkpoint"]

DEFAULT_CHECKPOINT = "default"
_FORMAT = "mothernet-checkpoint/2"


class Checkpoint(NamedTuple):
    """A hypernetwork ready for inference and what is known about its making."""

    network: Hypernetwork
    info: dict[str, Any]
    fingerprint: str  # beginning of the file's SHA-256


def save_checkpoint(
    path: str | os.PathLike[str], config: HypernetworkConfig, weights: Mapping[str, Tensor], info: Mapping[str, Any]
) -> None:
    """Write a checkpoint; ``info`` (JSON values: tasks, seconds, prior, ...) is kept beside the configuration."""
    tensors = {name: tensor.detach().to("cpu", torch.float32).contiguous() for name, tensor in weights.items()}
    metadata = {"format": _FORMAT, "config": json.dumps(asdict(config)), "info": json.dumps(dict(info))}
    with written(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def load_checkpoint(source: str | os.PathLike[str] | None = None, device: str | torch.device = "cpu") -> Checkpoint:
    """Load a checkpoint file, or the one in the package (``None`` or ``"default"``).

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is not a checkpoint of this project.
    """
    if source is None or source == DEFAULT_CHECKPOINT:
        with as_file(files("mothernet") / "checkpoints" / f"{DEFAULT_CHECKPOINT}.safetensors") as built_in:
            if not built_in.is_file():
                raise FileNotFoundError(
                    "this installation of mothernet holds no checkpoint. Reinstall it, or name a .safetensors file."
                )
            return _read(built_in, device)
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(
            f"checkpoint {str(path)!r} does not exist. Name a .safetensors file, or leave it out for the built-in one."
        )
    return _read(path, device)


def _read(path: Path, device: str | torch.device) -> Checkpoint:
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(
            f"{str(path)!r} is not a whole safetensors file ({error}). Name a checkpoint of `mothernet pretrain`."
        ) from error
    if metadata.get("format") != _FORMAT:
        raise ValueError(
            f"{str(path)!r} is not a MotherNet checkpoint: its format is {metadata.get('format')!r}, not {_FORMAT!r}. "
            "Name a checkpoint written by `mothernet pretrain`."
        )
    try:
        network = Hypernetwork(HypernetworkConfig(**json.loads(metadata["config"])))
        network.load_state_dict(weights)
        info = json.loads(metadata["info"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"the checkpoint {str(path)!r} does not fit this version of mothernet ({reason}). Upgrade, or name another."
        ) from error
    fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return Checkpoint(network.to(device).eval().requires_grad_(False), info, fingerprint)
