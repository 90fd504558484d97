"""Organ masks of a case: a folder of masks, or one label map with names, to the organs of the anatomy table."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from LNStationLib import anatomy
from LNStationLib.imaging.arrays import array_view
from LNStationLib.imaging.label_names import NamedLabel, label_names, segment_labels
from LNStationLib.imaging.masks import binary_mask, cropped, on_ct_space, united
from LNStationLib.imaging.reading import IMAGE_SUFFIXES, Warn, image_files, image_stem, read_image
from LNStationLib.support.errors import InputError

logger = logging.getLogger(__name__)

_MAX_LABEL = 65535


@dataclass
class OrganMasks:
    """Organs by canonical name.

    Attributes:
        masks: Binary uint8, each on its own grid, cropped to its foreground and a margin.
        origins: Where each came from, for the report; same keys.
    """

    masks: dict[str, sitk.Image] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Part:
    organ: str
    mask: sitk.Image
    origin: str


def load_organs(path: Path, ct: sitk.Image, warn: Warn) -> OrganMasks:
    """Read the organ masks of a case.

    Names go through the aliases of the anatomy table. Several masks of one organ are united; structures that
    segmentation tools deliver but LNStation does not use are left out silently, unknown names with a warning.

    Args:
        path: Folder of mask files, or a label map whose values have names (see ``label_names``).
        ct: The CT that they must overlap.
        warn: Told of unknown names, empty masks, and left and right that look swapped.

    Raises:
        InputError: There is nothing to read, a file is no mask, or a label map has no names.
        GeometryError: A mask does not overlap the CT.
    """
    if not path.exists():
        raise InputError(f"organs: there is no file or folder {path}; check the path.")
    unknown: list[str] = []
    parts = _folder_parts(path, ct, warn, unknown) if path.is_dir() else _file_parts(path, ct, warn, unknown)
    organs = _united_parts(parts, ct)
    _warn_unknown(unknown, warn)
    warn_swapped(organs.masks, warn)
    if not organs.masks:
        warn("organs: no usable organ was found among the given masks.")
    return organs


def _folder_parts(folder: Path, ct: sitk.Image, warn: Warn, unknown: list[str]) -> Iterator[_Part]:
    files = image_files(folder)
    if not files:
        raise InputError(f"organs: the folder {folder} holds no mask files ({', '.join(IMAGE_SUFFIXES)}).")
    # Masks of one program share what is odd about their headers; a hundred warnings would hide the others.
    warn_of_header = _first_only(warn)
    for file in files:
        if file.name.lower().endswith((".nrrd", ".nhdr")):
            yield from _nrrd_parts(file, ct, warn, unknown)
        elif organ := _organ_name(image_stem(file), warn, unknown):
            yield from _mask_part(file, organ, read_image(file, _mask_name(file), warn_of_header), ct, warn)


def _first_only(warn: Warn) -> Warn:
    said: list[str] = []

    def once(text: str) -> None:
        if not said:
            warn(text)
        said.append(text)

    return once


def _mask_name(file: Path) -> str:
    return f"organ mask {file.name}"


def _nrrd_parts(file: Path, ct: sitk.Image, warn: Warn, unknown: list[str]) -> Iterator[_Part]:
    """A NRRD file may be a Slicer segmentation with several organs; with one, the file's name counts."""
    image = read_image(file, _mask_name(file), warn)
    segments = segment_labels(image)
    if len(segments) > 1:
        yield from _label_parts(image, segments, file, ct, warn, unknown)
    elif organ := _organ_name(image_stem(file), warn, unknown):
        yield from _mask_part(file, organ, image, ct, warn)


def _mask_part(file: Path, organ: str, image: sitk.Image, ct: sitk.Image, warn: Warn) -> Iterator[_Part]:
    mask = binary_mask(image, ct, _mask_name(file), warn)
    if mask is not None:
        yield _Part(organ, mask, file.name)


def _file_parts(file: Path, ct: sitk.Image, warn: Warn, unknown: list[str]) -> Iterator[_Part]:
    name = f"organs {file.name}"
    image = read_image(file, name, warn)
    yield from _label_parts(image, label_names(file, image, name), file, ct, warn, unknown)


