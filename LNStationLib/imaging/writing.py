"""Images to NIfTI files, with proof that all of them reached the disk."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
from pathlib import Path
from typing import BinaryIO, cast

import SimpleITK as sitk

_NIFTI_HEADER_BYTES = 352
"""Header (348) and extension flag (4) before the first voxel of a NIfTI-1 file."""
_FREE_SPACE_THAT_MEANS_FULL_BYTES = 1 << 20
"""Below this a failed write is put down to a full disk: less than any label map of a CT."""
_ITK_DEFAULT_LEVEL = -1
"""Of compression; what SimpleITK takes where nothing is said."""


def write_nifti(image: sitk.Image, path: Path, compression_level: int = _ITK_DEFAULT_LEVEL) -> None:
    """Write an image, packed.

    Args:
        image: A volume of one plain number a voxel.
        path: File to write, ending in ``.nii.gz``.
        compression_level: 1 (quick) to 9 (small).

    Raises:
        OSError: Not all of it could be written.
    """
    try:
        sitk.WriteImage(image, str(path), useCompression=True, compressionLevel=compression_level)
    except RuntimeError as error:
        raise _write_error(path, error) from error
    # ITK's NIfTI writer ignores short writes: a full disk would go unnoticed without reading back.
    expected = _NIFTI_HEADER_BYTES + image.GetNumberOfPixels() * image.GetSizeOfPixelComponent()
    if _uncompressed_bytes(path) != expected:
        raise _write_error(path, None)


def _uncompressed_bytes(path: Path) -> int:
    total = 0
    try:
        with gzip.open(path) as opened:
            stream = cast(BinaryIO, opened)
            while block := stream.read(1 << 22):
                total += len(block)
    except (EOFError, OSError):
        return -1
    return total


def _write_error(path: Path, cause: Exception | None) -> OSError:
    """The most likely error, since ITK does not report it."""
    if not os.access(path.parent, os.W_OK):
        return OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    if cause is None or shutil.disk_usage(path.parent).free < _FREE_SPACE_THAT_MEANS_FULL_BYTES:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    return OSError(errno.EIO, str(cause).strip().splitlines()[-1], str(path))
