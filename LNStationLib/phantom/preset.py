"""Presets: the numbers a synthetic cohort is drawn from, read from ``Resources/Phantom`` and checked on load."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from LNStationLib import anatomy
from LNStationLib.case.case import Cancer
from LNStationLib.phantom.anatomy.variation import Contrast
from LNStationLib.staging import Rules
from LNStationLib.support.errors import InputError
from LNStationLib.support.resources import resource_path
from LNStationLib.support.types import PointMm, Side

PresetName = Literal["esophagus", "lung"]
PRESET_NAMES: tuple[PresetName, ...] = ("esophagus", "lung")
Group = Literal["upper", "middle", "lower", "hilar"]
"""Station group: the three of SA-MoE (Li et al. 2025, Sec. 2.2), and one for 9 to 11, which it does not cover."""

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LogNormal(_Data):
    """A log-normal distribution, cut to a range."""

    median: Positive
    sigma: NotNegative
    low: NotNegative = 0.0
    high: float = float("inf")

    def draw(self, rng: np.random.Generator, factor: float = 1.0) -> float:
        """One value around ``median * factor``, kept within the range."""
        return float(np.clip(self.median * factor * np.exp(self.sigma * rng.standard_normal()), self.low, self.high))


class Normal(_Data):
    """A normal distribution, cut to a range."""

    mean: float
    sd: NotNegative
    low: float = float("-inf")
    high: float = float("inf")

    def draw(self, rng: np.random.Generator) -> float:
        """One value, kept within the range."""
        return float(np.clip(self.mean + self.sd * rng.standard_normal(), self.low, self.high))


class PatientTable(_Data):
    """Who the patients are and how they are scanned."""

    male_fraction: Fraction
    age_years: Normal
    pet_fraction: Fraction
    in_plane_mm: Normal
    slice_mm: dict[Positive, Fraction]
    """CT slice distance in mm to its frequency."""
    contrast: dict[Contrast, Fraction]
    """Phase of the CT to its frequency."""


class SiteRow(_Data):
    """One site of the primary tumor, and how it drains."""

    name: str
    side: Side | None
    frequency: Fraction
    center_mm: PointMm
    """Usual center in the frame of the anatomy tables."""
    scatter_mm: tuple[NotNegative, NotNegative, NotNegative]
    """Standard deviation of the center along x, y, z; for the esophagus z counts, x and y follow its course."""
    drains_to: dict[str, Fraction]
    """Station to the chance that a tumor of usual size at the usual center reaches it directly."""


class TumorTable(_Data):
    """The primary tumor."""

    diameter_mm: LogNormal
    suv: LogNormal
    weakly_avid_fraction: Fraction
    """Part of tumors whose uptake, and that of their metastases, is a third of the usual."""
    sites: list[SiteRow]


class SpreadTable(_Data):
    """How tumor spreads from station to station."""

    size_exponent: NotNegative
    """Direct chances scale with (diameter / median) to this power."""
    aggressiveness_sigma: NotNegative
    """Log-normal spread between patients of all direct chances."""
    decay_mm: Positive
    """Direct chances change by e where the distance from tumor to station differs by this from the usual."""
    onward: dict[str, dict[str, Fraction]]
    """Station to the stations it passes tumor on to, with the chance of each."""
    extra_nodes_mean: NotNegative
    """Mean number of further metastatic nodes in a positive station (geometric)."""


class Appearance(_Data):
    """How nodes of one status look in one group of stations."""

    elongation: Normal
    fatty_hilum: Fraction
    hu: Normal
    texture_sd_hu: Normal
    margin_mm: Normal
    necrosis: Fraction
    conglomerate: Fraction


class NodeTable(_Data):
    """Number, size and look of nodes."""

    mean_count: dict[str, NotNegative]
    """Nodes of any size per station."""
    benign_short_axis_mm: LogNormal
    station_size_factor: dict[str, Positive]
    reactive_patient_fraction: Fraction
    reactive_size_factor: Positive
    metastatic_short_axis_mm: LogNormal
    micrometastasis_fraction: Fraction
    """Part of metastatic nodes that look benign in size, texture and uptake."""
    granulomatous_patient_fraction: Fraction
    granulomatous_node_fraction: Fraction
    granulomatous_stations: list[str]
    calcified_fraction: Fraction
    """Part of granulomatous nodes that are calcified."""
    benign_suv: LogNormal
    granulomatous_suv: LogNormal
    metastatic_suv: LogNormal
    benign: dict[Group, Appearance]
    metastatic: dict[Group, Appearance]
    look_alikes: dict[Literal["vessel_stump", "pericardial_recess", "muscle_bundle", "esophageal_wall"], Fraction]


class ImagingTable(_Data):
    """How readers call nodes, and uptake in stations that is not of nodes."""

    short_axis_mm: Positive
    suv_max: Positive
    visible_short_axis_mm: Positive
    background_suv: dict[str, LogNormal]
    """Largest uptake in a station without any node: blood, muscle, brown fat, esophagus, myocardium, noise."""
    tumor_overlap: dict[str, dict[str, Fraction]]
    """Tumor site to station to the chance that the tumor's own uptake reaches into the station."""


