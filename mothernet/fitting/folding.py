"""From weights on encoded inputs to weights on the inputs of the file's first layer, which are raw columns' ramps,
missing indicators and categories.

Axis letters: R inputs of the file's first layer, H units, C classes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from mothernet_export import CategoricalColumn, IgnoredColumn, NumericColumn

from mothernet.fitting.child import ChildWeights
from mothernet.tables.encoding import Encoding

__all__ = ["Columns", "FoldedChild", "folded"]

Array = npt.NDArray[np.float64]
Columns = tuple[NumericColumn | CategoricalColumn | IgnoredColumn, ...]


class FoldedChild(NamedTuple):
    """A child on the inputs of its file's first layer: what :class:`mothernet_export.ChildNetwork` holds."""

    columns: Columns
    first_weight: Array  # (R, H + C)
    first_bias: Array  # (H + C,)
    output_weight: Array  # (H, C)
    rounding_error: float = 0.0  # of a probability, in float32, on the rows by which it was made smaller


def folded(encoding: Encoding, weights: ChildWeights) -> FoldedChild:
    """Fold the encoding, inputs = base + matrix @ basis, into the first layer."""
    return FoldedChild(
        encoding.columns,
        encoding.matrix.T @ weights.first_weight,
        weights.first_bias + encoding.base @ weights.first_weight,
        weights.output_weight,
    )
