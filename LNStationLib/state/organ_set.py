"""The organs of one case on the working grid, each with the account of where it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from LNStationLib.imaging.grid import Grid
from LNStationLib.state.used_model import UsedModel
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, PointMm


class OrganSource(StrEnum):
    """Where an organ mask came from, best first."""

    SUPPLIED = "supplied"
    """A mask given with the case."""
    DERIVED = "derived"
    """Cut out of a supplied mask (the arch out of the aorta)."""
    NETWORK = "network"
    """A segmentation network that ran here (TotalSegmentator)."""
    IMAGE = "image"
    """Found in the CT itself by classical means (lungs, airways, bones)."""
    SURROGATE = "surrogate"
    """Placed where anatomy says it must be, from other organs; borders that rest on it say so."""


@dataclass(frozen=True)
class Organ:
    """One organ on the working grid.

    Attributes:
        name: Key in the organ table, e.g. ``"main_bronchus_left"``.
        mask: Voxels of the organ, ``[z, y, x]`` on the set's grid; never empty.
        source: Where it came from.
        how: How it was found, as data ("split of the supplied aorta").
        confidence: How far a network is to be trusted here, in [0, 1]; ``None`` where nothing says so.
    """

    name: str
    mask: BoolArray
    source: OrganSource
    how: Reason
    confidence: float | None = None


@dataclass(frozen=True)
class Landmark:
    """A named point in LPS mm ``(x, y, z)``, e.g. ``"carina"``."""

    name: str
    point_mm: PointMm
    source: OrganSource


@dataclass
class OrganSet(Mapping[str, Organ]):
    """Organs by name on one grid. Missing organs are absent, never empty masks.

    Attributes:
        grid: The grid.
        organs: By canonical name.
        landmarks: By name.
        warnings: What the user is to know, as codes with facts.
        barred: Organs that only a reader may add: one that is not here yet stays away.
        segmented: What a network gave, before anything was made of it; kept, so that an edit of an organ does not run
            the network again. ``None`` where none ran.
        model: The model package whose network gave them; ``None`` where none ran.
    """

    grid: Grid
    organs: dict[str, Organ] = field(default_factory=dict)
    landmarks: dict[str, Landmark] = field(default_factory=dict)
    warnings: list[Reason] = field(default_factory=list)
    barred: frozenset[str] = frozenset()
    segmented: tuple[Organ, ...] | None = None
    model: UsedModel | None = None

    def warn(self, code: str, **facts: Any) -> None:
        """Add a warning by its code, unless it is there already."""
        self.add_warning(Reason(code, facts))

    def add_warning(self, warning: Reason) -> None:
        """Add a warning, unless it is there already."""
        if warning not in self.warnings:
            self.warnings.append(warning)

    def __getitem__(self, name: str) -> Organ:
        return self.organs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.organs)

    def __len__(self) -> int:
        return len(self.organs)

    def add(self, organ: Organ) -> None:
        """Add an organ; an empty mask is refused because absence is said by absence. A barred one is left out.

        Raises:
            ValueError: The mask is empty or not on the set's grid.
        """
        if organ.mask.shape != self.grid.shape:
            raise ValueError(f"{organ.name}: mask shape {organ.mask.shape} is not the grid's {self.grid.shape}")
        if not organ.mask.any():
            raise ValueError(f"{organ.name}: empty mask")
        if organ.name in self.barred and organ.name not in self.organs:
            return
        self.organs[organ.name] = organ

    def mask(self, name: str) -> BoolArray | None:
        """The organ's mask, or ``None`` where it is missing."""
        organ = self.organs.get(name)
        return None if organ is None else organ.mask
