"""An edit where a network judged: only what changed goes through it again, with the answer of a whole assessment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from edited_patient import (  # noqa: E402
    COARSE_MM,
    EDITS,
    assert_alike,
    assert_law,
    boxed,
    findings,
    from_the_start,
    mask_of,
    parsed,
    patient,
)
from metastasis.network_cases import write_stations_package  # noqa: E402

from LNStationLib.anatomy.station_groups import STATIONS  # noqa: E402
from LNStationLib.assessment.assess import assess, judge_case  # noqa: E402
from LNStationLib.assessment.reassess import reassess, with_evidence  # noqa: E402
from LNStationLib.assessment.restore import restore_case, settings_of  # noqa: E402
from LNStationLib.metastasis.station_network import StationNetwork  # noqa: E402
from LNStationLib.models.package import PackageError  # noqa: E402
from LNStationLib.state.assessed_case import AssessedCase  # noqa: E402
from LNStationLib.state.evidence import evidence_volume  # noqa: E402
from LNStationLib.state.settings import Settings  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    return write_stations_package(folder / "tiny.zip", stations=list(STATIONS))


def judged(package: Path, nodes: str) -> AssessedCase:
    settings = Settings(
        metastasis="sa_moe",
        model=str(package),
        device="cpu",
        nodes=nodes,
        working_spacing_mm=COARSE_MM,  # type: ignore[arg-type]
    )
    return judge_case(replace(parsed(), settings=settings))


@pytest.fixture(scope="module")
def supplied(package: Path) -> AssessedCase:
    return judged(package, "supplied")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The stations of every pass through a network."""
    passes: list[list[str]] = []
    real = StationNetwork.predict

    def counting(self, stations, regions, **options):
        passes.append(list(stations))
        return real(self, stations, regions, **options)

    monkeypatch.setattr(StationNetwork, "predict", counting)
    return passes


def restored(case: AssessedCase, settings: Settings | None = None) -> AssessedCase:
    assessment = type(case.assessment).model_validate_json(case.assessment.model_dump_json())
    return restore_case(patient(), assessment, case.state.stations, case.nodes, settings)


def test_all_stations_of_a_case_go_through_the_network_in_one_pass(package: Path, asked: list[list[str]]) -> None:
    case = judged(package, "supplied")
    assert asked == [[name for name in STATIONS if findings(case)[name].probability is not None]]
    assert len(asked[0]) > 8
    assert case.evidence is not None
    assert set(case.evidence) == set(asked[0])
    staging = case.assessment.staging
    positive = {name for name, row in findings(case).items() if row.call == "positive"}
    assert {name.rstrip("RL") for name in staging.positive_stations} == {name.rstrip("RL") for name in positive}
    assert {"10R", "9"} <= set(staging.not_assessed_stations)
    assert staging.n_positive_nodes is None
    assert any("synthetic patients only" in text for text in case.assessment.warnings)


@pytest.mark.parametrize(
    ("nodes", "edit"),
    [("supplied", "4R grows over its neighbors"), ("pet_threshold", "4L moves"), ("pet_threshold", "10R is emptied")],
)
def test_an_edit_gives_the_answer_and_the_attention_of_a_whole_assessment(
    package: Path, nodes: str, edit: str
) -> None:
    before = judged(package, nodes)
    made = reassess(before, EDITS[edit](before))
    assert_law(before, made.assessed)
    whole = from_the_start(made.assessed)
    volumes = [
        sitk.GetArrayFromImage(evidence_volume(one.evidence or {}, one.state.stations, one.state.boxes))
        for one in (made.assessed, whole)
    ]
    np.testing.assert_allclose(*volumes, atol=1e-3)


