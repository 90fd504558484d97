"""Reading one image file, whatever it is called: the bytes decide the format, never the ending."""

from __future__ import annotations

import gzip
import logging
import os
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path, PureWindowsPath

import SimpleITK as sitk

from LNStationLib.imaging.dicom_files import is_dicom
from LNStationLib.imaging.nifti import image_from_nifti
from LNStationLib.support.errors import GeometryError, InputError
from LNStationLib.support.paths import is_there
from LNStationLib.support.reason import Reason
from LNStationLib.support.sentences import first_line

logger = logging.getLogger(__name__)

Warn = Callable[[Reason], None]
"""Takes one sentence about something odd that the work can go on with."""

IMAGE_SUFFIXES = (".nii.gz", ".nii", ".seg.nrrd", ".nrrd", ".nhdr", ".mha", ".mhd")
"""Endings under which image files are looked for in folders; longer ones first."""

READABLE = "NIfTI (.nii, .nii.gz), NRRD (.nrrd, .nhdr), MetaImage (.mha, .mhd) or a DICOM series folder"
_NRRD_SPACES = {
    "left-posterior-superior",
    "lps",
    "right-anterior-superior",
    "ras",
    "left-anterior-superior",
    "las",
}
_LONGEST_FIELD_BYTES = 800
"""Of an NRRD header: NrrdIO ends the process where it complains of a value that its buffer of 1025 cannot hold."""
_NRRD_ENCODINGS = {"raw", "gzip", "gz", "bzip2", "bz2"}
"""The others are numbers as text, which no program writes for images and whose parser trusts its input."""
_DATA_FILE_FIELDS = ("data file", "datafile", "elementdatafile")
_HEAD_BYTES = 4096
"""Enough to tell formats apart."""
_HEADER_BYTES = 1 << 20
"""Of the text header of an NRRD or MetaImage file; one with a thousand segments has a tenth of it."""
_STREAMS = (1, 2)
"""File descriptors of standard output and standard error (POSIX)."""
_MAX_AXES = 5
"""More than any image here has; what MetaIO does with 0 and with more than 10 ends the process."""
_MAX_AXIS_VOXELS = 1 << 20
"""Of one axis; the longest images, whole slides, have a fifth of it."""
_MAX_COMPONENTS = 64
"""Far above colors, vectors and tensors; MetaIO takes memory for as many as the header says."""
_STDERR_LOCK = threading.RLock()


class ImageFormat(Enum):
    """A file format, recognized by the first bytes."""

    NIFTI = "NIfTI"
    NRRD = "NRRD"
    META = "MetaImage"
    DICOM = "DICOM"


@contextmanager
def quiet_itk() -> Iterator[None]:
    """Keep what ITK, MetaIO and GDCM print off the terminal; their errors still arrive as exceptions.

    MetaIO and GDCM write to the file descriptors, past ITK's own switch, so these are pointed elsewhere while one
    file or series is read.
    """
    with _STDERR_LOCK, open(os.devnull, "wb") as nowhere:
        before = sitk.ProcessObject.GetGlobalWarningDisplay()
        sitk.ProcessObject.SetGlobalWarningDisplay(False)
        saved = {number: _redirected(number, nowhere.fileno()) for number in _STREAMS}
        try:
            yield
        finally:
            sitk.ProcessObject.SetGlobalWarningDisplay(before)
            for number, copy in saved.items():
                if copy is not None:
                    os.dup2(copy, number)
                    os.close(copy)


def _redirected(number: int, target: int) -> int | None:
    """Point a descriptor at ``target``; a copy of the old one, or ``None`` where there is no such stream."""
    try:
        saved = os.dup(number)
    except OSError:
        return None
    os.dup2(target, number)
    return saved


def image_stem(path: Path) -> str:
    """File name without its image ending: ``aorta`` of ``aorta.nii.gz`` and of ``aorta.seg.nrrd``."""
    for suffix in IMAGE_SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem


