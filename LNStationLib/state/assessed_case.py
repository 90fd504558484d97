"""A case with its answer, and all that a correction of its stations builds on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import SimpleITK as sitk

from LNStationLib.state.assessment import Assessment
from LNStationLib.state.attention import StationAttention
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.result import AssessmentResult


@dataclass(frozen=True)
class AssessedCase:
    """An assessed case that stands ready for corrections.

    Attributes:
        parsed: The patient, with stations and nodes.
        assessment: The answer.
        nodes: uint16 label map, values ``NodeFinding.node_id``, on the CT's grid.
        attention: Where a network looked, by station; empty without one, ``None`` in a restored case until something
            needs it.
    """

    parsed: PatientState
    assessment: Assessment
    nodes: sitk.Image
    attention: Mapping[str, StationAttention] | None = field(default_factory=dict)

    @property
    def result(self) -> AssessmentResult:
        """The result that writers take.

        Raises:
            ValueError: The case was restored and its organs or its attention were not found again yet.
        """
        if self.parsed.organs is None:
            raise ValueError("the organs of this case are not known yet")
        if self.attention is None:
            raise ValueError("the attention maps of this case are not known yet")
        organs = self.parsed.organs.label_map
        return AssessmentResult(
            self.assessment, self.parsed.case, self.parsed.stations, self.nodes, organs, self.attention
        )
