"""Drawn patients with organs, stations and nodes, in the tables of a research group."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from training.drawn_cohort import SPACING
from training.station_segmentation.drawn_tables import write_station_cohort

NODES = ((10, 30, 44, 8.0), (16, 28, 33, 12.0), (17, 25, 36, 3.0))
"""Voxel ``(z, y, x)`` of the center and diameter in mm: two in stations that a reader counts, one too small."""
NODE_HU = 60


def write_detection_cohort(folder: Path, patients: int = 6) -> Path:
    """Three nodes beside the stations of ``write_station_cohort``."""
    write_station_cohort(folder, patients)
    rows = []
    for number in range(patients):
        path = folder / f"P{number}_ct.nii.gz"
        ct = sitk.ReadImage(str(path))
        hu, labels = sitk.GetArrayFromImage(ct), np.zeros(ct.GetSize()[::-1], np.uint8)
        for value, (z, y, x, diameter) in enumerate(NODES, start=1):
            labels[ball(labels.shape, (z, y, x + number % 2), diameter)] = value
        hu[labels > 0] = NODE_HU
        for array, target in ((hu, path), (labels, folder / f"P{number}_nodes.nii.gz")):
            image = sitk.GetImageFromArray(array)
            image.CopyInformation(ct)
            sitk.WriteImage(image, str(target))
        names = ("ct", "stations", "nodes")
        rows.append((f"P{number}", *(f"P{number}_{name}.nii.gz" for name in names), f"P{number}_masks"))
    with (folder / "patients.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("patient", "ct", "stations", "nodes", "organs"), *rows])
    return folder


def ball(shape: tuple[int, ...], center: tuple[int, int, int], diameter_mm: float) -> np.ndarray:
    """Voxels within a ball; its center at least."""
    ticks = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")
    squared = sum(((tick - at) * step) ** 2 for tick, at, step in zip(ticks, center, SPACING, strict=True))
    return squared <= max(diameter_mm / 2, 0.1) ** 2
