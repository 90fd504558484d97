"""``samples.csv``: which node each prepared patch is of, its label, and what is known of its station."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field

from lnstation_training.engine.prepared import read_geometry
from LNStationLib.sampling.node_patch import NodePatchSpec
from LNStationLib.support.atomic_files import atomic_file
from LNStationLib.support.errors import InputError

SAMPLES_FILE, PATCHES = "samples.csv", "patches"
Exclusion = Literal["", "too_small", "beyond_image", "contradicts_pathology"]
EXCLUSIONS: dict[Exclusion, str] = {
    "too_small": "below the smallest short axis",
    "beyond_image": "patch mostly beyond the image",
    "contradicts_pathology": "metastatic node in a station that pathology found negative",
}
"""Why a node is left out, with words."""


class NodeGeometry(NodePatchSpec):
    """Geometry of a patch, and which nodes become samples."""

    min_short_axis_mm: float = Field(
        5.0, ge=0, description="Smaller nodes are left out: one slice shows them at most."
    )
    labeled_patients: float = Field(
        1.0, gt=0, le=1, description="Part of the patients whose nodes keep their status; PGLS: 310 of 1052."
    )

    @property
    def patch(self) -> NodePatchSpec:
        """What concerns the patch alone, for a package."""
        return NodePatchSpec(**{name: getattr(self, name) for name in NodePatchSpec.model_fields})


@dataclass(frozen=True)
class NodeSample:
    """One node of one patient, as a row of ``samples.csv``.

    Attributes:
        patient: Identifier of the patient.
        node: Value of the node in the patient's node map.
        row: Index along the first axis of the patient's array.
        label: 1 metastatic, 0 not, ``None`` where it is unknown to training.
        truth: As ``label`` where it is known and kept from training, to audit pseudo labels with; else ``None``.
        station: Where the node lies; ``None`` outside of all stations.
        station_positive: Whether pathology found the station metastatic, 0 or 1; ``None`` where it was not dissected,
            or where the node lies in two stations that differ.
        short_axis_mm: Short axis.
        part_inside: Part of the patch that the image covers.
        excluded: Why it is left out; empty where it is not.
    """

    patient: str
    node: int
    row: int
    label: int | None
    truth: int | None
    station: str | None
    station_positive: int | None
    short_axis_mm: float
    part_inside: float
    excluded: Exclusion = ""


def read_node_geometry(folder: Path) -> NodeGeometry:
    """Geometry of prepared patches.

    Raises:
        InputError: ``folder`` holds no prepared data.
    """
    return read_geometry(folder, NodeGeometry)


def write_samples(path: Path, samples: Iterable[NodeSample]) -> None:
    """Write ``samples.csv``; ``None`` is an empty cell."""
    names = [field.name for field in fields(NodeSample)]
    with atomic_file(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(sample) for sample in samples)


def read_samples(folder: Path) -> list[NodeSample]:
    """Read the samples of prepared data, excluded ones too.

    Raises:
        InputError: ``folder`` holds no prepared data.
    """
    try:
        with (folder / SAMPLES_FILE).open(newline="", encoding="utf-8") as file:
            return [_read_sample(row) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{folder} holds no prepared data: run prepare first.") from error


def _read_sample(row: dict[str, str]) -> NodeSample:
    def whole(name: str) -> int | None:
        return int(row[name]) if row[name] else None

    excluded = row["excluded"]
    if excluded not in get_args(Exclusion):
        raise ValueError(excluded)
    return NodeSample(
        patient=row["patient"],
        node=int(row["node"]),
        row=int(row["row"]),
        label=whole("label"),
        truth=whole("truth"),
        station=row["station"] or None,
        station_positive=whole("station_positive"),
        short_axis_mm=float(row["short_axis_mm"]),
        part_inside=float(row["part_inside"]),
        excluded=excluded,  # type: ignore[arg-type]  # checked above
    )
