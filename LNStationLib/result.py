"""What the pipeline hands to the writers: the assessment and its label maps, on the CT's own grid."""

from __future__ import annotations

from dataclasses import dataclass

import SimpleITK as sitk

from LNStationLib.assessment import Assessment
from LNStationLib.case import Case


@dataclass(frozen=True)
class AssessmentResult:
    """The assessment of one case with its images.

    Attributes:
        assessment: The answer.
        case: The case it answers.
        stations: uint8 label map, values of the station table, on the grid of ``case.ct``.
        nodes: uint16 label map, values ``NodeFinding.node_id``, on the grid of ``case.ct``.
        organs: uint8 label map, values of the organ table, on the grid of ``case.ct``.
    """

    assessment: Assessment
    case: Case
    stations: sitk.Image
    nodes: sitk.Image
    organs: sitk.Image
