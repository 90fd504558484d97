"""Notices what a person changes in the organs of a case.

An organ is the union of the segment that the case made of it and of any that a person added under a name, or with a
code, that says which organ it is. Renaming the case's own segment changes nothing; what is not recognized
is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import slicer

from LNStationSlicer.case.CaseSegmentations import OrgansReplacedEvent
from LNStationSlicer.case.ContourMarks import ContourMarks
from LNStationSlicer.case.ContourWatch import ContourEdit, ContourWatch
from LNStationSlicer.case.Looks import EMPTY
from LNStationSlicer.exchange.OrganMatching import organSegments


class OrganEditing(ContourWatch):
    """Watches the organs of one case."""

    replacedEvent = OrgansReplacedEvent

    def start(self) -> None:
        """See the base; what the case wrote before is not known."""
        self._written: dict[str, set[str]] = {}
        super().start()

    def segmentationNode(self) -> slicer.vtkMRMLSegmentationNode | None:
        """The organs."""
        return self.case.organsNode()

    def marks(self) -> ContourMarks:
        """Those of the organs."""
        return self.case.review().organs

    def structures(self, segmentation: slicer.vtkSegmentation) -> dict[str, tuple[str, ...]]:
        """The organs that have a segment."""
        return organSegments(segmentation)

    def unknown(self) -> str:
        """An organ that was never assessed was not there."""
        return EMPTY

    def isReaders(self, edit: ContourEdit, fingerprint: str) -> bool:
        """False where the editor's undo brought back what was derived from an organ that the reader had edited.

        That organ itself counts as edited, and the new assessment rewrites what follows from it.
        """
        if fingerprint not in self._written.get(edit.name, ()):
            return True
        return edit.name in self.case.editedOrgans() or edit.name in self.marks().stale()

    def onReplaced(self, fingerprints: Mapping[str, str]) -> None:
        """Remember what the case wrote."""
        for name, fingerprint in fingerprints.items():
            self._written.setdefault(name, set()).add(fingerprint)

    def _findUnseenEdits(self) -> None:
        super()._findUnseenEdits()
        self.onReplaced({name: mark for name, mark in self.marks().assessed().items() if mark != EMPTY})
