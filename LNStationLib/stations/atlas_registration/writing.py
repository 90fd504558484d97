"""Making atlas packages: everything cut to the chest on one isotropic grid."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.imaging.boxes import Box, box_of
from LNStationLib.imaging.grid import Grid, resample_to_grid, scaled_grid
from LNStationLib.imaging.scan import hu_on_grid
from LNStationLib.imaging.writing import write_nifti
from LNStationLib.state.organ_set import OrganSet, OrganSource
from LNStationLib.stations.atlas_registration.guides import GUIDES
from LNStationLib.stations.atlas_registration.package import CARD_FILE, IMAGE_FILES, Atlas, AtlasCard, read_atlas
from LNStationLib.support.errors import InputError, OutputError
from LNStationLib.support.types import BoolArray, LabelArray

_AROUND_MM = 20.0
"""Beyond lungs and stations: chest wall enough to align by."""
_SHOWN_HU = (-1000, 600)
"""Beyond these values no organ is told from another, and noise costs room."""
FEWEST_GUIDES = 4
"""Organs that an atlas needs: the two lungs, trachea and one more give position, turn and scale."""


@dataclass(frozen=True)
class AtlasFacts:
    """What a maker of an atlas says of it; as in its card."""

    atlas_id: str
    title: str
    license: str
    made_from: Literal["synthetic", "clinical"]
    sex: Literal["F", "M"] | None = None
    references: Sequence[str] = ()


def make_atlas(
    facts: AtlasFacts, ct: sitk.Image, organs: OrganSet, stations: LabelArray, spacing_mm: float, step_hu: int = 1
) -> Atlas:
    """Make an atlas of a patient.

    Args:
        facts: For the card.
        ct: In HU.
        organs: Surrogates are left out.
        stations: uint8 on the organs' grid, values of the station table.
        spacing_mm: Of the atlas.
        step_hu: Values are rounded to multiples of it, which makes the package smaller.

    Raises:
        InputError: There is no station, or too few organs to align by.
    """
    seen = {name: organ.mask for name, organ in organs.items() if organ.source != OrganSource.SURROGATE}
    guides = {name: seen[name] for name in GUIDES if name in seen}
    if not stations.any():
        raise InputError(f"{facts.atlas_id}: there is no station to make an atlas of.")
    if len(guides) < FEWEST_GUIDES:
        raise InputError(
            f"{facts.atlas_id}: only {len(guides)} of the organs to align by were found, and {FEWEST_GUIDES} are "
            "needed: give masks of organs."
        )
    box = _around(guides, stations, organs.grid)
    grid = scaled_grid(organs.grid.part(box), (spacing_mm,) * 3)
    hu = np.clip(hu_on_grid(ct, grid), *_SHOWN_HU)
    rounded = (np.round(hu / step_hu) * step_hu).astype(np.int16)
    labels = resample_to_grid(organs.grid.image(_as_labels(guides, organs.grid)), grid, labels=True)
    carried = resample_to_grid(organs.grid.image(stations), grid, labels=True)
    hashes = dict.fromkeys(IMAGE_FILES, "0" * 64)
    card = AtlasCard.model_validate(vars(facts) | {"references": tuple(facts.references), "sha256": hashes})
    return Atlas(card, grid, rounded, labels, carried)


def _around(guides: Mapping[str, BoolArray], stations: LabelArray, grid: Grid) -> Box:
    wanted = stations > 0
    for name in ("lung_left", "lung_right"):
        if name in guides:
            wanted = wanted | guides[name]
    return box_of(wanted, round(_AROUND_MM / grid.spacing_mm[0]))


def _as_labels(guides: Mapping[str, BoolArray], grid: Grid) -> LabelArray:
    """Organs as one label map; of two in one voxel the one that comes later in ``GUIDES`` is drawn."""
    labels = np.zeros(grid.shape, np.uint8)
    for name, mask in guides.items():
        labels[mask] = anatomy.organ(name).label_value
    return labels


def write_atlas(atlas: Atlas, path: Path) -> Path:
    """Write an atlas as a zip file, and read it back to make sure of it.

    Raises:
        OutputError: The file is there already or cannot be written.
    """
    if path.exists():
        raise OutputError(f"{path} is there already: choose another file.")
    arrays: dict[str, np.ndarray] = {"ct": atlas.hu, "organs": atlas.organs, "stations": atlas.stations}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".atlas-", dir=path.parent) as made:
            folder = Path(made, "atlas")
            folder.mkdir()
            for role, name in IMAGE_FILES.items():
                write_nifti(atlas.grid.image(arrays[role]), folder / name)
            hashes = {
                role: hashlib.sha256((folder / name).read_bytes()).hexdigest() for role, name in IMAGE_FILES.items()
            }
            card = AtlasCard.model_validate(atlas.card.model_dump() | {"sha256": hashes})
            (folder / CARD_FILE).write_text(card.model_dump_json(indent=2), encoding="utf-8")
            archive = shutil.make_archive(str(Path(made, "packed")), "zip", folder)
            read_atlas(Path(archive))
            Path(archive).replace(path)
    except (OSError, RuntimeError) as error:
        raise OutputError(f"{path} cannot be written: {error}.") from error
    return path
