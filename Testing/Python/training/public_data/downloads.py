"""Tiny folders of the same shape as public data sets: DICOM images with what was drawn on them, and image files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import SimpleITK as sitk
from imaging.samples import FEET_FIRST, box_mask, dataset, oblique, pet_tags, wrapped, write_series
from pydicom import dcmread
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.sr.codedict import codes
from pydicom.uid import Comprehensive3DSRStorage, ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

SIZE = (12, 16, 16)
NODE_LOW, NODE_HIGH = (3, 5, 4), (6, 8, 7)
"""Box of the first node, indices ``(x, y, z)``."""
OTHER_LOW, OTHER_HIGH = (10, 2, 8), (12, 5, 10)
FRAME = "1.2.3.4"
_HIGHDICOM_ASKS_FOR = (
    "PatientBirthDate", "AccessionNumber", "StudyID", "StudyTime", "ReferringPhysicianName", "PatientSex",
)  # fmt: skip


def ct(direction: np.ndarray = FEET_FIRST) -> sitk.Image:
    """Noise from air to bone, voxels of three lengths, axes that are not the patient's."""
    hu = np.random.default_rng(1).integers(-900, 300, SIZE).astype(np.int16)
    return wrapped(hu, (15.0, 12.0, 10.0), (40.0, -30.0, 20.0), direction)


def nodes(like: sitk.Image, first: int = 1, second: int = 2) -> sitk.Image:
    """Two nodes."""
    return box_mask(like, NODE_LOW, NODE_HIGH, first) + box_mask(like, OTHER_LOW, OTHER_HIGH, second)


def center_mm(image: sitk.Image, value: int = 1) -> np.ndarray:
    """Of the voxels with a value, LPS mm."""
    index = np.argwhere(sitk.GetArrayFromImage(image) == value)[:, ::-1].mean(axis=0)
    return np.array(image.TransformContinuousIndexToPhysicalPoint(index.tolist()))


def save(image: sitk.Image, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path))
    return path


# DICOM


def add_study(
    root: Path, patient: str, image: sitk.Image | None = None, modality: str = "CT", study: str = "", **tags: Any
) -> list[Path]:
    """A series of a patient in the folders that idc-index makes."""
    uid = study or f"1.2.{sum(patient.encode())}"
    tags = {
        "PatientID": patient,
        "StudyInstanceUID": uid,
        "FrameOfReferenceUID": FRAME,
        **(pet_tags() if modality == "PT" else {}),
        **tags,
    }
    image = image or (uptake() if modality == "PT" else ct())
    return write_series(root / patient / uid / f"{modality}_{generate_uid()}", image, modality, tags=tags)


def uptake() -> sitk.Image:
    """Bq/ml that make SUV of a patient."""
    return sitk.Cast(ct(), sitk.sitkFloat32) * 20.0 + 20000.0


def add_segmentation(
    files: Sequence[Path], mask: sitk.Image, description: str, labels: Sequence[str] = ("Lymph node",)
) -> Path:
    """A Segmentation beside a series, written by highdicom; each value of the mask is a segment."""
    source = sorted((dcmread(file) for file in files), key=lambda one: one.InstanceNumber)
    for one in source:
        for keyword in _HIGHDICOM_ASKS_FOR:
            setattr(one, keyword, one.get(keyword, ""))
    values = sitk.GetArrayFromImage(mask)
    algorithm = hd.AlgorithmIdentificationSequence("hand", codes.DCM.ArtificialIntelligence, "1")
    segments = [
        hd.seg.SegmentDescription(
            number,
            label,
            codes.SCT.AnatomicalStructure,
            codes.SCT.LymphNode if "node" in label.lower() else codes.SCT.Neoplasm,
            hd.seg.SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
            algorithm,
        )
        for number, label in enumerate(labels, 1)
    ]
    made = hd.seg.Segmentation(
        source_images=source,
        pixel_array=np.stack([values == number for number in range(1, len(labels) + 1)], axis=-1),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=segments,
        series_instance_uid=generate_uid(),
        series_number=100,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="test",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
        series_description=description,
    )
    return _save(made, files, "SEG")


def add_structure_set(files: Sequence[Path], regions: dict[str, tuple[Sequence[int], Sequence[int]]]) -> Path:
    """A Structure Set beside a series: boxes of indices ``(x, y, z)`` as closed contours."""
    source = sorted((dcmread(file) for file in files), key=lambda one: one.InstanceNumber)
    names, drawn = [], []
    for number, (label, (low, high)) in enumerate(regions.items(), 1):
        names.append(dataset({"ROINumber": number, "ROIName": label, "ReferencedFrameOfReferenceUID": FRAME}))
        contours = [_contour(source[k], low, high) for k in range(low[2], high[2])]
        drawn.append(dataset({"ReferencedROINumber": number, "ContourSequence": DicomSequence(contours)}))
    series = dataset({"SeriesInstanceUID": source[0].SeriesInstanceUID})
    study = dataset({"RTReferencedSeriesSequence": DicomSequence([series])})
    frame = dataset({"FrameOfReferenceUID": FRAME, "RTReferencedStudySequence": DicomSequence([study])})
    made = _like(source[0], "RTSTRUCT", RTStructureSetStorage)
    made.StructureSetROISequence, made.ROIContourSequence = DicomSequence(names), DicomSequence(drawn)
    made.ReferencedFrameOfReferenceSequence = DicomSequence([frame])
    return _save(made, files, "RTSTRUCT")


