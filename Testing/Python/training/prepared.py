"""Small prepared data for tests: metastatic stations hold a brighter node."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from lnstation_training.cohorts.splits import make_splits, write_splits
from lnstation_training.engine.prepared import PREPARED_FILE
from lnstation_training.tasks.station_classification.samples import (
    REGIONS,
    SAMPLES_FILE,
    STORED,
    StationSample,
    write_samples,
)
from LNStationLib.sampling.station_region import RegionSpec

SPEC = RegionSpec(size=(8, 24, 24), spacing_mm=(6.0, 3.0, 3.0))
STATIONS = ("1R", "4R", "7")


def region(rng: np.random.Generator, positive: bool, node: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """CT, nodes and station: fat with noise in a ball, with a node of 3 voxels that is brighter where positive."""
    z, y, x = np.meshgrid(*[np.arange(n) - (n - 1) / 2 for n in SPEC.size], indexing="ij")
    inside = (2 * z) ** 2 + y**2 + x**2 < 100
    ct = np.where(inside, -0.5 + rng.normal(0, 0.05, SPEC.size), -1.0)
    place = rng.integers(-3, 4, 2)
    mask = ((2 * z) ** 2 + (y - place[0]) ** 2 + (x - place[1]) ** 2 < 12) & node
    ct[mask] = 0.6 if positive else 0.0
    return ct.astype(np.float16), mask.astype(np.uint8), inside.astype(np.uint8)


def write_prepared(folder: Path, n_patients: int = 18, n_folds: int = 3) -> Path:
    """Patients with three labeled stations each; a third of the stations is positive."""
    rng = np.random.default_rng(0)
    (folder / REGIONS).mkdir(parents=True)
    content = {
        "cohort": {"title": "Drawn regions", "synthetic": True},
        "region": SPEC.model_dump(mode="json"),
        "stations": list(STATIONS),
    }
    (folder / PREPARED_FILE).write_text(json.dumps(content), encoding="utf-8")
    samples, positives = [], {}
    for number in range(n_patients):
        patient = f"P{number:02d}"
        labels = [int((number + row) % 3 == 0 and number % 6 != 5) for row in range(3)]
        arrays = [region(rng, bool(label)) for label in labels]
        for kind, stored in zip(STORED, zip(*arrays, strict=True), strict=True):
            np.save(folder / REGIONS / f"{patient}_{kind}.npy", np.stack(stored))
        samples += [
            StationSample(patient, station, row, labels[row], 2, labels[row], True, 7.0)
            for row, station in enumerate(STATIONS)
        ]
        positives[patient] = sum(labels)
    samples.append(StationSample("P00", "8", 0, None, None, None, False, None))
    write_samples(folder / SAMPLES_FILE, samples)
    write_splits(folder / "splits.json", make_splits(positives, n_folds))
    return folder
