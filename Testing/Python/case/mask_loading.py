"""Masks read and checked as for a case, without the case."""

from __future__ import annotations

from pathlib import Path

import SimpleITK as sitk

from LNStationLib.case.lesion_masks import checked_nodes, checked_tumor
from LNStationLib.case.mask_files import lesion_files, organ_files
from LNStationLib.case.organ_masks import OrganMasks, checked_organs
from LNStationLib.imaging.dicom_structures import CtReference
from LNStationLib.imaging.reading import Warn


def load_organs(path: Path, ct: sitk.Image, warn: Warn) -> OrganMasks:
    """The organs in a folder or label map."""
    return checked_organs(organ_files(path, CtReference(ct), warn), ct, warn)


def load_nodes(path: Path, ct: sitk.Image, warn: Warn) -> sitk.Image | None:
    """The nodes in a file or folder."""
    return checked_nodes(lesion_files(path, "nodes", CtReference(ct), warn), ct, warn)


def load_tumor(path: Path, ct: sitk.Image, warn: Warn) -> sitk.Image | None:
    """The tumor in a file or folder."""
    return checked_tumor(lesion_files(path, "tumor", CtReference(ct), warn), ct, warn)
