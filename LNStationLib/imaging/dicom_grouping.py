"""Which slices belong together: series, plane, and copies of one slice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.imaging.dicom_files import image_header
from LNStationLib.imaging.dicom_frames import slice_headers
from LNStationLib.imaging.discretion import no_values_told
from LNStationLib.support.types import FloatArray

SAME_PLACE_MM = 0.05
"""Slices nearer than this are at the same position: half the smallest slice spacing read (``check_spacing``)."""

_EDGE_SHIFT_PIXELS = 0.5
"""Slices lie in parallel planes where taking the axes and the pixel spacing of one for the other's moves no pixel by
more than this, so that each still falls into its own voxel. At 512 x 512 pixels it is 0.04 degrees or 0.1 % of the
spacing: rounding and noise of headers stay below, another reconstruction lies far above."""


@dataclass(frozen=True)
class DicomSeries:
    """The slices of one series with one plane and size, unordered.

    Attributes:
        files: One file a slice; of an enhanced series the same file for all its frames.
        headers: Their headers without pixels, in the same order.
    """

    files: tuple[Path, ...]
    headers: tuple[Dataset, ...]

    @property
    def uid(self) -> str:
        """Series Instance UID."""
        return dcm.text(self.headers[0], "SeriesInstanceUID")

    @property
    def modality(self) -> str:
        """DICOM modality, ``"CT"`` or ``"PT"`` among others."""
        return dcm.text(self.headers[0], "Modality").upper()

    @property
    def label(self) -> str:
        """Number, modality, slices and kernel, for messages.

        Not the description: people write names into it, so that PS3.15 takes it away from what is to be anonymous.
        """
        header = self.headers[0]
        number = dcm.text(header, "SeriesNumber") or "?"
        thickness = dcm.number(header, "SliceThickness")
        count = f"{len(self.files)} slice{'s' if len(self.files) > 1 else ''}"
        count += "" if thickness is None else f" of {thickness:g} mm"
        kernel = " ".join(dcm.texts(header, "ConvolutionKernel"))
        what = f"{count}, kernel {kernel}" if kernel else count
        return f"series {number} {self.modality or '?'} ({what})"

    @property
    def is_localizer(self) -> bool:
        """Whether these are scouts, which show where slices were planned."""
        return _is_localizer(self.headers[0])

    @property
    def is_multiframe(self) -> bool:
        """Whether a file holds several frames of which nothing says where they lie."""
        return (dcm.number(self.headers[0], "NumberOfFrames") or 1) > 1

    @property
    def is_color(self) -> bool:
        """Whether the pixels are colors: a screenshot, a fused or a color-coded image."""
        return _samples(self.headers[0]) > 1

    @property
    def is_placed(self) -> bool:
        """Whether every slice says where it lies."""
        return all(_position(header) is not None and _corners(header) is not None for header in self.headers)

    @property
    def places(self) -> int:
        """How many slices lie at different places; all of them, where a header does not say its place."""
        known = [position for header in self.headers if (position := _position(header)) is not None]
        if len(known) < len(self.headers):
            return len(self.headers)
        positions = np.array(known)
        along = positions[:, np.ptp(positions, axis=0).argmax()]
        return 1 + int(np.count_nonzero(np.diff(np.sort(along)) >= SAME_PLACE_MM))


@no_values_told()
def group_series(files: Iterable[Path]) -> list[DicomSeries]:
    """All image series among ``files``, by number; other files are left out.

    Slices of another size or plane make a series of their own, and so do localizers. Copies of a slice are dropped.
    """
    kinds: dict[tuple[object, ...], list[tuple[Path, Dataset]]] = defaultdict(list)
    for path in files:
        file_header = image_header(path)
        for header in () if file_header is None else slice_headers(file_header):
            kinds[_kind(header)].append((path, header))
    found = [
        DicomSeries(tuple(path for path, _ in slices), tuple(header for _, header in slices))
        for kind in kinds.values()
        for slices in map(_without_copies, _planes(kind))
    ]
    return sorted(found, key=lambda series: (dcm.number(series.headers[0], "SeriesNumber") or 0, -len(series.files)))


def _kind(header: Dataset) -> tuple[object, ...]:
    """Attributes that must be equal in all slices of a series."""
    texts = (dcm.text(header, keyword) for keyword in ("SeriesInstanceUID", "Modality"))
    sizes = (dcm.number(header, keyword) for keyword in ("Rows", "Columns"))
    return (*texts, *sizes, _samples(header), _is_localizer(header), _corners(header) is None)


def _samples(header: Dataset) -> float:
    return dcm.number(header, "SamplesPerPixel") or 1


def _is_localizer(header: Dataset) -> bool:
    return "LOCALIZER" in dcm.words(header, "ImageType")


def _position(header: Dataset) -> tuple[float, ...] | None:
    return dcm.numbers_or_none(header, "ImagePositionPatient", 3)


def _corners(header: Dataset) -> FloatArray | None:
    """Vectors ``(3, 3)`` in mm from the first pixel to the last of its row, of its column, and of the image."""
    cosines = dcm.numbers_or_none(header, "ImageOrientationPatient", 6)
    spacing = dcm.numbers_or_none(header, "PixelSpacing", 2)
    if cosines is None or spacing is None:
        return None
    axes = np.reshape(cosines, (2, 3))
    length = np.linalg.norm(axes, axis=1, keepdims=True)
    if not length.min() > 0:
        return None
    # Pixel Spacing is (between rows, between columns); the first cosines lead along a row, so across columns.
    pixels = np.array([float(header.Columns) - 1, float(header.Rows) - 1])
    along = axes / length * (pixels * spacing[::-1])[:, None]
    return np.stack([*along, along.sum(axis=0)])


def _planes(kind: Sequence[tuple[Path, Dataset]]) -> list[list[tuple[Path, Dataset]]]:
    """Slices of one kind by plane; those that do not say their plane stay together."""
    corners = [_corners(header) for _, header in kind]
    known = [corner for corner in corners if corner is not None]
    if len(known) < len(kind):
        return [list(kind)]
    pixel_mm = [min(dcm.numbers_or_none(header, "PixelSpacing", 2) or (0.0,)) for _, header in kind]
    plane_of = planes_of(np.array(known), np.array(pixel_mm))
    return [[kind[int(i)] for i in np.flatnonzero(plane_of == plane)] for plane in range(int(plane_of.max()) + 1)]


def planes_of(corners: FloatArray, pixel_mm: FloatArray) -> np.ndarray:
    """Sort slices by plane: number of its plane for each, the plane with the most slices first.

    A plane is one slice, the one with the most company, and all that agree with that very slice within half a pixel.
    So a fan of slices that each differ little from the next is not strung together, and the order of the files does
    not matter.

    Args:
        corners: ``(n, 3, 3)``, from each slice's first pixel to its other three corners, mm.
        pixel_mm: ``(n,)``, the smaller pixel spacing of each.
    """
    distinct, which, count = np.unique(
        np.column_stack([corners.reshape(len(corners), 9), pixel_mm]), axis=0, return_inverse=True, return_counts=True
    )
    at = distinct[:, :9].reshape(-1, 3, 3)
    near = np.stack(
        [_shift(at, one) <= _EDGE_SHIFT_PIXELS * size for one, size in zip(at, distinct[:, 9], strict=True)]
    )
    np.fill_diagonal(near, True)  # also where a damaged header says no finite size
    plane, left, company = np.zeros(len(at), int), np.ones(len(at), bool), near @ count
    number = 0
    while left.any():
        members = near[np.where(left, company, -1).argmax()] & left
        plane[members], left[members] = number, False
        company = company - near[:, members] @ count[members]
        number += 1
    return plane[which.ravel()]


def _shift(corners: FloatArray, reference: FloatArray) -> FloatArray:
    """How far the corner that moves most lies from the reference's, mm."""
    return np.asarray(np.linalg.norm(corners - reference, axis=-1).max(axis=-1))


def _without_copies(slices: Sequence[tuple[Path, Dataset]]) -> list[tuple[Path, Dataset]]:
    """Drop files that repeat a slice: same SOP Instance UID, same position.

    Some programs write one UID into all slices of a series. A UID at several places says nothing, and its files stay.
    """
    by_uid: dict[str, list[int]] = defaultdict(list)
    for index, (_, header) in enumerate(slices):
        by_uid[dcm.text(header, "SOPInstanceUID")].append(index)
    copies = {
        index
        for uid, indices in by_uid.items()
        if uid and _at_one_place([slices[i][1] for i in indices])
        for index in indices[1:]
    }
    return [one for index, one in enumerate(slices) if index not in copies]


def _at_one_place(headers: Sequence[Dataset]) -> bool:
    positions = [_position(header) for header in headers]
    known = [position for position in positions if position is not None]
    return len(known) == len(headers) and bool(np.ptp(np.array(known), axis=0).max() < SAME_PLACE_MM)
