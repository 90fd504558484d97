"""Head-to-thigh patients: the chest is the chest CT's, voxel by voxel, and the rest is there."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from phantoms import WIDE_MM
from scipy import ndimage

from LNStationLib.phantom import PhantomCase, thorax
from LNStationLib.phantom.images.bedding import Bedding, lay_bedding
from LNStationLib.phantom.images.beyond_chest.head import BRAIN_SUV
from LNStationLib.phantom.station_truth import station_truth


@pytest.fixture
def chest(wide_patient: PhantomCase) -> PhantomCase:
    return wide_patient


@pytest.fixture
def whole(whole_patient: PhantomCase) -> PhantomCase:
    return whole_patient


def hu(patient: PhantomCase) -> np.ndarray:
    return sitk.GetArrayFromImage(patient.case.ct)


def slices(patient: PhantomCase, low_mm: float, high_mm: float) -> np.ndarray:
    """HU between two heights of an average adult."""
    z = patient.grid.coordinates_mm(0) / patient.variation.length
    return hu(patient)[(z > low_mm) & (z < high_mm)]


def test_the_chest_is_voxel_by_voxel_that_of_the_chest_ct(chest: PhantomCase, whole: PhantomCase) -> None:
    first, last = whole.chest or (0, 0)
    assert np.array_equal(hu(whole)[first:last], hu(chest))
    assert whole.grid.coordinates_mm(0)[first] == pytest.approx(chest.grid.origin_mm[0])
    for name in ("lung_left", "esophagus", "heart", "thoracic_cavity"):
        assert np.array_equal(whole.organs[name][first:last], chest.organs[name])
        assert not whole.organs[name][:first].any()
    assert whole.landmarks == chest.landmarks
    assert [node.center_mm for node in whole.nodes] == [node.center_mm for node in chest.nodes]


def test_stations_are_those_of_the_chest_ct(chest: PhantomCase, whole: PhantomCase) -> None:
    first, last = whole.chest or (0, 0)
    found = station_truth(whole)
    assert np.array_equal(found[first:last], station_truth(chest))
    assert not found[:first].any()
    assert not found[last:].any()


def test_it_reaches_from_the_vertex_to_the_middle_of_the_thighs(whole: PhantomCase) -> None:
    extent = whole.grid.shape[0] * whole.grid.spacing_mm[0]
    assert extent / whole.variation.length == pytest.approx(1015, abs=15)
    body = whole.organs["body"]
    assert not body[-1, :, : body.shape[2] // 3].any() or whole.variation.arms == "up"
    assert ndimage.label(body[0])[1] == 2


def test_the_body_goes_on_over_the_seams(whole: PhantomCase) -> None:
    body = whole.organs["body"]
    for k in whole.chest or ():
        # The spine's processes come and go from slice to slice.
        for mask, least in ((body, 0.9), (whole.organs["spine"], 0.6)):
            a, b = mask[k - 1], mask[k]
            assert 2 * (a & b).sum() / (a.sum() + b.sum()) > least


def test_the_airway_goes_on_from_the_trachea_to_the_pharynx(whole: PhantomCase) -> None:
    air = (hu(whole) < -400) & whole.organs["body"]
    labels, _ = ndimage.label(air)
    trachea = np.bincount(labels[whole.organs["trachea"]])
    trachea[0] = 0
    z = whole.grid.coordinates_mm(0)[np.flatnonzero((labels == trachea.argmax()).any((1, 2)))[-1]]
    assert z / whole.variation.length > 165


def test_head_pelvis_and_thighs_hold_what_they_should(whole: PhantomCase) -> None:
    head, pelvis, thighs = (slices(whole, *z) for z in ((225, 330), (-500, -300), (-640, -560)))
    ml = whole.grid.voxel_volume_ml
    assert 900 < ((head > 15) & (head < 55)).sum() * ml < 2600
    assert (head > 500).sum() * ml > 200
    assert (pelvis > 250).sum() * ml > 250
    inside = whole.organs["body"]
    z = whole.grid.coordinates_mm(0) / whole.variation.length
    gas = (hu(whole) < -800) & inside & ((z > -420) & (z < -210))[:, None, None]
    assert gas.sum() * ml > 40
    assert (thighs > 400).sum() * ml > 30
    assert ((thighs > 20) & (thighs < 90)).sum() * ml > 1000


def test_brain_and_bladder_are_hot_and_the_chest_keeps_its_uptake(chest: PhantomCase, whole: PhantomCase) -> None:
    suv, plain = (sitk.GetArrayFromImage(p.case.pet) for p in (whole, chest))
    z = whole.case.pet.GetOrigin()[2] + 3.0 * np.arange(len(suv))
    length = whole.variation.length
    assert suv[z > 230 * length].max() == pytest.approx(BRAIN_SUV, rel=0.3)
    assert suv[(z < -420 * length) & (z > -480 * length)].max() > 15
    first = round((chest.case.pet.GetOrigin()[2] - z[0]) / 3.0)
    assert np.array_equal(suv[first : first + len(plain)], plain)


def test_a_mirrored_patient_is_the_reflected_patient(whole: PhantomCase) -> None:
    mirrored = thorax(
        3,
        spacing_mm=WIDE_MM,
        organs="none",
        field_of_view="wide",
        extent="head_to_thigh",
        mirrored=True,
        with_pet=False,
    )
    assert np.array_equal(hu(mirrored), hu(whole)[:, :, ::-1])
    liver = [np.argwhere(p.organs["liver"])[:, 2].mean() for p in (whole, mirrored)]
    assert liver[0] < whole.grid.shape[2] / 2 < liver[1]


def test_bedding_can_be_laid_from_head_to_thigh(whole: PhantomCase) -> None:
    body = whole.organs["body"]
    bedding = Bedding(gown=True, blanket="closed", pillow=True)
    bed = lay_bedding(
        hu(whole),
        whole.grid,
        bedding,
        np.random.default_rng(0),
        patient=body,
        shoulder_z_mm=88 * whole.variation.length,
    )
    assert np.array_equal(bed.hu[body], hu(whole)[body])
    assert bed.enclosed_air().sum() * whole.grid.voxel_volume_ml > 5000


def test_no_gas_leaves_the_body(whole: PhantomCase) -> None:
    # Room air reaches the skin from outside; gas that broke through would join bowel and room.
    air = hu(whole) < -700
    labels, _ = ndimage.label(air)
    room = labels[-1, 0, 0]
    z = whole.grid.coordinates_mm(0) / whole.variation.length
    inside = ndimage.binary_erosion(whole.organs["body"], iterations=2)
    below = (z < -200)[:, None, None]
    assert room > 0
    assert not (inside & below & (labels == room)).any()
