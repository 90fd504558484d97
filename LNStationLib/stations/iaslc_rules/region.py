"""Input and output of a station's rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from LNStationLib.imaging.boxes import box_of
from LNStationLib.imaging.distances import depth_mm
from LNStationLib.organs.blood import blood_threshold_hu
from LNStationLib.stations.iaslc_rules.borders import Border
from LNStationLib.stations.iaslc_rules.frame import Frame
from LNStationLib.stations.iaslc_rules.levels import Levels
from LNStationLib.stations.iaslc_rules.needs import Blood
from LNStationLib.stations.iaslc_rules.prevascular import prevascular_surface
from LNStationLib.stations.iaslc_rules.tissue import mediastinum, node_tissue
from LNStationLib.stations.iaslc_rules.walls import Walls
from LNStationLib.support.types import BoolArray, FloatArray

REACH_MM = 36.0
"""Further than any rule's distance."""


class Anatomy:
    """Everything a rule needs about one patient: frame, levels, walls and tissue."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.levels = Levels(frame)
        self.walls = Walls(frame, self.levels)
        self._distances: dict[tuple[str, ...], FloatArray] = {}
        self._shared: dict[Callable[[Anatomy], BoolArray], BoolArray] = {}

    @cached_property
    def tissue(self) -> BoolArray:
        """Tissue that can hold a node, anywhere in the region."""
        return node_tissue(self.frame)

    @cached_property
    def mediastinal_tissue(self) -> BoolArray:
        """Tissue that can hold a node, between the lungs."""
        return self.tissue & mediastinum(self.frame)

    @cached_property
    def prevascular(self) -> Border:
        """Front of the great vessels."""
        return prevascular_surface(self.frame)

    @cached_property
    def _contrast_shows_blood(self) -> bool:
        return blood_threshold_hu(self.frame.hu, self.frame.organs) is not None

    def knows(self, blood: Blood) -> bool:
        """Whether contrast shows a vessel or a mask, not a surrogate, outlines it."""
        found = [name for name in blood.masks if name in self.frame.organs]
        return self._contrast_shows_blood or any(not self.frame.is_surrogate(name) for name in found)

    def shared(self, make: Callable[[Anatomy], BoolArray]) -> BoolArray:
        """What ``make`` gives for this patient, made once for the rules of both sides."""
        if make not in self._shared:
            self._shared[make] = make(self)
        return self._shared[make]

    def distance_mm(self, *names: str) -> FloatArray:
        """Distance in mm of every voxel to the nearest of the named organs.

        Infinite further than ``REACH_MM`` beyond the organs' bounding box, and where none of them is there: no rule
        looks further, and the transform of the whole region would cost most of the parser's time.
        """
        if names not in self._distances:
            union = self.frame.union(*names)
            distances = np.full(union.shape, np.inf, np.float32)
            if union.any():
                box = box_of(union, round(self.frame.voxels(REACH_MM)))
                distances[box] = depth_mm(~union[box], self.frame.grid.spacing_mm, parallel=2)
            self._distances[names] = distances
        return self._distances[names]


@dataclass(frozen=True)
class Region:
    """A station's region by its definition, and the borders that made it."""

    mask: BoolArray
    borders: dict[str, Border]


Rule = Callable[[Anatomy], Region]
"""Builds a station's region; raises ``MissingAnatomyError`` where a structure without surrogate is missing."""
