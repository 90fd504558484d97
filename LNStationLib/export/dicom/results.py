"""What goes into the objects of one export."""

from __future__ import annotations

from dataclasses import dataclass

import SimpleITK as sitk

from LNStationLib.assessment.review import Review
from LNStationLib.export.dicom.identity import Identity
from LNStationLib.imaging.arrays import array_view
from LNStationLib.state.assessment import Assessment


@dataclass(frozen=True)
class Results:
    """An assessment with its label maps.

    Attributes:
        assessment: The answer.
        stations: uint8 label map on the CT's grid, values of the station table.
        nodes: uint16 label map on the CT's grid, values ``NodeFinding.node_id``.
        review: A reader's review, or ``None``.
        report_pdf: The report as PDF, or ``None`` where none was made.
    """

    assessment: Assessment
    stations: sitk.Image
    nodes: sitk.Image
    review: Review | None = None
    report_pdf: bytes | None = None

    def identity(self, series_uid: str) -> Identity:
        """Of the objects that say this of a series."""
        texts = [self.assessment.model_dump_json(), "" if self.review is None else self.review.model_dump_json()]
        voxels = [array_view(image).tobytes() for image in (self.stations, self.nodes)]
        return Identity.of(
            self.assessment.created,
            series_uid.encode(),
            *(text.encode() for text in texts),
            *voxels,
            self.report_pdf or b"",
        )
