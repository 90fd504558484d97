"""DICOM out: segmentations, a structured report, a structure set and the report as a document, in the CT's study."""

import LNStationLib.export.dicom.words  # noqa: F401
