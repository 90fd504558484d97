"""SUV by hand: 70 kg and 350 MBq make 70000 / 3.5e8 = 0.0002 per Bq/ml without decay, 0.0004 after one half-life."""

from __future__ import annotations

import math
from typing import Any

import pytest
from heard import Heard
from hypothesis import given
from hypothesis import strategies as st
from imaging.samples import dataset, pet_tags
from pydantic import ValidationError
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from LNStationLib.imaging.suv import PetDose, suv_factor, suv_factors
from LNStationLib.support.errors import InputError

F18_S = 6586.2


def factors(said: list[str] | None = None, n: int = 3, dose: PetDose | None = None, **changes: Any) -> list[float]:
    headers = [dataset(pet_tags(**changes)) for _ in range(n)]
    return suv_factors(headers, "PET", (said if said is not None else []).append, dose)


def test_one_half_life_between_injection_and_scan_doubles_the_factor() -> None:
    said = Heard()
    assert factors(said) == pytest.approx([4e-4] * 3)
    assert said == []


def test_correction_to_the_injection_needs_no_decay() -> None:
    assert factors(DecayCorrection="ADMIN") == pytest.approx([2e-4] * 3)


def test_a_series_time_before_the_acquisition_is_the_scan_start() -> None:
    assert factors(AcquisitionTime="103000") == pytest.approx([4e-4] * 3)


def test_a_series_time_of_post_processing_gives_way_to_the_first_acquisition() -> None:
    assert factors(SeriesTime="235959", AcquisitionTime="094946.2") == pytest.approx([4e-4] * 3)


def test_the_first_of_all_bed_positions_counts() -> None:
    headers = [dataset(pet_tags(SeriesTime="235959", AcquisitionTime=t)) for t in ("100000", "094946.2", "101500")]
    assert suv_factors(headers, "PET", [].append) == pytest.approx([4e-4] * 3)


def test_the_frame_reference_time_leads_back_to_the_scan_start() -> None:
    """A 120 s bed acquired 600 s after the start: its mean count time less the reference time is the start."""
    rate = math.log(2) / F18_S
    mean = math.log(rate * 120 / (1 - math.exp(-rate * 120))) / rate
    assert factors(
        SeriesTime="235959",
        AcquisitionTime="095946.2",
        FrameReferenceTime=f"{(600 + mean) * 1000:.3f}",
        ActualFrameDuration="120000",
    ) == pytest.approx([4e-4] * 3, rel=1e-6)


def test_the_private_scan_time_of_ge_comes_before_the_frame_time() -> None:
    header = dataset(pet_tags(SeriesTime="235959", AcquisitionTime="103000"))
    header.add_new(0x00090010, "LO", "GEMS_PETD_01")
    header.add_new(0x0009100D, "DT", "20240102094946.20")
    assert suv_factors([header], "PET", [].append) == pytest.approx([4e-4])


def test_without_decay_correction_every_slice_has_its_own_time() -> None:
    headers = [
        dataset(pet_tags(DecayCorrection="NONE", AcquisitionTime=t, SeriesTime=None)) for t in ("080000", "094946.2")
    ]
    assert suv_factors(headers, "PET", [].append) == pytest.approx([2e-4, 4e-4])


def test_an_injection_before_midnight_is_on_the_day_before() -> None:
    said = Heard()
    got = factors(said, RadiopharmaceuticalStartTime="233000", SeriesTime="003000", AcquisitionTime="003000")
    assert got == pytest.approx([2e-4 * 2 ** (3600 / F18_S)] * 3)
    assert "day before" in said[0]


def test_the_full_date_of_injection_is_used_where_it_fits() -> None:
    got = factors(
        RadiopharmaceuticalStartTime=None,
        RadiopharmaceuticalStartDateTime="20240101233000",
        SeriesTime="003000",
        AcquisitionTime="003000",
    )
    assert got == pytest.approx([2e-4 * 2 ** (3600 / F18_S)] * 3)


def test_a_shifted_injection_date_falls_back_on_the_time_of_day() -> None:
    said = Heard()
    got = factors(said, RadiopharmaceuticalStartDateTime="19990101080000", RadiopharmaceuticalStartTime=None)
    assert got == pytest.approx([4e-4] * 3)
    assert "only the time of day" in said[0]


def test_two_times_of_injection_that_differ_are_told_and_the_plain_one_counts() -> None:
    """A date and time written in UTC beside local times of day."""
    said = Heard()
    got = factors(said, RadiopharmaceuticalStartDateTime="20240102060000+0000")
    assert got == pytest.approx([4e-4] * 3)
    assert "only the time of day" in said[0]


