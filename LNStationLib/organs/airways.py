"""The lumen of trachea and bronchi, grown from the trachea with a guard against leaks into the lung."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.body import connected_in_slice, side_of_view
from LNStationLib.organs.morphology import Box
from LNStationLib.support.types import BoolArray

_LUMEN_BELOW_HU = -750
# Adult tracheal lumen: 10 to 27 mm across (Breatnach et al., AJR 1984); children and sabre sheaths are narrower.
_AREA_MM2 = (35.0, 750.0)
_SHORTEST_TRACHEA_MM = 25.0
# Both lumens touch but for their walls of 3 to 5 mm, so that their middles lie at least a trachea's radius apart.
_BEFORE_ESOPHAGUS_MM = (8.0, 40.0)
# Growing: the highest threshold before the region bursts into the lung wins.
_THRESHOLDS_HU = tuple(range(-980, -599, 20))
_BURST_PART = 0.35
_BURST_ML = 8.0
_LARGEST_TREE_ML = 180.0


@dataclass(frozen=True)
class TracheaChain:
    """The trachea as one blob of air per axial slice.

    Attributes:
        z: Slices from top to bottom (falling index).
        centers: ``(y, x)`` voxel index of the lumen's centre in each of them.
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
    """Roundish pieces of air of a trachea's size in one slice."""
    labels, _ = ndimage.label(air)
    found = []
    for value, where in enumerate(ndimage.find_objects(labels), start=1):
        height, width = (s.stop - s.start for s in where)
        if max(height, width) * spacing_mm > 45 or max(height, width) > 2.6 * min(height, width):
            continue
        piece = labels[where] == value
        area = float(piece.sum()) * spacing_mm**2
        if not _AREA_MM2[0] <= area <= _AREA_MM2[1] or piece.mean() < 0.5:
            continue
        y, x = np.nonzero(piece)
        y, x = y + where[0].start, x + where[1].start
        # The middle of a true lumen is pure air; lung of that size is not.
        if np.percentile(hu[y, x], 30) < -880:
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

    def worth(chain: list[_Blob]) -> float:
        off_mm = abs(float(np.mean([blob.center[1] for blob in chain])) - middle) * scan.spacing_mm
        drift_mm = np.ptp([blob.center[1] for blob in chain]) * scan.spacing_mm
        height_mm = float(np.mean([blob.z for blob in chain])) * scan.spacing_mm
        # Bowel and stomach gas lie low, so of two chains of one length the higher is the trachea.
        return len(chain) * scan.spacing_mm - off_mm - 0.5 * float(drift_mm) + 0.3 * height_mm

    chain = _foremost(max(long_enough, key=worth), long_enough, scan)
    mask = np.zeros(scan.grid.shape, dtype=bool)
    for blob in chain:
        mask[blob.z][blob.voxels] = True
    return TracheaChain(np.array([b.z for b in chain]), np.array([b.center for b in chain]), mask)


def _foremost(chain: list[_Blob], others: list[list[_Blob]], scan: Scan) -> list[_Blob]:
    """The column itself, or that before it: a gas-filled esophagus may be longer than the trachea in front of it."""
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
    """Where airways down to the lobes lie: about the trachea, to 12 cm below its end."""
    height_mm = float(chain.z[0] - chain.z[-1]) * scan.spacing_mm
    y, x = (float(value) for value in chain.centers.mean(axis=0))
    return (
        scan.window(0, float(chain.z[-1]), 120.0, height_mm),
        scan.window(1, y, 70.0, 80.0),
        scan.window(2, x, 90.0, 90.0),
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
        Growths from the one to try first on: the highest threshold before the volume jumps, then higher ones, which
        may leak but reach farther (thick slices blur the walls and the lumen alike), up to the burst into the lung.
    """
    box = _region(scan, chain)
    hu, seed = scan.hu[box], chain.mask[box]
    allowed = scan.in_view[box] & ~outside[box]
    grown: list[tuple[BoolArray, int]] = []
    first, volumes = None, [0.0]
    for threshold in _THRESHOLDS_HU:
        air = (hu < threshold) & allowed
        # Too low a threshold leaves the trachea in pieces: not a tree yet.
        if (air & seed).sum() < 0.6 * seed.sum():
            continue
        lumen = morphology.connected_to(air, morphology.largest(air & seed)) | seed
        volume = float(lumen.sum()) * scan.grid.voxel_volume_ml
        if volume > _LARGEST_TREE_ML:
            break
        if first is None and volumes[-1] and volume - volumes[-1] > max(_BURST_PART * volumes[-1], _BURST_ML):
            first = len(grown) - 1
        grown.append((lumen, threshold))
        volumes.append(volume)
    if not grown:
        return [Growth(chain.mask, int(_LUMEN_BELOW_HU))]
    first = len(grown) - 1 if first is None else first
    return [Growth(_whole(lumen, box, scan), threshold) for lumen, threshold in grown[first:]]


def _whole(part: BoolArray, box: Box, scan: Scan) -> BoolArray:
    mask = np.zeros(scan.grid.shape, dtype=bool)
    mask[box] = part
    return mask
