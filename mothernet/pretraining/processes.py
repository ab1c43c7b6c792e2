"""The processes that train together, when torchrun started several."""

from __future__ import annotations

import os

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["Processes"]


class Processes:
    """The processes that torchrun started, or this one alone; a context in which they can talk to each other.

    They use gloo on CPUs, NCCL and one GPU each on CUDA.

    Attributes
    ----------
    rank, count : int
        The number of this process, from 0 up, and how many there are.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.rank, self.count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))

    def __enter__(self) -> Processes:
        if self.count > 1:
            if self.device == "cuda":
                torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
            dist.init_process_group("cpu:gloo,cuda:nccl" if self.device == "cuda" else "gloo")
        return self

    def __exit__(self, *_: object) -> None:
        if self.count > 1:
            dist.destroy_process_group()

    def sum_in_place(self, tensor: Tensor) -> None:
        """Replace a tensor by its sum over all processes."""
        if self.count > 1:
            dist.all_reduce(tensor)

    def max(self, *values: float) -> list[float]:
        """The maximum of each value over all processes; waits for no GPU."""
        if self.count == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(tensor, dist.ReduceOp.MAX)
        return tensor.tolist()
