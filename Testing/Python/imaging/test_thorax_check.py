from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import SimpleITK as sitk
from heard import Heard
from imaging.samples import REAL_CASE, REPOSITORY, abdomen, chest, oblique, wrapped

from LNStationLib.imaging.thorax_check import check_thorax
from LNStationLib.imaging.thorax_view import chest_grid, thorax_view
from LNStationLib.support.errors import InputError

NOT_A_CHEST = REPOSITORY.parent / "shared" / "data" / "not_a_chest"
needs_not_a_chest = pytest.mark.skipif(not NOT_A_CHEST.is_dir(), reason="the CTs are not beside the repository")
needs_real_case = pytest.mark.skipif(not REAL_CASE.is_dir(), reason="the real CT is not beside the repository")


@cache
def real_ct() -> sitk.Image:
    return sitk.ReadImage(str(REAL_CASE / "ct.nii.gz"))


def said(ct: sitk.Image) -> list[str]:
    """Warnings of the check; raises where there is no chest."""
    words = Heard()
    check_thorax(ct, "CT", words.append)
    return words


def same_place(array: np.ndarray, like: sitk.Image) -> sitk.Image:
    image = sitk.GetImageFromArray(np.ascontiguousarray(array))
    image.CopyInformation(like)
    return image


def turned(ct: sitk.Image) -> sitk.Image:
    """The same patient on an oblique grid that covers all of him."""
    grid = sitk.Image([110, 100, 90], sitk.sitkInt16)
    grid.SetSpacing((4, 4, 4))
    grid.SetDirection(oblique(25).ravel().tolist())
    middle = np.array(ct.TransformContinuousIndexToPhysicalPoint([n / 2 for n in ct.GetSize()]))
    corner = np.array(grid.TransformContinuousIndexToPhysicalPoint([55, 50, 45]))
    grid.SetOrigin((middle - corner).tolist())
    return sitk.Resample(ct, grid, sitk.Transform(), sitk.sitkLinear, -1024)


def test_a_chest_passes_without_a_word() -> None:
    assert said(chest()) == []


def test_the_larger_right_lung_is_on_the_right_however_the_image_is_stored() -> None:
    plain = thorax_view(chest())
    assert plain.lung_right_ml > 1.1 * plain.lung_left_ml > 300
    for stored in (sitk.Flip(chest(), [True, True, False]), sitk.PermuteAxes(chest(), [2, 0, 1]), turned(chest())):
        view = thorax_view(stored)
        # On the turned grid the end of the body is a slope of air, through which its last slices are open.
        assert view.lung_right_ml == pytest.approx(plain.lung_right_ml, rel=0.2)
        assert view.lung_left_ml == pytest.approx(plain.lung_left_ml, rel=0.2)
        assert said(stored) == []


def test_a_mirrored_patient_has_mirrored_lungs() -> None:
    mirrored = thorax_view(same_place(sitk.GetArrayFromImage(chest())[:, :, ::-1], chest()))
    plain = thorax_view(chest())
    assert mirrored.lung_left_ml == pytest.approx(plain.lung_right_ml, rel=0.05)
    assert mirrored.airway_mm == pytest.approx(plain.airway_mm, abs=5)


def test_an_abdomen_is_refused_and_said_to_be_one() -> None:
    with pytest.raises(InputError, match=r"no lungs in view.*abdomen"):
        said(abdomen())


def tube_of_flesh(radii: tuple[float, ...], bone: float, ring: float = 0.0) -> sitk.Image:
    """Upright cylinders of soft tissue with a bone in the middle of each, or a skull's ring of bone."""
    z, y, x = np.meshgrid(np.arange(60), np.arange(80) * 4.0, np.arange(100) * 4.0, indexing="ij")
    hu = np.full(z.shape, -1000.0)
    for number, radius in enumerate(radii):
        away = np.hypot(x - 110 - 180 * number, y - 160)
        hu[away < radius] = 50
        hu[away < bone] = 700
        hu[(away < radius - 8) & (away > radius - 8 - ring)] = 900
    return wrapped(hu.astype(np.int16), (4, 4, 5))


@pytest.mark.parametrize(
    ("image", "seen"),
    [
        (tube_of_flesh((75.0, 75.0), bone=14), "limbs"),
        (tube_of_flesh((60.0,), bone=14), "limbs"),
        (tube_of_flesh((85.0,), bone=0, ring=9), "head or neck"),
    ],
)
def test_what_is_no_chest_is_refused_and_named(image: sitk.Image, seen: str) -> None:
    with pytest.raises(InputError, match=f"no lungs in view.*{seen}"):
        said(image)


