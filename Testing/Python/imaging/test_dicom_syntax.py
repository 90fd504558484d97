"""Series in every way that DICOM stores pixels (PS3.5 chapter 10): read right, or refused by the name of the way."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from imaging.samples import wrapped, write_series
from PIL import Image
from pydicom import FileDataset, dcmread, uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames

from LNStationLib.imaging.dicom_series import read_series
from LNStationLib.support.errors import GeometryError, InputError

VALUES = np.random.default_rng(5).integers(-1000, 2000, (12, 16, 16)).astype(np.int16)

JPEG_LS_STREAM = bytes.fromhex(
    "ffd8fff7000b080004000401011100ffda0008010100000000c000006c80208e01c0000057400000"
    "6ee6000001bc18000005d800009160ffd9"
)
JPEG_LS_VALUES = np.array([[0, 0, 90, 74], [68, 50, 43, 205], [64, 145, 145, 145], [100, 145, 145, 145]])
"""The worked example of the JPEG-LS standard (ITU-T T.87, annex H.3)."""


def series(folder: Path, store: Callable[[FileDataset], None], values: np.ndarray = VALUES) -> list[Path]:
    """Write a series, each file stored anew by ``store``."""
    files = write_series(folder, wrapped(values, (1, 1, 2)))
    for file in files:
        header = dcmread(file)
        store(header)
        if header.file_meta.TransferSyntaxUID == uid.ExplicitVRBigEndian:
            header = big_endian(header)
        header.save_as(file, enforce_file_format=True)
    return files


def big_endian(header: FileDataset) -> Dataset:
    """The same elements in a data set of no byte order yet: pydicom turns no file's byte order round."""
    turned = Dataset()
    for element in header:
        turned.add(element)
    turned.PixelData = np.frombuffer(header.PixelData, "<u2").astype(">u2").tobytes()
    turned.file_meta, turned.preamble = header.file_meta, header.preamble
    return turned


def read(folder: Path) -> np.ndarray:
    return sitk.GetArrayFromImage(read_series(folder, "CT", "CT", lambda _: None).image)


def encapsulated(header: FileDataset, syntax: str, frame: bytes) -> None:
    header.file_meta.TransferSyntaxUID = uid.UID(syntax)
    header.PixelData = encapsulate([frame])
    header["PixelData"].VR, header["PixelData"].is_undefined_length = "OB", True


def by_itk(compressor: str) -> Callable[[FileDataset], None]:
    """Compress as GDCM does inside SimpleITK: ``"JPEG"`` is lossless JPEG, ``"JPEG2000"`` lossless JPEG 2000."""

    def store(header: FileDataset) -> None:
        file = Path(str(header.filename)).with_suffix(".itk")
        writer = sitk.ImageFileWriter()
        writer.SetImageIO("GDCMImageIO")
        writer.SetFileName(str(file))
        writer.SetUseCompression(True)
        writer.SetCompressor(compressor)
        writer.Execute(sitk.GetImageFromArray(header.pixel_array[None]))
        made = dcmread(file)
        file.unlink()
        frame = next(generate_frames(made.PixelData, number_of_frames=1))
        encapsulated(header, made.file_meta.TransferSyntaxUID, frame)

    return store


def lossy_jpeg_2000(header: FileDataset) -> None:
    stream = io.BytesIO()
    Image.fromarray(header.pixel_array.astype(np.uint16)).save(stream, "JPEG2000", irreversible=True)
    encapsulated(header, uid.JPEG2000, stream.getvalue())


def run_length(header: FileDataset) -> None:
    header.compress(uid.RLELossless)


def same_bytes_as(syntax: str) -> Callable[[FileDataset], None]:
    def store(header: FileDataset) -> None:
        header.file_meta.TransferSyntaxUID = uid.UID(syntax)

    return store


def foreign(syntax: str) -> Callable[[FileDataset], None]:
    return lambda header: encapsulated(header, syntax, b"\xff\x4f\xff\x51" + bytes(200))


@pytest.mark.parametrize(
    ("store", "syntax", "tolerance_hu"),
    [
        (same_bytes_as(uid.ExplicitVRBigEndian), uid.ExplicitVRBigEndian, 0),
        (same_bytes_as(uid.DeflatedExplicitVRLittleEndian), uid.DeflatedExplicitVRLittleEndian, 0),
        (run_length, uid.RLELossless, 0),
        (by_itk("JPEG"), uid.JPEGLosslessSV1, 0),
        (by_itk("JPEG2000"), uid.JPEG2000Lossless, 0),
        # The irreversible wavelet at full rate rounds by a unit or two.
        (lossy_jpeg_2000, uid.JPEG2000, 2),
    ],
)
def test_a_series_is_read_in_every_transfer_syntax_that_can_be_decoded(
    tmp_path: Path, store: Callable[[FileDataset], None], syntax: str, tolerance_hu: int
) -> None:
    files = series(tmp_path, store)
    assert dcmread(files[0]).file_meta.TransferSyntaxUID == syntax
    assert np.abs(read(tmp_path) - VALUES).max() <= tolerance_hu


