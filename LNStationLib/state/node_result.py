"""The nodes of a patient, measured."""

from __future__ import annotations

from dataclasses import dataclass, field

import SimpleITK as sitk

from LNStationLib.imaging.brown_fat import BrownFat
from LNStationLib.state.assessment import NodeFinding, Provenance
from LNStationLib.support.reason import Reason


@dataclass(frozen=True)
class NodeSearch:
    """What others must know of the way in which nodes were looked for.

    Attributes:
        method: Name of the method; shown and kept, never compared.
        looked_for: False if no search was done; an empty list of findings then has no meaning.
        inside_stations: It finds nodes within stations only, so that an edit of a station concerns it.
        on_pet: It sees nodes only where PET covers.
        uses_organs: It must know the organs, so as not to take them for nodes.
        fit_for_staging: False where so many candidates are something else that no N category may follow from them.
        caveat: What follows a list of findings ("nodes from ..."); ``None`` where nothing does.
        node_warnings: What holds for every node.
    """

    method: str
    looked_for: bool = True
    inside_stations: bool = False
    on_pet: bool = False
    uses_organs: bool = False
    fit_for_staging: bool = True
    caveat: Reason | None = None
    node_warnings: tuple[Reason, ...] = ()


READER = NodeSearch("reader")
"""A node that a reader drew is as good as a supplied one, whatever found the others."""


@dataclass(frozen=True)
class NodeResult:
    """Measured nodes.

    Attributes:
        labels: uint16 label map on the CT grid with values ``NodeFinding.node_id``.
        findings: One per node, ordered by station (station table order, nodes outside all stations last) and from
            head to feet within a station; ``node_id`` counts from 1 in that order, but keeps its value through edits
            of stations; ``call`` is None.
        search: How they were looked for.
        provenance: What found them, with which settings.
        warnings: About the search, and of nodes outside all stations.
        memory: Of the method, for its ``update``.
        not_called: Why none of the nodes that are not fit for staging is called; ``None`` where they are.
        dismissed: Candidates that a reader took for no node, measured; in none of the others.
        brown_fat: That takes up FDG; ``None`` where none does.
    """

    labels: sitk.Image
    findings: list[NodeFinding]
    search: NodeSearch
    provenance: Provenance
    warnings: list[Reason] = field(default_factory=list)
    memory: object | None = None
    not_called: Reason | None = None
    dismissed: list[NodeFinding] = field(default_factory=list)
    brown_fat: BrownFat | None = None

    @property
    def highest(self) -> int:
        """The highest number that a node has or had."""
        return max((one.node_id for one in (*self.findings, *self.dismissed)), default=0)
