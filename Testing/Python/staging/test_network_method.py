"""A network's N category beside the rules': what it rests on, what it contradicts, and why it was not asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from models.pet_ct_packages import patient, write_pet_ct_package

from LNStationLib.assessment.network_stage import with_network_warnings
from LNStationLib.models.package import PackageError
from LNStationLib.staging.case_staging import stage_case
from LNStationLib.staging.network_method import NetworkStaging, _contradictions
from LNStationLib.staging.patient_network import StageAnswer
from LNStationLib.state.assessment import NStaging
from LNStationLib.state.settings import Settings, StepSettings


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pet_ct_package(tmp_path_factory.mktemp("packages") / "stager.zip", "stager", threshold=0.0)


def staged(package: Path, positive: list[str], *, with_patient: bool = True, **traits: Any) -> NStaging:
    options = {"network": {"model": str(package)}}
    settings = Settings(staging=StepSettings(method="network", options=options))
    state = patient(settings, **traits)
    found = stage_case(state.case.facts, positive, [], [], settings, state if with_patient else None)
    return with_network_warnings(found)


def test_the_rules_decide_and_the_network_stands_beside_them(package: Path) -> None:
    found = staged(package, ["7"])
    assert (found.category, found.rules, found.deciding_stations) == ("N2", "tnm8", ["7"])
    assert found.network is not None
    assert sum(found.network.probabilities.values()) == pytest.approx(1, abs=1e-3)
    assert set(found.network.stations) == {"4R", "7", "8", "10L"}
    # At a threshold of 0 all stations are positive; 10L is N3 of a tumor of the right lung.
    assert found.network.category_of_its_stations == "N3"
    assert "trained on synthetic patients only" in found.warnings[-1]


def test_a_station_that_pet_does_not_cover_is_told_as_not_seen(package: Path) -> None:
    found = staged(package, [], cut_pet=True).network
    assert found is not None
    assert set(found.stations) == {"4R", "7"}


@pytest.mark.parametrize(
    ("traits", "words"),
    [
        ({"pet": False}, "there is no PET"),
        ({"tracer": "psma"}, "another tracer"),
        ({"side": None}, "the side of the tumor was not given"),
        ({"with_patient": False}, "only calls on stations are known"),
    ],
)
def test_a_network_that_cannot_be_asked_leaves_the_rules_and_says_why(
    package: Path, traits: dict[str, Any], words: str
) -> None:
    found = staged(package, ["7"], **traits)
    assert found.network is None
    assert found.network_refusal is not None
    assert any(words in warning for warning in found.warnings)
    assert found.category == (None if traits == {"side": None} else "N2")


def answer(stage: int, positive: tuple[str, ...]) -> StageAnswer:
    probabilities = tuple(0.7 if n == stage else 0.1 for n in range(4))
    return StageAnswer(probabilities, dict.fromkeys(positive, 0.9), positive, dict.fromkeys(positive, 1.0))


@pytest.mark.parametrize(
    ("stage", "of_stations", "by_rules", "codes"),
    [
        (2, "N2", "N2", []),
        (2, "N2b", "N2a", []),
        (1, "N1", "N3", ["network_stages_otherwise"]),
        (1, "N2", "N1", ["network_contradicts_its_stations"]),
        (0, "N2", "N3", ["network_stages_otherwise", "network_contradicts_its_stations"]),
        (2, "N2", None, []),
    ],
)
def test_contradictions_are_codes_with_facts(
    stage: int, of_stations: str, by_rules: str | None, codes: list[str]
) -> None:
    found = _contradictions(answer(stage, ("7",)), of_stations, by_rules)
    assert [each.code for each in found] == codes


def test_a_missing_package_is_refused_before_the_long_work(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="there is no model package"):
        NetworkStaging().check(NetworkStaging.options.model_validate({"model": str(tmp_path / "none.zip")}))