def _label_parts(
    image: sitk.Image, names: list[NamedLabel], file: Path, ct: sitk.Image, warn: Warn, unknown: list[str]
) -> Iterator[_Part]:
    """Cut every organ out of a label map of one or more layers."""
    layers = image.GetNumberOfComponentsPerPixel()
    for layer in range(layers):
        scalar = sitk.VectorIndexSelectionCast(image, layer) if layers > 1 else image
        named = [label for label in names if label.layer == layer]
        yield from _layer_parts(scalar, named, file, ct, warn, unknown)


def _layer_parts(
    image: sitk.Image, names: list[NamedLabel], file: Path, ct: sitk.Image, warn: Warn, unknown: list[str]
) -> Iterator[_Part]:
    volume = on_ct_space(image, ct, f"organs {file.name}")
    values = _label_values(volume, file)
    boxes = ndimage.find_objects(values)
    present = {i + 1 for i, box in enumerate(boxes) if box is not None}
    nameless = sorted(present - {label.value for label in names})
    if nameless:
        warn(f"organs {file.name}: values without a name were left out: {', '.join(map(str, nameless[:20]))}.")
    for label in names:
        organ = _organ_name(label.name, warn, unknown)
        if organ is None:
            continue
        if label.value not in present:
            warn(f"organs {file.name}: '{label.name}' (value {label.value}) is empty; taken as missing.")
            continue
        mask = _cut(values, label, boxes[label.value - 1], volume, ct, warn)
        if mask is not None:
            yield _Part(organ, mask, f"{file.name}: {label.name}")


def _label_values(volume: sitk.Image, file: Path) -> np.ndarray:
    values = array_view(volume)
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == np.rint(values)).all()):
        raise InputError(f"organs {file.name}: a label map needs whole numbers; give labels, not probabilities.")
    if values.min() < 0 or values.max() > _MAX_LABEL:
        raise InputError(f"organs {file.name}: label values must lie between 0 and {_MAX_LABEL}.")
    return values.astype(np.uint16, copy=False)


def _cut(
    values: np.ndarray, label: NamedLabel, box: tuple[slice, ...], volume: sitk.Image, ct: sitk.Image, warn: Warn
) -> sitk.Image | None:
    """One label as a mask; only its box is touched, because a label map may hold a hundred."""
    wide = tuple(slice(max(s.start - 2, 0), min(s.stop + 2, n)) for s, n in zip(box, values.shape, strict=True))
    size = [s.stop - s.start for s in reversed(wide)]
    part = sitk.RegionOfInterest(volume, size, [s.start for s in reversed(wide)])
    return cropped(values[wide] == label.value, part, ct, f"organ '{label.name}'", warn)


def _organ_name(name: str, warn: Warn, unknown: list[str]) -> str | None:
    entry = anatomy.find_organ(name)
    if entry is not None:
        return entry.name
    union = anatomy.find_union(name)
    if union:
        warn(f"organs: '{name}' holds {', '.join(union)} in one mask and was left out; give them apart.")
    elif anatomy.is_unused(name):
        logger.debug("organ %s is not used", name)
    else:
        unknown.append(name)
    return None


def _united_parts(parts: Iterable[_Part], ct: sitk.Image) -> OrganMasks:
    grouped: dict[str, list[_Part]] = {}
    for part in parts:
        grouped.setdefault(part.organ, []).append(part)
    organs = OrganMasks()
    for organ, found in grouped.items():
        organs.masks[organ] = united([part.mask for part in found], ct)
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        organs.origins[organ] = found[0].origin + more
    return organs


def _warn_unknown(unknown: list[str], warn: Warn) -> None:
    if not unknown:
        return
    described = []
    for name in unknown:
        close = anatomy.suggest_organs(name)
        described.append(f"'{name}' (did you mean {' or '.join(close)}?)" if close else f"'{name}'")
    warn(f"organs: unknown names were left out: {', '.join(described)}.")


def warn_swapped(masks: dict[str, sitk.Image], warn: Warn) -> None:
    """Left organs lie left of their right twins; otherwise a file was mirrored or misnamed."""
    for name, mask in masks.items():
        twin = masks.get(name.removesuffix("_left") + "_right") if name.endswith("_left") else None
        if twin is not None and _center_x_mm(mask) < _center_x_mm(twin):
            warn(
                f"organs: {name} lies to the right of its twin; check whether the masks are mirrored or their names "
                "swapped."
            )


def _center_x_mm(mask: sitk.Image) -> float:
    index = np.argwhere(array_view(mask))[:, ::-1].mean(axis=0)
    return float(mask.TransformContinuousIndexToPhysicalPoint(index.tolist())[0])
