"""Drawn patients with a table of nodes: metastatic nodes are brighter; the last patients' nodes have no status."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from training.drawn_cohort import STATIONS, write_patient

UNLABELED_FROM = 12
HEADERS = {
    "patients.csv": ("patient", "ct", "stations", "nodes"),
    "pathology.csv": ("patient", "station", "nodes_taken", "nodes_positive"),
    "node_pathology.csv": ("patient", "node", "metastatic"),
}


def write_node_cohort(folder: Path, patients: int = 16) -> Path:
    """Patients with four stations of a node each; those from the thirteenth on have pathology by station alone."""
    rng, rows = np.random.default_rng(0), {table: list[tuple]() for table in HEADERS}
    for number in range(patients):
        name = f"P{number:02d}"
        labels = write_patient(folder / name, number, rng)
        rows["patients.csv"].append((name, *(f"{name}/{kind}.nii.gz" for kind in ("ct", "stations", "nodes"))))
        rows["pathology.csv"] += [(name, station, 3, positive) for station, positive in labels]
        if number < UNLABELED_FROM:
            rows["node_pathology.csv"] += [(name, row + 1, positive) for row, (_, positive) in enumerate(labels)]
    for table, header in HEADERS.items():
        write_table(folder / table, header, rows[table])
    return folder


def write_table(path: Path, header: tuple[str, ...], rows: list[tuple]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


__all__ = ["STATIONS", "UNLABELED_FROM", "write_node_cohort", "write_table"]
