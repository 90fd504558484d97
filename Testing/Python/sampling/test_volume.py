"""A scan as a network of volumes sees it: grid, windows, organs, and what a specification refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from LNStationLib import anatomy
from LNStationLib.imaging.grid import Grid, working_grid
from LNStationLib.sampling.volume import (
    CT_SOFT,
    CT_WIDE,
    GROUP_CHANNELS,
    HU_CHANNELS,
    OrganProbabilities,
    VolumeSpec,
    channel_title,
    channels_of,
    volume_channels,
    volume_grid,
    volume_hu,
)

SPEC = VolumeSpec(spacing_mm=(2.0, 2.0, 2.0), patch=(16, 16, 16))
ONE_HU = 1.0


def ramp_ct(size: tuple[int, int, int] = (40, 30, 20), spacing: tuple[float, float, float] = (1.5, 2.0, 2.5)) -> Any:
    """HU that rise by 5 with each mm to the patient's left, fall by 3 to the back, rise by 2 to the head."""
    image = sitk.Image(size, sitk.sitkInt16)
    image.SetSpacing(spacing)
    image.SetOrigin((-30.0, -20.0, 10.0))
    z, y, x = np.meshgrid(*(np.arange(n) for n in reversed(size)), indexing="ij")
    points = [o + s * i for o, s, i in zip(image.GetOrigin(), spacing, (x, y, z), strict=True)]
    filled = sitk.GetImageFromArray(np.round(ramp(*points)).astype(np.int16))
    filled.CopyInformation(image)
    return filled


def ramp(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    return 5 * x - 3 * y + 2 * z


def expected(grid: Grid) -> np.ndarray:
    z, y, x = np.meshgrid(*(grid.coordinates_mm(axis) for axis in range(3)), indexing="ij")
    return ramp(x, y, z)


def inner(array: np.ndarray) -> np.ndarray:
    """Without the border, where interpolation and smoothing meet the end of the image."""
    return array[..., 3:-3, 3:-3, 3:-3]


def test_the_windows_are_those_of_the_name() -> None:
    hu = np.array([-2000.0, -1000, -200, 40, 140, 240, 600, 3000], np.float32)
    np.testing.assert_allclose(HU_CHANNELS[CT_WIDE].scaled(hu), [-1, -1, 0, 0.3, 0.425, 0.55, 1, 1], atol=1e-6)
    np.testing.assert_allclose(HU_CHANNELS[CT_SOFT].scaled(hu), [-1, -1, -1, 0, 0.5, 1, 1, 1], atol=1e-6)


def test_a_tensor_gets_the_same_channels_as_an_array() -> None:
    torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
    hu = np.linspace(-1500, 1500, 50, dtype=np.float32)
    for channel in HU_CHANNELS.values():
        np.testing.assert_allclose(channel.scaled(torch.from_numpy(hu)).numpy(), channel.scaled(hu), atol=1e-6)


@pytest.mark.parametrize("spacing", [(1.5, 2.0, 2.5), (0.7, 0.7, 5.0), (3.0, 3.0, 3.0)])
@pytest.mark.parametrize("orientation", ["LPS", "RAS", "PIR"])
def test_a_scan_of_any_spacing_and_orientation_lands_on_the_same_voxels(
    orientation: str, spacing: tuple[float, float, float]
) -> None:
    size = tuple(round(mm / step) for mm, step in zip((60, 60, 60), spacing, strict=True))
    ct = ramp_ct(size, spacing)  # type: ignore[arg-type]
    grid = volume_grid(working_grid(ct, 1.5), SPEC)
    found = volume_hu(sitk.DICOMOrient(ct, orientation), grid)
    assert found.shape == grid.shape
    np.testing.assert_allclose(inner(found), inner(expected(grid)), atol=3 * ONE_HU)


def test_the_grid_covers_the_same_box_at_its_own_spacing() -> None:
    extent = Grid((60, 80, 101), (1.5, 1.5, 1.5), (-10.0, 5.0, 20.0))
    grid = volume_grid(extent, SPEC)
    assert grid.spacing_mm == SPEC.spacing_mm
    for axis in range(3):
        own, new = extent.coordinates_mm(axis), grid.coordinates_mm(axis)
        assert new[0] - 1 == pytest.approx(own[0] - 0.75, abs=0.5)
        assert new[-1] + 1 == pytest.approx(own[-1] + 0.75, abs=0.5)


def test_channels_come_in_the_order_of_their_names() -> None:
    ct = ramp_ct()
    grid = volume_grid(working_grid(ct, 2.0), SPEC)
    heart = np.random.default_rng(0).uniform(size=grid.shape).astype(np.float16)
    spec = SPEC.model_copy(update={"channels": ("organ:heart", CT_SOFT, CT_WIDE)})
    made = volume_channels(ct, grid, spec, OrganProbabilities(grid, {"heart": heart}))
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made[0], heart.astype(np.float32))
    hu = volume_hu(ct, grid)
    np.testing.assert_array_equal(made[1:], channels_of(hu, grid, SPEC)[::-1])


