"""A CT series for a case whose CT did not come from DICOM, so that an archive can show results on it."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from LNStationLib import __version__
from LNStationLib.export.dicom.identity import MANUFACTURER, MODEL_NAME, uid_of
from LNStationLib.export.dicom.source import UTF_8, SourceSeries, place
from LNStationLib.imaging.arrays import array_view
from LNStationLib.state.assessment import CaseSummary

_SERIES_NUMBER = 9000
_DERIVATION = "Converted from a file that is not DICOM; header values other than geometry are not the scanner's."


def derived_series(ct: sitk.Image, case: CaseSummary, made: str) -> tuple[SourceSeries, list[FileDataset]]:
    """Write a CT as a series of a study of its own.

    Args:
        ct: int16 HU.
        case: Names the patient: the case's name stands for Patient ID and Patient's Name, which the file did not say.
        made: ISO 8601 time of the assessment; gives the study's date.

    Returns:
        The series as a source of results, and its images in the order of the CT's array. The same CT of the same case
        gives the same identifiers.
    """
    geometry = repr((ct.GetOrigin(), ct.GetSpacing(), ct.GetDirection()))
    digest = hashlib.sha256(array_view(ct).tobytes() + geometry.encode()).hexdigest()
    common = _common(case, made, digest)
    images = [_image(common, values, k, ct, digest) for k, values in enumerate(array_view(ct))]
    grid = sitk.Image(ct.GetSize(), sitk.sitkUInt8)
    grid.CopyInformation(ct)
    return SourceSeries(tuple(images), grid), images


def _common(case: CaseSummary, made: str, digest: str) -> dict[str, Any]:
    """Attributes that all images of the series share."""
    day, clock = made[:10].replace("-", ""), made[11:19].replace(":", "")
    age = {} if case.age_years is None else {"PatientAge": f"{case.age_years:03d}Y"}
    return {
        "SpecificCharacterSet": UTF_8,
        "ImageType": ["DERIVED", "SECONDARY", "AXIAL"],
        "SOPClassUID": CTImageStorage,
        "StudyDate": (case.study_date or day).replace("-", ""),
        "StudyTime": clock,
        "SeriesDate": day,
        "SeriesTime": clock,
        "ContentDate": day,
        "ContentTime": clock,
        "AccessionNumber": "",
        "Modality": "CT",
        "BodyPartExamined": "CHEST",
        "Manufacturer": MANUFACTURER,
        "ManufacturerModelName": MODEL_NAME,
        "SoftwareVersions": __version__,
        "ReferringPhysicianName": "",
        "StudyDescription": "CT of the chest, converted",
        "SeriesDescription": "CT converted by LNStation (research use only)",
        "DerivationDescription": _DERIVATION,
        "PatientName": f"{case.case_id}^",
        "PatientID": case.case_id,
        "PatientBirthDate": "",
        "PatientSex": case.sex or "",
        **age,
        "StudyInstanceUID": uid_of(digest, case.case_id, "study"),
        "SeriesInstanceUID": uid_of(digest, case.case_id, "series"),
        "FrameOfReferenceUID": uid_of(digest, case.case_id, "frame of reference"),
        "StudyID": "",
        "SeriesNumber": _SERIES_NUMBER,
        "AcquisitionNumber": None,
        "KVP": None,
        "PositionReferenceIndicator": "",
        "PatientPosition": "",
    }


def _image(common: dict[str, Any], values: np.ndarray, k: int, ct: sitk.Image, digest: str) -> FileDataset:
    uid = uid_of(digest, common["PatientID"], "image", str(k))
    image = FileDataset("", Dataset(), file_meta=_meta(uid), preamble=b"\0" * 128)
    for keyword, value in common.items():
        setattr(image, keyword, value)
    image.SOPInstanceUID, image.InstanceNumber = uid, k + 1
    place(image, ct)
    image.ImagePositionPatient = [round(at, 6) for at in ct.TransformIndexToPhysicalPoint([0, 0, k])]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = values.shape
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = 0, 1, "HU"
    image.PixelData = np.ascontiguousarray(values, "<i2").tobytes()
    return image


def _meta(uid: UID) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, uid
    return meta
