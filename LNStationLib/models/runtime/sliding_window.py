"""Whole volumes by a network that sees one window at a time, by MONAI's inferer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from LNStationLib.models.runtime.runner import NetworkRunner
from LNStationLib.support.progress import Progress, silent
from LNStationLib.support.types import FloatArray

if TYPE_CHECKING:
    import torch

SCALED_AIR = -1.0
"""Lower end of the HU window in a scaled channel."""


@dataclass(frozen=True)
class Windows:
    """How a volume is divided.

    Attributes:
        size: Voxels of a window along z, y, x.
        overlap: Part of a window that it shares with the next; half, as nnU-Net (Isensee et al. 2021) does.
        blending: ``"gaussian"`` trusts the middle of a window most, ``"constant"`` averages.
        per_pass: Windows of one pass through the network.
    """

    size: tuple[int, int, int]
    overlap: float = 0.5
    blending: Literal["gaussian", "constant"] = "gaussian"
    per_pass: int = 1

    def count(self, shape: Sequence[int]) -> int:
        """Number of windows for a volume of ``shape`` voxels along z, y, x."""
        return math.prod(self._count_along(n, window) for n, window in zip(shape, self.size, strict=True))

    def _count_along(self, n: int, window: int) -> int:
        step = max(int(window * (1 - self.overlap)), 1)
        return math.ceil(max(n - window, 0) / step) + 1


def predict_volume(
    runner: NetworkRunner,
    volume: FloatArray,
    windows: Windows,
    progress: Progress = silent,
    outside: float = SCALED_AIR,
) -> FloatArray:
    """Ask a network of volumes, whose output has the size of its input, about a volume of any size.

    Args:
        runner: Its network gives ``[B, class, z, y, x]`` for ``[B, channel, z, y, x]``.
        volume: float32 ``[channel, z, y, x]``.
        windows: How it is divided.
        progress: Told before every pass; may raise ``CancelledError``, which ends it between two windows.
        outside: Value around a volume that is smaller than a window.

    Returns:
        float32 ``[class, z, y, x]`` on the grid of ``volume``: the network's output, blended where windows overlap.

    Raises:
        PackageError: The network does not take the windows.
        InputError: The device's memory does not suffice.
    """
    import torch
    from monai.inferers.inferer import SlidingWindowInferer

    n_windows = windows.count(volume.shape[1:])
    done = 0

    def ask(batch: torch.Tensor) -> torch.Tensor:
        nonlocal done
        progress("running the network window by window", done / n_windows)
        done += len(batch)
        return torch.from_numpy(runner.run(batch.numpy())[0])

    # Windows are cut and blended on the CPU: a whole scan with many classes does not fit on a small GPU.
    inferer = SlidingWindowInferer(
        windows.size, windows.per_pass, windows.overlap, mode=windows.blending, cval=outside, device="cpu"
    )
    with torch.inference_mode():
        answer = inferer(torch.from_numpy(np.ascontiguousarray(volume))[None], ask)
    progress("running the network window by window", 1.0)
    whole: FloatArray = answer[0].numpy()
    return whole
