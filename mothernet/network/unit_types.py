"""Types of hidden units, and the output layers that each gets: the child's is their weighted mean, an ensemble that
costs nothing. Nothing here may import torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from mothernet.settings import FitSettings

__all__ = ["ChildUnitType", "UnitType", "features_of_unit_type", "layer_shares"]

UnitType = Literal["learned", "anchored", "projected"]  # of the hypernetwork
ChildUnitType = Literal["learned", "anchored", "projected", "rule"]


def features_of_unit_type(
    n_inputs: int, unit_types: Sequence[ChildUnitType], unit_type: ChildUnitType
) -> npt.NDArray[np.int64]:
    """Indices of the features that the output layer of one type of units sees: all inputs, then its units."""
    units = [n_inputs + k for k, other in enumerate(unit_types) if other == unit_type]
    return np.array([*range(n_inputs), *units], np.int64)


def layer_shares(unit_types: Sequence[ChildUnitType], n_rows: int, settings: FitSettings) -> dict[ChildUnitType, float]:
    """What the output layer of each type weighs in the mean.

    Learned units have seen the labels: the fewer the rows, the less their layer is to be trusted, and the less it
    weighs.
    """
    learned = settings.max_learned_share * n_rows / (n_rows + settings.trusted_rows)
    generated = sorted(set(unit_types) - {"rule"})
    shares = {unit_type: learned if unit_type == "learned" else (1 - learned) / 2 for unit_type in generated}
    total, left = sum(shares.values()), 1 - settings.rule_share * ("rule" in unit_types)
    of_rules: dict[ChildUnitType, float] = {"rule": settings.rule_share} if "rule" in unit_types else {}
    return {unit_type: left * share / total for unit_type, share in shares.items()} | of_rules
