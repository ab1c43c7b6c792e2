"""The hypernetwork's forward pass for one table, without torch: NumPy and, for the transformer, onnxruntime.

:class:`mothernet.network.hypernetwork.Hypernetwork` is the reference that a test compares it with.

Axis letters: S support rows, F features, M ramps per feature, C classes, H units, P = F (1 + M) inputs of the child.
"""

from __future__ import annotations

import math
import os
from typing import NamedTuple, get_args

import numpy as np
import numpy.typing as npt
from mothernet_runtime.session import open_session

from mothernet.network.checkpoint import Checkpoint
from mothernet.network.support_set import SupportSet, features_first, normal_scores
from mothernet.network.transformer_graph import transformer_model
from mothernet.network.unit_types import UnitType

__all__ = ["ForwardPass", "GeneratedLayer"]

Array = npt.NDArray[np.float64]


class GeneratedLayer(NamedTuple):
    """The generated hidden layer, and penalties and temperature for the output layer."""

    weight: Array  # (P, H) of the features, then of the ramps of each feature
    bias: Array  # (H,)
    log_penalty: Array  # (3,) natural logarithm of lambda for [features, ramps, units]
    log_temperature: float


class ForwardPass:
    """Generates a child's hidden layer from a support set.

    Parameters
    ----------
    checkpoint : Checkpoint
    device : {"cpu", "cuda"}
        Where onnxruntime runs the transformer: on all cores, or as many as the environment variable
        ``OMP_NUM_THREADS`` says; or on a GPU, for which onnxruntime must be built.

    Raises
    ------
    ValueError
        The device is not available.
    """

    def __init__(self, checkpoint: Checkpoint, device: str = "cpu") -> None:
        self.config = checkpoint.config
        self._made_of = checkpoint, device
        self._projections = checkpoint.config.projections()
        threads = os.environ.get("OMP_NUM_THREADS", "")
        n_threads = int(threads) if threads.isdecimal() else 0
        model = transformer_model(checkpoint)
        self._session = open_session(model, "the hypernetwork", device, n_threads, strict=True)

    def __reduce__(self) -> tuple[type[ForwardPass], tuple[Checkpoint, str]]:
        """For other processes: a session cannot be copied."""
        return ForwardPass, self._made_of

    def __call__(
        self, inputs: npt.NDArray[np.float32], y: npt.NDArray[np.int64], n_classes: int, width: int
    ) -> GeneratedLayer:
        """Read a support set.

        Parameters
        ----------
        inputs : (S, F) array
            Standardised features, at least one.
        y : (S,) array
            Labels in ``range(n_classes)``.
        width : int
            Units to generate, 1 to ``config.units``.
        """
        config, (S, n_features) = self.config, inputs.shape
        if not 1 <= width <= config.units:
            raise ValueError(f"width must be between 1 and {config.units}, however: width={width}.")
        support = SupportSet(inputs, y, n_classes)
        unit_types = config.unit_types(width)
        positions = {
            unit_type: [k for k, other in enumerate(unit_types) if other == unit_type]
            for unit_type in get_args(UnitType)
        }
        size = [math.log(S) / 3 - 1.7, math.log(n_features) / 2 - 1, math.log(n_classes) - 1]
        cells, bias, setting = self._session.run(
            ["weight", "bias", "setting"],
            {
                "value": np.stack([inputs, normal_scores(support.ranks)], axis=-1).astype(np.float32),
                "label": support.y_by_frequency % config.class_codes,
                "code": support.rank % max(config.column_codes, 1),
                "learned": np.array([len(positions["learned"])]),
                "size": np.array(size, np.float32),
            },
        )
        gain = 2 / math.sqrt(n_features)  # pre-activations of standardised inputs start near unit scale
        weights = np.empty((n_features * (1 + config.ramps), width))
        biases = np.empty(width)
        weights[:, positions["learned"]] = gain * features_first(cells.transpose(1, 2, 0).astype(np.float64))
        biases[positions["learned"]] = bias
        if anchored := positions["anchored"]:
            weights[:, anchored], biases[anchored] = support.anchored_units(len(anchored), config)
        if projected := positions["projected"]:
            weight, biases[projected] = support.projected_units(len(projected), self._projections, config)
            weights[:, projected] = gain * weight
        # lambda scales with 1 / S: the more rows, the less prior (starts at e/S for features, e^2/S for the rest)
        log_penalty = 3 * setting[:3].astype(np.float64) + [1.0, 2.0, 2.0] - math.log(S)
        return GeneratedLayer(weights, biases, log_penalty, 0.5 * float(setting[3]))
