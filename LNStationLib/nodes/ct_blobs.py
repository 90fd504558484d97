"""Node candidates from CT alone: soft-tissue blobs inside the stations, found by classical means.

Scale-space blob detection (Lindeberg 1998, doi:10.1023/A:1008045108935): maxima of the scale-normalized Laplacian
of Gaussian over place and scale, kept where the Hessian says blob rather than tube or sheet, then filled with the
soft tissue around them. It takes vessels in cross section, esophageal wall and recesses of the pericardium for
nodes, and misses nodes that touch other soft tissue; it says so in every result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cc3d
import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_dilation
from skimage.segmentation import expand_labels

from LNStationLib.case.case import Case
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import (
    Box,
    bounding_box,
    bounding_region,
    box_around,
    crop,
    like,
    paste,
    spacing_zyx,
    within,
)
from LNStationLib.imaging.boxes import grown as box_with_margin
from LNStationLib.imaging.ct import FAT_HU
from LNStationLib.imaging.masks import mask_on, union_on
from LNStationLib.nodes.blob_detection import RADII_MM, SPACING_MM, Blob, find_blobs
from LNStationLib.nodes.method import Candidates, Proposal
from LNStationLib.organs.groups import LARGE_VESSELS
from LNStationLib.state.method import MethodOptions, NoOptions
from LNStationLib.state.needs import Need
from LNStationLib.state.node_result import NodeSearch
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.station_change import StationChange
from LNStationLib.support.progress import Progress
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray, InstanceArray

SMALLEST_SHORT_AXIS_MM = 5.0
"""A node of this short axis is visible; smaller ones are not reported."""

_BOX_STEP_MM = 20.0
"""The searched box is widened to whole steps, so that a small edit leaves its grid where it was."""
_SOFT_HU = (-25.0, 200.0)
"""From halfway between fat and node, where a blurred border lies, to above any enhanced node."""
_CLIP_HU = (FAT_HU, 120.0)
"""Below fat and above soft tissue the CT is flat, so that lung and contrast do not outweigh nodes in fat."""
_DENOISING_MM = 0.75
"""Sigma: half a voxel of the searched images."""
_SMALLEST_VESSEL_ML = 0.3
"""Calcification in a node is smaller. Chosen in development; no published source."""
_REACH_RADII = 1.3
"""A candidate's voxels lie within this many radii of its center."""
_ENHANCED_BLOOD_HU = 130.0
"""Blood without contrast has 30 to 60 HU; the cut-off above it has no published source."""
_NODE_HU = 70.0
"""Typical node after contrast; its border to blood is drawn halfway. Chosen in development; no published source."""
_BLOOD_POOL = (
    "aorta",
    "aortic_arch",
    "aorta_arch",
    "ascending_aorta",
    "descending_aorta",
    "heart",
    "pulmonary_artery",
)


