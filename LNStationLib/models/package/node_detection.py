"""Packages that find lymph nodes by segmentation: every visible one on CT, and the significant ones among them.

After OSLN (Zhu et al. 2020, Sec. 3). A package has a network of visible nodes, streams of significant ones, or both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field, field_validator, model_validator

from LNStationLib.models.package.froc import Froc, PointsCohort, point_lines, recall_at, threshold_at
from LNStationLib.models.package.node_candidates import SECOND_STAGE, NodeCandidates
from LNStationLib.models.package.node_streams import NODES, STREAMS
from LNStationLib.models.package.parts import CardRow, NetworkEntry, Strict
from LNStationLib.models.package.sections import NetworkInput, TaskSection
from LNStationLib.models.package.thorough_search import ThoroughSearch
from LNStationLib.models.package.volumes import BACKGROUND, VolumeSection
from LNStationLib.sampling.pet_and_tumor import NEAR_MM

NODE, LOOK_ALIKE = "node", "look_alike"
CLASSES = (BACKGROUND, NODE, LOOK_ALIKE)
"""A look-alike (vessel stump, recess, muscle, wall of the esophagus) is what a reader may take for a node."""


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
        points_of: Patients that the operating points of visible nodes are of; ``None`` where nothing says so.
        thorough: How visible nodes are sought in several views; ``None`` in packages that are asked once.
        significant: Of the streams; ``None`` without any.
        second_stage: Of the network that judges the streams' candidates; ``None`` without one.
    """

    task: ClassVar[str] = "node_detection"
    task_title: ClassVar[str] = "Lymph nodes"
    roles: ClassVar[tuple[str, ...]] = (NODES, *STREAMS, SECOND_STAGE)

    froc: Froc = Field(default_factory=list)
    probable: float = Field(0.5, gt=0, lt=1)
    sure_from_mm: float | None = Field(None, gt=0)
    sure_up_to_slice_mm: float = Field(5.0, gt=0)
    points_of: PointsCohort | None = None
    thorough: ThoroughSearch | None = None
    significant: Significance | None = None
    second_stage: NodeCandidates | None = None

    @field_validator("classes")
    @classmethod
    def _finds_nodes(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        known_roles = (NODES, *STREAMS)
        if set(value) - set(known_roles) or not value:
            raise ValueError(f"the networks must be of {', '.join(known_roles)}, got {', '.join(value) or 'none'}")
        for names in value.values():
            if set(names) - set(CLASSES) or NODE not in names:
                known, given = ", ".join(CLASSES), ", ".join(names)
                raise ValueError(f"{NODE} must be a class, and all must be of {known}; got {given}")
        return value

    @model_validator(mode="after")
    def _points_of_what_it_finds(self) -> NodeDetection:
        if (NODES in self.classes) != (len(self.froc) > 1):
            raise ValueError("froc needs two points or more where there is a network of visible nodes, else none")
        if self.thorough is not None and not self.finds_visible:
            raise ValueError("a thorough search needs a network of visible nodes")
        if bool(self.streams) != (self.significant is not None):
            raise ValueError("streams of significant nodes and the part 'significant' go together")
        if len({self.volumes[role].spacing_mm for role in self.streams}) > 1:
            raise ValueError("streams that are fused must have one spacing")
        if self.second_stage is not None and self.significant is None:
            raise ValueError("a second stage needs streams, whose candidates it judges")
        if self.second_stage is not None and self.second_stage.patch.spacing_mm != self.stream_spacing_mm:
            raise ValueError("the second stage and the streams must have one spacing")
        return self

    @property
    def network_roles(self) -> tuple[str, ...]:
        """Roles of all networks of the package."""
        return (*self.classes, *((SECOND_STAGE,) if self.second_stage is not None else ()))

    def network_input(self, role: str) -> NetworkInput:
        """Channels of the network of a role; that of the second stage takes patches."""
        if role == SECOND_STAGE and self.second_stage is not None:
            return self.second_stage.network_input(role)
        return super().network_input(role)

    def check_networks(self, networks: Sequence[NetworkEntry]) -> None:
        """Hold the networks to the section's roles, classes and tags.

        Raises:
            ValueError: They do not go together.
        """
        TaskSection.check_networks(self, networks)
        super().check_classes([each for each in networks if each.role in self.classes])
        if self.second_stage is not None:
            self.second_stage.check_networks([each for each in networks if each.role == SECOND_STAGE])

    @property
    def streams(self) -> tuple[str, ...]:
        """Roles of the networks of significant nodes."""
        return tuple(role for role in STREAMS if role in self.classes)

    @property
    def stream_spacing_mm(self) -> tuple[float, float, float]:
        """Voxel size of the streams along z, y, x; there is one at least."""
        return self.volumes[self.streams[0]].spacing_mm

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
        rows = [*super().card_rows(), *self._point_rows()]
        if self.significant is not None:
            rows.append(CardRow("Operating points of significant nodes", point_lines(self.significant.froc)))
            rows.append(CardRow("Streams", tuple(STREAMS[role].title for role in self.streams)))
        if self.second_stage is not None:
            rows += self.second_stage.card_rows()
        return [*rows, CardRow("Limits", self._limits())]

    def _point_rows(self) -> list[CardRow]:
        """Of visible nodes: those of the search that is usual first."""
        of = () if self.points_of is None else (self.points_of.words,)
        if self.thorough is None:
            return [CardRow("Operating points", (*of, *point_lines(self.froc)))] if self.froc else []
        title = f"Operating points, asked in {len(self.thorough.views)} views"
        return [
            CardRow(title, (*of, *point_lines(self.thorough.froc))),
            CardRow("Operating points, asked once", point_lines(self.froc)),
        ]

    def _limits(self) -> tuple[str, ...]:
        """Where sensitivity is low, and what was not measured."""
        measured = f"Measured with slices up to {self.sure_up_to_slice_mm:g} mm."
        if self.sure_from_mm is not None:
            return (f"Sensitivity is low below a short axis of {self.sure_from_mm:g} mm.", measured)
        if self.finds_visible:
            return ("Sensitivity is low at every size that was measured.", measured)
        return (measured,)
