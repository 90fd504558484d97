"""PET to SUVbw: the standardized uptake value normalized to body weight, in g/ml.

Follows the vendor-neutral pseudo-code of the QIBA FDG-PET committee (qibawiki.rsna.org, "Standardized Uptake
Value (SUV)") and DICOM PS3.3 C.8.9:

    SUVbw = activity concentration [Bq/ml] * body weight [g] / injected dose, decayed to the image's time [Bq]

The residue in the syringe is not known to the header and is ignored, as there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from LNStationLib.imaging import dicom_headers as dcm
from LNStationLib.imaging.enhanced_pet import is_enhanced_pet
from LNStationLib.imaging.reading import Warn
from LNStationLib.support.errors import InputError
from LNStationLib.support.reason import Reason

PetUnits = Literal["suvbw", "bqml"]

_DAY = timedelta(days=1)
_LONG_UPTAKE_HALF_LIVES = 6.0
"""Less than 2 % of the activity is left after that: the times must be wrong."""
_DOSE_BQ = (1e6, 2e10)
"""1 MBq to 20 GBq, beyond clinical doses on both sides; finds a dose written in MBq."""
_BQ_PER_MBQ = 1e6
_HALF_LIFE_S = (1.0, 1e6)
"""From far below carbon-11 (1220 s) to far above zirconium-89 (282 000 s)."""
_WEIGHT_KG = (1.0, 400.0)
"""Beyond patients on both sides; finds a weight written in g."""


class PetDose(BaseModel):
    """What SUV needs beside Bq/ml: for a PET without DICOM headers, or in place of what the headers lack."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weight_kg: float = Field(gt=_WEIGHT_KG[0], lt=_WEIGHT_KG[1], description="Body weight in kg.")
    injected_dose_bq: float = Field(gt=_DOSE_BQ[0], lt=_DOSE_BQ[1], description="Activity at injection in Bq.")
    half_life_s: float = Field(gt=0, description="Half-life of the radionuclide in s; fluorine-18 has 6586.2.")
    injection_to_scan_s: float = Field(ge=0, description="From injection to the start of the scan in s.")
    decay_corrected_to: Literal["scan_start", "injection"] = Field(
        description="The time to which the image's activities are corrected for decay."
    )

    def factor(self) -> float:
        """What Bq/ml are multiplied by to give SUVbw."""
        elapsed = self.injection_to_scan_s if self.decay_corrected_to == "scan_start" else 0.0
        return suv_factor(self.weight_kg, self.injected_dose_bq, elapsed, self.half_life_s)


def suv_factor(weight_kg: float, injected_dose_bq: float, decay_s: float, half_life_s: float) -> float:
    """SUVbw per Bq/ml.

    Args:
        weight_kg: Body weight in kg.
        injected_dose_bq: Activity at injection in Bq.
        decay_s: From injection to the time to which the image is decay corrected, in s.
        half_life_s: Half-life in s.

    Examples:
        >>> suv_factor(70.0, 3.5e8, 0.0, 6586.2)
        0.0002
    """
    return weight_kg * 1000.0 / (injected_dose_bq * 2.0 ** (-decay_s / half_life_s))


@dataclass(frozen=True)
class _Injection:
    weight_kg: float
    dose_bq: float
    half_life_s: float


def suv_factors(slices: Sequence[Dataset], name: str, warn: Warn, dose: PetDose | None = None) -> list[float]:
    """One factor a slice that turns rescaled pixel values into SUVbw.

    Args:
        slices: Headers of all slices of one PET series.
        name: How messages call the series.
        warn: Told where the header leaves something open.
        dose: Used in place of the headers' dose, weight and times, where given.

    Returns:
        Factors in the order of ``slices``; all alike unless the images are not decay corrected.

    Raises:
        InputError: The units or the correction do not allow SUVbw, or an attribute is missing; it is named.
    """
    header = slices[0]
    units = _units(slices, name)
    if units == "GML":
        _check_suv_type(header, name)
        return [1.0] * len(slices)
    _check_corrected(header, name, warn)
    if units == "CNTS":
        return _philips_factors(slices, name, warn, dose)
    if units == "BQML":
        return _activity_factors(slices, name, warn, dose)
    raise InputError(
        f"{name}: {dcm.attribute('Units')} is {units or 'missing'}, and SUV needs BQML, GML or Philips' CNTS; export "
        "the "
        "attenuation-corrected series in Bq/ml."
    )


def _units(slices: Sequence[Dataset], name: str) -> str:
    found = sorted({dcm.text(header, "Units").upper() for header in slices})
    if len(found) > 1:
        listed = ", ".join(one or "missing" for one in found)
        raise InputError(
            f"{name}: its images differ in {dcm.attribute('Units')} ({listed}); export a series in one unit."
        )
    return found[0]


def _check_suv_type(header: Dataset, name: str) -> None:
    kind = dcm.text(header, "SUVType").upper()
    if kind not in ("", "BW"):
        raise InputError(
            f"{name}: its SUV is normalized to {kind} ({dcm.attribute('SUVType')}), not to body weight; export SUVbw "
            "or Bq/ml."
        )


