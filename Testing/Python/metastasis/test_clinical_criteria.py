"""Calls on nodes and stations by short axis and SUVmax, and what is said where nothing could be assessed."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from nodes.shapes import AXIAL, FLIPPED, SAGITTAL, ellipsoid, like, points, rotation, volume
from states import called, with_stations

from LNStationLib import anatomy
from LNStationLib.case.case import Case
from LNStationLib.metastasis.clinical_criteria import CriteriaOptions, call_node
from LNStationLib.nodes.find import find_nodes
from LNStationLib.organs.groups import LARGE_VESSELS
from LNStationLib.staging import lung_n_category
from LNStationLib.staging.positive_stations import positive_station_names
from LNStationLib.state.assessment import NodeFinding
from LNStationLib.state.provenance import not_called_reason
from LNStationLib.state.settings import Settings
from LNStationLib.state.station_call import StationCall
from LNStationLib.support.reason import Reason
from LNStationLib.support.words import words

ALL = {row.name for row in anatomy.stations()}
PARSED = {"4R", "4L", "7", "8"}


def node(short_axis_mm=5.0, suv_max=None):
    return NodeFinding(
        node_id=1,
        source="supplied",
        station="4R",
        volume_mm3=500.0,
        short_axis_mm=short_axis_mm,
        long_axis_mm=40.0,
        extent_mm=(10.0, 10.0, 10.0),
        mean_hu=40.0,
        suv_max=suv_max,
        centroid_mm=(0.0, 0.0, 0.0),
        bounding_box_mm=((-5.0,) * 3, (5.0,) * 3),
        reason="not assessed yet",
    )


def ct_image(direction=AXIAL):
    return volume((100, 100, 100), (1.0, 1.0, 2.5), direction, value=-90)


def stations_on(ct):
    """4R and 4L above, 7 in the middle, 8 below; 4R and 4L either side of x = 0."""
    x, _, z = np.moveaxis(points(ct), -1, 0)
    labels = np.select(
        [z > 15, z > -10],
        [np.where(x < 0, anatomy.station("4R").label_value, anatomy.station("4L").label_value), 11],
        anatomy.station("8").label_value,
    )
    return like(np.where(np.abs(points(ct)).max(axis=-1) < 40, labels, 0).astype(np.uint8), ct)


def pet_image(ct_center=(0.0, 0.0, 0.0), spots=(), background=1.0, size=(140, 140, 140)):
    """PET of 4 x 4 x 3 mm whose grid is offset against every CT."""
    image = volume(size, (4.0, 4.0, 3.0), center=np.add(ct_center, (1.1, -0.6, 0.9)), pixel=sitk.sitkFloat32)
    suv = np.full(image.GetSize()[::-1], background, np.float32)
    for at, diameter, height in spots:
        suv[ellipsoid(image, at, (diameter,) * 3)] = height
    return like(suv, image)


def run(nodes=(), pet=None, direction=AXIAL, tumor=None, as_blobs=False, **settings):
    """Assess a case whose nodes are balls of (center, diameter): supplied, or as if the blob detector found them."""
    ct = ct_image(direction)
    mask = np.zeros(ct.GetSize()[::-1], np.uint16)
    for number, (center, diameter) in enumerate(nodes, start=1):
        mask[ellipsoid(ct, center, np.broadcast_to(diameter, 3))] = number
    case = Case("case", ct, pet=pet, nodes=like(mask, ct), tumor=None if tumor is None else like(tumor(ct), ct))
    state = with_stations(case, stations_on(ct), Settings(**settings))
    found = find_nodes(state)
    if as_blobs:
        findings = [one.model_copy(update={"fit_for_staging": False}) for one in found.findings]
        search = replace(found.search, method="ct_blobs", fit_for_staging=False)
        found = replace(found, search=search, findings=findings)
    return called(replace(state, nodes=found))


@pytest.mark.parametrize(
    ("short_axis_mm", "suv_max", "call", "reason"),
    [
        (10.0, None, "positive", "Positive: short axis 10.0 mm >= 10.0 mm."),
        (9.999, None, "negative", "Negative: short axis 9.999 mm < 10.000 mm, no PET value."),
        (9.96, 1.0, "negative", "Negative: short axis 9.96 mm < 10.00 mm, SUVmax 1.0 <= 4.0."),
        (6.0, 4.0, "negative", "Negative: short axis 6.0 mm < 10.0 mm, SUVmax 4.0 <= 4.0."),
        (6.0, 4.001, "positive", "Positive: SUVmax 4.001 > 4.000."),
        (6.0, 0.0, "negative", "Negative: short axis 6.0 mm < 10.0 mm, SUVmax 0.0 <= 4.0."),
        (12.3, 5.6, "positive", "Positive: short axis 12.3 mm >= 10.0 mm and SUVmax 5.6 > 4.0."),
        (12.3, 1.6, "positive", "Positive: short axis 12.3 mm >= 10.0 mm."),
    ],
)
def test_a_node_is_called_at_the_thresholds_as_published(short_axis_mm, suv_max, call, reason):
    found = call_node(node(short_axis_mm, suv_max), CriteriaOptions())

    assert (found.call, words(found.reason)) == (call, reason)


def test_thresholds_are_settings():
    strict = CriteriaOptions(short_axis_threshold_mm=15.0, suv_max_threshold=2.5)

    assert call_node(node(12.0), strict).call == "negative"
    assert call_node(node(5.0, 3.0), strict).call == "positive"


@pytest.mark.parametrize("direction", [AXIAL, FLIPPED, SAGITTAL, rotation(30, 0)])
def test_a_large_node_makes_its_station_positive_in_any_orientation(direction):
    result = run([((-18, 0, 25), (20, 14, 14)), ((18, 0, 25), (18, 6, 10))], direction=direction)

    assert (result.stations["4R"].call, result.stations["4L"].call) == ("positive", "negative")
    assert "node 1 with short axis" in result.stations["4R"].reason
    assert result.stations["4R"].largest_short_axis_mm == pytest.approx(14, abs=1.2)
    assert result.stations["4L"].largest_short_axis_mm == pytest.approx(6, abs=1.2)
    assert [finding.call for finding in result.nodes] == ["positive", "negative"]


def test_the_mirrored_patient_gets_the_mirrored_calls():
    pet = pet_image(spots=[((20, 5, 28), 10, 6.0)])
    mirrored_pet = pet_image(spots=[((-20, 5, 28), 10, 6.0)])
    calls = run([((10, 5, -30), 12.0)], pet).stations
    mirrored = run([((-10, 5, -30), 12.0)], mirrored_pet).stations

    assert (calls["4L"].call, calls["4R"].call, calls["8"].positive_sides) == ("positive", "negative", ("L",))
    assert (mirrored["4R"].call, mirrored["4L"].call, mirrored["8"].positive_sides) == (
        "positive",
        "negative",
        ("R",),
    )


def test_hot_uptake_makes_a_station_positive_without_any_node():
    result = run(pet=pet_image(spots=[((-20, 5, 28), 10, 6.0)]))
    call = result.stations["4R"]

    assert (call.call, call.suv_max, call.n_nodes) == ("positive", 6.0, 0)
    assert call.reason == "Positive: station SUVmax 6.0 > 4.0."
    assert result.stations["4L"].call == "negative"
    assert result.stations["4L"].suv_max == 1.0


def test_suv_exactly_at_the_threshold_is_negative():
    assert run(pet=pet_image(background=4.0)).stations["7"].call == "negative"
    assert run(pet=pet_image(background=4.01)).stations["7"].call == "positive"


def test_a_small_hot_node_is_positive_by_its_uptake():
    result = run([((-18, 0, 25), 7.0)], pet_image(spots=[((-18, 0, 25), 12, 7.5)]))

    assert result.nodes[0].call == "positive"
    assert result.nodes[0].reason == "Positive: SUVmax 7.5 > 4.0."
    assert result.stations["4R"].call == "positive"


def test_sides_of_stations_without_a_side_follow_positive_nodes_and_the_hottest_voxel():
    by_node = run([((-18, 0, -25), 14.0), ((20, 0, -25), 6.0)]).stations["8"]
    by_uptake = run(pet=pet_image(spots=[((20, 5, -25), 10, 6.0)])).stations["8"]
    both = run([((-18, 0, -25), 14.0)], pet_image(spots=[((20, 5, -25), 10, 6.0)])).stations["8"]
    negative = run([((20, 0, -25), 6.0)]).stations["8"]

    assert (by_node.positive_sides, by_uptake.positive_sides) == (("R",), ("L",))
    assert both.positive_sides == ("R", "L")
    assert negative.positive_sides == ()
    assert positive_station_names([by_node, by_uptake, both, negative]) == ["8R", "8L", "8R", "8L"]


def test_a_sided_station_has_no_side_of_its_evidence():
    assert run([((-18, 0, 25), 14.0)]).stations["4R"].positive_sides == ()


def test_names_for_staging_give_sides_where_known_but_never_to_station_7():
    calls = [
        StationCall("4R", "positive", Reason("test")),
        StationCall("7", "positive", Reason("test"), positive_sides=("R", "L")),
        StationCall("3A", "positive", Reason("test"), positive_sides=("L",)),
        StationCall("3P", "positive", Reason("test"), positive_sides=("R",)),
        StationCall("9", "positive", Reason("test")),
        StationCall("8", "negative", Reason("test"), positive_sides=("R",)),
        StationCall("6", None, Reason("test")),
    ]
    names = positive_station_names(calls)

    assert names == ["4R", "7", "3AL", "3PR", "9"]
    assert lung_n_category(names, "R", "tnm8").category == "N3"


def test_every_station_of_the_table_is_answered_and_unparsed_ones_are_not_assessed():
    result = run([((-18, 0, 25), 14.0)])

    assert set(result.stations) == ALL
    for name in ALL - PARSED:
        call = result.stations[name]
        assert (call.call, call.n_nodes, call.suv_max) == (None, None, None)
        assert call.reason == f"Not assessed: station {name} could not be parsed."


def test_without_pet_and_without_nodes_looked_for_nothing_is_assessed():
    calls = assess_case(Case("case", ct_image()), nodes="none")

    assert {call.call for call in calls.values()} == {None}
    assert calls["4R"].reason == "Not assessed: nodes were not looked for and there is no PET."
    assert calls["4R"].n_nodes is None


def assess_case(case, **settings):
    return called(with_stations(case, stations_on(case.ct), Settings(**settings))).stations


def test_with_pet_but_no_nodes_looked_for_uptake_alone_decides():
    calls = assess_case(Case("c", ct_image(), pet=pet_image(spots=[((-20, 5, 28), 10, 6.0)])), nodes="none")

    assert (calls["4R"].call, calls["4L"].call) == ("positive", "negative")
    assert calls["4L"].reason == "Negative: nodes not looked for, station SUVmax 1.0 <= 4.0."
    assert calls["4L"].n_nodes is None


def test_pet_that_ends_above_a_station_leaves_it_not_assessed():
    high = pet_image(ct_center=(0, 0, 100), size=(140, 140, 200))
    calls = assess_case(Case("c", ct_image(), pet=high))

    assert (calls["4R"].call, calls["4R"].suv_max) == ("negative", 1.0)
    assert (calls["8"].call, calls["8"].suv_max, calls["8"].n_nodes) == (None, None, None)
    assert calls["8"].reason == "Not assessed: nodes were looked for on PET, but PET does not cover the station."
    assert calls["7"].call is None
    assert "only part of the station" in calls["7"].reason


def test_hot_uptake_in_the_covered_part_of_a_station_is_positive_all_the_same():
    high = pet_image(ct_center=(0, 0, 100), size=(140, 140, 200), spots=[((0, 0, 12), 10, 6.0)])

    assert assess_case(Case("c", ct_image(), pet=high))["7"].call == "positive"


def test_supplied_nodes_are_judged_by_size_where_pet_is_missing():
    high = pet_image(ct_center=(0, 0, 100), size=(140, 140, 200))
    result = run([((10, 0, -25), 7.0)], high)

    assert result.nodes[0].suv_max is None
    assert result.stations["8"].call == "negative"
    assert "PET does not cover the station" in result.stations["8"].reason
    assert result.stations["8"].warnings == ("PET does not cover the station.",)


def enhanced(ct):
    """The CT with an enhanced aorta beside the stations, and its mask."""
    hu, aorta = sitk.GetArrayFromImage(ct), ellipsoid(ct, (45, 45, 0), (8.0, 8.0, 900.0))
    hu[aorta] = 250
    return like(hu, ct), {"aorta": like(aorta.astype(np.uint8), ct)}


def with_blob(ct):
    """The CT with a ball of soft tissue of 14 mm in station 4R."""
    hu = sitk.GetArrayFromImage(ct)
    hu[ellipsoid(ct, (-15, 0, 28), (14.0,) * 3)] = 45
    return like(hu, ct)


def test_candidates_on_a_ct_without_contrast_and_vessel_masks_are_not_called():
    ct = with_blob(ct_image())
    result = called(with_stations(Case("c", ct), stations_on(ct)))

    assert [one.call for one in result.nodes] == [None]
    assert result.nodes[0].reason.startswith("Not assessed: a candidate may be a vessel")
    assert "superior vena cava" in result.nodes[0].reason
    for name in PARSED:
        assert result.stations[name].call is None
        assert "may be a vessel" in result.stations[name].reason
    assert result.stations["4R"].n_nodes == 1
    assert result.stations["7"].n_nodes is None


def test_why_candidates_are_not_called_survives_in_the_provenance():
    ct = with_blob(ct_image())
    found = find_nodes(with_stations(Case("c", ct), stations_on(ct)))

    assert not_called_reason(found.provenance.settings) == found.not_called
    assert found.not_called is not None


def test_candidates_are_called_where_contrast_or_masks_show_the_vessels():
    ct, organs = enhanced(with_blob(ct_image()))
    plain = with_blob(ct_image())
    speck = like(ellipsoid(plain, (45, 45, 0), (4.0, 4.0, 900.0)).astype(np.uint8), plain)
    masked = Case("c", plain, organ_masks=dict.fromkeys(LARGE_VESSELS, speck))
    for case in (Case("c", ct, organ_masks=organs), masked):
        assert assess_case(case)["4R"].call == "positive"
    guessed = replace(masked, organ_surrogates=frozenset({"superior_vena_cava"}))
    assert assess_case(guessed)["4R"].call is None


def test_pet_decides_where_candidates_on_ct_are_not_called():
    case = Case("c", with_blob(ct_image()), pet=pet_image())
    calls = assess_case(case, nodes="ct_blobs")

    assert calls["4R"].call == "negative"
    assert "cannot be distinguished from vessels" in calls["4R"].reason
    assert "short axis" not in calls["4R"].reason


def test_negative_after_ct_blobs_says_how_little_that_means():
    ct, organs = enhanced(ct_image())
    calls = assess_case(Case("c", ct, organ_masks=organs))

    assert calls["7"].call == "negative"
    assert calls["7"].n_nodes == 0
    assert calls["7"].largest_short_axis_mm is None
    assert "low sensitivity and specificity" in calls["7"].reason


def test_the_supplied_tumor_does_not_count_as_uptake_of_a_station():
    pet = pet_image(spots=[((-20, 5, 28), 10, 6.0)])

    def tumor(ct):
        return ellipsoid(ct, (-20, 5, 28), (24.0,) * 3).astype(np.uint8)

    assert run(pet=pet).stations["4R"].call == "positive"
    assert run(pet=pet, tumor=tumor).stations["4R"].call == "negative"


def test_a_station_filled_by_the_tumor_is_not_assessed():
    def tumor(ct):
        return (points(ct)[..., 2] > 10).astype(np.uint8)

    call = run(pet=pet_image(background=8.0), tumor=tumor).stations["4R"]

    assert (call.call, call.suv_max) == (None, None)
    assert call.reason == "Not assessed: the tumor mask fills the station."


def test_a_node_outside_all_stations_is_called_but_counts_for_none():
    result = run([((44, 0, 44), 12.0)])

    assert (result.nodes[0].station, result.nodes[0].call) == (None, "positive")
    assert all(call.call != "positive" for call in result.stations.values())


def test_provenance_keeps_the_thresholds():
    result = run(suv_max_threshold=2.5)

    assert result.provenance.step == "metastasis"
    assert result.provenance.settings == {
        "method": "clinical_criteria",
        "chosen": "auto",
        "short_axis_threshold_mm": 10.0,
        "suv_max_threshold": 2.5,
    }
    assert result.warnings == ["There is no PET: calls rest on the size of nodes alone."]


def test_a_call_rests_on_unconfirmed_candidates_unless_pet_says_the_same():
    by_blobs = run([((-18, 0, 25), 14.0)], as_blobs=True)
    by_masks = run([((-18, 0, 25), 14.0)])
    hot = run([((-18, 0, 25), 14.0)], pet_image(spots=[((-18, 0, 25), 12, 6.0)]), as_blobs=True)

    assert (by_blobs.stations["4R"].call, by_blobs.stations["4L"].call) == ("positive", "negative")
    assert {call.fit_for_staging for name, call in by_blobs.stations.items() if name in PARSED} == {False}
    assert {call.fit_for_staging for call in by_masks.stations.values()} == {True}
    assert (hot.stations["4R"].call, hot.stations["4R"].fit_for_staging) == ("positive", True)
    assert (hot.stations["7"].call, hot.stations["7"].fit_for_staging) == ("negative", True)
    assert by_blobs.stations["1R"].fit_for_staging, "nothing was called, so nothing rests on candidates"


@pytest.mark.parametrize(
    ("diameter_mm", "suv", "call", "nearly"),
    [(5.0, 1.0, "negative", False), (9.0, 1.0, "negative", True), (5.0, 3.5, "negative", True),
     (14.0, 1.0, "positive", False), (5.0, 6.0, "positive", False)],
)  # fmt: skip
def test_a_station_just_below_a_threshold_is_nearly_positive(diameter_mm, suv, call, nearly):
    station = run([((-18, 0, 25), diameter_mm)], pet_image(background=suv)).stations["4R"]

    assert (station.call, station.nearly_positive) == (call, nearly)


def test_unconfirmed_candidates_make_no_station_nearly_positive():
    assert run([((-18, 0, 25), 9.0)]).stations["4R"].nearly_positive
    assert not run([((-18, 0, 25), 9.0)], as_blobs=True).stations["4R"].nearly_positive
