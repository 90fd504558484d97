"""Cohorts: the same bytes always, resumed after a kill, never mixed; their tables."""

from __future__ import annotations

import csv
import filecmp
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import SimpleITK as sitk
from typer.testing import CliRunner

from LNStationLib.cli import phantom as phantom_cli
from LNStationLib.cli.app import app
from LNStationLib.cli.phantom import PresetOption, SampleName
from LNStationLib.phantom.anatomy.traits import ANATOMY_TRAITS, Odds
from LNStationLib.phantom.cohort import CohortRequest, make_cohort
from LNStationLib.phantom.records import read_cohort_file, read_patients
from LNStationLib.phantom.samples import SAMPLE_NAMES
from LNStationLib.phantom.scan_traits import EXTENTS, SCAN_TRAITS
from LNStationLib.phantom.tables import TABLES
from LNStationLib.support.errors import CancelledError, InputError, OutputError


def request(folder: Path, **changes: object) -> CohortRequest:
    return replace(CohortRequest(folder, "lung", 6, 3, 1, images=False), **changes)


def same(one: Path, other: Path) -> bool:
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
    return filecmp.cmpfiles(one, other, [str(file) for file in files], shallow=False)[1:] == ([], [])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort") / "lung"
    assert make_cohort(request(folder)) == 6
    return folder


def test_the_same_seed_gives_the_same_bytes(cohort: Path, tmp_path: Path) -> None:
    make_cohort(request(tmp_path / "again"))
    assert same(cohort, tmp_path / "again")


def test_the_number_of_workers_changes_no_byte(cohort: Path, tmp_path: Path) -> None:
    make_cohort(request(tmp_path / "two", workers=2))
    assert same(cohort, tmp_path / "two")


def test_another_seed_gives_another_cohort(cohort: Path, tmp_path: Path) -> None:
    make_cohort(request(tmp_path / "other", seed=4))
    assert rows(cohort / "truth" / "nodes.csv")[0]["hu"] != rows(tmp_path / "other" / "truth" / "nodes.csv")[0]["hu"]


def test_a_cancelled_run_is_resumed_to_the_same_bytes(cohort: Path, tmp_path: Path) -> None:
    def cancel(step: str, fraction: float) -> None:
        if fraction >= 0.5:
            raise CancelledError

    with pytest.raises(CancelledError):
        make_cohort(request(tmp_path / "c"), cancel)
    assert len(list((tmp_path / "c" / "truth").iterdir())) == 3
    with pytest.raises(InputError, match="not complete"):
        read_patients(tmp_path / "c")
    assert make_cohort(request(tmp_path / "c")) == 3
    assert same(cohort, tmp_path / "c")


def test_what_a_kill_left_half_written_is_made_again(cohort: Path, tmp_path: Path) -> None:
    shutil.copytree(cohort, tmp_path / "c")
    truth = tmp_path / "c" / "truth"
    (truth / "lung-3-00002" / "patient.json").unlink()
    (truth / ".lung-3-00002-abc").mkdir()
    assert make_cohort(request(tmp_path / "c")) == 1
    assert same(cohort, tmp_path / "c")


def test_a_cohort_can_be_made_larger(cohort: Path, tmp_path: Path) -> None:
    shutil.copytree(cohort, tmp_path / "c")
    assert make_cohort(request(tmp_path / "c", patients=8)) == 2
    assert len(read_cohort_file(tmp_path / "c").patients) == 8
    assert make_cohort(request(tmp_path / "c", patients=8)) == 0


@pytest.mark.parametrize(
    ("change", "word"),
    [({"seed": 4}, "seed 3"), ({"preset": "esophagus"}, "preset lung"), ({"images": True}, "images")],
)
def test_another_cohort_in_the_folder_is_refused(cohort: Path, change: dict[str, object], word: str) -> None:
    with pytest.raises(InputError, match=word):
        make_cohort(request(cohort, **change))


@pytest.mark.parametrize("change", [{"patients": 0}, {"workers": 0}, {"seed": -1}, {"preset": "colon"}])
def test_impossible_requests_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(InputError):
        make_cohort(request(tmp_path / "c", **change))
    assert not (tmp_path / "c").exists()


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        make_cohort(request(tmp_path))


def test_the_tables_agree_with_each_other_and_with_the_truth(cohort: Path) -> None:
    _, patients = read_patients(cohort)
    tables = {Path(name).name: rows(cohort / name) for name in TABLES}
    assert [row["patient"] for row in tables["patients.csv"]] == [p.plan.patient_id for p in patients]
    for row, patient in zip(tables["patients.csv"], patients, strict=True):
        name = row["patient"]
        own = [r for r in tables["pathology.csv"] if r["patient"] == name]
        assert sum(int(r["nodes_positive"]) for r in own) == int(row["nodes_positive"])
        nodes = [r for r in tables["nodes.csv"] if r["patient"] == name]
        assert [int(r["node_id"]) for r in nodes] == list(range(1, len(patient.nodes) + 1))
        assert sum(r["visible"] == "true" for r in nodes) == int(row["visible_nodes"])
        assert all(r["center_mm_x"] == "" for r in nodes)
        status = {int(r["node"]): r["metastatic"] for r in tables["node_pathology.csv"] if r["patient"] == name}
        assert status == {node.node_id: str(int(node.malignant)) for node in patient.nodes if node.visible}
        assert len([r for r in tables["stations.csv"] if r["patient"] == name]) == 17
        facts = (row["n_category"], row["clinical_n_category"], row["tumor_side"])
        assert facts == (patient.p_n, patient.c_n, patient.plan.tumor.side)


