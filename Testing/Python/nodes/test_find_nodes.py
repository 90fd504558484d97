"""Finding nodes in supplied masks, in PET and on CT alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from nodes.shapes import AXIAL, ORIENTATIONS, SAGITTAL, ellipsoid, like, points, rotation, volume
from states import said, with_stations

from LNStationLib import anatomy
from LNStationLib.case.case import Case
from LNStationLib.imaging.arrays import array_view
from LNStationLib.nodes.find import find_nodes
from LNStationLib.nodes.registry import METHODS
from LNStationLib.state.settings import Settings, StepSettings
from LNStationLib.support.errors import GeometryError, InputError

SPACING = (0.9, 0.9, 2.5)
REAL_CASE = Path(__file__).resolve().parents[4] / "shared" / "data" / "chest_ct_01"


def value(station):
    return anatomy.station(station).label_value


def stations_on(ct):
    """4R on the patient's right and 4L on the left in a block around the center; 7 below."""
    x, y, z = np.moveaxis(points(ct), -1, 0)
    block = (np.abs(x) < 35) & (np.abs(y) < 30) & (np.abs(z) < 35)
    labels = np.where(z < -5, value("7"), np.where(x < 0, value("4R"), value("4L")))
    return like(np.where(block, labels, 0).astype(np.uint8), ct)


def chest(direction=AXIAL, size=(100, 100, 100), spacing=SPACING):
    return volume(size, spacing, direction, value=-90)


def labels_of(result):
    return sitk.GetArrayFromImage(result.labels)


def supplied(mask, grid, ct):
    return Case("case", ct, nodes=like(mask.astype(np.uint16), grid))


def find(case, **settings):
    return find_nodes(with_stations(case, stations_on(case.ct), Settings(**settings)))


BALLS = [((-15, 0, 20), 10), ((-15, 10, 0), 8), ((20, 0, 10), 12), ((3, 0, -20), 9)]


def balls(image):
    labels = np.zeros(image.GetSize()[::-1], np.uint16)
    for number, (center, diameter) in enumerate(BALLS, start=1):
        labels[ellipsoid(image, center, (diameter,) * 3)] = number * 10
    return labels


def test_a_binary_mask_falls_into_its_components_ordered_by_station_and_from_head_to_feet():
    ct = chest()
    result = find(supplied(balls(ct) > 0, ct, ct))

    assert result.search.method == "supplied"
    assert [(one.node_id, one.station, one.side) for one in result.findings] == [
        (1, "4R", "R"),
        (2, "4R", "R"),
        (3, "4L", "L"),
        (4, "7", "L"),
    ]
    assert [one.centroid_mm for one in result.findings] == [pytest.approx(c, abs=0.5) for c, _ in BALLS]
    assert result.labels.GetPixelID() == sitk.sitkUInt16
    for one in result.findings:
        assert ((labels_of(result) == one.node_id).sum() * np.prod(SPACING)) == pytest.approx(one.volume_mm3)


@pytest.mark.parametrize("direction", [*ORIENTATIONS.values(), rotation(25, 0)], ids=[*ORIENTATIONS, "oblique"])
def test_the_same_nodes_are_found_in_any_orientation(direction):
    ct = chest(direction)
    result = find(supplied(balls(ct), ct, ct))

    assert [one.station for one in result.findings] == ["4R", "4R", "4L", "7"]
    for one, (center, diameter) in zip(result.findings, BALLS, strict=True):
        assert one.centroid_mm == pytest.approx(center, abs=0.6)
        assert one.short_axis_mm == pytest.approx(diameter, abs=1.3)


def test_touching_instances_stay_apart_and_touching_binary_parts_are_one():
    ct = chest()
    labels = np.zeros(ct.GetSize()[::-1], np.uint16)
    labels[20, 50:55, 30:35], labels[20, 50:55, 35:40] = 4, 9

    assert len(find(supplied(labels, ct, ct)).findings) == 2
    assert len(find(supplied(labels > 0, ct, ct)).findings) == 1


def test_parts_that_touch_by_a_corner_are_one_node():
    ct = chest()
    mask = np.zeros(ct.GetSize()[::-1], bool)
    mask[20:22, 50:52, 30:32] = mask[22:24, 52:54, 32:34] = True

    assert len(find(supplied(mask, ct, ct)).findings) == 1


