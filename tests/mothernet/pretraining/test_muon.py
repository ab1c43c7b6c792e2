"""Muon: momentum whose matrix updates are orthogonalised."""

import pytest
import torch

from mothernet.pretraining.muon import Muon


def one_step(gradients, lr=0.1):
    parameters = [torch.nn.Parameter(torch.zeros_like(g)) for g in gradients]
    for p, g in zip(parameters, gradients, strict=True):
        p.grad = g.clone()
    Muon(parameters, lr=lr).step()
    return [p.detach() for p in parameters]


@pytest.mark.parametrize("shape", [(8, 8), (12, 5), (5, 12)])
def test_updates_are_nearly_orthogonal_and_go_down(shape):
    gradient = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    (update,) = one_step([gradient])
    singular = torch.linalg.svdvals(update / (0.1 * 0.2 * max(shape) ** 0.5))
    assert singular.min() > 0.6 and singular.max() < 1.3  # five iterations bring the values near one, not onto it
    assert (update * gradient).sum() < 0


def test_the_size_of_the_gradient_does_not_matter():
    gradient = torch.randn(6, 6, generator=torch.Generator().manual_seed(0))
    small, large = one_step([gradient, 1000 * gradient])
    assert torch.allclose(small, large, atol=1e-4)


def test_matrices_of_one_shape_are_updated_as_each_alone():
    gradients = list(torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(0)))
    together = one_step(gradients)
    alone = [one_step([g])[0] for g in gradients]
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(together, alone, strict=True))


def test_a_gradient_of_zero_leaves_only_the_decay():
    p = torch.nn.Parameter(torch.ones(3, 3))
    p.grad = torch.zeros(3, 3)
    Muon([p], lr=0.1, weight_decay=0.5).step()
    assert torch.allclose(p, torch.full((3, 3), 0.95))