def test_pathology_and_clinical_facts_say_nothing_of_single_nodes(cohort: Path) -> None:
    assert set(rows(cohort / "pathology.csv")[0]) == {"patient", "station", "nodes_taken", "nodes_positive", "side"}
    assert not {"malignant", "node_id"} & set(rows(cohort / "patients.csv")[0])


def test_without_images_no_table_names_one(cohort: Path) -> None:
    row = rows(cohort / "patients.csv")[0]
    assert {row[name] for name in ("ct", "pet", "stations", "organs", "nodes", "tumor")} == {""}


def test_a_cohort_of_the_first_format_is_refused_in_one_sentence(tmp_path: Path) -> None:
    key = {"lnstation_version": "0.1.0", "preset": "lung", "preset_digest": "8f54f7bacc12", "seed": 1, "images": True}
    (tmp_path / "cohort.json").write_text(json.dumps({"synthetic": True, "key": key, "patients": 3}))
    (tmp_path / "cohort.csv").write_text("patient_id\n")
    with pytest.raises(InputError, match=r"made by an older version.*the same settings give the same patients\.$"):
        read_patients(tmp_path)


def test_the_training_cohort_of_an_older_version_is_still_read(cohort: Path, tmp_path: Path) -> None:
    old = {
        "synthetic": True,
        "title": "Synthetic patients (lung, signs x 2.5)",
        "preset": "lung",
        "preset_digest": "8f54f7bacc12",
        "seed": 3,
        "slice_mm": 5.0,
        "positive_fraction": 0.75,
        "positive_stations": 2,
        "change": {"sign_strength": 2.5, "reactive_patient_fraction": None, "reactive_size_factor": None},
        "chest_only": True,
    }
    shutil.copytree(cohort / "truth", tmp_path / "truth")
    (tmp_path / "cohort.json").write_text(json.dumps(old))
    file, patients = read_patients(tmp_path)
    assert file.title == old["title"]
    assert (file.key.ct_only, file.key.slice_mm, file.key.change.sign_strength) == (True, 5.0, 2.5)
    assert [patient.plan.patient_id for patient in patients] == list(read_cohort_file(cohort).patients)


def test_the_command_makes_and_refuses(tmp_path: Path) -> None:
    run = CliRunner().invoke
    folder = str(tmp_path / "c")
    made = run(app, ["phantom", "--out", folder, "--patients", "3", "--preset", "esophagus", "--no-images"])
    assert made.exit_code == 0
    assert "3 synthetic patients, 3 of them made now" in made.output
    assert run(app, ["phantom"]).exit_code == 2
    assert run(app, ["phantom", "--out", folder, "--seed", "9", "--no-images"]).exit_code == 2


def test_the_command_offers_what_there_is() -> None:
    from typing import get_args

    assert get_args(SampleName) == SAMPLE_NAMES
    assert set(get_args(PresetOption)) == {"esophagus", "lung"}
    assert tuple(trait.value for trait in phantom_cli.ScanTrait) == SCAN_TRAITS
    assert get_args(phantom_cli.Extent) == EXTENTS
    assert tuple(trait.value for trait in phantom_cli.AnatomyTrait) == (*get_args(Odds), *ANATOMY_TRAITS)


def test_traits_of_real_scans_need_images_and_must_be_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="need images"):
        make_cohort(request(tmp_path / "a", scan_traits=("gown",)))
    with pytest.raises(InputError, match="got duvet"):
        make_cohort(request(tmp_path / "b", images=True, scan_traits=("duvet",)))


def test_anatomical_traits_need_images_and_are_named_or_drawn(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="need images"):
        make_cohort(request(tmp_path / "a", anatomy_odds="training"))
    with pytest.raises(InputError, match="named or drawn"):
        make_cohort(request(tmp_path / "b", images=True, anatomy_odds="patients", anatomy_traits=("goiter",)))
    with pytest.raises(InputError, match="got gills"):
        make_cohort(request(tmp_path / "c", images=True, anatomy_traits=("gills",)))
    with pytest.raises(InputError, match="both right_arch and bovine_arch"):
        make_cohort(request(tmp_path / "d", images=True, anatomy_traits=("bovine_arch", "right_arch")))


def test_a_cohort_says_how_its_patients_were_scanned(tmp_path: Path) -> None:
    folder = tmp_path / "whole"
    wanted = request(
        folder, patients=1, images=True, compact_mm=4.0, scan_traits=("mattress", "gown"), extent="head_to_thigh",
        anatomy_traits=("scoliosis", "pneumonectomy"),
    )  # fmt: skip
    assert make_cohort(wanted) == 1
    key, plan = read_cohort_file(folder).key, read_patients(folder)[1][0].plan
    for record in (key, plan):
        assert record.scan_traits == ("gown", "mattress")
        assert record.extent == "head_to_thigh"
        assert record.anatomy_traits == ("pneumonectomy", "scoliosis")
    ct = sitk.ReadImage(str(folder / "cases" / plan.patient_id / "ct.nii.gz"))
    stations = sitk.ReadImage(str(folder / "truth" / plan.patient_id / "stations.nii.gz"))
    assert stations.GetSize() == ct.GetSize()
    assert ct.GetSize()[2] * ct.GetSpacing()[2] > 850
    assert sitk.GetArrayFromImage(stations).any()
    with pytest.raises(InputError, match="another cohort"):
        make_cohort(replace(wanted, scan_traits=()))


def test_cohort_json_says_that_no_patient_is_real(cohort: Path) -> None:
    assert json.loads((cohort / "cohort.json").read_text(encoding="utf-8"))["synthetic"] is True
