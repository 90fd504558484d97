"""Add the esophagus where it is not supplied, and complete that of a network which ends too high."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from LNStationLib.organs import blood, esophagus
from LNStationLib.organs.context import Context
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.spine import Spine
from LNStationLib.state.organ_set import Organ, OrganSource
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray

_NAME = "esophagus"


def add_esophagus(context: Context, spine: Spine | None) -> None:
    """Find the esophagus where it is not supplied."""
    organs = context.organs
    known = organs.organs.get(_NAME)
    if known is not None and not _ends_too_high(context, known):
        return
    if context.index("carina") is None or organs.mask("trachea") is None or spine is None:
        if known is None:
            organs.warn("esophagus_not_placed")
        return
    found = _path(context, spine, known)
    if known is None:
        found.add_to(organs)
    else:
        _complete(context, known, found)


def _ends_too_high(context: Context, organ: Organ) -> bool:
    """Whether a network's esophagus ends above the middle of the heart, behind which it passes to the diaphragm."""
    heart = context.organs.mask("heart")
    if organ.source is not OrganSource.NETWORK or heart is None:
        return False
    middle = float(np.nonzero(heart.any(axis=(1, 2)))[0].mean())
    return _lowest(organ.mask) > middle


def _lowest(mask: BoolArray) -> int:
    return int(np.flatnonzero(mask.any(axis=(1, 2)))[0])


def _path(context: Context, spine: Spine, known: Organ | None) -> Findings:
    """The esophagus along the best path; through its known part where there is one."""
    scan, organs = context.scan, context.organs
    carina, trachea = context.index("carina"), organs.mask("trachea")
    assert carina is not None
    assert trachea is not None
    blocked = context.blood(scan.spacing_mm) | context.lungs() | context.air(scan.spacing_mm) | ~context.body
    blocked |= context.union(("azygos_arch",)) | context.bones()
    blocked |= blood.enhanced_blood(scan.hu, organs)
    through = esophagus.own_gas(scan, spine, context.lungs(), context.air())
    if known is not None:
        through |= known.mask
        blocked &= ~known.mask
    aorta = organs.mask("descending_aorta")
    return esophagus.find_esophagus(scan, spine, trachea, carina, blocked, through, aorta)


def _complete(context: Context, known: Organ, path: Findings) -> None:
    """Add what lies on the path below a network's esophagus."""
    below = np.zeros_like(known.mask)
    for organ in path.organs:
        below |= organ.mask
    below[_lowest(known.mask) :] = False
    length_mm = float(below.any(axis=(1, 2)).sum()) * context.scan.spacing_mm
    if not length_mm:
        return
    how = Reason("lower_esophagus_on_path", {"how": known.how, "length_mm": length_mm})
    context.organs.add(replace(known, mask=known.mask | below, how=how))
    context.organs.warn("esophagus_completed", length_mm=length_mm)
