"""Enhanced PET as the standard has it: units by mapping, dose in MBq, decay corrected to a moment.

70 kg and 350 MBq make 0.0002 per Bq/ml without decay, 0.0004 after one half-life of fluorine-18, 6586.2 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from heard import Heard
from imaging.enhanced_samples import Layout, write_enhanced_ct
from imaging.samples import PET_DOSE, dataset, wrapped, write_series
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedPETImageStorage

from LNStationLib.batch.studies.header_facts import facts_of
from LNStationLib.imaging.dicom_series import read_series
from LNStationLib.imaging.pet import suv_from_dicom
from LNStationLib.imaging.suv import PetDose
from LNStationLib.imaging.tracer import said_of_tracer, tracer_of
from LNStationLib.support.errors import InputError

SUV = np.random.default_rng(5).uniform(0.5, 12.0, (24, 24, 24)).astype(np.float32)
PER_BQML = 4e-4
DRUG = {
    "RadionuclideTotalDose": "350",
    "RadionuclideHalfLife": "6586.2",
    "RadiopharmaceuticalStartDateTime": "20240102080000",
    "RadiopharmaceuticalCodeSequence": [
        dataset({"CodeValue": "35321007", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Fluorodeoxyglucose F^18^"})
    ],
}
CORRECTIONS = {
    "DecayCorrected": "YES",
    "DecayCorrectionDateTime": "20240102094946.2",
    "AttenuationCorrected": "YES",
    "ScatterCorrected": "YES",
    "RandomsCorrected": "NO",
    "PatientWeight": "70",
}


def mapping(code: str, slope: float, intercept: float = 0.0, last: int = 65535, scheme: str = "UCUM") -> Dataset:
    unit = dataset({"CodeValue": code, "CodingSchemeDesignator": scheme, "CodeMeaning": "any"})
    made = dataset({"RealWorldValueSlope": slope, "RealWorldValueIntercept": intercept, "LUTLabel": "any"})
    made.MeasurementUnitsCodeSequence = [unit]
    for keyword, value in (("RealWorldValueFirstValueMapped", 0), ("RealWorldValueLastValueMapped", last)):
        made.add_new(keyword, "US", value)
    return made


BQML, SUVBW = mapping("Bq/ml", 0.5 / PER_BQML / 1000), mapping("g/ml{SUVbw}", 0.5 / 1000)
"""Of stored values that are SUV times 2000."""


def written(
    folder: Path,
    mappings: Sequence[Dataset] = (BQML,),
    drug: dict[str, Any] | None = None,
    layout: Layout | None = None,
    **changes: Any,
) -> Path:
    """An Enhanced PET Image; ``None`` takes an attribute out."""
    volume = wrapped(SUV, (5, 5, 4))
    slices = write_series(folder / "classic", volume, "PT", slopes=[0.0005] * len(SUV))
    for file in write_enhanced_ct(folder / "pet", slices, layout or Layout(seed=2)):
        made = dcmread(file)
        made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = EnhancedPETImageStorage
        shared = made.SharedFunctionalGroupsSequence[0]
        # Any numbers: the mapping goes first.
        shared.PixelValueTransformationSequence = [
            dataset({"RescaleSlope": "1", "RescaleIntercept": "0", "RescaleType": "US"})
        ]
        shared.RealWorldValueMappingSequence = list(mappings)
        made.RadiopharmaceuticalInformationSequence = [dataset(DRUG | (drug or {}))]
        for keyword, value in (CORRECTIONS | changes).items():
            if value is not None:
                setattr(made, keyword, value)
        made.save_as(file)
    return folder / "pet"


def suv(folder: Path, said: list[Any] | None = None, dose: PetDose | None = None) -> sitk.Image:
    said = [] if said is None else said
    return suv_from_dicom(read_series(folder, "PT", "PET", said.append), "PET", said.append, dose)


def is_suv(image: sitk.Image, factor: float = 1.0) -> bool:
    return np.allclose(sitk.GetArrayFromImage(image), SUV * factor, atol=1e-3 * factor)


@pytest.mark.parametrize(
    "mappings",
    [
        [BQML],
        [SUVBW],
        [mapping("{SUVbw}g/ml", 0.0005)],
        [mapping("{SUVlbm}g/ml", 9.0), SUVBW, BQML],
        [mapping("Bq/ml", 7.0), SUVBW],
        [mapping("{counts}", 3.0), BQML],
    ],
    ids=["activity", "SUV", "SUV by its older code", "SUV first", "SUV before activity", "activity before counts"],
)
def test_the_mapped_unit_is_read(mappings: list[Dataset], tmp_path: Path) -> None:
    said = Heard()
    assert is_suv(suv(written(tmp_path, mappings), said))
    assert said == []


@pytest.mark.parametrize("layout", [Layout(descending=True), Layout(seed=9, parts=3)])
def test_frames_in_any_order_and_several_files(layout: Layout, tmp_path: Path) -> None:
    assert is_suv(suv(written(tmp_path, layout=layout)))


def test_a_mapping_of_its_own_for_each_frame(tmp_path: Path) -> None:
    folder = written(tmp_path)
    made = dcmread(folder / "e0.dcm")
    del made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence
    pixels = np.frombuffer(made.PixelData, "<u2").reshape(len(SUV), -1).astype(float)
    for k, group in enumerate(made.PerFrameFunctionalGroupsSequence):
        group.RealWorldValueMappingSequence = [mapping("g/ml{SUVbw}", 0.0005 * (1 + k % 3))]
        pixels[k] /= 1 + k % 3
    made.PixelData = np.rint(pixels).astype("<u2").tobytes()
    made.save_as(folder / "e0.dcm")
    np.testing.assert_allclose(sitk.GetArrayFromImage(suv(folder)), SUV, atol=1e-3)


@pytest.mark.parametrize(
    ("corrected_to", "start", "factor"),
    [
        ("20240102080000", "20240102080000", 0.5),
        ("20240103001500", "20240102222513.8", 1.0),
        ("20240102104946.2+0200", "20240102080000+0100", 1.0),
    ],
    ids=["to the injection", "over midnight", "offsets"],
)
def test_decay_is_counted_from_injection_to_the_moment_of_correction(
    corrected_to: str, start: str, factor: float, tmp_path: Path
) -> None:
    folder = written(tmp_path, drug={"RadiopharmaceuticalStartDateTime": start}, DecayCorrectionDateTime=corrected_to)
    assert is_suv(suv(folder), factor)


def test_a_dose_in_becquerels_is_told_from_one_in_megabecquerels(tmp_path: Path) -> None:
    assert is_suv(suv(written(tmp_path, drug={"RadionuclideTotalDose": "350000000"})))


def test_a_dose_that_is_given_stands_in(tmp_path: Path) -> None:
    dose = PET_DOSE.model_copy(update={"injection_to_scan_s": 0, "decay_corrected_to": "injection"})
    assert is_suv(suv(written(tmp_path, drug={"RadionuclideTotalDose": None}), dose=dose), 0.5)


@pytest.mark.parametrize(
    ("mappings", "changes", "words"),
    [
        ([mapping("{SUVlbm}g/ml", 1.0)], {}, r"Units \(0054,1001\) is missing"),
        ([mapping("Bq/ml", 1.0, scheme="99X")], {}, r"Units \(0054,1001\) is missing"),
        ([mapping("Bq/ml", 1.0, last=99), mapping("Bq/ml", 2.0)], {}, r"Units \(0054,1001\) is missing"),
        ([mapping("g/ml{SUVbw}", 0.0005, last=9000)], {}, "beyond those that its real world value mapping covers"),
        ([BQML], {"AttenuationCorrected": "NO"}, "not corrected for attenuation"),
        ([BQML], {"DecayCorrected": "NO"}, "not said to be corrected for decay"),
        ([BQML], {"DecayCorrectionDateTime": None}, r"Decay Correction DateTime \(0018,9701\)"),
        ([BQML], {"DecayCorrectionDateTime": "20240102075900"}, "minutes from injection to scan is implausible"),
        ([BQML], {"drug": {"RadiopharmaceuticalStartDateTime": ""}}, "Radiopharmaceutical Start DateTime"),
        ([BQML], {"drug": {"RadionuclideTotalDose": "0.3"}}, "Radionuclide Total Dose .* implausible in Bq"),
        ([BQML], {"PatientWeight": None}, "Patient's Weight"),
    ],
)
def test_what_leaves_suv_open_is_refused(
    mappings: list[Dataset], changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words) as told:
        suv(written(tmp_path, mappings, **changes))
    assert str(told.value).count(". ") == 0


def test_two_tracers_are_refused(tmp_path: Path) -> None:
    folder = written(tmp_path)
    made = dcmread(folder / "e0.dcm")
    made.RadiopharmaceuticalInformationSequence = [dataset(DRUG), dataset(DRUG)]
    made.save_as(folder / "e0.dcm")
    with pytest.raises(InputError, match="several tracers"):
        suv(folder)


def test_frames_in_two_units_are_refused(tmp_path: Path) -> None:
    folder = written(tmp_path)
    made = dcmread(folder / "e0.dcm")
    made.PerFrameFunctionalGroupsSequence[3].RealWorldValueMappingSequence = [SUVBW]
    made.save_as(folder / "e0.dcm")
    with pytest.raises(InputError, match=r"differ in Units \(0054,1001\) \(BQML, GML\)"):
        suv(folder)


def test_corrections_and_tracer_are_known_to_the_choice_of_series(tmp_path: Path) -> None:
    file = written(tmp_path) / "e0.dcm"
    facts = facts_of(file)
    assert facts is not None
    assert facts["corrected"] == ["DECY", "ATTN", "SCAT"]
    assert tracer_of(said_of_tracer(dcmread(file))) == tracer_of(facts["tracer"]) == "fdg"
