"""What ``prepare`` leaves beside the regions: which station each is, its label, and what the cohort is."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from LNStationLib.sampling.station_region import RegionSpec
from LNStationLib.support.atomic_files import atomic_file
from LNStationLib.support.errors import InputError

PREPARED_FILE, SAMPLES_FILE, REGIONS = "prepared.json", "samples.csv", "regions"


class CohortInfo(BaseModel):
    """What a cohort is, for the cards of models trained on it.

    Attributes:
        title: In a few words.
        synthetic: True where its patients are made up; every model trained on them says so.
        description: More about it: hospitals, years, scanners, how it was labeled.
        tables_digest: SHA-256 of the tables, empty where there are none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    synthetic: bool
    description: str = ""
    tables_digest: str = ""


@dataclass(frozen=True)
class Sample:
    """One station of one patient, as a row of ``samples.csv``.

    Attributes:
        patient: Identifier of the patient.
        station: Station name.
        row: Index along the first axis of the patient's arrays.
        label: 1 metastatic, 0 not, ``None`` where the station was not dissected.
        nodes_taken: Nodes that were examined; ``None`` where it was not dissected.
        nodes_positive: How many of them were metastatic; ``None`` likewise.
        has_node: Whether a visible node reaches into the station.
        short_axis_mm: Largest short axis of its nodes; ``None`` where it has none.
    """

    patient: str
    station: str
    row: int
    label: int | None
    nodes_taken: int | None
    nodes_positive: int | None
    has_node: bool
    short_axis_mm: float | None


def read_info(folder: Path) -> CohortInfo:
    """What the prepared cohort is.

    Raises:
        InputError: ``folder`` holds no prepared data.
    """
    return CohortInfo.model_validate(_read_prepared(folder)["cohort"])


def _read_prepared(folder: Path) -> dict:
    try:
        content = json.loads((folder / PREPARED_FILE).read_text(encoding="utf-8"))
        if {"cohort", "region", "stations"} <= set(content):
            return content
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} holds no prepared data: run prepare first.") from error
    raise InputError(f"{folder / PREPARED_FILE} is incomplete: run prepare into a new folder.")


def read_spec(folder: Path) -> RegionSpec:
    """Geometry of prepared regions.

    Raises:
        InputError: ``folder`` holds no prepared data.
    """
    return RegionSpec.model_validate(_read_prepared(folder)["region"])


def read_stations(folder: Path) -> list[str]:
    """Stations that were cut out.

    Raises:
        InputError: ``folder`` holds no prepared data.
    """
    return list(_read_prepared(folder)["stations"])


def write_samples(path: Path, samples: Iterable[Sample]) -> None:
    """Write ``samples.csv``; ``None`` is an empty cell."""
    names = [field.name for field in fields(Sample)]
    with atomic_file(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for sample in samples:
            row = asdict(sample)
            row["has_node"] = int(sample.has_node)
            writer.writerow(row)


def read_samples(folder: Path) -> list[Sample]:
    """Read the samples of prepared data.

    Raises:
        InputError: ``folder`` holds no prepared data.
    """
    try:
        with (folder / SAMPLES_FILE).open(newline="", encoding="utf-8") as file:
            return [_read_sample(row) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{folder} holds no prepared data: run prepare first.") from error


def _read_sample(row: dict[str, str]) -> Sample:
    def whole(cell: str) -> int | None:
        return int(cell) if cell else None

    return Sample(
        patient=row["patient"],
        station=row["station"],
        row=int(row["row"]),
        label=whole(row["label"]),
        nodes_taken=whole(row["nodes_taken"]),
        nodes_positive=whole(row["nodes_positive"]),
        has_node=row["has_node"] == "1",
        short_axis_mm=float(row["short_axis_mm"]) if row["short_axis_mm"] else None,
    )
