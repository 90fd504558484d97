"""Node candidates from CT alone: soft-tissue blobs inside the stations, found by classical means.

Scale-space blob detection (Lindeberg 1998, doi:10.1023/A:1008045108935): maxima of the scale-normalized Laplacian
of Gaussian over place and scale, kept where the Hessian says blob rather than tube or sheet, then filled with the
soft tissue around them. It takes vessels in cross section, esophageal wall and recesses of the pericardium for
nodes, and misses nodes that touch other soft tissue; it says so in every result.
"""

from __future__ import annotations

from dataclasses import dataclass

import cc3d
import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_dilation, laplace, maximum_filter
from skimage.segmentation import expand_labels

from LNStationLib.case import Case
from LNStationLib.nodes.node_result import Candidates, NodeSource
from LNStationLib.nodes.regions import Box, box_around, crop, like, paste, spacing_zyx
from LNStationLib.progress import Progress
from LNStationLib.settings import Settings
from LNStationLib.types import BoolArray, FloatArray, InstanceArray

SMALLEST_SHORT_AXIS_MM = 5.0
"""A node of this short axis is visible; smaller ones are not reported."""

_LOW_SPECIFICITY = "Found on CT alone by a blob detector of low specificity: may be a vessel or a recess."
_SEARCH_WARNING = (
    "Nodes were looked for on CT alone by a classical blob detector: expect false candidates, and missed nodes where "
    "they touch vessels, esophagus or tumor."
)
_SPACING_MM = 1.5
_RADII_MM = (2.5, 3.5, 4.75, 6.5, 9.0, 12.0)
_SOFT_HU = (-25.0, 200.0)
"""From halfway between fat and node, where a blurred border lies, to above any enhanced node."""
_FAT_HU = -100.0
_CLIP_HU = (_FAT_HU, 120.0)
"""Below fat and above soft tissue the CT is flat, so that lung and contrast do not outweigh nodes in fat."""
_DENOISING_MM = 0.75
_SMALLEST_VESSEL_ML = 0.3
_SMALLEST_CONTRAST_HU = 50.0
_SMALLEST_ROUNDNESS = 0.35
"""Least over greatest curvature at the center: 1 in a ball, 0 along a tube."""
_REACH = 1.3
"""A candidate's voxels lie within this many radii of its center."""
_RADIUS_PER_SIGMA = 3**0.5
"""A ball answers most strongly to the Laplacian of a Gaussian of this fraction of its radius."""
_ENHANCED_BLOOD_HU = 130.0
_NODE_HU = 70.0
_BLOOD_POOL = (
    "aorta",
    "aortic_arch",
    "aorta_arch",
    "ascending_aorta",
    "descending_aorta",
    "heart",
    "pulmonary_artery",
)


@dataclass(frozen=True)
class _Blob:
    """A blob: array index ``(z, y, x)`` of its center and its radius in mm."""

    center: tuple[int, int, int]
    radius_mm: float


class CtBlobs:
    """Soft-tissue blobs with a short axis of at least 5 mm inside the stations.

    Soft tissue is -25 to 200 HU; where the supplied masks show enhanced blood, the upper limit falls to halfway
    between nodes and blood. Voxels of supplied organs and of the tumor are left out.
    """

    name: NodeSource = "ct_blobs"
    references: tuple[str, ...] = ("Lindeberg 1998, doi:10.1023/A:1008045108935 (scale-space blob detection)",)

    def find(self, case: Case, stations: sitk.Image, settings: Settings, progress: Progress) -> Candidates:
        """Find blobs; a case without stations has none."""
        inside = np.greater(sitk.GetArrayViewFromImage(stations), 0)
        box = box_around(inside, 2 * max(_RADII_MM), spacing_zyx(stations))
        if box is None:
            empty = paste(np.zeros((0, 0, 0)), (slice(0, 0),) * 3, case.ct)
            return Candidates(empty, ("There are no stations to search for nodes.",))
        progress("nodes from CT: finding blobs", 0.0)
        part = crop(case.ct, box)
        upper, warnings = _upper_soft_hu(case, part)
        coarse = _isotropic(part)
        allowed = sitk.Resample(crop(stations, box), coarse, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
        barred = _organs_on(case, coarse)
        hu = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(coarse, _DENOISING_MM))
        blood = _bright_blood(hu, upper) | barred
        soft = (sitk.GetArrayViewFromImage(allowed) > 0) & ~blood & (hu >= _SOFT_HU[0])
        flat = _flattened(sitk.GetArrayViewFromImage(coarse), blood)
        labels = _fill(_blobs(like(flat, coarse), soft, progress), soft)
        # One voxel more, so that the CT's own voxels and not the coarse grid draw the border; not towards vessels.
        labels = np.where(soft | ~binary_dilation(blood), expand_labels(labels, 1), 0).astype(np.uint16)
        labels[sitk.GetArrayViewFromImage(allowed) == 0] = 0
        fine = _on_ct(like(labels, coarse), part, upper)
        return Candidates(
            paste(fine, box, case.ct), (_SEARCH_WARNING, *warnings), (_LOW_SPECIFICITY,), SMALLEST_SHORT_AXIS_MM
        )


