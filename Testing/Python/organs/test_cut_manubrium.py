"""A manubrium that the top of the view cuts has no upper border in it."""

from __future__ import annotations

import numpy as np
from organs.organ_cases import MANUBRIUM_TOP_Z, SPACING_MM, Thorax
from states import organs_on, said

from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import Grid, working_grid
from LNStationLib.phantom import PhantomCase
from LNStationLib.state.organ_set import OrganSet
from LNStationLib.state.settings import Settings


def found_below(thorax: Thorax, top_mm: float) -> tuple[OrganSet, Grid]:
    """Organs of the thorax in a view that ends at a level."""
    ct = thorax.case().ct[:, :, : round(top_mm / SPACING_MM)]
    grid = working_grid(ct, SPACING_MM)
    return organs_on(Case("cut", ct), grid, Settings()), grid


def test_bone_in_the_last_slices_is_cut_and_said_to_be(thorax: Thorax) -> None:
    """The marrow of the upper manubrium is soft here, as it often is."""
    hu = thorax.hu.copy()
    low, high = (round(mm / SPACING_MM) for mm in (MANUBRIUM_TOP_Z - 40, MANUBRIUM_TOP_Z))
    marrow = thorax.masks["sternum"].copy()
    marrow[:low], marrow[high:] = False, False
    rows = np.flatnonzero(marrow.any(axis=(0, 2)))
    marrow[:, rows[0]], marrow[:, rows[-1]] = False, False
    hu[marrow] = 60
    organs, grid = found_below(Thorax(hu, thorax.masks, thorax.grid), MANUBRIUM_TOP_Z - 16)
    assert any("manubrium is cut off at the top" in warning for warning in said(organs.warnings))
    assert grid.index(organs.landmarks["manubrium_top"].point_mm)[0] >= grid.shape[0] - 2


def test_a_manubrium_that_ends_in_view_is_not_cut(thorax: Thorax) -> None:
    organs, _ = found_below(thorax, MANUBRIUM_TOP_Z + 16)
    assert not any("manubrium is cut off at the top" in warning for warning in said(organs.warnings))
    assert abs(organs.landmarks["manubrium_top"].point_mm[2] - MANUBRIUM_TOP_Z) <= 6


def test_the_spine_of_a_neck_in_view_is_not_taken_for_a_manubrium_that_goes_on(wide_patient: PhantomCase) -> None:
    ct = wide_patient.case.ct
    organs = organs_on(Case("wide", ct), working_grid(ct, ct.GetSpacing()[0]), Settings())
    found, true = organs.landmarks["manubrium_top"].point_mm[2], wide_patient.landmarks["manubrium_top"][2]
    assert abs(found - true) <= 10
    assert not any("manubrium is cut off at the top" in warning for warning in said(organs.warnings))
