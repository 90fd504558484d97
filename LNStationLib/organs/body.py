"""The body and everything around it, on the working grid."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from LNStationLib.imaging.growing import grow_by_faces
from LNStationLib.imaging.patient import find_patient
from LNStationLib.imaging.scan import Scan
from LNStationLib.support.types import BoolArray, FloatArray

_AIR_BELOW_HU = -400
"""Nearly halfway between air (-1000 HU) and fat or skin (-100 to 0 HU), where the surface of the skin lies."""
_COARSE_MM = 3.0
"""Fine enough for a chest wall of 10 mm, and an eighth of the voxels of the default grid."""


def find_body(scan: Scan) -> tuple[BoolArray, BoolArray]:
    """The patient and the rest of the view, ``[z, y, x]``.

    Returns:
        The body with everything inside it (empty where there is none), and everything in view that is not the
        patient: room air, gown, blanket, pillow, foam and table with the air that they enclose.
    """
    factor = max(1, int(_COARSE_MM / scan.spacing_mm))
    patient = find_patient(_shrunk(scan.hu, factor), _shrunk(scan.in_view, factor) > 0.5, factor * scan.spacing_mm)
    body = _enlarged(patient.body, factor, scan.grid.shape) & scan.in_view
    if not body.any():
        return body, scan.in_view.copy()
    body = _with_skin(body, scan, factor)
    return body, scan.in_view & ~body


def _with_skin(body: BoolArray, scan: Scan, reach: int) -> BoolArray:
    """The body with its surface where the image shows it, within ``reach`` voxels of the coarse surface."""
    grown = grow_by_faces(body, reach)
    shrunk = ~grow_by_faces(~body, reach)
    # The edge of the field of view is not skin.
    shrunk |= body & grow_by_faces(~scan.in_view, reach)
    solid = scan.hu >= _AIR_BELOW_HU
    return np.asarray((shrunk | (grown & solid)) & scan.in_view)


def _shrunk(values: np.ndarray, factor: int) -> FloatArray:
    """Means of cubes of ``factor`` voxels; the last cubes repeat the array's edge."""
    whole = np.pad(values, [(0, -size % factor) for size in values.shape], mode="edge")
    z, y, x = (size // factor for size in whole.shape)
    parts = whole.reshape(z, factor, y, factor, x, factor)
    return np.asarray(parts.mean(axis=(1, 3, 5), dtype=np.float32))


def _enlarged(mask: BoolArray, factor: int, shape: tuple[int, ...]) -> BoolArray:
    """The inverse of ``_shrunk`` for a mask."""
    for axis in range(3):
        mask = np.repeat(mask, factor, axis=axis)
    return mask[: shape[0], : shape[1], : shape[2]]


def side_of_view(scan: Scan) -> BoolArray:
    """In-view voxels at the in-plane edge of the field of view (never its top or bottom slice)."""
    padded = np.pad(scan.in_view, ((0, 0), (1, 1), (1, 1)))
    inner = padded[:, :-2, 1:-1] & padded[:, 2:, 1:-1] & padded[:, 1:-1, :-2] & padded[:, 1:-1, 2:]
    return scan.in_view & ~inner


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
