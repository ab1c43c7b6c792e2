"""The transformer block of the hypernetwork: attention across a row's cells, down a column's rows, and an MLP.

Axis letters: B tasks, S support rows, T rows of tokens, F features, E embedding.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Block"]

_MAX_SEQUENCES = 65_535  # CUDA's limit to one launch of a fused attention kernel (pytorch issue 146704)


class _Attention(nn.Module):
    """Multi-head attention from (*, L, E) queries to (*, M, E) context."""

    def __init__(self, embedding: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(embedding, embedding, bias=False)
        self.key_value = nn.Linear(embedding, 2 * embedding, bias=False)
        self.out = nn.Linear(embedding, embedding, bias=False)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        *lead, length, E = x.shape
        size = E // self.heads
        q = self.query(x).view(-1, length, self.heads, size).transpose(1, 2)  # (N, heads, L, size)
        k, v = self.key_value(context).view(-1, context.shape[-2], 2, self.heads, size).permute(2, 0, 3, 1, 4)
        if x.device.type == "cpu" and (torch.is_grad_enabled() or q.dtype == torch.bfloat16):
            # torch's fused kernel is several times slower in its CPU backward pass, and in bfloat16 on short axes
            score = (q * size**-0.5) @ k.transpose(-1, -2)  # (N, heads, L, M)
            with torch.autocast("cpu", enabled=False):  # autocast would write the weights out in float32
                weight = torch.softmax(score, -1)
            mixed = weight @ v
        elif len(q) <= _MAX_SEQUENCES:
            mixed = F.scaled_dot_product_attention(q, k, v)
        else:
            parts = zip(q.split(_MAX_SEQUENCES), k.split(_MAX_SEQUENCES), v.split(_MAX_SEQUENCES), strict=True)
            mixed = torch.cat([F.scaled_dot_product_attention(*part) for part in parts])
        return self.out(mixed.transpose(1, 2).reshape(*lead, length, E))  # (*, L, E)


class Block(nn.Module):
    """Attention across a row's cells, down a column's rows, then an MLP; pre-norm, residual."""

    def __init__(self, embedding: int, attention_heads: int, mlp_factor: int) -> None:
        super().__init__()
        E = embedding
        self.norms = nn.ModuleList(nn.LayerNorm(E) for _ in range(3))
        self.across = _Attention(E, attention_heads)
        self.down = _Attention(E, attention_heads)
        self.mlp = nn.Sequential(nn.Linear(E, mlp_factor * E), nn.GELU(), nn.Linear(mlp_factor * E, E))

    def forward(self, tokens: Tensor, n_support: int, *, is_last: bool = False) -> Tensor:
        """Map (B, T, F + 1, E) to the same shape; keys and values down a column are its first ``n_support`` rows.

        In the last block, the support rows' cells but their last ones are not finished: nobody reads them any more.
        """
        rows = self.norms[0](tokens)
        tokens = tokens + self.across(rows, rows)
        columns = self.norms[1](tokens).transpose(1, 2)  # (B, F + 1, T, E)
        context = columns[:, :, :n_support]  # (B, F + 1, S, E)
        if not is_last:
            return self._with_mlp(tokens + self.down(columns, context).transpose(1, 2))  # (B, T, F + 1, E)
        units = self._with_mlp(tokens[:, n_support:] + self.down(columns[:, :, n_support:], context).transpose(1, 2))
        labels = tokens[:, :n_support, -1:] + self.down(context[:, -1:], context[:, -1:]).transpose(1, 2)
        support = torch.cat([tokens[:, :n_support, :-1], self._with_mlp(labels)], 2)  # (B, S, F + 1, E)
        return torch.cat([support, units], 1)

    def _with_mlp(self, tokens: Tensor) -> Tensor:
        """The last part of the block; any shape (*, E)."""
        result: Tensor = tokens + self.mlp(self.norms[2](tokens))
        return result
