"""``samples.csv``: which station each prepared region is of, and its label."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from lnstation_training.engine.prepared import read_geometry, read_prepared
from LNStationLib.sampling.station_region import RegionSpec
from LNStationLib.support.atomic_files import atomic_file
from LNStationLib.support.errors import InputError

SAMPLES_FILE, REGIONS = "samples.csv", "regions"
CT_KIND, NODES_KIND, STATION_KIND = "ct", "nodes", "station"
STORED = (CT_KIND, NODES_KIND, STATION_KIND)
"""Endings of the files that hold a patient's regions, in the order in which they are stacked."""


@dataclass(frozen=True)
class StationSample:
    """One station of one patient, as a row of ``samples.csv``.

    Attributes:
        patient: Identifier of the patient.
        station: Station name.
        row: Index along the first axis of the patient's arrays, of its lowest region.
        label: 1 metastatic, 0 not, ``None`` where the station was not dissected.
        nodes_taken: Nodes that were examined; ``None`` where it was not dissected.
        nodes_positive: How many of them were metastatic; ``None`` likewise.
        has_node: Whether a visible node reaches into the station.
        short_axis_mm: Largest short axis of its nodes; ``None`` where it has none.
        n_regions: How many regions hold it.
    """

    patient: str
    station: str
    row: int
    label: int | None
    nodes_taken: int | None
    nodes_positive: int | None
    has_node: bool
    short_axis_mm: float | None
    n_regions: int = 1

    @property
    def rows(self) -> slice:
        """Its regions along the first axis of the patient's arrays."""
        return slice(self.row, self.row + self.n_regions)


def read_spec(folder: Path) -> RegionSpec:
    """Geometry of prepared regions.

    Raises:
        InputError: ``folder`` holds no prepared data.
    """
    return read_geometry(folder, RegionSpec)


def read_stations(folder: Path) -> list[str]:
    """Stations that were cut out.

    Raises:
        InputError: ``folder`` holds no prepared data.
    """
    return list(read_prepared(folder)["stations"])


def write_samples(path: Path, samples: Iterable[StationSample]) -> None:
    """Write ``samples.csv``; ``None`` is an empty cell."""
    names = [field.name for field in fields(StationSample)]
    with atomic_file(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for sample in samples:
            row = asdict(sample)
            row["has_node"] = int(sample.has_node)
            writer.writerow(row)


def read_samples(folder: Path) -> list[StationSample]:
    """Read the samples of prepared data.

    Raises:
        InputError: ``folder`` holds no prepared data.
    """
    try:
        with (folder / SAMPLES_FILE).open(newline="", encoding="utf-8") as file:
            return [_read_sample(row) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{folder} holds no prepared data: run prepare first.") from error


def _read_sample(row: dict[str, str]) -> StationSample:
    def whole(cell: str) -> int | None:
        return int(cell) if cell else None

    return StationSample(
        patient=row["patient"],
        station=row["station"],
        row=int(row["row"]),
        label=whole(row["label"]),
        nodes_taken=whole(row["nodes_taken"]),
        nodes_positive=whole(row["nodes_positive"]),
        has_node=row["has_node"] == "1",
        short_axis_mm=float(row["short_axis_mm"]) if row["short_axis_mm"] else None,
        n_regions=int(row.get("n_regions") or 1),
    )
