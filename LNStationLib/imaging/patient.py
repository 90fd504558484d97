"""Where the patient ends: body with everything inside it, apart from room, gown, blanket, pillow, foam and table.

Density cannot tell: the air in a gown, blanket or mattress (-870 to -940 HU) is as dense as lung. So the patient is
found by tissue alone: fabric and shells are thin, foam and enclosed air hold no tissue, and lungs and bowel gas lie
inside closed walls of it. Only a view that cuts through the chest leaves lungs without such a wall.
"""

from __future__ import annotations

from dataclasses import dataclass

import cc3d
import numpy as np
from scipy import ndimage

from LNStationLib.imaging.boxes import label_boxes
from LNStationLib.imaging.growing import grow_by_faces
from LNStationLib.support.types import BoolArray, FloatArray

TISSUE_HU = -300.0
"""Fat (-120 HU) and all denser tissue, also after averaging with a third of air; foam and cloth lie far below."""
_THINNEST_TISSUE_MM = 6.0
"""Cloth, cables and the shells of carbon tables are thinner; the chest wall of a very lean adult is about 10 mm."""
_ROOM_AIR_HU = -965.0
"""Mean of 1 cm: room air is -1000 +- 15 HU by calibration, emphysematous lung -950 HU (Gevenois et al. 1996)."""
_ROOM_AIR_MM = 10.0
"""Edge of the neighborhood that is averaged, against noise."""
_ROOM_AIR_SHARE = 0.1
"""Part of an air space that must be clear room air for it to count as outside. Chosen in development; no published
source."""
_POCKET_MM2 = 1000.0
"""A pocket that goes on in the open air outside is wider than any trachea (750 mm2; Breatnach et al. 1984)."""
_POCKET_OVERLAP_SHARE = 0.5
"""Part of a pocket that must touch the open air of a neighboring slice. Chosen in development; no published
source."""
_LUNG_HU = (-950.0, -550.0)
"""Median of lung: -950 HU is emphysema (Gevenois et al. 1996), above -550 HU it is not aerated."""
_VESSEL_HU = -650.0
"""Vessels in aerated lung, averaged over a voxel of 4 mm. Chosen in development; no published source."""
_VESSELS_SEEN_BELOW_HU = -870.0
"""Lung as thin as that holds vessels of some millimeters all the same; air in fabric does not."""
_VESSEL_SHARE = 0.005
"""Part of the voxels of a lung that hold vessels; fabric has fewer. Chosen in development; no published source."""
_RIM_MM = 6.0
"""Rim blurred by partial volume, left out when density is judged. Chosen in development; no published source."""
_TORN_MM, _TORN_ML = 20.0, 20.0
"""A gap as wide as a hand's finger is bridged; a smaller volume behind it is a fold of skin."""
_IN_PLANE = np.zeros((3, 3, 3), dtype=bool)
_IN_PLANE[1] = ndimage.generate_binary_structure(2, 1)


@dataclass(frozen=True)
class Patient:
    """The patient in a CT.

    Attributes:
        body: The patient with lungs and bowel gas, ``[z, y, x]``; empty where there is none.
        outside: What else is in view: room air, clothing, bedding and table, ``[z, y, x]``.
        tissue: The patient's solid tissue (above -300 HU, without the thinnest layers), ``[z, y, x]``.
    """

    body: BoolArray
    outside: BoolArray
    tissue: BoolArray


def find_patient(hu: FloatArray, in_view: BoolArray, spacing_mm: float) -> Patient:
    """Find the patient on a coarse isotropic grid.

    Args:
        hu: HU ``[z, y, x]``, rows to the back, of an isotropic grid; 3 to 4 mm suffice.
        in_view: Voxels that the CT covers.
        spacing_mm: Edge of a voxel in mm.

    Returns:
        The largest body in view; its lungs belong to it even where the side of the view cuts them.
    """
    tissue = _largest(_without_thin((hu > TISSUE_HU) & in_view, spacing_mm))
    walled = fill_slices(tissue)
    smooth = ndimage.uniform_filter(hu, size=(1, *(2 * [_odd(_ROOM_AIR_MM, spacing_mm)])), mode="nearest")
    rest = in_view & ~walled
    outside, cut = _open_air(rest, rest & (smooth < _ROOM_AIR_HU))
    outside |= _pockets(walled & ~tissue & (hu < TISSUE_HU), outside, hu, spacing_mm)
    lung = _cut_lung(cut, outside, walled & ~tissue & ~outside, hu, spacing_mm)
    lung |= _behind_torn_wall(tissue, walled, in_view, hu, spacing_mm)
    body = (walled & ~outside) | lung
    return Patient(body, in_view & ~body, tissue)


def _odd(length_mm: float, spacing_mm: float) -> int:
    """The odd number of voxels nearest to a length, at least 1."""
    return 2 * round((length_mm / spacing_mm - 1) / 2) + 1 if length_mm > spacing_mm else 1


def _without_thin(tissue: BoolArray, spacing_mm: float) -> BoolArray:
    """Tissue without what is thinner than cloth and shells in-plane; the edge of the view is not a surface."""
    size = max(2, round(_THINNEST_TISSUE_MM / spacing_mm))
    return _grown(_shrunken(tissue, size), size) & tissue