class CtBlobs:
    """Soft-tissue blobs with a short axis of at least 5 mm inside the stations.

    Soft tissue is -25 to 200 HU; where the supplied masks show enhanced blood, the upper limit falls to halfway
    between nodes and blood. Voxels of supplied organs and of the tumor are left out.
    """

    name = "ct_blobs"
    title = "CT blob detector (unspecific)"
    options: type[MethodOptions] = NoOptions
    needs: tuple[Need, ...] = ()
    package_task: str | None = None
    search = NodeSearch(
        "ct_blobs",
        inside_stations=True,
        uses_organs=True,
        fit_for_staging=False,
        caveat=Reason("nodes_from_blob_detector"),
        node_warnings=(Reason("found_by_blob_detector"),),
    )
    references: tuple[str, ...] = ("Lindeberg 1998, doi:10.1023/A:1008045108935 (scale-space blob detection)",)

    def run(self, state: PatientState, options: MethodOptions, progress: Progress) -> Candidates:
        """Find blobs; without stations there are none. ``Candidates.memory`` is a :class:`BlobMemory`."""
        case, stations = state.informed, state.stations
        box = search_box(stations)
        if box is None:
            empty = paste(np.zeros((0, 0, 0)), (slice(0, 0),) * 3, case.ct)
            return Candidates(empty, (Reason("no_stations_to_search"),))
        progress("nodes from CT: finding blobs", 0.0)
        search = search_blobs(case, box, progress)
        values = fill_blobs(search, stations)
        return Candidates(
            paste(values, box, case.ct),
            search_warnings(search),
            SMALLEST_SHORT_AXIS_MM,
            BlobMemory(search, values),
            search.not_called,
        )

    def update(
        self, state: PatientState, change: StationChange, options: MethodOptions, progress: Progress
    ) -> Proposal | None:
        """Blobs whose voxels changed; all of them where the search itself has to start again."""
        now, then = search_box(state.stations), search_box(change.earlier)
        if now is None or then is None:
            raise ValueError("a case without stations has no nodes to update")
        memory = state.found_nodes.memory
        kept = memory if isinstance(memory, BlobMemory) and memory.search.box == now else None
        search = search_blobs(state.informed, now, progress) if kept is None else kept.search
        values = fill_blobs(search, state.stations)
        if now != then:
            return _all_blobs(BlobMemory(search, values), now, then)
        old = fill_blobs(search, change.earlier) if kept is None else kept.values
        return _changed_blobs(BlobMemory(search, values), old)


@dataclass(frozen=True)
class BlobSearch:
    """All blobs in a box of the CT, whether in a station or not: what does not depend on the stations.

    Attributes:
        box: The box, in the CT's array.
        coarse: The box at 1.5 mm; gives the grid of ``soft`` and ``growable``.
        soft: Soft tissue outside vessels and organs, on the coarse grid.
        growable: Where a candidate may grow by one voxel, on the coarse grid.
        soft_on_ct: Soft tissue on the CT's own voxels in the box.
        blobs: Round blobs; a blob's number is its place here, from 1.
        warnings: About the search.
        not_called: Why no candidate is called; see ``Candidates.not_called``.
    """

    box: Box
    coarse: sitk.Image
    soft: BoolArray
    growable: BoolArray
    soft_on_ct: BoolArray
    blobs: tuple[Blob, ...]
    warnings: tuple[Reason, ...]
    not_called: Reason | None = None


@dataclass(frozen=True)
class BlobMemory:
    """A search and what it gave for the stations as they were: blob numbers ``[z, y, x]`` in its box of the CT."""

    search: BlobSearch
    values: InstanceArray


