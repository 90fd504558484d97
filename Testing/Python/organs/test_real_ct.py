"""Places on the real CT that were checked by eye, slice by slice (voxels of its own 1.5 mm grid)."""

from __future__ import annotations

import numpy as np
import pytest
from organs.organ_cases import dice

from LNStationLib.state.organ_set import OrganSet, OrganSource

TOLERANCE_MM = 5.0
# Read off the axial and coronal slices: (z, y, x) in voxels, None where only the level was judged.
CHECKED = {
    "carina": (119.0, 77.0, 44.0),
    "right_upper_lobe_bronchus_origin": (116.0, 73.0, 24.0),
    "bronchus_intermedius_end": (98.0, 73.0, 22.0),
    "left_upper_lobe_bronchus_origin": (102.0, 80.0, 73.0),
    "left_lower_lobe_bronchus_origin": (100.0, 84.0, 72.0),
    "aortic_arch_underside": (130.0, 72.0, 61.0),
    "aortic_arch_top": (150.0, None, None),
    "left_pulmonary_artery_top": (122.0, 73.0, 65.0),
    "manubrium_top": (150.0, None, None),
    "inferior_pulmonary_vein_right": (79.0, None, None),
}


@pytest.mark.parametrize("name", CHECKED)
def test_landmark_lies_where_a_reader_puts_it(real_organs: OrganSet, name: str) -> None:
    found = real_organs.grid.index(real_organs.landmarks[name].point_mm)
    for value, checked in zip(found, CHECKED[name], strict=True):
        if checked is not None:
            assert abs(value - checked) * 1.5 <= TOLERANCE_MM


def test_left_brachiocephalic_vein_crosses_the_trachea_where_diluted_contrast_shows_it(real_organs: OrganSet) -> None:
    """Contrast of the cava flows a little way back into it: in column 40, right in front of the trachea, tissue has
    110 to 175 HU from slice 126 to 134, and 60 to 75 HU below. An unenhanced vein's level is good to about 1 cm.
    """
    point = real_organs.landmarks["left_brachiocephalic_vein_crossing"].point_mm
    assert abs(real_organs.grid.index(point)[0] - 126.0) * 1.5 <= 10.0


def test_azygos_arch_is_where_it_is_seen(real_organs: OrganSet) -> None:
    z = np.flatnonzero(real_organs["azygos_arch"].mask.any(axis=(1, 2)))
    assert abs(z[0] - 121) * 1.5 <= TOLERANCE_MM
    assert abs(z[-1] - 128) * 1.5 <= TOLERANCE_MM


def test_superior_vena_cava_is_the_bright_column_right_of_the_aorta(real_organs: OrganSet) -> None:
    assert real_organs["superior_vena_cava"].source is OrganSource.IMAGE
    for z, y, x in ((124, 57, 30), (112, 58, 34)):
        assert real_organs["superior_vena_cava"].mask[z, y, x]


def test_right_brachiocephalic_vein_is_followed_to_the_venous_angle(real_organs: OrganSet) -> None:
    vein = real_organs["brachiocephalic_vein_right"]
    assert vein.source is OrganSource.IMAGE
    z = np.flatnonzero(vein.mask.any(axis=(1, 2)))
    assert abs(z[0] - 136) * 1.5 <= TOLERANCE_MM
    assert z[-1] >= 160


def test_esophagus_is_where_it_is_seen(real_organs: OrganSet) -> None:
    for z, y, x in ((154, 69, 50), (124, 82, 45), (107, 87, 47), (67, 86, 50), (42, 66, 51)):
        center = np.argwhere(real_organs["esophagus"].mask[z]).mean(axis=0)
        assert np.hypot(center[0] - y, center[1] - x) * 1.5 <= 6.0, z


def test_front_of_the_spine_is_where_it_is_seen(real_organs: OrganSet) -> None:
    for z, x, front in ((120, 43, 91), (71, 46, 92), (36, 44, 91)):
        assert abs(float(np.flatnonzero(real_organs["spine"].mask[z, :, x])[0]) - front) * 1.5 <= TOLERANCE_MM


def test_arch_of_the_dissected_aorta_is_found_without_any_mask(
    real_organs: OrganSet, real_image_organs: OrganSet
) -> None:
    for name in ("aortic_arch_underside", "aortic_arch_top", "left_pulmonary_artery_top"):
        apart = real_image_organs.landmarks[name].point_mm[2] - real_organs.landmarks[name].point_mm[2]
        assert abs(apart) <= TOLERANCE_MM, name
    assert dice(real_image_organs["aortic_arch"].mask, real_organs["aortic_arch"].mask) > 0.75


def test_lungs_cut_by_the_side_of_the_view_are_both_found(real_image_organs: OrganSet) -> None:
    volumes = [real_image_organs[f"lung_{side}"].mask.sum() * 1.5**3 / 1000 for side in ("right", "left")]
    assert volumes == pytest.approx([1300, 1500], rel=0.1)
