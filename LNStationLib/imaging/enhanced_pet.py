"""Frames of an Enhanced PET Image in the words of classic PET.

It says no Units (0054,1001): each frame maps its stored values to real world values in coded units (DICOM PS3.3,
A.56.4 and C.7.6.16.2.11; units of CID 84), and says of each correction whether it was made (C.8.22.6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.valuerep import DSfloat

from LNStationLib.imaging import dicom_headers as dcm


@dataclass(frozen=True)
class _Quantity:
    """A quantity by its UCUM codes, and how classic PET says it."""

    codes: tuple[str, ...]
    units: str
    suv_type: str | None = None


_QUANTITIES = (
    _Quantity(("g/ml{SUVbw}", "{SUVbw}g/ml"), "GML", "BW"),
    _Quantity(("Bq/ml",), "BQML"),
)
"""What is read, the first that is mapped: the scanner's own SUV before one that is computed from its header."""

_CORRECTIONS: Mapping[str, str] = {
    "DecayCorrected": "DECY",
    "AttenuationCorrected": "ATTN",
    "ScatterCorrected": "SCAT",
    "DeadTimeCorrected": "DTIM",
    "GantryMotionCorrected": "MOTN",
    "PatientMotionCorrected": "PMOT",
    "CountLossNormalizationCorrected": "CLN",
    "RandomsCorrected": "RAN",
    "NonUniformRadialSamplingCorrected": "RADL",
    "SensitivityCalibrated": "DCAL",
    "DetectorNormalizationCorrection": "NORM",
}
"""Terms of Corrected Image (0028,0051)."""


def is_enhanced_pet(header: Dataset) -> bool:
    """Whether a header is of an Enhanced PET Image; legacy converted ones speak as classic PET does."""
    return dcm.text(header, "SOPClassUID") == uid.EnhancedPETImageStorage


def say_as_classic_pet(frame: Dataset) -> None:
    """Add units, rescaling and corrections to the header of a frame of an Enhanced PET Image.

    Nothing is added where the frame says its units itself, or maps no quantity that is read by one straight line: SUV
    is then refused for want of units.

    Args:
        frame: Its functional groups laid flat; changed.
    """
    if not is_enhanced_pet(frame):
        return
    if "CorrectedImage" not in frame and any(keyword in frame for keyword in _CORRECTIONS):
        made = [term for keyword, term in _CORRECTIONS.items() if dcm.text(frame, keyword).upper() == "YES"]
        frame.add_new("CorrectedImage", "CS", made)
    found = None if dcm.text(frame, "Units") else _mapped(dcm.value(frame, "RealWorldValueMappingSequence") or ())
    if found is None:
        return
    quantity, mapping = found
    frame.update(mapping)
    frame.add_new("Units", "CS", quantity.units)
    if quantity.suv_type is not None:
        frame.add_new("SUVType", "CS", quantity.suv_type)
    for rescale, real in (("RescaleSlope", "RealWorldValueSlope"), ("RescaleIntercept", "RealWorldValueIntercept")):
        frame.add_new(rescale, "DS", DSfloat(float(mapping[real].value), auto_format=True))


def _mapped(mappings: Sequence[Dataset]) -> tuple[_Quantity, Dataset] | None:
    for quantity in _QUANTITIES:
        fitting = [one for one in mappings if _unit(one) in quantity.codes]
        if fitting:
            # Several are of ranges of stored values; a table has no slope.
            linear = len(fitting) == 1 and all(
                dcm.number(fitting[0], keyword) is not None
                for keyword in ("RealWorldValueSlope", "RealWorldValueIntercept")
            )
            return (quantity, fitting[0]) if linear else None
    return None


def _unit(mapping: Dataset) -> str:
    codes = dcm.value(mapping, "MeasurementUnitsCodeSequence") or ()
    return dcm.text(codes[0], "CodeValue") if codes and dcm.text(codes[0], "CodingSchemeDesignator") == "UCUM" else ""


def largest_mapped(frame: Dataset) -> float | None:
    """The real world value of the highest stored value that a frame's mapping covers; ``None`` where none is said."""
    if not is_enhanced_pet(frame):
        return None
    ends = [
        dcm.number(frame, f"{kind}RealWorldValue{end}ValueMapped")
        for kind in ("", "DoubleFloat")
        for end in ("First", "Last")
    ]
    slope, intercept = (dcm.number(frame, f"RealWorldValue{what}") for what in ("Slope", "Intercept"))
    known = [end for end in ends if end is not None]
    if not known or slope is None or intercept is None:
        return None
    return max(slope * end + intercept for end in known)
