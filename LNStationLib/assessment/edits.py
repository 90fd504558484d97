"""A reader's edits of stations: checked, drawn into the station map, and told apart from what the parser drew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.boxes import Box, bounding_box, bounding_region, inside_of, like, points_mm
from LNStationLib.imaging.edited_masks import in_region, placed
from LNStationLib.quality import check_outline
from LNStationLib.state.assessment import Provenance
from LNStationLib.state.patient_state import Outline, PatientState
from LNStationLib.state.provenance import EDITED_BY_READER
from LNStationLib.state.station_change import StationChange
from LNStationLib.support.errors import InputError
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, LabelArray

EDITED, EMPTIED = Reason("contour_edited"), Reason("contour_emptied")
_AIR_HU = -400
"""Below the range of station tissue (`TISSUE_HU`): lung or air."""
_MUCH_AIR_SHARE = 0.2
"""From this share on an outline that holds air is worth a warning; airways beside a station stay below."""


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
    _check_names(edits)
    masks = {name: placed(f"station {name}", image, parsed.case.ct) for name, image in edits.items()}
    involved = [parsed.boxes[name] for name in edits if name in parsed.boxes]
    region = bounding_region([*involved, *(mask.box for mask in masks.values() if mask is not None)])
    if region is None:
        return None
    labels = array_view(parsed.stations)
    before = labels[region].copy()
    after = _drawn(before, {name: in_region(mask, region) for name, mask in masks.items()})
    tight = bounding_box(before != after)
    if tight is None:
        return None
    whole = labels.copy()
    whole[region] = after
    change = StationChange.within(inside_of(region, tight), before[tight], after[tight], parsed.stations)
    return _with_map(parsed, whole, change), change


def _check_names(edits: Iterable[str]) -> None:
    known = [row.name for row in anatomy.stations()]
    unknown = [name for name in edits if name not in known]
    if unknown:
        raise InputError(f"there is no station '{unknown[0]}' to edit: use one of {', '.join(known)}.")


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
    drawn = frozenset({*parsed.drawn, *change.stations})
    assert parsed.station_part is not None
    labels_now = like(labels, parsed.stations)
    part = replace(parsed.station_part, labels=labels_now, boxes=ordered, outlines=outlines, drawn=drawn)
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
        warnings.append(Reason("edited_outline_in_air", {"share": air, "below_hu": _AIR_HU}))
    warnings += check_outline(name, *_size(inside, box, parsed.case.ct))
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
    settings = {key: value for key, value in row.settings.items() if key != EDITED_BY_READER}
    return row.model_copy(update={"settings": settings | ({EDITED_BY_READER: list(edited)} if edited else {})})
