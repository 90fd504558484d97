"""Which name each value of a label map has: from its own metadata or from a table beside it."""

from __future__ import annotations

import html
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from LNStationLib.imaging.nifti import NIFTI_NAMES_KEY
from LNStationLib.imaging.reading import image_stem
from LNStationLib.support.errors import InputError
from LNStationLib.support.json_text import parse_json

_TABLE_SUFFIXES = (".json", ".txt", ".label", ".ctbl")
_XML_LABEL = re.compile(r'<Label\b[^>]*\bKey="(\d+)"[^>]*>(?:<!\[CDATA\[)?([^<\]]+)', re.IGNORECASE)


@dataclass(frozen=True)
class NamedLabel:
    """One structure of a label map.

    Attributes:
        name: As the file spells it.
        value: Its voxel value.
        layer: Component that holds it, where segments overlap and the map has several.
    """

    name: str
    value: int
    layer: int = 0


def segment_labels(image: sitk.Image) -> list[NamedLabel]:
    """Segments of a 3D Slicer segmentation (``.seg.nrrd``) by its ``SegmentN_...`` metadata; empty where none."""
    labels = []
    for key in image.GetMetaDataKeys():
        match = re.fullmatch(r"Segment(\d+)_Name", key)
        if match:
            prefix = f"Segment{match[1]}_"
            value = _metadata_number(image, prefix + "LabelValue", 1)
            labels.append(
                (
                    int(match[1]),
                    NamedLabel(image.GetMetaData(key), value, _metadata_number(image, prefix + "Layer", 0)),
                )
            )
    return [label for _, label in sorted(labels, key=lambda pair: pair[0])]


def label_names(path: Path, image: sitk.Image, name: str) -> list[NamedLabel]:
    """Names of a label map's values.

    Looked for in this order: Slicer's segment metadata; a table beside the file (``organs.json`` for
    ``organs.nii.gz``, also ``.txt``, ``.label``, ``.ctbl``, or ``labels.json``); the label table that
    TotalSegmentator writes into the NIfTI header.

    Args:
        path: The label map's file.
        image: The same, read.
        name: How messages call it.

    Raises:
        InputError: There are no names, or their table cannot be read.
    """
    segments = segment_labels(image)
    if segments:
        return segments
    table = _table_beside(path)
    if table is not None:
        return _read_table(table, name)
    if NIFTI_NAMES_KEY in image.GetMetaDataKeys():
        found = _XML_LABEL.findall(image.GetMetaData(NIFTI_NAMES_KEY))
        if found:
            return [NamedLabel(html.unescape(text).strip(), int(key)) for key, text in found]
    raise InputError(
        f"{name}: the values of this label map have no names; put {image_stem(path)}.json beside it with "
        '{"1": "aorta", ...}, or give a folder of masks.'
    )


def _metadata_number(image: sitk.Image, key: str, default: int) -> int:
    text = image.GetMetaData(key) if image.HasMetaDataKey(key) else ""
    return int(text) if text.strip().isdigit() else default


def _table_beside(path: Path) -> Path | None:
    stem = image_stem(path)
    names = [f"{stem}{suffix}" for suffix in _TABLE_SUFFIXES] + [f"{path.name}.json", "labels.json"]
    return next((path.with_name(name) for name in names if path.with_name(name).is_file()), None)


def _read_table(table: Path, name: str) -> list[NamedLabel]:
    try:
        text = table.read_text(encoding="utf-8-sig")
        labels = _from_json(parse_json(text)) if table.suffix == ".json" else _from_lines(text)
    except (OSError, ValueError) as error:
        raise InputError(
            f'{name}: the names in {table.name} cannot be read ({error}); write them as {{"1": "aorta", ...}}.'
        ) from error
    if not labels:
        raise InputError(f'{name}: {table.name} holds no names; write them as {{"1": "aorta", ...}}.')
    return labels


def _from_json(content: Any) -> list[NamedLabel]:
    """``{"1": "aorta"}``, ``{"aorta": 1}``, or either under ``"labels"`` as in an nnU-Net ``dataset.json``."""
    if isinstance(content, dict) and isinstance(content.get("labels"), dict):
        content = content["labels"]
    if not isinstance(content, dict):
        raise ValueError("not an object of values and names")
    labels = [_json_label(key, value) for key, value in content.items()]
    return [label for label in labels if label.value > 0]


def _json_label(key: str, value: Any) -> NamedLabel:
    if isinstance(value, str) and key.strip().isdigit():
        return NamedLabel(value, int(key))
    if isinstance(value, int) and not isinstance(value, bool):
        return NamedLabel(key, value)
    raise ValueError(f"{key!r}: {value!r} is not a pair of a value and a name")


def _from_lines(text: str) -> list[NamedLabel]:
    """ITK-SNAP descriptions (value R G B A vis mesh "name") and Slicer color tables (value name R G B A)."""
    labels = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        words = shlex.split(line)
        if len(words) < 2 or not words[0].isdigit():
            raise ValueError(f"the line {line.strip()!r} is not a label")
        # A Slicer color table has the name second; ITK-SNAP and plain "1 aorta" lines have it last.
        label = words[-1] if _is_number(words[1]) else " ".join(word for word in words[1:] if not _is_number(word))
        if int(words[0]) > 0:
            labels.append(NamedLabel(label, int(words[0])))
    return labels


def _is_number(word: str) -> bool:
    return word.replace(".", "", 1).isdigit()
