"""A prepared patient of boxes and balls, and a folder of them: what networks that segment read, without a phantom."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.segmentation.folder import VolumeGeometry, claim_volumes, numbered_splits
from lnstation_training.segmentation.patients import CT, ORGANS, STATIONS, PatientVolume, write_patient
from LNStationLib import anatomy

SHAPE, SPACING = (24, 28, 36), (8.0, 8.0, 8.0)
HU = {
    "body": -90.0, "mediastinum": -100.0, "lung_upper_lobe_left": -850.0, "lung_lower_lobe_right": -850.0,
    "heart": 60.0, "heart_myocardium": 70.0, "ventricle_left": 150.0, "atrium_left": 150.0, "atrium_right": 150.0,
    "descending_aorta": 160.0, "pulmonary_trunk": 140.0, "superior_vena_cava": 130.0, "esophagus": 40.0,
    "trachea": -990.0, "spine": 300.0, "sternum": 250.0, "liver": 90.0,
}  # fmt: skip


def organ_boxes() -> dict[str, np.ndarray]:
    """Organs as boxes and tubes, in the order in which they are painted."""
    z, y, x = np.meshgrid(*[np.arange(n) for n in SHAPE], indexing="ij")

    def box(low: tuple[int, int, int], high: tuple[int, int, int]) -> np.ndarray:
        return np.logical_and.reduce([(a >= lo) & (a < hi) for a, lo, hi in zip((z, y, x), low, high, strict=True)])

    return {
        "body": (y - 14) ** 2 / 12**2 + (x - 18) ** 2 / 16**2 < 1,
        "mediastinum": box((2, 6, 13), (23, 22, 23)),
        "lung_lower_lobe_right": box((2, 6, 5), (22, 20, 13)),
        "lung_upper_lobe_left": box((2, 6, 23), (22, 20, 31)),
        "liver": box((0, 6, 5), (3, 20, 16)),
        "spine": box((0, 21, 16), (24, 25, 21)),
        "sternum": box((4, 3, 16), (20, 5, 21)),
        "heart": box((3, 7, 14), (11, 16, 23)),
        "heart_myocardium": box((4, 8, 18), (10, 15, 22)),
        "ventricle_left": box((5, 9, 19), (9, 14, 21)),
        "atrium_right": box((4, 8, 14), (9, 13, 17)),
        "atrium_left": box((7, 13, 16), (11, 16, 20)),
        "pulmonary_trunk": box((11, 9, 18), (15, 12, 21)),
        "superior_vena_cava": box((10, 10, 14), (22, 12, 16)),
        "esophagus": box((0, 18, 17), (24, 20, 19)),
        "trachea": box((13, 14, 17), (24, 16, 19)),
        "descending_aorta": box((0, 18, 20), (16, 21, 23)),
    }


def drawn_arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """HU, organs and stations ``[z, y, x]``."""
    ct, labels, stations = np.full(SHAPE, -1000.0), np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    for name, mask in organ_boxes().items():
        ct[mask], labels[mask] = HU[name], anatomy.organ(name).label_value
    stations[12:18, 12:18, 13:17] = anatomy.station("4R").label_value
    ct += np.random.default_rng(seed).normal(0, 5, SHAPE)
    return {CT: ct.round().astype(np.int16), ORGANS: labels, STATIONS: stations}


def write_volumes(
    folder: Path,
    patients: int = 4,
    task: str = "organ_segmentation",
    spacing_mm: tuple[float, float, float] = SPACING,
) -> Path:
    """A folder of prepared volumes; another spacing makes smaller patients of the same voxels."""
    info = CohortInfo(title="Drawn volumes", synthetic=True)
    claim_volumes(folder, task, info, VolumeGeometry(spacing_mm=spacing_mm))
    names = [f"P{number}" for number in range(patients)]
    numbered_splits(folder, names)
    for number, name in enumerate(names):
        write_patient(folder, PatientVolume(name, drawn_arrays(number), spacing_mm, None, True))
    return folder
