"""Files taken into Slicer's DICOM database, in the indexer's own thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ctk


class DicomIndexing:
    """Adds folders to a DICOM database; the panel stays alive meanwhile.

    Args:
        onDone: Called with the number of new instances, once for each folder.
    """

    def __init__(self, onDone: Callable[[int], None]) -> None:
        self._onDone = onDone
        # Kept: an indexer that goes takes its thread along.
        self._indexer: Any = None

    def add(self, folder: Path, database: Any) -> None:
        """Copy the DICOM files of a folder into a database (``slicer.dicomDatabase``)."""
        if self._indexer is None:
            self._indexer = ctk.ctkDICOMIndexer()
            self._indexer.backgroundImportEnabled = True
            self._indexer.connect("indexingComplete(int,int,int,int)", self._onComplete)
        self._indexer.addDirectory(database, str(folder), True)

    def stop(self) -> None:
        """Hear of nothing any more."""
        if self._indexer is not None:
            self._indexer.disconnect("indexingComplete(int,int,int,int)", self._onComplete)
        self._indexer = None

    def _onComplete(self, nPatients: int, nStudies: int, nSeries: int, nImages: int) -> None:
        self._onDone(nImages)
