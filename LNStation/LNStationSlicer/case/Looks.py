"""What structures of a segmentation are like: a fingerprint of their voxels, and their volume.

To look at all organs of a chest takes a tenth of a second, the longest that the panel may pause. What was seen of a
label map counts until it is modified: whoever is about to show one has it looked at before, by ``lookPieces``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import slicer

from LNStationSlicer.exchange import SegmentMasks
from LNStationSlicer.exchange.SegmentMasks import BINARY, SegmentMask, SliceRanges

EMPTY = "empty"
"""The fingerprint of a structure without voxels."""

_A_PIECE = 16
"""Structures of a label map that are looked at together; some 15 ms."""
_MOST_SEEN = 2048
"""Looks that are remembered: those of some twenty assessments, less than a megabyte."""

State = tuple[tuple[int, int], ...]
"""Value and time of the last change of each label map of a structure. VTK gives no time twice in a process."""


@dataclass(frozen=True)
class Look:
    """What a structure was when last looked at."""

    fingerprint: str
    volumeMl: float


NOTHING = Look(EMPTY, 0.0)

_seen: dict[State, Look] = {}


def stateOf(segmentation: slicer.vtkSegmentation, segmentIds: Sequence[str]) -> State:
    """Differs as soon as a voxel of the segments was changed; quick to ask."""
    state: State = ()
    for segmentId in segmentIds:
        segment = segmentation.GetSegment(segmentId)
        image = segment.GetRepresentation(BINARY) if segment else None
        state += ((segment.GetLabelValue(), image.GetMTime()),) if image is not None else ()
    return state


def looksAt(segmentation: slicer.vtkSegmentation, structures: Mapping[str, Sequence[str]]) -> dict[str, Look]:
    """Look at structures.

    Args:
        segmentation: Holds their segments.
        structures: Name to the segments whose union it is.
    """
    states = {name: stateOf(segmentation, ids) for name, ids in structures.items()}
    looks = {name: _seen[state] for name, state in states.items() if state in _seen}
    unseen = {name: ids for name, ids in structures.items() if name not in looks}
    masks = SegmentMasks.segmentMasks(segmentation, [one for ids in unseen.values() for one in ids])
    grid = SegmentMasks.referenceMatrix(segmentation)
    for name, ids in unseen.items():
        looks[name] = _lookAt([masks.get(one) for one in ids], grid[0] if grid else np.eye(4))
        _remember(states[name], looks[name])
    return looks


def lookPieces(
    image: slicer.vtkOrientedImageData, ranges: SliceRanges, gridMatrix: np.ndarray
) -> Iterator[Callable[[], object]]:
    """Pieces of work, for ``Steps``, that look at what a label map holds.

    Args:
        image: The label map, which nothing changes until it is shown.
        ranges: Its values, as ``SegmentMasks.sliceRanges`` finds them.
        gridMatrix: Voxel indices to RAS of the grid on which its segmentation will be edited.
    """
    values = sorted(ranges)
    for first in range(0, len(values), _A_PIECE):
        some = {value: ranges[value] for value in values[first : first + _A_PIECE]}
        yield partial(_lookAhead, image, some, gridMatrix)


def _lookAhead(image: slicer.vtkOrientedImageData, ranges: SliceRanges, gridMatrix: np.ndarray) -> None:
    for value, mask in SegmentMasks.valueMasks(image, ranges, ranges).items():
        _remember(((value, image.GetMTime()),), _lookAt([mask], gridMatrix))


class Snapshot:
    """Structures as they are now, looked at later: their voxels are copied, which takes a hundredth of the time.

    Args:
        segmentation: Holds their segments.
        structures: Name to the segments whose union it is.
    """

    def __init__(self, segmentation: slicer.vtkSegmentation, structures: Mapping[str, Sequence[str]]) -> None:
        self._states = {name: stateOf(segmentation, ids) for name, ids in structures.items()}
        unions = {name: ids for name, ids in structures.items() if len(self._states[name]) > 1}
        looksAt(segmentation, unions)  # of what a reader added; there are few
        unseen = {state[0] for state in self._states.values() if len(state) == 1 and state not in _seen}
        grid = SegmentMasks.referenceMatrix(segmentation)
        self._grid = grid[0] if grid else np.eye(4)
        times = {time for _, time in unseen}
        images = [image for image in _images(segmentation, structures) if image.GetMTime() in times]
        self._pieces = deque(piece for image in images for piece in self._piecesOf(image, unseen))

    @property
    def isSeen(self) -> bool:
        """True where all was looked at."""
        return not self._pieces

    def look(self) -> None:
        """Look at some of what is left."""
        self._pieces.popleft()()

    def looks(self) -> dict[str, Look]:
        """What each structure was, once all is seen."""
        return {name: _seen.get(state, NOTHING) for name, state in self._states.items()}

    def _piecesOf(
        self, image: slicer.vtkOrientedImageData, unseen: Collection[tuple[int, int]]
    ) -> Iterator[Callable[[], object]]:
        labels, matrix = _copied(image)
        values = sorted(value for value, time in unseen if time == image.GetMTime())
        for first in range(0, len(values), _A_PIECE):
            yield partial(self._lookAt, image.GetMTime(), labels, matrix, values[first : first + _A_PIECE])

    def _lookAt(self, time: int, labels: np.ndarray, matrix: np.ndarray, values: Sequence[int]) -> None:
        for value, mask in SegmentMasks.masksIn(labels, matrix, values).items():
            _remember(((value, time),), _lookAt([mask], self._grid))


def _images(
    segmentation: slicer.vtkSegmentation, structures: Mapping[str, Sequence[str]]
) -> list[slicer.vtkOrientedImageData]:
    """The label maps of structures, each once."""
    segments = (segmentation.GetSegment(one) for ids in structures.values() for one in ids)
    images = (segment.GetRepresentation(BINARY) for segment in segments if segment is not None)
    return list(dict.fromkeys(image for image in images if image is not None))


def _copied(image: slicer.vtkOrientedImageData) -> tuple[np.ndarray, np.ndarray]:
    """Labels around all that is not 0, and their matrix."""
    labels, matrix = SegmentMasks.imageArray(image), SegmentMasks.imageMatrix(image)
    box = SegmentMasks.foregroundBox(labels) if labels.size else None
    return (labels[box].copy(), SegmentMasks.movedMatrix(matrix, box)) if box else (labels[:0].copy(), matrix)


def _remember(state: State, look: Look) -> None:
    if len(_seen) >= _MOST_SEEN:
        del _seen[next(iter(_seen))]
    _seen[state] = look


def _lookAt(masks: Sequence[SegmentMask | None], gridMatrix: np.ndarray) -> Look:
    there = [mask for mask in masks if mask is not None]
    if not there:
        return NOTHING
    return Look("|".join(mask.fingerprint(gridMatrix) for mask in there), sum(mask.volumeMl for mask in there))
