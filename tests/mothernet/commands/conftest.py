"""A small, untrained checkpoint: what the command does is not a matter of accuracy."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    from mothernet.network.checkpoint import save_checkpoint
    from mothernet.network.config import HypernetworkConfig
    from mothernet.network.hypernetwork import Hypernetwork, weights_of

    config = HypernetworkConfig(embedding=16, attention_heads=2, blocks=1, units=128)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights = Hypernetwork(config).state_dict()
    path = tmp_path_factory.mktemp("checkpoint") / "small.safetensors"
    save_checkpoint(path, config, weights_of(weights), {})
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A CSV file of 60 rows: a number with blanks, a string, three classes."""
    rows = [f"{i % 7 if i % 5 else ''},{'Bern' if i % 3 else 'Zürich'},{'abc'[i % 3]}\n" for i in range(60)]
    path = tmp_path / "table.csv"
    path.write_text("x,place,label\n" + "".join(rows), encoding="utf-8")
    return path
