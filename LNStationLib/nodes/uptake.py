"""Uptake of a region in PET: SUVmax, SUVmean and SUVpeak."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy.ndimage import map_coordinates

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import covers, indices_of, points_mm, spacing_zyx
from LNStationLib.support.types import FloatArray, PointMm

PEAK_RADIUS_MM = (3 * 1000 / (4 * np.pi)) ** (1 / 3)
"""Radius of a sphere of 1 cm3."""
_PEAK_GRID_MM = 1.0
"""Step of the search for the peak; finer than any PET voxel."""
_FULL_COVER_FRACTION = 0.99
"""A fraction from here on is full coverage but for rounding at the rim."""


@dataclass(frozen=True)
class Samples:
    """PET values in a region of the CT grid, each region voxel weighing the same.

    Attributes:
        suv: Value of the PET voxel at every sample that PET covers.
        points: LPS points ``(n, 3)`` of those samples in mm as x, y, z.
        covered_fraction: Part of the region that PET covers, in [0, 1].
    """

    suv: FloatArray
    points: FloatArray
    covered_fraction: float

    @property
    def fully_covered(self) -> bool:
        """True where PET covers (all but a rim of rounding of) the region."""
        return self.covered_fraction >= _FULL_COVER_FRACTION

    def hottest(self) -> tuple[float, PointMm] | None:
        """SUVmax and its LPS point in mm, or ``None`` where PET covers nothing of the region."""
        if self.suv.size == 0:
            return None
        at = int(self.suv.argmax())
        x, y, z = (float(value) for value in self.points[at])
        return float(self.suv[at]), (x, y, z)


@dataclass(frozen=True)
class Uptake:
    """Uptake of one region in SUVbw; all ``None`` where PET does not cover the whole region.

    Attributes:
        suv_max: Highest PET voxel value, not interpolated.
        suv_mean: Mean over the region.
        suv_peak: Highest mean in a 1 cm3 sphere centered in the region (PERCIST, Wahl et al. 2009,
            doi:10.2967/jnumed.108.057307); ``None`` also where no such sphere lies wholly in the PET.
        covered_fraction: Part of the region that PET covers.
    """

    suv_max: float | None
    suv_mean: float | None
    suv_peak: float | None
    covered_fraction: float


def sample_pet(pet: sitk.Image, image: sitk.Image, indices: npt.NDArray[np.integer]) -> Samples:
    """Read the PET voxels that lie in some voxels of ``image``, by nearest neighbor.

    Voxels larger than those of the PET are sampled at several points, so that no PET voxel inside is missed.

    Args:
        pet: SUVbw on its own grid.
        image: Image whose grid the indices belong to.
        indices: Array indices ``(n, 3)`` as z, y, x.
    """
    points = points_mm(image, _subdivided(indices, image, pet))
    at = indices_of(pet, points)
    inside = covers(pet, at)
    shape = np.array(pet.GetSize())[::-1]
    nearest = np.clip(np.floor(at[inside] + 0.5).astype(int), 0, shape - 1)
    suv = array_view(pet)[tuple(nearest.T)]
    fraction = float(inside.mean()) if inside.size else 0.0
    return Samples(np.asarray(suv, float), points[inside], fraction)


def _subdivided(indices: npt.NDArray[np.integer], image: sitk.Image, pet: sitk.Image) -> FloatArray:
    parts = [int(np.ceil(step / min(pet.GetSpacing()) - 1e-6)) for step in spacing_zyx(image)]
    offsets = [(np.arange(n) + 0.5) / n - 0.5 for n in parts]
    return np.concatenate([indices + np.array(offset) for offset in product(*offsets)])


def measure_uptake(pet: sitk.Image, image: sitk.Image, indices: npt.NDArray[np.integer]) -> Uptake:
    """Uptake of a region given by voxels of ``image``.

    Args:
        pet: SUVbw on its own grid.
        image: Image whose grid the indices belong to.
        indices: Array indices ``(n, 3)`` of the region as z, y, x; at least one.
    """
    samples = sample_pet(pet, image, indices)
    if not samples.fully_covered:
        return Uptake(None, None, None, samples.covered_fraction)
    peak = suv_peak(pet, points_mm(image, indices))
    return Uptake(float(samples.suv.max()), float(samples.suv.mean()), peak, samples.covered_fraction)


def suv_peak(pet: sitk.Image, points: FloatArray) -> float | None:
    """Highest mean SUV in a 1 cm3 sphere centered at one of ``points``.

    Args:
        pet: SUVbw.
        points: LPS points ``(n, 3)`` in mm as x, y, z.

    Returns:
        The peak, or ``None`` where every such sphere reaches beyond the PET.
    """
    low = points.min(axis=0) - PEAK_RADIUS_MM - 2 * _PEAK_GRID_MM
    high = points.max(axis=0) + PEAK_RADIUS_MM + 2 * _PEAK_GRID_MM
    ticks = [np.arange(a, b + _PEAK_GRID_MM, _PEAK_GRID_MM) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1)
    at = indices_of(pet, grid.reshape(-1, 3))
    inside = covers(pet, at).reshape(grid.shape[:3])
    suv = map_coordinates(array_view(pet), at.T, order=1, mode="nearest").reshape(grid.shape[:3])
    # Imported here: it takes a second, a third of the start of every command, and is needed with PET alone.
    from scipy.signal import fftconvolve

    sphere = _sphere_kernel(PEAK_RADIUS_MM / _PEAK_GRID_MM)
    means = fftconvolve(np.asarray(suv, float), sphere, mode="same")
    at = ((points - low) / _PEAK_GRID_MM).T
    if not inside.all():
        covered = fftconvolve(inside.astype(float), sphere, mode="same") >= _FULL_COVER_FRACTION
        at = at[:, covered[tuple(np.round(at).astype(int))]]
    return float(map_coordinates(means, at, order=1).max()) if at.size else None


@cache
def _sphere_kernel(radius: float) -> FloatArray:
    """Weights, summing to 1, of the share of each voxel within ``radius`` voxels of the center; not to be changed."""
    fine = 5
    reach = int(np.ceil(radius - 0.5))
    ticks = (np.arange((2 * reach + 1) * fine) + 0.5) / fine - reach - 0.5
    z, y, x = np.meshgrid(ticks, ticks, ticks, indexing="ij", sparse=True)
    inside = (z**2 + y**2 + x**2 <= radius**2).astype(float)
    n = 2 * reach + 1
    weights = inside.reshape(n, fine, n, fine, n, fine).mean(axis=(1, 3, 5))
    return np.asarray(weights / weights.sum())
