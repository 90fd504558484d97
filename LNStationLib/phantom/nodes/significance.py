"""Which nodes a reader calls significant, stricter or more lenient with the distance to the tumor.

OSLN (Zhu et al. 2020, Sec. 1): near the tumor physicians readily take a node for significant, though it is not
enlarged; far from it they want a clear sign. In the phantom nodes look alike at any distance, so that without such a
reader stratification by distance has nothing to learn.
"""

from __future__ import annotations

from dataclasses import dataclass

from LNStationLib.phantom.nodes.node import NodeTruth

STRICT_SHORT_AXIS_MM, STRICT_SUV_MAX = 10.0, 4.0
"""Far from the tumor: enlarged by RECIST 1.1, or as hot as the presets' reader calls positive."""
LENIENT_SHORT_AXIS_MM, LENIENT_SUV_MAX = 7.0, 2.5
"""Near it: ours. 7 mm is the short axis from which a node beside the esophagus is often irradiated; 2.5 is the oldest
threshold of SUV for malignancy."""


@dataclass(frozen=True)
class Reader:
    """A reader of synthetic patients.

    Attributes:
        lenient_within_mm: Up to this distance from the tumor the lenient limits hold; 0 for a reader who is strict
            everywhere.
    """

    lenient_within_mm: float = 70.0

    def calls(self, node: NodeTruth, distance_mm: float) -> bool:
        """Whether a node is significant to this reader; one that is not visible never is.

        Args:
            node: With its expected uptake where the patient has PET.
            distance_mm: Of its center to the tumor's boundary, negative inside.
        """
        if not node.visible:
            return False
        lenient = self.lenient_within_mm > 0 and distance_mm <= self.lenient_within_mm
        short_mm = LENIENT_SHORT_AXIS_MM if lenient else STRICT_SHORT_AXIS_MM
        suv = LENIENT_SUV_MAX if lenient else STRICT_SUV_MAX
        necrotic = node.necrosis_fraction > 0
        return node.short_axis_mm >= short_mm or (node.suv_max is not None and node.suv_max > suv) or necrotic
