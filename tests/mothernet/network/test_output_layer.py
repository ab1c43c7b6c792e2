"""The fast output layer against slow, obvious ones."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp

from mothernet.network.output_layer import FeatureScale, solve, solve_by_unit_type


def slow_reference(phi, onehot, penalty, share):
    """SciPy's optimiser on mean_i -log softmax(phi_i W + b)[y_i] + 1/2 sum_k lambda_k |W_k|^2."""
    K = phi.shape[1]
    C = onehot.shape[1]

    def objective(flat):
        W, b = flat[: K * C].reshape(K, C), flat[K * C :]
        logits = phi @ W + b
        log_p = logits - logsumexp(logits, axis=1, keepdims=True)
        loss = -(share[:, None] * onehot * log_p).sum() + 0.5 * (penalty[:, None] * W**2).sum()
        residual = share[:, None] * (np.exp(log_p) - onehot)
        return loss, np.concatenate([(phi.T @ residual + penalty[:, None] * W).ravel(), residual.sum(0)])

    best = minimize(
        objective,
        np.zeros(K * C + C),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-10},
    )
    return best.x[: K * C].reshape(K, C), best.x[K * C :]


def problem(n, K, C, seed=0):
    rng = np.random.default_rng(seed)
    phi = rng.normal(size=(n, K))
    y = (phi @ rng.normal(size=(K, C)) + 2 * rng.gumbel(size=(n, C))).argmax(1)
    return phi, np.eye(C)[y], np.exp(rng.uniform(-6, 0, K))


@pytest.mark.parametrize(("n", "K", "C"), [(200, 10, 2), (120, 30, 4), (40, 90, 3)])
def test_converged_solution_agrees_with_scipy(n, K, C):
    phi, onehot, penalty = problem(n, K, C)
    W, b = slow_reference(phi, onehot, penalty, np.full(n, 1 / n))
    solved = solve(
        torch.tensor(phi)[None], torch.tensor(onehot)[None], torch.tensor(penalty)[None], steps=5000, tolerance=1e-14
    )
    logits = solved(torch.tensor(phi)[None])[0].numpy()
    expected = phi @ W + b
    difference = (logits - logits.mean(1, keepdims=True)) - (expected - expected.mean(1, keepdims=True))
    assert np.abs(difference).max() < 1e-4  # two optimisers, both stopped at tiny gradients
    assert np.allclose(solved.weight[0].numpy(), W, atol=1e-4)


def test_held_out_rows_have_no_influence():
    phi, onehot, penalty = (torch.tensor(a)[None] for a in problem(150, 12, 3))
    keep = torch.zeros(1, 150, dtype=torch.float64)
    keep[:, :100] = 1
    weighted = solve(phi, onehot, penalty, row_weight=keep, steps=2000, tolerance=1e-14)
    alone = solve(phi[:, :100], onehot[:, :100], penalty, steps=2000, tolerance=1e-14)
    assert torch.allclose(weighted.weight, alone.weight, atol=1e-6)
    assert torch.allclose(weighted.bias - weighted.bias.mean(), alone.bias - alone.bias.mean(), atol=1e-6)


def test_problems_that_share_features_are_solved_like_single_ones():
    phi, onehot, penalty = (torch.tensor(a)[None] for a in problem(80, 15, 3))
    penalties = torch.cat([penalty, 10 * penalty, 0.1 * penalty])
    together = solve(phi, onehot, penalties, steps=30)
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
    solved = solve(FeatureScale.fit(x)(x), onehot, x.new_full((1, 60), penalty), steps=300, tolerance=1e-7)
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
