"""A case with its answer, and all that a correction of its stations builds on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import SimpleITK as sitk

from LNStationLib.case.case import Case
from LNStationLib.state.assessment import Assessment
from LNStationLib.state.evidence import StationEvidence
from LNStationLib.state.patient_state import PatientState


@dataclass(frozen=True)
class AssessedCase:
    """An assessed case: what writers write, and what a correction of its stations builds on.

    Attributes:
        state: The patient, with stations and nodes.
        assessment: The answer.
        nodes: uint16 label map, values ``NodeFinding.node_id``, on the CT's grid.
        evidence: Where a network looked, by station; empty without one, ``None`` in a restored case until something
            needs it.
    """

    state: PatientState
    assessment: Assessment
    nodes: sitk.Image
    evidence: Mapping[str, StationEvidence] | None = field(default_factory=dict)

    @property
    def case(self) -> Case:
        """The case that was assessed."""
        return self.state.case

    @property
    def stations(self) -> sitk.Image:
        """uint8 label map on the CT's grid, values of the station table."""
        return self.state.stations

    @property
    def organs(self) -> sitk.Image:
        """uint8 label map on the CT's grid, values of the organ table.

        Raises:
            ValueError: The case was restored and its organs were not found again yet.
        """
        if self.state.organs is None:
            raise ValueError("the organs of this case are not known yet: find them again with with_organs()")
        return self.state.organs.label_map

    @property
    def known_evidence(self) -> Mapping[str, StationEvidence]:
        """Where a network looked, by station; empty without one.

        Raises:
            ValueError: The case was restored and its maps were not made again yet.
        """
        if self.evidence is None:
            raise ValueError("the evidence maps of this case are not known yet: make them with with_evidence()")
        return self.evidence