def test_only_the_edited_station_goes_through_the_network(supplied: AssessedCase, asked: list[list[str]]) -> None:
    made = reassess(supplied, EDITS["7 is halved"](supplied))
    assert asked == [["7"]]
    assert made.evidence_changed
    assert supplied.evidence is not None
    assert made.assessed.evidence is not None
    kept = {name for name, one in made.assessed.evidence.items() if one is supplied.evidence[name]}
    assert kept == set(supplied.evidence) - {"7"}
    assert list(made.assessed.evidence) == [name for name in findings(supplied) if name in supplied.evidence]


def test_an_emptied_station_loses_probability_and_map(supplied: AssessedCase, asked: list[list[str]]) -> None:
    made = reassess(supplied, {"4L": None})
    finding = findings(made.assessed)["4L"]
    assert (finding.call, finding.probability, finding.attention_in_nodes) == (None, None, None)
    assert made.assessed.evidence is not None
    assert "4L" not in made.assessed.evidence
    assert made.evidence_changed
    assert asked == []


def test_an_edit_that_is_undone_brings_probability_and_attention_back(supplied: AssessedCase) -> None:
    there = reassess(supplied, EDITS["7 is halved"](supplied)).assessed
    back = reassess(there, {"7": boxed(mask_of(supplied, "7"), patient().ct)}).assessed
    assert_alike(findings(back)["7"].model_dump(), findings(supplied)["7"].model_dump())
    assert back.evidence is not None
    assert supplied.evidence is not None
    np.testing.assert_allclose(back.evidence["7"].values, supplied.evidence["7"].values, atol=1e-6)


def test_a_restored_case_makes_its_attention_once_and_then_only_what_changed(
    package: Path, supplied: AssessedCase, asked: list[list[str]]
) -> None:
    case = restored(supplied, supplied.state.settings)
    assert case.evidence is None
    with pytest.raises(ValueError, match="not known yet"):
        _ = case.known_evidence
    first = reassess(case, EDITS["7 is halved"](supplied)).assessed
    reassess(first, {"5": None, "7": boxed(mask_of(supplied, "7"), patient().ct)})
    assert [len(stations) for stations in asked] == [len(supplied.evidence or {}), 1, 1]
    assert first.evidence is not None
    assert set(first.evidence) == set(supplied.evidence or {})


def test_settings_of_a_saved_assessment_name_the_package_by_its_id(
    package: Path, supplied: AssessedCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(supplied.assessment)
    options = settings.metastasis.options["station_network"]
    assert settings.metastasis.method == "station_network"
    assert (options["model"], options["operating_point"]) == ("tiny", "balanced")
    monkeypatch.setenv("LNSTATION_DATA", str(tmp_path))
    with pytest.raises(PackageError, match="there is no model package 'tiny'"):
        with_evidence(restored(supplied))
    (tmp_path / "Models").mkdir()
    (tmp_path / "Models" / "mine.zip").write_bytes(package.read_bytes())
    assert with_evidence(restored(supplied)).evidence


def test_another_package_of_the_same_name_is_refused(tmp_path: Path, package: Path, supplied: AssessedCase) -> None:
    other = write_stations_package(tmp_path / "tiny.zip", stations=list(STATIONS), n_groups=2)
    from LNStationLib.models.package import read_package

    assert read_package(other).manifest.package_id == "tiny"
    changed = supplied.assessment.provenance
    used = [row.model_copy(update={"model_sha256": "0" * 64}) if row.model_sha256 else row for row in changed]
    case = replace(supplied, assessment=supplied.assessment.model_copy(update={"provenance": used}))
    with pytest.raises(
        InputError, match="was assessed with a different model package from the tiny that is available now"
    ):
        reassess(case, EDITS["7 is halved"](supplied))


def test_a_missing_package_is_said_before_the_long_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from LNStationLib.assessment import assess as assessing

    def never(*_: object) -> None:
        raise AssertionError("organs were looked for")

    monkeypatch.setattr(assessing, "parse_case", never)
    with pytest.raises(PackageError, match="there is no model package at"):
        assess(patient(), Settings(metastasis="sa_moe", model=str(tmp_path / "none.zip")))
