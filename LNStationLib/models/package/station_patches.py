"""Packages that classify stations on PET/CT: one network gives each station's patch a logit of metastasis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field, field_validator

from LNStationLib import anatomy
from LNStationLib.imaging.tracer import FDG, tracer_title
from LNStationLib.models.package.parts import CardRow, NetworkEntry
from LNStationLib.models.package.probability import ProbabilitySection
from LNStationLib.models.package.sections import NetworkInput
from LNStationLib.sampling.station_patch import PET_CT_CHANNELS, StationPatchSpec

PATCH_CLASSIFIER = "classifier"
"""Role of the one network."""
_DEFAULT_STATIONS = 17
"""Of the networks, where a package does not say how many."""


class PatientOfPatches(ProbabilitySection):
    """What packages that see a patient's stations as patches of PET/CT have alike."""

    patch: StationPatchSpec
    tracer: str = Field(FDG, description="Tracer of the PETs that it learned from; FDG where a package does not say.")
    stations: list[str] = Field(
        min_length=1, description="Stations in the order of the numbers that the network is told."
    )

    def takes(self, tracer: str | None) -> bool:
        """Whether it may judge a PET; one whose tracer nobody says is taken as FDG."""
        return self.tracer == (tracer or FDG)

    @field_validator("channels")
    @classmethod
    def _known_channels(cls, value: list[str]) -> list[str]:
        if value != list(PET_CT_CHANNELS):
            raise ValueError(f"a patch has the channels {', '.join(PET_CT_CHANNELS)}, got {', '.join(value)}")
        return value

    @field_validator("stations")
    @classmethod
    def _known_stations(cls, value: list[str]) -> list[str]:
        unknown = sorted(set(value) - {row.name for row in anatomy.stations()})
        if unknown or len(set(value)) != len(value):
            raise ValueError(f"unknown stations {', '.join(unknown)}" if unknown else "a station is named twice")
        return value

    def check_networks(self, networks: Sequence[NetworkEntry]) -> None:
        """Hold the network to its role and to the number of stations.

        Raises:
            ValueError: It tells another number of stations apart.
        """
        super().check_networks(networks)
        told = networks[0].arguments.get("n_stations", _DEFAULT_STATIONS)
        if told != len(self.stations):
            raise ValueError(f"the network tells {told} stations apart, and the package names {len(self.stations)}")

    def network_input(self, role: str) -> NetworkInput:
        """The channels of a patch."""
        return NetworkInput(tuple(self.channels), self.patch.size)

    def card_rows(self) -> list[CardRow]:
        """Stations, channels and patch beside what every probability has."""
        size = " x ".join(str(n) for n in reversed(self.patch.size))
        spacing = " x ".join(f"{mm:g}" for mm in reversed(self.patch.spacing_mm))
        return [
            CardRow("Stations", (", ".join(self.stations),)),
            CardRow("Input", tuple(f"{name}: {PET_CT_CHANNELS[name]}" for name in self.channels)),
            CardRow("Tracer", (tracer_title(self.tracer),)),
            CardRow("Patch", (f"{size} voxels of {spacing} mm",)),
            *super().card_rows(),
        ]


class StationPatches(PatientOfPatches):
    """Metastasis of stations from one patch each."""

    task: ClassVar[str] = "station_patches"
    task_title: ClassVar[str] = "Metastasis of stations on PET/CT"
    roles: ClassVar[tuple[str, ...]] = (PATCH_CLASSIFIER,)
