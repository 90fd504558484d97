"""Random changes of whole batches in training, on the device that holds them.

MONAI's random transforms take one item after another: 20 ms each on one core, more than a small network needs for its
step. Here all items of a batch that move are resampled at once, by MONAI's ``AffineTransform``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from monai.networks.layers.spatial_transforms import AffineTransform
from torch import Tensor

from LNStationLib.support.types import FloatArray

_AXES = 3
_CONTROL_POINTS = 5
"""Of an elastic change along each axis: a quarter of a patch bends one way."""


@dataclass(frozen=True)
class Changes:
    """How far and how often an item is changed; each change is drawn for every item anew. Triples are along z, y, x.

    Attributes:
        flip_axes: Axes of ``[z, y, x]`` along which items are flipped.
        rotation_deg: Largest rotation in the axial plane.
        scaling: Largest relative change of size in the axial plane.
        shift_voxels: Largest shift.
        noise_sd: Largest standard deviation of Gaussian noise.
        intensity_scaling: Largest relative change of all values.
        intensity_shift: Largest shift of all values.
        flip: Probability of a flip along each axis.
        affine: Probability of a rotation, scaling and shift.
        intensity: Probability of noise, of scaling and of shifting the values.
        elastic_voxels: Standard deviation of the displacements of an elastic change, at ``_CONTROL_POINTS`` along
            each axis; 0 leaves it out.
        elastic: Probability of it.
    """

    flip_axes: tuple[int, ...]
    rotation_deg: float
    scaling: float
    shift_voxels: tuple[float, float, float]
    noise_sd: float
    intensity_scaling: float
    intensity_shift: float
    flip: float = 0.5
    affine: float = 0.5
    intensity: float = 0.5
    elastic_voxels: float = 0.0
    elastic: float = 0.5


class BatchAugmentation:
    """Draws and applies changes.

    What is drawn follows from the seed alone; noise also from the kind of device.
    """

    def __init__(self, changes: Changes, seed: int = 0) -> None:
        self.changes = changes
        self.resample = AffineTransform(mode="bilinear", padding_mode="border", zero_centered=True)
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Begin anew with a seed."""
        self.random = np.random.RandomState(seed % 2**32)

    def moved(self, batch: Tensor) -> Tensor:
        """Flip, rotate, scale, shift and bend ``[B, C, z, y, x]``, all channels of an item alike."""
        changes, moved = self.changes, batch.clone()
        for axis in changes.flip_axes:
            rows = self._chosen(moved, changes.flip)
            moved[rows] = moved[rows].flip(axis + 2)
        rows = self._chosen(moved, changes.affine)
        if len(rows):
            matrices = torch.from_numpy(np.stack([self._matrix() for _ in rows]))
            moved[rows] = self.resample(moved[rows], matrices.to(batch))
        rows = self._chosen(moved, changes.elastic) if changes.elastic_voxels else rows[:0]
        if len(rows):
            moved[rows] = self._bent(moved[rows])
        return moved

    def _bent(self, batch: Tensor) -> Tensor:
        """Displace the voxels of ``[B, C, z, y, x]`` smoothly; what comes from beyond the border is the border's."""
        size, count = batch.shape[2:], len(batch)
        points = (count, _AXES, *[_CONTROL_POINTS] * _AXES)
        drawn = torch.from_numpy(self.random.normal(0, self.changes.elastic_voxels, points)).to(batch)
        smooth = torch.nn.functional.interpolate(drawn, size=size, mode="trilinear", align_corners=True)
        # From voxels to the [-1, 1] of ``grid_sample``, whose axes are x, y, z.
        unit = batch.new_tensor([2 / max(n - 1, 1) for n in reversed(size)])
        identity = torch.eye(_AXES, _AXES + 1).to(batch).expand(count, -1, -1)
        grid = torch.nn.functional.affine_grid(identity, list(batch.shape), align_corners=True)
        return torch.nn.functional.grid_sample(
            batch, grid + smooth.movedim(1, -1) * unit, padding_mode="border", align_corners=True
        )

    def brightened(self, batch: Tensor) -> Tensor:
        """Add noise to ``[B, C, z, y, x]``, scale and shift its values; they stay in [-1, 1]."""
        changes, count = self.changes, len(batch)
        noise = self._sometimes(count, changes.intensity) * self.random.uniform(0, changes.noise_sd, count)
        factor = 1 + self._sometimes(count, changes.intensity) * self._about_zero(changes.intensity_scaling, count)
        offset = self._sometimes(count, changes.intensity) * self._about_zero(changes.intensity_shift, count)
        generator = torch.Generator(batch.device).manual_seed(int(self.random.randint(2**31)))
        drawn = torch.empty_like(batch).normal_(generator=generator)
        changed = (batch + _each(noise, batch) * drawn) * _each(factor, batch) + _each(offset, batch)
        return changed.clamp(-1, 1)

    def _matrix(self) -> FloatArray:
        """From the voxels of the changed item to those of the item, both from its center: ``[4, 4]``."""
        changes, matrix = self.changes, np.eye(_AXES + 1)
        angle = np.deg2rad(self._about_zero(changes.rotation_deg))
        matrix[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        matrix[1:3, 1:3] *= 1 + self._about_zero(changes.scaling, 2)
        matrix[:_AXES, _AXES] = self._about_zero(1.0, _AXES) * changes.shift_voxels
        return matrix

    def _chosen(self, batch: Tensor, probability: float) -> Tensor:
        """Rows of a batch that a change falls on, int64 on its device."""
        return torch.from_numpy(np.flatnonzero(self._sometimes(len(batch), probability))).to(batch.device)

    def _sometimes(self, count: int, probability: float) -> FloatArray:
        chosen: FloatArray = (self.random.rand(count) < probability).astype(float)
        return chosen

    def _about_zero(self, most: float, size: int | None = None) -> FloatArray:
        drawn: FloatArray = self.random.uniform(-most, most, size)
        return drawn


def _each(values: Sequence[float] | FloatArray, batch: Tensor) -> Tensor:
    """A value for every item of a batch ``[B, C, z, y, x]``."""
    return torch.as_tensor(np.asarray(values)).to(batch).view(-1, *[1] * (batch.ndim - 1))
