"""The body and the air around it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from LNStationLib.organs import morphology
from LNStationLib.organs.scan import Scan
from LNStationLib.types import BoolArray

_AIR_BELOW_HU = -400
# Lung parenchyma averages -700 to -900 HU even where emphysematous; room air after smoothing lies at -1000.
_ROOM_AIR_BELOW_HU = -950


def side_of_view(scan: Scan) -> BoolArray:
    """In-view voxels at the in-plane edge of the field of view (never its top or bottom slice)."""
    padded = np.pad(scan.in_view, ((0, 0), (1, 1), (1, 1)))
    inner = padded[:, :-2, 1:-1] & padded[:, 2:, 1:-1] & padded[:, 1:-1, :-2] & padded[:, 1:-1, 2:]
    return scan.in_view & ~inner


def outside_air(scan: Scan) -> BoolArray:
    """Air outside the body, ``[z, y, x]``.

    Air that touches the side of the field of view is room air or, in a view cropped to the mediastinum, lung.
    The two are told apart by their smoothed density: lung holds tissue, room air does not.
    """
    air = (scan.hu < _AIR_BELOW_HU) & scan.in_view
    smooth = ndimage.uniform_filter(scan.hu, size=(1, 3, 3))
    empty = air & (smooth < _ROOM_AIR_BELOW_HU)
    outside = connected_in_slice(empty, side_of_view(scan))
    outside = _without_small_pockets(outside, scan)
    # The partial-volume rim between room air and skin belongs outside.
    rim = ndimage.binary_dilation(outside, structure=np.ones((1, 3, 3), bool), iterations=2)
    return outside | (rim & air)


def connected_in_slice(mask: BoolArray, seed: BoolArray) -> BoolArray:
    """Pieces of each axial slice that hold a voxel of ``seed``.

    Slice by slice, because from the mouth downwards the trachea is one piece with the room air.
    """
    in_plane = np.zeros((3, 3, 3), dtype=bool)
    in_plane[1] = ndimage.generate_binary_structure(2, 1)
    labels, count = ndimage.label(mask, structure=in_plane)
    wanted = np.zeros(count + 1, dtype=bool)
    wanted[labels[seed & mask]] = True
    return np.asarray(wanted[labels])


def _without_small_pockets(outside: BoolArray, scan: Scan) -> BoolArray:
    """Drop pockets too small to be room air: emphysema cut by the side of the view."""
    labels = morphology.components(outside)
    sizes_ml = np.bincount(labels.ravel()) * scan.grid.voxel_volume_ml
    keep = sizes_ml > 20.0
    keep[0] = False
    return keep[labels]


def find_body(scan: Scan, outside: BoolArray) -> BoolArray:
    """The body with everything inside it, without table and cables; empty where there is none."""
    solid = scan.in_view & ~outside
    half = solid[:, ::2, ::2]
    # Opening on a half-resolution copy parts the table from the back; details of the skin do not matter here.
    core = ndimage.binary_opening(half, structure=np.ones((1, 3, 3), bool), iterations=max(1, scan.voxels(2.5)))
    core = morphology.largest(core)
    grown = ndimage.binary_dilation(core, structure=np.ones((1, 3, 3), bool), iterations=1)
    full = np.repeat(np.repeat(grown, 2, axis=1), 2, axis=2)[:, : solid.shape[1], : solid.shape[2]]
    return morphology.fill_slices(full & solid)
