"""Patients that can be found: marks wherever an archive has identifiers, and the search for them.

Every attribute that DICOM's basic profile of confidentiality takes away (PS3.15, table E.1-1) and that CT and PET
headers carry holds a mark, and so do private elements, folders and file names as archives make them.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import SimpleITK as sitk
from imaging.samples import write_series
from pydicom import dcmread

MARK = "ZQXJ"
"""In no word of any language, and in nothing that compresses."""
BORN, STUDIED = "19330307", "20110923"
UID = "1.2.826.0.1.3680043.8.498.987654321987654321"
NAMES = (
    "PatientName",
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "OperatorsName",
    "PatientMotherBirthName",
)
TEXTS = (
    "PatientID", "OtherPatientIDs", "PatientAddress", "PatientTelephoneNumbers", "PatientComments", "AccessionNumber",
    "InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "StationName", "StudyID", "MedicalAlerts",
    "DeviceSerialNumber", "StudyDescription", "SeriesDescription", "ProtocolName", "ImageComments", "Occupation",
    "AdditionalPatientHistory", "RequestedProcedureDescription", "AdmissionID", "EthnicGroup", "MilitaryRank",
    "Allergies", "AcquisitionComments", "DerivationDescription",
)  # fmt: skip
DATES = ("PatientBirthDate", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")


def marked_tags() -> dict[str, Any]:
    """Attributes with marks; dates are marks themselves."""
    tags: dict[str, Any] = dict.fromkeys(NAMES, f"{MARK}^Jane")
    tags |= {name: f"{MARK}{number}" for number, name in enumerate(TEXTS)}
    return (
        tags
        | {"PatientBirthDate": BORN, "StudyInstanceUID": UID, "StudyID": MARK, "PatientAge": "078Y"}
        | dict.fromkeys(DATES[1:], STUDIED)
    )


def write_marked(folder: Path, image: sitk.Image, modality: str, study: str = UID, **more: Any) -> Path:
    """A marked series in a folder and under file names of an archive."""
    place = folder / f"{MARK}^JANE_{BORN}" / f"{modality}_{STUDIED}"
    tags = {**more, **marked_tags(), "StudyInstanceUID": study}
    for number, path in enumerate(write_series(place, image, modality, tags=tags)):
        header = dcmread(path)
        block = header.private_block(0x0011, MARK, create=True)
        block.add_new(1, "LO", f"{MARK} private")
        header.save_as(place / f"{MARK}_{number:04d}.dcm")
        path.unlink()
    return place


def unpacked(content: bytes) -> Iterator[bytes]:
    """The bytes, and what is packed in them as gzip files, zips, PDFs and PNGs pack."""
    yield content
    if content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
    for start in (b"stream\n", b"stream\r\n", b"tEXt", b"iTXt", b"zTXt"):
        for piece in content.split(start)[1:]:
            try:
                yield zlib.decompressobj().decompress(piece)
            except zlib.error:
                yield piece[:300]


def marks_in(content: bytes) -> list[str]:
    """Marks found, whatever the encoding."""
    marks = [MARK, BORN, STUDIED, "1933-03-07", "2011-09-23", "07.03.1933", UID]
    coded = {mark: [mark.encode(), mark.encode("utf-16-le"), mark.lower().encode()] for mark in marks}
    return sorted(
        {m for m, forms in coded.items() for part in unpacked(content) if any(form in part for form in forms)}
    )
