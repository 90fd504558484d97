"""Stations judged on PET/CT by a package: calls, sides of evidence, and what is not judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from models.pet_ct_packages import patient, write_pet_ct_package
from states import Called, called, check_model

from LNStationLib.state.settings import Settings, StepSettings
from LNStationLib.support.errors import InputError


def settings_of(package: Path, **options: Any) -> Settings:
    chosen = {"model": str(package), **options}
    return Settings(metastasis=StepSettings(method="patch_network", options={"patch_network": chosen}))


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Every probability is at or above 0, so that all stations are positive.
    return write_pet_ct_package(tmp_path_factory.mktemp("packages") / "patches.zip", threshold=0.0)


@pytest.fixture(scope="module")
def found(package: Path) -> Called:
    return called(patient(settings_of(package)))


def test_stations_have_probabilities_and_calls_at_the_operating_point(found: Called) -> None:
    four = found.stations["4R"]
    assert four.call == "positive"
    assert 0 < four.probability < 1
    assert four.reason.startswith(f"Positive: probability {four.probability:.2f} >= 0.00 (balanced)")
    assert len({found.stations[name].probability for name in ("4R", "7", "8", "10L")}) == 4


def test_a_station_without_a_side_gets_that_of_its_hottest_voxel(found: Called) -> None:
    assert found.stations["8"].positive_sides == ("L",)
    assert found.stations["4R"].positive_sides == ()


def test_stations_that_are_missing_or_unknown_to_the_package_are_not_assessed(found: Called) -> None:
    assert found.stations["4L"].call is None
    assert found.stations["4L"].probability is None


def test_the_provenance_names_the_package_and_says_synthetic(found: Called) -> None:
    assert (found.provenance.model_package, found.provenance.trained_on) == ("tiny", "synthetic")
    assert any("trained on synthetic patients only" in warning for warning in found.warnings)


def test_a_cut_pet_leaves_out_the_stations_beyond_it(package: Path) -> None:
    found = called(patient(settings_of(package), cut_pet=True))
    assert found.stations["4R"].call == "positive"
    assert found.stations["8"].call is None
    assert found.stations["8"].probability is None
    assert "PET does not cover the station" in found.stations["8"].reason


def test_a_part_of_the_stations_is_judged_as_all_of_them(package: Path, found: Called) -> None:
    only = called(patient(settings_of(package)), only=["7"])
    assert set(only.stations) == {"7"}
    assert only.stations["7"].probability == pytest.approx(found.stations["7"].probability, abs=1e-4)


def test_without_pet_the_method_is_refused(package: Path) -> None:
    with pytest.raises(InputError, match="the case has no PET"):
        called(patient(settings_of(package), pet=False))


def test_a_pet_of_another_tracer_is_judged_by_a_package_of_that_tracer_alone(package: Path, tmp_path: Path) -> None:
    found = called(patient(settings_of(package), tracer="psma"))
    assert found.stations["4R"].probability is None
    assert "trained on FDG, and the tracer of this PET is a PSMA ligand" in found.stations["4R"].reason
    of_psma = write_pet_ct_package(tmp_path / "psma.zip", threshold=0.0, tracer="psma")
    assert called(patient(settings_of(of_psma), tracer="psma")).stations["4R"].call == "positive"
    assert called(patient(settings_of(of_psma), tracer="fdg")).stations["4R"].call is None


def test_an_unknown_operating_point_is_refused_with_those_there_are(package: Path) -> None:
    with pytest.raises(InputError, match="it has balanced"):
        check_model(settings_of(package, operating_point="bold"))
