"""Stations drawn by the network of a model package."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edited_patient import patient
from states import said

from LNStationLib import anatomy
from LNStationLib.assessment.assess import parse_case
from LNStationLib.assessment.methods import check_methods
from LNStationLib.case.case import Case
from LNStationLib.imaging.grid import Grid
from LNStationLib.imaging.scan import Scan
from LNStationLib.sampling.volume import VolumeSpec, channels_of
from LNStationLib.state.organ_set import Organ, OrganSet, OrganSource
from LNStationLib.state.patient_state import OrganPart, PatientState
from LNStationLib.state.settings import Settings, StepSettings
from LNStationLib.stations import network
from LNStationLib.stations.network import StationNetworkOptions, StationSegmentationMethod, known_organs
from LNStationLib.stations.registry import METHODS
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import silent
from LNStationLib.support.words import words

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from LNStationLib.models.package import (  # noqa: E402
    CohortSummary,
    Manifest,
    NetworkEntry,
    PackageError,
    StationSegmentation,
    read_manifest,
    write_package,
)
from LNStationLib.networks.registry import build_network  # noqa: E402
from LNStationLib.support.reason import Reason  # noqa: E402

GRID = Grid((24, 32, 32), (3.0, 3.0, 3.0), (0.0, 0.0, 0.0))
SPEC = VolumeSpec(
    spacing_mm=(6.0, 6.0, 6.0), patch=(8, 16, 16), channels=("ct_wide", "ct_soft", "organ:esophagus", "organ:heart")
)
CLASSES = ["background", "4R", "7"]
ARGUMENTS = {"filters": [4, 6, 8], "strides": [1, 2, 2]}


def write_tiny(path: Path) -> Manifest[Any]:
    """A package with random weights."""
    torch.manual_seed(0)
    arguments = {**ARGUMENTS, "n_classes": len(CLASSES)}

    def entry(arguments: dict[str, Any], weights: Any) -> NetworkEntry:
        return NetworkEntry(role="stations", name="dynunet", arguments=arguments, weights=weights["stations"])

    def manifest(weights: Any) -> Manifest[Any]:
        return Manifest[StationSegmentation](
            package_id="tiny-stations", version="1", title="Tiny", task="station_segmentation",
            networks=[entry(arguments, weights)],
            section=StationSegmentation(volumes={"stations": SPEC}, classes={"stations": CLASSES}),
            metrics=[], cohort=CohortSummary(title="phantoms", n_patients=3), trained_on="synthetic",
            licence="Apache-2.0", created="2026-11-26T00:00:00+00:00", lnstation_version="0.2.0",
            references=["A paper"],
        )  # fmt: skip

    built = build_network("dynunet", arguments, SPEC.channels)
    return write_package(path, {"stations": built}, manifest, "float32")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package") / "tiny.zip"
    write_tiny(path)
    return path


def organs(*names: str) -> OrganSet:
    found = OrganSet(GRID)
    for number, name in enumerate(names):
        mask = np.zeros(GRID.shape, bool)
        mask[6 : 6 + 8, 10:18, 2 + 9 * number : 9 + 9 * number] = True
        found.add(Organ(name, mask, OrganSource.IMAGE, Reason("drawn")))
    return found


def state(known: OrganSet) -> PatientState:
    hu = np.full(GRID.shape, 30, np.int16)
    scan = Scan(hu, np.ones(GRID.shape, bool), GRID)
    case = Case("drawn", GRID.image(hu))
    return PatientState(case, Settings(), scan, OrganPart((), found=known))


@dataclass
class Answer:
    grid: Grid
    classes: tuple[str, ...]
    values: np.ndarray


class CopyingSegmenter:
    """Draws 7 on the esophagus and 4R, less surely, on the heart."""

    section = StationSegmentation(volumes={"stations": SPEC}, classes={"stations": CLASSES})
    engine = "torch"

    def network(self, role: str) -> CopyingSegmenter:
        return self

    def probabilities(self, role: str, ct: Any, extent: Grid, known: Any, progress: Any) -> Answer:
        channels = channels_of(np.zeros(extent.shape, np.float32), extent, SPEC, known)
        seven, right = channels[2] * 0.9, channels[3] * 0.6
        return Answer(extent, tuple(CLASSES), np.stack([1 - seven - right, right, seven]).astype(np.float16))


@pytest.fixture
def copying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "warm_segmenter", lambda path, device, engine: CopyingSegmenter())


def run(known: OrganSet, package: Path, **options: Any) -> Any:
    chosen = StationNetworkOptions(model=str(package), device="cpu", **options)
    return StationSegmentationMethod().run(state(known), chosen, silent)


@pytest.mark.usefixtures("copying")
def test_stations_follow_the_organ_channels_on_the_working_grid(package: Path) -> None:
    known = organs("lung_left", "esophagus", "heart")
    found = run(known, package)
    np.testing.assert_array_equal(found.mask("7"), known.mask("esophagus"))
    np.testing.assert_array_equal(found.mask("4R"), known.mask("heart"))
    assert words(found.left_out["9"]) == "not parsed: the model package does not draw station 9"


@pytest.mark.usefixtures("copying")
def test_a_station_of_low_probability_is_left_out(package: Path) -> None:
    found = run(organs("lung_left", "esophagus", "heart"), package, least_probability=0.7)
    assert found.mask("7").any()
    assert not found.mask("4R").any()
    assert "the network is not sure of it (mean probability 0.60 < 0.70)" in words(found.left_out["4R"])


@pytest.mark.usefixtures("copying")
def test_a_missing_organ_is_an_empty_channel_and_every_station_says_so(package: Path) -> None:
    found = run(organs("lung_left", "esophagus"), package)
    assert words(found.doubts["7"][0]) == "the network was not given the heart, which was not found"
    assert "4R" in found.left_out


@pytest.mark.usefixtures("copying")
def test_without_lungs_there_is_no_chest_to_draw_in(package: Path) -> None:
    found = run(organs("esophagus", "heart"), package)
    assert not found.labels.any()
    assert words(found.failure) == "left lung and right lung not found"
    assert set(found.left_out) == {row.name for row in anatomy.stations()}


@pytest.mark.usefixtures("copying")
def test_the_package_and_its_synthetic_origin_are_told(package: Path) -> None:
    found = run(organs("lung_left", "esophagus", "heart"), package)
    card = read_manifest(package)
    assert (found.model.package_id, found.model.sha256) == ("tiny-stations", card.sha256)
    assert found.model.references == ("A paper",)
    assert said(found.warnings) == [
        "The model package tiny-stations was trained on synthetic patients only: check every station that it draws."
    ]


def test_organs_that_are_missing_are_named_and_empty() -> None:
    known, missing = known_organs(organs("heart"), ("esophagus", "heart"))
    assert missing == ("esophagus",)
    assert not known.values["esophagus"].any()
    assert known.values["heart"].any()


def test_the_automatic_choice_stays_the_rules() -> None:
    assert METHODS.chosen(Settings(), patient()).name == "iaslc_rules"
    assert METHODS.named("network").package_task == "station_segmentation"


def chosen(**options: Any) -> Settings:
    return Settings(working_spacing_mm=3.0, stations=StepSettings(method="network", options={"network": options}))


def test_without_a_package_it_says_so_before_the_long_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LNSTATION_DATA", str(tmp_path))
    with pytest.raises(PackageError, match="no model package for the task 'station_segmentation'"):
        check_methods(chosen(), patient())


def test_the_rules_can_be_checked_by_the_network_and_need_its_package_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LNSTATION_DATA", str(tmp_path))
    settings = Settings(stations=StepSettings(options={"iaslc_rules": {"compare_with": "network"}}))
    with pytest.raises(InputError, match="station_segmentation"):
        check_methods(settings, patient())


def test_a_package_of_another_task_is_refused_before_the_long_work() -> None:
    with pytest.raises(PackageError, match="made for the task 'organ_segmentation'"):
        check_methods(chosen(model="organs-ct"), patient())


def test_a_case_goes_through_a_real_network_with_its_package_in_the_provenance(package: Path) -> None:
    settings = chosen(model=str(package), device="cpu", engine="torch", least_probability=0.0)
    parsed = parse_case(replace(patient(), pet=None), settings)
    row = parsed.provenance[-1]
    assert (row.step, row.implementation, row.model_package) == ("stations", "network", "tiny-stations")
    assert row.trained_on == "synthetic"
    assert row.settings["engine"] == "torch"
    assert "A paper" in row.references
    assert parsed.outlines["9"].warnings
