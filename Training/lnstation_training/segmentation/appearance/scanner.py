"""The scanner: motion, kernels, thick slices, dose, and the field of view."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lnstation_training.segmentation.appearance.base import HEART, Appearance, mask_of, replaced
from lnstation_training.segmentation.appearance.fields import blurred, coordinates
from lnstation_training.segmentation.patients import AIR_HU, CT, NODE_KINDS, ORGANS, SIGNIFICANT, STATIONS
from LNStationLib.sampling.volume import ORGAN_PREFIX

_BARRETT = "Barrett and Keat 2004 (artifacts in CT, doi 10.1148/rg.246045065)"
_BOEDEKER = "Boedeker et al. 2007 (noise power spectra of kernels, doi 10.1088/0031-9155/52/14/002)"
_CLINICAL = "1 to 8 mm slices are read; noise follows dose and kernel"


def shifted_in_plane(ct: Tensor, dy: float, dx: float) -> Tensor:
    """A patch moved by whole voxels, edges repeated."""
    y, x = round(dy), round(dx)
    pad = functional.pad(ct, (max(x, 0), max(-x, 0), max(y, 0), max(-y, 0), 0, 0), mode="replicate")
    height, width = ct.shape[2:]
    return pad[:, :, max(-y, 0) : max(-y, 0) + height, max(-x, 0) : max(-x, 0) + width]


def thick(ct: Tensor, slices: int) -> Tensor:
    """Slices as thick as so many of the patch's, interpolated between their centers."""
    pooled = functional.avg_pool3d(ct[None], (slices, 1, 1), ceil_mode=True, count_include_pad=False)
    whole = functional.interpolate(pooled, scale_factor=(slices, 1, 1), mode="trilinear", align_corners=False)
    return whole[0, :, : ct.shape[1]]


class Motion(Appearance):
    """The heart's double contours and the steps of breathing."""

    name, prob_default, reference = "motion", 0.3, _BARRETT

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        near = blurred(mask_of(organs, (*HEART, "ascending_aorta", "pulmonary_trunk")).to(ct), self.voxels(6.0))
        move = [self.normal(0, 3.0) / step for step in self.spacing_mm[1:]]
        ghost = shifted_in_plane(ct, move[0], move[1])
        bands = torch.sigmoid(2 * self.field(ct, 12.0).mean((2, 3), keepdim=True) * 8)
        return {CT: replaced(ct, near * bands * self.uniform(0.3, 0.8) * self.strength, ghost)}


class Kernel(Appearance):
    """A softer or a sharper reconstruction kernel."""

    name, prob_default, reference = "kernel", 0.6, _BOEDEKER

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        soft = blurred(ct, self.voxels(self.uniform(0.6, 1.8)))
        amount = 1.0 if self.happens(0.65) else -self.uniform(0.2, 1.0)
        return {CT: replaced(ct, torch.full_like(ct, amount * self.strength), soft)}


class ThickSlices(Appearance):
    """Slices of 3 to 8 mm."""

    name, prob_default, reference = "thick_slices", 0.4, _CLINICAL

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        slices = max(1, round(self.uniform(3, 8) / self.spacing_mm[0]))
        return {CT: replaced(ct, torch.full_like(ct, self.strength), thick(ct, slices))}


class Noise(Appearance):
    """Noise of up to 45 HU, rarely 100 HU as in low dose, correlated as kernels make it, with streaks along x."""

    name, prob_default, reference = "noise", 0.95, _BOEDEKER

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        noise = torch.randn(ct.shape, device=ct.device, dtype=ct.dtype, generator=self.generator)
        if self.happens(0.6):
            noise = blurred(noise, self.voxels(self.uniform(1.0, 1.8)))
        if self.happens(0.3):
            noise = noise + blurred(noise, (0.0, 0.0, self.uniform(2, 8)))
        sd = (100 if self.happens(0.08) else 45) * self.uniform(0, 1) ** 1.5
        return {CT: ct + noise / noise.std().clamp_min(1e-6) * sd * self.strength}


class FieldOfView(Appearance):
    """A scan that ends in the chest, or a reconstruction that is smaller than the body; what is cut is not there."""

    name, prob_default, reference = "field_of_view", 0.35, _CLINICAL
    padding_hu = (AIR_HU, -1024, -2000, -3024)
    """What scanners write outside of the reconstruction."""

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Also cuts whatever other maps of the patch there are."""
        maps = (STATIONS, NODE_KINDS, SIGNIFICANT)
        self._others = {str(key): data[key] for key in data if key in maps or str(key).startswith(ORGAN_PREFIX)}
        return super().__call__(data)

    def change(self, ct: Tensor, organs: Tensor) -> dict[str, Tensor]:
        """See the class."""
        seen = self._round(ct) if self.happens(0.3) else self._box(ct)
        outside = float(self.padding_hu[int(self.R.randint(len(self.padding_hu)))])
        cut = {key: value * seen.to(value.dtype) for key, value in self._others.items()}
        return {CT: torch.where(seen, ct, outside), ORGANS: organs * seen.to(organs.dtype), **cut}

    def _box(self, ct: Tensor) -> Tensor:
        """Ends in the patch along one axis or more."""
        seen = torch.ones_like(ct, dtype=torch.bool)
        for axis in range(3):
            n = ct.shape[axis + 1]
            low, high = (round(n * self.uniform(0, 0.25) * self.happens(0.5) * self.strength) for _ in range(2))
            place = coordinates(ct, axis)
            seen = seen & (place >= low) & (place < n - high)
        return seen

    def _round(self, ct: Tensor) -> Tensor:
        """A circle in the plane, as reconstructions are."""
        _, _, height, width = ct.shape
        radius = self.uniform(0.42, 0.6) * max(height, width) / max(self.strength, 1e-3)
        y = coordinates(ct, 1) - height * self.uniform(0.4, 0.6)
        x = coordinates(ct, 2) - width * self.uniform(0.4, 0.6)
        return (x * x + y * y < radius**2).expand_as(ct)
