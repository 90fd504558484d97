"""Notices what a person changes in a segmentation of a case, and keeps the stale marks and the edit log.

Every event of the segmentation only asks for a look a moment later; the look compares voxels. So it does not matter
how an edit was made: painting, moving voxels between segments, undo, redo, a script. What the case itself writes
becomes the new baseline and marks nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import qt
import slicer
from slicer.util import VTKObservationMixin

from LNStationSlicer.case.CaseScene import CaseScene
from LNStationSlicer.case.ContourMarks import ContourMarks
from LNStationSlicer.case.Looks import NOTHING, Look, Snapshot, looksAt
from LNStationSlicer.support.Turns import soon

Schedule = Callable[[Callable[[], None], int], object]
_EVENTS = (
    slicer.vtkSegmentation.SourceRepresentationModified,
    slicer.vtkSegmentation.RepresentationModified,
    slicer.vtkSegmentation.SegmentModified,
    slicer.vtkSegmentation.SegmentAdded,
    slicer.vtkSegmentation.SegmentRemoved,
)


@dataclass(frozen=True)
class ContourEdit:
    """One structure that a person changed; its name is that of the anatomy table."""

    name: str
    volumeBeforeMl: float
    volumeAfterMl: float


def scheduleInQt(callback: Callable[[], None], milliseconds: int) -> None:
    """Call once, later, from Qt's event loop."""
    if milliseconds:
        qt.QTimer.singleShot(milliseconds, callback)
    else:
        soon(callback)


