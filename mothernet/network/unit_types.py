"""Types of hidden units, and the output layers that each gets: the child's is their weighted mean, an ensemble that
costs nothing. Nothing here may import torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from mothernet.settings import FitSettings

__all__ = ["UnitType", "features_of_unit_type", "layer_shares"]

UnitType = Literal["learned", "anchored", "projected"]


def features_of_unit_type(n_inputs: int, unit_types: Sequence[UnitType], unit_type: UnitType) -> npt.NDArray[np.int64]:
    """Indices of the features that the output layer of one type of units sees: all inputs, then its units."""
    units = [n_inputs + k for k, other in enumerate(unit_types) if other == unit_type]
    return np.array([*range(n_inputs), *units], np.int64)


def layer_shares(unit_types: Sequence[UnitType], n_rows: int, settings: FitSettings) -> dict[UnitType, float]:
    """What the output layer of each type weighs in the mean.

    Learned units have seen the labels: the fewer the rows, the less their layer is to be trusted, and the less it
    weighs.
    """
    learned = settings.max_learned_share * n_rows / (n_rows + settings.trusted_rows)
    shares = {
        unit_type: learned if unit_type == "learned" else (1 - learned) / 2 for unit_type in sorted(set(unit_types))
    }
    total = sum(shares.values())
    return {unit_type: share / total for unit_type, share in shares.items()}
