"""Units that state rules: the nodes of randomised trees, as units of the child's hidden layer.

A node of a tree is a conjunction of conditions on columns. Here a condition is a *literal*: a ramp, a missing indicator
or a category, scaled to lie between 0 and 1, or one minus that; and a node of d literals is the unit clip(sum of
literals - d + 1, 0, 1), which is the conjunction where all literals are 0 or 1, and piecewise linear between. The trees
are extremely randomised ones (Geurts, Ernst and Wehenkel 2006): the best of a few literals drawn at random, so that
they know little of the labels, and a layer on their nodes little more than it ought to (compare RuleFit, Friedman and
Popescu 2008). How the output layer on these units is solved belongs elsewhere.

Axis letters: N rows, D inputs, L literals, T trees, V nodes of one level, d literals of a node, C classes, H units.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["rule_units"]

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


class _Literals(NamedTuple):
    """Inputs that can be conditions, and the affine maps that take them to [0, 1]."""

    input: Indices  # (L,)
    low: Array  # (L,)
    scale: Array  # (L,)

    def take(self, order: Indices) -> _Literals:
        """The literals of these numbers."""
        return _Literals(self.input[order], self.low[order], self.scale[order])


def rule_units(
    inputs: npt.NDArray[np.floating],
    ramp_index: Indices,
    y: Indices,
    rng: np.random.Generator,
    *,
    n_units: int,
    n_trees: int,
    depth: int,
    min_rows: int,
) -> tuple[Array, Array]:
    """Weights (D, H) and biases (H,) of units that are nodes of randomised trees; H may be less than asked for.

    Parameters
    ----------
    inputs : (N, D) array
        Features, then ramps. A feature that has ramps is no condition: its ramps are.
    ramp_index : (ramps, 2) array
        Feature of each ramp and its number among the ramps of that feature.
    y : (N,) array
        Labels from zero on.
    rng : numpy.random.Generator
        Draws the literals among which a node chooses, and the nodes that become units.
    n_units, n_trees, depth, min_rows : int
        Units at most, trees, literals of a node at most, and rows that a node must have.

    Examples
    --------
    >>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]).repeat(3, axis=0)
    >>> y = np.array([0, 1, 1, 0]).repeat(3)
    >>> weight, bias = rule_units(
    ...     x, np.empty((0, 2), int), y, np.random.default_rng(0), n_units=64, n_trees=30, depth=6, min_rows=3
    ... )
    >>> sorted(np.clip(x @ weight + bias, 0, 1)[::3].T.astype(int).tolist())
    [[0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]]
    """
    literals = _literals(inputs, ramp_index)
    if not len(literals.input):
        return np.zeros((inputs.shape[1], 0)), np.zeros(0)
    is_true = (inputs[:, literals.input] - literals.low) * literals.scale > 0.5  # (N, L)
    order = _by_what_they_tell(is_true, y)
    literals, is_true = literals.take(order), is_true[:, order]
    paths = _grow(is_true, y, rng, n_trees, depth, min_rows)
    paths = np.unique(paths, axis=0)
    if len(paths) > n_units:
        paths = paths[np.sort(rng.permutation(len(paths))[:n_units])]
    return _conjunctions(paths, literals, inputs.shape[1])


def _literals(inputs: npt.NDArray[np.floating], ramp_index: Indices) -> _Literals:
    low, high = inputs.min(axis=0).astype(np.float64), inputs.max(axis=0).astype(np.float64)
    usable = high > low
    usable[ramp_index[:, 0]] = False
    chosen = np.flatnonzero(usable)
    return _Literals(chosen, low[chosen], 1 / (high - low)[chosen])


def _by_what_they_tell(is_true: npt.NDArray[np.bool_], y: Indices) -> Indices:
    """An order of the literals (L,) that does not depend on the order of the columns, so that neither does a draw."""
    onehot = np.eye(int(y.max()) + 1)[y]  # (N, C)
    on = is_true.T @ onehot  # (L, C)
    return np.lexsort((on.sum(axis=1).round(6), (_purity(on) + _purity(onehot.sum(axis=0) - on)).round(6)))


def _grow(
    is_true: npt.NDArray[np.bool_], y: Indices, rng: np.random.Generator, n_trees: int, depth: int, min_rows: int
) -> Indices:
    """Nodes of at least two literals: (nodes, depth) sorted, positive k + 1 for literal k, negative for its complement,
    zeros where a node has fewer.

    Rows are bits, the rows of a class in words of their own, so that a node's rows where a literal is true are one
    ``&`` and their number by class is a count of bits.
    """
    literals, class_of_word = _as_bits(is_true, y)  # (L, W), (W,)
    by_class = np.eye(int(y.max()) + 1, dtype=np.float32)[class_of_word]  # (W, C)

    def counts(rows: npt.NDArray[np.uint64]) -> npt.NDArray[np.float32]:  # (V, W) to (V, C), exact below 2^24
        number: npt.NDArray[np.float32] = np.bitwise_count(rows).astype(np.float32) @ by_class
        return number

    L = len(literals)
    n_drawn = min(L, int(np.ceil(2 * np.sqrt(L))))  # many are constant in a node
    rows = np.repeat(_as_bits(np.ones((len(y), 1), np.bool_), y)[0], n_trees, axis=0)  # (V, W) of each node
    path = np.zeros((n_trees, depth), np.int64)  # (V, depth)
    found = []
    for level in range(depth):
        V = len(path)
        chosen, best = np.zeros(V, np.int64), np.full(V, -np.inf)
        total = counts(rows)
        size, is_pure = total.sum(axis=1), (total > 0).sum(axis=1) < 2
        for literal in rng.integers(L, size=(n_drawn, V)):
            on = counts(rows & literals[literal])
            n_on = on.sum(axis=1)
            purity = _purity(on) + _purity(total - on)
            purity[is_pure | (n_on < min_rows) | (size - n_on < min_rows)] = -np.inf
            better = purity > best
            chosen[better], best[better] = literal[better], purity[better]
        split = np.flatnonzero(best > -np.inf)
        if not len(split):
            break
        rows, chosen = rows[split], chosen[split]
        rows = np.stack([rows & ~literals[chosen], rows & literals[chosen]], axis=1).reshape(-1, rows.shape[1])
        path = path[split].repeat(2, axis=0)
        path[:, level] = np.stack([-chosen - 1, chosen + 1], axis=1).ravel()
        if level:
            found.append(np.sort(path, axis=1))
    return np.concatenate([*found, np.zeros((0, depth), np.int64)])


def _as_bits(is_true: npt.NDArray[np.bool_], y: Indices) -> tuple[npt.NDArray[np.uint64], Indices]:
    """Columns (N, L) as bits of words (L, W), no word with rows of two classes; and the class of each word (W,)."""
    count = np.bincount(y)
    words = -(-count // 64)
    order = y.argsort(kind="stable")
    start = 64 * (words.cumsum() - words) - (count.cumsum() - count)  # by which a class's rows move
    bits = np.zeros((is_true.shape[1], 64 * words.sum()), np.bool_)
    bits[:, np.arange(len(y)) + start[y[order]]] = is_true[order].T
    return np.packbits(bits, axis=1).view(np.uint64), np.repeat(np.arange(len(count)), words)


def _purity(count: npt.NDArray[np.floating]) -> Array:
    """Rows times sum of squared class shares of (V, C) nodes: what Gini's impurity lacks to the number of rows."""
    exact = count.astype(np.float64)
    purity: Array = (exact**2).sum(axis=1) / np.maximum(exact.sum(axis=1), 1.0)
    return purity


def _conjunctions(paths: Indices, literals: _Literals, n_inputs: int) -> tuple[Array, Array]:
    """Weights (D, H) and biases (H,) of the units clip(sum of literals - d + 1, 0, 1)."""
    unit, position = np.nonzero(paths)
    literal, sign = np.abs(paths[unit, position]) - 1, np.sign(paths[unit, position])
    slope = sign * literals.scale[literal]
    weight = np.zeros((n_inputs, len(paths)))
    np.add.at(weight, (literals.input[literal], unit), slope)
    offset = np.where(sign > 0, 0.0, 1.0) - slope * literals.low[literal]  # of a literal at input zero
    bias: Array = 1.0 + np.bincount(unit, offset - 1, minlength=len(paths)).astype(np.float64)
    return weight, bias
