"""Packages that find lymph nodes by segmentation: every visible one on CT, and the significant ones among them.

After OSLN (Zhu et al. 2020, Sec. 3). A package has a network of visible nodes, streams of significant ones, or both.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, ClassVar

import numpy as np
from pydantic import AfterValidator, Field, field_validator, model_validator

from LNStationLib.models.package.node_streams import NODES, STREAMS
from LNStationLib.models.package.parts import CardRow, Strict
from LNStationLib.models.package.volumes import BACKGROUND, VolumeSection
from LNStationLib.sampling.pet_and_tumor import NEAR_MM

NODE, LOOK_ALIKE = "node", "look_alike"
CLASSES = (BACKGROUND, NODE, LOOK_ALIKE)
"""A look-alike (vessel stump, recess, muscle, wall of the esophagus) is what a reader may take for a node."""


class FrocPoint(Strict):
    """What a threshold on the score does, on the data it was measured on."""

    threshold: float = Field(ge=0, le=1, description="Candidates with at least this score are shown.")
    false_positives: float = Field(ge=0, description="Mean number a patient.")
    recall: float = Field(ge=0, le=1, description="Of visible nodes.")


def threshold_at(froc: Sequence[FrocPoint], false_positives: float) -> float:
    """Score from which candidates are shown, for a mean number of false positives a patient.

    Interpolated between measured points; the last threshold beyond them.
    """
    return float(np.interp(false_positives, [p.false_positives for p in froc], [p.threshold for p in froc]))


def recall_at(froc: Sequence[FrocPoint], false_positives: float) -> float:
    """Recall at a mean number of false positives a patient, likewise."""
    return float(np.interp(false_positives, [p.false_positives for p in froc], [p.recall for p in froc]))


def _rising(value: list[FrocPoint]) -> list[FrocPoint]:
    if any(b.false_positives < a.false_positives or b.threshold > a.threshold for a, b in pairwise(value)):
        raise ValueError("froc must go from few false positives and a high threshold to many and a low one")
    return value


Froc = Annotated[list[FrocPoint], AfterValidator(_rising)]


class Significance(Strict):
    """What a package says of its streams together.

    Attributes:
        froc: Of significant nodes, by the fused streams.
        probable: A voxel from this fused probability on belongs to a candidate.
        near_mm: Up to this distance from the tumor a stratified stream of the zone "near" answers.
        masked: Whether a stratified stream counts in its own zone alone; else the maximum is taken everywhere, as
            OSLN's eq. 2 is printed.
    """

    froc: Froc = Field(min_length=2)
    probable: float = Field(0.5, gt=0, lt=1)
    near_mm: float = Field(NEAR_MM, gt=0)
    masked: bool = True


class NodeDetection(VolumeSection):
    """Nodes of a chest CT by one network for visible nodes, by streams for significant ones, or by both.

    Attributes:
        froc: Of visible nodes, from few false positives to many, measured on patients that training has not seen;
            empty without a network of visible nodes.
        probable: A voxel from this probability on belongs to a candidate.
        sure_from_mm: Short axis from which recall reaches ``sure_recall``; ``None`` where it never does.
        sure_up_to_slice_mm: Slices up to this thickness were measured.
        significant: Of the streams; ``None`` without any.
    """

    task: ClassVar[str] = "node_detection"
    task_title: ClassVar[str] = "Lymph nodes on CT and PET"
    roles: ClassVar[tuple[str, ...]] = (NODES, *STREAMS)

    froc: Froc = Field(default_factory=list)
    probable: float = Field(0.5, gt=0, lt=1)
    sure_from_mm: float | None = Field(None, gt=0)
    sure_up_to_slice_mm: float = Field(5.0, gt=0)
    significant: Significance | None = None

    @field_validator("classes")
    @classmethod
    def _finds_nodes(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        strange = set(value) - set(cls.roles)
        if strange or not value:
            raise ValueError(f"the networks must be of {', '.join(cls.roles)}, got {', '.join(value) or 'none'}")
        for names in value.values():
            if set(names) - set(CLASSES) or NODE not in names:
                known, given = ", ".join(CLASSES), ", ".join(names)
                raise ValueError(f"{NODE} must be a class, and all must be of {known}; got {given}")
        return value

    @model_validator(mode="after")
    def _points_of_what_it_finds(self) -> NodeDetection:
        if (NODES in self.classes) != (len(self.froc) > 1):
            raise ValueError("froc needs two points or more where there is a network of visible nodes, else none")
        if bool(self.streams) != (self.significant is not None):
            raise ValueError("streams of significant nodes and the part 'significant' go together")
        if len({self.volumes[role].spacing_mm for role in self.streams}) > 1:
            raise ValueError("streams that are fused must have one spacing")
        return self

    @property
    def streams(self) -> tuple[str, ...]:
        """Roles of the networks of significant nodes."""
        return tuple(role for role in STREAMS if role in self.classes)

    @property
    def finds_visible(self) -> bool:
        """Whether it has a network of visible nodes."""
        return NODES in self.classes

    def node_class(self, role: str = NODES) -> int:
        """Place of the class of nodes in a network's output."""
        return self.classes[role].index(NODE)

    def threshold(self, false_positives: float) -> float:
        """Score from which visible nodes are shown, for a mean number of false positives a patient."""
        return threshold_at(self.froc, false_positives)

    def recall(self, false_positives: float) -> float:
        """Recall of visible nodes at a mean number of false positives a patient."""
        return recall_at(self.froc, false_positives)

    def card_rows(self) -> list[CardRow]:
        """Operating points, and where sensitivity is low, beside classes, channels and grid."""
        limits: tuple[str, ...] = (f"Measured with slices up to {self.sure_up_to_slice_mm:g} mm.",)
        if self.sure_from_mm is not None:
            limits = (f"Sensitivity is low below a short axis of {self.sure_from_mm:g} mm.", *limits)
        rows = [*super().card_rows()]
        if self.froc:
            rows.append(CardRow("Operating points", _point_lines(self.froc)))
        if self.significant is not None:
            rows.append(CardRow("Operating points of significant nodes", _point_lines(self.significant.froc)))
            rows.append(CardRow("Streams", tuple(STREAMS[role].title for role in self.streams)))
        return [*rows, CardRow("Limits", limits)]


def _point_lines(froc: Sequence[FrocPoint]) -> tuple[str, ...]:
    return tuple(
        f"{fps:g} false positives a patient: score from {threshold_at(froc, fps):.2f}, "
        f"recall {recall_at(froc, fps):.2f}"
        for fps in (1.0, 2.0, 4.0, 8.0)
        if fps <= froc[-1].false_positives
    )
