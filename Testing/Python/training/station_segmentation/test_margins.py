"""Stations by fixed margins, on a synthetic patient."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from training.station_segmentation.phantoms import organ_masks, phantom, true_stations

from lnstation_training.tasks.station_segmentation import comparators
from lnstation_training.tasks.station_segmentation.comparators import comparator, without_islands
from lnstation_training.tasks.station_segmentation.margins import RULES, margin_stations
from lnstation_training.tasks.station_segmentation.organ_sets import ORGANS, STATION_CHOICES
from LNStationLib import anatomy
from LNStationLib.support.errors import InputError


def drawn(without: tuple[str, ...] = ()) -> np.ndarray:
    masks = {name: mask for name, mask in organ_masks().items() if name not in without}
    return margin_stations(masks, sitk.GetArrayFromImage(phantom().case.ct), phantom().grid)


def mirrored() -> np.ndarray:
    """The patient in the mirror, with names of sides swapped."""
    swapped = {"right": "left", "left": "right"}
    masks = {}
    for name, mask in organ_masks().items():
        stem, _, side = name.rpartition("_")
        masks[f"{stem}_{swapped[side]}" if side in swapped else name] = mask[..., ::-1]
    return margin_stations(masks, sitk.GetArrayFromImage(phantom().case.ct)[..., ::-1], phantom().grid)


def volume(labels: np.ndarray, station: str) -> int:
    return int(np.count_nonzero(labels == anatomy.station(station).label_value))


def test_the_rules_are_of_the_papers_stations_and_organs() -> None:
    assert sorted(rule.station for rule in RULES) == sorted(STATION_CHOICES["paper"])
    named = {name for rule in RULES for name in (*rule.near, rule.behind, rule.in_front_of) if name}
    assert named <= set(ORGANS)


def test_every_station_is_drawn_about_where_it_is() -> None:
    found, truth = drawn(), true_stations()
    for name in STATION_CHOICES["paper"]:
        value = anatomy.station(name).label_value
        assert volume(found, name) > 5, name
        assert np.any((found == value) & (truth == value)), name
        centers = [np.argwhere(labels == value).mean(axis=0) for labels in (found, truth)]
        assert np.linalg.norm((centers[0] - centers[1]) * phantom().grid.spacing_mm) < 30, name


def test_no_voxel_of_an_organ_belongs_to_a_station() -> None:
    found = drawn()
    for name, mask in organ_masks().items():
        assert not found[mask].any(), name


def test_sides_are_the_patients() -> None:
    found, x = drawn(), phantom().grid.coordinates_mm(2)
    middle = x[np.argwhere(organ_masks()["trachea"])[:, 2]].mean()
    for name, side in (("4R", -1), ("4L", 1), ("2R", -1), ("6", 1)):
        own = x[np.argwhere(found == anatomy.station(name).label_value)[:, 2]]
        assert np.sign(own.mean() - middle) == side, name


def test_stations_of_no_side_are_the_same_in_the_mirror() -> None:
    found, other = drawn(), mirrored()
    for name in ("3A", "3P", "7", "8"):
        value = anatomy.station(name).label_value
        assert np.mean((found == value) == (other[..., ::-1] == value)) > 0.999, name


def test_a_missing_organ_costs_the_stations_that_need_it() -> None:
    found = drawn(without=("aortic_arch",))
    assert volume(found, "6") == volume(found, "5") == volume(found, "4R") == 0
    assert volume(found, "7") > 0


def test_the_rules_are_a_comparator_on_the_same_organs(monkeypatch: pytest.MonkeyPatch) -> None:
    # On the network's coarse grid a second in place of ten.
    monkeypatch.setattr(comparators, "_RULES_SPACING_MM", 4.0)
    title, draw = comparator("iaslc_rules")
    found = draw(sitk.GetArrayFromImage(phantom().case.ct), organ_masks(), phantom().grid)
    assert "IASLC" in title
    for name in ("4R", "7", "8"):
        one, truth = (labels == anatomy.station(name).label_value for labels in (found, true_stations()))
        assert 2 * np.count_nonzero(one & truth) / (one.sum() + truth.sum()) > 0.3, name


def test_islands_that_a_threshold_leaves_are_no_part_of_an_organ() -> None:
    mask = np.zeros((6, 12, 12), bool)
    mask[1:5, 1:6, 1:6] = True
    vein, island = mask.copy(), mask.copy()
    vein[2:4, 8:10, 8:10] = True
    island[5, 11, 11] = True
    assert np.array_equal(without_islands(vein), vein)
    assert np.array_equal(without_islands(island), mask)
    assert not without_islands(np.zeros_like(mask)).any()


def test_an_unknown_comparator_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="choose margins, iaslc_rules"):
        comparator("atlas")
