"""An esophagus that shows itself by the gas in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from organs.organ_cases import Thorax, find_in, tube
from scipy import ndimage

from LNStationLib.state.organ_set import OrganSet

# 20 mm beside the usual course, where the muscle of the thorax' own esophagus stays as a decoy.
COURSE = (((-16.0, 18.0, 250.0), (-16.0, 32.0, 150.0)), ((-16.0, 32.0, 150.0), (-16.0, 32.0, 50.0)))
WALL_RADIUS_MM, GAS_RADIUS_MM = 8.5, 5.5


def along_course(radius_mm: float) -> np.ndarray:
    return np.logical_or.reduce([tube(start, end, radius_mm) for start, end in COURSE])


@pytest.fixture(scope="module")
def gas() -> np.ndarray:
    return along_course(GAS_RADIUS_MM)


@pytest.fixture(scope="module")
def gassy(thorax: Thorax, gas: np.ndarray) -> OrganSet:
    hu = thorax.hu.astype(float)
    hu[along_course(WALL_RADIUS_MM)] = 40.0
    hu[gas] = -1000.0
    hu = ndimage.gaussian_filter(hu, 0.4)
    return find_in(replace(thorax, hu=hu.astype(np.int16)), "aorta", "pulmonary_artery", "heart")


def test_the_gas_of_the_esophagus_draws_its_path(gassy: OrganSet, gas: np.ndarray) -> None:
    for z in range(30, 121, 10):
        true, found = (np.argwhere(mask[z]).mean(axis=0) for mask in (gas, gassy["esophagus"].mask))
        assert np.hypot(*(true - found)) * 2.0 <= 4.0, z


def test_the_gas_is_part_of_the_tube_with_its_wall(gassy: OrganSet, gas: np.ndarray) -> None:
    slices = slice(30, 121)
    tube_mask = gassy["esophagus"].mask[slices]
    assert (tube_mask & gas[slices]).sum() > 0.95 * gas[slices].sum()
    assert tube_mask.sum() > 1.3 * gas[slices].sum()


def test_a_gas_filled_esophagus_longer_than_the_trachea_is_not_taken_for_it(
    gassy: OrganSet, thorax: Thorax, gas: np.ndarray
) -> None:
    assert (gassy["trachea"].mask & thorax.masks["trachea"]).sum() > 0.8 * thorax.masks["trachea"].sum()
    assert not (gassy["trachea"].mask & gas).any()


def test_a_few_slices_without_wall_do_not_cost_the_part_below(thorax: Thorax) -> None:
    """Between atrium and aorta it may be pressed flat: nothing but fat is left of it there."""
    hu = thorax.hu.copy()
    flat = [round(thorax.grid.index((0.0, 0.0, z))[0]) for z in (88.0, 96.0)]
    around = thorax.masks["esophagus"][flat[0] : flat[1]]
    around = ndimage.binary_dilation(around, iterations=14) & (hu[flat[0] : flat[1]] > -200)
    keep = thorax.masks["spine"][flat[0] : flat[1]] | thorax.masks["aorta"][flat[0] : flat[1]]
    hu[flat[0] : flat[1]][around & ~keep] = -100
    found = find_in(Thorax(hu, thorax.masks, thorax.grid), "aorta", "pulmonary_artery", "heart")
    slices = np.flatnonzero(found["esophagus"].mask.any(axis=(1, 2)))
    assert not set(range(flat[0] + 1, flat[1] - 1)) & set(slices.tolist())
    assert slices[0] < flat[0] - 10
    assert slices[-1] > flat[1] + 10
