"""The aorta split into ascending part, arch and descending part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.findings import Findings
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray

_SMALLEST_SECTION_MM2 = 80.0
"""A circle of 10 mm: half the width of a slender descending aorta (24.4 ± 3.5 mm, J Korean Radiol Soc
1989;25:228)."""
_SMALLEST_DISTANCE_MM = 22.0
"""Centers of ascending and descending aorta lie 4 to 8 cm apart below the arch; two sections nearer than a vessel's
width are one vessel, cut by a flap or by noise."""
_SPLIT_RUN_MM = 6.0
"""Two thick slices: in a single one a calcified plaque or noise can split the arch; chosen on phantoms and one real
CT."""
_HALF_TRUNK_MM2 = 57.0
"""Half the section of the brachiocephalic trunk, which is 12 mm wide (Gray's Anatomy, 41st ed., ch. 55)."""
_WIDEST_TRUNK_MM = 20.0
"""Even a trunk widened by disease stays narrower than an arch, which is 24 mm or more."""
_TIE_VOXELS = 0.5
"""Gaps that differ by less are equally short: the grid resolves no more."""
_PARTS = ("ascending_aorta", "aortic_arch", "descending_aorta")


@dataclass(frozen=True)
class _Section:
    """One axial cut of the aorta."""

    mask: BoolArray
    center: tuple[float, float]


def split_aorta(aorta: BoolArray, scan: Scan, source: OrganSource, how: Reason, carina_y: float | None) -> Findings:
    """Split the aorta at the underside of its arch.

    The arch is what lies in the axial slices from its top down to the lowest slice in which the ascending and the
    descending aorta are joined; below, the front section is the ascending and the rear one the descending aorta.

    Args:
        aorta: The aorta, ``[z, y, x]``.
        scan: The scan it lies on.
        source: Source for the parts.
        how: How the whole was found.
        carina_y: Row (voxel index) of the carina; separates front from back where only one part is in view.

    Returns:
        The parts with landmarks ``aortic_arch_top`` and ``aortic_arch_underside``.
    """
    found = Findings()
    sections = {int(z): _sections(aorta[z], scan) for z in np.flatnonzero(aorta.any(axis=(1, 2)))}
    under = _highest_split(sections, scan)
    if under is None:
        _add_unsplit(found, aorta, scan, source, how, carina_y)
        return found
    front, back = sorted(_pair(sections[under], scan), key=lambda s: s.center[0])
    arch = aorta.copy()
    arch[: under + 1] = False
    ascending, descending = _below(aorta, under, front.mask, back.mask)
    for name, mask in zip(_PARTS, (ascending, arch, descending), strict=True):
        found.organ(name, mask, source, how)
    if not arch.any():
        found.warn("arch_above_view")
        return found
    _add_landmarks(found, scan, arch, (under + 1, *_gap(front.mask, back.mask)), source)
    return found


def arch_landmarks(arch: BoolArray, limbs: BoolArray, scan: Scan) -> Findings:
    """Landmarks of a supplied arch: its highest slice, and the lowest one that joins both limbs of the aorta.

    Args:
        arch: The arch. Supplied arches often extend some way down into the limbs.
        limbs: Ascending and descending aorta, as far as they are known; without both, the arch's lowest slice
            serves as its underside.
        scan: The scan they lie on.
    """
    found = Findings()
    split = split_aorta(arch | limbs, scan, OrganSource.DERIVED, Reason("supplied_mask"), None)
    under = [mark for mark in split.landmarks if mark.name == "aortic_arch_underside"]
    low = int(np.flatnonzero(arch.any(axis=(1, 2)))[0])
    y, x = np.argwhere(arch[low]).mean(axis=0)
    _add_landmarks(found, scan, arch, (low, float(y), float(x)), OrganSource.DERIVED)
    if under:
        found.landmarks = [mark for mark in found.landmarks if mark.name != "aortic_arch_underside"] + under
    return found


def end_before_trachea(
    aorta: BoolArray, trachea: BoolArray, carina: tuple[float, float, float], scan: Scan
) -> float | None:
    """Slice in which the aorta ends in front of the trachea, where the brachiocephalic trunk arises.

    Args:
        aorta: The aorta, ``[z, y, x]``.
        trachea: Lumen of the trachea.
        carina: Carina as a voxel index ``(z, y, x)``.
        scan: The scan they lie on.

    Returns:
        The highest slice in which structures wider than a trunk cover at least half a trunk's section; ``None``
        where there is none or where it is cut by the top of the view.
    """
    known = np.flatnonzero(trachea.any(axis=(1, 2)))
    columns = np.flatnonzero(trachea[known[len(known) // 2] :].any(axis=(0, 1)))
    # Opening removes the branches that an aorta found by its contrast may include.
    wide = morphology.open_(aorta, _WIDEST_TRUNK_MM / 2, scan.spacing_mm)
    part = wide[:, : max(0, round(carina[1])), columns[0] : columns[-1] + 1]
    areas = part.sum(axis=(1, 2)) * scan.spacing_mm**2
    slices = np.flatnonzero(areas >= _HALF_TRUNK_MM2)
    return float(slices[-1]) if slices.size and slices[-1] < len(aorta) - 2 else None


def _sections(cut: BoolArray, scan: Scan) -> list[_Section]:
    labels, count = ndimage.label(cut, structure=np.ones((3, 3)))
    found = []
    for value in range(1, count + 1):
        mask = labels == value
        if mask.sum() * scan.spacing_mm**2 >= _SMALLEST_SECTION_MM2:
            y, x = np.argwhere(mask).mean(axis=0)
            found.append(_Section(mask, (float(y), float(x))))
    return sorted(found, key=lambda section: -int(section.mask.sum()))


def _pair(sections: list[_Section], scan: Scan) -> tuple[_Section, ...]:
    """The two largest sections if they lie as far apart as ascending and descending aorta do; else nothing."""
    if len(sections) < 2:
        return ()
    apart = float(np.hypot(*np.subtract(sections[0].center, sections[1].center))) * scan.spacing_mm
    return (sections[0], sections[1]) if apart >= _SMALLEST_DISTANCE_MM else ()


def _highest_split(sections: dict[int, list[_Section]], scan: Scan) -> int | None:
    """Highest slice from which the aorta shows two sections for at least 6 mm downwards."""
    needed = scan.voxels(_SPLIT_RUN_MM)
    for z in sorted(sections, reverse=True):
        if all(_pair(sections.get(z - step, []), scan) for step in range(needed)):
            return z
    return None


def _below(aorta: BoolArray, under: int, front: BoolArray, back: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Follow both parts downwards from the split; each voxel joins the part nearer to it in the slice above."""
    ascending, descending = np.zeros_like(aorta), np.zeros_like(aorta)
    for z in range(under, -1, -1):
        labels, count = ndimage.label(aorta[z], structure=np.ones((3, 3)))
        new_front, new_back = np.zeros_like(front), np.zeros_like(back)
        for value in range(1, count + 1):
            piece = labels == value
            in_front, in_back = bool((piece & front).any()), bool((piece & back).any())
            if in_front != in_back:
                (new_front if in_front else new_back)[piece] = True
            else:
                nearer = _nearer(piece, front, back)
                new_front |= nearer
                new_back |= piece & ~nearer
        ascending[z], descending[z] = new_front, new_back
        front = new_front if new_front.any() else front
        back = new_back if new_back.any() else back
    return ascending, descending


def _nearer(piece: BoolArray, front: BoolArray, back: BoolArray) -> BoolArray:
    """Voxels of a piece that lie nearer to ``front`` than to ``back``."""
    to_front = ndimage.distance_transform_edt(~front)
    to_back = ndimage.distance_transform_edt(~back)
    return piece & (to_front < to_back)


def _gap(front: BoolArray, back: BoolArray) -> tuple[float, float]:
    """Middle of the shortest line between two sections, ``(y, x)``."""
    a, b = np.argwhere(front), np.argwhere(back)
    gaps, nearest = cKDTree(b).query(a)
    closest = gaps <= gaps.min() + _TIE_VOXELS
    y, x = ((a[closest] + b[nearest[closest]]) / 2).mean(axis=0)
    return float(y), float(x)


def _add_landmarks(
    found: Findings, scan: Scan, arch: BoolArray, underside: tuple[float, float, float], source: OrganSource
) -> None:
    areas = arch.sum(axis=(1, 2)) * scan.spacing_mm**2
    top = int(np.flatnonzero(areas >= min(_SMALLEST_SECTION_MM2, areas.max()))[-1])
    found.landmark("aortic_arch_underside", underside, scan.grid, source)
    if top >= len(arch) - 1 or not scan.in_view[top + 1].any():
        found.warn("arch_cut_at_top")
    y, x = np.argwhere(arch[top]).mean(axis=0)
    found.landmark("aortic_arch_top", (top, y, x), scan.grid, source)


def _add_unsplit(
    found: Findings, aorta: BoolArray, scan: Scan, source: OrganSource, how: Reason, carina_y: float | None
) -> None:
    """Add an aorta that never shows two sections: only part of it is in view."""
    found.warn("aorta_not_divided")
    if carina_y is None:
        return
    center_y = float(np.nonzero(aorta)[1].mean())
    name = "descending_aorta" if center_y > carina_y else "ascending_aorta"
    found.organ(name, aorta, source, Reason("part_in_view", {"how": how}))
