"""Small packages of the networks of PET/CT, and a small patient for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from models.packages import manifest as station_manifest
from states import with_stations

from LNStationLib import anatomy
from LNStationLib.case.case import Case, CaseFacts
from LNStationLib.models.package import (
    Calibration,
    Manifest,
    NetworkEntry,
    NStagingSection,
    OperatingPoint,
    StationPatches,
    write_package,
)
from LNStationLib.sampling.station_patch import StationPatchSpec
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.settings import Settings

PATCH = StationPatchSpec(size=(4, 8, 8), spacing_mm=(5.0, 4.0, 4.0))
STATIONS = ("4R", "7", "8", "10L")
NETWORK: dict[str, Any] = {"filters": [4, 4], "n_stations": len(STATIONS)}
# Of a box along z, y, x.
PLACES = {"4R": (3, 6, 4), "7": (3, 6, 16), "8": (12, 6, 16), "10L": (12, 6, 28)}


def write_pet_ct_package(path: Path, role: str = "classifier", threshold: float = 0.5, **changes: Any) -> Path:
    """Random weights; with the role ``stager`` a package that stages."""
    import torch

    from LNStationLib.networks.registry import build_network

    torch.manual_seed(0)
    name, kind = ("station_stager", NStagingSection) if role == "stager" else ("station_cnn", StationPatches)
    fields: dict[str, Any] = {
        "channels": ["ct", "pet"],
        "patch": PATCH,
        "stations": list(STATIONS),
        "operating_points": [OperatingPoint(name="balanced", threshold=threshold, description="alike")],
        "calibration": Calibration(slope=1.0, intercept=0.0, fitted_on="validation patients"),
        **({"rules": "tnm8"} if role == "stager" else {}),
        **changes,
    }

    def card(weights: Any) -> Manifest[Any]:
        (file,) = weights.values()
        entry = NetworkEntry(role=role, name=name, arguments=NETWORK, weights=file)
        envelope = station_manifest({"classifier": file}).model_dump(exclude={"section", "networks", "task"})
        return Manifest[kind](**envelope, task=kind.task, networks=[entry], section=kind(**fields))  # type: ignore[valid-type]

    write_package(path, {role: build_network(name, NETWORK)}, card, "float32")
    return path


def patient(
    settings: Settings, *, pet: bool = True, side: Any = "R", cut_pet: bool = False, tracer: str | None = None
) -> PatientState:
    """Four stations as boxes in fat, a hot spot on the left in 8; a cut PET lacks 8 and 10L."""
    shape, rng = (20, 24, 36), np.random.default_rng(0)
    arrays = {"ct": rng.normal(-80, 10, shape).astype(np.float32), "stations": np.zeros(shape, np.uint8)}
    arrays["pet"] = rng.normal(1, 0.1, shape).astype(np.float32)
    for name, (z, y, x) in PLACES.items():
        arrays["stations"][z : z + 5, y : y + 8, x : x + 8] = anatomy.station(name).label_value
    arrays["pet"][13:15, 8:11, 21:23] = 9.0
    images = {}
    for name, array in arrays.items():
        images[name] = sitk.GetImageFromArray(array)
        images[name].SetSpacing((4.0, 4.0, 5.0))
        # The midline is x = 0: through the middle of 7 and 8.
        images[name].SetOrigin((-78.0, 0.0, 0.0))
    given = (images["pet"][:, :, :11] if cut_pet else images["pet"]) if pet else None
    facts = CaseFacts(cancer="lung", tumor_side=side)
    ct = sitk.Cast(images["ct"], sitk.sitkInt16)
    return with_stations(Case("drawn", ct, pet=given, pet_tracer=tracer, facts=facts), images["stations"], settings)