def _check_corrected(header: Dataset, name: str, warn: Warn) -> None:
    corrections = dcm.words(header, "CorrectedImage")
    if not corrections and not dcm.text(header, "AttenuationCorrected"):
        warn(Reason("correction_not_said", {"image": name, "attribute": dcm.attribute("CorrectedImage")}))
    elif "ATTN" not in corrections:
        raise InputError(f"{name}: not corrected for attenuation, so SUVs would be wrong; give the corrected series.")


def _philips_factors(slices: Sequence[Dataset], name: str, warn: Warn, dose: PetDose | None) -> list[float]:
    scale = _private(slices[0], 0x7053, 0x1000)
    if scale:
        return [scale] * len(slices)
    activity = [_private(header, 0x7053, 0x1009) for header in slices]
    if not all(activity):
        raise InputError(
            f"{name}: counts (CNTS) without Philips' SUV factor (7053,1000) or activity factor (7053,1009); "
            "export the series in Bq/ml."
        )
    factors = _activity_factors(slices, name, warn, dose)
    return [factor * float(scale or 0) for factor, scale in zip(factors, activity, strict=True)]


def _activity_factors(slices: Sequence[Dataset], name: str, warn: Warn, dose: PetDose | None) -> list[float]:
    if dose is not None:
        return [dose.factor()] * len(slices)
    injection = _injection(slices[0], name)
    if is_enhanced_pet(slices[0]) and not dcm.text(slices[0], "DecayCorrection"):
        elapsed_s = _decay_to_moment_s(slices[0], name)
        _check_uptake(elapsed_s, elapsed_s, injection.half_life_s, name)
        return [suv_factor(injection.weight_kg, injection.dose_bq, elapsed_s, injection.half_life_s)] * len(slices)
    correction = _decay_correction(slices[0], name, warn)
    if correction == "ADMIN":
        elapsed = [0.0] * len(slices)
    else:
        injected = _administered(slices, name, warn)
        if correction == "START":
            elapsed = [dcm.seconds_between(injected, _scan_start(slices, injection.half_life_s, name))] * len(slices)
        else:
            elapsed = [
                dcm.seconds_between(injected, _count_time(header, injection.half_life_s, name)) for header in slices
            ]
        _check_uptake(min(elapsed), max(elapsed), injection.half_life_s, name)
    return [suv_factor(injection.weight_kg, injection.dose_bq, t, injection.half_life_s) for t in elapsed]


def _decay_to_moment_s(header: Dataset, name: str) -> float:
    """Seconds from injection to the moment to which an Enhanced PET is corrected (DICOM PS3.3, C.8.22)."""
    if dcm.text(header, "DecayCorrected").upper() != "YES":
        raise InputError(
            f"{name}: not said to be corrected for decay ({dcm.attribute('DecayCorrected')}); export the corrected "
            "series or give pet_dose in case.json."
        )
    drug, start, reference = _drug(header, name), "RadiopharmaceuticalStartDateTime", "DecayCorrectionDateTime"
    injected, corrected_to = dcm.text(drug, start), dcm.text(header, reference)
    elapsed_s = dcm.seconds_from(injected, corrected_to)
    if elapsed_s is None:
        raise _missing(reference if dcm.date_time(injected) else start, name)
    return elapsed_s


def _decay_correction(header: Dataset, name: str, warn: Warn) -> str:
    value = dcm.text(header, "DecayCorrection").upper()
    if value in ("START", "ADMIN", "NONE"):
        return value
    if not value and "DECY" in dcm.words(header, "CorrectedImage"):
        warn(Reason("decay_not_said", {"image": name, "attribute": dcm.attribute("DecayCorrection")}))
        return "START"
    raise InputError(
        f"{name}: {dcm.attribute('DecayCorrection')} is {value or 'missing'}, and SUV needs START, ADMIN or NONE; "
        "export the series with it or give pet_dose in case.json."
    )


def _injection(header: Dataset, name: str) -> _Injection:
    drug = _drug(header, name)
    weight = _required(header, "PatientWeight", _WEIGHT_KG, "kg", name)
    return _Injection(
        weight, _dose_bq(header, drug, name), _required(drug, "RadionuclideHalfLife", _HALF_LIFE_S, "s", name)
    )


def _dose_bq(header: Dataset, drug: Dataset, name: str) -> float:
    said = dcm.number(drug, "RadionuclideTotalDose")
    if said and is_enhanced_pet(header) and said < _DOSE_BQ[0]:
        # There the standard wants MBq (C.8.22.4). No dose lies in both ranges, so one in Bq is known too.
        drug = Dataset()
        drug.RadionuclideTotalDose = str(said * _BQ_PER_MBQ)
    return _required(drug, "RadionuclideTotalDose", _DOSE_BQ, "Bq", name)