def _organs_on(case: Case, part: sitk.Image) -> BoolArray:
    """Voxels of ``part`` in a supplied organ or the tumor."""
    inside = np.zeros(tuple(reversed(part.GetSize())), bool)
    for mask in [*case.organ_masks.values(), *([] if case.tumor is None else [case.tumor])]:
        organ = sitk.Resample(mask, part, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
        inside |= sitk.GetArrayViewFromImage(organ) > 0
    return inside


def _bright_blood(hu: FloatArray, upper_hu: float) -> BoolArray:
    """Voxels too bright for a node; small pieces stay out because they may be calcification in one."""
    bright = hu > upper_hu
    smallest = int(_SMALLEST_VESSEL_ML * 1000 / _SPACING_MM**3)
    return np.asarray(cc3d.dust(bright, threshold=smallest, connectivity=6)).astype(bool)


def _flattened(hu: FloatArray, barred: BoolArray) -> FloatArray:
    """CT in which only soft tissue stands out: vessels and organs, with their blurred rim, turn into fat.

    Left bright, a vessel would drown the nodes beside it.
    """
    flat = np.clip(hu, *_CLIP_HU).astype(np.float32)
    flat[binary_dilation(barred)] = _FAT_HU
    return flat


def _upper_soft_hu(case: Case, part: sitk.Image) -> tuple[float, tuple[str, ...]]:
    """Upper limit of soft tissue, below enhanced blood where a supplied organ shows it."""
    name = next((name for name in _BLOOD_POOL if name in case.organ_masks), None)
    blood = None if name is None else _median_hu(case.organ_masks[name], part)
    if blood is None:
        return _SOFT_HU[1], ("No mask shows how bright blood is; vessels may be taken for nodes.",)
    if blood < _ENHANCED_BLOOD_HU:
        return _SOFT_HU[1], ("The CT is not enhanced; vessels without a mask may be taken for nodes.",)
    return min(_SOFT_HU[1], (_NODE_HU + blood) / 2), ()


def _median_hu(mask: sitk.Image, part: sitk.Image) -> float | None:
    inside = sitk.Resample(mask, part, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    hu = sitk.GetArrayViewFromImage(part)[sitk.GetArrayViewFromImage(inside) > 0]
    return float(np.median(hu)) if hu.size else None


def _isotropic(part: sitk.Image) -> sitk.Image:
    """The CT part at 1.5 mm along its own axes, float32."""
    size = [max(4, round(n * s / _SPACING_MM)) for n, s in zip(part.GetSize(), part.GetSpacing(), strict=True)]
    first = [(_SPACING_MM / s - 1) / 2 for s in part.GetSpacing()]
    reference = sitk.Image(size, sitk.sitkFloat32)
    reference.SetSpacing([_SPACING_MM] * 3)
    reference.SetDirection(part.GetDirection())
    reference.SetOrigin(part.TransformContinuousIndexToPhysicalPoint(first))
    resample = sitk.ResampleImageFilter()
    resample.SetReferenceImage(reference)
    resample.SetInterpolator(sitk.sitkLinear)
    resample.SetUseNearestNeighborExtrapolator(True)
    coarse: sitk.Image = resample.Execute(sitk.Cast(part, sitk.sitkFloat32))
    return coarse


def _blobs(flat: sitk.Image, soft: BoolArray, progress: Progress) -> list[_Blob]:
    """Maxima of the blob response over place and scale inside ``soft`` that are round enough."""
    smooth = []
    for number, radius in enumerate(_RADII_MM):
        progress("nodes from CT: finding blobs", number / len(_RADII_MM))
        smooth.append(sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(flat, radius / _RADIUS_PER_SIGMA)))
    responses = np.stack([_contrast(*pair) for pair in zip(smooth, _RADII_MM, strict=True)])
    peaks = (responses == maximum_filter(responses, size=3, mode="constant")) & soft
    peaks &= responses >= _SMALLEST_CONTRAST_HU
    found = [(number, _Blob((int(z), int(y), int(x)), _RADII_MM[number])) for number, z, y, x in np.argwhere(peaks)]
    return [blob for number, blob in found if _roundness(smooth[number], blob) >= _SMALLEST_ROUNDNESS]


def _contrast(smooth: FloatArray, radius_mm: float) -> FloatArray:
    """HU by which a ball of this radius would have to stand out to give the response found.

    The scale-normalized Laplacian of a ball of radius ``r`` that stands out by 1 is strongest at
    ``sigma = r / sqrt(3)``, where its value at the center is
    ``-sqrt(2 / pi) (r / sigma)^3 exp(-(r / sigma)^2 / 2)``, about -0.925.
    """
    unit = np.sqrt(2 / np.pi) * _RADIUS_PER_SIGMA**3 * np.exp(-(_RADIUS_PER_SIGMA**2) / 2)
    sigma_voxels = radius_mm / _RADIUS_PER_SIGMA / _SPACING_MM
    return np.asarray(-(sigma_voxels**2) * laplace(smooth) / unit)


def _roundness(smooth: FloatArray, blob: _Blob) -> float:
    """Least over greatest downward curvature at the center, in (-inf, 1]."""
    step = max(1, round(blob.radius_mm / _RADIUS_PER_SIGMA / _SPACING_MM))
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


def _fill(blobs: list[_Blob], soft: BoolArray) -> InstanceArray:
    """Give every soft voxel within reach to the blob it is relatively nearest to, connected to its center."""
    labels = np.zeros(soft.shape, np.uint16)
    nearest = np.full(soft.shape, _REACH, np.float32)
    for number, blob in enumerate(blobs, start=1):
        box, distance = _distance(blob, soft.shape)
        closer = soft[box] & (distance < nearest[box])
        labels[box][closer] = number
        nearest[box][closer] = distance[closer]
    for number, blob in enumerate(blobs, start=1):
        box, _ = _distance(blob, soft.shape)
        own = labels[box] == number
        parts = cc3d.connected_components(own, connectivity=6)
        center = parts[tuple(at - part.start for at, part in zip(blob.center, box, strict=True))]
        labels[box][own & ((parts != center) | (center == 0))] = 0
    return labels


def _distance(blob: _Blob, shape: tuple[int, ...]) -> tuple[Box, FloatArray]:
    """Box around a blob and the distance of its voxels from the center in radii."""
    reach = int(np.ceil(_REACH * blob.radius_mm / _SPACING_MM))
    low = [max(0, at - reach) for at in blob.center]
    high = [min(n, at + reach + 1) for at, n in zip(blob.center, shape, strict=True)]
    ticks = [np.arange(a, b) - at for a, b, at in zip(low, high, blob.center, strict=True)]
    z, y, x = np.meshgrid(*ticks, indexing="ij", sparse=True)
    distance = np.sqrt(z**2 + y**2 + x**2) * _SPACING_MM / blob.radius_mm
    return (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])), distance


def _on_ct(labels: sitk.Image, part: sitk.Image, upper_hu: float) -> InstanceArray:
    """Candidates on the CT's own voxels, only where these are soft tissue."""
    fine = sitk.GetArrayFromImage(
        sitk.Resample(labels, part, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt16)
    )
    hu = sitk.GetArrayViewFromImage(sitk.SmoothingRecursiveGaussian(sitk.Cast(part, sitk.sitkFloat32), _DENOISING_MM))
    fine[(hu < _SOFT_HU[0]) | (hu > upper_hu)] = 0
    return np.asarray(fine, np.uint16)
