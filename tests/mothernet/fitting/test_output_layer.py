"""The fast solve of the output layer against slow, obvious ones."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp

from mothernet.fitting.output_layer import OutputLayer, solve
from mothernet.network import output_layer as differentiable


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


def centred(logits):
    return logits - logits.mean(-1, keepdims=True)


TIGHT = {"steps": 2000, "tolerance": 1e-13}
SHAPES = [(200, 10, 2), (120, 30, 4), (40, 90, 3), (40, 90, 2)]


@pytest.mark.parametrize(("n", "K", "C"), SHAPES)
def test_converged_solution_agrees_with_scipy(n, K, C):
    phi, onehot, penalty = problem(n, K, C)
    W, b = slow_reference(phi, onehot, penalty, np.full(n, 1 / n))
    solved = solve(phi, onehot, penalty, **TIGHT)
    assert np.abs(centred(solved(phi)[0]) - centred(phi @ W + b)).max() < 1e-4  # both stopped at tiny gradients
    assert np.allclose(solved.weight[0], W, atol=1e-4)


@pytest.mark.parametrize(("n", "K", "C"), SHAPES)
def test_the_solve_of_pretraining_comes_to_the_same(n, K, C):
    phi, onehot, penalty = problem(n, K, C)
    tensors = [torch.from_numpy(array)[None] for array in (phi, onehot, penalty)]
    expected = differentiable.solve(*tensors, steps=3000)(tensors[0])[0].numpy()
    assert np.abs(centred(solve(phi, onehot, penalty, **TIGHT)(phi)[0]) - centred(expected)).max() < 1e-5


def test_probabilities_can_be_targets():
    phi, onehot, penalty = problem(150, 8, 3)
    target = 0.7 * onehot + 0.1
    solved = solve(phi, target, penalty, **TIGHT)
    W, b = slow_reference(phi, target, penalty, np.full(150, 1 / 150))
    assert np.abs(centred(solved(phi)[0]) - centred(phi @ W + b)).max() < 1e-4


@pytest.mark.parametrize("C", [2, 3])
@pytest.mark.parametrize("n", [150, 30])
def test_problems_that_share_features_are_solved_like_single_ones(n, C):
    phi, onehot, penalty = problem(n, 40, C)
    kept = np.ones((3, n))
    kept[0, : n // 3], kept[1, n // 3 : n // 2], kept[2] = 0, 0, np.linspace(0.5, 2, n)
    together = solve(phi, onehot, penalty, row_weight=kept, **TIGHT)
    for i, weight in enumerate(kept):
        some = weight > 0
        alone = solve(phi[some], onehot[some], penalty, row_weight=weight[None, some], **TIGHT)
        assert np.abs(centred(together(phi)[i]) - centred(alone(phi)[0])).max() < 5e-5


@pytest.mark.parametrize(("n", "K", "C"), SHAPES)
def test_a_good_start_saves_steps_and_changes_nothing(n, K, C):
    phi, onehot, penalty = problem(n, K, C)
    first = solve(phi, onehot, penalty, **TIGHT)
    again = solve(phi, onehot, penalty, steps=1, tolerance=1e-13, start=first)
    assert np.abs(centred(again(phi)) - centred(first(phi))).max() < 1e-5
    elsewhere = OutputLayer(first.weight + 0.3, first.bias - 0.2)
    far = solve(phi, onehot, penalty, start=elsewhere, **TIGHT)
    assert np.abs(centred(far(phi)) - centred(first(phi))).max() < 1e-5


def test_more_steps_never_make_the_loss_larger():
    phi, onehot, penalty = problem(100, 20, 3)
    losses = []
    for steps in (1, 2, 4, 8, 16, 32, 64):
        solved = solve(phi, onehot, penalty, steps=steps, tolerance=1e-13)
        ridge = (penalty[:, None] * solved.weight[0] ** 2).sum() / 2
        losses.append(-(onehot * log_softmax(solved(phi)[0], axis=1)).sum(1).mean() + ridge)
    assert (np.diff(losses) <= 1e-12).all() and losses[0] > losses[-1] + 0.01


@pytest.mark.parametrize("n_columns", [60, 30])
@pytest.mark.parametrize("C", [2, 3])
def test_separable_classes_and_repeated_columns_are_no_trouble(n_columns, C):
    x = np.linspace(-1, 1, 40)[:, None].repeat(n_columns, axis=1)
    y = np.digitize(x[:, 0], [0.0] if C == 2 else [-0.3, 0.4])
    solved = solve(x / x.std(), np.eye(C)[y], np.full(n_columns, 1e-8), steps=300, tolerance=1e-7)
    logits = solved(x / x.std())[0]
    assert np.isfinite(logits).all() and (logits.argmax(1) == y).all()


def test_a_class_without_rows_is_improbable():
    phi, onehot, penalty = problem(60, 5, 2)
    logits = solve(phi, np.column_stack([onehot, np.zeros(60)]), penalty, steps=200, tolerance=1e-7)(phi)[0]
    assert np.isfinite(logits).all() and np.exp(log_softmax(logits, axis=1))[:, 2].max() < 1e-3
