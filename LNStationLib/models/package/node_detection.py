"""Packages that find lymph nodes on CT by segmentation (after OSLN, Zhu et al. 2020, Sec. 3.1)."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import numpy as np
from pydantic import Field, field_validator

from LNStationLib.models.package.parts import CardRow, Strict
from LNStationLib.models.package.volumes import BACKGROUND, VolumeSection

NODES = "nodes"
"""Role of the network that finds every visible node."""
NODE, LOOK_ALIKE = "node", "look_alike"
CLASSES = (BACKGROUND, NODE, LOOK_ALIKE)
"""A look-alike (vessel stump, recess, muscle, wall of the esophagus) is what a reader may take for a node."""


class FrocPoint(Strict):
    """What a threshold on the score does, on the data it was measured on."""

    threshold: float = Field(ge=0, le=1, description="Candidates with at least this score are shown.")
    false_positives: float = Field(ge=0, description="Mean number a patient.")
    recall: float = Field(ge=0, le=1, description="Of visible nodes.")


class NodeDetection(VolumeSection):
    """Nodes of a chest CT by one network, which may see organs and stations as channels.

    Attributes:
        froc: From few false positives to many, measured on patients that training has not seen.
        probable: A voxel from this probability on belongs to a candidate.
        sure_from_mm: Short axis from which recall reaches ``sure_recall``; ``None`` where it never does.
        sure_up_to_slice_mm: Slices up to this thickness were measured.
    """

    task: ClassVar[str] = "node_detection"
    task_title: ClassVar[str] = "Lymph nodes on CT"
    roles: ClassVar[tuple[str, ...]] = (NODES,)

    froc: list[FrocPoint] = Field(min_length=2)
    probable: float = Field(0.5, gt=0, lt=1)
    sure_from_mm: float | None = Field(None, gt=0)
    sure_up_to_slice_mm: float = Field(5.0, gt=0)

    @field_validator("classes")
    @classmethod
    def _finds_nodes(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        if set(value) != {NODES}:
            raise ValueError(f"the network must be {NODES}, got {', '.join(value)}")
        unknown = set(value[NODES]) - set(CLASSES)
        if unknown or NODE not in value[NODES]:
            known, given = ", ".join(CLASSES), ", ".join(value[NODES])
            raise ValueError(f"{NODE} must be a class, and all must be of {known}; got {given}")
        return value

    @field_validator("froc")
    @classmethod
    def _rising(cls, value: list[FrocPoint]) -> list[FrocPoint]:
        if any(b.false_positives < a.false_positives or b.threshold > a.threshold for a, b in pairwise(value)):
            raise ValueError("froc must go from few false positives and a high threshold to many and a low one")
        return value

    @property
    def node_class(self) -> int:
        """Place of the class of nodes in the network's output."""
        return self.classes[NODES].index(NODE)

    def threshold(self, false_positives: float) -> float:
        """Score from which candidates are shown, for a mean number of false positives a patient.

        Interpolated between measured points; the last threshold beyond them.
        """
        return float(
            np.interp(
                false_positives, [each.false_positives for each in self.froc], [each.threshold for each in self.froc]
            )
        )

    def recall(self, false_positives: float) -> float:
        """Recall at a mean number of false positives a patient, likewise."""
        return float(
            np.interp(
                false_positives, [each.false_positives for each in self.froc], [each.recall for each in self.froc]
            )
        )

    def card_rows(self) -> list[CardRow]:
        """Operating points, and where sensitivity is low, beside classes, channels and grid."""
        points = tuple(
            f"{fps:g} false positives a patient: score from {self.threshold(fps):.2f}, recall {self.recall(fps):.2f}"
            for fps in (1.0, 2.0, 4.0, 8.0)
            if fps <= self.froc[-1].false_positives
        )
        limits: tuple[str, ...] = (f"Measured with slices up to {self.sure_up_to_slice_mm:g} mm.",)
        if self.sure_from_mm is not None:
            limits = (f"Sensitivity is low below a short axis of {self.sure_from_mm:g} mm.", *limits)
        return [*super().card_rows(), CardRow("Operating points", points), CardRow("Limits", limits)]
