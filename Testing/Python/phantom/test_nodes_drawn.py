"""What is drawn before there is an image: presets, tumors, spread, nodes, uptake, surgery."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lnstation_training.synthetic.audit.statistics import auroc
from LNStationLib import anatomy
from LNStationLib.phantom.anatomy.shapes import Ellipsoid, frame_along
from LNStationLib.phantom.nodes.node import NodeTruth, axial_diameters_mm, node_truth
from LNStationLib.phantom.nodes.pathology import dissect, n_from_images, n_from_pathology
from LNStationLib.phantom.nodes.spread import STATION_CENTERS_MM, distance_factor, draw_spread
from LNStationLib.phantom.nodes.tumor import draw_tumor
from LNStationLib.phantom.nodes.uptake_model import expected_suv_max, recovery, with_calls
from LNStationLib.phantom.patient import PatientTruth, complete, draw_patient, unplaced
from LNStationLib.phantom.preset import PRESET_NAMES, Preset, load_preset
from LNStationLib.phantom.samples import SAMPLE_NAMES, sample_plan
from LNStationLib.support.errors import InputError
from LNStationLib.support.resources import resource_path

PRESETS = [load_preset(name) for name in PRESET_NAMES]
HILAR = {"10R", "10L", "11R", "11L"}


def patient(preset: Preset, seed: int, number: int) -> PatientTruth:
    plan = draw_patient(preset, seed, number)
    return complete(preset, plan, *unplaced(plan))


@pytest.fixture(scope="module", params=PRESETS, ids=lambda preset: preset.name)
def cohort(request: pytest.FixtureRequest) -> list[PatientTruth]:
    return [patient(request.param, 11, number) for number in range(1, 151)]


def visible(cohort: list[PatientTruth]) -> list[NodeTruth]:
    return [node for one in cohort for node in one.nodes if node.visible]


def test_every_preset_names_a_source_for_what_it_does_not_tune() -> None:
    for preset in PRESETS:
        assert preset.sources
        assert all(len(source) > 3 for source in preset.sources.values())


def test_an_unknown_preset_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="esophagus or lung"):
        load_preset("liver")


@pytest.mark.parametrize(
    ("part", "change"),
    [
        (("nodes", "mean_count"), {"4X": 1.0}),
        (("tumor", "sites", 0), {"frequency": 0.9}),
        (("spread", "onward"), {"7": {"4X": 0.1}}),
        (("nodes",), {"micrometastasis_fraction": 1.5}),
    ],
)
def test_a_faulty_preset_is_refused(part: tuple[str | int, ...], change: dict[str, object]) -> None:
    content = json.loads(resource_path("Phantom", "lung.json").read_text(encoding="utf-8"))
    table = content
    for key in part:
        table = table[key]
    table.update(change)
    with pytest.raises(ValueError, match=r"4X|add up|less than or equal"):
        Preset.model_validate(content)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_seed_and_number_decide_a_patient_and_nothing_else(preset: Preset) -> None:
    first = patient(preset, 5, 3)
    np.random.default_rng().random()
    patient(preset, 5, 4)
    assert patient(preset, 5, 3) == first
    assert patient(preset, 6, 3) != first
    assert patient(preset, 5, 4) != first


def test_pathology_agrees_with_the_true_nodes(cohort: list[PatientTruth]) -> None:
    rows = 0
    for one in cohort:
        for row in one.pathology:
            inside = [node for node in one.nodes if node.station == row.station]
            assert 1 <= row.n_taken <= len(inside)
            assert 0 <= row.n_positive <= min(row.n_taken, sum(node.malignant for node in inside))
            rows += row.n_positive > 0
        assert len({row.station for row in one.pathology}) == len(one.pathology)
    assert rows > 20


def test_no_tumor_in_the_nodes_gives_no_positive_station_and_n0(cohort: list[PatientTruth]) -> None:
    clean = [one for one in cohort if not any(node.malignant for node in one.nodes)]
    assert len(clean) > 30
    assert {one.p_n for one in clean} == {"N0"}
    assert not any(row.n_positive for one in clean for row in one.pathology)


def test_station_rows_count_the_nodes(cohort: list[PatientTruth]) -> None:
    for one in cohort:
        assert [row.station for row in one.stations] == [row.name for row in anatomy.stations()]
        assert sum(row.n_nodes for row in one.stations) == len(one.nodes)
        assert sum(row.n_malignant for row in one.stations) == sum(node.malignant for node in one.nodes)
        for row in one.stations:
            sizes = [n.short_axis_mm for n in one.nodes if n.station == row.station and n.visible]
            assert row.largest_short_axis_mm == max(sizes, default=None)


def test_without_pet_there_is_no_uptake_anywhere(cohort: list[PatientTruth]) -> None:
    for one in cohort:
        values = [node.suv_max for node in one.nodes] + [row.station_suv_max for row in one.stations]
        assert all((value is not None) == one.plan.has_pet for value in values)


def test_sided_stations_hold_nodes_of_their_side(cohort: list[PatientTruth]) -> None:
    for node in (node for one in cohort for node in one.nodes):
        side = anatomy.station(node.station).side
        assert node.side == (None if node.station in ("3P", "7") else side or node.side)
        assert node.short_axis_mm <= node.long_axis_mm
        assert not (node.micrometastasis and not node.malignant)
        assert not (node.granulomatous and node.malignant)


def test_metastasis_cannot_be_read_from_size_alone(cohort: list[PatientTruth]) -> None:
    nodes = visible(cohort)
    area = auroc([n.short_axis_mm for n in nodes if n.malignant], [n.short_axis_mm for n in nodes if not n.malignant])
    assert area is not None
    assert 0.65 < area < 0.88
    assert sum(n.short_axis_mm >= 10 for n in nodes if not n.malignant) >= 5
    assert sum(n.short_axis_mm < 10 for n in nodes if n.malignant) >= 10


def test_some_metastases_cannot_be_seen(cohort: list[PatientTruth]) -> None:
    metastases = [node for one in cohort for node in one.nodes if node.malignant]
    hidden = sum(not node.visible or node.micrometastasis for node in metastases)
    assert 0.1 < hidden / len(metastases) < 0.5


def test_metastatic_nodes_look_different_in_each_group_but_overlap(cohort: list[PatientTruth]) -> None:
    nodes = [node for node in visible(cohort) if not node.micrometastasis]
    for group in ("upper", "middle", "lower"):
        benign, metastatic = (
            [n.texture_sd_hu for n in nodes if n.group == group and n.malignant == m] for m in (0, 1)
        )
        assert np.mean(metastatic) > np.mean(benign)
        assert min(metastatic) < np.quantile(benign, 0.95)


def test_lung_tumors_spread_to_their_own_side_first() -> None:
    preset = load_preset("lung")
    rng = np.random.default_rng(0)
    for name, own, other in (("right upper lobe", "R", "L"), ("left upper lobe", "L", "R")):
        tumors = [draw_tumor(preset, rng, preset.site(name)) for _ in range(400)]
        reached = [station for tumor in tumors for station in draw_spread(preset, tumor, rng)]
        assert sum(s.endswith(own) for s in reached) > 5 * sum(s.endswith(other) for s in reached)


def test_skip_metastases_are_the_exception() -> None:
    preset = load_preset("lung")
    rng = np.random.default_rng(1)
    spreads = [set(draw_spread(preset, draw_tumor(preset, rng), rng)) for _ in range(1500)]
    mediastinal = [stations for stations in spreads if stations - HILAR]
    assert 0.05 < np.mean([not stations & HILAR for stations in mediastinal]) < 0.35


def test_esophageal_tumors_spread_up_from_above_and_down_from_below() -> None:
    preset = load_preset("esophagus")
    rng = np.random.default_rng(2)
    counts = {}
    for third in ("upper third", "lower third"):
        tumors = [draw_tumor(preset, rng, preset.site(third)) for _ in range(600)]
        counts[third] = [station for tumor in tumors for station in draw_spread(preset, tumor, rng)]
    assert counts["upper third"].count("2R") > 2 * counts["lower third"].count("2R")
    assert counts["lower third"].count("8") > 2 * counts["upper third"].count("8")


def test_a_nearer_tumor_reaches_a_station_more_easily() -> None:
    preset = load_preset("esophagus")
    site = preset.site("middle third")
    usual = replace(draw_tumor(preset, np.random.default_rng(0), site), center_mm=site.center_mm)
    x, y, z = site.center_mm
    higher = replace(usual, center_mm=(x, y, z + 25))
    assert distance_factor(usual, site.center_mm, "4R", 45) == pytest.approx(1)
    assert distance_factor(higher, site.center_mm, "2R", 45) > 1.2
    assert distance_factor(higher, site.center_mm, "8", 45) < 0.9


def test_every_sided_station_has_its_usual_middle_on_its_side() -> None:
    assert set(STATION_CENTERS_MM) == {row.name for row in anatomy.stations()}
    for row in anatomy.stations():
        if row.side is not None:
            assert (STATION_CENTERS_MM[row.name][0] > 0) == (row.side == "L"), row.name


@given(
    st.tuples(*[st.floats(1, 12)] * 3),
    st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1),
    st.tuples(*[st.floats(0.85, 1.15)] * 3),
)
def test_axial_diameters_are_those_of_the_section_through_the_center(
    semi: tuple[float, float, float], way: tuple[float, float, float], scale: tuple[float, float, float]
) -> None:
    shape = Ellipsoid((0, 0, 0), semi, frame_along(way))
    short, long = axial_diameters_mm(shape, scale)
    angles = np.linspace(0, np.pi, 721)
    rays = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1) / np.asarray(scale)
    radii = 1 / np.linalg.norm(rays @ np.asarray(shape.axes).T / np.asarray(semi), axis=1)
    assert short == pytest.approx(2 * radii.min(), rel=1e-3)
    assert long == pytest.approx(2 * radii.max(), rel=1e-3)


@given(st.integers(0, 10_000))
def test_a_node_has_the_planned_short_axis_whatever_its_direction(seed: int) -> None:
    node = draw_patient(load_preset("lung"), seed, 1).nodes[0]
    assert node_truth(1, node).short_axis_mm == pytest.approx(node.short_axis_mm)
    assert node_truth(1, node, (1.1, 1.1, 0.9)).short_axis_mm == pytest.approx(1.1 * node.short_axis_mm, rel=0.05)


def test_recovery_goes_from_nothing_to_everything_with_size() -> None:
    values = [recovery(radius) for radius in (0.01, 2, 4, 6, 10, 30)]
    assert values == sorted(values)
    assert values[0] == pytest.approx(0, abs=1e-6)
    assert values[-1] == pytest.approx(1, abs=1e-6)
    # A sphere whose radius is one standard deviation of the blur: erf(1/sqrt 2) - sqrt(2/pi) exp(-1/2).
    assert recovery(1 / 2.3548, resolution_mm=1.0) == pytest.approx(0.19875, abs=1e-4)


def test_a_small_hot_node_shows_less_than_a_large_one() -> None:
    assert expected_suv_max(80, 8.0) < 4 < expected_suv_max(1500, 8.0) < 8


def test_readers_call_by_size_or_uptake_and_only_what_is_visible() -> None:
    preset = load_preset("lung")
    node = next(n for n in patient(preset, 1, 1).nodes if n.visible)
    cases = [(9.9, 4.0, False), (10.0, 1.0, True), (6.0, 4.1, True), (6.0, None, False)]
    for short, suv, call in cases:
        changed = replace(node, short_axis_mm=short, suv_max=suv, visible=True)
        assert with_calls([changed], preset.imaging)[0].call is call
    assert with_calls([replace(node, visible=False, suv_max=9.0)], preset.imaging)[0].call is None


def test_undissected_stations_have_no_row() -> None:
    preset = load_preset("lung")
    closed = preset.surgery.model_copy(update={"dissected": {"7": 1.0, "4i": 1.0}})
    plan = draw_patient(preset, 1, 1)
    rows = dissect(
        preset.model_copy(update={"surgery": closed}), plan.tumor, unplaced(plan)[0], np.random.default_rng(0)
    )
    assert {row.station for row in rows} <= {"7", f"4{plan.tumor.side}"}


def test_n_follows_the_rules_of_the_cancer() -> None:
    lung, esophagus = load_preset("lung"), load_preset("esophagus")
    plan = sample_plan("lung-n2")
    nodes = unplaced(plan)[0]
    called = [replace(node, call=node.malignant) for node in nodes]
    assert n_from_images(lung, plan.tumor, called).category == "N2"
    other = replace(plan.tumor, side="L")
    assert n_from_images(lung, other, called).category == "N3"
    assert n_from_images(esophagus, replace(other, cancer="esophagus"), called).category == "N1"
    assert n_from_pathology(lung, plan.tumor, []).category == "N0"


def test_the_samples_tell_their_stories() -> None:
    plans = {name: sample_plan(name) for name in SAMPLE_NAMES}
    assert {n.station for n in plans["lung-n2"].nodes if n.malignant} == {"4R", "7", "10R"}
    assert not any(n.malignant for n in plans["lung-n0-reactive"].nodes)
    assert any(n.granulomatous for n in plans["lung-n0-reactive"].nodes)
    assert plans["esophagus-middle"].tumor.site == "middle third"
    assert sum(n.malignant for n in plans["esophagus-middle"].nodes) == 4
    assert sample_plan("lung-n2", 4) != plans["lung-n2"]
    clear = plans["esophagus-clear-signs"]
    assert clear.tumor.site == "lower third"
    assert {n.station for n in clear.nodes if n.malignant} == {"4R", "7", "8"}
    # Size misleads here: a benign node is larger than most metastases.
    sizes = {kind: sorted(n.short_axis_mm for n in clear.nodes if n.malignant == kind) for kind in (True, False)}
    assert sizes[False][-1] > sizes[True][-2]
