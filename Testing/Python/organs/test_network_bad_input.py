"""A network that sees a mediastinum in everything: no station where there is no chest, and never a defect."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from organs.organ_cases import REAL_CT, SPACING_MM, Thorax, make_thorax
from organs.test_cut_views import SIDES, cut
from states import said

from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import Grid, working_grid
from LNStationLib.imaging.scan import scan_of
from LNStationLib.organs import network
from LNStationLib.organs.context import Context
from LNStationLib.organs.findings import Findings
from LNStationLib.organs.network import NetworkMethod, NetworkOptions
from LNStationLib.quality import check_organs, check_stations
from LNStationLib.state.organ_set import OrganSet, OrganSource
from LNStationLib.state.patient_state import PatientState
from LNStationLib.state.settings import Settings
from LNStationLib.state.station_map import StationMap
from LNStationLib.state.used_model import UsedModel
from LNStationLib.stations.iaslc_rules import IaslcRules
from LNStationLib.support.errors import GeometryError, InputError
from LNStationLib.support.progress import silent
from LNStationLib.support.reason import Reason

COARSE_MM = 4.0
SHAPE = (60, 70, 90)
GRID = Grid(SHAPE, (COARSE_MM,) * 3, (0.0, 0.0, 0.0))
Z, Y, X = (COARSE_MM * index for index in np.indices(SHAPE))


def chest_everywhere(networks: object, context: Context, package: str) -> Findings:
    """All organs of the synthetic thorax, sure and in the middle of whatever the image shows."""
    thorax, grid, found = make_thorax(), context.scan.grid, Findings()
    middle = [(n - 1) / 2 * s for n, s in zip(grid.shape, grid.spacing_mm, strict=True)]
    for name, mask in thorax.masks.items():
        if name == "body":
            continue
        points = np.argwhere(mask) * SPACING_MM - (np.array(mask.shape) - 1) / 2 * SPACING_MM + middle
        index = np.round(points / grid.spacing_mm).astype(int)
        index = index[((index >= 0) & (index < grid.shape)).all(axis=1)]
        placed = np.zeros(grid.shape, bool)
        placed[tuple(index.T)] = True
        found.organ(name, placed, OrganSource.NETWORK, Reason("of_network"), 0.99)
    return found


@pytest.fixture(autouse=True)
def _sure_of_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = UsedModel("stand-in", "1", "0" * 64, "synthetic")
    monkeypatch.setattr(network, "organs_from", chest_everywhere)
    monkeypatch.setattr(network, "_ask", lambda *args: (stand_in, []))


def assessed(case: Case, spacing_mm: float = COARSE_MM) -> tuple[OrganSet, StationMap]:
    """Organs and stations as an assessment makes them."""
    grid = working_grid(case.ct, spacing_mm)
    scan = scan_of(case.ct, grid)
    with warnings.catch_warnings():
        # A mean of nothing is a landmark that is not a number.
        warnings.simplefilter("error", RuntimeWarning)
        found = NetworkMethod().run(PatientState(case, Settings(), scan), NetworkOptions(), silent)
        organs, _ = check_organs(found, scan.in_view)
        parsed = IaslcRules().parse(scan.hu, organs, silent)
        stations, _ = check_stations(parsed, organs, scan.hu)
    return organs, stations


def pillar(y: float, x: float, radius_mm: float) -> np.ndarray:
    return np.asarray(np.hypot(Y - y, X - x) <= radius_mm)


def head() -> np.ndarray:
    hu = np.full(SHAPE, -1000)
    away = np.sqrt((Y - 140) ** 2 + (X - 180) ** 2 + (Z - 120) ** 2)
    hu[away < 95], hu[away < 85], hu[away < 78] = 40, 900, 35
    return hu


def neck() -> np.ndarray:
    """Trachea and spine, and no lung."""
    hu = np.full(SHAPE, -1000)
    hu[pillar(140, 180, 70)] = 40
    hu[pillar(110, 180, 9)] = -1000
    hu[pillar(165, 180, 16)] = 320
    hu[pillar(185, 180, 8)] = 30
    return hu


def abdomen() -> np.ndarray:
    """Soft tissue with bowel gas, which may pass for lung, and a spine."""
    hu = np.full(SHAPE, -1000)
    hu[((Y - 140) / 110) ** 2 + ((X - 180) / 150) ** 2 <= 1] = 50
    for z, y, x in ((60, 90, 150), (120, 80, 210), (170, 100, 180)):
        hu[(Y - y) ** 2 + (X - x) ** 2 + (Z - z) ** 2 < 25**2] = -950
    hu[pillar(200, 180, 18)] = 320
    hu[pillar(222, 180, 9)] = 30
    return hu


def thighs() -> np.ndarray:
    hu = np.full(SHAPE, -1000)
    for x in (100, 260):
        hu[pillar(140, x, 70)], hu[pillar(140, x, 14)] = 45, 800
    return hu


@pytest.mark.parametrize("make", [head, neck, abdomen, thighs])
def test_where_there_is_no_chest_there_is_no_station(make: Callable[[], np.ndarray]) -> None:
    noisy = make() + np.random.default_rng(1).normal(0, 8, SHAPE)
    organs, stations = assessed(Case("x", GRID.image(noisy.astype(np.int16))))
    assert not stations.labels.any()
    assert organs.get("trachea") is None or organs["trachea"].source is not OrganSource.NETWORK


def test_where_no_lung_is_in_view_no_organ_of_the_network_is_used() -> None:
    organs, _ = assessed(Case("x", GRID.image(neck().astype(np.int16))))
    assert OrganSource.NETWORK not in {organ.source for organ in organs.values()}
    assert sum("No lung is in view" in warning for warning in said(organs.warnings)) == 1


def test_a_real_abdomen_is_refused_or_has_no_station() -> None:
    path = REAL_CT.parent / "not_a_chest" / "abdomen_and_pelvis.nii.gz"
    if not path.is_file():
        pytest.skip("the abdomen ../shared/data/not_a_chest/abdomen_and_pelvis.nii.gz is not here")
    with suppress(InputError):
        _, stations = assessed(Case("abdomen", sitk.ReadImage(str(path), sitk.sitkInt16)))
        assert not stations.labels.any()


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("length_mm", [60.0, 130.0])
def test_a_chest_cut_at_any_side_ends_in_a_result_or_a_refusal(side: tuple[int, bool], length_mm: float) -> None:
    case = make_thorax().case()
    organs, _ = assessed(replace(case, ct=cut(case.ct, side, length_mm)))
    assert all(np.isfinite(mark.point_mm).all() for mark in organs.landmarks.values())


def changed(hu: np.ndarray) -> Case:
    thorax = make_thorax()
    return replace(thorax.case(), ct=thorax.grid.image(np.ascontiguousarray(hu)))


def test_a_chest_upside_down_is_refused() -> None:
    with pytest.raises(GeometryError):
        assessed(changed(make_thorax().hu[::-1]))


def test_a_mirrored_chest_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    mirrored: Thorax = make_thorax().mirrored()

    def organs_from(networks: object, context: Context, package: str) -> Findings:
        found = Findings()
        for name in ("aorta", "heart"):
            found.organ(name, mirrored.masks[name], OrganSource.NETWORK, Reason("of_network"), 0.9)
        return found

    monkeypatch.setattr(network, "organs_from", organs_from)
    organs, _ = assessed(mirrored.case(), SPACING_MM)
    assert any("mirror" in warning for warning in said(organs.warnings))


def test_a_collapsed_lung_is_no_lung_of_the_network() -> None:
    thorax = make_thorax()
    hu = np.where(thorax.masks["lung_left"], 35, thorax.hu).astype(np.int16)
    organs, _ = assessed(changed(hu))
    assert "lung_left" not in organs or organs["lung_left"].source is not OrganSource.NETWORK
    assert "lung_right" in organs
