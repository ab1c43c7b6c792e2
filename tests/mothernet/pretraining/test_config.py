"""The configuration of pretraining."""

from mothernet.pretraining import PretrainingConfig


def test_a_gpu_takes_larger_batches_unless_told_otherwise():
    assert PretrainingConfig.suited("cpu") == PretrainingConfig()
    gpu = PretrainingConfig.suited("cuda", tasks=5)
    assert (gpu.tasks, gpu.buckets) == (5, True) and gpu.cells > PretrainingConfig().cells
