"""The ablations: their base is the package's hypernetwork, and a run leaves a line that the table can be made of."""

import json
import sys
from pathlib import Path

import pytest
import torch

from mothernet.hypernetwork import Hypernetwork
from mothernet.prior import TaskShape, sample_tasks
from mothernet.validation import one_pass_logits

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def variants(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import ablation_variants

    return ablation_variants


@pytest.fixture
def batch(variants):
    prior = variants.VARIANTS["base"].prior_config()
    return sample_tasks(prior, 2, TaskShape(support=40, query=16, features=5, classes=3), seed=0, index=0)


def test_the_base_is_the_packages_hypernetwork(variants, batch):
    network = variants.AblationNetwork(variants.VARIANTS["base"], 10)
    package = Hypernetwork(network.config)
    package.load_state_dict(network.state_dict())
    with torch.no_grad():
        logits = network.head(batch, 32).logits(batch.y[:, :40], 3, 12)
        torch.testing.assert_close(logits, one_pass_logits(package, batch, 32, 12), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "name",
    ["generated-output", "row-tokens", "two-layers", "label-every-cell", "grouped", "thinking-16", "codes-ranked"],
)
def test_variants_give_logits_and_gradients(variants, batch, name):
    network = variants.AblationNetwork(variants.VARIANTS[name], 8)
    logits = network.head(batch, 16).logits(batch.y[:, :40], 3, 2)
    assert logits.shape == (2, 16, 3)
    logits.square().mean().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


def test_ranked_codes_ignore_the_order_of_columns(variants, batch):
    network = variants.AblationNetwork(variants.VARIANTS["codes-ranked"], 8)
    with torch.no_grad():
        one, other = (
            network.head(batch._replace(X=X), 16).logits(batch.y[:, :40], 3, 12) for X in (batch.X, batch.X.flip(2))
        )
    torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_units_are_nearly_alike_unless_columns_have_codes(variants, batch):
    ratios = {}
    batch = batch._replace(X=torch.randn(batch.X.shape, generator=torch.Generator().manual_seed(1)))
    for name in ("base", "codes-ranked"):
        torch.manual_seed(0)
        network = variants.AblationNetwork(variants.VARIANTS[name], 8)
        with torch.no_grad():
            units = network.head(batch, 64).phi[..., 5:]  # (B, S, H) standardised
        spectrum = torch.linalg.eigvalsh(units.mT @ units).clamp(min=0)
        ratios[name] = float((spectrum.sum(-1).square() / spectrum.square().sum(-1)).mean())
    assert 1 <= ratios["base"] < 1.8 < ratios["codes-ranked"]  # directions, participation ratio


def test_unknown_variants_are_an_error(variants, monkeypatch, capsys):
    import ablations

    monkeypatch.setattr(sys, "argv", ["ablations.py", "--variants", "bass"])
    assert ablations.main() == 2
    assert "no variant 'bass'" in capsys.readouterr().err


def test_a_run_leaves_a_line_and_is_not_repeated(variants, monkeypatch, tmp_path):
    import ablations

    tiny = variants.Variant("tiny", "base", model={"embedding": 8, "blocks": 1, "heads": 1, "units": 8})
    monkeypatch.setitem(variants.VARIANTS, "base", tiny)
    monkeypatch.setattr(ablations, "validation_tasks", lambda whole=ablations.validation_tasks: whole(groups=4))
    arguments = ["ablations.py", "--tasks", "32", "--cache", str(tmp_path), "--out", str(tmp_path / "out.jsonl")]
    monkeypatch.setattr(sys, "argv", arguments)
    assert ablations.main() == ablations.main() == 0
    lines = [json.loads(text) for text in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["header", "run", "header"]
    assert len(lines[1]["loss"]) == 16
