"""What node finding returns, and the protocol that every node finder keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

import SimpleITK as sitk

from LNStationLib.case.case import Case
from LNStationLib.state.assessment import NodeFinding, Provenance
from LNStationLib.state.settings import Settings
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress

NodeSource = Literal["supplied", "pet_threshold", "ct_blobs", "none"]
NOT_CALLED = "not_called"
"""Key of the provenance's settings that says why nodes are not called."""


def node_source(name: str) -> NodeSource:
    """A node source by its name.

    Raises:
        InputError: There is none of that name.
    """
    for source in get_args(NodeSource):
        if source == name:
            return source
    raise InputError(f"nodes from '{name}' are not known here; assess the case again.")


@dataclass(frozen=True)
class Candidates:
    """Node candidates before measurement.

    Attributes:
        labels: Label map (uint16) on the CT grid, one value per candidate in any order, 0 elsewhere.
        warnings: Sentences about the search as a whole.
        node_warnings: Sentences that hold for every candidate.
        smallest_short_axis_mm: Candidates with a smaller short axis are dropped once they are measured.
        memory: What the finder wants handed back when a station was edited, so that it need not search anew.
        not_called: Why no candidate is fit to be called positive or negative, in words that follow "Not assessed: ";
            ``None`` where they are.
    """

    labels: sitk.Image
    warnings: tuple[str, ...] = ()
    node_warnings: tuple[str, ...] = ()
    smallest_short_axis_mm: float = 0.0
    memory: object | None = None
    not_called: str | None = None


@dataclass(frozen=True)
class NodeResult:
    """Measured nodes.

    Attributes:
        labels: uint16 label map on the CT grid with values ``NodeFinding.node_id``.
        findings: One per node, ordered by station (station table order, nodes outside all stations last) and from
            head to feet within a station; ``node_id`` counts from 1 in that order, but keeps its value through edits
            of stations; ``call`` is None.
        source: Where the nodes came from; ``"none"`` means that they were not looked for.
        provenance: What found them, with which settings.
        warnings: Sentences for the user.
        memory: Of the finder, for ``update_nodes``.
    """

    labels: sitk.Image
    findings: list[NodeFinding]
    source: NodeSource
    provenance: Provenance
    warnings: list[str] = field(default_factory=list)
    memory: object | None = None

    @property
    def looked_for(self) -> bool:
        """True where nodes were looked for; no findings then means that there are none."""
        return self.source != "none"

    @property
    def not_called(self) -> str | None:
        """Why none of the nodes is called, in words that follow "Not assessed: "; ``None`` where they are.

        Kept in the provenance, so that a saved assessment says it too.
        """
        why = self.provenance.settings.get(NOT_CALLED)
        return None if why is None else str(why)


class NodeFinder(Protocol):
    """Finds node candidates; measuring them is shared by all finders.

    Attributes:
        name: As ``Settings.nodes`` chooses it.
        references: Papers behind it.
        fit_for_staging: False where so many candidates are something else that no N category may follow from them;
            every candidate and every call that rests on them then says so.
    """

    name: NodeSource
    references: tuple[str, ...]
    fit_for_staging: bool

    def find(self, case: Case, stations: sitk.Image, settings: Settings, progress: Progress) -> Candidates:
        """Find candidates.

        Args:
            case: The case.
            stations: uint8 label map on the grid of ``case.ct``, values of the station table.
            settings: Thresholds.
            progress: Told the running step.

        Raises:
            InputError: The case lacks what this finder needs.
        """
        ...