def search_box(stations: sitk.Image) -> Box | None:
    """The box of the CT to search: the stations and a margin for the widest filter; ``None`` without stations.

    It ends at multiples of some voxels, so that an edit at the rim of the stations seldom asks for another search.
    """
    spacing = spacing_zyx(stations)
    box = box_around(array_view(stations), 2 * max(RADII_MM), spacing)
    if box is None:
        return None
    ends = []
    for part, step_mm, size in zip(box, spacing, reversed(stations.GetSize()), strict=True):
        step = max(1, round(_BOX_STEP_MM / step_mm))
        ends.append(slice(part.start // step * step, min(-(-part.stop // step) * step, size)))
    return ends[0], ends[1], ends[2]


def _changed_blobs(memory: BlobMemory, old: InstanceArray) -> Proposal:
    values = memory.values
    differs = old != values
    dirty = np.unique(np.concatenate([old[differs], values[differs]]))
    dirty = dirty[dirty > 0]
    standing = np.isin(values, dirty)
    return Proposal(
        box=memory.search.box,
        stale=standing | np.isin(old, dirty),
        candidates=np.where(standing, values, 0).astype(np.uint16),
        smallest_mm=SMALLEST_SHORT_AXIS_MM,
        memory=memory,
    )


def _all_blobs(memory: BlobMemory, now: Box, then: Box) -> Proposal:
    box = bounding_region([now, then]) or now
    candidates = np.zeros(tuple(part.stop - part.start for part in box), np.uint16)
    candidates[within(now, box)] = memory.values
    return Proposal(
        box=box,
        stale=np.ones(candidates.shape, bool),
        candidates=candidates,
        smallest_mm=SMALLEST_SHORT_AXIS_MM,
        memory=memory,
        warnings=search_warnings(memory.search),
    )


def search_warnings(search: BlobSearch) -> tuple[Reason, ...]:
    """What is doubtful about a search as a whole."""
    return (Reason("searched_by_blob_detector"), *search.warnings)


def search_blobs(case: Case, box: Box, progress: Progress) -> BlobSearch:
    """Find all blobs in a box of the CT."""
    part = crop(case.ct, box)
    blood_hu = _blood_hu(case, part)
    upper, warnings = _upper_soft_hu(blood_hu)
    coarse = _isotropic(part)
    barred = _organs_on(case, coarse)
    hu = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(coarse, _DENOISING_MM))
    blood = _bright_blood(hu, upper) | barred
    soft = ~blood & (hu >= _SOFT_HU[0])
    flat = _flattened(array_view(coarse), blood)
    blobs = find_blobs(like(flat, coarse), soft, progress)
    # One voxel more, so that the CT's own voxels and not the coarse grid draw the border; not towards vessels.
    return BlobSearch(
        box,
        coarse,
        soft,
        ~binary_dilation(blood),
        _soft_on_ct(part, upper),
        tuple(blobs),
        warnings,
        _why_not_called(case, blood_hu),
    )


def fill_blobs(search: BlobSearch, stations: sitk.Image) -> InstanceArray:
    """Blobs whose center lies in a station: blob numbers ``[z, y, x]`` in the box of the search on the CT."""
    part = crop(stations, search.box)
    on_coarse = sitk.Resample(part, search.coarse, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    inside = array_view(on_coarse) > 0
    soft = search.soft & inside
    labels = _fill(search.blobs, soft)
    labels = _grown(labels, (soft | search.growable) & inside)
    on_ct = sitk.Resample(
        like(labels, search.coarse), part, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt16
    )
    fine = sitk.GetArrayFromImage(on_ct)
    fine[~search.soft_on_ct] = 0
    return np.asarray(fine, np.uint16)


def _grown(labels: InstanceArray, allowed: BoolArray) -> InstanceArray:
    """Labels grown by one voxel into ``allowed``."""
    tight = bounding_box(labels)
    if tight is None:
        return labels
    box = box_with_margin(tight, 2, labels.shape)
    grown = np.zeros_like(labels)
    grown[box] = np.where(allowed[box], expand_labels(labels[box], 1), 0)
    return grown


def _organs_on(case: Case, part: sitk.Image) -> BoolArray:
    """Voxels of ``part`` in a supplied organ or the tumor."""
    return union_on([*case.organ_masks.values(), *([] if case.tumor is None else [case.tumor])], part)


def _bright_blood(hu: FloatArray, upper_hu: float) -> BoolArray:
    """Voxels too bright for a node; small pieces stay out because they may be calcification in one."""
    bright = hu > upper_hu
    smallest = int(_SMALLEST_VESSEL_ML * 1000 / SPACING_MM**3)
    return np.asarray(cc3d.dust(bright, threshold=smallest, connectivity=6)).astype(bool)


def _flattened(hu: FloatArray, barred: BoolArray) -> FloatArray:
    """CT in which only soft tissue stands out: vessels and organs, with their blurred rim, turn into fat.

    Left bright, a vessel would drown the nodes beside it.
    """
    flat = np.clip(hu, *_CLIP_HU).astype(np.float32)
    flat[binary_dilation(barred)] = FAT_HU
    return flat


def _upper_soft_hu(blood: float | None) -> tuple[float, tuple[Reason, ...]]:
    """Upper limit of soft tissue, below enhanced blood of some HU where an organ shows it."""
    if blood is None:
        return _SOFT_HU[1], (Reason("blood_unknown"),)
    if blood < _ENHANCED_BLOOD_HU:
        return _SOFT_HU[1], (Reason("blood_not_enhanced"),)
    return min(_SOFT_HU[1], (_NODE_HU + blood) / 2), ()


def _blood_hu(case: Case, part: sitk.Image) -> float | None:
    """Median HU of the first organ that holds blood; ``None`` where none is known."""
    seen = [name for name in _BLOOD_POOL if name in case.organ_masks and name not in case.organ_surrogates]
    return _median_hu(case.organ_masks[seen[0]], part) if seen else None


def _why_not_called(case: Case, blood: float | None) -> Reason | None:
    """Why no candidate is called; ``None`` where they are."""
    if blood is not None and blood >= _ENHANCED_BLOOD_HU:
        return None
    seen = case.organ_masks.keys() - case.organ_surrogates
    missing = [name.replace("_", " ") for name in LARGE_VESSELS if name not in seen]
    if not missing:
        return None
    return Reason("candidates_may_be_vessels", {"not_seen": missing})


def _median_hu(mask: sitk.Image, part: sitk.Image) -> float | None:
    hu = array_view(part)[mask_on(mask, part)]
    return float(np.median(hu)) if hu.size else None


def _isotropic(part: sitk.Image) -> sitk.Image:
    """The CT part at 1.5 mm along its own axes, float32."""
    size = [max(4, round(n * s / SPACING_MM)) for n, s in zip(part.GetSize(), part.GetSpacing(), strict=True)]
    first = [(SPACING_MM / s - 1) / 2 for s in part.GetSpacing()]
    reference = sitk.Image(size, sitk.sitkFloat32)
    reference.SetSpacing([SPACING_MM] * 3)
    reference.SetDirection(part.GetDirection())
    reference.SetOrigin(part.TransformContinuousIndexToPhysicalPoint(first))
    resample = sitk.ResampleImageFilter()
    resample.SetReferenceImage(reference)
    resample.SetInterpolator(sitk.sitkLinear)
    resample.SetUseNearestNeighborExtrapolator(True)
    coarse: sitk.Image = resample.Execute(sitk.Cast(part, sitk.sitkFloat32))
    return coarse


def _fill(blobs: Sequence[Blob], soft: BoolArray) -> InstanceArray:
    """Give every soft voxel within reach to the blob it is relatively nearest to, connected to its center.

    Blobs whose center is not soft are left out.
    """
    labels = np.zeros(soft.shape, np.uint16)
    nearest = np.full(soft.shape, _REACH_RADII, np.float32)
    present = [(number, blob) for number, blob in enumerate(blobs, start=1) if soft[blob.center]]
    for number, blob in present:
        box, distance = _distance(blob, soft.shape)
        closer = soft[box] & (distance < nearest[box])
        labels[box][closer] = number
        nearest[box][closer] = distance[closer]
    for number, blob in present:
        box, _ = _distance(blob, soft.shape)
        own = labels[box] == number
        parts = cc3d.connected_components(own, connectivity=6)
        center = parts[tuple(at - part.start for at, part in zip(blob.center, box, strict=True))]
        labels[box][own & ((parts != center) | (center == 0))] = 0
    return labels


def _distance(blob: Blob, shape: tuple[int, ...]) -> tuple[Box, FloatArray]:
    """Box around a blob and the distance of its voxels from the center in radii."""
    reach = int(np.ceil(_REACH_RADII * blob.radius_mm / SPACING_MM))
    low = [max(0, at - reach) for at in blob.center]
    high = [min(n, at + reach + 1) for at, n in zip(blob.center, shape, strict=True)]
    ticks = [np.arange(a, b) - at for a, b, at in zip(low, high, blob.center, strict=True)]
    z, y, x = np.meshgrid(*ticks, indexing="ij", sparse=True)
    distance = np.sqrt(z**2 + y**2 + x**2) * SPACING_MM / blob.radius_mm
    return (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])), distance


def _soft_on_ct(part: sitk.Image, upper_hu: float) -> BoolArray:
    """The CT's own voxels that are soft tissue."""
    hu = array_view(sitk.SmoothingRecursiveGaussian(sitk.Cast(part, sitk.sitkFloat32), _DENOISING_MM))
    return np.asarray((hu >= _SOFT_HU[0]) & (hu <= upper_hu))
