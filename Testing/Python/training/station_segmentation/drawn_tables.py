"""Drawn patients with organs and stations, in the tables of a research group."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from training.drawn_cohort import SIZE, SPACING
from training.drawn_organs import write_organ_cohort

from LNStationLib import anatomy


def write_station_cohort(folder: Path, patients: int = 6) -> Path:
    """Two stations beside the organs of ``write_organ_cohort``."""
    write_organ_cohort(folder, patients)
    rows = []
    for number in range(patients):
        labels = np.zeros(SIZE, np.uint8)
        labels[8:14, 26:34, 40:48] = anatomy.station("7").label_value
        labels[14:20, 24:32, 30 + number % 2 : 38] = anatomy.station("4R").label_value
        image = sitk.GetImageFromArray(labels)
        image.SetSpacing(SPACING[::-1])
        sitk.WriteImage(image, str(folder / f"P{number}_stations.nii.gz"))
        rows.append((f"P{number}", f"P{number}_ct.nii.gz", f"P{number}_masks", f"P{number}_stations.nii.gz"))
    with (folder / "patients.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("patient", "ct", "organs", "stations"), *rows])
    return folder
