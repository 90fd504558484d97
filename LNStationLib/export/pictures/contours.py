"""Smooth outlines of small masks, in millimeters from the top left corner of a picture."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage import measure

from LNStationLib.export.pictures.svg import SvgPoint
from LNStationLib.support.types import BoolArray, FloatArray

_FINE_MM = 0.4
"""Pixel of the fine raster on which outlines are traced."""
_TOLERANCE_MM = 0.06
"""Allowed deviation when superfluous points are dropped; a tenth of a drawn line's width."""


def outlines(mask: BoolArray, pixel_mm: tuple[float, float], smoothing_mm: float) -> list[list[SvgPoint]]:
    """Trace a mask at sub-pixel accuracy.

    Args:
        mask: ``[row, column]``.
        pixel_mm: Pixel size ``(row, column)``.
        smoothing_mm: Standard deviation of the Gaussian that rounds the steps of the raster.

    Returns:
        Closed polygons of ``(x, y)`` in mm, x to the right and y down from the picture's corner; none for an
        empty mask. A mask too thin for the smoothing is traced without it rather than lost.
    """
    where = ndimage.find_objects(mask.astype(np.uint8))
    if not where:
        return []
    top, left = (max(part.start - 2, 0) for part in where[0])
    inside = mask[top : where[0][0].stop + 2, left : where[0][1].stop + 2]
    # Two empty pixels on every side close outlines that touch the edge of the picture.
    padded = np.pad(inside, 2).astype(np.float32)
    size = tuple(max(round(n * mm / _FINE_MM), 8) for n, mm in zip(padded.shape, pixel_mm, strict=True))
    fine = np.asarray(Image.fromarray(padded).resize((size[1], size[0]), Image.Resampling.BICUBIC))
    step = [n * mm / count for n, mm, count in zip(padded.shape, pixel_mm, size, strict=True)]
    smooth = ndimage.gaussian_filter(fine, [smoothing_mm / mm for mm in step])
    corner = ((top - 2) * pixel_mm[0], (left - 2) * pixel_mm[1])
    return _trace(smooth, step, corner) or _trace(fine, step, corner)


def inner_point(mask: BoolArray, pixel_mm: tuple[float, float]) -> tuple[SvgPoint, float]:
    """Where a label fits best in a mask: of the points (almost) farthest from its edge the most central one.

    Returns:
        The point ``(x, y)`` in mm and its distance from the edge in mm, which is 0 for an empty mask.
    """
    found = ndimage.find_objects(mask.astype(np.uint8))
    if not found:
        return (0.0, 0.0), 0.0
    depth = ndimage.distance_transform_edt(np.pad(mask[found[0]], 1), sampling=pixel_mm)
    roomy = np.argwhere(depth >= 0.9 * depth.max())
    off_center = (roomy - np.argwhere(depth > 0).mean(axis=0)) * pixel_mm
    row, column = roomy[np.argmin((off_center**2).sum(axis=1))]
    place = (
        (found[0][1].start + int(column) - 0.5) * pixel_mm[1],
        (found[0][0].start + int(row) - 0.5) * pixel_mm[0],
    )
    return place, float(depth[row, column])


def _trace(image: FloatArray, step: list[float], corner: tuple[float, float]) -> list[list[SvgPoint]]:
    polygons = []
    for contour in measure.find_contours(image, 0.5):
        points = (contour + 0.5) * step + corner
        kept = measure.approximate_polygon(points, _TOLERANCE_MM)
        if len(kept) > 3:
            polygons.append([(float(x), float(y)) for y, x in kept])
    return polygons
