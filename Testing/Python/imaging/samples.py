"""Small images with known content, and DICOM series written from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, PositronEmissionTomographyImageStorage, generate_uid

from LNStationLib.imaging.suv import PetDose

REPOSITORY = Path(__file__).resolve().parents[3]
REAL_CASE = REPOSITORY.parent / "shared" / "data" / "chest_ct_01"

IDENTITY = np.eye(3)
FEET_FIRST = np.diag([-1.0, 1.0, -1.0])
CORONAL = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])


def oblique(degrees: float = 20.0) -> np.ndarray:
    """A rotation about an axis that is none of the patient's."""
    axis = np.array([1.0, 2.0, 3.0]) / np.sqrt(14)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    angle = np.radians(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def wrapped(
    array: np.ndarray,
    spacing: Sequence[float] = (1.0, 1.0, 1.0),
    origin: Sequence[float] = (0.0, 0.0, 0.0),
    direction: np.ndarray = IDENTITY,
) -> sitk.Image:
    """An image of an array ``[z, y, x]``; spacing and origin in the order x, y, z."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing([float(s) for s in spacing])
    image.SetOrigin([float(o) for o in origin])
    image.SetDirection(np.asarray(direction, dtype=float).ravel().tolist())
    return image


def chest(lungs: str = "RL", airway: bool = True, seed: int = 0) -> sitk.Image:
    """A chest of ellipses at 4 x 4 x 5 mm: body, lungs (which sides), trachea, spine, and air around.

    The right lung is larger, so that mirrored images can be told apart.
    """
    z, y, x = np.meshgrid(np.arange(44) * 5.0, np.arange(70) * 4.0, np.arange(90) * 4.0, indexing="ij")
    hu = np.full(z.shape, -1000.0)
    hu[((x - 178) / 160) ** 2 + ((y - 138) / 110) ** 2 < 1] = 40
    for side, center, width in (("R", 98, 58), ("L", 258, 50)):
        if side in lungs:
            inside = ((x - center) / width) ** 2 + ((y - 138) / 80) ** 2 + ((z - 110) / 90) ** 2 < 1
            hu[inside] = -850
    if airway:
        hu[((x - 178) ** 2 + (y - 130) ** 2 < 9**2) & (z > 90)] = -990
    hu[(x - 178) ** 2 + (y - 215) ** 2 < 16**2] = 400
    hu += np.random.default_rng(seed).normal(0, 8, hu.shape)
    return wrapped(np.rint(hu).astype(np.int16), (4, 4, 5), (-178, -138, -300))


def abdomen() -> sitk.Image:
    """A body with two gas-filled bowel loops and no lungs."""
    z, y, x = np.meshgrid(np.arange(44) * 5.0, np.arange(70) * 4.0, np.arange(90) * 4.0, indexing="ij")
    hu = np.full(z.shape, -1000.0)
    hu[((x - 178) / 160) ** 2 + ((y - 138) / 110) ** 2 < 1] = 40
    for center in (120, 240):
        hu[((x - center) / 30) ** 2 + ((y - 80) / 20) ** 2 + ((z - 110) / 60) ** 2 < 1] = -1000
    return wrapped(hu.astype(np.int16), (4, 4, 5))


def box_mask(like: sitk.Image, low: Sequence[int], high: Sequence[int], value: int = 1) -> sitk.Image:
    """A mask on the grid of ``like`` with a box between two indices ``(x, y, z)``."""
    array = np.zeros(like.GetSize()[::-1], dtype=np.uint8)
    array[low[2] : high[2], low[1] : high[1], low[0] : high[0]] = value
    mask = sitk.GetImageFromArray(array)
    mask.CopyInformation(like)
    return mask


def points_mm(image: sitk.Image) -> np.ndarray:
    """LPS points of all voxels, ``[z, y, x, 3]``."""
    k, j, i = np.meshgrid(*(np.arange(n) for n in image.GetSize()[::-1]), indexing="ij")
    index = np.stack([i, j, k], axis=-1) * image.GetSpacing()
    return index @ np.array(image.GetDirection()).reshape(3, 3).T + image.GetOrigin()


PET_DOSE = PetDose(
    weight_kg=70,
    injected_dose_bq=3.5e8,
    half_life_s=6586.2,
    injection_to_scan_s=6586.2,
    decay_corrected_to="scan_start",
)
"""What ``pet_tags`` says."""


def pet_tags(**changes: Any) -> dict[str, Any]:
    """Header of a PET in Bq/ml: 70 kg, 350 MBq fluorine-18, injected exactly one half-life before the scan."""
    drug = {
        "RadionuclideTotalDose": "350000000",
        "RadionuclideHalfLife": "6586.2",
        "RadiopharmaceuticalStartTime": "080000",
        "Radiopharmaceutical": "Fluorodeoxyglucose",
    }
    drug = {keyword: changes.pop(keyword, value) for keyword, value in drug.items()}
    if "RadiopharmaceuticalStartDateTime" in changes:
        drug["RadiopharmaceuticalStartDateTime"] = changes.pop("RadiopharmaceuticalStartDateTime")
    tags: dict[str, Any] = {
        "Units": "BQML",
        "CorrectedImage": ["DECY", "ATTN", "SCAT"],
        "DecayCorrection": "START",
        "PatientWeight": "70",
        "SeriesDate": "20240102",
        "SeriesTime": "094946.2",
        "AcquisitionDate": "20240102",
        "AcquisitionTime": "095000",
        **changes,
    }
    items = [dataset({keyword: value for keyword, value in drug.items() if value is not None})]
    tags.setdefault("RadiopharmaceuticalInformationSequence", DicomSequence(items))
    return {keyword: value for keyword, value in tags.items() if value is not None}


def dataset(tags: dict[str, Any]) -> Dataset:
    """A dataset of keywords and values."""
    result = Dataset()
    for keyword, value in tags.items():
        setattr(result, keyword, value)
    return result


def write_series(
    folder: Path,
    image: sitk.Image,
    modality: str = "CT",
    *,
    slopes: Sequence[float] | None = None,
    intercept: float | None = None,
    tags: dict[str, Any] | None = None,
    number: int = 1,
    reverse_names: bool = False,
    skip: Sequence[int] = (),
) -> list[Path]:
    """Write a volume as a DICOM series, one file a slice, stored = (value - intercept) / slope."""
    folder.mkdir(parents=True, exist_ok=True)
    intercept = (-1024.0 if modality == "CT" else 0.0) if intercept is None else intercept
    array = sitk.GetArrayFromImage(image).astype(float)
    series, frame = generate_uid(), generate_uid()
    files = []
    for k, values in enumerate(array):
        if k in skip:
            continue
        slope = 1.0 if slopes is None else slopes[k]
        header = _slice(image, k, modality, np.rint((values - intercept) / slope))
        header.RescaleSlope, header.RescaleIntercept = f"{slope:.10g}", f"{intercept:.10g}"
        header.SeriesInstanceUID, header.FrameOfReferenceUID, header.SeriesNumber = series, frame, number
        for keyword, value in (tags or {}).items():
            setattr(header, keyword, value)
        place = len(array) - k if reverse_names else k
        files.append(folder / f"s{number}_{place:04d}.dcm")
        header.save_as(files[-1], enforce_file_format=True)
    return files


def write_enhanced(
    folder: Path,
    image: sitk.Image,
    modality: str = "CT",
    syntax: str = ExplicitVRLittleEndian,
    **series: Any,
) -> Path:
    """One enhanced file of the slices of an image, the last slice first, in ``enhanced``; beside it the slices."""
    from highdicom import legacy

    files = write_series(folder / "classic", image, modality, **series)
    slices = [dcmread(file) for file in reversed(files)]
    for place, one in enumerate(slices):
        one.PatientName, one.PatientID, one.PatientBirthDate, one.PatientSex = "", "1", "", ""
        one.StudyID, one.StudyDate, one.StudyTime, one.AccessionNumber = "1", "20240102", "090000", ""
        one.ReferringPhysicianName, one.Manufacturer, one.InstanceNumber = "", "", place + 1
        one.ImageType, one.FrameOfReferenceUID = ["ORIGINAL", "PRIMARY", "AXIAL"], "1.2.840.99.1"
        one.SeriesDate, one.SeriesTime = "20240102", "090000"
        one.AcquisitionDate, one.AcquisitionTime, one.AcquisitionNumber = "20240102", "090000", 1
    kinds = {"CT": legacy.LegacyConvertedEnhancedCTImage, "PT": legacy.LegacyConvertedEnhancedPETImage}
    made = kinds[modality](slices, generate_uid(), 1, generate_uid(), 1)
    if syntax != ExplicitVRLittleEndian:
        made.compress(syntax)
    (folder / "enhanced").mkdir()
    made.save_as(folder / "enhanced" / "all.dcm")
    return folder / "enhanced"


def _slice(image: sitk.Image, k: int, modality: str, stored: np.ndarray) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = CTImageStorage if modality == "CT" else PositronEmissionTomographyImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    header = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    spacing = image.GetSpacing()
    header.SOPClassUID, header.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    header.StudyInstanceUID, header.Modality = "1.2.826.0.1.3680043.8.498.1", modality
    header.SeriesDescription, header.InstanceNumber = "test", k + 1
    header.PatientName, header.PatientID = "Secret^Name", "SECRET-1"
    header.PatientSex, header.PatientAge, header.StudyDate = "F", "063Y", "20240102"
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.ImageOrientationPatient = [f"{v:.10g}" for v in (*direction[:, 0], *direction[:, 1])]
    header.ImagePositionPatient = [f"{v:.8g}" for v in image.TransformIndexToPhysicalPoint([0, 0, k])]
    header.PixelSpacing = [f"{spacing[1]:.8g}", f"{spacing[0]:.8g}"]
    header.SliceThickness = f"{spacing[2]:.8g}"
    header.Rows, header.Columns = stored.shape
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, 16, 15
    header.SamplesPerPixel, header.PhotometricInterpretation, header.PixelRepresentation = 1, "MONOCHROME2", 0
    header.PixelData = np.clip(stored, 0, 65535).astype("<u2").tobytes()
    return header


def move(file: Path, position: tuple[float, float, float]) -> None:
    """Give a DICOM file another position, LPS mm."""
    change(file, ImagePositionPatient=[f"{v:.6f}" for v in position])


def change(file: Path, **tags: object) -> None:
    """Write other values into a DICOM file; ``None`` takes an attribute out."""
    header = dcmread(file)
    for keyword, value in tags.items():
        if value is None:
            delattr(header, keyword)
        else:
            setattr(header, keyword, value)
    header.save_as(file)
