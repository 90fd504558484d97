"""Which files are DICOM images, and their headers; with or without the preamble that DICOM asks of files."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from LNStationLib.imaging import dicom_headers as dcm

_PREAMBLE_BYTES = 128
"""Before the letters DICM (DICOM PS3.10, 7.1)."""
HEAD_BYTES = _PREAMBLE_BYTES + 4
"""Preamble and the letters DICM."""
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00")
"""A data set begins with the file meta group 0002 or, without that too, with group 0008 (little endian)."""

_MAX_FIRST_ELEMENT, _MAX_FIRST_LENGTH = 0x0100, 0x1000
"""No first element has a higher number or a longer value: group length, character set, image type, UIDs."""


def is_dicom(head: bytes) -> bool:
    """Whether a file that begins with these bytes is DICOM.

    Treatment planning systems and old archives write bare data sets, without the preamble of 128 bytes and the
    prefix ``DICM`` (DICOM PS3.10, 7.1).

    Args:
        head: At least :data:`HEAD_BYTES` bytes of the file, or all of it.
    """
    return head[_PREAMBLE_BYTES:HEAD_BYTES] == b"DICM" or _is_bare_data_set(head)


def _is_bare_data_set(head: bytes) -> bool:
    if len(head) < HEAD_BYTES or head[:2] not in _FIRST_GROUPS:
        return False
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    length = int.from_bytes(head[6:8] if explicit else head[4:8], "little")
    return int.from_bytes(head[2:4], "little") < _MAX_FIRST_ELEMENT and length < _MAX_FIRST_LENGTH


def files_under(folder: Path) -> list[Path]:
    """Every file in a folder and its subfolders, by path; hidden ones are left out."""
    return sorted(
        Path(root) / file for root, _, files in os.walk(folder) for file in files if not file.startswith(".")
    )


def image_header(path: Path) -> Dataset | None:
    """Header, without pixels, of a DICOM file with an image of a series; ``None`` for any other file."""
    header = dicom_header(path)
    if header is None:
        return None
    is_image = dcm.number(header, "Rows") and dcm.number(header, "Columns") and dcm.text(header, "SeriesInstanceUID")
    return header if is_image else None


def dicom_header(path: Path) -> Dataset | None:
    """Header, without pixels, of any DICOM file; ``None`` for any other file."""
    try:
        with path.open("rb") as file:
            if not is_dicom(file.read(HEAD_BYTES)):
                return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dcmread(path, stop_before_pixels=True, force=True)
    except dcm.DAMAGED:
        return None
