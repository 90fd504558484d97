"""Drawn patients on a coarse grid: every organ a box, two stations beside two of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.segmentation.folder import VolumeGeometry, claim_volumes, numbered_splits
from lnstation_training.segmentation.patients import CT, NODES, ORGANS, STATIONS, PatientVolume, write_patient
from lnstation_training.tasks.station_segmentation.organ_channels import array_name
from lnstation_training.tasks.station_segmentation.organ_sets import ORGANS as NAMES
from LNStationLib import anatomy

SHAPE, SPACING_MM = (16, 24, 24), (6.0, 6.0, 6.0)
PATIENTS = 6


def organ_box(number: int, shift: int) -> tuple[slice, slice, slice]:
    """Organs of 4 x 4 x 4 voxels side by side."""
    y, x = divmod(number, 5)
    return slice(4 + shift, 8 + shift), slice(2 + 4 * y, 6 + 4 * y), slice(2 + 4 * x, 6 + 4 * x)


def drawn_patient(number: int, stored: bool = True) -> PatientVolume:
    """Station 7 above the esophagus, 4R above the heart, and a node in each."""
    rng, shift = np.random.default_rng(number), number % 2
    organs, stations, nodes = (np.zeros(SHAPE, np.uint8) for _ in range(3))
    for place, name in enumerate(NAMES):
        organs[organ_box(place, shift)] = anatomy.organ(name).label_value
    for count, (station, organ) in enumerate((("7", "esophagus"), ("4R", "heart")), start=1):
        _, y, x = organ_box(NAMES.index(organ), shift)
        stations[9 + shift : 13 + shift, y, x] = anatomy.station(station).label_value
        nodes[10 + shift, y.start + 1, x.start + 1] = count
    ct = np.where(organs > 0, 40, -100) + rng.normal(0, 5, SHAPE)
    arrays = {CT: ct.astype(np.int16), ORGANS: organs, STATIONS: stations, NODES: nodes}
    if stored:
        for name in NAMES:
            arrays[array_name(name, "predicted")] = 230 * (organs == anatomy.organ(name).label_value).astype(np.uint8)
    return PatientVolume(f"P{number}", arrays, SPACING_MM, synthetic=True)


def write_volumes(folder: Path, stored: bool = True) -> Path:
    """Six patients in three folds."""
    claim_volumes(
        folder,
        "station_segmentation",
        CohortInfo(title="Drawn", synthetic=True),
        VolumeGeometry(spacing_mm=SPACING_MM),
    )
    for number in range(PATIENTS):
        write_patient(folder, drawn_patient(number, stored))
    numbered_splits(folder, [f"P{number}" for number in range(PATIENTS)], 3)
    return folder
