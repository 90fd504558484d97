"""Cohorts: the same bytes always, resumed after a kill, never mixed; their tables and their audit."""

from __future__ import annotations

import csv
import filecmp
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from LNStationLib.cli import phantom as phantom_cli
from LNStationLib.cli.app import app
from LNStationLib.cli.phantom import PresetOption, SampleName
from LNStationLib.phantom.audit import audit
from LNStationLib.phantom.audit_report import markdown
from LNStationLib.phantom.audit_statistics import attribute_auroc, auroc, wilson
from LNStationLib.phantom.cohort import CohortRequest, make_cohort
from LNStationLib.phantom.preset import load_preset
from LNStationLib.phantom.records import TABLES, read_cohort_file, read_patients
from LNStationLib.phantom.samples import SAMPLE_NAMES
from LNStationLib.phantom.scan_traits import EXTENTS, SCAN_TRAITS
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
    assert rows(cohort / "nodes.csv")[0]["hu"] != rows(tmp_path / "other" / "nodes.csv")[0]["hu"]


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
    assert read_cohort_file(tmp_path / "c").patients == 8
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
    tables = {name: rows(cohort / name) for name in TABLES}
    assert [row["patient_id"] for row in tables["cohort.csv"]] == [p.plan.patient_id for p in patients]
    for row, patient in zip(tables["cohort.csv"], patients, strict=True):
        name = row["patient_id"]
        own = [r for r in tables["pathology.csv"] if r["patient_id"] == name]
        assert sum(int(r["n_positive"]) for r in own) == int(row["n_positive"])
        nodes = [r for r in tables["nodes.csv"] if r["patient_id"] == name]
        assert [int(r["node_id"]) for r in nodes] == list(range(1, len(patient.nodes) + 1))
        assert sum(r["visible"] == "true" for r in nodes) == int(row["n_visible_nodes"])
        assert all(r["center_mm_x"] == "" for r in nodes)
        assert len([r for r in tables["stations.csv"] if r["patient_id"] == name]) == 17
        assert (row["p_n"], row["c_n"], row["tumor_side"]) == (patient.p_n, patient.c_n, patient.plan.tumor.side)


def test_pathology_and_clinical_facts_say_nothing_of_single_nodes(cohort: Path) -> None:
    assert set(rows(cohort / "pathology.csv")[0]) == {"patient_id", "station", "n_taken", "n_positive", "side"}
    assert not {"nodes", "malignant"} & set(rows(cohort / "cohort.csv")[0])


def test_the_audit_counts_what_the_tables_hold(cohort: Path) -> None:
    file, patients = read_patients(cohort)
    preset = load_preset("lung")
    figures = {figure.name: figure for figure in audit(patients, preset)}
    nodes = [row for row in rows(cohort / "nodes.csv") if row["visible"] == "true"]
    positive = sum(row["malignant"] == "true" for row in nodes)
    assert figures["patients"].value == "6"
    assert figures["visible nodes a patient"].value.startswith(f"{len(nodes) / 6:.2f} ")
    assert figures["positive among visible nodes"].value.startswith(f"{positive} of {len(nodes)} ")
    positive = sum(int(row["n_positive"]) > 0 for row in rows(cohort / "pathology.csv"))
    name = "positive by pathology (undissected counted as negative)"
    assert figures[name].value.startswith(f"{positive} of {6 * 17} ")
    for category in ("N0", "N1", "N2", "N3"):
        expected = sum(row["p_n"] == category for row in rows(cohort / "cohort.csv"))
        assert figures[f"p{category}"].value.startswith(f"{expected} of 6 ")
    text = markdown(audit(patients, preset), file, preset)
    assert "6 synthetic patients" in text
    assert "9961 in 1052" in text
    assert "other cohort" in text


def test_a_cohort_of_300_agrees_with_the_published_figures_but_for_what_the_preset_explains() -> None:
    from LNStationLib.phantom.patient import complete, draw_patient, unplaced

    for name in ("lung", "esophagus"):
        preset = load_preset(name)
        plans = [draw_patient(preset, 1, number) for number in range(1, 301)]
        figures = audit([complete(preset, plan, *unplaced(plan)) for plan in plans], preset)
        deviating = [figure for figure in figures if figure.verdict == "deviates"]
        assert sum(figure.verdict == "agrees" for figure in figures) >= 4
        assert all(figure.reason for figure in deviating), [figure.name for figure in deviating]
        assert len(deviating) <= 2


