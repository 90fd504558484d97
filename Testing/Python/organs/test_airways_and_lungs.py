"""Airways, carina, bronchi and lungs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from organs.organ_cases import (
    AIRWAYS,
    CARINA,
    LEFT_FORK,
    MIDDLE_FORK,
    RIGHT_FORK,
    SPACING_MM,
    Thorax,
    dice,
    find_in,
    make_thorax,
)
from states import organs_on, said

from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import field_of_view, working_grid
from LNStationLib.imaging.scan import hu_on_grid, scan_of
from LNStationLib.state.organ_set import OrganSet, OrganSource
from LNStationLib.state.settings import Settings
from LNStationLib.support.errors import InputError


def test_every_bronchus_lies_on_its_true_line(organs: OrganSet, thorax: Thorax) -> None:
    for name in AIRWAYS:
        assert organs[name].source is OrganSource.IMAGE
        lumen = np.logical_or.reduce([thorax.masks[airway] for airway in AIRWAYS])
        assert (organs[name].mask & ~lumen).sum() < 0.1 * organs[name].mask.sum(), name
        assert (organs[name].mask & thorax.masks[name]).any(), name


@pytest.mark.parametrize(
    ("landmark", "truth"),
    [
        ("carina", CARINA),
        ("right_upper_lobe_bronchus_origin", RIGHT_FORK),
        ("bronchus_intermedius_end", MIDDLE_FORK),
        ("left_upper_lobe_bronchus_origin", LEFT_FORK),
        ("left_lower_lobe_bronchus_origin", LEFT_FORK),
    ],
)
def test_landmarks_of_the_airways_lie_at_the_level_of_their_forks(
    organs: OrganSet, landmark: str, truth: tuple[float, float, float]
) -> None:
    # Tubes that part at a small angle share a lumen for some way below the point where their axes meet.
    found = organs.landmarks[landmark].point_mm
    assert abs(found[2] - truth[2]) <= 9.0
    assert np.hypot(found[0] - truth[0], found[1] - truth[1]) <= 13.0


def test_left_main_bronchus_ends_where_the_axes_part_and_not_at_the_spur(organs: OrganSet) -> None:
    grid, lumen_radius = organs.grid, 6.0
    main, lower = (np.argwhere(organs[f"{name}_bronchus_left"].mask) for name in ("main", "lower_lobe"))
    most_lateral = grid.coordinates_mm(2)[main[:, 2].max()]
    assert LEFT_FORK[0] - lumen_radius <= most_lateral <= LEFT_FORK[0] + lumen_radius
    # The lower lobe bronchus goes on from there without a gap.
    assert grid.coordinates_mm(2)[lower[:, 2].min()] <= most_lateral


def test_lungs_are_found_on_their_side_without_stomach_gas(organs: OrganSet, thorax: Thorax) -> None:
    for name in ("lung_left", "lung_right"):
        assert dice(organs[name].mask, thorax.masks[name]) > 0.95
    bubble = tuple(round(v) for v in organs.grid.index((60.0, -20.0, 18.0)))
    assert not organs["lung_left"].mask[bubble]


def test_lungs_and_airways_do_not_overlap(organs: OrganSet) -> None:
    for lung in ("lung_left", "lung_right"):
        for airway in AIRWAYS:
            assert not (organs[lung].mask & organs[airway].mask).any(), (lung, airway)


def test_mirrored_image_exchanges_left_and_right(organs: OrganSet, thorax: Thorax) -> None:
    mirrored = find_in(thorax.mirrored(), "aorta", "pulmonary_artery", "heart")
    for left, right in (("lung_left", "lung_right"), ("main_bronchus_left", "main_bronchus_right")):
        assert dice(mirrored[left].mask[:, :, ::-1], organs[right].mask) > 0.97
        assert dice(mirrored[right].mask[:, :, ::-1], organs[left].mask) > 0.97
    for name in ("trachea", "spine", "sternum", "aortic_arch"):
        assert dice(mirrored[name].mask[:, :, ::-1], organs[name].mask) > 0.95, name
    assert any("right-sided aorta or the image is mirrored" in warning for warning in said(mirrored.warnings))


def test_storing_the_image_in_another_orientation_changes_nothing(thorax: Thorax, image_organs: OrganSet) -> None:
    """But for voxels on a threshold: their HU, interpolated along other axes, may round otherwise."""
    turned = sitk.DICOMOrient(thorax.case().ct, "ASR")
    found = organs_on(Case("turned", turned), working_grid(turned, SPACING_MM), Settings())
    for name in ("lung_left", "lung_right", "trachea", "spine", "main_bronchus_left"):
        assert dice(found[name].mask, image_organs[name].mask) > 0.999, name


def test_thick_slices_give_the_same_places(thorax: Thorax, image_organs: OrganSet) -> None:
    ct = thorax.case().ct
    size = [ct.GetSize()[0], ct.GetSize()[1], int(ct.GetSize()[2] * SPACING_MM / 5.0)]
    origin = (ct.GetOrigin()[0], ct.GetOrigin()[1], ct.GetOrigin()[2] + 1.5)
    smooth = sitk.DiscreteGaussian(ct, [0.01, 0.01, 3.0])
    thick = sitk.Resample(
        smooth, size, sitk.Transform(), sitk.sitkLinear, origin, (SPACING_MM, SPACING_MM, 5.0), ct.GetDirection()
    )
    thick = sitk.Cast(thick, sitk.sitkInt16)
    found = organs_on(Case("thick", thick), working_grid(thick, SPACING_MM), Settings())
    for landmark in ("carina", "left_upper_lobe_bronchus_origin", "right_upper_lobe_bronchus_origin"):
        apart = np.subtract(found.landmarks[landmark].point_mm, image_organs.landmarks[landmark].point_mm)
        assert np.linalg.norm(apart) <= 7.0, landmark


def test_view_cropped_to_the_mediastinum_still_shows_both_lungs(thorax: Thorax, image_organs: OrganSet) -> None:
    cut = thorax.case().ct[30:115, 8:96, 10:]
    found = organs_on(Case("cut", cut), working_grid(cut, SPACING_MM), Settings())
    assert {"lung_left", "lung_right", "trachea"} <= set(found)
    apart = np.subtract(found.landmarks["carina"].point_mm, image_organs.landmarks["carina"].point_mm)
    assert np.linalg.norm(apart) <= 3.0
    # Lungs touch the side of the view; the room in front of the chest is not one of them.
    assert not found["lung_left"].mask[:, :2, :].all(axis=(1, 2)).any()


def test_corners_outside_a_turned_field_of_view_are_neither_air_nor_lung(thorax: Thorax) -> None:
    ct = sitk.Image(thorax.case().ct)
    angle = np.deg2rad(20.0)
    ct.SetDirection((np.cos(angle), -np.sin(angle), 0, np.sin(angle), np.cos(angle), 0, 0, 0, 1))
    grid = working_grid(ct, 3.0)
    inside = field_of_view(ct, grid)
    assert 0.5 < inside.mean() < 0.95
    found = organs_on(Case("turned", ct), grid, Settings())
    for name in ("body", "lung_left", "lung_right"):
        assert not (found[name].mask & ~inside).any()


def test_scanner_padding_is_out_of_view_and_never_below_air(thorax: Thorax) -> None:
    hu = thorax.hu.copy()
    hu[:, :5] = -2000
    case = replace(thorax.case(), ct=thorax.grid.image(hu))
    assert hu_on_grid(case.ct, thorax.grid).min() >= -1024
    assert not scan_of(case.ct, thorax.grid).in_view[:, :5].any()


def test_missing_lung_is_warned_of_and_left_out(thorax: Thorax) -> None:
    hu = thorax.hu.copy()
    hu[thorax.masks["lung_left"]] = 15
    found = find_in(Thorax(hu, thorax.masks, thorax.grid))
    assert "lung_left" not in found
    assert "lung_right" in found
    assert any("left lung" in warning for warning in said(found.warnings))


def test_image_without_a_body_is_refused(thorax: Thorax) -> None:
    empty = Thorax(np.full_like(thorax.hu, -1000), thorax.masks, thorax.grid)
    with pytest.raises(InputError, match="no body in the CT"):
        find_in(empty)


def test_abdomen_has_no_trachea_and_says_so(thorax: Thorax) -> None:
    low = thorax.case().ct[:, :, :24]
    found = organs_on(Case("low", low), working_grid(low, SPACING_MM), Settings())
    assert "trachea" not in found
    assert "carina" not in found.landmarks
    assert any("trachea" in warning for warning in said(found.warnings))


def test_bronchus_that_ends_early_gets_a_surrogate_at_the_typical_length() -> None:
    thorax = make_thorax()
    hu = thorax.hu.copy()
    z = int(thorax.grid.index(RIGHT_FORK)[0])
    # A tumor closes everything right of and below the right main bronchus.
    hu[: z + 12, :, : int(thorax.grid.index((-24.0, 0.0, 0.0))[2])] = 40
    found = find_in(Thorax(hu, thorax.masks, thorax.grid))
    for name in ("right_upper_lobe_bronchus_origin", "bronchus_intermedius_end"):
        assert found.landmarks[name].source is OrganSource.SURROGATE
        assert any(name.replace("_", " ") in warning for warning in said(found.warnings))
