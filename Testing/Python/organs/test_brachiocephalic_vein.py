"""Where the left brachiocephalic vein crosses the trachea, which parts 2R from 4R."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from organs.organ_cases import CARINA, CROSSING_Z, SPACING_MM, Thorax, dice, found_in_thorax, make_thorax, tube
from scipy import ndimage

from LNStationLib.imaging.grid import Grid
from LNStationLib.imaging.scan import Scan
from LNStationLib.organs import find_veins
from LNStationLib.organs.brachiocephalic import crossing_of, find_brachiocephalic_vein_left
from LNStationLib.organs.context import Context
from LNStationLib.organs.vessel_paths import Surroundings
from LNStationLib.state.organ_set import Landmark, Organ, OrganSet, OrganSource
from LNStationLib.support.reason import Reason

NAME, VEIN = "left_brachiocephalic_vein_crossing", "brachiocephalic_vein_left"
GRID = Grid((70, 50, 60), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))
NOTCH, TRACHEA_X, TRACHEA_Y, LEFT_X = 50, 25, 40, 42
FAT_HU, SOFT_HU = -100, 45


def upper_mediastinum(*, trunk_z: float | None, arch_z: float | None) -> Surroundings:
    """Soft tissue everywhere before the trachea, as thymus, arteries and veins look without contrast."""
    trachea = np.zeros(GRID.shape, bool)
    trachea[:, TRACHEA_Y : TRACHEA_Y + 6, TRACHEA_X - 4 : TRACHEA_X + 5] = True
    hu = np.full(GRID.shape, SOFT_HU, np.int16)
    scan = Scan(hu, np.ones(GRID.shape, bool), GRID)
    carina = (8.0, TRACHEA_Y + 3.0, float(TRACHEA_X))
    nothing = np.zeros(GRID.shape, bool)
    return Surroundings(scan, carina, trachea, None, trachea, nothing, None, float(NOTCH), trunk_z, arch_z)


def crossing_below_notch_mm(around: Surroundings) -> float:
    """Depth of the crossing below the jugular notch, with a cava and right vein that go on to the neck."""
    cava = np.zeros(GRID.shape, bool)
    cava[:, 32:38, 10:17] = True
    soft = ~around.trachea & ~cava
    found = find_brachiocephalic_vein_left(around, soft, cava, float(LEFT_X))
    (mark,) = found.landmarks
    return (NOTCH - GRID.index(mark.point_mm)[0]) * GRID.spacing_mm[0]


def test_an_unseen_vein_crosses_behind_the_upper_half_of_the_manubrium_not_at_the_notch() -> None:
    assert crossing_below_notch_mm(upper_mediastinum(trunk_z=None, arch_z=None)) == pytest.approx(25.0, abs=6.0)


@pytest.mark.parametrize("below_notch_mm", [10.0, 30.0, 44.0])
def test_it_crosses_where_the_brachiocephalic_trunk_leaves_the_arch(below_notch_mm: float) -> None:
    around = upper_mediastinum(trunk_z=NOTCH - below_notch_mm / 2.0, arch_z=None)
    assert crossing_below_notch_mm(around) == pytest.approx(below_notch_mm, abs=6.0)


def test_arch_and_manubrium_count_alike_where_the_trunk_is_not_known() -> None:
    around = upper_mediastinum(trunk_z=None, arch_z=NOTCH - 45.0 / 2.0)
    assert crossing_below_notch_mm(around) == pytest.approx(35.0, abs=6.0)


def descending_vein(slope: float) -> np.ndarray:
    """A vein of 12 mm in front of the trachea, whose middle descends by ``slope`` voxels a column to the right."""
    z, y, x = np.ogrid[: GRID.shape[0], : GRID.shape[1], : GRID.shape[2]]
    axis = 40.0 + slope * (x - TRACHEA_X)
    return np.asarray((np.hypot((z - axis) / np.hypot(1, slope), y - 30) <= 3.0) & (x > 8) & (x < 46))


def margin_mm(vein: np.ndarray, around: Surroundings | None = None) -> float:
    organ = Organ(VEIN, vein, OrganSource.NETWORK, Reason("made"))
    (mark,) = crossing_of(organ, around or upper_mediastinum(trunk_z=None, arch_z=None)).landmarks
    assert mark.source is OrganSource.NETWORK
    return mark.point_mm[2]


@pytest.mark.parametrize("slope", [0.4, 0.0, -0.4])
def test_the_vein_crosses_where_its_lower_margin_leaves_the_trachea(slope: float) -> None:
    """The right edge in a patient, the left one in a mirrored image."""
    vein = descending_vein(slope)
    true = np.flatnonzero((vein[:, :, TRACHEA_X - 4 : TRACHEA_X + 5]).any(axis=(1, 2)))[0] - 0.5
    assert margin_mm(vein) == pytest.approx(true * GRID.spacing_mm[0], abs=GRID.spacing_mm[0])


def test_a_spur_and_speckles_below_the_vein_do_not_lower_its_margin() -> None:
    vein = descending_vein(0.4)
    torn = vein.copy()
    torn[26:40, 28:32, TRACHEA_X - 1 : TRACHEA_X + 1] = True
    torn[20, 30, TRACHEA_X - 3] = True
    assert margin_mm(torn) == pytest.approx(margin_mm(vein), abs=GRID.spacing_mm[0])


def test_noise_on_its_surface_moves_the_margin_by_less_than_a_voxel() -> None:
    vein = descending_vein(0.4)
    rim = ndimage.binary_dilation(vein) ^ ndimage.binary_erosion(vein)
    noisy = vein ^ (rim & (np.random.default_rng(5).random(vein.shape) < 0.3))
    assert margin_mm(noisy) == pytest.approx(margin_mm(vein), abs=2.0 * GRID.spacing_mm[0])


def test_the_trachea_counts_at_the_level_of_the_vein_where_it_runs_aslant() -> None:
    """On a turned patient it lies elsewhere far below, under the lower part of the vein."""
    around = upper_mediastinum(trunk_z=None, arch_z=None)
    trachea = np.zeros_like(around.trachea)
    for z in range(GRID.shape[0]):
        middle = TRACHEA_X + round(0.25 * (z - 40))
        trachea[z, TRACHEA_Y : TRACHEA_Y + 6, middle - 4 : middle + 5] = True
    vein = descending_vein(0.6)
    upright = margin_mm(vein)
    assert margin_mm(vein, replace(around, trachea=trachea)) == pytest.approx(upright, abs=2 * GRID.spacing_mm[0])


def test_a_vein_beside_the_trachea_has_no_crossing() -> None:
    vein = descending_vein(0.4)
    vein[:, :, : TRACHEA_X + 6] = False
    organ = Organ(VEIN, vein, OrganSource.NETWORK, Reason("made"))
    assert not crossing_of(organ, upper_mediastinum(trunk_z=None, arch_z=None)).landmarks


def check_vein(organs: OrganSet, thorax: Thorax) -> None:
    assert abs(organs.landmarks[NAME].point_mm[2] - CROSSING_Z) <= 6.0
    assert dice(organs["brachiocephalic_vein_left"].mask, thorax.masks["brachiocephalic_vein_left"]) > 0.55


def test_the_vein_is_found_beside_enhanced_arteries(image_organs: OrganSet, thorax: Thorax) -> None:
    check_vein(image_organs, thorax)


def test_the_vein_is_found_without_contrast() -> None:
    check_vein(found_in_thorax(contrast_hu=42.0), make_thorax(42.0))


def test_the_surrogate_without_any_mask_lies_near_that_with_masks(
    real_organs: OrganSet, real_image_organs: OrganSet
) -> None:
    levels = [organs.landmarks[NAME].point_mm[2] for organs in (real_organs, real_image_organs)]
    assert abs(levels[0] - levels[1]) <= 10.0


def network_s_vein(shift_mm: tuple[float, float], azygos_confidence: float | None = None) -> tuple[bool, bool]:
    """Whether a vein of confidence 0.9, moved up and back by some mm, stays, and whether the azygos arch does."""
    thorax = make_thorax()
    organs = OrganSet(thorax.grid)
    organs.landmarks["carina"] = Landmark("carina", CARINA, OrganSource.IMAGE)
    steps = [round(length / SPACING_MM) for length in shift_mm]
    vein = np.roll(thorax.masks[VEIN], steps, axis=(0, 1))
    for name in ("trachea", "aorta"):
        organs.add(Organ(name, thorax.masks[name], OrganSource.IMAGE, Reason("made")))
    organs.add(Organ(VEIN, vein, OrganSource.NETWORK, Reason("made"), 0.9))
    if azygos_confidence is not None:
        arch = tube((-15.0, 30.0, 172.0), (-22.0, -20.0, 172.0), 4.0)
        organs.add(Organ("azygos_arch", arch, OrganSource.NETWORK, Reason("made"), azygos_confidence))
    context = Context(Scan(thorax.hu, np.ones(thorax.grid.shape, bool), thorax.grid), organs, thorax.masks["body"])
    around = find_veins.surroundings(context, None)
    assert around is not None
    kept = find_veins._unless_impossible(context, organs[VEIN], around)
    assert (kept is None) == (VEIN not in organs)
    return kept is not None, "azygos_arch" in organs


def test_a_sure_vein_of_a_network_is_believed_though_it_crosses_low_in_front_of_the_aorta() -> None:
    """A dilated aorta pushes it; the azygos arch, which must lie below, yields where it is less sure."""
    assert network_s_vein((0.0, 0.0), azygos_confidence=0.95) == (True, True)
    assert network_s_vein((-28.0, -20.0)) == (True, False)
    assert network_s_vein((-28.0, -20.0), azygos_confidence=0.5) == (True, False)


def test_a_vein_of_a_network_behind_the_aorta_or_below_a_surer_azygos_arch_is_not_believed() -> None:
    assert network_s_vein((-28.0, 30.0)) == (False, False)
    assert network_s_vein((-28.0, -20.0), azygos_confidence=0.95) == (False, True)


def test_a_vein_that_a_dilated_aorta_pushes_beside_the_azygos_arch_leaves_both() -> None:
    """Its lower margin lies 5 mm above the arch's lowest slice, as on a real CT; a less sure arch stays, too."""
    assert network_s_vein((-18.0, 0.0), azygos_confidence=0.5) == (True, True)