class SurgeryTable(_Data):
    """What is dissected and what the pathologist finds."""

    dissected: dict[str, Fraction]
    """Station, or ``ipsilateral``/``contralateral`` form such as ``"4i"`` and ``"4c"``, to the chance."""
    node_found: Fraction
    micrometastasis_found: Fraction


class Preset(_Data):
    """One preset, ``Resources/Phantom/<name>.json``."""

    name: PresetName
    version: int
    cancer: Cancer
    n_rules: Rules | None
    """Rules of cN and pN for lung cancer; ``None`` for esophageal cancer, which counts nodes."""
    description: str
    sources: dict[str, str]
    """Part of this file to where its numbers come from; "tuned" where the audit decided them."""
    patients: PatientTable
    tumor: TumorTable
    spread: SpreadTable
    nodes: NodeTable
    imaging: ImagingTable
    surgery: SurgeryTable
    audit_notes: dict[str, str]
    """Name of a figure of the audit to why it deviates from the published one, or how that is to be read."""

    @model_validator(mode="after")
    def _stations_are_known(self) -> Preset:
        known = {row.name for row in anatomy.stations()}
        named = {*self.nodes.mean_count, *self.nodes.station_size_factor, *self.nodes.granulomatous_stations}
        named |= {*self.imaging.background_suv, *self.spread.onward}
        for onward in self.spread.onward.values():
            named |= set(onward)
        for site in self.tumor.sites:
            named |= set(site.drains_to)
        if named - known:
            raise ValueError(f"preset {self.name}: no such station: {', '.join(sorted(named - known))}")
        if set(self.imaging.background_suv) != known or not known >= set(self.nodes.mean_count):
            raise ValueError(f"preset {self.name}: every station needs a background uptake")
        if abs(sum(site.frequency for site in self.tumor.sites) - 1) > 1e-6:
            raise ValueError(f"preset {self.name}: the frequencies of the sites do not add up to 1")
        return self

    def digest(self) -> str:
        """Short hash of all numbers, so that a cohort says which preset made it."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]

    def site(self, name: str) -> SiteRow:
        """The site of that name.

        Raises:
            InputError: There is none; the message lists those there are.
        """
        for row in self.tumor.sites:
            if row.name == name:
                return row
        raise InputError(f"no site {name!r} in preset {self.name}: use {', '.join(s.name for s in self.tumor.sites)}")


@cache
def load_preset(name: str) -> Preset:
    """Read a preset.

    Raises:
        InputError: There is none of that name; the message lists those there are.
        pydantic.ValidationError: The file is not a valid preset.
    """
    if name not in PRESET_NAMES:
        raise InputError(f"no preset {name!r}: use {' or '.join(PRESET_NAMES)}.")
    return Preset.model_validate_json(resource_path("Phantom", f"{name}.json").read_text(encoding="utf-8"))


def station_group(station: str) -> Group:
    """Group of a station whose nodes look alike."""
    group = anatomy.station(station).groups.get("sa_moe_group")
    return group if group in ("upper", "middle", "lower") else "hilar"  # type: ignore[return-value]
