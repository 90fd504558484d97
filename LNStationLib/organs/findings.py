"""Results of one finder; ``find.py`` merges them, the most trusted first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from LNStationLib.imaging.grid import Grid
from LNStationLib.state.organ_set import Landmark, Organ, OrganSet, OrganSource
from LNStationLib.state.used_model import UsedModel
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray


@dataclass
class Findings:
    """Organs, landmarks and warnings of one finder, and the model package whose network it asked."""

    organs: list[Organ] = field(default_factory=list)
    landmarks: list[Landmark] = field(default_factory=list)
    warnings: list[Reason] = field(default_factory=list)
    model: UsedModel | None = None

    def organ(
        self,
        name: str,
        mask: BoolArray | None,
        source: OrganSource,
        how: Reason,
        confidence: float | None = None,
    ) -> None:
        """Add an organ unless its mask is missing or empty; ``organs/words.py`` says how it was found."""
        if mask is not None and mask.any():
            self.organs.append(Organ(name, mask, source, how, confidence))

    def warn(self, code: str, **facts: Any) -> None:
        """Add a warning by its code; ``organs/words.py`` has the words."""
        self.warnings.append(Reason(code, facts))

    def landmark(self, name: str, index: tuple[float, float, float], grid: Grid, source: OrganSource) -> None:
        """Add a landmark at a fractional array index ``(z, y, x)``."""
        z, y, x = (float(value) for value in index)
        self.landmarks.append(Landmark(name, grid.point_mm((z, y, x)), source))

    def add_to(self, organs: OrganSet) -> None:
        """Add what the set does not contain yet: earlier findings are trusted more."""
        for organ in self.organs:
            if organ.name not in organs:
                organs.add(organ)
        for landmark in self.landmarks:
            organs.landmarks.setdefault(landmark.name, landmark)
        for warning in self.warnings:
            organs.add_warning(warning)
