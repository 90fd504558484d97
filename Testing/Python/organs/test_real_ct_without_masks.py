"""Real CTs with nothing given: the shipped organ network, run once a CT in a test run."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from made_once import made_once
from organs.without_contrast import without_contrast

from LNStationLib.assessment.assess import assess
from LNStationLib.case.case import Case, CaseFacts
from LNStationLib.case.from_files import load_case
from LNStationLib.case.request import CaseRequest
from LNStationLib.organs.network import SWITCH, network_is_there
from LNStationLib.state.assessment import Assessment
from LNStationLib.state.settings import Settings, StepSettings

_DATA = Path(__file__).resolve().parents[4] / "shared" / "data"


def _needs(folder: str) -> None:
    if not (_DATA / folder).is_dir():
        pytest.skip(f"the real CT is not beside the repository (../shared/data/{folder})")


@made_once
def _assessed(name: str) -> Assessment:
    settings = Settings(organs=StepSettings(method="network"), nodes=StepSettings(method="none"))
    return assess(_case(name), settings).assessment


def _case(name: str) -> Case:
    if name == "chest_ct_02":
        return Case(name, sitk.ReadImage(str(_DATA / name / "ct.nii.gz"), sitk.sitkInt16))
    folder = _DATA / "chest_ct_01"
    case = load_case(CaseRequest(ct=folder / "ct.nii.gz", organs=folder / "organs"))
    return replace(without_contrast(case), facts=CaseFacts())


@pytest.fixture
def network_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    if not network_is_there():
        pytest.skip("learned models are not installed")


@pytest.mark.usefixtures("network_on")
def test_all_stations_of_a_real_chest_are_found_with_neither_contrast_nor_masks() -> None:
    _needs("chest_ct_01")
    assessment = _assessed("chest_ct_01 without contrast")
    found = {row.station: row for row in assessment.stations if row.volume_ml}
    assert len(found) == 17
    heights = {name: row.centroid_mm[2] for name, row in found.items() if row.centroid_mm is not None}
    # From head to foot, whatever the outlines.
    for upper, lower in (
        ("1R", "2R"),
        ("2R", "4R"),
        ("4R", "7"),
        ("7", "8"),
        ("1L", "4L"),
        ("4L", "10L"),
        ("6", "5"),
    ):
        assert heights[upper] > heights[lower], (upper, lower)
    sources = {organ.name: organ.source for organ in assessment.organs}
    assert {sources[name] for name in ("aorta", "heart", "pulmonary_artery", "esophagus")} == {"network"}
    assert {sources[name] for name in ("trachea", "lung_left", "sternum")} == {"image"}
    assert all("confidence 0." in organ.detail for organ in assessment.organs if organ.name in ("aorta", "heart"))


@pytest.mark.usefixtures("network_on")
@pytest.mark.skipif(not os.environ.get("LNSTATION_LONG"), reason="eight windows; with LNSTATION_LONG=1")
def test_most_stations_are_found_on_thick_slices_without_contrast_beside_a_large_tumor() -> None:
    _needs("chest_ct_02")
    found = [row.station for row in _assessed("chest_ct_02").stations if row.volume_ml]
    assert len(found) >= 15


def test_contrast_that_was_taken_out_leaves_blood_as_dense_as_unenhanced_blood(real_ct_folder: Path) -> None:
    case = load_case(CaseRequest(ct=real_ct_folder / "ct.nii.gz", organs=real_ct_folder / "organs"))
    plain = without_contrast(case)
    assert not plain.organ_masks
    for name in ("aorta", "pulmonary_artery", "heart"):
        there = sitk.Resample(case.organ_masks[name], plain.ct, sitk.Transform(), sitk.sitkNearestNeighbor)
        hu = sitk.GetArrayFromImage(plain.ct)[sitk.GetArrayFromImage(there) > 0]
        assert 30 <= float(np.median(hu)) <= 50, name
        assert float(np.percentile(hu, 99)) < 130, name
