"""A model and a mixture that a step of pretraining takes milliseconds with."""

import pytest

from mothernet.network.config import HypernetworkConfig
from mothernet.pretraining import PretrainingConfig
from mothernet.pretraining.run import Run
from mothernet.prior import PriorConfig

_SCRIPT = """
import sys, torch
from mothernet.network.config import HypernetworkConfig
from mothernet.pretraining import PretrainingConfig, pretrain
from mothernet.prior import PriorConfig
torch.use_deterministic_algorithms(True)
pretrain(sys.argv[1], tasks=int(sys.argv[2]), model={model!r}, prior={prior!r}, config={config!r},
         evaluate_every=5, save_seconds=0, validation_groups=1, progress=False)
"""


@pytest.fixture
def model():
    return HypernetworkConfig(embedding=16, blocks=1, attention_heads=2, units=16)


@pytest.fixture
def prior():
    return PriorConfig(max_support=60, max_features=6, max_classes=3, query=32)


@pytest.fixture
def new_run(model, prior):
    """A fresh run, always the same one."""

    def make(**changes):
        return Run(model, prior, PretrainingConfig(tasks=4, warmup_steps=10, **changes), "cpu")

    return make


@pytest.fixture
def script(tmp_path, model, prior):
    """A script that pretrains in the folder for the number of tasks that it is given."""

    def write(config):
        path = tmp_path / "run.py"
        path.write_text(_SCRIPT.format(model=model, prior=prior, config=config))
        return path

    return write
