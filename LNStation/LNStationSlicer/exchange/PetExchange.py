"""A PET series for the worker: as DICOM files where they are known, for the worker turns them into SUV itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import slicer

from LNStationSlicer.exchange.VolumeExchange import exportVolume

SUV_UNITS = frozenset({"{SUVbw}g/ml", "g/ml{SUVbw}", "{SUVbw}"})
"""UCUM codes of SUV by body weight (DICOM CID 85)."""


class DicomDatabase(Protocol):
    """What is asked of ``slicer.dicomDatabase``."""

    def fileForInstance(self, uid: str) -> str:
        """The file of an instance; empty where the database has none."""


def petUnit(petNode: slicer.vtkMRMLScalarVolumeNode) -> str | None:
    """Return "SUVbw" where the node says that its voxels are, else None: the user must say."""
    units = petNode.GetVoxelValueUnits()
    return "SUVbw" if units is not None and units.GetCodeValue() in SUV_UNITS else None


def instanceUids(volumeNode: slicer.vtkMRMLVolumeNode | None) -> list[str]:
    """The DICOM instances that a volume was loaded from; empty where it came from elsewhere."""
    return (volumeNode.GetAttribute("DICOM.instanceUIDs") or "").split() if volumeNode is not None else []


def dicomFiles(volumeNode: slicer.vtkMRMLVolumeNode, database: DicomDatabase | None) -> list[Path]:
    """The DICOM files of a volume; empty unless every one of its instances is known and still there."""
    uids = instanceUids(volumeNode)
    if database is None or not uids:
        return []
    names = [database.fileForInstance(uid) for uid in uids]
    files = [Path(name) for name in names if name]
    return files if len(files) == len(uids) and all(file.is_file() for file in files) else []


def exportPet(
    petNode: slicer.vtkMRMLScalarVolumeNode, folder: Path, name: str, database: DicomDatabase | None = None
) -> tuple[dict[str, Any], str | None]:
    """A PET for ``load_case``: its volume or its DICOM files, and the unit of the volume's voxels.

    DICOM files are preferred where the voxels are no SUV and the node lies where the scanner put it: with a parent
    transform (a registration) the files would lie elsewhere.

    Args:
        petNode: May be under a linear transform.
        folder: The worker's private folder.
        name: Of the volume's file.
        database: ``slicer.dicomDatabase``, or None.

    Raises:
        GeometryError: The grid cannot be used.
    """
    unit = petUnit(petNode)
    files = dicomFiles(petNode, database) if unit is None and petNode.GetParentTransformNode() is None else []
    if files:
        return {"dicom_files": [str(file) for file in files]}, None
    return exportVolume(petNode, folder, name, "float32"), unit
