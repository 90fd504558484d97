"""Stand-ins for Slicer's DICOM database and its indexer: the headless core has neither."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar


class Database:
    """Knows the files of a CT by instance."""

    def __init__(self, files: dict[str, Path]) -> None:
        self.files = files

    def fileForInstance(self, uid: str) -> str:
        return str(self.files.get(uid, ""))

    def instanceValue(self, uid: str, tag: str) -> str:
        return ""


class Indexer:
    """What ``ctkDICOMIndexer`` is asked for."""

    made: ClassVar[list[Any]] = []

    def __init__(self) -> None:
        self.backgroundImportEnabled = False
        self.added: list[tuple[Any, str, bool]] = []
        self.made.append(self)

    def connect(self, signal: str, slot: Any) -> None:
        assert signal == "indexingComplete(int,int,int,int)"
        self.done = slot

    def disconnect(self, signal: str, slot: Any) -> None:
        del self.done

    def addDirectory(self, database: Any, folder: str, copy: bool) -> None:
        self.added.append((database, folder, copy))
