"""Check that the patient lies in the image as its header says: head up, spine behind.

A lost or wrong header (a stack sorted in reverse, a converter that drops the orientation) turns a patient upside down
or front to back, and mirrors left and right with it.
"""

from __future__ import annotations

import numpy as np

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs.airways import TracheaChain
from LNStationLib.organs.spine import follow_canal
from LNStationLib.support.errors import GeometryError
from LNStationLib.support.types import BoolArray

_AIR_HU = -400
"""Lung and gas: nearly halfway between inflated lung and soft tissue."""

_LUNG_SLICE_MM2 = 2000.0
"""Less air than both apices show together in one slice."""

_TRACHEA_END_MM = 5.0
"""Half the height over which the air at each end of the trachea is averaged: a few slices, against noise."""

_TRACHEA_SHARE = 0.4
"""The trachea lies in the upper half of the lungs' height: its middle at 0.8 to 0.9 of it on CT, the carina at T5."""

_CANAL_SHARE, _CANAL_MARGIN_SHARE = 0.6, 0.15
"""Mean share of directions with bone around the canal: at least 0.65 along a spinal canal, and at most about 0.5 in
front of the body; the margin is the difference between both."""


def check_upright(scan: Scan, body: BoolArray, trachea: TracheaChain | None) -> None:
    """Refuse an image that is upside down: a trachea in the lower lungs that widens into lung upwards.

    Args:
        scan: The scan.
        body: The patient, ``[z, y, x]``.
        trachea: The trachea by slices; without it nothing is checked.

    Raises:
        GeometryError: Head and feet are exchanged.
    """
    if trachea is None:
        return
    air_mm2 = ((scan.hu < _AIR_HU) & body).sum(axis=(1, 2)) * scan.spacing_mm**2
    lungs = np.flatnonzero(air_mm2 > _LUNG_SLICE_MM2)
    if not lungs.size:
        return
    height = (float(trachea.z.mean()) - lungs[0]) / max(1, lungs[-1] - lungs[0])
    near = scan.voxels(_TRACHEA_END_MM)
    top, bottom = (float(air_mm2[max(0, z - near) : z + near + 1].mean()) for z in (trachea.z[0], trachea.z[-1]))
    if height < _TRACHEA_SHARE and top > bottom:
        raise GeometryError(
            "The CT is upside down (trachea in the lower part of the lungs): the orientation in its header is "
            "missing or wrong; export it again with the correct orientation."
        )


def check_spine_behind(scan: Scan, body: BoolArray, middle_x: float) -> None:
    """Refuse an image that is flipped front to back: a spinal canal in front of the body and none behind.

    Args:
        scan: The scan.
        body: The patient, ``[z, y, x]``.
        middle_x: Midline column (voxel index).

    Raises:
        GeometryError: Front and back are exchanged.
    """
    behind = follow_canal(scan, body, middle_x)[1]
    if behind >= _CANAL_SHARE + _CANAL_MARGIN_SHARE:
        return
    turned = Scan(scan.hu[:, ::-1], scan.in_view[:, ::-1], scan.grid)
    before = follow_canal(turned, body[:, ::-1], middle_x)[1]
    if before >= _CANAL_SHARE and before >= behind + _CANAL_MARGIN_SHARE:
        raise GeometryError(
            "The CT is flipped front to back (spine in front of the chest): the orientation in its header is missing "
            "or wrong; export it again with the correct orientation."
        )
