"""NIfTI to an image in LPS mm, through nibabel.

SimpleITK refuses NIfTI files whose direction cosines are orthonormal only up to the noise of the sform's single
precision, and takes spacing and direction from different fields of the header. Here both come from one affine.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from LNStationLib.imaging.checks import orthonormal_direction
from LNStationLib.support.errors import GeometryError, InputError
from LNStationLib.support.reason import Reason

NIFTI_NAMES_KEY = "nifti_extension"
"""Metadata key under which the text of the header's extensions is kept; label names may lie there."""

_DAMAGED = (ImageFileError, HeaderDataError, ValueError, ArithmeticError, LookupError, EOFError, OSError)
"""What nibabel raises on fields that contradict each other or the length of the file."""
_LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""NIfTI points right and to the front where LPS points left and to the back."""
_UNIT_IN_MM = {"meter": 1000.0, "micron": 1e-3}
"""Units of ``xyzt_units`` other than mm, as nibabel names them."""
_SPACING_TOLERANCE_SHARE = 0.01
"""Part of a voxel edge by which pixdim and sform may differ through rounding."""

_SAME_PLACE_VOXELS = 0.5
"""sform and qform agree where no voxel moves by more than half its smallest edge: a mask stays on its voxels ..."""

_QUATERNION_NOISE_MM = 1.0
"""... or by this: a quaternion in single precision is off by up to 0.06 degrees (half turns), 0.6 mm at 600 mm."""

_SCANNER_CODE = 1
"""NIFTI_XFORM_SCANNER_ANAT of nifti1.h."""


def image_from_nifti(raw: bytes, name: str, warn: Callable[[Reason], None]) -> sitk.Image:
    """Decode the bytes of an uncompressed NIfTI-1 or NIfTI-2 file.

    The affine is the sform where its code is set, else the qform (NIfTI-1 standard, methods 3 and 2), as in nibabel
    and TotalSegmentator. ITK, and with it SimpleITK and Slicer, takes the sform only where its code is 1 (scanner) or
    both agree (``NiftiImageIO`` since ITK 5.2; the qform in older versions).

    Args:
        raw: The whole file.
        name: How messages call it.
        warn: Told where sform and qform put the image at two places.

    Returns:
        Image in LPS mm with scaled values; a 2D or 4D file gives a 2D or 4D image.

    Raises:
        InputError: The data are damaged or not of an image type (color, complex).
        GeometryError: The orientation is undeclared, contradicts itself or is sheared, or a spacing is not positive.
    """
    nifti = _decode(raw, name)
    header = nifti.header
    if header["magic"].item() not in (b"n+1", b"n+2\x00\r\n\x1a\n", b"n+2"):
        raise InputError(f"{name}: a NIfTI header without its data (.hdr/.img pair); convert it to one .nii file.")
    values = _values(nifti, name)
    if values.size == 0 or not 2 <= values.ndim <= 4:
        shape = " x ".join(map(str, values.shape)) or "no"
        raise InputError(f"{name}: an image of {shape} values; give the whole volume, of three dimensions.")
    if values.ndim == 2:
        return sitk.GetImageFromArray(values.T)
    affine = _LPS_FROM_RAS @ _affine(nifti, raw, name, warn)
    image = _as_image(values)
    _set_geometry(image, affine, name)
    _keep_extensions(image, nifti)
    return image


@contextmanager
def _quiet_nibabel() -> Iterator[None]:
    """Keep what nibabel finds odd about a header off the terminal: it is judged here, and refused in a sentence."""
    log = logging.getLogger("nibabel.global")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)


def _decode(raw: bytes, name: str) -> nib.Nifti1Image:
    kind = nib.Nifti2Image if raw[4:7] in (b"n+2", b"ni2") else nib.Nifti1Image
    try:
        with _quiet_nibabel():
            return kind.from_bytes(raw)
    except _DAMAGED as error:
        raise InputError(f"{name}: damaged NIfTI header; copy or export it again.") from error


def _values(nifti: nib.Nifti1Image, name: str) -> np.ndarray:
    dtype = nifti.get_data_dtype()
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise InputError(f"{name}: color, complex or vector pixels; give an image with one plain number per voxel.")
    try:
        stored = np.asanyarray(nifti.dataobj.get_unscaled())
    except _DAMAGED as error:
        raise InputError(f"{name}: the NIfTI data are truncated; copy or export it again.") from error
    slope, intercept = nifti.dataobj.slope, nifti.dataobj.inter
    while stored.ndim > 4 and stored.shape[-1] == 1:
        stored = stored[..., 0]
    if (slope, intercept) == (1.0, 0.0):
        return stored
    return stored * np.float32(slope) + np.float32(intercept)


def _as_image(values: np.ndarray) -> sitk.Image:
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    # isVector=False keeps a fourth axis an axis; SimpleITK would read it as components.
    return sitk.GetImageFromArray(
        np.ascontiguousarray(values.T).astype(values.dtype.newbyteorder("="), copy=False), isVector=False
    )


def _affine(nifti: nib.Nifti1Image, raw: bytes, name: str, warn: Callable[[Reason], None]) -> np.ndarray:
    """RAS affine in mm, after the header's own contradictions have been refused."""
    _check_pixdim(nifti, raw, name)
    sform, sform_code = nifti.get_sform(coded=True)
    try:
        qform, qform_code = nifti.get_qform(coded=True)
    except (HeaderDataError, ValueError):
        qform, qform_code = None, 0
    if qform is not None and not np.all(np.isfinite(qform)):
        qform, qform_code = None, 0
    if sform_code and not np.all(np.isfinite(sform)):
        raise GeometryError(f"{name}: the NIfTI header's sform holds values that are no numbers; export it again.")
    if not sform_code and not qform_code:
        raise GeometryError(
            f"{name}: the NIfTI header declares no orientation (sform and qform codes are 0), so left and right are "
            "unknown; write it again with its orientation."
        )
    if sform_code and qform_code and not _same_axes(sform, qform):
        raise GeometryError(
            f"{name}: the two orientations in the NIfTI header (sform and qform) contradict each other; "
            "write it again with the right one in both."
        )
    unit_mm = _unit_mm(nifti)
    scale = np.diag([unit_mm, unit_mm, unit_mm, 1.0])
    if sform_code and qform_code:
        _warn_of_two_places(scale @ sform, scale @ qform, int(sform_code), nifti.shape[:3], name, warn)
    return np.asarray(scale @ (sform if sform_code else qform), dtype=float)


