"""Atlas packages: a CT, its organs and its stations with a card, read as carefully as model packages.

A package is a folder or a zip with ``atlas.json`` and three NIfTI files on one grid; nothing in it is executed.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import SimpleITK as sitk
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from LNStationLib import anatomy
from LNStationLib.imaging.checks import same_grid
from LNStationLib.imaging.grid import Grid
from LNStationLib.imaging.nifti import image_from_nifti
from LNStationLib.models.package.container import PackageError, read_members
from LNStationLib.support.json_text import parse_json
from LNStationLib.support.reason import Reason
from LNStationLib.support.sentences import quoted
from LNStationLib.support.types import BoolArray, HuArray, LabelArray

Role = Literal["ct", "organs", "stations"]
CARD_FILE = "atlas.json"
FORMAT = "lnstation-atlas"
SCHEMA_VERSION = 1
IMAGE_FILES: Mapping[Role, str] = {"ct": "ct.nii.gz", "organs": "organs.nii.gz", "stations": "stations.nii.gz"}
_MAX_CARD_BYTES = 100_000
_MAX_FILE_BYTES = 200_000_000
"""A CT of a whole chest at 1 mm takes half of it."""
_MAX_IMAGE_BYTES = 400_000_000
"""Unpacked; guards against files that grow a thousandfold."""
_Sha256 = Annotated[str, Field(pattern=r"[0-9a-f]{64}")]
_AXIS_TOLERANCE = 1e-4


class AtlasCard(BaseModel):
    """What an atlas says of itself.

    Attributes:
        atlas_id: Short name, unique among a user's atlases.
        title: One line for people.
        license: Under which it may be used.
        made_from: A real patient or a synthetic one.
        sex: Of the patient.
        references: Papers behind it.
        sha256: Hash of each image file by its name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["lnstation-atlas"] = "lnstation-atlas"
    schema_version: Literal[1] = 1
    atlas_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    license: Annotated[str, Field(min_length=1, max_length=200)]
    made_from: Literal["synthetic", "clinical"]
    sex: Literal["F", "M"] | None = None
    references: tuple[str, ...] = ()
    sha256: dict[Role, _Sha256]


@dataclass(frozen=True)
class Atlas:
    """A patient whose stations are known.

    Attributes:
        card: What it says of itself.
        grid: Axis-aligned LPS grid of all three arrays.
        hu: int16 ``[z, y, x]``.
        organs: uint8, values of the organ table; organs that overlap others are left out.
        stations: uint8, values of the station table.
    """

    card: AtlasCard
    grid: Grid
    hu: HuArray
    organs: LabelArray
    stations: LabelArray

    def organ_masks(self) -> dict[str, BoolArray]:
        """Organs by canonical name."""
        present = set(np.unique(self.organs).tolist())
        return {row.name: self.organs == row.label_value for row in anatomy.organs() if row.label_value in present}


def read_card(path: Path) -> AtlasCard:
    """Read and check the card of an atlas.

    Raises:
        PackageError: It is not an atlas, or its card is faulty.
    """
    expected = {CARD_FILE, *IMAGE_FILES.values()}
    text = read_members(path, {CARD_FILE: _MAX_CARD_BYTES}, expected, "package of an atlas")[CARD_FILE]
    try:
        content = parse_json(text)
    except ValueError as error:
        raise PackageError(f"{path} is not an atlas: its {CARD_FILE} is not JSON.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise PackageError(f"{path} is not an atlas: its {CARD_FILE} does not say {FORMAT!r}.")
    try:
        return AtlasCard.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = quoted(".".join(map(str, first["loc"]))) or CARD_FILE
        raise PackageError(f"{path} cannot be used: {where}: {quoted(first['msg'].lower())}.") from error


def read_atlas(path: Path) -> Atlas:
    """Read and verify an atlas.

    Raises:
        PackageError: It was changed, is damaged, or its images do not belong together.
    """
    card = read_card(path)
    limits = dict.fromkeys(IMAGE_FILES.values(), _MAX_FILE_BYTES)
    files = read_members(path, limits, {CARD_FILE, *limits}, "package of an atlas")
    images = {role: _image(path, card, role, files[name]) for role, name in IMAGE_FILES.items()}
    grid = _common_grid(path, images)
    arrays = {role: sitk.GetArrayFromImage(image) for role, image in images.items()}
    _check_values(path, "organs", arrays["organs"], {row.label_value for row in anatomy.organs()})
    _check_values(path, "stations", arrays["stations"], {row.label_value for row in anatomy.stations()})
    if not arrays["stations"].any():
        raise PackageError(f"{path} cannot be used: {IMAGE_FILES['stations']} holds no station.")
    hu = np.clip(arrays["ct"], -1024, 3071).astype(np.int16)
    return Atlas(card, grid, hu, arrays["organs"].astype(np.uint8), arrays["stations"].astype(np.uint8))


def _image(path: Path, card: AtlasCard, role: Role, content: bytes) -> sitk.Image:
    name = IMAGE_FILES[role]
    if hashlib.sha256(content).hexdigest() != card.sha256.get(role):
        raise PackageError(f"{path} is refused: the hash of {name} is not the one in {CARD_FILE}.")
    try:
        with gzip.open(io.BytesIO(content)) as packed:
            unpacked = packed.read(_MAX_IMAGE_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise PackageError(f"{path} is refused: {name} is damaged.") from error
    if len(unpacked) > _MAX_IMAGE_BYTES:
        raise PackageError(f"{path} is refused: {name} is larger than {_MAX_IMAGE_BYTES / 1e6:.0f} MB.")
    image = image_from_nifti(unpacked, f"{path.name}/{name}", _not_said)
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise PackageError(f"{path} cannot be used: {name} is not a three-dimensional image.")
    return image


def _not_said(remark: Reason) -> None:
    """Odd headers were for the builder of an atlas to hear of."""


def _common_grid(path: Path, images: Mapping[Role, sitk.Image]) -> Grid:
    first = images["ct"]
    if not np.allclose(first.GetDirection(), np.eye(3).ravel(), atol=_AXIS_TOLERANCE):
        raise PackageError(f"{path} cannot be used: its images are not along the patient's axes; build it again.")
    for role, image in images.items():
        if not same_grid(image, first):
            raise PackageError(f"{path} cannot be used: {IMAGE_FILES[role]} lies on another grid than its CT.")
    size, spacing, origin = first.GetSize()[::-1], first.GetSpacing()[::-1], first.GetOrigin()[::-1]
    return Grid((size[0], size[1], size[2]), (spacing[0], spacing[1], spacing[2]), (origin[0], origin[1], origin[2]))


def _check_values(path: Path, role: str, labels: np.ndarray, known: set[int]) -> None:
    unknown = sorted(set(np.unique(labels).tolist()) - known - {0})
    if unknown:
        raise PackageError(f"{path} cannot be used: its {role} hold the unknown label {unknown[0]}.")
