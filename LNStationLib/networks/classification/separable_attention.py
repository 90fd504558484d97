"""Separable self-attention in three dimensions (Mehta and Rastegari 2023, Sec. 3.2, Fig. 3c).

Tokens are ``[B, P, N, d]``: P voxels of a patch, N patches. Attention runs over the N patches, for each of the P
places in a patch alone, as MobileViT's unfolding has it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from LNStationLib.networks.classification.feed_forward import RoutingRecord


class SeparableSelfAttention(nn.Module):
    """Attention of linear cost: one softmax over tokens, one context vector, one gate."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.project_in = nn.Linear(width, 1 + 2 * width)
        self.project_out = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Attend over N.

        Args:
            tokens: ``[B, P, N, d]``.

        Returns:
            The tokens, same shape, and the context scores ``[B, P, N]``, at least 0, summing to 1 over N.
        """
        query, key, value = self.project_in(tokens).split([1, self.width, self.width], dim=-1)
        scores = query.softmax(dim=-2)
        context = (scores * key).sum(dim=-2, keepdim=True)
        output: Tensor = self.project_out(functional.relu(value) * context)
        return output, scores.squeeze(-1)


class SampleNorm(nn.Module):
    """Layer normalization over all tokens and channels of a sample, scaled by channel.

    The published MobileViTv2 normalizes so (one group of channels and places), not token by token.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Normalize ``[B, P, N, d]``."""
        return functional.layer_norm(tokens, tokens.shape[1:]) * self.weight + self.bias


class TransformerLayer(nn.Module):
    """Pre-norm separable attention and a feed-forward layer (or what replaces it), both residual."""

    def __init__(self, width: int, feed_forward: nn.Module, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm_attention = SampleNorm(width)
        self.attention = SeparableSelfAttention(width)
        self.dropout = nn.Dropout(dropout)
        self.norm_ffn = SampleNorm(width)
        self.ffn = feed_forward

    def forward(self, tokens: Tensor, record: RoutingRecord) -> tuple[Tensor, Tensor]:
        """Return tokens ``[B, P, N, d]`` and context scores ``[B, P, N]``."""
        attended, scores = self.attention(self.norm_attention(tokens))
        tokens = tokens + self.dropout(attended)
        flat = self.norm_ffn(tokens).flatten(1, 2)
        return tokens + self.ffn(flat, record).view_as(tokens), scores


def unfold(x: Tensor, patch: tuple[int, int, int]) -> Tensor:
    """Part ``[B, d, z, y, x]`` into patches: ``[B, P, N, d]``. The size must be a multiple of the patch."""
    batch, width = x.shape[:2]
    (z, y, x_size), (pz, py, px) = x.shape[2:], patch
    parts = x.reshape(batch, width, z // pz, pz, y // py, py, x_size // px, px)
    return parts.permute(0, 3, 5, 7, 2, 4, 6, 1).reshape(batch, pz * py * px, -1, width)


def fold(tokens: Tensor, size: torch.Size | tuple[int, int, int], patch: tuple[int, int, int]) -> Tensor:
    """Undo ``unfold``: ``[B, P, N, d]`` to ``[B, d, z, y, x]`` with ``size`` being ``(z, y, x)``."""
    batch, width = tokens.shape[0], tokens.shape[-1]
    (z, y, x), (pz, py, px) = size, patch
    parts = tokens.reshape(batch, pz, py, px, z // pz, y // py, x // px, width)
    return parts.permute(0, 7, 4, 1, 5, 2, 6, 3).reshape(batch, width, z, y, x)


def fold_scores(scores: Tensor, size: torch.Size | tuple[int, int, int], patch: tuple[int, int, int]) -> Tensor:
    """Context scores ``[B, P, N]`` as a map ``[B, 1, z, y, x]`` that sums to 1 (each of P places had a sum of 1)."""
    return fold(scores.unsqueeze(-1), size, patch) / scores.shape[1]
