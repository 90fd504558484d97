"""Synthetic cohorts to train on: who is chosen, and how far anybody could read them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from typer.testing import CliRunner

from lnstation_training import synthetic_cohort
from lnstation_training.cli import app
from lnstation_training.readers import cohort_readers
from lnstation_training.synthetic_cohort import (
    SyntheticCohort,
    _claim,
    chosen_numbers,
    ct_plan,
    make_synthetic_cohort,
)
from LNStationLib.phantom.patient import complete, unplaced
from LNStationLib.phantom.preset_change import PresetChange
from LNStationLib.phantom.records import patient_bytes
from LNStationLib.support.errors import InputError

NAMES = ("all: short axis of the largest visible node", "all: best reader of nodes")
CHANGE = PresetChange(sign_strength=2.5, reactive_patient_fraction=0.5, reactive_size_factor=1.5)


def request(folder: Path, **changes: object) -> SyntheticCohort:
    return replace(SyntheticCohort(folder, patients=24, positive_fraction=0.75, change=CHANGE), **changes)  # type: ignore[arg-type]


def positive_stations(wanted: SyntheticCohort, number: int) -> int:
    preset = wanted.drawn_from()
    plan = ct_plan(preset, wanted.seed, number, wanted.slice_mm)
    return sum(row.n_positive > 0 for row in complete(preset, plan, *unplaced(plan)).pathology)


def write_truths(wanted: SyntheticCohort) -> None:
    """The cohort without its images."""
    preset = wanted.drawn_from()
    _claim(wanted, preset)
    for number in chosen_numbers(wanted, preset):
        plan = ct_plan(preset, wanted.seed, number, wanted.slice_mm)
        folder = wanted.folder / "truth" / f"{number:05d}"
        folder.mkdir(parents=True)
        (folder / "patient.json").write_bytes(patient_bytes(complete(preset, plan, *unplaced(plan))))


def test_at_least_the_wanted_part_has_so_many_positive_stations(tmp_path: Path) -> None:
    wanted = request(tmp_path, positive_stations=2)
    counts = [positive_stations(wanted, number) for number in chosen_numbers(wanted, wanted.drawn_from())]
    assert sum(count >= 2 for count in counts) >= 0.75 * len(counts)
    assert min(counts) < 2


def test_patients_of_a_smaller_cohort_come_first(tmp_path: Path) -> None:
    wanted = request(tmp_path)
    whole = chosen_numbers(wanted, wanted.drawn_from())
    assert chosen_numbers(replace(wanted, patients=10), wanted.drawn_from()) == whole[:10]


def test_more_positive_stations_than_anybody_has_end_in_one_sentence(
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
    _claim(wanted, wanted.drawn_from())
    with pytest.raises(InputError, match="holds another cohort"):
        make_synthetic_cohort(replace(wanted, change=PresetChange()))


def test_readers_of_a_cohort_are_read_from_its_own_preset(tmp_path: Path) -> None:
    wanted = request(tmp_path / "cohort", patients=60, positive_stations=2)
    write_truths(wanted)
    figures = {each.name: each.value for each in cohort_readers(wanted.folder) if "all" in each.section}
    size, best = (float(words.split()[0]) for name, words in figures.items() if name in NAMES)
    assert 0.5 < size < best <= 1


def test_the_command_prints_and_writes_the_readers(tmp_path: Path) -> None:
    wanted = request(tmp_path / "cohort", patients=20)
    write_truths(wanted)
    page = tmp_path / "readers.md"
    result = CliRunner().invoke(app, ["readers", str(wanted.folder), "--out", str(page)])
    assert result.exit_code == 0, result.output
    assert "best reader of nodes" in page.read_text(encoding="utf-8")
    assert "best reader of nodes" in result.output


def test_readers_into_a_folder_that_is_not_there_end_in_one_sentence(tmp_path: Path) -> None:
    wanted = request(tmp_path / "cohort", patients=20)
    write_truths(wanted)
    result = CliRunner().invoke(app, ["readers", str(wanted.folder), "--out", str(tmp_path / "none" / "readers.md")])
    assert result.exit_code == 2
    assert "cannot be written" in result.output


@pytest.mark.parametrize("content", [None, "{}", "[]", '{"preset": "liver", "change": {}}', "not JSON"])
def test_a_folder_that_is_no_cohort_is_refused_in_one_sentence(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "cohort.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="is no cohort made by"):
        cohort_readers(tmp_path)


def test_a_cohort_without_patients_says_so(tmp_path: Path) -> None:
    wanted = request(tmp_path)
    _claim(wanted, wanted.drawn_from())
    with pytest.raises(InputError, match="no patients yet"):
        cohort_readers(tmp_path)


def test_senseless_changes_end_in_one_sentence(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["cohort", "--out", str(tmp_path / "new"), "--sign-strength", "9"])
    assert result.exit_code != 0
    assert not (tmp_path / "new").exists()
