"""Notices what a person changes in the stations segmentation, and keeps the stale marks and the edit log.

Every event of the segmentation only asks for a look a moment later; the look compares voxels. So it does not matter
how an edit was made: painting, moving voxels between stations, undo, redo, a script. What the case itself writes
(``CaseScene.setStations``) becomes the new baseline and marks nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import slicer
from slicer.util import VTKObservationMixin

from LNStationLib import anatomy
from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.CaseSegmentations import StationsReplacedEvent
from LNStationSlicer.exchange import SegmentMasks
from LNStationSlicer.exchange.SegmentMasks import BINARY, SegmentMask

Schedule = Callable[[Callable[[], None], int], object]
EMPTY = "empty"
"""The fingerprint of a station without voxels."""

_EVENTS = (
    slicer.vtkSegmentation.SourceRepresentationModified,
    slicer.vtkSegmentation.RepresentationModified,
    slicer.vtkSegmentation.SegmentModified,
    slicer.vtkSegmentation.SegmentAdded,
    slicer.vtkSegmentation.SegmentRemoved,
)


@dataclass(frozen=True)
class StationEdit:
    """One station that a person changed."""

    station: str
    volumeBeforeMl: float
    volumeAfterMl: float


@dataclass(frozen=True)
class _Look:
    """What a station was when last looked at."""

    fingerprint: str
    volumeMl: float


def scheduleInQt(callback: Callable[[], None], milliseconds: int) -> None:
    """Call once, later, from Qt's event loop."""
    import qt

    qt.QTimer.singleShot(milliseconds, callback)


