"""Packages that draw lymph node stations on a CT and its organs (DeepStationing, Guo et al. 2021, Sec. 2.2)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import field_validator

from LNStationLib import anatomy
from LNStationLib.models.package.volumes import VolumeSection

STATIONS = "stations"
"""Role of the one network."""


class StationSegmentation(VolumeSection):
    """Stations of a chest CT by one network, which sees organs as channels ``organ:NAME``."""

    task: ClassVar[str] = "station_segmentation"
    task_title: ClassVar[str] = "Lymph node stations on CT"
    roles: ClassVar[tuple[str, ...]] = (STATIONS,)

    @field_validator("classes")
    @classmethod
    def _known_stations(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        if set(value) != {STATIONS}:
            raise ValueError(f"the network must be {STATIONS}, got {', '.join(value)}")
        known = {row.name for row in anatomy.stations()}
        unknown = [name for name in value[STATIONS][1:] if name not in known]
        if unknown:
            raise ValueError(f"unknown stations {', '.join(unknown)}")
        return value

    @property
    def stations(self) -> list[str]:
        """Those that the network draws, in the order of its classes."""
        return self.classes[STATIONS][1:]

    @property
    def organs(self) -> tuple[str, ...]:
        """Organs that it must be given."""
        return self.volumes[STATIONS].organs

    def _classes_title(self) -> str:
        return "Stations"
