"""Packages that classify stations: one network gives each station's region a logit of metastasis."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from LNStationLib import anatomy
from LNStationLib.anatomy.station_groups import station_groups
from LNStationLib.models.package.conformal import ConformalSets
from LNStationLib.models.package.parts import CardRow
from LNStationLib.models.package.probability import ProbabilitySection
from LNStationLib.models.package.sections import NetworkInput
from LNStationLib.sampling.channels import channel, need_nodes
from LNStationLib.sampling.station_region import RegionSpec
from LNStationLib.state.assessment import PredictionSet

CLASSIFIER = "classifier"
"""Role of the one network."""


class StationClassification(ProbabilitySection):
    """Metastasis of stations from one region each."""

    task: ClassVar[str] = "station_classification"
    task_title: ClassVar[str] = "Metastasis of stations"
    roles: ClassVar[tuple[str, ...]] = (CLASSIFIER,)

    region: RegionSpec
    stations: list[str] = Field(min_length=1, description="Stations it may be asked about.")
    n_groups: Literal[2, 3, 6] = Field(3, description="Station groups of its experts or branches.")
    conformal: ConformalSets | None = Field(None, description="Of calibrated probabilities; packages may lack it.")

    @field_validator("channels")
    @classmethod
    def _known_channels(cls, value: list[str]) -> list[str]:
        for name in value:
            channel(name)
        return value

    @field_validator("stations")
    @classmethod
    def _known_stations(cls, value: list[str]) -> list[str]:
        known = {row.name for row in anatomy.stations()}
        unknown = [name for name in value if name not in known]
        if unknown:
            raise ValueError(f"unknown stations {', '.join(unknown)}")
        return value

    @model_validator(mode="after")
    def _a_limit_for_each_group(self) -> StationClassification:
        if self.conformal is not None and len(self.conformal.groups) != self.n_groups:
            raise ValueError(f"{len(self.conformal.groups)} conformal limits for {self.n_groups} station groups")
        return self

    def prediction_set(self, station: str, probability: float) -> PredictionSet | None:
        """What a station's probability leaves open; ``None`` without conformal sets or a group of the station."""
        group = station_groups(self.n_groups).get(station)
        return None if self.conformal is None or group is None else self.conformal.prediction_set(group, probability)

    @property
    def needs_nodes(self) -> bool:
        """Whether it can be asked only where nodes were looked for."""
        return need_nodes(self.channels)

    def network_input(self, role: str) -> NetworkInput:
        """The channels of a station's region."""
        return NetworkInput(tuple(self.channels), self.region.size)

    def card_rows(self) -> list[CardRow]:
        """Stations, channels and region beside what every probability has."""
        size = " x ".join(str(n) for n in reversed(self.region.size))
        spacing = " x ".join(f"{mm:g}" for mm in reversed(self.region.spacing_mm))
        return [
            CardRow("Stations", (", ".join(self.stations),)),
            CardRow("Input", tuple(f"{name}: {channel(name).title}" for name in self.channels)),
            CardRow("Region", (f"{size} voxels of {spacing} mm",)),
            *super().card_rows(),
            *([] if self.conformal is None else [CardRow("Conformal sets", self.conformal.lines())]),
        ]
