"""Interface of a method that finds nodes. Measuring the nodes is shared by all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import SimpleITK as sitk

from LNStationLib.imaging.boxes import Box
from LNStationLib.state.assessment import CandidateFacts, FrocPoint
from LNStationLib.state.method import Method, MethodOptions
from LNStationLib.state.node_result import NodeSearch
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.station_change import StationChange
from LNStationLib.state.used_model import UsedModel
from LNStationLib.support.progress import Progress
from LNStationLib.support.reason import Reason
from LNStationLib.support.types import BoolArray, InstanceArray


@dataclass(frozen=True)
class Candidates:
    """Node candidates before measurement.

    Attributes:
        labels: Label map (uint16) on the CT grid, one value per candidate in any order, 0 elsewhere.
        warnings: About the search as a whole.
        smallest_short_axis_mm: Candidates with a smaller short axis are dropped once they are measured.
        memory: What the method wants handed back when a station was edited, so that it need not search again.
        not_called: Why no candidate is fit to be called positive or negative; ``None`` where they are.
        scores: How sure the method is of each candidate, in [0, 1], by its value in ``labels``; empty where it gives
            no scores.
        model: The model package that found them; ``None`` where none did.
        facts: What a network said of each candidate, by its value in ``labels``.
        settings: What the provenance says of the search beside the method's options, such as streams that ran.
        operating_points: What thresholds on ``scores`` do, measured in the way in which was searched.
    """

    labels: sitk.Image
    warnings: tuple[Reason, ...] = ()
    smallest_short_axis_mm: float = 0.0
    memory: object | None = None
    not_called: Reason | None = None
    scores: Mapping[int, float] = field(default_factory=dict)
    model: UsedModel | None = None
    facts: Mapping[int, CandidateFacts] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    operating_points: tuple[FrocPoint, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """Candidates in a box after an edit of stations.

    Attributes:
        box: In the CT's array; node voxels outside of it stay as they are.
        stale: Voxels of the box that no longer hold what they held, ``[z, y, x]``.
        candidates: What stands there now, numbered in any order; 0 outside ``stale``.
        smallest_mm: Candidates with a smaller short axis are dropped.
        memory: For the next edit.
        warnings: Of the search; ``None`` where they stand as they were.
        scores: As of ``Candidates``, by value in ``candidates``; so are ``facts``.
        facts: See there.
    """

    box: Box
    stale: BoolArray
    candidates: InstanceArray
    smallest_mm: float = 0.0
    memory: object | None = None
    warnings: tuple[Reason, ...] | None = None
    scores: Mapping[int, float] = field(default_factory=dict)
    facts: Mapping[int, CandidateFacts] = field(default_factory=dict)


class NodeMethod(Method, Protocol):
    """Finds node candidates.

    Attributes:
        search: What others must know of it.
    """

    @property
    def search(self) -> NodeSearch: ...  # noqa: D102

    def run(self, state: PatientState, options: MethodOptions, progress: Progress) -> Candidates:
        """Find candidates.

        Args:
            state: With the case, its organs and stations.
            options: Of this method.
            progress: Told the running step.

        Raises:
            InputError: The case lacks what this method needs.
        """
        ...

    def update(
        self, state: PatientState, change: StationChange, options: MethodOptions, progress: Progress
    ) -> Proposal | None:
        """What stands in place of the nodes that an edit of stations affects.

        Args:
            state: With the stations as they are now, and the nodes before the edit.
            change: What was edited; some voxel entered or left the stations as a whole.
            options: Of this method.
            progress: Told the running step.

        Returns:
            ``None`` where no node's voxels depend on the stations.
        """
        ...
