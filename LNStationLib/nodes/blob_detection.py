"""Round blobs of an image by place and scale (Lindeberg 1998, doi:10.1023/A:1008045108935)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import laplace, maximum_filter

from LNStationLib.support.progress import Progress
from LNStationLib.support.types import BoolArray, FloatArray

SPACING_MM = 1.5
"""Voxel edge of the images searched."""

RADII_MM = (2.5, 3.5, 4.75, 6.5, 9.0, 12.0)
"""Short axes of 5 to 24 mm, each about a third larger than the one before."""
_SMALLEST_CONTRAST_HU = 50.0
"""Least contrast of a node to what surrounds it. Chosen in development; no published source."""
_SMALLEST_ROUNDNESS = 0.35
"""Least over greatest curvature at the center: 1 in a ball, 0 along a tube."""
_RADIUS_PER_SIGMA = 3**0.5
"""A ball answers most strongly to the Laplacian of a Gaussian of this fraction of its radius."""


@dataclass(frozen=True)
class Blob:
    """A blob: array index ``(z, y, x)`` of its center and its radius in mm."""

    center: tuple[int, int, int]
    radius_mm: float


def find_blobs(flat: sitk.Image, soft: BoolArray, progress: Progress) -> list[Blob]:
    """Maxima of the blob response over place and scale inside ``soft`` that are round enough."""
    smooth = []
    for number, radius in enumerate(RADII_MM):
        progress("nodes from CT: finding blobs", number / len(RADII_MM))
        smooth.append(sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(flat, radius / _RADIUS_PER_SIGMA)))
    responses = np.stack([_contrast(*pair) for pair in zip(smooth, RADII_MM, strict=True)])
    peaks = (responses == maximum_filter(responses, size=3, mode="constant")) & soft
    peaks &= responses >= _SMALLEST_CONTRAST_HU
    found = [(number, Blob((int(z), int(y), int(x)), RADII_MM[number])) for number, z, y, x in np.argwhere(peaks)]
    return [blob for number, blob in found if _roundness(smooth[number], blob) >= _SMALLEST_ROUNDNESS]


def _contrast(smooth: FloatArray, radius_mm: float) -> FloatArray:
    """HU by which a ball of this radius would have to stand out to give the response found.

    The scale-normalized Laplacian of a ball of radius ``r`` that stands out by 1 is strongest at
    ``sigma = r / sqrt(3)``, where its value at the center is
    ``-sqrt(2 / pi) (r / sigma)^3 exp(-(r / sigma)^2 / 2)``, about -0.925.
    """
    unit = np.sqrt(2 / np.pi) * _RADIUS_PER_SIGMA**3 * np.exp(-(_RADIUS_PER_SIGMA**2) / 2)
    sigma_voxels = radius_mm / _RADIUS_PER_SIGMA / SPACING_MM
    return np.asarray(-(sigma_voxels**2) * laplace(smooth) / unit)


def _roundness(smooth: FloatArray, blob: Blob) -> float:
    """Least over greatest downward curvature at the center, in (-inf, 1]."""
    step = max(1, round(blob.radius_mm / _RADIUS_PER_SIGMA / SPACING_MM))
    if any(at < step or at >= n - step for at, n in zip(blob.center, smooth.shape, strict=True)):
        return 0.0
    z, y, x = blob.center
    cube = smooth[z - step : z + step + 1 : step, y - step : y + step + 1 : step, x - step : x + step + 1 : step]
    curvatures = np.linalg.eigvalsh(-_hessian(np.asarray(cube, float)))
    return float(curvatures[0] / curvatures[2]) if curvatures[2] > 0 else 0.0


def _hessian(cube: FloatArray) -> FloatArray:
    """Second differences of a 3 x 3 x 3 cube at its center."""
    hessian = np.empty((3, 3))
    for first in range(3):
        for second in range(3):
            one, two = np.eye(3, dtype=int)[first], np.eye(3, dtype=int)[second]
            if first == second:
                hessian[first, first] = cube[tuple(1 + one)] - 2 * cube[1, 1, 1] + cube[tuple(1 - one)]
            else:
                same = cube[tuple(1 + one + two)] + cube[tuple(1 - one - two)]
                opposite = cube[tuple(1 + one - two)] + cube[tuple(1 - one + two)]
                hessian[first, second] = (same - opposite) / 4
    return hessian
