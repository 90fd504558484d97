"""The descending aorta of a network as one tube along the spine, where the network saw it too thin or lost it.

Without contrast the aorta is as dense as the crura of the diaphragm, the esophagus and fluid beside it, and on thick
slices a network outlines it too thin near the diaphragm, or not at all. It keeps its width, though: 24.7 mm at the
isthmus and 24.3 mm at the diaphragm (Hager et al., J Thorac Cardiovasc Surg 2002;123:1060). So it is followed from
its whole sections through those that are too thin, and on to where nothing of its size and density is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import convolve, gaussian_filter, median_filter

from LNStationLib.imaging.boxes import Box, box_of
from LNStationLib.imaging.ct import FAT_HU
from LNStationLib.imaging.scan import Scan
from LNStationLib.organs.context import Context
from LNStationLib.organs.groups import BONES, LUNGS
from LNStationLib.organs.paths import best_path
from LNStationLib.state.organ_set import OrganSet, OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray

_NAME = "descending_aorta"
_WHOLES = ("aorta", _NAME)
_OTHERS = (*LUNGS, *BONES, "spine", "trachea", "airways", "heart", "liver", "stomach", "inferior_vena_cava")
_WHOLE_SHARE = 0.6
"""Of an area between those above and below, that is 77 % of the width. A dilated aorta may narrow to its usual width
and stay so; none is narrow between two wide parts, but in a coarctation, which lies at the isthmus."""
_LEAST_MM2 = 235.0
"""A circle of 17.3 mm: two standard deviations (3.5 mm) below the mean at the diaphragm. It has not ended yet where
it was wider than that and then narrows further."""
_MEDIAN_MM, _BEFORE_END_MM = 15.0, 30.0
"""Half a vertebra, against single slices that hold a neighbor too; and the length whose width goes on."""
_SEEN_MM2 = 40.0
"""A circle of 7 mm: a thinner section does not show where the middle of the vessel is."""
_AROUND_MM = 30.0
"""The middle of the aorta bends by less from the front of the spine to its left side."""
_STEP_COST = 0.05
"""Of a move by one voxel from slice to slice, against 1 for a full match. Chosen on phantoms."""
_OFF_COST_PER_VOXEL = 1.0
"""Away from a section that shows the middle: as much as all of a match."""
_SMOOTHING_MM = 1.5
"""Sigma against noise, less than a tenth of the vessel's width."""
_LEAST_TOLERANCE_HU = 25.0
"""Half of what parts unenhanced blood (40 HU) from fat (-10 HU and less after partial volume)."""
_ALIKE_SHARE = 0.6
"""Of a section that looks like the vessel; below, it has left the view or the path has left the vessel."""
_RUN_MM = 12.0
"""Half the vessel's width: a shorter stretch that looks different is a plaque or noise."""
_TOLD_MM = 10.0
"""Shorter stretches are told nowhere: two thick slices."""


@dataclass(frozen=True)
class _Course:
    """Slice by slice from the top to the bottom of the view.

    Attributes:
        centers: Middle ``(row, column)``, ``(slices, 2)``.
        areas: Area of a whole section in voxels.
        thin: Slices to be completed.
    """

    centers: np.ndarray
    areas: FloatArray
    thin: BoolArray


def complete(context: Context) -> None:
    """Complete the descending aorta of a network where its sections are too thin or missing, down to its end."""
    organs, scan = context.organs, context.scan
    organ = organs.organs.get(_NAME)
    if organ is None or organ.source is not OrganSource.NETWORK:
        return
    added = _missing_part(organ.mask, context)
    length_mm = float(added.any(axis=(1, 2)).sum()) * scan.spacing_mm
    if length_mm < _TOLD_MM:
        return
    for name in _WHOLES:
        whole = organs.organs.get(name)
        if whole is not None and whole.source is OrganSource.NETWORK:
            how = Reason("descending_part_completed", {"how": whole.how, "length_mm": length_mm})
            organs.add(replace(whole, mask=whole.mask | added, how=how))
    _take_from_esophagus(organs, added)
    organs.warn("descending_aorta_completed", length_mm=length_mm)


def _take_from_esophagus(organs: OrganSet, added: BoolArray) -> None:
    """The esophagus beside it, which the network mistook the aorta for, loses what is aorta."""
    esophagus = organs.organs.get("esophagus")
    if esophagus is not None and esophagus.source is OrganSource.NETWORK and (esophagus.mask & ~added).any():
        organs.add(replace(esophagus, mask=esophagus.mask & ~added))


