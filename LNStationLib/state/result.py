"""What the pipeline hands to the writers: the assessment and its label maps, on the CT's own grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import SimpleITK as sitk

from LNStationLib.case.case import Case
from LNStationLib.state.assessment import Assessment
from LNStationLib.state.attention import StationAttention


@dataclass(frozen=True)
class AssessmentResult:
    """The assessment of one case with its images.

    Attributes:
        assessment: The answer.
        case: The case it answers.
        stations: uint8 label map, values of the station table, on the grid of ``case.ct``.
        nodes: uint16 label map, values ``NodeFinding.node_id``, on the grid of ``case.ct``.
        organs: uint8 label map, values of the organ table, on the grid of ``case.ct``.
        attention: Where a network looked, by name of the stations that it judged; empty without a network.
    """

    assessment: Assessment
    case: Case
    stations: sitk.Image
    nodes: sitk.Image
    organs: sitk.Image
    attention: Mapping[str, StationAttention] = field(default_factory=dict)