def _grown(mask: BoolArray, size: int) -> BoolArray:
    """Dilation by an in-plane square of ``size`` voxels; an even size reaches further front and right."""
    for axis in (1, 2):
        lines = np.moveaxis(mask, axis, 0)
        wide = lines.copy()
        for step in range(1, (size - 1) // 2 + 1):
            wide[step:] |= lines[:-step]
        for step in range(1, size // 2 + 1):
            wide[:-step] |= lines[step:]
        mask = np.moveaxis(wide, 0, axis)
    return np.ascontiguousarray(mask)


def _shrunken(mask: BoolArray, size: int) -> BoolArray:
    """Erosion by the square of ``_grown``; the edge of the view is not a surface."""
    return ~np.flip(_grown(np.flip(~mask, (1, 2)), size), (1, 2))


def _largest(mask: BoolArray) -> BoolArray:
    if not mask.any():
        return mask
    labels = cc3d.largest_k(mask.astype(np.uint8), k=1, connectivity=6)
    return np.asarray(labels > 0)


def fill_slices(mask: BoolArray) -> BoolArray:
    """Fill the holes of every axial slice."""
    labels, count = ndimage.label(~mask, structure=_IN_PLANE)
    open_ = np.zeros(count + 1, dtype=bool)
    for edge in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        open_[edge] = True
    open_[0] = False
    return ~open_[labels]


def _open_air(rest: BoolArray, room: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Part what lies outside closed walls, slice by slice, into pieces with room air in them and all others."""
    labels, count = ndimage.label(rest, structure=_IN_PLANE)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    clear = np.bincount(labels[room], minlength=count + 1)
    open_ = clear >= _ROOM_AIR_SHARE * sizes
    open_[0] = False
    outside = open_[labels]
    return outside, rest & ~outside


def _pockets(holes: BoolArray, outside: BoolArray, hu: FloatArray, spacing_mm: float) -> BoolArray:
    """Air inside closed walls that is open in the next slice: between arm and chest, between the breasts.

    Args:
        holes: Air inside closed walls, ``[z, y, x]``.
        outside: What is known to lie outside.
        hu: HU of all voxels.
        spacing_mm: Edge of a voxel in mm.
    """
    found = np.zeros_like(holes)
    smallest = _POCKET_MM2 / spacing_mm**2
    for order in (range(1, len(holes)), range(len(holes) - 2, -1, -1)):
        step = order.step
        for z in order:
            near = outside[z - step] | found[z - step]
            if not (holes[z] & near).any():
                continue
            labels, count = ndimage.label(holes[z])
            sizes = np.bincount(labels.ravel(), minlength=count + 1)
            open_ = np.bincount(labels[near], minlength=count + 1)
            taken = (sizes >= smallest) & (open_ >= _POCKET_OVERLAP_SHARE * sizes)
            taken[0] = False
            # Lung that an empty margin of the image has opened stays lung.
            for value in np.flatnonzero(taken):
                found[z] |= (labels == value) & (not _is_lung(hu[z][labels == value]))
    return found


def _cut_lung(cut: BoolArray, outside: BoolArray, holes: BoolArray, hu: FloatArray, spacing_mm: float) -> BoolArray:
    """Those pieces at the side of the view that are lung.

    A piece that goes on in open air above or below is not; one that goes on in air behind closed walls is, and
    else its density and its vessels decide.
    """
    labels = cc3d.connected_components(cut.astype(np.uint8), connectivity=6)
    inner = ~grow_by_faces(~cut, max(1, round(_RIM_MM / 2 / spacing_mm)))
    found = np.zeros_like(cut)
    for value, box in label_boxes(labels).items():
        grown = (slice(max(0, box[0].start - 1), box[0].stop + 1), box[1], box[2])
        piece = labels[grown] == value
        into_open, into_walled = (_contact(piece, mask[grown]) for mask in (outside, holes))
        if into_open > into_walled:
            continue
        if _is_lung(hu[grown][piece & inner[grown]]):
            found[grown] |= piece
    return found


def _behind_torn_wall(
    tissue: BoolArray, walled: BoolArray, in_view: BoolArray, hu: FloatArray, spacing_mm: float
) -> BoolArray:
    """Lung that is open to the outside through a gap of the chest wall: a wound, gas in the wall, a drain."""
    reach = max(1, round(_TORN_MM / 2 / spacing_mm))
    closed = _shrunken(_grown(tissue, 2 * reach + 1), 2 * reach + 1)
    labels = cc3d.connected_components(
        (fill_slices(closed) & ~closed & ~walled & in_view).astype(np.uint8), connectivity=6
    )
    sizes_ml = np.bincount(labels.ravel()) * spacing_mm**3 / 1000.0
    lung = [value for value in np.flatnonzero(sizes_ml >= _TORN_ML) if value and _is_lung(hu[labels == value])]
    return np.isin(labels, lung)


def _contact(piece: BoolArray, other: BoolArray) -> int:
    """Number of voxel faces by which two masks meet along z."""
    return int((piece[1:] & other[:-1]).sum() + (piece[:-1] & other[1:]).sum())


def _is_lung(hu: FloatArray) -> bool:
    """Whether the values of a piece's inside are those of lung with vessels in it."""
    if not hu.size:
        return False
    middle = float(np.median(hu))
    if not _LUNG_HU[0] < middle < _LUNG_HU[1]:
        return False
    return middle > _VESSELS_SEEN_BELOW_HU or float((hu > _VESSEL_HU).mean()) >= _VESSEL_SHARE
