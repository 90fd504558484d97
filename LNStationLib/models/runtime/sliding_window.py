"""Whole volumes by a network that sees one window at a time, with as few voxels computed as the volume needs.

MONAI's and nnU-Net's inferers step by a fixed part of a patch and so compute voxels of a chest up to eight times.
Here windows are as large as memory allows and never smaller than the patch of training, whose statistics instance
normalization has learned: on a real CT, smaller windows cost 0.07 of Dice, larger ones nothing (docs/networks.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from LNStationLib.support.progress import Progress, silent
from LNStationLib.support.types import FloatArray

if TYPE_CHECKING:
    import torch

MIN_OVERLAP = 0.25
"""Least part of a patch that neighbors share."""
WINDOW_MULTIPLE = 16
"""Voxels. Strides of five levels divide it, so that no window is padded inside of the network."""
_GAUSSIAN_SIGMA = 1 / 8
"""Of a window's weight, as part of its length; nnU-Net's (Isensee et al. 2021)."""

Window = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Tiling:
    """How a volume is divided. Triples are along z, y, x.

    Attributes:
        shape: Voxels of the volume.
        size: Voxels of every window; where the volume is smaller along an axis, it is filled up.
        starts: First voxels of windows along each axis.
    """

    shape: tuple[int, int, int]
    size: tuple[int, int, int]
    starts: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]

    @property
    def count(self) -> int:
        """Number of windows."""
        return math.prod(len(starts) for starts in self.starts)

    @property
    def padded(self) -> tuple[int, int, int]:
        """Voxels of the volume once it is filled up to a window."""
        z, y, x = (max(n, window) for n, window in zip(self.shape, self.size, strict=True))
        return z, y, x

    def windows(self) -> Iterator[tuple[Window, tuple[FloatArray, FloatArray, FloatArray]]]:
        """Every window, and its weights along z, y and x; the weights of all windows add up to 1 in every voxel."""
        weights = [self._weights(axis) for axis in range(3)]
        for z, y, x in product(*(range(len(starts)) for starts in self.starts)):
            first = (self.starts[0][z], self.starts[1][y], self.starts[2][x])
            a, b, c = (slice(start, start + size) for start, size in zip(first, self.size, strict=True))
            yield (a, b, c), (weights[0][z], weights[1][y], weights[2][x])

    def _weights(self, axis: int) -> list[FloatArray]:
        """Weights of each window along an axis: a Gaussian over the sum of all windows' Gaussians."""
        size, starts = self.size[axis], self.starts[axis]
        bell = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / (_GAUSSIAN_SIGMA * size)) ** 2)
        total = np.zeros(self.padded[axis])
        for start in starts:
            total[start : start + size] += bell
        return [(bell / total[start : start + size]).astype(np.float32) for start in starts]


def fitted_tiling(shape: Sequence[int], patch: Sequence[int], max_voxels: int) -> Tiling:
    """The windows that cover a volume with the fewest voxels computed, each at least a patch in size.

    Args:
        shape: Voxels of the volume along z, y, x.
        patch: Voxels that the network was trained on.
        max_voxels: Of one window, by the memory that there is; a patch is allowed in any case.
    """
    axes = [_choices(n, p) for n, p in zip(shape, patch, strict=True)]
    # Their last choices are windows of a patch.
    most = max(max_voxels, math.prod(sizes[-1][1] for sizes in axes))
    fitting = [choice for choice in product(*axes) if math.prod(size for _, size in choice) <= most]
    best = min(fitting, key=lambda choice: (math.prod(count * size for count, size in choice), choice))
    starts = [_starts(n, count, size) for n, (count, size) in zip(shape, best, strict=True)]
    z, y, x = (int(n) for n in shape)
    return Tiling((z, y, x), (best[0][1], best[1][1], best[2][1]), (starts[0], starts[1], starts[2]))


def _choices(n: int, patch: int) -> list[tuple[int, int]]:
    """Possible numbers of windows along an axis, each with its size: from one for all to those of a patch."""
    overlap = int(patch * MIN_OVERLAP)
    most = max(math.ceil((n - overlap) / (patch - overlap)), 1)
    sizes = [max(math.ceil((n + (count - 1) * overlap) / count), patch) for count in range(1, most + 1)]
    return [(place + 1, math.ceil(size / WINDOW_MULTIPLE) * WINDOW_MULTIPLE) for place, size in enumerate(sizes)]


def _starts(n: int, count: int, size: int) -> tuple[int, ...]:
    """First voxels of windows, evenly spread."""
    last = max(n - size, 0)
    return tuple(sorted({round(number * last / max(count - 1, 1)) for number in range(count)}))


def predict_volume(
    ask: Callable[[FloatArray], torch.Tensor],
    volume: FloatArray,
    tiling: Tiling,
    n_classes: int,
    outside: Sequence[float],
    progress: Progress = silent,
) -> np.ndarray:
    """Ask a network about a volume of any size, window by window.

    Args:
        ask: From one window, float32 ``[1, channel, z, y, x]``, to probabilities ``[class, z, y, x]`` on the CPU,
            which may be changed afterwards.
        volume: float32 ``[channel, z, y, x]``.
        tiling: How it is divided.
        n_classes: Of the network.
        outside: Value of each channel beyond the volume, where that is smaller than a window.
        progress: Told before every window; may raise ``CancelledError``, which ends it between two windows.

    Returns:
        float16 ``[class, z, y, x]`` on the grid of ``volume``: probabilities, blended where windows overlap.
    """
    import torch

    missing = [after - n for after, n in zip(tiling.padded, tiling.shape, strict=True)]
    if any(missing):
        ends = [(0, n) for n in missing]
        volume = np.stack(
            [np.pad(part, ends, constant_values=value) for part, value in zip(volume, outside, strict=True)]
        )
    with torch.inference_mode():
        whole = _blended(ask, volume, tiling, n_classes, progress)
    progress("running the network window by window", 1.0)
    z, y, x = tiling.shape
    found: np.ndarray[Any, Any] = whole[:, :z, :y, :x].numpy()
    return found


def _blended(
    ask: Callable[[FloatArray], torch.Tensor],
    volume: FloatArray,
    tiling: Tiling,
    n_classes: int,
    progress: Progress,
) -> torch.Tensor:
    """The weighted sum of all windows' answers."""
    import torch

    # Half precision: 42 classes of a large chest take 0.4 GB. Up to eight terms add up to at most 1 in each voxel.
    whole = torch.zeros((n_classes, *tiling.padded), dtype=torch.float16)
    for number, (window, weights) in enumerate(tiling.windows()):
        progress("running the network window by window", number / tiling.count)
        answer = ask(np.ascontiguousarray(volume[(slice(None), *window)])[None])
        for weight, shape in zip(weights, ((-1, 1, 1), (-1, 1), (-1,)), strict=True):
            if (weight != 1).any():  # One window along an axis has all the weight there.
                answer *= torch.from_numpy(weight.reshape(shape))
        # Class by class: of all at once, in two precisions, torch takes about twice as long for the same sum.
        for part, more in zip(whole[(slice(None), *window)], answer, strict=True):
            part += more
    return whole
