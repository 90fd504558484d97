"""Supplied masks on the working grid, and TotalSegmentator as a process."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from organs.organ_cases import MANUBRIUM_TOP_Z, SPACING_MM, Thorax, dice
from states import organs_on, said

from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import Grid
from LNStationLib.organs.supplied import mask_on_grid, unions
from LNStationLib.state.organ_set import OrganSource
from LNStationLib.state.settings import Settings
from LNStationLib.support.errors import InputError

FAKE_API = """
    import SimpleITK as sitk
    from pathlib import Path

    def totalsegmentator(image, out, task, quiet):
        {body}
        ct = sitk.ReadImage(image)
        lung = sitk.Cast(sitk.And(ct > -950, ct < -700), sitk.sitkUInt8)
        for name in ("lung_upper_lobe_left", "vertebrae_T4", "not_an_organ"):
            sitk.WriteImage(lung, str(Path(out) / (name + ".nii.gz")))
        sitk.WriteImage(lung * 0, str(Path(out) / "esophagus.nii.gz"))
"""


def _install_fake(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str = "assert task == 'total'") -> None:
    package = folder / "totalsegmentator"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "python_api.py").write_text(textwrap.dedent(FAKE_API).format(body=body))
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_thin_mask_on_thick_slices_keeps_its_volume() -> None:
    fine = np.zeros((12, 40, 40), np.uint8)
    fine[:, 18:22, 18:22] = 1
    image = sitk.GetImageFromArray(fine)
    image.SetSpacing((1.0, 1.0, 5.0))
    grid = Grid((40, 27, 27), (1.5, 1.5, 1.5), (0.0, 0.0, 0.0))
    mask = mask_on_grid(image, grid)
    assert mask.any(axis=(1, 2))[:37].all()
    assert mask.sum() * 1.5**3 == pytest.approx(4 * 4 * 60, rel=0.3)


def test_mask_empty_in_the_view_is_warned_of(thorax: Thorax) -> None:
    empty = sitk.Image(thorax.case().ct) * 0
    case = Case("empty", thorax.case().ct, organ_masks={"heart": sitk.Cast(empty, sitk.sitkUInt8)})
    found = organs_on(case, thorax.grid, Settings())
    assert any("supplied mask of heart is empty" in warning for warning in said(found.warnings))
    assert found.organs.get("heart") is None or found["heart"].source is OrganSource.IMAGE


def test_supplied_mask_is_trusted_over_the_image(thorax: Thorax) -> None:
    found = organs_on(thorax.case("lung_left", "esophagus", "sternum"), thorax.grid, Settings())
    for name in ("lung_left", "esophagus", "sternum"):
        assert found[name].source is OrganSource.SUPPLIED
        assert dice(found[name].mask, thorax.masks[name]) > 0.99
    assert found["lung_right"].source is OrganSource.IMAGE


def test_a_manubrium_given_apart_from_the_body_of_the_sternum_is_its_upper_end(thorax: Thorax) -> None:
    """As label maps and networks have the two."""
    case, joint = thorax.case(), round((MANUBRIUM_TOP_Z - 50) / SPACING_MM)
    body, manubrium = thorax.masks["sternum"].copy(), thorax.masks["sternum"].copy()
    body[joint:], manubrium[:joint] = False, False
    masks = {"sternum": thorax.grid.image(body), "manubrium": thorax.grid.image(manubrium)}
    found = organs_on(replace(case, organ_masks=masks), thorax.grid, Settings())
    assert found.landmarks["manubrium_top"].point_mm[2] == pytest.approx(MANUBRIUM_TOP_Z, abs=2 * SPACING_MM)
    assert dice(found["manubrium"].mask, manubrium) > 0.99


def test_union_needs_every_part() -> None:
    one = np.ones((2, 2, 2), bool)
    assert not unions({"lung_upper_lobe_left": one}).organs


def test_totalsegmentator_asked_for_but_not_installed_is_a_clear_error(thorax: Thorax) -> None:
    with pytest.raises(InputError, match="not installed"):
        organs_on(thorax.case(), thorax.grid, Settings(organs="totalsegmentator"))


def test_totalsegmentator_masks_come_in_as_network_organs(
    thorax: Thorax, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install_fake(tmp_path, monkeypatch)
    found = organs_on(thorax.case(), thorax.grid, Settings(organs="totalsegmentator", working_spacing_mm=SPACING_MM))
    assert found["lung_upper_lobe_left"].source is OrganSource.NETWORK
    assert "not_an_organ" not in found
    assert found["lung_left"].source is OrganSource.IMAGE


def test_totalsegmentator_that_fails_is_reported_with_its_last_line(
    thorax: Thorax, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install_fake(tmp_path, monkeypatch, body="raise RuntimeError('no weights here')")
    with pytest.raises(InputError, match="no weights here"):
        organs_on(thorax.case(), thorax.grid, Settings(organs="totalsegmentator"))
