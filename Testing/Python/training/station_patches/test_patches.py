"""What a prepared patient is made of: weighted places, lesions, folds, the threshold of the baseline."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'training' packages are not installed")

import SimpleITK as sitk  # noqa: E402
from training.drawn_pet_ct import write_pet_ct_cohort  # noqa: E402

from lnstation_training.cohorts.info import CohortInfo  # noqa: E402
from lnstation_training.cohorts.splits import make_splits  # noqa: E402
from lnstation_training.cohorts.tables import Dissection, read_cohort  # noqa: E402
from lnstation_training.tasks.n_staging.data_module import PatientData  # noqa: E402
from lnstation_training.tasks.station_patches.calls import by_suv, calls_of, chosen_threshold  # noqa: E402
from lnstation_training.tasks.station_patches.lesions import lesion_overlaps  # noqa: E402
from lnstation_training.tasks.station_patches.patches import PatchCutter  # noqa: E402
from lnstation_training.tasks.station_patches.prediction import station_prediction, unstaged  # noqa: E402
from lnstation_training.tasks.station_patches.preparation import (  # noqa: E402
    grown_stations,
    patients_with_stations,
    prepare,
)
from lnstation_training.tasks.station_patches.samples import (  # noqa: E402
    VOLUMES,
    PatchGeometry,
    PatientRecord,
    StationRecord,
    channels_file,
    stations_file,
    write_records,
)
from lnstation_training.tasks.station_patches.task import records_report  # noqa: E402
from LNStationLib import anatomy  # noqa: E402
from LNStationLib.case.from_files import load_case  # noqa: E402
from LNStationLib.case.request import CaseRequest  # noqa: E402
from LNStationLib.sampling.station_patch import pet_ct_volume  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402
from LNStationLib.support.progress import silent  # noqa: E402

SEVEN = anatomy.station("7").label_value


def station(name: str = "7", label: int | None = 1, suv: float | None = 5.0) -> StationRecord:
    return StationRecord(
        station=name, label=label, center=(8, 8, 8), low=(6, 6, 6), high=(10, 10, 10), suv_max=suv, lesion_overlap=0.0
    )


def record(name: str, stage: int | None, *stations: StationRecord) -> PatientRecord:
    return PatientRecord(patient=name, side="R", stage=stage, stations=list(stations))


def test_weighted_places_lie_in_the_station_and_near_its_middle(tmp_path: Path) -> None:
    (tmp_path / VOLUMES).mkdir()
    labels = np.zeros((17, 17, 17), np.uint8)
    labels[6:11, 6:11, 6:11] = SEVEN
    z, y, x = np.indices(labels.shape)
    np.save(channels_file(tmp_path, "P"), np.stack([z, y * 100 + x]).astype(np.float16))
    np.save(stations_file(tmp_path, "P"), labels)
    cutter = PatchCutter(tmp_path, (4, 4, 4), (1.0, 1.0, 1.0), weighted=True)
    cutter.seed(0)
    # The voxel just behind the middle of a patch is its place.
    places = [int(cutter.patch("P", station())[0, 2, 2, 2]) for _ in range(100)]
    assert min(places) >= 6
    assert max(places) <= 10
    # Slices through the middle hold more weight than those at the border.
    assert np.bincount(places, minlength=11)[8] > np.bincount(places, minlength=11)[6]
    fixed = PatchCutter(tmp_path, (4, 4, 4), (1.0, 1.0, 1.0), weighted=False).patch("P", station())
    assert fixed[0, 2, 2, 2] == 8


def test_a_lesion_counts_for_the_station_that_holds_most_of_it() -> None:
    lesions, stations = np.zeros((8, 8, 8), bool), np.zeros((8, 8, 8), np.uint8)
    lesions[0:4, 0, 0:2] = True
    stations[0:1, 0, 0:2], stations[1:3, 0, 0:2] = 3, SEVEN
    found = lesion_overlaps(lesions, stations, voxel_ml=1.0)
    assert dict(found) == {SEVEN: pytest.approx(0.5)}
    assert not lesion_overlaps(lesions, stations, voxel_ml=0.001)


def test_stations_grow_in_mm_along_every_axis_and_never_into_each_other() -> None:
    labels = np.zeros((9, 9, 9), np.uint8)
    labels[4, 4, 4], labels[4, 4, 6] = SEVEN, 3
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing((1.0, 1.0, 3.0))
    grown = sitk.GetArrayFromImage(grown_stations(image, 2.0))
    assert grown[4, 4, 4] == SEVEN
    assert grown[4, 4, 6] == 3
    assert grown[4, 2, 4] == SEVEN
    assert not grown[3].any()


def test_patients_are_dealt_out_by_category_and_number_of_positive_stations() -> None:
    strata = {f"P{n:02d}": (n % 4, n % 3) for n in range(36)}
    splits = make_splits({name: stratum[1] for name, stratum in strata.items()}, 3, 0, strata)
    for fold in splits.folds:
        assert sorted(strata[name] for name in fold.test) == sorted({*strata.values()})


def test_some_patients_keep_their_n_category_alone() -> None:
    records = [record(f"P{n}", 1) for n in range(10)] + [record("S", None, station())]
    assert len(patients_with_stations(records, 0.6)) == 7
    assert "S" in patients_with_stations(records, 0.0)


def test_the_suv_threshold_is_that_of_the_best_balance_on_the_training_part() -> None:
    training = [record("P", 2, station(label=1, suv=4.2), station("4R", label=0, suv=3.8), station("8", None, 9.0))]
    assert chosen_threshold(training) == 4.0
    assert chosen_threshold([record("P", 2, station(label=1))]) == 4.0


def test_stations_of_unknown_status_count_for_the_category_and_not_for_the_figures() -> None:
    known = record("P", 3, station("7", 0, 1.0), station("4L", None, 9.0))
    patient = unstaged(known, [station_prediction("P", each, 0.0) for each in known.stations])
    calls = calls_of([patient], by_suv(4.0), "tnm8")
    assert calls.stations == [(0, 0)]
    assert calls.stages == [(3, 3)]
    assert json.loads(calls.model_dump_json())["patients"] == ["P"]


def two_truths(tmp_path: Path) -> Path:
    """Patient P03, of whom imaging calls 2R and 7 (N2); pathology found 4R metastatic, 2R free, and N3."""
    patient = read_cohort(write_pet_ct_cohort(tmp_path / "cohort") / "patients.csv", needs=("pet", "stations"))[3]
    dissections = {"4R": Dissection(3, 1), "2R": Dissection(2, 0)}
    patient = replace(patient, dissections=dissections, n_category="N3")
    geometry = PatchGeometry(size=(4, 8, 8), spacing_mm=(5.0, 4.0, 4.0))
    prepare([patient], tmp_path, "n_staging", CohortInfo(title="drawn", synthetic=True), geometry, silent, 1)
    return tmp_path


def test_a_run_chooses_its_truth_and_stations_that_were_not_dissected_have_none(tmp_path: Path) -> None:
    folder = two_truths(tmp_path)
    found = {}
    for target in (None, "clinical", "pathology"):
        (made,) = PatientData(folder, target=target).read_records()
        found[target] = made.stage, {each.station: each.label for each in made.stations}
    assert found[None] == found["clinical"] == (2, {"2R": 1, "4R": 0, "7": 1, "8": 0})
    assert found["pathology"] == (3, {"2R": 0, "4R": 1, "7": None, "8": None})
    lines = records_report(PatientData(folder).read_records()).lines
    assert "By pathology (pN): N3 1; 1 of 2 stations of known status positive" in lines


def test_patients_prepared_for_one_truth_are_refused_where_the_other_is_wanted(tmp_path: Path) -> None:
    write_records(tmp_path, [record("P7", 2, station())])
    assert PatientData(tmp_path).read_records()[0].stage == 2
    with pytest.raises(InputError, match="P7 was prepared for one target alone: run prepare again"):
        PatientData(tmp_path, target="pathology").read_records()


def test_training_sees_the_patch_that_is_judged_in_use(tmp_path: Path) -> None:
    patient = read_cohort(write_pet_ct_cohort(tmp_path / "cohort") / "patients.csv", needs=("pet", "stations"))[3]
    geometry = PatchGeometry(size=(4, 8, 8), spacing_mm=(5.0, 4.0, 4.0))
    info = CohortInfo(title="drawn", synthetic=True)
    (made,) = prepare([patient], tmp_path / "prepared", "n_staging", info, geometry, silent, 1)
    cutter = PatchCutter(tmp_path / "prepared", geometry.size, geometry.spacing_mm, weighted=False)
    case = load_case(CaseRequest(patient.ct, patient.pet, "suvbw"))
    assert case.pet is not None
    volume = pet_ct_volume(case.ct, case.pet, sitk.ReadImage(str(patient.stations)), geometry.patch)
    assert volume is not None
    for each in made.stations:
        center = volume.centers(geometry.spacing_mm)[anatomy.station(each.station).label_value]
        expected = volume.patch(center, geometry.size)
        # On disk are half-precision numbers.
        np.testing.assert_allclose(cutter.patch(made.patient, each), expected, atol=2e-3)
    assert {each.station: each.label for each in made.stations} == {"2R": 1, "4R": 0, "7": 1, "8": 0}
    assert max(each.suv_max or 0 for each in made.stations) == pytest.approx(9.0)
