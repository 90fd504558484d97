"""What every object says of itself: identifiers, time, and the program that made it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from LNStationLib import __version__, anatomy
from LNStationLib.export.dicom.source import UTF_8, SourceSeries, study_header
from LNStationLib.export.wording import SYNTHETIC_MODEL
from LNStationLib.state.assessment import Assessment

AnyObject = TypeVar("AnyObject", bound=Dataset)

MANUFACTURER = "LNStation"
MODEL_NAME = "LNStation (research use only)"
SERIAL_NUMBER = "none"
"""Software has none, and the Enhanced General Equipment Module wants a value (DICOM PS3.3, C.7.5.2)."""
_NAMESPACE = uuid.UUID("6f0a6f3e-0f52-5b58-9c6e-2f9d2f0f9d1b")
"""Of the project's identifiers; drawn once."""


@dataclass(frozen=True)
class Identity:
    """What the objects of one export have in common.

    Attributes:
        content: Digest of all that they say; equal content gives equal identifiers, so that an archive that gets an
            object twice has it once, and other content gives others.
        made: When the assessment was made.
    """

    content: str
    made: datetime

    @classmethod
    def of(cls, made: str, *parts: bytes) -> Identity:
        """Of everything that goes into the objects.

        Args:
            made: ISO 8601 time of the assessment; without a zone it is in UTC.
            parts: Their content.
        """
        digest = hashlib.sha256()
        for part in parts:
            digest.update(len(part).to_bytes(8, "big") + part)
        when = datetime.fromisoformat(made)
        return cls(digest.hexdigest(), (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone())

    def uid(self, *names: str) -> UID:
        """An identifier of this content; the same names give the same (DICOM PS3.5, B.2: derived from a UUID)."""
        return uid_of(self.content, *names)


def uid_of(*names: str) -> UID:
    """The identifier that belongs to some names."""
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, '|'.join(names)).int}")


def equipment() -> dict[str, Any]:
    """The program, as highdicom's constructors take it."""
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MODEL_NAME,
        "software_versions": __version__,
        "device_serial_number": SERIAL_NUMBER,
        "coding_schemes": [private_scheme()],
    }


def private_scheme() -> CodingSchemeIdentificationItem:
    """Who is behind the codes that no public terminology has (DICOM PS3.3, C.12.1)."""
    return CodingSchemeIdentificationItem(
        designator=anatomy.PRIVATE_SCHEME, name="LNStation private codes", responsible_organization=MANUFACTURER
    )


def series(identity: Identity, name: str, number: int) -> dict[str, Any]:
    """Series and instance of an object, as highdicom's constructors take them."""
    return {
        "series_instance_uid": identity.uid(name, "series"),
        "series_number": number,
        "sop_instance_uid": identity.uid(name),
        "instance_number": 1,
    }


def started(
    source: SourceSeries,
    sop_class: str,
    modality: str,
    names: Mapping[str, Any],
    transfer_syntax: str = ExplicitVRLittleEndian,
) -> FileDataset:
    """An object that highdicom has no class for: patient, study, series and equipment, and nothing else yet.

    Args:
        source: Whose study it joins.
        sop_class: UID of what it is.
        modality: Of its series.
        names: From :func:`series`.
        transfer_syntax: How it is encoded.
    """
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(transfer_syntax)
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(sop_class), names["sop_instance_uid"]
    made = FileDataset("", study_header(source.study), file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = UID(sop_class), names["sop_instance_uid"]
    made.SeriesInstanceUID, made.SeriesNumber = names["series_instance_uid"], names["series_number"]
    made.InstanceNumber, made.Modality = names["instance_number"], modality
    made.Manufacturer, made.ManufacturerModelName, made.SoftwareVersions = MANUFACTURER, MODEL_NAME, __version__
    made.DeviceSerialNumber = SERIAL_NUMBER
    made.CodingSchemeIdentificationSequence = [private_scheme()]
    return made


def finish(made: AnyObject, identity: Identity, description: str) -> AnyObject:
    """Complete an object: character set, title of its series, and the time of the assessment as its own."""
    made.SpecificCharacterSet = UTF_8
    made.SeriesDescription = description
    for what in ("InstanceCreation", "Content", "Series"):
        setattr(made, f"{what}Date", f"{identity.made:%Y%m%d}")
        setattr(made, f"{what}Time", f"{identity.made:%H%M%S}")
    return made


def limits_of_use(assessment: Assessment) -> str:
    """What the reader of any object must know, in one text; with the note on synthetic training where it holds."""
    notes = [assessment.research_use]
    if assessment.trained_on_synthetic:
        notes.append(f"{SYNTHETIC_MODEL}.")
    if assessment.case.synthetic:
        notes.append("The patient is synthetic.")
    return " ".join(notes)
