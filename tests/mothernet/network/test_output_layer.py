"""The output layer that pretraining takes gradients through; the fit's is compared with it in the fit's tests."""

import numpy as np
import pytest
import torch

from mothernet.network.output_layer import FeatureScale, solve, solve_by_unit_type


def problem(n, K, C, seed=0):
    rng = np.random.default_rng(seed)
    phi = rng.normal(size=(n, K))
    y = (phi @ rng.normal(size=(K, C)) + 2 * rng.gumbel(size=(n, C))).argmax(1)
    return phi, np.eye(C)[y], np.exp(rng.uniform(-6, 0, K))


def test_problems_are_solved_like_single_ones():
    phi, onehot, penalty = (torch.tensor(a)[None] for a in problem(80, 15, 3))
    penalties = torch.cat([penalty, 10 * penalty, 0.1 * penalty])
    together = solve(phi.expand(3, -1, -1), onehot.expand(3, -1, -1), penalties, steps=30)
    for i in range(3):
        assert torch.allclose(
            together.weight[i], solve(phi, onehot, penalties[i : i + 1], steps=30).weight[0], atol=1e-9
        )


def test_dual_and_primal_take_the_same_steps():
    phi, onehot, penalty = (torch.tensor(a)[None] for a in problem(30, 29, 3))
    wide = torch.cat([phi, torch.zeros(1, 30, 5, dtype=torch.float64)], 2)  # n < K: the dual; new columns are zero
    wide_penalty = torch.cat([penalty, torch.ones(1, 5, dtype=torch.float64)], 1)
    primal, dual = solve(phi, onehot, penalty, steps=12), solve(wide, onehot, wide_penalty, steps=12)
    assert torch.allclose(primal.weight, dual.weight[:, :29], atol=1e-9)


@pytest.mark.parametrize(("dtype", "penalty"), [(torch.float32, 1e-4), (torch.float64, 1e-8)])
def test_separable_classes_and_repeated_columns_are_no_trouble(dtype, penalty):
    x = torch.linspace(-1, 1, 40, dtype=dtype)[:, None].repeat(1, 60)[None]
    onehot = torch.nn.functional.one_hot((x[0, :, 0] > 0).long(), 2).to(dtype)[None]
    solved = solve(FeatureScale.fit(x)(x), onehot, x.new_full((1, 60), penalty), steps=300)
    logits = solved(FeatureScale.fit(x)(x))
    assert logits.isfinite().all()
    assert (logits.argmax(-1) == onehot.argmax(-1)).all()


def test_gradients_flow_through_a_fixed_number_of_steps():
    phi, onehot, penalty = (torch.tensor(a)[None] for a in problem(12, 4, 2))
    phi.requires_grad_(True)
    penalty.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda p, q: solve(p, onehot, q, steps=4).weight, (phi, penalty))


def test_solving_by_unit_type_predicts_the_mean_logits_of_output_layers_solved_apart():
    phi, onehot, _ = problem(150, 9, 3)  # four inputs, five units
    phi, onehot = torch.tensor(phi)[None], torch.tensor(onehot)[None]
    penalty = phi.new_full((1, 9), 0.1)
    apart = []
    for columns in ([0, 1, 2, 3, 4, 6, 8], [0, 1, 2, 3, 5, 7]):
        apart.append(solve(phi[..., columns], onehot, penalty[:, columns], steps=50)(phi[..., columns]))
    unit_types = ("learned", "anchored", "learned", "anchored", "learned")
    together = solve_by_unit_type(phi, onehot, penalty, unit_types, steps=50)
    # at 150 rows the learned units' layer weighs 0.25, and either of two others 0.375
    torch.testing.assert_close(together(phi), (0.25 * apart[0] + 0.375 * apart[1]) / 0.625)
    assert (together.weight[0, 4:] != 0).all()


@pytest.mark.parametrize("unit_type", ["learned", "anchored"])
def test_one_unit_is_solved_as_one_type(unit_type):
    phi, onehot, _ = problem(40, 4, 2)
    phi, onehot = torch.tensor(phi)[None], torch.tensor(onehot)[None]
    penalty = phi.new_full((1, 4), 0.1)
    expected = solve(phi, onehot, penalty, steps=20)
    torch.testing.assert_close(solve_by_unit_type(phi, onehot, penalty, (unit_type,), steps=20).weight, expected.weight)