def test_jpeg_ls_is_read_as_its_standard_decodes_its_own_example(tmp_path: Path) -> None:
    def store(header: FileDataset) -> None:
        header.BitsAllocated, header.BitsStored, header.HighBit = 8, 8, 7
        encapsulated(header, uid.JPEGLSLossless, JPEG_LS_STREAM)

    series(tmp_path, store, np.zeros((12, 4, 4), np.int16))
    assert np.abs(read(tmp_path) - (JPEG_LS_VALUES - 1024)).max() < 1e-3


def test_slices_of_one_series_may_be_stored_in_different_ways(tmp_path: Path) -> None:
    ways = [by_itk("JPEG"), by_itk("JPEG2000"), run_length]
    turns = iter(ways * len(VALUES))
    series(tmp_path, lambda header: next(turns)(header))
    assert np.array_equal(read(tmp_path), VALUES)


@pytest.mark.parametrize(
    ("syntax", "said"),
    [
        (uid.HTJ2KLossless, r"High-Throughput JPEG 2000.*\(1\.2\.840\.10008\.1\.2\.4\.201\)"),
        (uid.MPEG2MPML, r"MPEG2.*\(1\.2\.840\.10008\.1\.2\.4\.100\)"),
        ("1.2.3.4.5", r"stored as 1\.2\.3\.4\.5,"),
    ],
)
def test_a_way_that_is_not_decoded_is_refused_by_its_name_with_the_remedy(
    tmp_path: Path, syntax: str, said: str
) -> None:
    series(tmp_path, foreign(syntax))
    with pytest.raises(InputError, match=said) as caught:
        read(tmp_path)
    assert "export the series without compression (Explicit VR Little Endian)" in str(caught.value)


@pytest.mark.parametrize("store", [by_itk("JPEG"), by_itk("JPEG2000"), run_length])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_compressed_slice_is_refused_by_the_name_of_its_compression(
    tmp_path: Path, store: Callable[[FileDataset], None], share: float
) -> None:
    file = series(tmp_path, store)[5]
    header = dcmread(file)
    frame = next(generate_frames(header.PixelData, number_of_frames=1))
    encapsulated(header, header.file_meta.TransferSyntaxUID, frame[: int(len(frame) * share) // 2 * 2])
    header.save_as(file)
    with pytest.raises(InputError, match="cannot be decoded; copy the series again or export") as caught:
        read(tmp_path)
    assert header.file_meta.TransferSyntaxUID in str(caught.value)


@pytest.mark.parametrize("stored_bytes", [0, 200, 510])
def test_a_slice_with_fewer_pixels_than_its_header_says_is_refused_and_not_filled_from_memory(
    tmp_path: Path, stored_bytes: int
) -> None:
    file = write_series(tmp_path, wrapped(VALUES, (1, 1, 2)))[5]
    header = dcmread(file)
    header.PixelData = header.PixelData[:stored_bytes]
    header.save_as(file)
    with pytest.raises(InputError, match=rf"slice at \(0\.0, 0\.0, 10\.0\) mm holds {stored_bytes} of the 512 bytes"):
        read(tmp_path)


def test_a_slice_whose_file_ends_early_is_refused_with_what_is_there(tmp_path: Path) -> None:
    file = write_series(tmp_path, wrapped(VALUES, (1, 1, 2)))[5]
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match="holds 412 of the 512 bytes"):
        read(tmp_path)


def test_a_deflated_slice_whose_file_ends_early_is_missing(tmp_path: Path) -> None:
    file = series(tmp_path, same_bytes_as(uid.DeflatedExplicitVRLittleEndian))[5]
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(GeometryError, match="1 slice is missing"):
        read(tmp_path)


@pytest.mark.filterwarnings("ignore:Unknown encoding")  # of writing
def test_sequences_nested_without_end_and_odd_values_are_refused_without_a_word(tmp_path: Path) -> None:
    """Found by Testing/Faults: pydicom recursed to its end, and quoted a header's values in warnings."""
    deeper = b"\x40\x00\x30\xa7SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    files = write_series(tmp_path, wrapped(VALUES, (1, 1, 2)), tags={"SpecificCharacterSet": "SECRET"})
    for file, depth in zip(files, (900, 100), strict=False):
        file.write_bytes(file.read_bytes() + deeper * depth)
    with warnings.catch_warnings(record=True, action="always") as told, pytest.raises(InputError):
        read_series(tmp_path, "CT", "CT", [].append)
    assert told == []
