"""Points of tissue that may hold a node."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from LNStationLib.phantom.station_truth.surfaces import Array

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Tissue:
    """Points of tissue that may hold a node, in the frame of ``central``, and what was measured at them.

    Attributes:
        points: LPS mm ``(n, 3)``.
        in_chest: Within the thoracic cavity or the inlet, medial to the lungs.
        above_diaphragm: Above the diaphragm, and not lower than where the esophagus passes it: what lies behind the
            crura is not paraesophageal space.
        pleura_mm: Distance from the nearer lung; infinite where far.
        neck_side_x: Right and left limit of the lower neck at each point, ``(n, 2)``.
        neck_front_y: The layer of the strap and sternocleidomastoid muscles at each point.
        sternum_y: Back of the sternum at each point.
    """

    points: Array
    in_chest: Mask
    above_diaphragm: Mask
    pleura_mm: Array
    neck_side_x: Array
    neck_front_y: Array
    sternum_y: Array

    @property
    def x(self) -> Array:
        """To the left, mm."""
        return self.points[:, 0]

    @property
    def y(self) -> Array:
        """To the back, mm."""
        return self.points[:, 1]

    @property
    def z(self) -> Array:
        """To the head, mm."""
        return self.points[:, 2]