def test_dates_that_were_taken_out_do_not_matter() -> None:
    assert factors(SeriesDate=None, AcquisitionDate=None) == pytest.approx([4e-4] * 3)


def test_values_already_in_suv_keep_their_values() -> None:
    assert factors(Units="GML", PatientWeight=None, CorrectedImage=None) == [1.0] * 3
    assert factors(Units="GML", SUVType="BW") == [1.0] * 3
    with pytest.raises(InputError, match="normalized to LBM"):
        factors(Units="GML", SUVType="LBM")


def philips(**private: str) -> Dataset:
    header = dataset(pet_tags(Units="CNTS"))
    header.add_new(0x70530010, "LO", "Philips PET Private Group")
    for element, value in private.items():
        header.add_new((0x7053, int(element[1:], 16)), "DS", value)
    return header


def test_counts_of_philips_use_its_private_factors() -> None:
    assert suv_factors([philips(e1000="0.00123")] * 2, "PET", [].append) == pytest.approx([0.00123] * 2)
    assert suv_factors([philips(e1009="2.5")], "PET", [].append) == pytest.approx([2.5 * 4e-4])
    both = philips(e1000="0", e1009="2.5")
    assert suv_factors([both], "PET", [].append) == pytest.approx([2.5 * 4e-4])
    with pytest.raises(InputError, match=r"\(7053,1000\)"):
        suv_factors([philips()], "PET", [].append)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"PatientWeight": None}, ["Patient's Weight (0010,1030)"]),
        ({"PatientWeight": "0"}, ["Patient's Weight (0010,1030)"]),
        ({"RadionuclideTotalDose": None}, ["Radionuclide Total Dose (0018,1074)"]),
        ({"RadionuclideHalfLife": None}, ["Radionuclide Half Life (0018,1075)"]),
        ({"RadiopharmaceuticalStartTime": None}, ["Radiopharmaceutical Start Time (0018,1072)"]),
        ({"RadiopharmaceuticalInformationSequence": Sequence()}, ["(0054,0016)"]),
        ({"AcquisitionTime": None, "SeriesTime": None}, ["Acquisition Time (0008,0032)"]),
        ({"RadionuclideTotalDose": "350"}, ["350", "implausible in Bq"]),
        ({"PatientWeight": "70000"}, ["implausible in kg"]),
        ({"DecayCorrection": None, "CorrectedImage": ["ATTN"]}, ["Decay Correction (0054,1102)"]),
        ({"CorrectedImage": ["DECY"]}, ["not corrected for attenuation"]),
        ({"Units": "PROPCPS"}, ["PROPCPS", "(0054,1001)"]),
        ({"Units": None}, ["missing"]),
        ({"RadiopharmaceuticalStartTime": "100000"}, ["implausible"]),
    ],
)
def test_what_suv_needs_is_named_where_it_is_missing(changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        factors(**changes)
    for word in words:
        assert word in str(caught.value)


def test_gaps_that_can_be_bridged_are_warned_of() -> None:
    said = Heard()
    assert factors(said, DecayCorrection=None) == pytest.approx([4e-4] * 3)
    assert factors(said, CorrectedImage=None) == pytest.approx([4e-4] * 3)
    assert len(said) == 2


def test_a_given_dose_takes_the_place_of_the_headers() -> None:
    dose = PetDose(
        weight_kg=70,
        injected_dose_bq=3.5e8,
        half_life_s=F18_S,
        injection_to_scan_s=F18_S,
        decay_corrected_to="scan_start",
    )
    assert factors(PatientWeight=None, dose=dose) == pytest.approx([4e-4] * 3)
    assert dose.model_copy(update={"decay_corrected_to": "injection"}).factor() == pytest.approx(2e-4)


@pytest.mark.parametrize("field", ["weight_kg", "injected_dose_bq", "half_life_s", "injection_to_scan_s"])
def test_a_dose_of_impossible_numbers_is_refused(field: str) -> None:
    values = {"weight_kg": 70, "injected_dose_bq": 3.5e8, "half_life_s": F18_S, "injection_to_scan_s": 0}
    with pytest.raises(ValidationError):
        PetDose.model_validate({**values, "decay_corrected_to": "injection", field: -1})


@given(st.floats(20, 150), st.floats(1e8, 6e8), st.floats(0, 7200))
def test_suv_is_proportional_to_weight_and_grows_with_decay(weight: float, dose: float, elapsed: float) -> None:
    factor = suv_factor(weight, dose, elapsed, F18_S)
    assert suv_factor(2 * weight, dose, elapsed, F18_S) == pytest.approx(2 * factor)
    assert suv_factor(weight, dose, elapsed + F18_S, F18_S) == pytest.approx(2 * factor)
    assert factor >= weight * 1000 / dose
