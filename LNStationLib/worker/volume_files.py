"""Images between the Slicer module and the worker: raw files in a private folder, described in the message.

Standard library and numpy only, because both sides use it. Arrays are ``[z, y, x]`` in C order, little-endian,
uncompressed; geometry is LPS mm.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

DTYPES: Mapping[str, str] = {"int16": "<i2", "uint8": "|u1", "uint16": "<u2", "float32": "<f4"}
"""Names of the voxel types that may travel, and what numpy calls them on the wire."""

SLAB_BYTES = 8 * 2**20
"""Written or read at once: a few hundredths of a second on a slow disk."""

_LARGEST_COSINE = 1.001
"""Rounding of headers included."""
Vector = tuple[float, float, float]
_Result = TypeVar("_Result")


class VolumeError(ValueError):
    """A volume or its description cannot be used; the message says why."""


@dataclass(frozen=True)
class VolumeGeometry:
    """Where a volume lies.

    Attributes:
        origin_mm: LPS position ``(x, y, z)`` of the center of the first voxel.
        spacing_mm: Voxel size along the image axes ``(i, j, k)``; the array's axes are ``[k, j, i]``.
        direction: 3 x 3 direction cosines, row-major; the columns are the directions of the image axes.
    """

    origin_mm: Vector
    spacing_mm: Vector
    direction: tuple[float, ...]

    def __post_init__(self) -> None:
        numbers = (*self.origin_mm, *self.spacing_mm, *self.direction)
        if len(self.origin_mm) != 3 or len(self.spacing_mm) != 3 or len(self.direction) != 9:
            raise VolumeError("a volume has an origin and a spacing of 3 numbers and a direction of 9")
        if not all(map(_is_finite, numbers)):
            raise VolumeError("origin, spacing and direction of a volume are finite numbers")
        if min(self.spacing_mm) <= 0:
            raise VolumeError("the spacing of a volume is positive")
        # ITK takes the determinant of any matrix, and with huge numbers comes to no end.
        if max(map(abs, self.direction)) > _LARGEST_COSINE:
            raise VolumeError("the direction of a volume is not a rotation")


def _is_finite(number: Any) -> bool:
    """Whether it is a number that a double can hold."""
    try:
        return isinstance(number, int | float) and math.isfinite(number)
    except OverflowError:  # of a whole number of more than 308 digits
        return False


def write_volume(folder: Path, name: str, array: npt.NDArray[Any], geometry: VolumeGeometry) -> dict[str, Any]:
    """Write a volume into the private folder; the file appears whole, readable by its owner alone.

    Args:
        folder: The private folder.
        name: Plain file name, without a folder.
        array: ``[z, y, x]``, of one of ``DTYPES``; an axis of length 0 makes an empty file.
        geometry: Where it lies.

    Returns:
        The description that a message carries.

    Raises:
        VolumeError: An unknown voxel type, a name with a folder, or an array without three axes.
        OSError: It cannot be written.
    """
    return _whole(write_slabs(folder, name, array, geometry))


def _whole(slabs: Generator[None, None, _Result]) -> _Result:
    """All slabs at once."""
    while True:
        try:
            next(slabs)
        except StopIteration as end:
            return cast("_Result", end.value)


def write_slabs(
    folder: Path, name: str, array: npt.NDArray[Any], geometry: VolumeGeometry
) -> Generator[None, None, dict[str, Any]]:
    """Write as :func:`write_volume` does, a few megabytes each time it is asked for the next.

    For a thread that must not pause. What is left half written when the generator is closed is removed.
    """
    if array.dtype.name not in DTYPES:
        raise VolumeError(f"voxels of type {array.dtype.name} cannot be transferred: use {', '.join(DTYPES)}")
    if array.ndim != 3:
        raise VolumeError(f"a volume has 3 axes, not {array.ndim}")
    if Path(name).name != name or name in ("", ".", ".."):
        raise VolumeError("a volume is written under a plain file name")
    partial = folder / f"{name}.partial"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with open(descriptor, "wb") as file:
            for slab in _slabs(array):
                file.write(_bytes_of(np.ascontiguousarray(slab, DTYPES[array.dtype.name])))
                yield
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    os.replace(partial, folder / name)
    return {
        "path": name,
        "dtype": array.dtype.name,
        "shape": [int(n) for n in array.shape],
        "origin_mm": [float(n) for n in geometry.origin_mm],
        "spacing_mm": [float(n) for n in geometry.spacing_mm],
        "direction": [float(n) for n in geometry.direction],
    }


def _slabs(array: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """Runs of slices of about ``SLAB_BYTES``, in order; none of an empty array."""
    if array.size == 0:
        return
    thickness = max(1, SLAB_BYTES // array[0].nbytes)
    for first in range(0, array.shape[0], thickness):
        yield array[first : first + thickness]


def read_volume(folder: Path, reference: Mapping[str, Any]) -> tuple[npt.NDArray[Any], VolumeGeometry]:
    """Read a volume from the private folder.

    Args:
        folder: The private folder.
        reference: Description as :func:`write_volume` returned it.

    Returns:
        Array ``[z, y, x]``, writable, and its geometry.

    Raises:
        VolumeError: The description is incomplete, its path leaves the folder, or the file is missing or has another
            size than described.
    """
    return _whole(read_slabs(folder, reference))


def read_slabs(
    folder: Path, reference: Mapping[str, Any]
) -> Generator[None, None, tuple[npt.NDArray[Any], VolumeGeometry]]:
    """Read as :func:`read_volume` does, a few megabytes each time it is asked for the next."""
    dtype, shape, geometry = _described(reference)
    if 0 in shape:
        return np.empty(shape, dtype.newbyteorder("=")), geometry
    path = _inside(folder, reference["path"])
    described = math.prod(shape) * dtype.itemsize
    try:
        # Looked at before it is opened: a pipe would block for ever. And before memory is taken for it.
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise VolumeError(f"the volume {path.name} is not a regular file")
        if status.st_size != described:
            raise VolumeError(f"the volume {path.name} has {status.st_size} bytes where {described} are described")
        array: npt.NDArray[Any] = np.empty(shape, dtype)
        with path.open("rb") as file:
            for slab in _slabs(array):
                if file.readinto(_bytes_of(slab)) != slab.nbytes:
                    raise VolumeError(f"the volume {path.name} ended while it was read")
                yield
    except OSError as error:
        raise VolumeError(f"the volume {path.name} cannot be read ({error.strerror})") from error
    return array.astype(dtype.newbyteorder("="), copy=False), geometry


def _bytes_of(array: npt.NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _described(reference: Mapping[str, Any]) -> tuple[np.dtype[Any], tuple[int, int, int], VolumeGeometry]:
    if not isinstance(reference, Mapping):
        raise VolumeError("a volume is described by an object")
    missing = [
        key for key in ("path", "dtype", "shape", "origin_mm", "spacing_mm", "direction") if key not in reference
    ]
    if missing:
        raise VolumeError(f"the description of a volume lacks {', '.join(missing)}")
    if not isinstance(reference["dtype"], str) or reference["dtype"] not in DTYPES:
        raise VolumeError(f"voxels of type {reference['dtype']!r:.60} cannot be transferred: use {', '.join(DTYPES)}")
    shape = reference["shape"]
    if not isinstance(shape, list | tuple) or len(shape) != 3 or not all(_is_length(n) for n in shape):
        raise VolumeError("the shape of a volume is three whole numbers, 0 or more")
    vectors = [reference[key] for key in ("origin_mm", "spacing_mm", "direction")]
    if not all(isinstance(vector, list | tuple) for vector in vectors):
        raise VolumeError("origin, spacing and direction of a volume are lists of numbers")
    origin, spacing, direction = (tuple(vector) for vector in vectors)
    z, y, x = shape
    return np.dtype(DTYPES[reference["dtype"]]), (z, y, x), VolumeGeometry(origin, spacing, direction)


def _is_length(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 65535


def _inside(folder: Path, name: Any) -> Path:
    """The file of that name, which must lie in ``folder`` also after following links."""
    if not isinstance(name, str) or not name or "\0" in name:
        raise VolumeError("the path of a volume is a file name")
    root = folder.resolve()
    path = (root / name).resolve()
    if Path(name).is_absolute() or root not in path.parents:
        raise VolumeError("the path of a volume leaves the private folder")
    return path
