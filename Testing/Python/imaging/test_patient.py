"""The patient apart from room, clothing, bedding and table."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from phantoms import scanned
from scipy import ndimage

from LNStationLib.imaging.grid import resample_to_grid, working_grid
from LNStationLib.imaging.patient import Patient, find_patient
from LNStationLib.phantom.case import in_bed
from LNStationLib.phantom.images.bedding import bedding_of
from LNStationLib.phantom.scan_traits import ScanTrait
from LNStationLib.support.types import BoolArray, FloatArray

SPACING_MM = 4.0
BEDDING: tuple[ScanTrait, ...] = ("gown", "blanket", "open_blanket", "pillow", "mattress")


@cache
def scan(*traits: ScanTrait) -> tuple[FloatArray, BoolArray, BoolArray]:
    """HU, body and lungs of one synthetic patient on a coarse grid."""
    # A mattress takes the couch's place when the patient is scanned; what else is laid lies over both.
    drawn = traits if "mattress" in traits else tuple(trait for trait in traits if trait not in BEDDING)
    patient = scanned(*drawn)
    if drawn != traits:
        patient = in_bed(patient, bedding_of(traits))
    grid = working_grid(patient.case.ct, SPACING_MM)
    hu = resample_to_grid(patient.case.ct, grid, labels=False, outside=-1024).astype(np.float32)
    lungs = patient.organs["lung_left"] | patient.organs["lung_right"]
    masks = [patient.grid.image(mask.astype(np.uint8)) for mask in (patient.organs["body"], lungs)]
    body, lung = (resample_to_grid(mask, grid, labels=True) > 0 for mask in masks)
    return hu, body, lung


def found_in(hu: FloatArray) -> Patient:
    return find_patient(hu, np.ones(hu.shape, dtype=bool), SPACING_MM)


def air_ml(mask: BoolArray, hu: FloatArray) -> float:
    return float((mask & (hu < -500)).sum()) * SPACING_MM**3 / 1000


@pytest.mark.parametrize("trait", [*BEDDING, "arms_down", "lung_kernel"])
def test_lungs_are_in_the_body_and_the_air_around_it_is_not(trait: ScanTrait) -> None:
    hu, body, lung = scan(trait)
    patient = found_in(hu)
    assert not (lung & ~patient.body).any()
    assert air_ml(patient.body & ~body, hu) < 10
    assert (patient.body & body).sum() > 0.95 * body.sum()
    assert not (patient.body & patient.outside).any()


def test_everything_at_once_gives_the_body_of_the_bare_patient() -> None:
    hu, _, _ = scan("gown", "blanket", "pillow", "mattress", "lung_kernel")
    bare_hu, _, _ = scan()
    dressed, bare = found_in(hu).body, found_in(bare_hu).body
    assert 2 * (dressed & bare).sum() / (dressed.sum() + bare.sum()) > 0.99
    assert air_ml(dressed, hu) == pytest.approx(air_ml(bare, bare_hu), rel=0.01)


def test_a_mirrored_image_has_a_mirrored_body() -> None:
    hu, _, _ = scan("gown", "mattress")
    mirrored = found_in(np.ascontiguousarray(hu[:, :, ::-1])).body[:, :, ::-1]
    body = found_in(hu).body
    assert 2 * (mirrored & body).sum() / (mirrored.sum() + body.sum()) > 0.99


def test_lungs_cut_by_all_four_sides_of_the_view_belong_to_the_body() -> None:
    hu, body, lung = scan("gown")
    y, x = (np.flatnonzero(body.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    cut = (slice(None), slice(y[0] + 12, y[-1] - 12), slice(x[0] + 20, x[-1] - 20))
    patient = found_in(hu[cut])
    assert lung[cut].sum() > 0.4 * lung.sum()
    assert (lung[cut] & patient.body).sum() > 0.98 * lung[cut].sum()


def test_a_small_view_filled_by_a_blanket_has_no_lung_in_front_of_the_skin() -> None:
    """Where no room air is in view, the vessels of lung tell it from the air in fabric."""
    hu, body, _ = scan()
    rng = np.random.default_rng(0)
    filled = np.where(body, hu, rng.normal(-905, 20, hu.shape)).astype(np.float32)
    y, x = (np.flatnonzero(body.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    view = (slice(None), slice(max(0, y[0] - 4), y[-1] + 5), slice(max(0, x[0] - 4), x[-1] + 5))
    assert air_ml(found_in(filled[view]).body & ~body[view], filled[view]) < 30


def test_a_wound_in_the_chest_wall_does_not_cost_the_lung() -> None:
    hu, _, lung = (array.copy() for array in scan())
    z = int(np.argmax(lung.sum(axis=(1, 2))))
    x = int(np.flatnonzero(lung[z].any(axis=0))[0]) + 3
    y = int(np.flatnonzero(lung[z, :, x])[0])
    # A channel of 12 mm from the front of the right lung to the room.
    hu[z - 2 : z + 3, : y + 2, x : x + 3] = -1000
    patient = found_in(hu)
    assert (lung & patient.body).sum() > 0.99 * lung.sum()


def test_air_between_arm_and_chest_that_is_open_above_is_outside() -> None:
    hu = np.full((20, 60, 80), -1000, dtype=np.float32)
    hu[:, 10:50, 10:70] = 40
    # A gap of 16 x 80 mm, open to the side in the upper half and closed in the lower.
    hu[:, 20:40, 60:64] = -1000
    hu[10:, 28:32, 60:] = -1000
    patient = found_in(hu)
    assert patient.outside[2, 30, 62]
    assert patient.outside[15, 30, 62]


def test_gas_in_the_bowel_stays_inside() -> None:
    hu = np.full((20, 60, 80), -1000, dtype=np.float32)
    hu[:, 10:50, 10:70] = 40
    hu[5:15, 20:30, 20:40] = -1000
    patient = found_in(hu)
    assert patient.body[10, 25, 30]


def test_a_thin_table_that_touches_the_back_is_left_away() -> None:
    hu, _, _ = (array.copy() for array in scan())
    body = found_in(hu).body
    low = int(np.flatnonzero(body.any(axis=(0, 2)))[-1])
    hu[:, low + 1, 5:-5] = 100
    assert (found_in(hu).body[:, low + 1]).mean() < 0.2


def test_without_tissue_there_is_no_body() -> None:
    patient = found_in(np.full((10, 30, 30), -1000, dtype=np.float32))
    assert not patient.body.any()
    assert patient.outside.all()


@pytest.mark.parametrize("sides", [(0, 0, 1), (0, 1, 0), (1, 0, 0)])
def test_noise_and_shifts_of_a_voxel_change_little(sides: tuple[int, int, int]) -> None:
    hu, _, _ = scan("gown", "mattress")
    noisy = hu + np.random.default_rng(1).normal(0, 40, hu.shape).astype(np.float32)
    shifted = np.roll(noisy, sides, axis=(0, 1, 2))
    body, other = found_in(hu).body, np.roll(found_in(shifted).body, [-side for side in sides], axis=(0, 1, 2))
    core = ndimage.binary_erosion(body, iterations=2)
    assert (other & core).sum() > 0.99 * core.sum()