def test_a_mask_on_another_grid_is_resampled_and_small_nodes_survive():
    ct = chest(spacing=(1.0, 1.0, 5.0))
    fine = volume((60, 60, 60), (0.5, 0.5, 0.5), SAGITTAL)
    labels = np.zeros(fine.GetSize()[::-1], np.uint16)
    spots = [(-20.0, 5.0, 20.3), (-10.0, 5.0, 10.1), (0.2, 5.0, -8.7), (10.0, -5.0, 17.4), (20.0, 5.0, -12.2)]
    for number, spot in enumerate(spots, start=1):
        labels[ellipsoid(fine, spot, (1.1, 1.1, 1.1))] = number
    result = find(supplied(labels, fine, ct))

    assert len(result.findings) == len(spots)
    found = np.array(sorted(one.centroid_mm for one in result.findings))
    assert found[:, :2] == pytest.approx(np.array(spots)[:, :2], abs=0.8)
    assert found[:, 2] == pytest.approx(np.array(spots)[:, 2], abs=2.6)
    assert "different grid" in said(result.warnings)[0]


def test_a_supplied_node_outside_the_ct_is_counted_in_a_warning():
    ct = chest()
    wide = volume((300, 60, 60), (1.5, 1.5, 1.5))
    mask = ellipsoid(wide, (0, 0, 0), (10.0,) * 3) | ellipsoid(wide, (120, 0, 0), (10.0,) * 3)
    result = find(supplied(mask, wide, ct))

    assert len(result.findings) == 1
    assert "1 supplied node lies outside the CT and cannot be assessed." in said(result.warnings)


def test_a_node_outside_all_stations_comes_last_and_is_reported():
    ct = chest()
    mask = ellipsoid(ct, (44, 0, 40), (8.0,) * 3) | ellipsoid(ct, (0, 0, -20), (8.0,) * 3)
    result = find(supplied(mask, ct, ct))

    assert [one.station for one in result.findings] == ["7", None]
    assert "Node 2 lies outside all parsed stations and is not counted in any station." in said(result.warnings)


def test_an_empty_mask_gives_no_nodes_and_says_so():
    ct = chest()
    result = find(supplied(np.zeros(ct.GetSize()[::-1]), ct, ct))

    assert result.findings == []
    assert result.search.looked_for
    assert "no node" in said(result.warnings)[0]


def hot_pet(ct, spots, background=1.0, spacing=(3.0, 3.0, 3.0), center=(0.4, 0.8, 1.1), size=(120, 120, 120)):
    image = volume(size, spacing, center=center, pixel=sitk.sitkFloat32)
    suv = np.full(image.GetSize()[::-1], background, np.float32)
    for at, diameter, height in spots:
        suv[ellipsoid(image, at, (diameter,) * 3)] = height
    return like(suv, image)


def test_uptake_above_the_threshold_in_a_station_is_a_node():
    ct = chest()
    pet = hot_pet(ct, [((-15, 0, 15), 15, 6.0), ((20, 5, -20), 12, 2.4), ((60, 0, 0), 15, 9.0)])
    result = find(Case("case", ct, pet=pet))

    assert result.search.method == "pet_threshold"
    assert [one.station for one in result.findings] == ["4R"]
    (node,) = result.findings
    assert node.suv_max == 6.0
    assert node.suv_peak == pytest.approx(6.0, rel=0.15)
    assert node.centroid_mm == pytest.approx((-15, 0, 15), abs=1.5)
    assert node.long_axis_mm == pytest.approx(15, abs=4)
    assert any("physiologic" in warning for warning in node.warnings)


def test_a_lower_threshold_finds_the_fainter_node_too():
    ct = chest()
    pet = hot_pet(ct, [((-15, 0, 15), 15, 6.0), ((20, 5, -20), 12, 2.4)])

    assert [one.station for one in find(Case("c", ct, pet=pet), node_suv_threshold=2.0).findings] == ["4R", "7"]


def test_a_fraction_of_the_maximum_tightens_hot_nodes():
    ct = chest()
    pet = hot_pet(ct, [((-15, 0, 15), 24, 3.0), ((-15, 0, 15), 12, 12.0)])
    wide = find(Case("c", ct, pet=pet)).findings[0]
    tight = find(Case("c", ct, pet=pet), node_suv_fraction_of_max=0.41).findings[0]

    assert wide.long_axis_mm == pytest.approx(24, abs=4)
    assert tight.long_axis_mm == pytest.approx(13, abs=4)


