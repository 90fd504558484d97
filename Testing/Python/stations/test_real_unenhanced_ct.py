"""A real CT without contrast and without masks: what cannot be told from blood is left out, the rest lies deep."""

from __future__ import annotations

from pathlib import Path

import edt
import numpy as np
import pytest
import SimpleITK as sitk
from states import organs_on

from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import working_grid
from LNStationLib.imaging.scan import hu_on_grid
from LNStationLib.state.settings import Settings
from LNStationLib.stations.iaslc_rules import IaslcRules
from LNStationLib.support.words import words

_CT = Path(__file__).resolve().parents[4] / "shared" / "data" / "chest_ct_02" / "ct.nii.gz"


def test_on_a_real_ct_without_contrast_nothing_lies_in_blood_or_under_the_skin() -> None:
    if not _CT.is_file():
        pytest.skip("the real CT is not beside the repository (../shared/data/chest_ct_02)")
    case = Case("unenhanced", sitk.ReadImage(str(_CT), sitk.sitkInt16))
    grid = working_grid(case.ct, Settings().working_spacing_mm)
    organs = organs_on(case, grid, Settings())
    result = IaslcRules().parse(hu_on_grid(case.ct, grid), organs)
    names = {name for name in ("1R", "1L", "3P") if result.mask(name).any()}
    assert names == {"1R", "1L", "3P"}
    assert len(result.left_out) == 14
    for reason in result.left_out.values():
        assert "supply" in words(reason)
    neck = result.mask("1R") | result.mask("1L")
    depth = edt.edt(organs["body"].mask | organs["airways"].mask, anisotropy=grid.spacing_mm)
    assert depth[neck].min() > 8.0
    bones = np.maximum.accumulate(organs["manubrium"].mask[:, ::-1], axis=1)[:, ::-1]
    assert not (neck & bones).any()
