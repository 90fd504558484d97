"""What ``prepare`` makes of a patient for ``station_patches`` and ``n_staging``: images on disk, and a record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from LNStationLib import anatomy
from LNStationLib.sampling.station_patch import Index, StationPatchSpec
from LNStationLib.staging.rules import Rules
from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.errors import InputError
from LNStationLib.support.types import Side

RECORDS_FILE, VOLUMES = "records.json", "volumes"
STATIONS: tuple[str, ...] = tuple(row.name for row in anatomy.stations())
"""In the order of the numbers that networks are told."""
Target = Literal["clinical", "pathology"]
TARGETS: Mapping[Target, str] = {"clinical": "imaging (cN)", "pathology": "pathology (pN)"}
"""Whose word is the truth, with its name in tables."""


class PatchGeometry(StationPatchSpec):
    """Geometry of a patch, and which truth becomes the label."""

    target: Target = Field(
        "clinical",
        description="Imaging's calls and N category (cN), or those of pathology (pN), as labels and for dealing out "
        "folds; data.target of a run takes the other.",
    )
    rules: Rules = Field("tnm8", description="Rules of the N category.")
    grow_mm: float = Field(
        0.0, ge=0, le=20, description="Exact stations of synthetic patients grown, as atlases err (7 in the audit)."
    )
    with_stations: float = Field(
        1.0, ge=0, le=1, description="Part of the patients whose stations stay known; the others have N alone."
    )

    @property
    def patch(self) -> StationPatchSpec:
        """What concerns the patch alone, for a package."""
        return StationPatchSpec(**{name: getattr(self, name) for name in StationPatchSpec.model_fields})


class StationRecord(BaseModel):
    """A station of a prepared patient.

    Attributes:
        station: Its name.
        label: 1 metastatic, 0 not, ``None`` where unknown.
        labels: The same by everyone whose word may be the truth; ``label`` is one of them.
        center: Where its weight map is largest, array index ``(z, y, x)``.
        low: Lowest index of its voxels along each axis.
        high: Highest one.
        suv_max: Highest SUV in it; ``None`` where PET covers none of it.
        lesion_overlap: Largest part of a lesion that lies in it, of those lesions of which no other station holds
            more; 0 without a lesion.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    station: str
    label: int | None
    labels: dict[Target, int | None] = Field(default_factory=dict)
    center: Index
    low: Index
    high: Index
    suv_max: float | None
    lesion_overlap: float


class PatientRecord(BaseModel):
    """A prepared patient.

    Attributes:
        patient: Identifier.
        side: Of the tumor.
        stage: N category, 0 to 3; ``None`` where unknown.
        stages: The same by everyone whose word may be the truth; ``stage`` is one of them.
        stations: Those that the patient has and PET covers.
        left_out: Names of those that PET does not cover.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patient: str
    side: Side
    stage: int | None
    stages: dict[Target, int | None] = Field(default_factory=dict)
    stations: list[StationRecord]
    left_out: list[str] = Field(default_factory=list)

    def aimed_at(self, target: Target) -> PatientRecord:
        """The same patient with the labels and the N category of one truth.

        Raises:
            InputError: The patient was prepared when one truth alone was kept.
        """
        if target not in self.stages:
            raise InputError(f"patient {self.patient} was prepared for one target alone: run prepare again.")
        stations = [each.model_copy(update={"label": each.labels[target]}) for each in self.stations]
        return self.model_copy(update={"stage": self.stages[target], "stations": stations})

    @property
    def n_positive(self) -> int:
        """Number of stations known to be metastatic."""
        return sum(each.label == 1 for each in self.stations)

    @property
    def stations_known(self) -> bool:
        """Whether the status of any station is known."""
        return any(each.label is not None for each in self.stations)

    @property
    def stratum(self) -> tuple[int, ...]:
        """N category and number of positive stations, -1 where unknown (Sec. 3.3)."""
        return (-1 if self.stage is None else self.stage, self.n_positive if self.stations_known else -1)


@dataclass(frozen=True)
class StationSample:
    """One station of one patient.

    Attributes:
        of: The patient.
        record: The station.
    """

    of: PatientRecord
    record: StationRecord

    @property
    def patient(self) -> str:
        """Identifier of the patient."""
        return self.of.patient

    @property
    def station(self) -> str:
        """Name of the station."""
        return self.record.station

    @property
    def label(self) -> int | None:
        """1 metastatic, 0 not, ``None`` where unknown."""
        return self.record.label

    @property
    def stratum(self) -> tuple[int, ...]:
        """Of the patient."""
        return self.of.stratum


def station_samples(records: Sequence[PatientRecord]) -> list[StationSample]:
    """Every station of every patient."""
    return [StationSample(record, station) for record in records for station in record.stations]


_RECORDS = TypeAdapter(list[PatientRecord])


def write_records(folder: Path, records: Sequence[PatientRecord]) -> None:
    """Write ``records.json``."""
    content = [record.model_dump(mode="json") for record in records]
    write_atomically(folder / RECORDS_FILE, json.dumps(content, indent=1) + "\n")


def read_records(folder: Path) -> list[PatientRecord]:
    """Read ``records.json``.

    Raises:
        InputError: ``folder`` holds no prepared data of this kind.
    """
    try:
        return _RECORDS.validate_json((folder / RECORDS_FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise InputError(f"{folder} holds no prepared data: run prepare first.") from error


def channels_file(folder: Path, patient: str) -> Path:
    """float16 ``[2, z, y, x]``: scaled CT and PET."""
    return folder / VOLUMES / f"{patient}.npy"


def stations_file(folder: Path, patient: str) -> Path:
    """uint8 ``[z, y, x]``: values of the station table."""
    return folder / VOLUMES / f"{patient}_stations.npy"


def read_channels(folder: Path, patient: str) -> np.ndarray:
    """See ``channels_file``; read from disk where it is used."""
    found: np.ndarray = np.load(channels_file(folder, patient), mmap_mode="r")
    return found
