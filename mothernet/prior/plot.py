"""A picture of sampled tasks."""

from __future__ import annotations

import os

import numpy as np
from mothernet_runtime.output import written
from sklearn.feature_selection import f_classif

from mothernet.prior import PriorConfig, TaskShape, sample_tasks

__all__ = ["plot_tasks"]


def plot_tasks(path: str | os.PathLike[str], *, seed: int = 0, count: int = 24) -> None:
    """Draw ``count`` tasks of a few features as scatter plots, coloured by class, and write a PNG.

    Of every task the two features that tell its classes apart best are shown (by the F statistic of each alone).

    Parameters
    ----------
    path : path-like
        The PNG; written as :func:`mothernet_runtime.output.written` does.
    seed : int
        Another one gives other tasks.

    Raises
    ------
    ModuleNotFoundError
        If Matplotlib is not installed.
    ValueError, OSError
        If the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "drawing needs matplotlib, which is not installed. Run: pip install matplotlib"
        ) from error
    n_columns = 6
    n_rows = -(-count // n_columns)
    figure = Figure(figsize=(2.6 * n_columns, 2.5 * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False).flatten()
    for index, axis in enumerate(axes[:count]):
        shape = TaskShape(support=400, query=100, features=(2, 4, 8)[index % 3], classes=(2, 2, 3, 5)[index % 4])
        batch = sample_tasks(PriorConfig(), 1, shape, seed=seed, index=index)
        X, y = batch.X[0].numpy(), batch.y[0].numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            second, first = np.argsort(np.nan_to_num(f_classif(X, y)[0]))[-2:]
        points = X[:, [first, second]]
        jitter = np.random.default_rng(index).normal(size=points.shape)  # so that categories are seen as clouds
        points = points + 0.012 * np.ptp(points, axis=0) * jitter
        axis.scatter(points[:, 0], points[:, 1], c=y, cmap="tab10", vmin=0, vmax=9, s=5, alpha=0.8, linewidths=0)
        axis.set_title(f"{batch.mechanism.replace('_', ' ')}, {shape.features} features", fontsize=8)
        axis.set_xticks([])
        axis.set_yticks([])
    for axis in axes[count:]:
        axis.remove()
    with written(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
