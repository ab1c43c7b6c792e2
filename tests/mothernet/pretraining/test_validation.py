"""Validation: fixed tasks, and scores that agree with scikit-learn's."""

import pytest
import torch
from sklearn.metrics import roc_auc_score

from mothernet.pretraining.validation import (
    one_vs_one_auc,
    predicted_penalty_logits,
    validation_scores,
    validation_tasks,
)
from mothernet.prior import TaskShape, sample_tasks


def test_auc_is_that_of_scikit_learn():
    generator = torch.Generator().manual_seed(0)
    for classes, present in ((2, 2), (5, 5), (5, 3)):
        y = torch.arange(60).remainder(present)[torch.randperm(60, generator=generator)].expand(3, -1)
        probability = torch.randn(3, 60, classes, generator=generator).mul(2).round().softmax(-1).double()  # with ties
        expected = []
        for p in probability.numpy():
            if classes == 2:
                expected.append(roc_auc_score(y[0], p[:, 1]))
                continue
            pairs = [(a, b) for a in range(present) for b in range(present) if a != b]
            rows = {(a, b): ((y[0] == a) | (y[0] == b)).numpy() for a, b in pairs}
            scores = [roc_auc_score((y[0].numpy() == a)[rows[a, b]], p[rows[a, b], a]) for a, b in pairs]
            expected.append(sum(scores) / len(scores))
        assert one_vs_one_auc(probability, y).tolist() == pytest.approx(expected, abs=1e-9)
    assert one_vs_one_auc(probability, torch.zeros_like(y)).isnan().all()


def test_validation_tasks_are_fixed_and_spread():
    tasks = validation_tasks(groups=20)
    assert all(torch.equal(a.X, b.X) for a, b in zip(tasks[:3], validation_tasks(groups=3), strict=True))
    assert all(len(batch.y) == 4 for batch in tasks)
    assert all(batch.shape.support * batch.shape.features <= 4000 for batch in tasks)
    assert sum(batch.shape.classes == 2 for batch in tasks) == 8
    assert len({batch.shape.features for batch in tasks}) > 8 and len({batch.shape.support for batch in tasks}) > 15


def test_a_child_whose_width_is_smaller_takes_the_first_units(new_run, prior):
    network = new_run().averaged()
    batch = sample_tasks(prior, 2, TaskShape(40, 20, 3, 3), seed=0, index=0)
    with torch.no_grad():
        wide, narrow = (predicted_penalty_logits(network, batch, width) for width in (16, 4))
    assert wide.shape == narrow.shape == (2, 20, 3) and not torch.allclose(wide, narrow)
    with pytest.raises(ValueError, match="width must be between 1 and 16"):
        predicted_penalty_logits(network, batch, 17)


def test_scores_are_means_over_tasks(new_run):
    network, tasks = new_run().averaged(), validation_tasks(groups=3)
    parts = [validation_scores(network, [batch]) for batch in tasks]
    together = validation_scores(network, tasks)
    assert together == pytest.approx([sum(values) / 3 for values in zip(*parts, strict=True)], abs=1e-6)
    assert 0.5 < together.auc < 1 and 0 < together.loss < 3
