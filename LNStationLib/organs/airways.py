"""The lumen of trachea and bronchi, grown from the trachea with a guard against leaks into the lung."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.body import connected_in_slice, side_of_view
from LNStationLib.organs.morphology import Box
from LNStationLib.support.types import BoolArray

_LUMEN_BELOW_HU = -750
"""Halfway between air (-1000 HU) and inflated lung or the partial volume of the wall (above -500 HU)."""
_AREA_MM2 = (35.0, 750.0)
"""Adult tracheal lumen: 10 to 27 mm across (Breatnach et al., AJR 1984); children and saber sheaths are narrower."""
_WIDEST_MM, _MOST_ELONGATED = 45.0, 2.6
"""Bounding box of the lumen: room for a tracheal diverticulum, and the flattest saber-sheath trachea; lung and bowel
are wider or flatter. Chosen on phantoms and one real CT."""
_FILLED_SHARE = 0.5
"""Of its bounding box: an ellipse fills 79 % of it, a crescent of lung less than half."""
_PURE_AIR_HU, _PURE_AIR_PERCENTILE = -880, 30
"""The middle of a lumen is pure air (-1000 HU); inflated lung averages -700 to -900 HU."""
_SHORTEST_TRACHEA_MM = 25.0
"""A quarter of a trachea of 105 ± 13 mm (PLoS One 2015;10:e0123177); shorter columns of air are bowel or lung."""
_DRIFT_WEIGHT, _HEIGHT_WEIGHT = 0.5, 0.3
"""Millimeters of length that a millimeter of sideways drift costs and a millimeter of height earns; chosen on
phantoms and one real CT."""
_BEFORE_ESOPHAGUS_MM = (8.0, 40.0)
"""Only walls of 3 to 5 mm separate the two lumens, so their centers lie at least one tracheal radius apart."""
_BELOW_TRACHEA_MM = 120.0
"""Main, intermediate and lobar bronchi add up to 6 to 7 cm; the rest is for a column that ends above the carina."""
_FORWARD_MM, _BACKWARD_MM, _SIDEWAYS_MM = 70.0, 80.0, 90.0
"""Half a chest to the side, and the roots of all lobes in front and behind; smaller boxes only save time."""
_THRESHOLDS_HU = tuple(range(-980, -599, 20))
"""From pure air to the density of lung; the highest threshold before the region bursts into the lung wins."""
_SEED_SHARE = 0.6
"""Of the trachea that is air: at a lower threshold noise breaks it into pieces, which are not a tree yet."""
_BURST_SHARE, _BURST_ML = 0.35, 8.0
"""Volume gained in one step of 20 HU: small bronchi add a few ml, a leak into the lung adds far more. Chosen on
phantoms and one real CT."""
_LARGEST_TREE_ML = 180.0
"""The anatomical dead space of an adult is about 150 ml from the mouth down; a larger tree has leaked."""


@dataclass(frozen=True)
class TracheaChain:
    """The trachea as one blob of air per axial slice.

    Attributes:
        z: Slices from top to bottom (falling index).
        centers: ``(y, x)`` voxel index of the lumen's center in each of them.
        mask: The blobs, ``[z, y, x]``.
    """

    z: np.ndarray
    centers: np.ndarray
    mask: BoolArray

    @property
    def top(self) -> BoolArray:
        """The blob of the highest slice."""
        top = np.zeros_like(self.mask)
        top[self.z[0]] = self.mask[self.z[0]]
        return top


@dataclass(frozen=True)
class _Blob:
    z: int
    center: tuple[float, float]
    voxels: tuple[np.ndarray, np.ndarray]


def _blobs(air: BoolArray, hu: np.ndarray, z: int, spacing_mm: float) -> list[_Blob]:
    """Round pieces of air the size of a trachea in one slice."""
    labels, _ = ndimage.label(air)
    found = []
    for value, where in enumerate(ndimage.find_objects(labels), start=1):
        height, width = (s.stop - s.start for s in where)
        longer = max(height, width)
        if longer * spacing_mm > _WIDEST_MM or longer > _MOST_ELONGATED * min(height, width):
            continue
        piece = labels[where] == value
        area = float(piece.sum()) * spacing_mm**2
        if not _AREA_MM2[0] <= area <= _AREA_MM2[1] or piece.mean() < _FILLED_SHARE:
            continue
        y, x = np.nonzero(piece)
        y, x = y + where[0].start, x + where[1].start
        if np.percentile(hu[y, x], _PURE_AIR_PERCENTILE) < _PURE_AIR_HU:
            found.append(_Blob(z, (float(y.mean()), float(x.mean())), (y, x)))
    return found


def _chains(scan: Scan, air: BoolArray) -> list[list[_Blob]]:
    """Blobs linked from slice to slice where they overlap."""
    open_chains: list[list[_Blob]] = []
    closed: list[list[_Blob]] = []
    for z in range(scan.grid.shape[0] - 1, -1, -1):
        blobs = _blobs(air[z], scan.hu[z], z, scan.spacing_mm)
        continued, used = [], set()
        for chain in open_chains:
            last = {*zip(*chain[-1].voxels, strict=True)}
            overlaps = [len(last.intersection(zip(*blob.voxels, strict=True))) for blob in blobs]
            best = int(np.argmax(overlaps)) if overlaps else -1
            if best >= 0 and overlaps[best] > 0 and best not in used:
                used.add(best)
                continued.append([*chain, blobs[best]])
            else:
                closed.append(chain)
        open_chains = continued + [[blob] for index, blob in enumerate(blobs) if index not in used]
    return closed + open_chains


def _middle_of_body(body: BoolArray) -> float:
    columns = np.flatnonzero(body.any(axis=(0, 1)))
    return float(columns[0] + columns[-1]) / 2


def find_trachea_chain(scan: Scan, body: BoolArray, outside: BoolArray) -> TracheaChain | None:
    """Find the trachea as the longest column of air blobs near the middle of the body.

    Returns:
        The chain, or ``None`` where no column of at least 25 mm was found.
    """
    air = (scan.hu < _LUMEN_BELOW_HU) & body & ~outside
    # Lung and room air cut by the side of the view look like columns too; the trachea is never cut by it.
    air &= ~connected_in_slice(air, side_of_view(scan))
    long_enough = [c for c in _chains(scan, air) if len(c) * scan.spacing_mm >= _SHORTEST_TRACHEA_MM]
    if not long_enough:
        return None
    middle = _middle_of_body(body)
    likeliest = max(long_enough, key=lambda chain: _trachea_score_mm(chain, middle, scan.spacing_mm))
    chain = _foremost(likeliest, long_enough, scan)
    mask = np.zeros(scan.grid.shape, dtype=bool)
    for blob in chain:
        mask[blob.z][blob.voxels] = True
    return TracheaChain(np.array([b.z for b in chain]), np.array([b.center for b in chain]), mask)


def _trachea_score_mm(chain: list[_Blob], middle: float, spacing_mm: float) -> float:
    """Length of a column less what speaks against a trachea: distance from the midline, drift to the side, depth.

    Gas in bowel and stomach lies low, so of two columns of equal length the higher one is the trachea.
    """
    columns = [blob.center[1] for blob in chain]
    off_mm = abs(float(np.mean(columns)) - middle) * spacing_mm
    drift_mm = float(np.ptp(columns) * spacing_mm)
    height_mm = float(np.mean([blob.z for blob in chain])) * spacing_mm
    return len(chain) * spacing_mm - off_mm - _DRIFT_WEIGHT * drift_mm + _HEIGHT_WEIGHT * height_mm


def _foremost(chain: list[_Blob], others: list[list[_Blob]], scan: Scan) -> list[_Blob]:
    """The column, or the one in front of it: a gas-filled esophagus may be longer than the trachea before it."""
    own = {blob.z: blob.center for blob in chain}
    for other in others:
        shared = [(blob.center, own[blob.z]) for blob in other if blob.z in own]
        if len(shared) * scan.spacing_mm < _SHORTEST_TRACHEA_MM:
            continue
        forward, aside = np.mean([np.subtract(mine, front) for front, mine in shared], axis=0) * scan.spacing_mm
        if _BEFORE_ESOPHAGUS_MM[0] <= forward <= _BEFORE_ESOPHAGUS_MM[1] and abs(aside) <= _BEFORE_ESOPHAGUS_MM[1]:
            return other
    return chain


def _region(scan: Scan, chain: TracheaChain) -> Box:
    """Box of the airways down to the lobes: around the trachea, to 12 cm below its end."""
    height_mm = float(chain.z[0] - chain.z[-1]) * scan.spacing_mm
    y, x = (float(value) for value in chain.centers.mean(axis=0))
    return (
        scan.window(0, float(chain.z[-1]), _BELOW_TRACHEA_MM, height_mm),
        scan.window(1, y, _FORWARD_MM, _BACKWARD_MM),
        scan.window(2, x, _SIDEWAYS_MM, _SIDEWAYS_MM),
    )


@dataclass(frozen=True)
class Growth:
    """The lumen grown at one threshold.

    Attributes:
        lumen: The lumen, ``[z, y, x]``.
        threshold_hu: Air below this value.
    """

    lumen: BoolArray
    threshold_hu: int


def grow_airways(scan: Scan, chain: TracheaChain, outside: BoolArray) -> list[Growth]:
    """Grow the lumen from the trachea at rising thresholds.

    Returns:
        Growths in the order to try them: the highest threshold before the volume jumps, then higher ones, which may
        leak but reach farther (thick slices blur the walls and the lumen alike), up to the burst into the lung.
    """
    box = _region(scan, chain)
    hu, seed = scan.hu[box], chain.mask[box]
    allowed = scan.in_view[box] & ~outside[box]
    grown: list[tuple[BoolArray, int]] = []
    volumes_ml: list[float] = []
    for threshold in _THRESHOLDS_HU:
        air = (hu < threshold) & allowed
        if np.count_nonzero(air & seed) < _SEED_SHARE * np.count_nonzero(seed):
            continue
        lumen = morphology.connected_to(air, morphology.largest(air & seed)) | seed
        volume_ml = float(np.count_nonzero(lumen)) * scan.grid.voxel_volume_ml
        if volume_ml > _LARGEST_TREE_ML:
            break
        grown.append((lumen, threshold))
        volumes_ml.append(volume_ml)
    if not grown:
        return [Growth(chain.mask, int(_LUMEN_BELOW_HU))]
    return [Growth(_whole(lumen, box, scan), threshold) for lumen, threshold in grown[_before_burst(volumes_ml) :]]


def _before_burst(volumes_ml: list[float]) -> int:
    """Index of the last volume before the first jump, of the last one where there is none."""
    for index, (before, after) in enumerate(pairwise(volumes_ml)):
        if after - before > max(_BURST_SHARE * before, _BURST_ML):
            return index
    return len(volumes_ml) - 1


def _whole(part: BoolArray, box: Box, scan: Scan) -> BoolArray:
    mask = np.zeros(scan.grid.shape, dtype=bool)
    mask[box] = part
    return mask