def test_specks_of_uptake_are_noise():
    ct = chest()
    pet = hot_pet(ct, [((-15, 0, 15), 4.0, 4.0)], spacing=(2.0, 2.0, 2.0))

    assert find(Case("c", ct, pet=pet)).findings == []


def test_uptake_of_the_supplied_tumor_is_no_node():
    ct = chest()
    pet = hot_pet(ct, [((-15, 0, 15), 15, 6.0)])
    tumor = like(ellipsoid(ct, (-15, 0, 15), (24.0,) * 3).astype(np.uint8), ct)

    assert len(find(Case("c", ct, pet=pet)).findings) == 1
    assert find(Case("c", ct, pet=pet, tumor=tumor)).findings == []


def with_soft_tissue(ct, noise=10):
    """Fat with nodes of 45 HU, an enhanced vessel, a tube of soft tissue and a node too small to report."""
    hu = sitk.GetArrayFromImage(ct)
    for center, diameter in BALLS:
        hu[ellipsoid(ct, center, (diameter,) * 3)] = 45
    hu[ellipsoid(ct, (-28, -15, 0), (9.0, 9.0, 900.0))] = 45
    hu[ellipsoid(ct, (28, -15, 0), (11.0, 11.0, 900.0))] = 270
    hu[ellipsoid(ct, (5, 20, 10), (3.0, 3.0, 3.0))] = 45
    return like((hu + np.random.default_rng(3).normal(0, noise, hu.shape)).astype(np.int16), ct)


@pytest.mark.parametrize("direction", [AXIAL, SAGITTAL, rotation(25, 0)], ids=["axial", "sagittal", "oblique"])
def test_ct_blobs_finds_round_soft_tissue_in_fat_but_no_vessel_and_nothing_under_5_mm(direction):
    result = find(Case("case", with_soft_tissue(chest(direction))))

    assert result.search.method == "ct_blobs"
    assert [one.station for one in result.findings] == ["4R", "4R", "4L", "7"]
    for one, (center, diameter) in zip(result.findings, BALLS, strict=True):
        assert one.centroid_mm == pytest.approx(center, abs=1.5)
        assert one.short_axis_mm == pytest.approx(diameter, abs=1.5)
        assert any("low specificity" in warning for warning in one.warnings)
    assert any("CT alone" in warning for warning in said(result.warnings))


def test_ct_blobs_finds_a_node_that_touches_an_enhanced_vessel():
    ct = chest()
    hu = sitk.GetArrayFromImage(ct)
    hu[ellipsoid(ct, (-15, 0, 20), (11.0,) * 3)] = 55
    aorta = ellipsoid(ct, (1, 0, 0), (21.0, 21.0, 900.0))
    hu[aorta] = 320
    ct = like(hu, ct)
    result = find(Case("case", ct, organ_masks={"aorta": like(aorta.astype(np.uint8), ct)}))

    assert [one.station for one in result.findings] == ["4R"]
    assert result.findings[0].centroid_mm == pytest.approx((-15, 0, 20), abs=2)


def test_ct_blobs_leaves_out_supplied_organs():
    ct = with_soft_tissue(chest())
    organ = like(ellipsoid(ct, BALLS[0][0], (14.0,) * 3).astype(np.uint8), ct)
    result = find(Case("case", ct, organ_masks={"esophagus": organ}))

    assert [one.station for one in result.findings] == ["4R", "4L", "7"]


def test_auto_takes_supplied_masks_then_pet_then_ct():
    ct = chest()
    pet, nodes = hot_pet(ct, []), like(np.zeros(ct.GetSize()[::-1], np.uint16), ct)

    assert find(Case("c", ct, pet=pet, nodes=nodes)).search.method == "supplied"
    assert find(Case("c", ct, pet=pet)).search.method == "pet_threshold"
    assert find(Case("c", ct)).search.method == "ct_blobs"


def test_none_looks_for_nothing_and_says_so():
    result = find(Case("c", chest()), nodes="none")

    assert (result.search.method, result.search.looked_for, result.findings) == ("none", False, [])
    assert not labels_of(result).any()
    assert said(result.warnings) == ["Nodes were not looked for."]