def _drug(header: Dataset, name: str) -> Dataset:
    items = dcm.value(header, "RadiopharmaceuticalInformationSequence")
    if not items:
        raise _missing("RadiopharmaceuticalInformationSequence", name)
    if is_enhanced_pet(header) and len(items) > 1:
        raise InputError(
            f"{name}: it names several tracers ({dcm.attribute('RadiopharmaceuticalInformationSequence')}), and SUV "
            "is of one; give pet_dose in case.json."
        )
    first: Dataset = items[0]
    return first


def _required(header: Dataset, keyword: str, allowed: tuple[float, float], unit: str, name: str) -> float:
    value = dcm.number(header, keyword)
    if not value:
        raise _missing(keyword, name)
    if not allowed[0] <= value <= allowed[1]:
        raise InputError(
            f"{name}: {dcm.attribute(keyword)} is {value:g}, implausible in {unit}; correct it or give pet_dose in "
            "case.json."
        )
    return value


def _missing(keyword: str, name: str) -> InputError:
    return InputError(
        f"{name}: SUV needs {dcm.attribute(keyword)}, which is missing or zero; export the series with it or give "
        "pet_dose in case.json."
    )


def _administered(slices: Sequence[Dataset], name: str, warn: Warn) -> datetime:
    """Moment of injection; a bare time of day is placed in the 24 hours before the first acquisition."""
    drug = _drug(slices[0], name)
    first = _first_acquisition(slices, name)
    full = dcm.date_time(dcm.text(drug, "RadiopharmaceuticalStartDateTime"))
    clock = dcm.clock_time(dcm.text(drug, "RadiopharmaceuticalStartTime")) or (full.time() if full else None)
    if clock is None:
        raise _missing("RadiopharmaceuticalStartTime", name)
    if full is not None and full.time() == clock and timedelta(0) <= first - full < _DAY:
        return full
    if full is not None:
        warn(Reason("injection_does_not_fit_scan", {"image": name}))
    moment = datetime.combine(first.date(), clock)
    if moment > first:
        warn(Reason("injection_on_day_before", {"image": name}))
        moment -= _DAY
    return moment


def _first_acquisition(slices: Sequence[Dataset], name: str) -> datetime:
    moments = [dcm.moment(header, "AcquisitionDate", "AcquisitionTime") for header in slices]
    known = [moment for moment in moments if moment is not None]
    if known:
        return min(known)
    series = dcm.moment(slices[0], "SeriesDate", "SeriesTime")
    if series is None:
        raise _missing("AcquisitionTime", name)
    return series


def _scan_start(slices: Sequence[Dataset], half_life_s: float, name: str) -> datetime:
    """The moment to which images with decay correction START refer."""
    first = _first_acquisition(slices, name)
    series = dcm.moment(slices[0], "SeriesDate", "SeriesTime")
    if series is not None and series <= first:
        return series
    # A series time after the acquisition is the time of post-processing.
    header = slices[0]
    if _private_creator(header, 0x0009) == "GEMS_PETD_01":
        scan = dcm.date_time(_private_text(header, 0x0009, 0x100D))
        if scan is not None:
            return scan
    reference, frame = dcm.number(header, "FrameReferenceTime"), dcm.number(header, "ActualFrameDuration")
    acquired = dcm.moment(header, "AcquisitionDate", "AcquisitionTime")
    if reference and frame and acquired is not None:
        return acquired + timedelta(seconds=_average_count_s(frame / 1000.0, half_life_s) - reference / 1000.0)
    return first


def _count_time(header: Dataset, half_life_s: float, name: str) -> datetime:
    """The moment that an image without decay correction shows: that of its frame's average count rate."""
    acquired = dcm.moment(header, "AcquisitionDate", "AcquisitionTime")
    if acquired is None:
        raise _missing("AcquisitionTime", name)
    frame = dcm.number(header, "ActualFrameDuration")
    return acquired + timedelta(seconds=_average_count_s(frame / 1000.0, half_life_s) if frame else 0.0)


def _average_count_s(frame_s: float, half_life_s: float) -> float:
    """Seconds from a frame's start to when the decaying count rate equals its average over the frame."""
    rate = math.log(2.0) / half_life_s
    decay = rate * frame_s
    return math.log(decay / -math.expm1(-decay)) / rate


def _check_uptake(shortest: float, longest: float, half_life_s: float, name: str) -> None:
    if shortest < 0 or longest > _LONG_UPTAKE_HALF_LIVES * half_life_s:
        raise InputError(
            f"{name}: {shortest / 60:.0f} to {longest / 60:.0f} minutes from injection to scan is implausible; "
            "correct "
            "the times or give pet_dose in case.json."
        )


def _private(header: Dataset, group: int, element: int) -> float | None:
    try:
        return float(_private_text(header, group, element))
    except ValueError:
        return None


def _private_text(header: Dataset, group: int, element: int) -> str:
    found = header.get(Tag(group, element))
    value = None if found is None else found.value
    if isinstance(value, bytes):
        value = value.decode("ascii", "ignore")
    return "" if value is None else str(value).strip(" \0")


def _private_creator(header: Dataset, group: int) -> str:
    return _private_text(header, group, 0x0010)
