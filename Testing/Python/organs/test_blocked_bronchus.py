"""A main bronchus without air from the carina on costs the stations that rest on it, never all."""

from __future__ import annotations

import numpy as np
import pytest
from organs.organ_cases import LEFT_FORK, MIDDLE_FORK, RIGHT_FORK, Thorax, find_in
from states import said

from LNStationLib.state.organ_set import OrganSet, OrganSource
from LNStationLib.stations.iaslc_rules import IaslcRules

TISSUE_HU = 30
TOLERANCE_MM = 10.0
"""That of the other landmarks of the airways: a shell of the wave and the spur below the axes."""
GIVEN = ("aorta", "pulmonary_artery", "heart", "superior_vena_cava", "brachiocephalic_vein_left")
KEPT = {"right": "main_bronchus_left", "left": "main_bronchus_right"}
LOST = {"right": {"7", "10R", "11R"}, "left": {"7", "10L", "11L"}}


def blocked(thorax: Thorax, side: str) -> Thorax:
    """The thorax with the bronchi and the lung of one side solid, as beyond a tumor at the carina."""
    names = [name for name in thorax.masks if name.endswith(f"_{side}") and ("bronchus" in name or "lung" in name)]
    names += ["bronchus_intermedius"] if side == "right" else []
    solid = np.logical_or.reduce([thorax.masks[name] for name in names]) & ~thorax.masks["trachea"]
    open_side = "left" if side == "right" else "right"
    solid &= ~thorax.masks[f"main_bronchus_{open_side}"]
    hu = thorax.hu.copy()
    hu[solid] = TISSUE_HU
    hu[solid] += np.random.default_rng(3).normal(0, 12, int(solid.sum())).astype(np.int16)
    return Thorax(hu, thorax.masks, thorax.grid)


@pytest.fixture(scope="module", params=["right", "left"])
def side(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def case(thorax: Thorax, side: str) -> Thorax:
    return blocked(thorax, side)


@pytest.fixture(scope="module")
def whole(thorax: Thorax) -> OrganSet:
    """Organs of the thorax with both sides open."""
    return find_in(thorax, *GIVEN)


@pytest.fixture(scope="module")
def organs(case: Thorax) -> OrganSet:
    return find_in(case, *GIVEN)


def test_the_carina_is_placed_where_the_trachea_turns_and_says_so(
    organs: OrganSet, whole: OrganSet, side: str
) -> None:
    carina, seen = organs.landmarks["carina"], whole.landmarks["carina"]
    assert carina.source is OrganSource.SURROGATE
    assert seen.source is OrganSource.IMAGE
    assert np.abs(np.subtract(carina.point_mm, seen.point_mm)).max() <= 6.0
    assert any(f"The {side} main bronchus contains no air" in warning for warning in said(organs.warnings))


def test_the_open_side_is_followed_and_the_blocked_one_is_not_invented(organs: OrganSet, side: str) -> None:
    assert organs[KEPT[side]].source is OrganSource.IMAGE
    assert f"main_bronchus_{side}" not in organs
    fork, truth = {
        "right": ("left_upper_lobe_bronchus_origin", LEFT_FORK),
        "left": ("right_upper_lobe_bronchus_origin", RIGHT_FORK),
    }[side]
    assert organs.landmarks[fork].source is OrganSource.IMAGE
    assert abs(organs.landmarks[fork].point_mm[2] - truth[2]) <= TOLERANCE_MM


def test_the_end_of_the_blocked_bronchus_is_near_its_usual_place(organs: OrganSet, side: str) -> None:
    name, truth = {
        "right": ("bronchus_intermedius_end", MIDDLE_FORK),
        "left": ("left_lower_lobe_bronchus_origin", LEFT_FORK),
    }[side]
    assert organs.landmarks[name].source is OrganSource.SURROGATE
    assert np.abs(np.subtract(organs.landmarks[name].point_mm, truth)).max() <= 2 * TOLERANCE_MM


def test_only_the_stations_between_and_beside_the_blocked_bronchi_are_left_out(
    case: Thorax, organs: OrganSet, side: str
) -> None:
    found = IaslcRules().parse(case.hu, organs)
    assert LOST[side] <= set(found.left_out)
    for station in ("2R", "3A", "3P", "4R", "8"):
        assert station not in found.left_out, found.left_out[station]
