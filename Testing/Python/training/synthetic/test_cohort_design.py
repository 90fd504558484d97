"""Synthetic cohorts to train on: who is chosen, their tables, and the bound that the ideal observer sets."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("lightning", reason="the 'training' packages are not installed")

import SimpleITK as sitk
from typer.testing import CliRunner

from lnstation_training.cli import app
from lnstation_training.cohorts.tables import read_cohort
from lnstation_training.synthetic import cohort as synthetic_cohort
from lnstation_training.synthetic.cohort import (
    SyntheticCohort,
    chosen_numbers,
    cohort_run,
    cohort_tables,
    ct_plan,
    make_synthetic_cohort,
)
from lnstation_training.synthetic.observer_report import cohort_observers
from LNStationLib.batch.listing import cases_of_table
from LNStationLib.batch.sources import FileSource
from LNStationLib.case.from_files import load_case
from LNStationLib.phantom.cohort import CohortRequest, claim_folder, make_cohort
from LNStationLib.phantom.patient import compact, complete, unplaced
from LNStationLib.phantom.preset_change import PresetChange
from LNStationLib.phantom.records import read_made_patients, write_truth
from LNStationLib.support.errors import InputError

NAMES = ("all: short axis of the largest visible node", "all: ideal observer of nodes")
CHANGE = PresetChange(sign_strength=2.5, reactive_patient_fraction=0.5, reactive_size_factor=1.5)


def request(folder: Path, **changes: object) -> SyntheticCohort:
    return replace(SyntheticCohort(folder, patients=8, positive_fraction=0.75, change=CHANGE), **changes)  # type: ignore[arg-type]


def positive_stations(wanted: SyntheticCohort, number: int) -> int:
    preset = wanted.drawn_from()
    plan = ct_plan(preset, wanted.seed, number, wanted.slice_mm)
    return sum(row.n_positive > 0 for row in complete(preset, plan, *unplaced(plan)).pathology)


def write_truths(wanted: SyntheticCohort) -> None:
    """The cohort without its images."""
    preset = wanted.drawn_from()
    run = cohort_run(wanted)
    claim_folder(run)
    for number in run.numbers:
        plan = ct_plan(preset, wanted.seed, number, wanted.slice_mm)
        write_truth(wanted.folder, complete(preset, plan, *unplaced(plan)))


@pytest.fixture(scope="module")
def truths(tmp_path_factory: pytest.TempPathFactory) -> SyntheticCohort:
    """A cohort of which only the truth was written."""
    wanted = request(tmp_path_factory.mktemp("truths") / "cohort", patients=20, positive_stations=2)
    write_truths(wanted)
    return wanted


def test_at_least_the_wanted_part_has_so_many_positive_stations(tmp_path: Path) -> None:
    wanted = request(tmp_path, positive_stations=2)
    counts = [positive_stations(wanted, number) for number in chosen_numbers(wanted, wanted.drawn_from())]
    assert sum(count >= 2 for count in counts) >= 0.75 * len(counts)
    assert min(counts) < 2


def test_patients_of_a_smaller_cohort_come_first(tmp_path: Path) -> None:
    wanted = request(tmp_path)
    whole = chosen_numbers(wanted, wanted.drawn_from())
    assert chosen_numbers(replace(wanted, patients=3), wanted.drawn_from()) == whole[:3]


def test_more_positive_stations_than_any_patient_has_end_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthetic_cohort, "_MOST_MISSES", 30)
    with pytest.raises(InputError, match="None of 30 patients drawn in a row has 17 metastatic stations"):
        make_synthetic_cohort(request(tmp_path / "new", positive_stations=17))


def test_the_chest_alone_has_fewer_voxels_and_the_same_pixels(tmp_path: Path) -> None:
    preset = request(tmp_path).drawn_from()
    whole, chest = (ct_plan(preset, 1, 1, 2.5, chest_only) for chest_only in (False, True))
    assert (whole.field_of_view, chest.field_of_view) == ("clinical", "compact")
    assert chest.spacing_mm == whole.spacing_mm
    assert chest.nodes == whole.nodes


def test_another_change_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    wanted = request(tmp_path)
    claim_folder(cohort_run(wanted))
    with pytest.raises(InputError, match="holds another cohort"):
        make_synthetic_cohort(replace(wanted, change=PresetChange()))


def test_observers_of_a_cohort_judge_by_its_own_preset(truths: SyntheticCohort) -> None:
    figures = {each.name: each.value for each in cohort_observers(truths.folder) if "all" in each.section}
    size, ideal = (float(words.split()[0]) for name, words in figures.items() if name in NAMES)
    assert 0.5 < size < ideal <= 1


def test_the_command_prints_and_writes_the_observers(truths: SyntheticCohort, tmp_path: Path) -> None:
    page = tmp_path / "observers.md"
    result = CliRunner().invoke(app, ["ideal-observer", str(truths.folder), "--out", str(page)])
    assert result.exit_code == 0, result.output
    assert "ideal observer of nodes" in page.read_text(encoding="utf-8")
    assert "ideal observer of nodes" in result.output


def test_observers_into_a_folder_that_is_not_there_end_in_one_sentence(
    truths: SyntheticCohort, tmp_path: Path
) -> None:
    result = CliRunner().invoke(
        app, ["ideal-observer", str(truths.folder), "--out", str(tmp_path / "none" / "observers.md")]
    )
    assert result.exit_code == 2
    assert "cannot be written" in result.output


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "is not a synthetic cohort"),
        ("{}", "is not a cohort file of this version"),
        ("[]", "is not a cohort file of this version"),
        ('{"preset": "liver", "change": {}}', "is not a cohort file of this version"),
        ("not JSON", "is not JSON"),
    ],
)
def test_a_folder_that_is_not_a_cohort_is_refused_in_one_sentence(
    content: str | None, says: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "cohort.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        cohort_observers(tmp_path)


def test_a_cohort_without_patients_says_so(tmp_path: Path) -> None:
    wanted = request(tmp_path)
    claim_folder(cohort_run(wanted))
    with pytest.raises(InputError, match="no patients yet"):
        cohort_observers(tmp_path)


def test_senseless_changes_end_in_one_sentence(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["cohort", "--out", str(tmp_path / "new"), "--sign-strength", "9"])
    assert result.exit_code != 0
    assert not (tmp_path / "new").exists()


def called(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_synthetic_cohort_has_the_tables_of_a_real_one_and_its_truth_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Pixels of 4 mm, whatever the patient's are.
    monkeypatch.setattr(synthetic_cohort, "compact", lambda plan, pixel_mm: compact(plan, 4.0))
    folder = tmp_path / "cohort"
    wanted = ("cohort", "--out", folder, "--patients", 1, "--seed", 1, "--positive-fraction", 1, "--slice-mm", 8)
    said = called(*wanted, "--chest-only")
    assert "1 synthetic patients, 1 of them made now" in said
    with (folder / "patients.csv").open(newline="", encoding="utf-8") as file:
        patient = next(csv.DictReader(file))
    ct = sitk.ReadImage(str(folder / patient["ct"]))
    assert ct.GetSpacing()[2] == pytest.approx(8)
    (listed,) = cases_of_table(folder / "patients.csv")
    assert isinstance(listed.source, FileSource)
    assert {"descending_aorta", "trachea"} < load_case(listed.source.request).organ_masks.keys(), (
        "the table can be assessed as it is"
    )
    truth = read_made_patients(folder)[0]
    assert truth.plan.patient_id == patient["patient"]
    with (folder / "pathology.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["station"]: int(row["nodes_positive"]) for row in rows} == {
        row.station: row.n_positive for row in truth.pathology
    }
    assert any(int(row["nodes_positive"]) for row in rows)
    assert "0 of them made now" in called(*wanted, "--chest-only")
    other = CliRunner().invoke(app, ["cohort", "--out", str(folder), "--seed", "2"])
    assert other.exit_code == 2
    assert "holds another cohort" in other.output


def test_the_training_tables_read_what_the_phantom_command_makes(tmp_path: Path) -> None:
    make_cohort(CohortRequest(tmp_path / "c", "lung", 1, 1, compact_mm=4.0))
    (patient,) = read_cohort(*cohort_tables(tmp_path / "c")[:2])
    truth = read_made_patients(tmp_path / "c")[0]
    assert patient.ct.is_file()
    assert patient.stations.is_file()
    assert (patient.patient, patient.n_category) == (truth.plan.patient_id, truth.p_n)
    found = {station: row.nodes_positive for station, row in patient.dissections.items()}
    assert found == {row.station: row.n_positive for row in truth.pathology}


def test_a_cohort_without_images_is_not_prepared(tmp_path: Path) -> None:
    make_cohort(CohortRequest(tmp_path / "c", "lung", 3, 1, images=False))
    refused = CliRunner().invoke(app, ["prepare", "--phantom", str(tmp_path / "c"), "--out", str(tmp_path / "p")])
    assert refused.exit_code == 2
    assert "was made without images" in refused.output
