"""The report as an encapsulated PDF: what an archive shows of it without knowing stations or segments."""

from __future__ import annotations

from pydicom.dataset import FileDataset
from pydicom.sr.codedict import codes
from pydicom.uid import EncapsulatedPDFStorage

from LNStationLib.export.dicom.concepts import coded
from LNStationLib.export.dicom.identity import Identity, finish, series, started
from LNStationLib.export.dicom.source import SourceSeries


def report_document(
    pdf: bytes, source: SourceSeries, identity: Identity, number: int, description: str
) -> FileDataset:
    """The report in the study of the CT.

    Args:
        pdf: The file.
        source: The CT.
        identity: Of the export.
        number: Of its series.
        description: Of its series; the document's title too.
    """
    made = started(source, EncapsulatedPDFStorage, "DOC", series(identity, "document", number))
    # WSD: made by a workstation, not scanned from paper (DICOM PS3.3, C.24.1).
    made.ConversionType = "WSD"
    made.BurnedInAnnotation = "YES"
    made.AcquisitionDateTime = ""
    made.DocumentTitle = description
    made.ConceptNameCodeSequence = [coded(codes.cid7021.ImagingMeasurementReport)]
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    made.EncapsulatedDocumentLength = len(pdf)
    return finish(made, identity, description)
