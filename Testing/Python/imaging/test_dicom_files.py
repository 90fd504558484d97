from __future__ import annotations

import contextlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from imaging.samples import change, wrapped, write_series
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info

from LNStationLib.imaging.dicom_files import HEAD_BYTES, image_header, is_dicom
from LNStationLib.imaging.dicom_series import read_series
from LNStationLib.imaging.reading import read_image
from LNStationLib.support.errors import InputError

VALUES = np.random.default_rng(5).integers(-1000, 2000, (12, 9, 8)).astype(np.int16)


def read(folder: Path) -> np.ndarray:
    return sitk.GetArrayFromImage(read_series(folder, "CT", "CT", [].append).image)


def strip(file: Path, *, implicit: bool, meta: bool) -> None:
    """Rewrite a file without preamble, and with or without its file meta information."""
    header, out = dcmread(file), DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, implicit
    if meta:
        write_file_meta_info(out, header.file_meta)
    write_dataset(out, header)
    file.write_bytes(out.getvalue())


@pytest.mark.parametrize(("implicit", "meta"), [(True, False), (False, False), (False, True)])
def test_files_without_the_preamble_are_read(tmp_path: Path, implicit: bool, meta: bool) -> None:
    for file in write_series(tmp_path, wrapped(VALUES)):
        strip(file, implicit=implicit, meta=meta)
        assert file.read_bytes()[128:132] != b"DICM"
    assert np.array_equal(read(tmp_path), VALUES)


def test_a_single_file_without_the_preamble_is_known_for_what_it_is(tmp_path: Path) -> None:
    file = write_series(tmp_path, wrapped(VALUES))[0]
    strip(file, implicit=True, meta=False)
    with pytest.raises(InputError, match="a single DICOM file; give the folder"):
        read_image(file, "CT", [].append)


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a", "b")
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x08\x00",
        b"plain text " * 50,
        b"\x89PNG\r\n\x1a\n" + bytes(400),
        zipped() + bytes(200),
        bytes(400),
        b"\x08\x00\xff\xff" + bytes(400),
        b"\x08\x00\x05\x00\xff\xff\xff\x7f" + bytes(400),
        np.arange(8, 300, dtype="<i2").tobytes(),
    ],
)
def test_other_files_are_not_taken_for_dicom(tmp_path: Path, content: bytes) -> None:
    assert not is_dicom(content[:HEAD_BYTES])
    (tmp_path / "file").write_bytes(content)
    assert image_header(tmp_path / "file") is None


def test_a_folder_of_an_archive_with_its_index_reports_and_screenshots_is_read(tmp_path: Path) -> None:
    write_series(tmp_path / "IMAGES", wrapped(VALUES))
    (tmp_path / "DICOMDIR").write_bytes(bytes(128) + b"DICM" + bytes(50))
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.7" + bytes(300))
    report = write_series(tmp_path / "SR", wrapped(VALUES[:1]), number=9)[0]
    change(report, Modality="SR", Rows=None, Columns=None, PixelData=None, PixelSpacing=None)
    assert np.array_equal(read(tmp_path), VALUES)


@pytest.mark.parametrize("value", [b"NaN ", b"inf ", b"1e999 ", b"\xff\xfe\x01\x02"])
@pytest.mark.parametrize("keyword", ["PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"])
def test_geometry_that_is_no_number_ends_in_one_sentence(tmp_path: Path, keyword: str, value: bytes) -> None:
    for file in write_series(tmp_path, wrapped(VALUES, origin=(-30.123456, 12.123456, 404.0))):
        change(file, **{keyword: ["9" * 8, *map(str, dcmread(file)[keyword].value[1:])]})
        file.write_bytes(file.read_bytes().replace(b"9" * 8, value.ljust(8), 1))
    with pytest.raises(InputError):
        read(tmp_path)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_headers_end_in_an_image_or_in_one_sentence(tmp_path: Path, seed: int) -> None:
    """Some bytes of the headers of every file, or of one, are thrown."""
    rng = np.random.default_rng(seed)
    files = write_series(tmp_path, wrapped(VALUES))
    for file in files if seed % 2 else files[:1]:
        raw = bytearray(file.read_bytes())
        for at in rng.integers(132, len(raw) - 2 * 72, int(rng.integers(1, 12))):
            raw[at] = int(rng.integers(256))
        file.write_bytes(bytes(raw))
    with contextlib.suppress(InputError):
        assert read(tmp_path).ndim == 3