def test_organs_on_another_grid_are_carried_to_the_network_s() -> None:
    coarse = Grid((10, 10, 10), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
    values = np.broadcast_to(np.linspace(0, 0.9, 10), coarse.shape).astype(np.float32)
    fine = Grid((15, 15, 15), (2.0, 2.0, 2.0), (2.0, 2.0, 2.0))
    spec = SPEC.model_copy(update={"channels": ("organ:aorta",)})
    made = channels_of(np.zeros(fine.shape, np.float32), fine, spec, OrganProbabilities(coarse, {"aorta": values}))
    np.testing.assert_allclose(made[0], np.broadcast_to(0.025 * fine.coordinates_mm(2), fine.shape), atol=1e-5)


def test_a_group_holds_whichever_of_its_organs_are_known_and_stations_are_one_channel() -> None:
    grid = Grid((2, 3, 4), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))
    hu, first, second = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, bool), np.zeros(grid.shape, bool)
    first[0], second[:, 0] = True, True
    spec = SPEC.model_copy(update={"channels": ("group:blood", "group:esophagus", "stations")})
    known = OrganProbabilities(grid, {"aorta": first, "azygos_arch": second, "liver": ~first}, stations=second)
    blood, esophagus, stations = channels_of(hu, grid, spec, known)
    np.testing.assert_array_equal(blood, first | second)
    np.testing.assert_array_equal(stations, second)
    assert not esophagus.any()
    with pytest.raises(ValueError, match="needs the stations"):
        channels_of(hu, grid, spec, OrganProbabilities(grid, {}))


def test_every_group_is_of_organs_of_the_table_and_no_organ_is_in_two() -> None:
    named = [organ for group in GROUP_CHANNELS.values() for organ in group.organs]
    assert len(set(named)) == len(named)
    assert set(named) <= {row.name for row in anatomy.organs()}
    assert all(channel_title(name) for name in (*GROUP_CHANNELS, "stations"))


def test_an_organ_that_is_not_known_is_named() -> None:
    grid = Grid((4, 4, 4), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))
    spec = SPEC.model_copy(update={"channels": ("organ:aorta",)})
    with pytest.raises(ValueError, match="needs the organ aorta"):
        channels_of(np.zeros(grid.shape, np.float32), grid, spec)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"spacing_mm": (0.0, 2.0, 2.0)}, "between 0.3 and 10.0 mm"),
        ({"spacing_mm": (2.0, 2.0, 20.0)}, "between 0.3 and 10.0 mm"),
        ({"patch": (0, 16, 16)}, "must be positive"),
        ({"patch": (4000, 4000, 4000)}, "voxels"),
        ({"channels": ()}, "at least 1"),
        ({"channels": ("ct_wide", "ct_wide")}, "named twice"),
        ({"channels": ("ct",)}, "unknown channel 'ct'; known: ct_wide, ct_soft, and organ:NAME"),
        ({"channels": ("organ:soul",)}, "unknown channel 'organ:soul'"),
        ({"channels": ("heart",)}, "unknown channel 'heart'"),
    ],
)
def test_what_no_network_could_use_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        VolumeSpec(**changes)
