"""SUVmax of stations in several outlines: what reaches into them, whom it is held to, and how far outlines err."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("lightning", reason="the 'training' packages are not installed")

import SimpleITK as sitk

from lnstation_training.synthetic.audit.station_suv import (
    EXACT,
    HULLS,
    MOVED_MM,
    Maps,
    StationSuv,
    grown_name,
    moved_name,
    station_suv,
    suv_figures,
)
from lnstation_training.synthetic.commands import _drawn
from LNStationLib import anatomy
from LNStationLib.support.errors import InputError

DRAWN = "stations of the other method"
HEART = next(row.label_value for row in anatomy.organs() if row.name == "heart")


def image(array: np.ndarray) -> sitk.Image:
    made = sitk.GetImageFromArray(array)
    made.SetSpacing((4.0, 2.0, 3.0))
    return made


def boxes(**values: tuple[int, int]) -> np.ndarray:
    """Labels along x, from the first to before the last column of 4 mm."""
    labels = np.zeros((6, 8, 40), np.uint8)
    for name, (low, high) in values.items():
        labels[2:4, 2:6, low:high] = anatomy.station(name.lstrip("_")).label_value
    return labels


def maps() -> Maps:
    """Station 7 beside the heart, 4R with a node that the reader called, 8 two columns from the tumor."""
    suv, tumor, nodes, organs = (np.zeros((6, 8, 40), kind) for kind in (np.float32, np.uint8, np.uint16, np.uint8))
    for array, low, high, value in ((tumor, 28, 32, 1), (nodes, 16, 17, 1), (organs, 1, 4, HEART)):
        array[2:4, 2:6, low:high] = value
        suv[2:4, 2:6, low:high] = 6.0
    true = image(boxes(_7=(6, 12), _4R=(14, 20), _8=(22, 26)))
    moved = image(boxes(_7=(3, 9), _4R=(14, 20), _8=(22, 26)))
    return Maps(image(suv), true, moved, {"tumor": image(tumor), "node": image(nodes)}, image(organs))


def truth(**calls: tuple[bool, int]) -> SimpleNamespace:
    rows = [SimpleNamespace(station=name.lstrip("_"), call=call, n_malignant=n) for name, (call, n) in calls.items()]
    return SimpleNamespace(stations=rows)


PATIENT = truth(_7=(False, 0), _4R=(True, 0), _8=(False, 0))


def measured(given: Maps) -> StationSuv:
    return station_suv(PATIENT, given, 4.0, DRAWN, np.random.default_rng(0))


def test_what_is_hot_beside_a_station_counts_once_the_outline_reaches_it() -> None:
    found = measured(maps())
    hot = {name: [row.suv_max > 4 for row in rows] for name, rows in found.rows.items()}
    assert sorted(hot[EXACT]) == sorted(hot[grown_name(3.5)]) == [False, False, True]
    # The tumor begins 12 mm from the center of the last voxel of 8, the heart 12 mm from that of 7.
    assert hot[grown_name(7.0)].count(True) == 1
    assert hot[grown_name(14.0)].count(True) == 3
    assert found.beneath[grown_name(14.0)] == {"tumor": 1, "heart": 1}
    assert found.beneath[DRAWN] == {"heart": 1}
    assert not found.beneath[EXACT]


def test_a_target_volume_holds_what_lies_between_the_parts_of_a_station() -> None:
    given = maps()
    labels = sitk.GetArrayFromImage(given.stations)
    # A part of 8 beyond the tumor: the hull of both holds it.
    labels[2:4, 2:6, 34:36] = anatomy.station("8").label_value
    found = measured(Maps(given.pet, image(labels), None, given.sources, given.organs))
    assert sum(row.suv_max > 4 and not row.call for row in found.rows[EXACT]) == 0
    assert found.beneath[HULLS] == {"tumor": 1}


def test_stations_are_moved_by_the_same_field_for_the_same_seed_and_stay_three() -> None:
    first, again = (measured(maps()).rows for _ in range(2))
    for by_mm in MOVED_MM:
        assert first[moved_name(by_mm)] == again[moved_name(by_mm)]
    # The field is smooth over more than this whole image, so that 7 mm hardly take any station apart or away.
    assert len(first[moved_name(7.0)]) == 3


def test_figures_hold_stations_to_the_reader_and_to_the_truth_and_tell_how_far_outlines_err() -> None:
    figures = {one.name: one.value for one in suv_figures("s", [measured(maps())], 4.0, DRAWN)}
    of = "of measured SUVmax above 4 against"
    assert figures[f"specificity {of} imaging diagnosis, {EXACT}"].startswith("2 of 2 ")
    assert figures[f"sensitivity {of} imaging diagnosis, {EXACT}"].startswith("1 of 1 ")
    # The node that the reader called is benign.
    assert figures[f"specificity {of} the truth, {EXACT}"].startswith("2 of 3 ")
    assert figures[f"specificity {of} imaging diagnosis, {DRAWN}"].startswith("1 of 2 ")
    assert figures[f"what is hot in stations falsely above 4, {DRAWN}"] == "heart 1"
    # Half of the voxels of 7 lie in the moved outline; the other two are where they were.
    assert figures[f"{DRAWN}, against true stations"].startswith("mean Dice 0.83 of 3 stations; average surface")


def test_without_another_method_nothing_is_said_of_one() -> None:
    patient = maps()
    alone = Maps(patient.pet, patient.stations, None, patient.sources, patient.organs)
    names = [one.name for one in suv_figures("s", [measured(alone)], 4.0, "")]
    assert not any("against true stations" in name for name in names)


def test_a_table_with_stations_of_none_of_the_patients_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ct.nii.gz").touch()
    table = tmp_path / "patients.csv"
    table.write_text("patient,ct,stations\nP1,ct.nii.gz,\nP2,ct.nii.gz,ct.nii.gz\n", encoding="utf-8")
    with pytest.raises(InputError, match="stations of none of the cohort's patients"):
        _drawn(table, {"P1"})
    assert set(_drawn(table, {"P1", "P2"}).paths) == {"P2"}
