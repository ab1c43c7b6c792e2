"""Children on encoded tasks, without the encoding of tables: what the benchmarks on synthetic tasks measure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import softmax

from mothernet.fitting.child import fit_child_weights
from mothernet.network.forward import ForwardPass
from mothernet.network.inputs import Ramps, Standardiser, balanced_weights
from mothernet.settings import DEFAULT_SETTINGS, FitSettings

__all__ = ["WIDTH", "child_probabilities"]

WIDTH = 128


def child_probabilities(
    network: ForwardPass,
    X: torch.Tensor,
    y: npt.NDArray[np.int64],
    n_classes: int,
    *,
    width: int = WIDTH,
    settings: FitSettings = DEFAULT_SETTINGS,
) -> npt.NDArray[np.float64]:
    """What the estimator's ``fit`` and ``predict_proba`` do.

    Parameters
    ----------
    X : (S + Q, F) tensor
        Encoded rows.
    y : (S,) array
        Labels of the first rows, in ``range(n_classes)``.

    Returns
    -------
    (Q, n_classes) array
        Probabilities of the other rows; zero for a class without a label.
    """
    S, F, n_ramps = len(y), X.shape[1], network.config.ramps
    features = Standardiser.fit(X[None, :S])(X[None])  # (1, S + Q, F)
    ramps = Ramps.fit(features[:, :S], balanced_weights(torch.from_numpy(y)[None], n_classes), n_ramps)
    ramp_index = np.argwhere(ramps.inverse_width[0, 0].numpy() > 0)  # (ramps, 2) feature, number among its ramps
    columns = np.concatenate([np.arange(F), F + ramp_index[:, 0] * n_ramps + ramp_index[:, 1]])
    inputs = ramps(features)[0].numpy()[:, columns]  # (S + Q, D)
    classes, code = np.unique(y, return_inverse=True)
    child = fit_child_weights(
        network,
        inputs[:S],
        ramp_index,
        code,
        len(classes),
        width=width,
        penalty="cross-validated",
        rng=np.random.default_rng(0),
        settings=settings,
    )
    probability = np.zeros((len(X) - S, n_classes))
    probability[:, classes] = softmax(child.logits(inputs[S:]), axis=1)
    return probability
