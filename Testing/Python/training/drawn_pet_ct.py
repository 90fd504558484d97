"""Drawn patients with PET in the tables of a group that has reports alone: metastatic stations are hot."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from training.drawn_cohort import SIZE, SPACING, STATIONS, chest

from LNStationLib import anatomy

N_PATIENTS = 12
HEADER = (
    "patient", "ct", "pet", "pet_units", "stations", "tumor_side", "clinical_n_category", "clinical_stations"
)  # fmt: skip


def write_patient(folder: Path, number: int, rng: np.random.Generator) -> list[str]:
    """Four stations as boxes; every second patient has hot ones. Returns the metastatic stations."""
    ct, stations = chest(rng), np.zeros(SIZE, np.uint8)
    pet = rng.normal(1.0, 0.1, SIZE).astype(np.float32)
    positive = []
    for row, name in enumerate(STATIONS):
        z, x = 4 + 10 * (row // 2), 27 + 16 * (row % 2)
        stations[z : z + 6, 20:36, x : x + 14] = anatomy.station(name).label_value
        if number % 2 and (number // 2 + row) % 2:
            pet[z + 2 : z + 4, 25:30, x + 4 : x + 9] = 9.0
            positive.append(name)
    folder.mkdir(parents=True)
    for kind, array in (("ct", ct), ("stations", stations), ("pet", pet)):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(SPACING[::-1])
        sitk.WriteImage(image, str(folder / f"{kind}.nii.gz"))
    return positive


def write_pet_ct_cohort(folder: Path) -> Path:
    """Twelve patients with tumors of the right lung; of the first two the N category or the stations alone."""
    rng, rows = np.random.default_rng(0), []
    for number in range(N_PATIENTS):
        name = f"P{number:02d}"
        positive = write_patient(folder / name, number, rng)
        stage, listed = ("N2" if positive else "N0"), " ".join(positive) or "none"
        images = (f"{name}/ct.nii.gz", f"{name}/pet.nii.gz", "suvbw", f"{name}/stations.nii.gz")
        rows.append((name, *images, "R", "" if number == 1 else stage, "" if number == 0 else listed))
    with (folder / "patients.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return folder
