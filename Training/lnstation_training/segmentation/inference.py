"""A network over a whole volume that does not fit through it at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from monai.inferers.utils import sliding_window_inference
from torch import Tensor

OVERLAP = 0.5
"""Of windows, with Gaussian weights, as nnU-Net does (Isensee et al. 2021)."""

_BFLOAT16 = ("bf16-mixed", "bf16-true", "bf16")
"""Lightning's names of it."""


def precision_of(trained_in: str, device: str) -> AbstractContextManager[object]:
    """Context in which a network runs as it was validated during training: bfloat16 where it was trained in it.

    A CPU with AMX takes six times as long in single precision (a whole chest at 4 mm: 9.0 s for 1.4 s of one core).

    Args:
        trained_in: The trainer's precision, in Lightning's words.
        device: ``"cpu"`` or ``"cuda"``.
    """
    if trained_in not in _BFLOAT16:
        return nullcontext()
    return torch.autocast(device.partition(":")[0], torch.bfloat16)


def whole_logits(
    network: Callable[[Tensor], Tensor], channels: Tensor, window: Sequence[int], overlap: float = OVERLAP
) -> Tensor:
    """Logits of a volume, window by window.

    Args:
        network: From ``[B, channel, z, y, x]`` to logits of the same size.
        channels: ``[1, channel, z, y, x]``, on the network's device.
        window: Voxels of a window along z, y, x.
        overlap: Part of a window shared with the next.

    Returns:
        ``[1, class, z, y, x]``.
    """
    with torch.inference_mode():
        found = sliding_window_inference(
            channels, tuple(window), 1, network, overlap, mode="gaussian", padding_mode="replicate"
        )
    return torch.as_tensor(found)


def whole_labels(
    network: Callable[[Tensor], Tensor], channels: Tensor, window: Sequence[int], overlap: float = OVERLAP
) -> Tensor:
    """Class of every voxel, uint8 ``[z, y, x]``; see ``whole_logits``."""
    return whole_logits(network, channels, window, overlap)[0].argmax(0).to(torch.uint8)
