"""The prior: a distribution over synthetic classification tasks, drawn in batches on the device that trains.

A batch shares its shape (rows, features, classes) and its mechanism; everything else is drawn per task by batched
tensor operations. A raw table is drawn first (structural causal models, oblivious trees, smooth functions, Gaussian
clusters, features that are effects of the class, linear and quadratic scores, rules), then made to look real
(categories, quantised and skewed columns, outliers, missing cells, label noise), then encoded as real tables are:
indicator columns for missing cells, one column per category. Tasks that nothing can learn are thrown away.

A batch depends on nothing but ``(seed, index, device type)``: no generator state to save, no global random state
touched. Real tables must never enter here.

Axis letters: B tasks, N = S + Q rows (support, query), F features, C classes.
"""

from mothernet.prior.tasks import (
    MECHANISMS,
    Mechanism,
    PriorConfig,
    TaskBatch,
    TaskShape,
    sample_shape,
    sample_tasks,
)

__all__ = ["MECHANISMS", "Mechanism", "PriorConfig", "TaskBatch", "TaskShape", "sample_shape", "sample_tasks"]
