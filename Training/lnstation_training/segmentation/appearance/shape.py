"""The patient's shape: turned, scaled and bent, sampled once into a patch, so that nothing is interpolated twice."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from monai.transforms.transform import MapTransform, RandomizableTransform
from torch import Tensor
from torch.nn import functional

from lnstation_training.segmentation.appearance.base import MM
from lnstation_training.segmentation.appearance.fields import smooth_field
from lnstation_training.segmentation.patients import CT, OUTSIDE, SIXTEEN_BITS
from LNStationLib.sampling.volume import ORGAN_PREFIX


class PatientShape(RandomizableTransform, MapTransform):
    """An affine map and two elastic fields, and the patch that is cut from the middle of a larger box.

    Rotations of some degrees (patients do not lie straight), scales of 0.7 to 1.45 (children to giants, and grids of
    other spacing), fields of 80 and 32 mm cells (scoliosis, raised diaphragms, displaced mediastina, thin vessels).

    Args:
        patch: Voxels along z, y, x of what is returned.
        spacing_mm: Voxel size along z, y, x.
        prob: How often the shape is changed; else the patch is the middle of the box.
        strength: 1 as in the trial that preceded this (rotations up to 10 degrees, fields of 7 and 2.6 mm).
    """

    name: ClassVar[str] = "shape"
    prob_default: ClassVar[float] = 1.0
    reference: ClassVar[str] = "Billot et al. 2023 (SynthSeg, doi 10.1016/j.media.2023.102789): affine and elastic"
    rotations_deg = (10.0, 7.0, 7.0)
    """Largest rotations about x, y and z: nodding, leaning, turning."""
    cells_mm = (80.0, 32.0)
    amplitudes_mm = (7.0, 2.6)
    log_scales = (0.25, 0.125)
    """Largest logarithms of the scale of each axis, and of all together."""

    def __init__(
        self, patch: Sequence[int], spacing_mm: MM, prob: float | None = None, strength: float = 1.0
    ) -> None:
        MapTransform.__init__(self, (CT,), allow_missing_keys=True)
        RandomizableTransform.__init__(self, self.prob_default if prob is None else prob)
        self.patch = tuple(patch)
        self.spacing_mm = spacing_mm
        self.strength = strength

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Every tensor ``[1, z, y, x]`` of a box as a patch; images interpolated, label maps by the nearest voxel."""
        self.randomize(None)
        box: Tensor = data[CT]
        generator = torch.Generator(box.device).manual_seed(int(self.R.randint(2**31)))
        points = self._points(box.device)
        if self._do_transform and self.strength > 0:
            points = self._moved(points, generator)
        shape = torch.tensor(box.shape[1:], device=box.device, dtype=torch.float32)
        grid = ((points + shape / 2) / shape * 2 - 1).flip(-1)[None]
        changed = dict(data)
        for key, value in data.items():
            if isinstance(value, Tensor) and value.dim() == 4:
                changed[key] = _sampled(value, grid, str(key))
        return changed

    def _points(self, device: torch.device) -> Tensor:
        """Voxels of the patch, from the middle of the box: ``[z, y, x, 3]``."""
        axes = [torch.arange(n, device=device, dtype=torch.float32) - (n - 1) / 2 for n in self.patch]
        return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)

    def _moved(self, points: Tensor, generator: torch.Generator) -> Tensor:
        spacing = torch.tensor(self.spacing_mm, device=points.device)
        mm = (points * spacing) @ self._affine().to(points.device).T
        like = torch.zeros(1, *self.patch, device=points.device)
        for cell, amplitude in zip(self.cells_mm, self.amplitudes_mm, strict=True):
            if self.R.rand() < 0.85:
                size = amplitude * float(self.R.uniform(0, 1)) * self.strength
                voxels = [cell / step for step in self.spacing_mm]
                mm = mm + size * torch.stack([smooth_field(like, voxels, generator)[0] for _ in range(3)], -1)
        return mm / spacing

    def _affine(self) -> Tensor:
        """Rotation and scale in mm along z, y, x."""
        angles = [math.radians(limit) * float(self.R.uniform(-1, 1)) * self.strength for limit in self.rotations_deg]
        each, together = (limit * self.strength for limit in self.log_scales)
        whole = float(self.R.uniform(-together, together))
        scales = [math.exp(whole + float(self.R.uniform(-each, each))) for _ in range(3)]
        turned = _rotation(0, 1, angles[0]) @ _rotation(0, 2, angles[1]) @ _rotation(1, 2, angles[2])
        return turned @ torch.diag(torch.tensor(scales))


def _rotation(first: int, second: int, angle: float) -> Tensor:
    """In the plane of two of the axes z, y, x."""
    matrix = torch.eye(3)
    matrix[first, first] = matrix[second, second] = math.cos(angle)
    matrix[first, second], matrix[second, first] = -math.sin(angle), math.sin(angle)
    return matrix


def _sampled(box: Tensor, grid: Tensor, key: str) -> Tensor:
    """A tensor of a box at the grid's points; outside of it there is air, or nothing."""
    if key not in SIXTEEN_BITS and not key.startswith(ORGAN_PREFIX):
        found = functional.grid_sample(box[None].float(), grid, "nearest", "zeros", align_corners=False)
        return found[0].to(box.dtype)
    outside = OUTSIDE.get(key, 0)
    found = functional.grid_sample(box[None].float() - outside, grid, "bilinear", "zeros", align_corners=False)
    return found[0] + outside
