"""What the index keeps of a DICOM file: no name and no number of the patient.

Descriptions of series, in which people may write both, are kept for the rules, and told only where that is asked for.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.imaging.dicom_files import dicom_header
from LNStationLib.imaging.dicom_frames import slice_headers
from LNStationLib.imaging.tracer import said_of_tracer

_TEXTS = {
    "series": "SeriesInstanceUID",
    "sop": "SOPInstanceUID",
    "sop_class": "SOPClassUID",
    "description": "SeriesDescription",
    "protocol": "ProtocolName",
    "body_part": "BodyPartExamined",
    "frame": "FrameOfReferenceUID",
    "contrast": "ContrastBolusAgent",
}
_NUMBERS = {
    "number": "SeriesNumber",
    "thickness_mm": "SliceThickness",
    "rows": "Rows",
    "columns": "Columns",
    "samples": "SamplesPerPixel",
    "frames": "NumberOfFrames",
}
_WORDS = {"image_type": "ImageType", "corrected": "CorrectedImage", "series_type": "SeriesType"}


def facts_of(path: Path) -> dict[str, Any] | None:
    """Facts of a DICOM file as JSON can hold them; ``None`` where it is none, or is damaged.

    Of an enhanced file those of its first frame, with ``frame_positions`` of all.
    """
    file_header = dicom_header(path)
    study = "" if file_header is None else dcm.text(file_header, "StudyInstanceUID")
    if file_header is None or not study:
        return None
    header, *others = slice_headers(file_header)
    facts: dict[str, Any] = {"study": study, "modality": dcm.text(header, "Modality").upper()}
    facts |= {name: dcm.text(header, keyword) for name, keyword in _TEXTS.items()}
    facts |= {name: dcm.number(header, keyword) for name, keyword in _NUMBERS.items()}
    facts |= {name: dcm.words(header, keyword) for name, keyword in _WORDS.items()}
    facts["kernel"] = " ".join(dcm.texts(header, "ConvolutionKernel")[:1])
    facts["position"] = dcm.numbers_or_none(header, "ImagePositionPatient", 3)
    if others:
        facts["frame_positions"] = [dcm.numbers_or_none(one, "ImagePositionPatient", 3) for one in (header, *others)]
    facts["orientation"] = dcm.numbers_or_none(header, "ImageOrientationPatient", 6)
    facts["tracer"] = said_of_tracer(header)
    # Told apart, never told: a digest of a number that thousands have could be undone, so the study goes with it.
    facts["patient"] = hashlib.sha256(f"{study} {dcm.text(header, 'PatientID')}".encode()).hexdigest()[:12]
    return facts


def identifiers_of(path: Path) -> dict[str, str]:
    """What identifies patient, study and series, where it was asked for."""
    header = dicom_header(path)
    if header is None:
        return {}
    keywords = {
        "description": "SeriesDescription",
        "patient_id": "PatientID",
        "study_instance_uid": "StudyInstanceUID",
        "series_instance_uid": "SeriesInstanceUID",
        "accession_number": "AccessionNumber",
    }
    return {name: dcm.text(header, keyword) for name, keyword in keywords.items()}
