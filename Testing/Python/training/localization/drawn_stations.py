"""Drawn patients with nodes of known station, and station methods that draw fixed boxes."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from contracts.toy_methods import ToyOrgans
from training.drawn_cohort import SIZE, SPACING, chest

from LNStationLib import anatomy
from LNStationLib.organs.registry import METHODS as ORGANS
from LNStationLib.state.method import MethodOptions, NoOptions
from LNStationLib.state.station_map import StationMap
from LNStationLib.stations.registry import METHODS
from LNStationLib.support.reason import Reason

Boxes = Mapping[str, tuple[slice, slice, slice]]
STATIONS: Boxes = {
    "2R": (slice(14, 20), slice(20, 34), slice(30, 40)),
    "4L": (slice(14, 20), slice(20, 34), slice(44, 54)),
    "7": (slice(4, 10), slice(20, 34), slice(36, 48)),
}
"""On the CT's grid. Readers see a node in the middle of each."""


class DrawnStations:
    """Boxes of the CT, moved by some slices."""

    options: type[MethodOptions] = NoOptions
    needs = ()
    references = ()
    package_task = None

    def __init__(self, name: str, names: Mapping[str, str], moved_slices: int = 0) -> None:
        self.name = name
        self.title = f"Drawn ({name})"
        self.names, self.moved_slices = names, moved_slices
        self.runs = 0

    def run(self, state, options, progress) -> StationMap:
        self.runs += 1
        grid = state.working_ct.grid
        labels = np.zeros(grid.shape, np.uint8)
        for place, (z, y, x) in STATIONS.items():
            low = grid.index(
                ((x.start - 0.5) * 2.0, (y.start - 0.5) * 2.0, (z.start + self.moved_slices - 0.5) * 5.0)
            )
            high = grid.index(((x.stop - 0.5) * 2.0, (y.stop - 0.5) * 2.0, (z.stop + self.moved_slices - 0.5) * 5.0))
            box = tuple(slice(max(round(a), 0), max(round(b), 0)) for a, b in zip(low, high, strict=True))
            labels[box] = anatomy.station(self.names[place]).label_value
        midline = np.full(grid.shape[0], 84.0)
        return StationMap(grid, labels, midline, warnings=[Reason("as_written", {"words": f"drawn by {self.name}"})])


RIGHT = {"2R": "2R", "4L": "4L", "7": "7"}
OTHER = {"2R": "4R", "4L": "4L", "7": "8"}
"""4R is of the zone of 2R, and 8 not of that of 7."""


@contextmanager
def drawn_methods(*methods: DrawnStations) -> Iterator[None]:
    """Registered, with organs that take no time."""
    with ORGANS.including(ToyOrgans()), METHODS.including(methods[0]), METHODS.including(methods[1]):
        yield


def write_patient(folder: Path, rng: np.random.Generator) -> None:
    """A CT, and a map with a node in the middle of each station, numbered 1 to 3."""
    nodes = np.zeros(SIZE, np.uint8)
    for number, (z, y, x) in enumerate(STATIONS.values(), start=1):
        nodes[z.start + 2 : z.start + 4, y.start + 5 : y.start + 9, x.start + 3 : x.start + 7] = number
    folder.mkdir(parents=True)
    for kind, array in (("ct", chest(rng)), ("nodes", nodes)):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(SPACING[::-1])
        sitk.WriteImage(image, str(folder / f"{kind}.nii.gz"))


def write_cohort(folder: Path, n_patients: int = 2) -> tuple[Path, Path]:
    """The tables of patients and of nodes; node 3 may be in 8 too, and the last patient has a node too many."""
    rng = np.random.default_rng(0)
    names = [f"P{number}" for number in range(n_patients)]
    for name in names:
        write_patient(folder / name, rng)
    patients = [(name, f"{name}/ct.nii.gz", f"{name}/nodes.nii.gz") for name in names]
    nodes = [
        (name, number, station, "8" if station == "7" else "")
        for name in names
        for number, station in enumerate(STATIONS, start=1)
    ]
    return (
        _table(folder / "patients.csv", ("patient", "ct", "nodes"), patients),
        _table(folder / "nodes.csv", ("patient", "node", "station", "station_2"), [*nodes, (names[-1], 9, "4R", "")]),
    )


def _table(path: Path, header: tuple[str, ...], rows: list) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path