def test_an_audit_needs_patients() -> None:
    with pytest.raises(ValueError, match="at least one"):
        audit([], load_preset("lung"))


@given(st.integers(0, 50), st.integers(1, 50))
def test_a_wilson_interval_holds_the_share_it_is_of(part: int, whole: int) -> None:
    if part > whole:
        with pytest.raises(ValueError, match="part"):
            wilson(part, whole)
    else:
        low, high = wilson(part, whole)
        assert 0 <= low <= part / whole <= high <= 1


def test_known_intervals_and_areas() -> None:
    # Newcombe, Stat Med 1998, Table I: 81 of 263 and 15 of 148, Wilson without continuity correction.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert auroc([3, 4], [1, 2]) == 1
    assert auroc([1, 3], [2, 2]) == 0.5
    assert auroc([2], [2]) == 0.5
    assert auroc([], [1]) is None
    assert attribute_auroc([]) is None


def test_the_command_makes_audits_and_refuses(tmp_path: Path) -> None:
    run = CliRunner().invoke
    folder = str(tmp_path / "c")
    made = run(app, ["phantom", "--out", folder, "--patients", "3", "--preset", "esophagus", "--no-images"])
    assert made.exit_code == 0
    assert "3 synthetic patients, 3 of them made now" in made.output
    shown = run(app, ["phantom", "audit", folder])
    assert shown.exit_code == 0
    assert "39.7 to 67.2 %" in shown.output
    assert (tmp_path / "c" / "audit.md").read_text(encoding="utf-8").startswith("# Audit of a synthetic cohort")
    assert run(app, ["phantom"]).exit_code == 2
    assert run(app, ["phantom", "audit", str(tmp_path)]).exit_code == 2
    assert run(app, ["phantom", "--out", folder, "--seed", "9", "--no-images"]).exit_code == 2


def test_the_command_offers_what_there_is() -> None:
    from typing import get_args

    assert get_args(SampleName) == SAMPLE_NAMES
    assert set(get_args(PresetOption)) == {"esophagus", "lung"}
    assert tuple(trait.value for trait in phantom_cli.ScanTrait) == SCAN_TRAITS
    assert get_args(phantom_cli.Extent) == EXTENTS


def test_traits_of_real_scans_need_images_and_must_be_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="need images"):
        make_cohort(request(tmp_path / "a", scan_traits=("gown",)))
    with pytest.raises(InputError, match="got duvet"):
        make_cohort(request(tmp_path / "b", images=True, scan_traits=("duvet",)))


def test_a_cohort_says_how_its_patients_were_scanned(tmp_path: Path) -> None:
    folder = tmp_path / "whole"
    wanted = request(
        folder, patients=1, images=True, compact_mm=4.0, scan_traits=("mattress", "gown"), extent="head_to_thigh"
    )
    assert make_cohort(wanted) == 1
    key, plan = read_cohort_file(folder).key, read_patients(folder)[1][0].plan
    for record in (key, plan):
        assert record.scan_traits == ("gown", "mattress")
        assert record.extent == "head_to_thigh"
    ct = sitk.ReadImage(str(folder / "cases" / plan.patient_id / "ct.nii.gz"))
    stations = sitk.ReadImage(str(folder / "truth" / plan.patient_id / "stations.nii.gz"))
    assert stations.GetSize() == ct.GetSize()
    assert ct.GetSize()[2] * ct.GetSpacing()[2] > 850
    assert sitk.GetArrayFromImage(stations).any()
    with pytest.raises(InputError, match="another cohort"):
        make_cohort(replace(wanted, scan_traits=()))


def test_cohort_json_says_that_nobody_is_real(cohort: Path) -> None:
    assert json.loads((cohort / "cohort.json").read_text(encoding="utf-8"))["synthetic"] is True
