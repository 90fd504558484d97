"""Enhanced multi-frame DICOM as slices: a header for each frame, and its pixels as a file of its own.

Newer scanners write a whole volume into one file. What differs from frame to frame (place, spacing, rescaling) stands
in functional groups (DICOM PS3.3, C.7.6.16), here laid flat, so that frames are grouped, ordered and checked as the
slices of a classic series are.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydicom import dcmread, uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames

from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.imaging.enhanced_pet import say_as_classic_pet
from LNStationLib.support.errors import InputError

_SHARED, _PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
_WHOLE = "RealWorldValueMappingSequence"
"""A macro of several items, one for each quantity or range of values."""
_PIXELS = (
    "Modality", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored",
    "HighBit", "PixelRepresentation", "RescaleSlope", "RescaleIntercept", "ImagePositionPatient",
    "ImageOrientationPatient", "PixelSpacing",
)  # fmt: skip
"""What decoding a slice needs; nothing that names a patient."""
_CLASSES = {"CT": uid.CTImageStorage, "PT": uid.PositronEmissionTomographyImageStorage}


class FrameHeader(Dataset):
    """The header of a frame of an enhanced file, as if the frame were a file of its own.

    Attributes:
        place: Of the frame in its file, from 0.
    """

    place: int


def slice_headers(header: Dataset) -> list[Dataset]:
    """One header for each frame of an enhanced file; of any other file its own header.

    Args:
        header: Without pixels.
    """
    count = dcm.number(header, "NumberOfFrames") or 1
    try:
        groups = list(header.get(_PER_FRAME) or ())
        if not groups or len(groups) != count:
            return [header]
        common = _without_groups(header)
        for group in header.get(_SHARED) or ():
            common.update(_laid_flat(group))
        return [_of_frame(common, group, place) for place, group in enumerate(groups)]
    except dcm.DAMAGED:
        return [header]


def frame_number(header: Dataset) -> int | None:
    """Number of a frame in its file, from 1 as DICOM counts; ``None`` for a header of a file of its own."""
    return header.place + 1 if isinstance(header, FrameHeader) else None


def _without_groups(header: Dataset) -> FrameHeader:
    common = _copied(header)
    for keyword in (_SHARED, _PER_FRAME, "NumberOfFrames"):
        common.pop(keyword, None)
    return common


def _copied(header: Dataset) -> FrameHeader:
    # The constructor shares the elements of what it is given.
    copied = FrameHeader()
    copied.update(header)
    copied.file_meta = header.file_meta
    return copied


def _laid_flat(group: Dataset) -> Dataset:
    """The attributes of all macros of a functional group."""
    flat = Dataset()
    for element in group:
        if element.keyword == _WHOLE:
            flat[element.tag] = element
        elif element.VR == "SQ" and element.value:
            flat.update(element.value[0])
    return flat


def _of_frame(common: FrameHeader, group: Dataset, place: int) -> FrameHeader:
    frame = _copied(common)
    frame.update(_laid_flat(group))
    frame.place = place
    say_as_classic_pet(frame)
    return frame


@contextmanager
def single_files(files: Sequence[Path], headers: Sequence[Dataset], name: str) -> Iterator[list[Path]]:
    """A file for each slice: its own, or of a frame a temporary one without anything that names a patient.

    Args:
        files: Of the slices, in any order.
        headers: Of the same slices, as :func:`slice_headers` gives them.
        name: How messages call the series.

    Raises:
        InputError: A file is damaged, or there is no room for temporary ones.
    """
    if not any(isinstance(header, FrameHeader) for header in headers):
        yield list(files)
        return
    with tempfile.TemporaryDirectory(prefix="LNStation-") as folder:
        yield _written(files, headers, Path(folder), name)


def _written(files: Sequence[Path], headers: Sequence[Dataset], folder: Path, name: str) -> list[Path]:
    frames: dict[Path, list[bytes]] = {}
    written = []
    for number, (file, header) in enumerate(zip(files, headers, strict=True)):
        if not isinstance(header, FrameHeader):
            written.append(file)
            continue
        try:
            if file not in frames:
                frames[file] = _frame_bytes(file)
            written.append(folder / f"{number:05d}.dcm")
            _single(header, frames[file][header.place]).save_as(written[-1], enforce_file_format=True)
        except dcm.DAMAGED as error:
            raise InputError(
                f"{name}: a frame of its multi-frame file cannot be read, or there is no room for temporary files; "
                "export the series again, as single slices if that is offered."
            ) from error
    return written


def _frame_bytes(file: Path) -> list[bytes]:
    """The stored pixels of every frame of a file."""
    whole = dcmread(file, force=True)
    count = int(whole.NumberOfFrames)
    if whole.file_meta.TransferSyntaxUID.is_encapsulated:
        return list(generate_frames(whole.PixelData, number_of_frames=count))
    values = whole.Rows * whole.Columns * whole.SamplesPerPixel
    size = math.ceil(values * whole.BitsAllocated / 8)
    return [whole.PixelData[number * size : (number + 1) * size] for number in range(count)]


def _single(header: Dataset, pixels: bytes) -> Dataset:
    """A classic file of one slice."""
    single = Dataset()
    for keyword in _PIXELS:
        if keyword in header:
            single[keyword] = header[keyword]
    single.SOPClassUID = _CLASSES.get(dcm.text(header, "Modality").upper(), uid.SecondaryCaptureImageStorage)
    single.SOPInstanceUID = uid.generate_uid()
    syntax = header.file_meta.TransferSyntaxUID
    single.file_meta = FileMetaDataset()
    single.file_meta.TransferSyntaxUID = syntax
    single.PixelData = encapsulate([pixels]) if syntax.is_encapsulated else pixels + b"\0" * (len(pixels) % 2)
    single["PixelData"].VR = "OB" if syntax.is_encapsulated or single.BitsAllocated <= 8 else "OW"
    return single