class StationEditing(VTKObservationMixin):
    """Watches the stations of one case.

    Args:
        case: The case.
        onEdited: Told of the stations that changed, after they are marked stale and logged.
        delayMs: A look is taken when no event came for so long.
        schedule: Calls a function after so many milliseconds; Qt's timer by default.
    """

    def __init__(
        self,
        case: CaseScene,
        onEdited: Callable[[list[StationEdit]], None] | None = None,
        delayMs: int = 400,
        schedule: Schedule | None = None,
    ):
        VTKObservationMixin.__init__(self)
        self.case = case
        self._onEdited = onEdited
        self._delayMs = delayMs
        self._schedule = schedule or scheduleInQt
        self._node: slicer.vtkMRMLSegmentationNode | None = None
        self._looks: dict[str, _Look] = {}
        self._times: dict[str, tuple[int, ...]] = {}
        self._nEvents = 0
        self.pending = False

    def start(self) -> None:
        """Observe the case, and its stations as soon as there are some.

        Where the scene was saved with unseen edits (Slicer was closed within the delay), they are found now: the
        review holds the fingerprints of what was last assessed.
        """
        self.stop()
        self.addObserver(self.case.node, slicer.vtkMRMLNode.ReferenceAddedEvent, self._onReference)
        self.addObserver(self.case.node, slicer.vtkMRMLNode.ReferenceRemovedEvent, self._onReference)
        self._watch(self.case.stationsNode())

    def stop(self) -> None:
        """Observe nothing any more; an edit that was not looked at yet is dropped (``flush`` before to keep it)."""
        self.removeObservers()
        self._node = None
        self._looks, self._times = {}, {}
        self._nEvents += 1
        self.pending = False

    def flush(self) -> list[StationEdit]:
        """Look now, instead of when the delay is over.

        Returns:
            The stations that changed since the last look, in table order.
        """
        self.pending = False
        if self._node is None or not self.case.isAlive():
            return []
        before = dict(self._looks)
        self._look()
        edits = [
            StationEdit(row.name, before[row.name].volumeMl, self._looks[row.name].volumeMl)
            for row in anatomy.stations()
            if before[row.name].fingerprint != self._looks[row.name].fingerprint
        ]
        if edits:
            self._keep(edits)
        return edits

    def snapshot(self, stations: Iterable[str]) -> dict[str, str]:
        """Fingerprints of stations as they are handed to the worker; ``assessed`` takes them back."""
        self.flush()
        return {name: self._looks[name].fingerprint for name in stations if name in self._looks}

    def assessed(self, snapshot: Mapping[str, str]) -> None:
        """The worker has assessed stations as they were at the snapshot: those unchanged since are fresh."""
        self.flush()
        review = self.case.review()
        review.setAssessedFingerprints(snapshot)
        same = [name for name, mark in snapshot.items() if name in self._looks and self._isAt(name, mark)]
        review.markFresh(same)
        self.case.updateTable()

    # Looking

    def _look(self) -> None:
        """Measure those stations whose label map was touched since the last look."""
        assert self._node is not None
        segmentation = self._node.GetSegmentation()
        grid = SegmentMasks.referenceMatrix(segmentation)
        touched = []
        for row in anatomy.stations():
            segment = segmentation.GetSegment(row.name)
            image = segment.GetRepresentation(BINARY) if segment else None
            times = (segment.GetLabelValue(), image.GetMTime()) if image is not None else ()
            if self._times.get(row.name) != times or row.name not in self._looks:
                touched.append(row.name)
            self._times[row.name] = times
        masks = SegmentMasks.segmentMasks(segmentation, touched)
        for name in touched:
            self._looks[name] = _lookAt(masks.get(name), grid[0] if grid else np.eye(4))

    def _keep(self, edits: list[StationEdit]) -> None:
        self.case.gather()
        review = self.case.review()
        assessed = review.assessedFingerprints()
        for edit in edits:
            review.logEdit(edit.station, edit.volumeBeforeMl, edit.volumeAfterMl)
        back = [edit.station for edit in edits if self._isAt(edit.station, assessed.get(edit.station))]
        review.markStale(edit.station for edit in edits if edit.station not in back)
        review.markFresh(back)
        self.case.updateTable()
        if self._onEdited is not None:
            self._onEdited(edits)

    def _isAt(self, station: str, fingerprint: str | None) -> bool:
        return self._looks[station].fingerprint == fingerprint

    # Events

    def _watch(self, node: slicer.vtkMRMLSegmentationNode | None) -> None:
        self.removeObservers(self._onEvent)
        self.removeObservers(self._onReplaced)
        self._node = node
        self._looks, self._times = {}, {}
        if node is None:
            return
        for event in _EVENTS:
            self.addObserver(node, event, self._onEvent)
        self.addObserver(node, StationsReplacedEvent, self._onReplaced)
        self._look()
        self._findUnseenEdits()

    def _findUnseenEdits(self) -> None:
        review = self.case.review()
        assessed = review.assessedFingerprints()
        if not assessed:
            review.setAssessedFingerprints({name: look.fingerprint for name, look in self._looks.items()})
            return
        different = [name for name in self._looks if name in assessed and not self._isAt(name, assessed[name])]
        if set(different) - set(review.stale()):
            review.markStale(different)
            self.case.updateTable()

    def _onReference(self, caller: object, event: object) -> None:
        node = self.case.stationsNode()
        if node is not self._node:
            self._watch(node)

    def _onEvent(self, caller: object, event: object) -> None:
        self._nEvents += 1
        self.pending = True
        number = self._nEvents
        self._schedule(lambda: self._onQuiet(number), self._delayMs)

    def _onQuiet(self, number: int) -> None:
        if number == self._nEvents and self.pending:
            self.flush()

    def _onReplaced(self, caller: object, event: object) -> None:
        """The case wrote new stations: they are what is assessed."""
        self._nEvents += 1
        self.pending = False
        self._look()
        review = self.case.review()
        review.setAssessedFingerprints({name: look.fingerprint for name, look in self._looks.items()})
        review.markFresh()


def _lookAt(mask: SegmentMask | None, gridMatrix: np.ndarray) -> _Look:
    if mask is None:
        return _Look(EMPTY, 0.0)
    return _Look(mask.fingerprint(gridMatrix), mask.volumeMl)