def _missing_part(mask: BoolArray, context: Context) -> BoolArray:
    """Voxels by which the vessel's thin sections become whole, on the working grid."""
    scan, added = context.scan, np.zeros_like(mask)
    box = _box(mask, scan)
    # From the top down, so that the way is followed in the direction of the blood.
    part = mask[box][::-1]
    hu = gaussian_filter(scan.hu[box].astype(np.float32), _SMOOTHING_MM / scan.spacing_mm)[::-1]
    areas = part.sum(axis=(1, 2)).astype(float)
    usual = _usual_areas(areas, scan)
    whole = areas >= _WHOLE_SHARE * usual
    if whole.all() or not whole.any():
        return added
    blocked = (context.union(_OTHERS)[box] | ~context.body[box] | ~scan.in_view[box])[::-1]
    certain = hu[part & whole[:, None, None]]
    course = _course(part, _alike(hu, certain) & ~blocked, usual, whole, scan)
    # What is nearer to fat than to blood is fat, or lung in partial volume.
    filled = (hu > (float(np.median(certain)) + FAT_HU) / 2) & ~blocked
    added[box] = (_discs(course, part.shape) & filled & ~part)[::-1]
    return added


def _box(mask: BoolArray, scan: Scan) -> Box:
    """From the vessel's top to the bottom of the view, with room for its bends."""
    rows, columns = box_of(mask, scan.voxels(_AROUND_MM))[1:]
    return slice(0, box_of(mask)[0].stop), rows, columns


def _usual_areas(areas: FloatArray, scan: Scan) -> FloatArray:
    """Area of a whole section in every slice, in voxels, by the sections above and below; from the top down."""
    smooth = median_filter(areas, scan.voxels(_MEDIAN_MM))
    least = min(_LEAST_MM2 / scan.spacing_mm**2, _WHOLE_SHARE * float(np.median(areas[areas > 0])))
    last = int(np.flatnonzero(smooth >= least)[-1]) if (smooth >= least).any() else len(areas) - 1
    before = smooth[max(last - scan.voxels(_BEFORE_END_MM), 0) : last + 1]
    usual = np.full(len(areas), float(np.median(before)))
    usual[: last + 1] = _evenly(smooth[: last + 1])
    return usual


def _evenly(values: FloatArray) -> FloatArray:
    """Values that change evenly between the largest, without the dips: their upper convex hull."""
    corners: list[int] = []
    for z, value in enumerate(values):
        while len(corners) > 1:
            (a, b), (low, high) = corners[-2:], values[corners[-2:]]
            if (high - low) * (z - b) > (value - high) * (b - a):
                break
            corners.pop()
        corners.append(z)
    return np.interp(np.arange(len(values)), corners, values[corners])


def _alike(hu: FloatArray, certain: FloatArray) -> BoolArray:
    """Voxels as dense as those of whole sections."""
    middle = float(np.median(certain))
    tolerance = max(_LEAST_TOLERANCE_HU, 2 * float(np.median(np.abs(certain - middle))))
    return np.asarray(np.abs(hu - middle) <= tolerance)


def _course(part: BoolArray, alike: BoolArray, usual: FloatArray, whole: BoolArray, scan: Scan) -> _Course:
    slices = np.arange(len(part))
    seen = part.sum(axis=(1, 2)) * scan.spacing_mm**2 >= _SEEN_MM2
    scores = np.zeros(part.shape, np.float32)
    scores[~seen] = _match(alike[~seen], float(np.sqrt(np.median(usual) / np.pi)))
    for z in slices[seen]:
        y, x = (float(index.mean()) for index in np.nonzero(part[z]))
        rows, columns = np.ogrid[: part.shape[1], : part.shape[2]]
        scores[z] = 1.0 - _OFF_COST_PER_VOXEL * np.hypot(rows - y, columns - x)
    centers = best_path(scores, _STEP_COST)
    matches = scores[slices, centers[:, 0], centers[:, 1]]
    end = _end(np.where(seen, 1.0, matches), scan.voxels(_RUN_MM))
    return _Course(centers, usual, ~whole & (slices < end))


def _match(alike: BoolArray, radius: float) -> FloatArray:
    """Share of a disc about every voxel that looks like the vessel, slice by slice."""
    reach = int(np.ceil(radius))
    rows, columns = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    disc = (np.hypot(rows, columns) <= radius).astype(np.float32)
    return convolve(alike.astype(np.float32), disc[None] / disc.sum(), mode="constant")


def _end(matches: FloatArray, run: int) -> int:
    """First slice of the first run, longer than a plaque, that looks unlike the vessel; else the number of slices."""
    unlike = matches < _ALIKE_SHARE
    for z in np.flatnonzero(unlike):
        if unlike[z : z + run].all():
            return int(z)
    return len(matches)


def _discs(course: _Course, shape: tuple[int, ...]) -> BoolArray:
    """A whole section about the middle in every slice to be completed."""
    discs = np.zeros(shape, bool)
    rows, columns = np.ogrid[: shape[1], : shape[2]]
    for z in np.flatnonzero(course.thin):
        y, x = course.centers[z]
        discs[z] = np.hypot(rows - y, columns - x) <= np.sqrt(course.areas[z] / np.pi)
    return discs
