"""Programs of others that judge DICOM files, and a small archive: where they are, told without importing anything.

Standard library only: ``run.py`` reads it too.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

PROGRAMS: Mapping[str, str] = {
    "dicom3tools": "dciodvfy",
    "dcmtk": "dsrdump",
    "orthanc": "Orthanc",
}
"""Packages of Debian and Ubuntu, each with a program that shows whether it is there."""
DICOMWEB_PACKAGE = "orthanc-dicomweb"
_PLUGIN_FOLDERS = ("/usr/share/orthanc/plugins", "/usr/lib/orthanc")
_SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin"
"""Where Orthanc lies, and where only root looks."""


def program(name: str) -> str | None:
    """Path of a program, or ``None``."""
    return shutil.which(name) or shutil.which(name, path=_SYSTEM_FOLDERS)


def dicomweb_plugin() -> Path | None:
    """Orthanc's plugin for DICOMweb, or ``None``."""
    found = (path for folder in _PLUGIN_FOLDERS for path in Path(folder).glob("libOrthancDicomWeb.so*"))
    return next(found, None)


def missing_system_packages() -> list[str]:
    """Packages whose program is absent."""
    absent = [package for package, name in PROGRAMS.items() if program(name) is None]
    return absent + ([] if dicomweb_plugin() else [DICOMWEB_PACKAGE])