def _unit_mm(nifti: nib.Nifti1Image) -> float:
    """Length of the unit of positions; mm where the header names none, or one that there is not."""
    try:
        return _UNIT_IN_MM.get(nifti.header.get_xyzt_units()[0], 1.0)
    except KeyError:
        return 1.0


def _warn_of_two_places(
    sform: np.ndarray,
    qform: np.ndarray,
    sform_code: int,
    shape: tuple[int, ...],
    name: str,
    warn: Callable[[Reason], None],
) -> None:
    """Say where a header puts a voxel at two places, how far apart, which is used, and who uses the other."""
    corners = np.array([(*index, 1) for index in product(*((0, n - 1) for n in shape))], dtype=float)
    apart = float(np.linalg.norm(corners @ (sform - qform)[:3].T, axis=1).max())
    edge = float(np.linalg.norm(sform[:3, :3], axis=0).min())
    if apart > max(_SAME_PLACE_VOXELS * edge, _QUATERNION_NOISE_MM):
        others = "older versions of Slicer and ITK" if sform_code == _SCANNER_CODE else "Slicer and SimpleITK"
        warn(Reason("two_positions", {"image": name, "apart_mm": float(apart), "others": others}))


def _check_pixdim(nifti: nib.Nifti1Image, raw: bytes, name: str) -> None:
    # nibabel mends negative and zero pixdims silently while loading, so the raw header is asked.
    header_type = type(nifti.header)
    pixdim = header_type(raw[: header_type.template_dtype.itemsize], check=False)["pixdim"][1:4]
    if not np.all(np.isfinite(pixdim)) or np.any(pixdim <= 0):
        raise GeometryError(
            f"{name}: zero or negative voxel spacing ({', '.join(f'{value:g}' for value in pixdim)}); "
            "export it again with its true spacing."
        )
    sform, code = nifti.get_sform(coded=True)
    if code and np.any(np.abs(np.linalg.norm(sform[:3, :3], axis=0) - pixdim) > _SPACING_TOLERANCE_SHARE * pixdim):
        raise GeometryError(
            f"{name}: the NIfTI header gives two different voxel sizes (pixdim and sform); export it again."
        )


def _same_axes(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether each voxel axis points the same way in both affines, to within 45 degrees."""
    unit = [affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0) for affine in (first, second)]
    return bool(np.all(np.sum(unit[0] * unit[1], axis=0) > np.sqrt(0.5)))


def _set_geometry(image: sitk.Image, affine: np.ndarray, name: str) -> None:
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.all(np.isfinite(affine)) or np.any(spacing <= 0):
        raise GeometryError(f"{name}: zero or undefined voxel spacing; export it again with its true spacing.")
    direction = orthonormal_direction(affine[:3, :3] / spacing, name)
    n = image.GetDimension()
    full = np.eye(n)
    full[:3, :3] = direction
    image.SetDirection(full.ravel().tolist())
    image.SetSpacing([*spacing.tolist(), *[1.0] * (n - 3)])
    image.SetOrigin([*affine[:3, 3].tolist(), *[0.0] * (n - 3)])


def _keep_extensions(image: sitk.Image, nifti: nib.Nifti1Image) -> None:
    texts = [
        content.decode("utf-8", "ignore") if isinstance(content, bytes) else str(content)
        for content in (extension.get_content() for extension in nifti.header.extensions)
    ]
    if texts:
        image.SetMetaData(NIFTI_NAMES_KEY, "\n".join(texts))
