"""A reader's edits of stations: checked, drawn into the station map, and told apart from what the parser drew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.assessment.reasons import words
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, bounding_box, bounding_region, inside_of, like, points_mm, within
from LNStationLib.quality import check_outline
from LNStationLib.state.assessment import Provenance
from LNStationLib.state.patient_state import Outline, PatientState, StationPart
from LNStationLib.state.station_change import StationChange
from LNStationLib.support.errors import GeometryError, InputError
from LNStationLib.support.types import BoolArray, LabelArray

EDITED = "A reader changed the contour; the rule-based borders no longer describe it."
EMPTIED = "Emptied by a reader: no voxels are left to assess."
_AIR_HU = -400
"""Below the range of station tissue (`TISSUE_HU`): lung or air."""
_MUCH_AIR_SHARE = 0.2
"""From this share on an outline that holds air is worth a warning; airways beside a station stay below."""
_OFF_LATTICE_VOXELS = 0.02
"""Part of a voxel by which grids may differ through rounding of their origin."""


def edited_case(
    parsed: PatientState, edits: Mapping[str, sitk.Image | None]
) -> tuple[PatientState, StationChange] | None:
    """Draw edits into the station map of a case.

    A voxel belongs to one station. One that a station newly claims leaves the station that had it.

    Args:
        parsed: The case.
        edits: Station name to its whole new mask, every voxel but 0 inside: a box of the CT's grid, outside of which
            the station has none; ``None`` where it was emptied.

    Returns:
        The case with the new map and where it changed, or ``None`` where nothing did.

    Raises:
        InputError: An unknown station, or two stations that newly claim one voxel.
        GeometryError: A mask is on a different grid from the CT, or reaches outside of it.
    """
    masks = {name: _placed(name, image, parsed.case.ct) for name, image in edits.items()}
    involved = [parsed.boxes[name] for name in edits if name in parsed.boxes]
    region = bounding_region([*involved, *(placed.box for placed in masks.values() if placed is not None)])
    if region is None:
        return None
    labels = array_view(parsed.stations)
    before = labels[region].copy()
    after = _drawn(before, {name: _in_region(placed, region) for name, placed in masks.items()})
    tight = bounding_box(before != after)
    if tight is None:
        return None
    whole = labels.copy()
    whole[region] = after
    before, after = before[tight], after[tight]
    changed = np.unique(np.concatenate([side[before != after] for side in (before, after)]))
    names = tuple(row.name for row in anatomy.stations() if row.label_value in changed)
    change = StationChange(inside_of(region, tight), before, after, names, parsed.stations)
    return _with_map(parsed, whole, change), change


@dataclass(frozen=True)
class _Placed:
    """A mask in the CT's array: boolean ``[z, y, x]`` in ``box``."""

    box: Box
    inside: BoolArray


def _placed(name: str, image: sitk.Image | None, ct: sitk.Image) -> _Placed | None:
    """Find the voxels of an edited station in the CT; ``None`` where it has none."""
    if name not in {row.name for row in anatomy.stations()}:
        known = ", ".join(row.name for row in anatomy.stations())
        raise InputError(f"there is no station '{name}' to edit: use one of {known}.")
    if image is None:
        return None
    start = _offset(name, image, ct)
    inside = array_view(image) != 0
    tight = bounding_box(inside)
    if tight is None:
        return None
    box = tuple(slice(a + t.start, a + t.stop) for a, t in zip(start, tight, strict=True))
    if any(part.start < 0 or part.stop > size for part, size in zip(box, reversed(ct.GetSize()), strict=True)):
        raise GeometryError(f"the edited station {name} reaches outside the CT: erase what lies outside.")
    return _Placed((box[0], box[1], box[2]), inside[tight])


def _offset(name: str, image: sitk.Image, ct: sitk.Image) -> list[int]:
    """Index ``(z, y, x)`` in the CT of the mask's first voxel.

    Raises:
        GeometryError: The mask is on another grid.
    """
    alike = np.allclose(image.GetSpacing(), ct.GetSpacing(), rtol=1e-4, atol=0) and np.allclose(
        image.GetDirection(), ct.GetDirection(), atol=1e-4
    )
    index = np.array(ct.TransformPhysicalPointToContinuousIndex(image.GetOrigin()))[::-1]
    whole = np.rint(index).astype(int)
    if not alike or np.abs(index - whole).max() > _OFF_LATTICE_VOXELS:
        raise GeometryError(
            f"the edited station {name} is on a different voxel grid from the CT: set the CT as the reference "
            "geometry of the segmentation and edit again."
        )
    return [int(n) for n in whole]