@pytest.mark.parametrize(("finder", "lacks"), [("supplied", "no node mask"), ("pet_threshold", "no PET")])
def test_a_finder_that_lacks_its_input_says_what_to_do(finder, lacks):
    with pytest.raises(InputError, match=f"{lacks}.*choose 'auto'"):
        find(Case("c", chest()), nodes=finder)


@pytest.mark.parametrize("finder", ["ct_blobs", "pet_threshold"])
def test_without_stations_there_is_nothing_to_search(finder):
    ct = chest()
    none = like(np.zeros(ct.GetSize()[::-1], np.uint8), ct)
    result = find_nodes(with_stations(Case("c", ct, pet=hot_pet(ct, [])), none, Settings(nodes=finder)))

    assert result.findings == []
    assert "no stations" in said(result.warnings)[0]
    assert result.labels.GetSize() == ct.GetSize()


def test_stations_on_another_grid_are_refused():
    with pytest.raises(GeometryError, match="not on the CT's grid"):
        find_nodes(with_stations(Case("c", chest()), volume((5, 5, 5), (1, 1, 1), pixel=sitk.sitkUInt8)))


def test_provenance_tells_the_finder_and_its_thresholds():
    ct = chest()
    provenance = find(Case("c", ct, pet=hot_pet(ct, [])), node_suv_threshold=3.0).provenance

    assert (provenance.step, provenance.implementation) == ("nodes", "pet_threshold")
    assert provenance.settings["suv_threshold"] == 3.0


@pytest.mark.skipif(not REAL_CASE.exists(), reason="the real CT is not beside the repository")
def test_on_the_real_ct_candidates_are_soft_tissue_outside_the_supplied_vessels():
    ct = sitk.Cast(sitk.ReadImage(str(REAL_CASE / "ct.nii.gz")), sitk.sitkInt16)
    organs = {
        path.name.removesuffix(".nii.gz"): sitk.Cast(sitk.ReadImage(str(path)), sitk.sitkUInt8)
        for path in sorted((REAL_CASE / "organs").glob("*.nii.gz"))
    }
    block = np.zeros(ct.GetSize()[::-1], np.uint8)
    block[80:130, 25:85, 30:90] = value("7")
    result = find_nodes(with_stations(Case("c", ct, organ_masks=organs), like(block, ct)))
    found = labels_of(result) > 0

    assert 0 < len(result.findings) < 60
    assert all(one.short_axis_mm >= 5 and -50 < one.mean_hu < 150 for one in result.findings)
    for organ in organs.values():
        # Organs are cut out on the detector's 1.5 mm grid, which is this CT's own.
        assert not (found & (array_view(organ) > 0)).any()


def test_every_finder_says_whether_its_nodes_are_fit_for_staging():
    assert {method.name: method.search.fit_for_staging for method in METHODS} == {
        "supplied": True, "pet_threshold": True, "ct_blobs": False, "network": False, "none": True,
    }  # fmt: skip


def test_hot_fat_on_both_sides_is_told_and_the_nodes_in_it_are_doubtful() -> None:
    shape = (20, 24, 40)
    ct, suv, labels = np.full(shape, -100, np.int16), np.full(shape, 0.5, np.float32), np.zeros(shape, np.uint8)
    for x in (6, 28):
        suv[8:12, 8:12, x : x + 5] = 6.0
    labels[5:15, 5:15, 3:15] = anatomy.station("2R").label_value
    labels[5:15, 5:15, 25:37] = anatomy.station("2L").label_value
    images = []
    for values in (ct, suv, labels):
        image = sitk.GetImageFromArray(values)
        image.SetSpacing((4.0, 4.0, 4.0))
        image.SetOrigin((-78.0, 0.0, 0.0))
        images.append(image)
    settings = Settings(nodes=StepSettings(method="pet_threshold"))
    state = with_stations(Case("drawn", images[0], pet=images[1]), images[2], settings)
    found = find_nodes(state)
    assert [warning.code for warning in found.warnings if warning.code == "brown_fat"] == ["brown_fat"]
    assert len(found.findings) == 2
    assert all("node_in_brown_fat" in [one.code for one in node.warning_codes] for node in found.findings)
    other = find_nodes(replace(state, case=replace(state.case, pet_tracer="psma")))
    assert other.brown_fat is None
