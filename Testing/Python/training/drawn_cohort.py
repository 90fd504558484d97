"""Drawn patients in the tables of a research group: metastatic stations hold a brighter node."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy

STATIONS = ("2R", "4R", "7", "8")
SIZE, SPACING = (26, 56, 84), (5.0, 2.0, 2.0)


def chest(rng: np.random.Generator) -> np.ndarray:
    """A box of fat in air with a lung on each side: as little as the reader of CTs takes for a chest."""
    ct = np.full(SIZE, -1000.0)
    ct[:, 4:-4, 4:-4] = -80
    # A wall of 12 mm: what is thinner is clothing.
    for side in (slice(10, 26), slice(58, 74)):
        ct[1:-1, 10:-10, side] = -850
    return (ct + rng.normal(0, 8, SIZE)).astype(np.float32)


def write_patient(folder: Path, number: int, rng: np.random.Generator) -> list[tuple[str, int]]:
    """Four stations as boxes, each with a node that is brighter where metastatic; stations and labels."""
    ct, stations, nodes = chest(rng), np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
    labels = []
    for row, name in enumerate(STATIONS):
        z, x = 4 + 10 * (row // 2), 27 + 16 * (row % 2)
        stations[z : z + 6, 20:36, x : x + 14] = anatomy.station(name).label_value
        positive = int((number + row) % 3 == 0)
        box = (slice(z + 2, z + 4), slice(25, 30), slice(x + 4, x + 9))
        nodes[box], ct[box] = row + 1, 110 if positive else 40
        labels.append((name, positive))
    folder.mkdir(parents=True)
    for kind, array in (("ct", ct), ("stations", stations), ("nodes", nodes)):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(SPACING[::-1])
        sitk.WriteImage(image, str(folder / f"{kind}.nii.gz"))
    return labels


def write_cohort(folder: Path) -> Path:
    """Twelve patients; one station of the first was not dissected."""
    rng = np.random.default_rng(0)
    patients, pathology = [], []
    for number in range(12):
        name = f"P{number:02d}"
        labels = write_patient(folder / name, number, rng)
        patients.append((name, f"{name}/ct.nii.gz", f"{name}/stations.nii.gz", f"{name}/nodes.nii.gz"))
        pathology += [(name, station, 3, positive) for station, positive in labels if (number, station) != (0, "8")]
    for table, header, rows in (
        ("patients.csv", ("patient", "ct", "stations", "nodes"), patients),
        ("pathology.csv", ("patient", "station", "nodes_taken", "nodes_positive"), pathology),
    ):
        with (folder / table).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])
    return folder
