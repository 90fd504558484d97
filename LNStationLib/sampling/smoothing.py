"""The part of a CT around a grid, smoothed where the grid is coarser, so that noise does not alias."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from LNStationLib.imaging.grid import Grid

_SMOOTHING_SIGMA_VOXELS = 0.42
"""Of the filter before resampling to a coarser grid, in voxels of that grid: the Gaussian whose full width at half
maximum, 2.355 sigma, is one voxel, as a slice's own profile."""
_SMOOTH_FROM_RATIO = 1.5
"""Target spacing over own spacing from which noise would alias visibly."""
_MIN_VOXELS_TO_SMOOTH = 4
"""What SimpleITK's recursive Gaussian filter needs along an axis."""
_MARGIN_VOXELS = 2
"""Around a region, so that interpolation and smoothing at its border see real neighbors."""


def smoothed_part(ct: sitk.Image, grid: Grid) -> sitk.Image:
    """The part of ``ct`` around ``grid``, smoothed along axes that lose resolution, so that noise does not alias."""
    part = _part_around(ct, grid)
    # Axis of the patient that each image axis runs along most.
    axes = np.abs(np.array(ct.GetDirection()).reshape(3, 3)).argmax(axis=0)
    for image_axis, patient_axis in enumerate(axes):
        step, own = grid.spacing_mm[2 - int(patient_axis)], ct.GetSpacing()[image_axis]
        if step > _SMOOTH_FROM_RATIO * own and part.GetSize()[image_axis] >= _MIN_VOXELS_TO_SMOOTH:
            part = sitk.RecursiveGaussian(
                sitk.Cast(part, sitk.sitkFloat32), sigma=_SMOOTHING_SIGMA_VOXELS * step, direction=image_axis
            )
    return sitk.Cast(part, sitk.sitkFloat32)


def _part_around(ct: sitk.Image, grid: Grid) -> sitk.Image:
    """Crop to the box of ``grid`` with a margin; the whole image where they do not meet."""
    ends = [(-float(_MARGIN_VOXELS), count - 1.0 + _MARGIN_VOXELS) for count in grid.shape]
    corners = [grid.point_mm((z, y, x)) for z in ends[0] for y in ends[1] for x in ends[2]]
    indices = np.array([ct.TransformPhysicalPointToContinuousIndex(corner) for corner in corners])
    low = np.maximum(np.floor(indices.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(indices.max(axis=0)).astype(int) + 1, np.array(ct.GetSize()))
    if (high <= low).any():
        return ct
    return sitk.RegionOfInterest(ct, [int(n) for n in high - low], [int(n) for n in low])
