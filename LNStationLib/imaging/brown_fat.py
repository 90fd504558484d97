"""Brown fat that takes up FDG: hot fat on both sides, in which a hot spot is no node.

A depot is fat on CT with an SUVmax of at least 2 and a diameter above 4 mm (Cypess et al. 2009,
doi:10.1056/NEJMoa0810780). Fat also looks hot around a hot node, by the blur of the PET: there the hottest part is
soft tissue. What tells brown fat is that it lies on both sides alike: above the clavicles, beside the spine (Cypess
et al.; BARCIST 1.0, Chen et al. 2016, doi:10.1016/j.cmet.2016.07.014).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cc3d
import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy.ndimage import binary_dilation
from scipy.spatial.distance import cdist

from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import covers, indices_of, like, points_mm
from LNStationLib.support.types import FloatArray, InstanceArray

LEAST_SUV = 2.0
_FAT_HU = (-190.0, -30.0)
"""The usual range of fat on CT; BARCIST goes up to -10, where muscle's partial volume begins."""
_HOTTEST = 0.7
"""Part of a depot's SUVmax from which on its voxels count as its hottest part."""
_LEAST_FAT = 0.4
"""Part of the hottest part that must be fat on CT: depots lie between muscles, and a node of 8 mm fills it."""
_SUBPOINTS = 3
"""CT is looked up at so many points along each edge of a voxel of PET."""
_LEAST_DEPOT_ML = 0.1
"""A ball of 5.8 mm, about the resolution of PET; Cypess et al. ask for more than 4 mm."""
_MIRRORED_WITHIN_MM = 30.0
"""How far from its mirror image the depot of the other side may lie."""
_LEAST_PAIRED_ML = 1.0
"""On the side that has less of it: the blur of a node of 5 mm is smaller."""
_GROWN_VOXELS = 1
"""A node's outline and a depot's may miss each other by the size of a voxel of PET."""

Points = npt.NDArray[np.floating]
MiddleAt = Callable[[float], float]
"""LPS x of the patient's midline at an LPS z, both in mm."""


@dataclass(frozen=True)
class BrownFat:
    """Active brown fat of a patient.

    Attributes:
        mask: uint8 on the PET's grid, grown by a voxel.
        volume_ml: Of the depots.
        suv_max: In them.
    """

    mask: sitk.Image
    volume_ml: float
    suv_max: float

    def holds(self, points: Points) -> bool:
        """Whether at least half of some LPS points ``(n, 3)`` in mm lie in it."""
        at = np.rint(indices_of(self.mask, points)).astype(int)
        values = array_view(self.mask)
        inside = ((at >= 0) & (at < values.shape)).all(axis=1)
        return bool(values[tuple(at[inside].T)].sum() >= len(points) / 2)


def brown_fat(ct: sitk.Image, pet: sitk.Image, middle_at: MiddleAt) -> BrownFat | None:
    """Find active brown fat.

    Args:
        ct: Hounsfield units.
        pet: SUVbw of FDG.
        middle_at: Gives the patient's midline.

    Returns:
        All hot fat of a patient in whom it lies on both sides alike; ``None`` where it does not.
    """
    suv = array_view(pet)
    depots = _depots(suv, ct, pet)
    sizes = np.bincount(depots.ravel())[1:] * _voxel_ml(pet)
    if not len(sizes) or not _is_paired(_centers_mm(depots, pet), sizes, middle_at):
        return None
    mask = depots > 0
    grown = binary_dilation(mask, iterations=_GROWN_VOXELS).astype(np.uint8)
    return BrownFat(like(grown, pet), float(sizes.sum()), float(suv[mask].max()))


def _voxel_ml(image: sitk.Image) -> float:
    return float(np.prod(image.GetSpacing())) / 1000


def _depots(suv: FloatArray, ct: sitk.Image, pet: sitk.Image) -> InstanceArray:
    """Connected hot voxels whose hottest part is fat, numbered, without specks."""
    parts = cc3d.connected_components(suv >= LEAST_SUV, connectivity=26)
    sizes = np.bincount(parts.ravel())
    highest = np.zeros(len(sizes), suv.dtype)
    np.maximum.at(highest, parts.ravel(), suv.ravel())
    index = np.argwhere((parts > 0) & (suv >= _HOTTEST * highest[parts]))
    owner = parts[tuple(index.T)]
    fat = np.bincount(owner, _fat_share(index, ct, pet), len(sizes)) / np.maximum(
        np.bincount(owner, minlength=len(sizes)), 1
    )
    kept = (sizes * _voxel_ml(pet) >= _LEAST_DEPOT_ML) & (fat >= _LEAST_FAT)
    kept[0] = False
    return np.asarray((np.cumsum(kept) * kept)[parts].astype(np.uint16))


def _fat_share(index: npt.NDArray[np.integer], ct: sitk.Image, pet: sitk.Image) -> FloatArray:
    """Part of each voxel of PET that is fat on CT; what lies outside the CT is none."""
    share = np.zeros(len(index))
    steps = (np.arange(_SUBPOINTS) + 0.5) / _SUBPOINTS - 0.5
    values, size = array_view(ct), np.array(ct.GetSize())[::-1]
    for offset in np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3):
        at = indices_of(ct, points_mm(pet, index + offset))
        inside = covers(ct, at)
        at = np.clip(np.rint(at), 0, size - 1).astype(int)
        hu = values[tuple(at.T)]
        share += inside & (hu >= _FAT_HU[0]) & (hu <= _FAT_HU[1])
    return share / _SUBPOINTS**3


def _centers_mm(depots: InstanceArray, pet: sitk.Image) -> Points:
    at = [np.argwhere(depots == number).mean(axis=0) for number in range(1, int(depots.max()) + 1)]
    return points_mm(pet, np.array(at))


def _is_paired(centers_mm: Points, sizes_ml: FloatArray, middle_at: MiddleAt) -> bool:
    """Whether enough of the depots have one on the other side, near their mirror image."""
    middle_mm = np.array([middle_at(float(z)) for z in centers_mm[:, 2]])
    on_left = centers_mm[:, 0] >= middle_mm
    mirrored = centers_mm.copy()
    mirrored[:, 0] = 2 * middle_mm - centers_mm[:, 0]
    near = (cdist(mirrored, centers_mm) <= _MIRRORED_WITHIN_MM) & (on_left[:, None] != on_left[None, :])
    paired_ml = sizes_ml * near.any(axis=1)
    return bool(min(paired_ml[on_left].sum(), paired_ml[~on_left].sum()) >= _LEAST_PAIRED_ML)
