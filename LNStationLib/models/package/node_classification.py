"""Packages that classify nodes: a logit of metastasis for each node's patch; stations follow from nodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from LNStationLib.models.package.parts import CardRow
from LNStationLib.models.package.probability import OperatingPoint, ProbabilitySection
from LNStationLib.models.package.sections import NetworkInput
from LNStationLib.sampling.node_patch import PATCH_CHANNELS, NodePatchSpec

NODE_CLASSIFIER = "classifier"
"""Role of the one network."""
StationRule = Literal["noisy_or", "max"]


def noisy_or(probabilities: Sequence[float]) -> float:
    """Probability that at least one node is metastatic, were nodes independent (Pearl 1988)."""
    return 1.0 - math.prod(1.0 - each for each in probabilities)


STATION_RULES: Mapping[str, Callable[[Sequence[float]], float]] = {"noisy_or": noisy_or, "max": max}
"""From the probabilities of a station's nodes, at least one, to the station's."""
RULE_TITLES: Mapping[str, str] = {
    "noisy_or": "at least one of its nodes is metastatic (noisy-or)",
    "max": "its most suspicious node",
}


class NodeClassification(ProbabilitySection):
    """Metastasis of nodes from one patch each, and of stations from their nodes."""

    task: ClassVar[str] = "node_classification"
    task_title: ClassVar[str] = "Metastasis of nodes"
    roles: ClassVar[tuple[str, ...]] = (NODE_CLASSIFIER,)

    patch: NodePatchSpec
    min_short_axis_mm: float = Field(0.0, ge=0, description="Smaller nodes are not judged.")
    station_rule: StationRule = Field("max", description="From the probabilities of a station's nodes to its own.")
    station_points: list[OperatingPoint] = Field(
        default_factory=list,
        description="Of stations, by the names of those of nodes; without them a station is as its nodes are.",
    )

    @field_validator("channels")
    @classmethod
    def _known_channels(cls, value: list[str]) -> list[str]:
        if value != list(PATCH_CHANNELS):
            raise ValueError(f"a node's patch has the channels {', '.join(PATCH_CHANNELS)}, got {', '.join(value)}")
        return value

    def network_input(self, role: str) -> NetworkInput:
        """The channels of a node's patch."""
        return NetworkInput(tuple(self.channels), self.patch.size)

    def station_probability(self, nodes: Sequence[float]) -> float:
        """Probability of a station from those of its nodes, at least one."""
        return STATION_RULES[self.station_rule](nodes)

    def station_point(self, name: str) -> OperatingPoint | None:
        """The threshold of stations that goes with that of nodes; ``None`` where the package has none."""
        return next((point for point in self.station_points if point.name == name), None)

    def card_rows(self) -> list[CardRow]:
        """Patch, channels and the way from nodes to stations, beside what every probability has."""
        size = " x ".join(str(n) for n in reversed(self.patch.size))
        spacing = " x ".join(f"{mm:g}" for mm in reversed(self.patch.spacing_mm))
        points = tuple(point.line() for point in self.station_points) or ("where one of its nodes is positive",)
        return [
            CardRow("Input", tuple(f"{name}: {PATCH_CHANNELS[name]}" for name in self.channels)),
            CardRow(
                "Patch", (f"{size} voxels of {spacing} mm; zoomed: the node's box and {self.patch.margin_mm:g} mm",)
            ),
            CardRow("Smallest node", (f"{self.min_short_axis_mm:g} mm short axis",)),
            CardRow("Probability of a station", (RULE_TITLES[self.station_rule],)),
            CardRow("Operating points of stations", points),
            *super().card_rows(),
        ]
