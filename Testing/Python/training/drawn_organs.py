"""Drawn patients with a few organs, for tests of networks that segment: boxes and balls in a chest."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from training.drawn_cohort import SIZE, SPACING, chest

ORGANS = {"spine": 400.0, "aorta": 150.0, "heart": 90.0, "trachea": -990.0}


def organ_masks(number: int) -> dict[str, np.ndarray]:
    """Four organs, a little elsewhere in every patient."""
    z, y, x = np.meshgrid(*[np.arange(n) for n in SIZE], indexing="ij")
    shift = number % 3
    return {
        "spine": (abs(x - 42) < 4) & (y > 42) & (y < 50),
        "aorta": (x - 48) ** 2 + (y - 36 - shift) ** 2 < 16,
        "heart": ((z - 8) * 2) ** 2 + (y - 22) ** 2 + (x - 44 - shift) ** 2 < 130,
        "trachea": ((x - 40) ** 2 + (y - 28) ** 2 < 9) & (z > 14),
    }


def write_organ_cohort(folder: Path, patients: int = 6) -> Path:
    """Patients with a folder of masks, as TotalSegmentator writes it, in the tables of a research group."""
    rng, rows = np.random.default_rng(0), []
    folder.mkdir(parents=True)
    for number in range(patients):
        ct, masks = chest(rng), folder / f"P{number}_masks"
        masks.mkdir()
        for name, mask in organ_masks(number).items():
            ct[mask] = ORGANS[name]
            _write(mask.astype(np.uint8), masks / f"{name}.nii.gz")
        _write(ct, folder / f"P{number}_ct.nii.gz")
        rows.append((f"P{number}", f"P{number}_ct.nii.gz", f"P{number}_masks"))
    with (folder / "patients.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("patient", "ct", "organs"), *rows])
    return folder


def _write(array: np.ndarray, path: Path) -> None:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING[::-1])
    sitk.WriteImage(image, str(path))