class ContourWatch(VTKObservationMixin):
    """Watches one segmentation of one case; what its structures are, a subclass says.

    Args:
        case: The case.
        onEdited: Told of what changed, after it is marked stale and logged.
        delayMs: A look is taken when no event came for so long.
        schedule: Calls a function after so many milliseconds; Qt's timer by default.
        onLooked: Told when the first look, taken piece by piece, has found edits that nobody saw.

    Attributes:
        replacedEvent: Invoked on the segmentation node after each programmatic replacement.
        pending: True while an event waits for its look.
    """

    replacedEvent = 0

    def __init__(
        self,
        case: CaseScene,
        onEdited: Callable[[list[ContourEdit]], None] | None = None,
        delayMs: int = 400,
        schedule: Schedule | None = None,
        onLooked: Callable[[], None] | None = None,
    ):
        VTKObservationMixin.__init__(self)
        self.case = case
        self._onEdited = onEdited
        self._onLooked = onLooked
        self._delayMs = delayMs
        self._schedule = schedule or scheduleInQt
        self._node: slicer.vtkMRMLSegmentationNode | None = None
        self._looks: dict[str, Look] = {}
        self._first: Snapshot | None = None  # while the first look is not finished
        self._nEvents = 0
        self.pending = False

    # What a subclass says

    def segmentationNode(self) -> slicer.vtkMRMLSegmentationNode | None:
        """The segmentation, as soon as there is one."""
        raise NotImplementedError

    def marks(self) -> ContourMarks:
        """Where stale marks, log and fingerprints are kept."""
        raise NotImplementedError

    def structures(self, segmentation: slicer.vtkSegmentation) -> dict[str, tuple[str, ...]]:
        """Every structure that is watched, in table order, with the segments whose union it is."""
        raise NotImplementedError

    def isReaders(self, edit: ContourEdit, fingerprint: str) -> bool:
        """False for a change that is not the reader's own."""
        return True

    # Life

    def start(self) -> None:
        """Observe the case, and its segmentation as soon as there is one.

        Where the scene was saved with unseen edits (Slicer was closed within the delay), they are found a moment
        later: the review holds the fingerprints of what was last assessed.
        """
        self.stop()
        self.addObserver(self.case.node, slicer.vtkMRMLNode.ReferenceAddedEvent, self._onReference)
        self.addObserver(self.case.node, slicer.vtkMRMLNode.ReferenceRemovedEvent, self._onReference)
        self._watch(self.segmentationNode())

    def stop(self) -> None:
        """Observe nothing any more; an edit that was not looked at yet is dropped (``flush`` before to keep it)."""
        self.removeObservers()
        self._node = self._first = None
        self._looks = {}
        self._nEvents += 1
        self.pending = False

    def restart(self) -> None:
        """Stop and start, without losing an edit that was not looked at yet."""
        self.flush()
        self.start()

    def flush(self) -> list[ContourEdit]:
        """Look now, instead of when the delay is over.

        Returns:
            What changed since the last look, in table order.
        """
        self.pending = False
        if self._node is None or not self.case.isAlive():
            return []
        self._finishFirstLook()
        before = dict(self._looks)
        self._look()
        edits = [
            ContourEdit(name, before.get(name, NOTHING).volumeMl, look.volumeMl)
            for name, look in self._looks.items()
            if before.get(name, NOTHING).fingerprint != look.fingerprint
        ]
        edits = [edit for edit in edits if self.isReaders(edit, self._looks[edit.name].fingerprint)]
        if edits:
            self._keep(edits)
        return edits

    def snapshot(self, names: Iterable[str]) -> dict[str, str]:
        """Fingerprints of structures as they are handed to the worker; ``assessed`` takes them back."""
        self.flush()
        return {name: self._looks[name].fingerprint for name in names if name in self._looks}

    def assessed(self, snapshot: Mapping[str, str]) -> None:
        """The worker has assessed structures as they were at the snapshot: those unchanged since are fresh."""
        self.flush()
        marks = self.marks()
        marks.setAssessed(snapshot)
        marks.markFresh([name for name, mark in snapshot.items() if name in self._looks and self._isAt(name, mark)])
        self.case.updateTable()

    # Looking

    def _look(self) -> None:
        """Measure what was touched since the last look."""
        assert self._node is not None
        segmentation = self._node.GetSegmentation()
        structures = self.structures(segmentation)
        for name in self._looks:
            structures.setdefault(name, ())
        self._looks.update(looksAt(segmentation, structures))

    def _keep(self, edits: list[ContourEdit]) -> None:
        self.case.gather()
        marks = self.marks()
        assessed = marks.assessed()
        for edit in edits:
            marks.logEdit(edit.name, edit.volumeBeforeMl, edit.volumeAfterMl)
        back = [edit.name for edit in edits if self._isAt(edit.name, assessed.get(edit.name, self.unknown()))]
        marks.markStale(edit.name for edit in edits if edit.name not in back)
        marks.markFresh(back)
        self.case.updateTable()
        if self._onEdited is not None:
            self._onEdited(edits)

    def unknown(self) -> str | None:
        """The fingerprint of a structure that was never assessed; None matches nothing."""
        return None

    def _isAt(self, name: str, fingerprint: str | None) -> bool:
        return self._looks[name].fingerprint == fingerprint

    # Events

    def _watch(self, node: slicer.vtkMRMLSegmentationNode | None) -> None:
        self.removeObservers(self._onEvent)
        self.removeObservers(self._onReplaced)
        self._node = node
        self._first, self._looks = None, {}
        if node is None:
            return
        for event in _EVENTS:
            self.addObserver(node, event, self._onEvent)
        self.addObserver(node, self.replacedEvent, self._onReplaced)
        segmentation = node.GetSegmentation()
        self._first = Snapshot(segmentation, self.structures(segmentation))
        # Where nothing was assessed yet, what is there now is what later edits are held against.
        if self._first.isSeen or not self.marks().assessed():
            self._finishFirstLook()
        else:
            self._schedule(partial(self._lookOn, self._first), 0)

    def _lookOn(self, first: Snapshot) -> None:
        """A piece of the first look, and the rest later; what is edited meanwhile is not in it."""
        if first is not self._first or not self.case.isAlive():
            return
        first.look()
        if first.isSeen:
            self._finishFirstLook()
        else:
            self._schedule(partial(self._lookOn, first), 0)

    def _finishFirstLook(self) -> None:
        """All that is left of it at once, for who must know."""
        first, self._first = self._first, None
        if first is None:
            return
        while not first.isSeen:
            first.look()
        self._looks = first.looks()
        self._findUnseenEdits()

    def _findUnseenEdits(self) -> None:
        marks = self.marks()
        assessed = marks.assessed()
        if not assessed:
            marks.setAssessed({name: look.fingerprint for name, look in self._looks.items()})
            return
        different = [name for name in self._looks if not self._isAt(name, assessed.get(name, self.unknown()))]
        different = [name for name in different if name in assessed or self.unknown() is not None]
        if set(different) - set(marks.stale()):
            marks.markStale(different)
            self.case.updateTable()
            if self._onLooked is not None:
                self._onLooked()

    def _onReference(self, caller: object, event: object) -> None:
        node = self.segmentationNode()
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
        """The case wrote structures: what it wrote is what is assessed; a stroke that it left alone stays stale."""
        self._nEvents += 1
        self.pending = False
        self._finishFirstLook()
        self._look()
        marks = self.marks()
        stale = marks.stale()
        fresh = {name: look.fingerprint for name, look in self._looks.items() if name not in stale}
        marks.setAssessed(fresh)
        marks.markFresh(fresh)
        self.onReplaced(fresh)

    def onReplaced(self, fingerprints: Mapping[str, str]) -> None:
        """Told of what the case wrote."""
