"""Random numbers come from the key alone."""

import torch

from mothernet.prior.rng import Rng

CPU = torch.device("cpu")


def test_a_key_decides_tensors_and_scalars():
    one, two, other = Rng("a", CPU), Rng("a", CPU), Rng("b", CPU)
    first = one.normal(5)
    assert torch.equal(first, two.normal(5)) and not torch.equal(first, other.normal(5))
    assert one.scalar.random() == two.scalar.random() != other.scalar.random()
    assert one.choice(range(1000)) == two.choice(range(1000))


def test_scalars_do_not_shift_tensors():
    one, two = Rng("a", CPU), Rng("a", CPU)
    one.chance(0.5), one.choice([1, 2, 3])
    assert torch.equal(one.uniform(4), two.uniform(4))


def test_permutations_are_independent_and_whole():
    rows = Rng("a", CPU).permutations(200, 5)
    assert rows.sort(1).values.tolist() == [list(range(5))] * 200
    assert len({tuple(row) for row in rows.tolist()}) > 80  # of 120


def test_the_largest_sum_of_log_probability_and_gumbel_noise_is_a_draw():
    probability = torch.tensor([0.1, 0.3, 0.6])
    draws = (probability.log() + Rng("a", CPU).gumbel(20_000, 3)).argmax(1)
    share = torch.bincount(draws, minlength=3) / len(draws)
    assert (share - probability).abs().max() < 0.02  # five standard errors of 0.0035


def test_chance_has_its_probability():
    rng = Rng("a", CPU)
    assert not any(rng.chance(0) for _ in range(100)) and all(rng.chance(1) for _ in range(100))
    assert 0.25 < sum(rng.chance(0.3) for _ in range(5000)) / 5000 < 0.35


def test_integers_cover_their_range():
    assert set(Rng("a", CPU).integers(4, 100).tolist()) == {0, 1, 2, 3}
