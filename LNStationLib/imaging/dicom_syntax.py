"""How the pixels of a DICOM file are stored (transfer syntax, DICOM PS3.5 chapter 10), and whether all are there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom import dcmread, uid
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.imaging.dicom_geometry import at
from LNStationLib.support.errors import InputError

_NATIVE = frozenset({uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian})
"""Pixels as they are: the file says how many bytes they take."""

_DECODED = _NATIVE | frozenset(
    {
        uid.DeflatedExplicitVRLittleEndian,
        uid.RLELossless,
        uid.JPEGBaseline8Bit,
        uid.JPEGExtended12Bit,
        uid.JPEGLossless,
        uid.JPEGLosslessSV1,
        uid.JPEGLSLossless,
        uid.JPEGLSNearLossless,
        uid.JPEG2000Lossless,
        uid.JPEG2000,
    }
)
"""What the GDCM inside SimpleITK decodes."""

_REMEDY = "export the series without compression (Explicit VR Little Endian)"
_SHORT_VALUE_BYTES = 1024
"""Longer values stay in the file while only their lengths are asked for."""


def check_syntax(headers: Sequence[Dataset], name: str) -> None:
    """Refuse a series whose pixels are stored in a way that is not read.

    Raises:
        InputError: Naming the transfer syntax.
    """
    unread = [syntax for syntax in _syntaxes(headers) if syntax not in _DECODED]
    if unread:
        raise InputError(f"{name}: the pixels are stored as {_listed(unread)}, which cannot be decoded; {_REMEDY}.")


def check_all_pixels_there(path: Path, header: Dataset, name: str) -> None:
    """Refuse a file whose uncompressed pixels end early: GDCM takes the rest from whatever lies in memory.

    Raises:
        InputError: There are fewer bytes than rows, columns and bits ask for.
    """
    if _syntax(header) not in _NATIVE:
        return
    numbers = (dcm.number(header, keyword) for keyword in ("Rows", "Columns", "BitsAllocated"))
    rows, columns, bits = (0.0 if value is None else value for value in numbers)
    needed = math.ceil(rows * columns * (dcm.number(header, "SamplesPerPixel") or 1) * bits / 8)
    stored = _pixel_bytes(path)
    if stored < needed:
        place = np.array(dcm.numbers(header, "ImagePositionPatient", 3, name))
        raise InputError(
            f"{name}: the slice at {at(place)} holds {stored} of the {needed} bytes of its pixels; copy or export "
            "the series again."
        )


def not_decoded(headers: Sequence[Dataset], name: str) -> InputError:
    """The error of a series of known transfer syntax whose pixels could not be decoded all the same."""
    return InputError(
        f"{name}: the pixels of a slice, stored as {_listed(_syntaxes(headers))}, cannot be decoded; copy the series "
        f"again or {_REMEDY}."
    )


def _pixel_bytes(path: Path) -> int:
    """Length of the pixel data as its element states it, but never more than the file has; 0 where there is none."""
    try:
        header = dcmread(path, defer_size=_SHORT_VALUE_BYTES, specific_tags=["PixelData"], force=True)
        element: object = header.get_item("PixelData", keep_deferred=True)
    except dcm.DAMAGED:
        return 0
    if not isinstance(element, RawDataElement):
        return 0
    return min(element.length, path.stat().st_size - element.value_tell)


def _syntaxes(headers: Sequence[Dataset]) -> list[uid.UID]:
    """Transfer syntaxes of a series, sorted."""
    return sorted({_syntax(header) for header in headers})


def _syntax(header: Dataset) -> uid.UID:
    """Transfer syntax of a file; a bare data set names none and is little endian (``dicom_files.is_dicom``)."""
    stated = getattr(getattr(header, "file_meta", None), "TransferSyntaxUID", None)
    return uid.ImplicitVRLittleEndian if stated is None else uid.UID(stated)


def _listed(syntaxes: Sequence[uid.UID]) -> str:
    """Names with their identifiers, for messages."""
    known = (f"{syntax.name} ({syntax})" if syntax.name != str(syntax) else str(syntax) for syntax in syntaxes)
    return " and ".join(known)
