"""Stations carried over from atlases of a schematic chest to patients whose stations are known."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from states import said
from stations.atlas_chest import COARSE_MM, schematic_atlas, schematic_patient, station_dice, truth, written

from LNStationLib import anatomy
from LNStationLib.assessment.methods import check_methods
from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import resample_to_grid
from LNStationLib.models.package.container import PackageError
from LNStationLib.models.runtime.convex_adam import convex_adam_displacement
from LNStationLib.organs.groups import VESSELS
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.state.patient_state import OrganPart, PatientState
from LNStationLib.state.settings import Settings, StepSettings
from LNStationLib.state.station_map import StationMap
from LNStationLib.stations.atlas_registration import tuning
from LNStationLib.stations.atlas_registration.carrying import carry_atlases
from LNStationLib.stations.atlas_registration.drawing import drawn, votes_of
from LNStationLib.stations.atlas_registration.engines import Deformation, check_engine
from LNStationLib.stations.atlas_registration.fusion import Vote, fused, likeness, parts
from LNStationLib.stations.atlas_registration.guides import guided_atlas, guided_patient
from LNStationLib.stations.atlas_registration.maps import station_maps
from LNStationLib.stations.atlas_registration.method import AtlasOptions, AtlasRegistration
from LNStationLib.stations.atlas_registration.registration import Registered, register
from LNStationLib.stations.iaslc_rules import IaslcRules
from LNStationLib.stations.parse import parse_stations
from LNStationLib.support.errors import CancelledError, InputError
from LNStationLib.support.progress import silent
from LNStationLib.support.words import words

pytest.importorskip("picsl_greedy", reason="the package 'picsl-greedy' is not installed")


def registered(state: PatientState, *, mirrored: bool = False) -> Registered:
    patient = guided_patient(state.case.ct, state.organ_set, COARSE_MM)
    assert patient is not None
    return register((patient, guided_atlas(schematic_atlas(mirrored=mirrored), COARSE_MM)))


def by_atlases(state: PatientState, folder: Path, **options: Any) -> StationMap:
    chosen = AtlasOptions(atlases=str(folder), registration_spacing_mm=COARSE_MM, **options)
    return AtlasRegistration().run(state, chosen, silent)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("atlases"), schematic_atlas())


@pytest.fixture(scope="module")
def larger() -> PatientState:
    """The chest 6 % larger, and elsewhere."""
    return schematic_patient(1.06, 15.0)


@pytest.fixture(scope="module")
def carried(larger: PatientState, folder: Path) -> StationMap:
    return by_atlases(larger, folder)


# Registration


def test_a_patient_of_another_size_and_place_is_found_to_a_millimeter(larger: PatientState) -> None:
    found = registered(larger)
    transform, grid = found.transform(), larger.organ_set.grid
    points = [grid.point_mm(tuple(index)) for index in np.argwhere(truth() > 0)[::400]]
    there = np.array([transform.TransformPoint(point) for point in points])
    expected = (np.array(points) - 15.0) / 1.06
    assert np.linalg.norm(there - expected, axis=1).mean() < 1.5
    assert found.mean_overlap > 0.9
    assert found.problem is None


def test_the_same_images_give_the_same_warp() -> None:
    one, other = (registered(schematic_patient(1.03)) for _ in range(2))
    np.testing.assert_array_equal(one.warp_mm, other.warp_mm)
    np.testing.assert_array_equal(one.affine, other.affine)


def test_what_lies_around_the_stations_is_deformed_and_the_rest_is_left_to_the_affine_step(
    larger: PatientState,
) -> None:
    value = anatomy.station("5").label_value
    patient, atlas = guided_patient(larger.case.ct, larger.organ_set, COARSE_MM), schematic_atlas()
    assert patient is not None
    only = replace(atlas, stations=np.where(atlas.stations == value, atlas.stations, 0))
    found = register((patient, guided_atlas(only, COARSE_MM)))
    points = np.array([larger.organ_set.grid.point_mm(tuple(index)) for index in np.argwhere(truth() == value)])
    low, high = (np.array(found.grid.point_mm(corner)) for corner in ((0, 0, 0), np.array(found.grid.shape) - 1))
    assert (low < points.min(axis=0) - 15).all()
    assert (high > points.max(axis=0) + 15).all()
    assert np.prod(found.grid.shape) < 0.5 * np.prod(patient.grid.shape)
    beyond = tuple(high + 40.0)
    moved = found.affine[:3, :3] @ beyond + found.affine[:3, 3]
    assert found.transform().TransformPoint(beyond) == pytest.approx(moved)


def test_an_atlas_of_unknown_stations_is_deformed_everywhere(larger: PatientState) -> None:
    patient = guided_patient(larger.case.ct, larger.organ_set, COARSE_MM)
    assert patient is not None
    found = register((patient, replace(guided_atlas(schematic_atlas(), COARSE_MM), stations=None)))
    assert found.grid == patient.grid


def test_organs_overlap_as_they_do_when_they_are_carried_over_one_by_one(larger: PatientState) -> None:
    patient, atlas = (
        guided_patient(larger.case.ct, larger.organ_set, COARSE_MM),
        guided_atlas(schematic_atlas(), COARSE_MM),
    )
    assert patient is not None
    found = register((patient, replace(atlas, stations=None)))
    covered = found.carry(atlas.grid.image(np.ones(atlas.grid.shape, np.uint8)), patient.grid, labels=True) > 0
    for name, dice in found.overlap.items():
        theirs = found.carry(atlas.grid.image(atlas.organs[name]), patient.grid, labels=False) > 0.5
        mine = (patient.organs[name] > 0.5) & covered
        assert dice == pytest.approx(2 * (mine & theirs).sum() / (mine.sum() + theirs.sum()), abs=1e-3), name


def test_organs_in_common_are_needed() -> None:
    state = schematic_patient()
    lungs = OrganSet(state.organ_set.grid, {name: state.organ_set[name] for name in ("lung_left", "lung_right")})
    found = registered(replace(state, organ_part=OrganPart((), found=lungs)))
    assert found.problem is not None
    assert words(found.problem) == "it has only 2 organs in common with the patient"
    assert found.mean_overlap == 0.0


# Stations


def test_stations_lie_where_they_are(carried: StationMap) -> None:
    overlap = station_dice(carried.labels, truth())
    assert np.mean(list(overlap.values())) > 0.8
    assert set(carried.left_out) == {name for name in overlap if not carried.mask(name).any()}
    assert carried.failure is None


def test_a_mirrored_patient_has_mirrored_stations(folder: Path, tmp_path: Path) -> None:
    mirrored = by_atlases(schematic_patient(mirrored=True), written(tmp_path, schematic_atlas(mirrored=True)))
    overlap = station_dice(mirrored.labels, truth(mirrored=True))
    assert overlap["4R"] > 0.75
    assert overlap["4L"] > 0.75


def test_no_station_holds_an_organ_of_the_patient(carried: StationMap, larger: PatientState) -> None:
    for name in ("lung_left", "trachea", *(name for name in VESSELS if name in larger.organ_set)):
        if larger.organ_set[name].source != "surrogate":
            assert not (carried.labels[larger.organ_set[name].mask] > 0).any(), name


def test_synthetic_atlases_are_said_to_be(carried: StationMap) -> None:
    assert any("made of synthetic patients (schematic)" in text for text in said(carried.warnings))


def test_rules_and_atlases_are_compared(larger: PatientState, folder: Path) -> None:
    settings = StepSettings(options={"atlas_registration": {"atlases": str(folder), "registration_spacing_mm": 4.0}})
    state = replace(larger, settings=Settings(stations=settings))
    strict = IaslcRules.options(compare_with="atlas_registration", least_agreement=1.0)
    compared = parse_stations(IaslcRules(), state, strict, silent)
    assert any("Atlas registration" in words(doubt) for doubt in compared.doubts["4R"])


# What can go wrong


def test_an_atlas_that_does_not_fit_is_left_out_with_its_reason_and_the_others_stay(
    larger: PatientState, tmp_path: Path
) -> None:
    folder = written(tmp_path, schematic_atlas(), schematic_atlas("other", mirrored=True))
    found = by_atlases(larger, folder)
    (reason,) = (text for text in said(found.warnings) if "was left out" in text)
    assert reason.startswith("The atlas other was left out: its organs overlap")
    assert station_dice(found.labels, truth())["4R"] > 0.7


def test_where_no_atlas_fits_the_rules_draw_the_stations_and_say_so(larger: PatientState, folder: Path) -> None:
    found = by_atlases(larger, folder, least_overlap=1.0)
    np.testing.assert_array_equal(found.labels, IaslcRules().run(larger, IaslcRules.options(), silent).labels)
    assert found.warnings[-1].code == "no_atlas_registered"
    assert any("The atlas schematic was left out" in text for text in said(found.warnings))


def test_without_lungs_every_station_is_left_out_with_the_reason(larger: PatientState, folder: Path) -> None:
    state = replace(larger, organ_part=OrganPart((), found=OrganSet(larger.organ_set.grid)))
    found = by_atlases(state, folder)
    assert not found.labels.any()
    assert "left lung" in words(found.failure)


def test_cancelling_stops_between_atlases(larger: PatientState, folder: Path) -> None:
    def cancel(step: str, fraction: float) -> None:
        raise CancelledError

    options = AtlasOptions(atlases=str(folder), registration_spacing_mm=COARSE_MM)
    with pytest.raises(CancelledError):
        AtlasRegistration().run(larger, options, cancel)


def settings_with(**options: Any) -> Settings:
    return Settings(stations=StepSettings(method="atlas_registration", options={"atlas_registration": options}))


def test_missing_atlases_and_a_missing_library_end_before_the_long_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case("empty", schematic_patient().case.ct)
    check_methods(settings_with(), case)
    with pytest.raises(PackageError, match="There is no atlas at"):
        check_methods(settings_with(atlases=str(tmp_path)), case)
    monkeypatch.setitem(sys.modules, "picsl_greedy", None)
    with pytest.raises(InputError, match="picsl-greedy, which is not installed"):
        check_methods(settings_with(), case)


# Votes, made by hand


def vote(values: list[int], weight: Any = 1.0) -> Vote:
    return Vote(np.array(values, np.uint8).reshape(1, 1, -1), weight)


def test_the_majority_decides_in_every_voxel() -> None:
    labels, share = fused([vote([7, 7, 0, 8]), vote([7, 0, 0, 7]), vote([7, 0, 7, 0])])
    assert labels.ravel().tolist() == [7, 0, 0, 7]
    # The third part of the votes for a station is known where none is drawn, too.
    assert share.ravel().tolist() == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3])


def test_a_voxel_that_most_call_some_station_gets_the_one_most_named() -> None:
    labels, share = fused([vote([7]), vote([7]), vote([8]), vote([0]), vote([0])])
    assert labels.ravel().tolist() == [7]
    assert share.ravel().tolist() == pytest.approx([0.4])


def test_of_equal_numbers_the_atlas_that_fits_better_wins() -> None:
    labels, _ = fused([vote([7], 1.0008), vote([8], 1.0009)])
    assert labels.ravel().tolist() == [8]


def test_the_parts_of_all_stations_are_probabilities() -> None:
    found = dict(parts([vote([7, 0]), vote([8, 8], np.array([[[3.0, 1.0]]]))]))
    assert found[7].ravel().tolist() == pytest.approx([0.25, 0])
    assert found[8].ravel().tolist() == pytest.approx([0.75, 0.5])


def test_an_atlas_counts_where_it_looks_like_the_patient() -> None:
    patient = np.zeros((8, 8, 16), np.float32)
    atlas = patient.copy()
    atlas[..., 8:] = 0.5
    weights = likeness(patient, atlas, 1.5)
    assert weights[4, 4, 2] > 100 * weights[4, 4, 13]


# Maps


def test_a_point_has_a_probability_of_each_station(larger: PatientState, folder: Path) -> None:
    patient = guided_patient(larger.case.ct, larger.organ_set, COARSE_MM)
    carried = carry_atlases([folder / "schematic.zip"], patient, silent)
    votes, box = votes_of(carried, larger, patient.grid, "weighted")
    maps = station_maps(votes, box, larger)
    outline = drawn(votes, box, larger.organ_set)
    index = np.argwhere(outline.mask("7")).mean(axis=0)
    point = larger.organ_set.grid.point_mm(tuple(index))
    assert maps.station_of(point) == "7"
    assert maps.at(point)["7"] == pytest.approx(1.0)
    assert maps.at((1e4, 0.0, 0.0)) == {}
    assert maps.station_of((1e4, 0.0, 0.0)) is None
    assert maps.weight["7"].max() > 0.9
    assert ((maps.weight["7"] > 0) <= outline.mask("7")[box]).all()


def test_the_method_gives_its_maps_of_all_stations_on_a_part_of_the_working_grid(carried: StationMap) -> None:
    assert set(carried.maps) == {"probability", "weight"}
    for image in carried.maps.values():
        whole = resample_to_grid(image, carried.grid, labels=True)
        assert 0.9 < whole.max() <= 1.0
        assert whole.min() == 0.0
    weights = resample_to_grid(carried.maps["weight"], carried.grid, labels=True)
    assert ((weights > 0) <= (carried.labels > 0)).all()
    assert weights[carried.mask("7")].max() > 0.9


# A second engine, and parameters by the overlap of organs


def test_convex_adam_finds_where_voxels_moved_in_either_direction() -> None:
    pytest.importorskip("convexAdam", reason="the package 'convexAdam' is not installed")
    random = np.random.default_rng(0)
    fixed = gaussian_filter(random.normal(size=(26, 28, 30)), 2).astype(np.float32)
    fixed /= fixed.std()
    moving = np.roll(fixed, (2, -1, 3), (0, 1, 2))
    inner = convex_adam_displacement(fixed, moving)[8:-8, 8:-8, 8:-8].reshape(-1, 3)
    assert np.median(inner, axis=0) == pytest.approx((2, -1, 3), abs=0.5)


def test_an_unknown_engine_is_refused_and_a_missing_one_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="engine"):
        AtlasOptions(engine="elastix")
    monkeypatch.setitem(sys.modules, "convexAdam.convex_adam_MIND", None)
    with pytest.raises(InputError, match="pip install convexAdam"):
        check_engine("convex_adam")


def test_parameters_are_chosen_by_the_overlap_of_organs_one_after_the_other(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted(written(tmp_path, schematic_atlas(), schematic_atlas("other")).iterdir())
    asked: list[Deformation] = []

    def registered(pair, how: Deformation) -> Registered:
        asked.append(how)
        grid = pair[0].grid
        dice = 0.8 - abs(how.update_voxels - 3.0) / 10 + how.organ_weight / 100
        return Registered(np.eye(4), np.zeros((*grid.shape, 3), np.float32), grid, {"heart": dice})

    monkeypatch.setattr(tuning, "register", registered)
    tried = list(tuning.tuned(paths, Deformation(), COARSE_MM, 1, silent))
    best = max(tried, key=lambda one: one.organ_dice)
    assert (best.how.update_voxels, best.how.organ_weight) == (3.0, 2.0)
    assert len(tried) == len(asked) == len(set(asked)) == 7
    assert best.station_dice == pytest.approx(1.0), "the same stations under no warp"
    with pytest.raises(InputError, match="two or more"):
        list(tuning.tuned(paths[:1], Deformation(), COARSE_MM, 1, silent))
