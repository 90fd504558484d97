"""All changes of appearance by name, in the order of nature, and the settings that switch them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monai.transforms.compose import Compose

from lnstation_training.segmentation.appearance import (
    blood,
    devices,
    fat,
    lungs,
    scanner,
    shape,
    surroundings,
    tissue,
    tumor,
)
from lnstation_training.segmentation.appearance.base import MM, Appearance
from LNStationLib.support.errors import InputError

_KINDS: tuple[type[Appearance], ...] = (
    # How the body attenuates.
    tissue.TissueAttenuation,
    blood.ContrastPhase,
    blood.UnmixedContrast,
    tissue.Texture,
    tissue.FineTexture,
    tissue.BoneTexture,
    tissue.FatAttenuation,
    # What is in it besides organs.
    fat.FatStrands,
    fat.LymphNodes,
    tumor.Tumor,
    lungs.Emphysema,
    lungs.Consolidation,
    lungs.Atelectasis,
    lungs.Effusion,
    lungs.Pneumothorax,
    blood.CalcifiedVessels,
    devices.Stent,
    devices.Leads,
    devices.Clips,
    # What surrounds it.
    surroundings.Bedding,
    surroundings.Couch,
    surroundings.ArmsDown,
    # The scanner.
    scanner.Motion,
    devices.MetalStreaks,
    scanner.ThickSlices,
    scanner.Kernel,
    scanner.Noise,
    scanner.FieldOfView,
)
APPEARANCE: dict[str, type[Appearance]] = {kind.name: kind for kind in _KINDS}
"""All changes but that of shape, in the order in which they are made."""
SHAPE = shape.PatientShape.name


@dataclass(frozen=True)
class Change:
    """How a change is made.

    Attributes:
        prob: How often; ``None`` for its default.
        strength: 1 as published or seen, 0 never.
    """

    prob: float | None = None
    strength: float = 1.0


Settings = Mapping[str, Mapping[str, float]]
"""By name of a change: ``{"noise": {"prob": 0.5, "strength": 2.0}}``; what is not named keeps its defaults."""


def change_names() -> list[str]:
    """Names of all changes, that of shape first."""
    return [SHAPE, *APPEARANCE]


def read_changes(settings: Settings | None) -> dict[str, Change]:
    """Check settings.

    Raises:
        InputError: A name or a field is unknown, a probability is not in [0, 1], or a strength is negative.
    """
    found = {}
    for name, fields in (settings or {}).items():
        if name not in change_names():
            raise InputError(f"There is no change {name!r} of appearance: choose {', '.join(change_names())}.")
        unknown = set(fields) - {"prob", "strength"}
        change = Change(**{key: value for key, value in fields.items() if key not in unknown})
        if unknown or not 0 <= (change.prob or 0) <= 1 or change.strength < 0:
            raise InputError(f"{name}: give prob from 0 to 1 and strength from 0 up, got {dict(fields)}.")
        found[name] = change
    return found


def drawn_patient(
    patch: Sequence[int],
    spacing_mm: MM,
    settings: Settings | None = None,
    only: Sequence[str] | None = None,
) -> Compose:
    """All changes, one after the other.

    Args:
        patch: Voxels along z, y, x of what is returned.
        spacing_mm: Voxel size along z, y, x.
        settings: See ``Settings``.
        only: Names of the changes that are made; ``None`` for all.

    Raises:
        InputError: A setting is faulty.
    """
    changes = read_changes(settings)
    wanted = change_names() if only is None else list(only)
    read_changes({name: {} for name in wanted})

    def arguments(name: str) -> dict[str, Any]:
        change = changes.get(name, Change())
        return {"spacing_mm": spacing_mm, "prob": change.prob, "strength": change.strength}

    middle = arguments(SHAPE) if SHAPE in wanted else {"spacing_mm": spacing_mm, "prob": 0.0}
    kinds = [kind(**arguments(name)) for name, kind in APPEARANCE.items() if name in wanted]
    return Compose([shape.PatientShape(patch, **middle), *kinds], map_items=False)
