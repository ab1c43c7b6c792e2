"""Checkpoints: the hypernetwork's weights as safetensors, with the configuration inside. Never pickle, and no torch."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from mothernet_runtime.output import written
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from mothernet.network.config import HypernetworkConfig

__all__ = ["DEFAULT_CHECKPOINT", "Checkpoint", "Weights", "load_checkpoint", "save_checkpoint"]

Weights = Mapping[str, npt.NDArray[np.float32]]

DEFAULT_CHECKPOINT = "default"
_FORMAT = "mothernet-checkpoint/2"


class Checkpoint(NamedTuple):
    """A hypernetwork's sizes and weights, and what is known about its making."""

    config: HypernetworkConfig
    weights: Weights  # by the names that :class:`mothernet.network.hypernetwork.Hypernetwork` gives them
    info: dict[str, Any]
    fingerprint: str  # beginning of the file's SHA-256


def save_checkpoint(
    path: str | os.PathLike[str], config: HypernetworkConfig, weights: Weights, info: Mapping[str, Any]
) -> None:
    """Write a checkpoint; ``info`` (JSON values: tasks, seconds, prior, ...) is kept beside the configuration."""
    arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in weights.items()}
    metadata = {"format": _FORMAT, "config": json.dumps(asdict(config)), "info": json.dumps(dict(info))}
    with written(path) as temporary:
        save_file(arrays, temporary, metadata=metadata)


def load_checkpoint(source: str | os.PathLike[str] | None = None) -> Checkpoint:
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
            return _read(built_in)
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(
            f"checkpoint {str(path)!r} does not exist. Name a .safetensors file, or leave it out for the built-in one."
        )
    return _read(path)


def _read(path: Path) -> Checkpoint:
    try:
        with safe_open(path, "np") as file:
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
        config = HypernetworkConfig(**json.loads(metadata["config"]))
        info = json.loads(metadata["info"])
        _check(weights, _shapes(config))
    except (KeyError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"the checkpoint {str(path)!r} does not fit this version of mothernet ({reason}). Upgrade, or name another."
        ) from error
    fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return Checkpoint(config, weights, info, fingerprint)


def _check(weights: Weights, shapes: Mapping[str, tuple[int, ...]]) -> None:
    if different := set(weights) ^ set(shapes):
        raise ValueError(f"its weights are others: {', '.join(sorted(different)[:5])}")
    for name, shape in shapes.items():
        if weights[name].shape != shape or weights[name].dtype != np.float32:
            raise ValueError(f"{name} is {weights[name].dtype} {weights[name].shape}, not float32 {shape}")
        if not np.isfinite(weights[name]).all():
            raise ValueError(f"{name} is not finite")


def _shapes(config: HypernetworkConfig) -> dict[str, tuple[int, ...]]:
    """Of all weights, by name."""
    E, wide = config.embedding, config.mlp_factor * config.embedding
    shapes: dict[str, tuple[int, ...]] = {
        "frequency": (config.frequencies,),
        "unit_cell": (config.units, E),
        "unit_label": (config.units, E),
        "label.weight": (config.class_codes, E),
    }

    def linear(name: str, n_in: int, n_out: int, *, bias: bool = True) -> None:
        shapes[f"{name}.weight"] = (n_out, n_in)
        if bias:
            shapes[f"{name}.bias"] = (n_out,)

    def norm(name: str) -> None:
        shapes.update({f"{name}.weight": (E,), f"{name}.bias": (E,)})

    linear("cell", 2 * (1 + 2 * config.frequencies), E)
    for k in range(config.blocks):
        for axis in ("across", "down"):
            linear(f"blocks.{k}.{axis}.query", E, E, bias=False)
            linear(f"blocks.{k}.{axis}.key_value", E, 2 * E, bias=False)
            linear(f"blocks.{k}.{axis}.out", E, E, bias=False)
        for number in range(3):
            norm(f"blocks.{k}.norms.{number}")
        linear(f"blocks.{k}.mlp.0", E, wide)
        linear(f"blocks.{k}.mlp.2", wide, E)
    norm("norm")
    linear("weight", E, 1 + config.ramps)
    linear("bias", E, 1)
    linear("setting", E + 3, 4)
    if config.column_codes:
        shapes["column.weight"] = (config.column_codes, E)
    return shapes
