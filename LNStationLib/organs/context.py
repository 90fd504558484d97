"""State shared by the finders of bones and vessels: the organs found so far and the voxels each must leave alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import morphology
from LNStationLib.organs.bones import lung_outline
from LNStationLib.organs.groups import ARTERIES, BONES, CENTRAL_VEINS, LUNGS, PULMONARY_ARTERIES
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.support.types import BoolArray

_BLOOD = (*ARTERIES, "heart", "atrium_left", *PULMONARY_ARTERIES, "pulmonary_vein", *CENTRAL_VEINS)
_AIR = ("trachea", "airways")
_MIDLINE = ("trachea", "spine", "sternum")


@dataclass(frozen=True)
class Context:
    """The scan and the organs found so far."""

    scan: Scan
    organs: OrganSet
    body: BoolArray

    def union(self, names: tuple[str, ...], grow_mm: float = 0.0) -> BoolArray:
        """Union of the named organs, grown by ``grow_mm``; empty where none is known."""
        union = np.zeros(self.scan.grid.shape, dtype=bool)
        for name in names:
            mask = self.organs.mask(name)
            if mask is not None:
                union |= mask
        return morphology.dilate(union, grow_mm, self.scan.spacing_mm)

    def blood(self, grow_mm: float = 0.0) -> BoolArray:
        """Known vessels and heart."""
        return self.union(_BLOOD, grow_mm)

    def lungs(self) -> BoolArray:
        """Both lungs."""
        return self.union(LUNGS)

    @cached_property
    def outline(self) -> BoolArray:
        """The outline of the lungs in every slice and below; read only after the lungs are in the set."""
        return lung_outline(self.lungs())

    def air(self, grow_mm: float = 0.0) -> BoolArray:
        """Lumen of the airways."""
        return self.union(_AIR, grow_mm)

    def bones(self) -> BoolArray:
        """All known bone."""
        return self.union(BONES)

    def index(self, landmark: str) -> tuple[float, float, float] | None:
        """Fractional voxel index ``(z, y, x)`` of a landmark; ``None`` where it is not known."""
        found = self.organs.landmarks.get(landmark)
        return None if found is None else self.scan.grid.index(found.point_mm)

    def middle_x(self) -> float:
        """Column between right and left: the trachea's, else that of a known bone, else the middle of the body.

        The middle of the view is the patient's midline only where nothing is cut off. Where a main bronchus is cut
        off or blocked, an apparent carina may be the fork of a lobe; the trachea above it is still in the midline.
        """
        for name in _MIDLINE:
            mask = self.organs.mask(name)
            if mask is not None:
                return float(np.nonzero(mask.any(axis=1))[1].mean())
        columns = np.flatnonzero(self.body.any(axis=(0, 1)))
        return float(columns[0] + columns[-1]) / 2