def _in_region(placed: _Placed | None, region: Box) -> BoolArray:
    mask = np.zeros(tuple(part.stop - part.start for part in region), bool)
    if placed is not None:
        mask[within(placed.box, region)] = placed.inside
    return mask


def _drawn(before: LabelArray, masks: Mapping[str, BoolArray]) -> LabelArray:
    """Station labels after the edits.

    Raises:
        InputError: Two stations newly claim the same voxel.
    """
    after = before.copy()
    values = {name: anatomy.station(name).label_value for name in masks}
    for name, mask in masks.items():
        after[(before == values[name]) & ~mask] = 0
    claimed = np.zeros_like(before)
    for name, mask in masks.items():
        new = mask & (before != values[name])
        rival = claimed[new]
        if rival.any():
            other = next(row.name for row in anatomy.stations() if row.label_value == rival.max())
            raise InputError(
                f"the edits of stations {other} and {name} overlap in {int((rival > 0).sum())} voxels: a voxel "
                "belongs to one station, so erase the overlap from one of them."
            )
        claimed[new] = values[name]
    return np.where(claimed > 0, claimed, after)


def _with_map(parsed: PatientState, labels: LabelArray, change: StationChange) -> PatientState:
    boxes = dict(parsed.boxes)
    for name in change.stations:
        earlier = boxes.pop(name, change.box)
        box = _box_of(anatomy.station(name).label_value, labels, [change.box, earlier])
        if box is not None:
            boxes[name] = box
    ordered = {row.name: boxes[row.name] for row in anatomy.stations() if row.name in boxes}
    hu = array_view(parsed.case.ct)
    outlines = dict(parsed.outlines)
    for name in change.stations:
        outlines[name] = _outline(name, parsed, labels, ordered.get(name), hu)
    part = StationPart(like(labels, parsed.stations), ordered, outlines, parsed.baseline, parsed.midline)
    edited = replace(parsed, station_part=part)
    return replace(edited, provenance=tuple(_marked(row, edited.edited) for row in parsed.provenance))


def _box_of(label: int, labels: LabelArray, candidates: list[Box]) -> Box | None:
    """Smallest box of a label that lies within the box around ``candidates``."""
    wide = bounding_region(candidates)
    tight = None if wide is None else bounding_box(labels[wide] == label)
    if wide is None or tight is None:
        return None
    return inside_of(wide, tight)


def _outline(name: str, parsed: PatientState, labels: LabelArray, box: Box | None, hu: np.ndarray) -> Outline:
    """Outline notes of a changed station; the original ones where the edit was undone."""
    label, baseline = anatomy.station(name).label_value, parsed.baseline
    if box == baseline.boxes.get(name):
        original = array_view(baseline.stations)
        if box is None or np.array_equal(labels[box] == label, original[box] == label):
            return baseline.outlines[name]
    if box is None:
        return Outline(warnings=(EMPTIED,), edited=True)
    inside = labels[box] == label
    air = float((hu[box][inside] < _AIR_HU).mean())
    warnings = [EDITED]
    if air >= _MUCH_AIR_SHARE:
        warnings.append(f"{air:.0%} of the edited outline is air or lung (below {_AIR_HU} HU): check it.")
    warnings += map(words, check_outline(name, *_size(inside, box, parsed.case.ct)))
    return Outline(warnings=tuple(warnings), edited=True)


def _size(inside: BoolArray, box: Box, ct: sitk.Image) -> tuple[float, float]:
    """Volume in ml, and height along the patient in mm, of a mask that is not empty in a box of the CT's array."""
    heights = points_mm(ct, np.argwhere(inside) + [part.start for part in box])[:, 2]
    # How far a voxel itself reaches along the patient's z.
    voxel_mm = max(abs(d) * s for d, s in zip(ct.GetDirection()[6:], ct.GetSpacing(), strict=True))
    volume_ml = len(heights) * float(np.prod(ct.GetSpacing())) / 1000.0
    return volume_ml, float(np.ptp(heights)) + voxel_mm


def _marked(row: Provenance, edited: tuple[str, ...]) -> Provenance:
    """The provenance of the stations says which of them a reader changed."""
    if row.step != "stations":
        return row
    settings = {key: value for key, value in row.settings.items() if key != "edited_by_reader"}
    return row.model_copy(update={"settings": settings | ({"edited_by_reader": list(edited)} if edited else {})})