def image_files(folder: Path) -> list[Path]:
    """The image files directly in ``folder``, by name; hidden files are left out."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith(".") and path.name.lower().endswith(IMAGE_SUFFIXES)
    )


def image_format(path: Path) -> ImageFormat | None:
    """Recognize the format by the file's first bytes; ``None`` where it is none of those read here.

    Raises:
        OSError: The file cannot be opened.
    """
    head = _head(path)
    if head[:4] == b"NRRD":
        return ImageFormat.NRRD
    if head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0"):
        return ImageFormat.NIFTI
    if b"NDims" in head and b"ElementType" in head:
        return ImageFormat.META
    return ImageFormat.DICOM if is_dicom(head) else None


def read_image(path: Path, name: str, warn: Warn) -> sitk.Image:
    """Read one image file of any number of dimensions and components, without judging its content.

    Args:
        path: An image file.
        name: How messages call it, e.g. ``"CT ct.nii.gz"``.
        warn: Told what is odd about where it lies.

    Returns:
        The image in LPS mm, with the metadata that its format carries.

    Raises:
        InputError: It is missing, unreadable, truncated or not an image.
        GeometryError: It does not say where left and right are, has a non-positive spacing or sheared axes.
    """
    _check_readable(path, name)
    try:
        kind = image_format(path)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{name}: cannot be read ({first_line(error)}); check the file, it may be damaged."
        ) from error
    if kind is None:
        raise InputError(f"{name}: not a readable image; give {READABLE}.")
    if kind is ImageFormat.DICOM:
        raise InputError(
            f"{name}: a single DICOM file; give the folder of the whole series, or a mask as NIfTI or NRRD."
        )
    if kind is ImageFormat.NIFTI:
        return image_from_nifti(_all_bytes(path, name), name, warn)
    _check_header(path, kind, name)
    return _read_with_itk(path, kind, name)


def _check_readable(path: Path, name: str) -> None:
    if not is_there(path):
        raise InputError(f"{name}: there is no file or folder {path}; check the path.")
    if path.is_dir():
        raise InputError(f"{name}: {path} is a folder where an image file is needed.")
    if path.stat().st_size == 0:
        raise InputError(f"{name}: the file is empty; copy or export it again.")


def _head(path: Path, length: int = _HEAD_BYTES) -> bytes:
    with path.open("rb") as file:
        head = file.read(length)
    if head[:2] != b"\x1f\x8b":
        return head
    with gzip.open(path) as file:
        return file.read(length)


def _text_header(path: Path, kind: ImageFormat) -> bytes:
    """The lines before the data: up to a blank one of NRRD, up to the one that names the data of MetaImage."""
    head = _head(path, _HEADER_BYTES).replace(b"\r\n", b"\n")
    if kind is ImageFormat.NRRD:
        return head.partition(b"\n\n")[0]
    before, key, after = head.partition(b"ElementDataFile")
    return before + key + after.partition(b"\n")[0]


def _all_bytes(path: Path, name: str) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{name}: cannot be read to the end ({first_line(error)}); it may be truncated, copy it again."
        ) from error


def _check_header(path: Path, kind: ImageFormat, name: str) -> None:
    """Refuse headers that ITK would read by guessing a side: no patient space, negative spacing."""
    fields = _header_fields(_text_header(path, kind), "=" if kind is ImageFormat.META else ":")
    if kind is ImageFormat.NRRD and _known_space(fields) is False:
        raise GeometryError(
            f"{name}: the NRRD header does not name a patient space (LPS or RAS), so left and right are unknown; "
            "export it again from a program that writes 'space:'."
        )
    if kind is ImageFormat.NRRD and _has_endless_field(_text_header(path, kind)):
        raise InputError(f"{name}: damaged NRRD header (a field that does not end); copy or export it again.")
    if kind is ImageFormat.META:
        _check_counts(fields, name)
    elif fields.get("encoding", "raw").lower() not in _NRRD_ENCODINGS:
        raise InputError(f"{name}: NRRD data written as text; save it again as raw or gzip.")
    _check_data_file(fields, name)
    spacing = fields.get("elementspacing", fields.get("elementsize", "1")).split()
    if kind is ImageFormat.META and any(not _positive(value) for value in spacing):
        raise GeometryError(
            f"{name}: zero or negative voxel spacing ({' '.join(spacing)}); export it again with its true spacing."
        )


def _check_data_file(fields: dict[str, str], name: str) -> None:
    """Refuse a header that leads the reader out of its folder."""
    lines = [fields[key] for key in _DATA_FILE_FIELDS if key in fields]
    outside = [line for line in lines if PureWindowsPath(line).anchor or line.startswith("/") or ".." in _parts(line)]
    if outside:
        raise InputError(f"{name}: its header names a data file outside its folder; put both into one folder.")


def _parts(line: str) -> list[str]:
    return line.replace("\\", "/").split("/")


def _check_counts(fields: dict[str, str], name: str) -> None:
    """Refuse numbers of axes, voxels and components with which MetaIO would end the process."""
    axes, components = fields.get("ndims", ""), fields.get("elementnumberofchannels", "1")
    sizes = fields.get("dimsize", "").split()
    if not (
        _whole(axes, _MAX_AXES)
        and _whole(components, _MAX_COMPONENTS)
        and len(sizes) == int(axes)
        and all(_whole(size, _MAX_AXIS_VOXELS) for size in sizes)
    ):
        raise InputError(f"{name}: damaged MetaImage header (NDims, DimSize); copy or export it again.")


def _whole(text: str, largest: int) -> bool:
    return text.isascii() and text.isdigit() and 1 <= int(text) <= largest


def _has_endless_field(head: bytes) -> bool:
    """Whether a field is longer than any can be; comments and the keys of programs (``key:=value``) may be."""
    fields = (line for line in head.split(b"\n") if not line.startswith(b"#"))
    return any(len(line) > _LONGEST_FIELD_BYTES and line.partition(b":")[2][:1] != b"=" for line in fields)


def _known_space(fields: dict[str, str]) -> bool:
    # Flat and multi-dimensional images get their own, clearer refusal later.
    return fields.get("dimension") not in {"3", "4"} or fields.get("space", "").lower() in _NRRD_SPACES


def _header_fields(head: bytes, separator: str) -> dict[str, str]:
    pairs = (line.partition(separator) for line in head.decode("latin-1").splitlines())
    return {key.strip().lower(): value.strip() for key, found, value in pairs if found}


def _positive(text: str) -> bool:
    try:
        return float(text) > 0
    except ValueError:
        return False


def _read_with_itk(path: Path, kind: ImageFormat, name: str) -> sitk.Image:
    reader = sitk.ImageFileReader()
    reader.SetImageIO("NrrdImageIO" if kind is ImageFormat.NRRD else "MetaImageIO")
    reader.SetFileName(str(path))
    try:
        with quiet_itk():
            return reader.Execute()
    except RuntimeError as error:
        logger.debug("%s: %s", name, error)
        text = str(error).lower()
        if "spacing" in text or "space vector" in text:
            raise GeometryError(
                f"{name}: zero, negative or undefined voxel spacing; export it again with its true spacing."
            ) from error
        raise InputError(
            f"{name}: damaged or incomplete {kind.value} file; copy or export it again (with its data file, if it "
            "has one)."
        ) from error