def add_report(files: Sequence[Path], low: Sequence[int], high: Sequence[int]) -> Path:
    """A measurement report beside a series: a box of pixels on each of some slices."""
    source = sorted((dcmread(file) for file in files), key=lambda one: one.InstanceNumber)
    x0, y0, x1, y1 = low[0], low[1], high[0] - 1, high[1] - 1
    groups = []
    for k in range(low[2], high[2]):
        slice_ = dataset({"ReferencedSOPInstanceUID": source[k].SOPInstanceUID})
        image = dataset({"ValueType": "IMAGE", "ReferencedSOPSequence": DicomSequence([slice_])})
        line = dataset(
            {
                "ValueType": "SCOORD",
                "GraphicType": "POLYLINE",
                "GraphicData": [float(v) for v in (x0, y0, x1, y0, x1, y1, x0, y1, x0, y0)],
                "ContentSequence": DicomSequence([image]),
            }
        )
        groups.append(dataset({"ValueType": "CONTAINER", "ContentSequence": DicomSequence([line])}))
    series = dataset({"SeriesInstanceUID": source[0].SeriesInstanceUID})
    made = _like(source[0], "SR", Comprehensive3DSRStorage)
    made.SeriesDescription, made.ValueType = "Tumor bounding box", "CONTAINER"
    made.ContentSequence = DicomSequence(groups)
    evidence = dataset({"ReferencedSeriesSequence": DicomSequence([series])})
    made.CurrentRequestedProcedureEvidenceSequence = DicomSequence([evidence])
    return _save(made, files, "SR")


def voc(file: Path, low: Sequence[int], high: Sequence[int]) -> None:
    """Boxes of one slice as PASCAL VOC."""
    names = ("xmin", "ymin", "xmax", "ymax")
    inside = "".join(
        f"<{name}>{value}</{name}>" for name, value in zip(names, (*low[:2], *(v - 1 for v in high[:2])), strict=True)
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"<annotation><object><name>A</name><bndbox>{inside}</bndbox></object></annotation>")


def _contour(slice_: Any, low: Sequence[int], high: Sequence[int]) -> Any:
    """The outline of voxels on a slice, half a pixel around their centers."""
    origin, cosines = np.array(slice_.ImagePositionPatient, float), np.array(slice_.ImageOrientationPatient, float)
    rows_mm, columns_mm = (float(v) for v in slice_.PixelSpacing)
    corners = [
        (low[0] - 0.5, low[1] - 0.5), (high[0] - 0.5, low[1] - 0.5),
        (high[0] - 0.5, high[1] - 0.5), (low[0] - 0.5, high[1] - 0.5),
    ]  # fmt: skip
    points = [origin + x * columns_mm * cosines[:3] + y * rows_mm * cosines[3:] for x, y in corners]
    data = [f"{v:.6f}" for point in points for v in point]
    return dataset({"ContourGeometricType": "CLOSED_PLANAR", "NumberOfContourPoints": 4, "ContourData": data})


def _like(source: Any, modality: str, sop_class: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, sop_class
    meta.MediaStorageSOPInstanceUID = generate_uid()
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    made.Modality, made.SeriesInstanceUID = modality, generate_uid()
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "StudyDate", "FrameOfReferenceUID"):
        setattr(made, keyword, getattr(source, keyword))
    return made


def _save(made: Any, files: Sequence[Path], modality: str) -> Path:
    folder = files[0].parent.parent / f"{modality}_{made.SeriesInstanceUID}"
    folder.mkdir()
    made.save_as(folder / "object.dcm", enforce_file_format=True)
    return folder / "object.dcm"


# Image files


def add_lynos(root: Path, number: int, inner: str = "LyNoS") -> Path:
    """A patient of LyNoS: nodes 3 and 5, azygos vein, oblique axes. Zenodo's archive calls its folder Benchmark."""
    image = ct(oblique())
    folder = root / inner / f"Pat{number}"
    save(nodes(image, 3, 5), folder / f"pat{number}_labels_LymphNodes.nii.gz")
    save(box_mask(image, (8, 8, 2), (9, 10, 9)), folder / f"pat{number}_labels_Azygos.nii.gz")
    return save(image, folder / f"pat{number}_data.nii.gz")


def add_lnq(root: Path, name: str, endings: tuple[str, str] = ("-ct.nrrd", "-seg.nrrd")) -> Path:
    """A patient of LNQ2023, oblique axes."""
    image = ct(oblique())
    save(box_mask(image, NODE_LOW, NODE_HIGH), root / "train" / f"{name}{endings[1]}")
    return save(image, root / "train" / f"{name}{endings[0]}")


def add_autopet(root: Path, patient: str, study: str, lesions: bool = True) -> Path:
    """A study of autoPET, whose PET lies on another grid than its CT."""
    image, folder = ct(oblique()), root / patient / study
    coarse, drawn = _suv(lesions)
    save(drawn, folder / "SEG.nii.gz")
    save(coarse, folder / "SUV.nii.gz")
    return save(image, folder / "CT.nii.gz")


def add_autopet_pair(root: Path, case: str) -> Path:
    """A study of autoPET as nnU-Net takes it: the CT was brought to the grid of the PET."""
    coarse, drawn = _suv(lesions=True)
    save(drawn, root / "labelsTr" / f"{case}.nii.gz")
    save(coarse, root / "imagesTr" / f"{case}_0001.nii.gz")
    return save(sitk.Resample(ct(oblique()), coarse), root / "imagesTr" / f"{case}_0000.nii.gz")


def _suv(lesions: bool) -> tuple[sitk.Image, sitk.Image]:
    values = np.arange(1000, dtype=np.float32).reshape(10, 10, 10) / 200
    coarse = wrapped(values, (18.0, 16.0, 14.0), ct(oblique()).GetOrigin(), oblique())
    return coarse, box_mask(coarse, (2, 2, 2), (3, 4, 4) if lesions else (2, 2, 2))