def test_half_a_chest_is_said_to_be_cut_and_not_to_lack_a_lung() -> None:
    """The spine tells the sides; the middle of the view does not."""
    half = chest()[:47]
    assert thorax_view(half).lung_right_ml > 1000
    words = " ".join(said(half))
    assert "only a part of the chest" in words
    assert "patient's left" in words
    assert "hardly any aerated lung" not in words


@needs_not_a_chest
def test_a_real_abdomen_with_pelvis_is_refused() -> None:
    with pytest.raises(InputError, match=r"no lungs in view.*abdomen or pelvis"):
        said(sitk.ReadImage(str(NOT_A_CHEST / "abdomen_and_pelvis.nii.gz")))


@needs_not_a_chest
def test_a_real_heart_ct_shows_enough_of_a_chest() -> None:
    assert said(sitk.ReadImage(str(NOT_A_CHEST / "heart_crop.nii.gz"))) == []


def test_the_box_of_the_chest_holds_lungs_and_body_and_leaves_the_rest() -> None:
    """A chest in the middle of a body four times as long."""
    array = sitk.GetArrayFromImage(chest())
    flesh = np.where(array[:1] > -500, 40, -1000).astype(np.int16)
    long = np.concatenate([np.repeat(flesh, 80, axis=0), array, np.repeat(flesh, 60, axis=0)])
    image = wrapped(long, (4, 4, 5), (-178, -138, -700))
    (_, _, low), (_, _, high) = thorax_view(image).chest_mm
    bottom, top = -300 + 20.0, -300 + 200.0  # of the lungs in chest()
    assert bottom - 60 <= low <= bottom - 20
    assert top + 50 <= high <= top + 90
    grid = chest_grid(image, 2.0)
    assert grid.shape[0] * 2.0 == pytest.approx(high - low, abs=2.0)


def test_what_the_check_saw_gives_the_same_grid_without_another_look(monkeypatch: pytest.MonkeyPatch) -> None:
    expected, view = chest_grid(chest(), 2.0), check_thorax(chest(), "CT", Heard().append)
    monkeypatch.setattr("LNStationLib.imaging.thorax_view.thorax_view", pytest.fail)
    assert chest_grid(chest(), 2.0, view) == expected


def test_water_in_air_is_refused() -> None:
    array = np.full((40, 40, 40), -1000, np.int16)
    array[5:35, 5:35, 5:35] = 0
    with pytest.raises(InputError, match="no lungs in view"):
        said(wrapped(array, (5, 5, 5)))


def test_lung_bases_above_an_abdomen_are_not_enough() -> None:
    """The lower 80 mm of a chest without its airway."""
    with pytest.raises(InputError, match="no trachea in view and only"):
        said(chest(airway=False)[:, :, :21])


def test_a_chest_without_a_visible_airway_is_only_warned_of() -> None:
    assert "no trachea" in said(chest(airway=False))[0]


@pytest.mark.parametrize(("lungs", "missing"), [("R", "left"), ("L", "right")])
def test_one_missing_lung_is_warned_of_with_its_side(lungs: str, missing: str) -> None:
    assert any(f"patient's {missing}" in sentence for sentence in said(chest(lungs)))


@pytest.mark.parametrize("lungs", ["R", "L"])
def test_the_trachea_is_seen_beside_a_lung_without_air(lungs: str) -> None:
    assert thorax_view(chest(lungs)).airway_mm == pytest.approx(thorax_view(chest()).airway_mm, abs=15)


@needs_real_case
def test_the_real_tight_crop_is_a_chest_in_any_orientation() -> None:
    for ct in (real_ct(), sitk.Flip(real_ct(), [True, False, True]), sitk.PermuteAxes(real_ct(), [1, 2, 0])):
        assert said(ct) == []


@needs_real_case
def test_the_real_chest_noisy_or_in_thick_slices_is_still_a_chest() -> None:
    array = sitk.GetArrayFromImage(real_ct())
    noise = np.random.default_rng(0).normal(0, 40, array.shape)
    assert said(same_place((array + noise).astype(np.int16), real_ct())) == []
    assert said(real_ct()[:, :, ::4]) == []


@needs_real_case
@pytest.mark.parametrize("slices", [30, 60, 80])
def test_the_lower_part_of_the_real_chest_is_no_chest(slices: int) -> None:
    with pytest.raises(InputError, match=r"no lungs in view|no trachea in view"):
        said(real_ct()[:, :, :slices])
