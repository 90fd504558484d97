"""Stations on the working grid."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.imaging.grid import Grid
from LNStationLib.state.assessment import StationAgreement
from LNStationLib.state.used_model import UsedModel
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, FloatArray, LabelArray, PointMm, Side

PROBABILITY, WEIGHT = "probability", "weight"
"""Kinds of voxel maps of stations: how sure a method is of a voxel's station, and Eq. 1 of Engelson et al. 2026."""


@dataclass(frozen=True)
class BorderNote:
    """One border of one station and what it rests on.

    Attributes:
        station: Station name, e.g. ``"4R"``.
        border: Which border, e.g. ``"upper"``.
        rests_on: What placed it, as data ("caudal margin of the left brachiocephalic vein").
        surrogate: True where the structure of the definition was missing and something else stood in.
    """

    station: str
    border: str
    rests_on: Reason
    surrogate: bool


@dataclass
class StationMap:
    """Station labels on the working grid.

    Attributes:
        grid: The working grid.
        labels: uint8 ``[z, y, x]``, values of the station table, 0 elsewhere.
        midline_x_mm: Sagittal midline of the patient, one LPS x in mm per slice of the grid; decides the side
            of a finding in the stations that have no side of their own (3A, 3P, 7, 8, 9).
        borders: What each border rests on.
        left_out: Station name to the reason why it could not be parsed.
        warnings: Sentences for the user.
        doubts: Station name to why its outline is doubtful; only stations that have voxels and a doubt.
        failure: Why no station could be parsed; ``None`` where some could.
        model: The model package that drew them; ``None`` where none did.
        maps: Kind of voxel map to float32 values of 0 to 1 on a part of the working grid, of all stations together;
            empty where the method gives none.
        agreement: How other methods that ran agree, station by station.
    """

    grid: Grid
    labels: LabelArray
    midline_x_mm: FloatArray
    borders: list[BorderNote] = field(default_factory=list)
    left_out: dict[str, Reason] = field(default_factory=dict)
    warnings: list[Reason] = field(default_factory=list)
    doubts: dict[str, tuple[Reason, ...]] = field(default_factory=dict)
    failure: Reason | None = None
    model: UsedModel | None = None
    maps: dict[str, sitk.Image] = field(default_factory=dict)
    agreement: tuple[StationAgreement, ...] = ()

    def mask(self, station: str) -> BoolArray:
        """Voxels of a station by name.

        Raises:
            KeyError: There is no such station.
        """
        return np.equal(self.labels, anatomy.station(station).label_value)

    def side_of(self, point_mm: PointMm) -> Side:
        """The patient's side of an LPS point, by the midline of its slice (clamped to the grid)."""
        z = int(np.clip(round(self.grid.index(point_mm)[0]), 0, self.grid.shape[0] - 1))
        return "L" if point_mm[0] >= self.midline_x_mm[z] else "R"

    def notes(self, station: str) -> list[BorderNote]:
        """Border notes of one station."""
        return [note for note in self.borders if note.station == station]
