"""The commands ``models`` and ``networks``, and ``assess`` with a model package."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from metastasis.network_cases import write_stations_package  # noqa: E402
from typer.testing import CliRunner, Result  # noqa: E402

from LNStationLib.cli import models  # noqa: E402
from LNStationLib.cli.app import app  # noqa: E402
from LNStationLib.networks import installation, registry  # noqa: E402

VERSION_1 = Path(__file__).parents[1] / "models" / "data" / "version_1.zip"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stations_package(tmp_path_factory.mktemp("models") / "tiny.zip")


@pytest.fixture(autouse=True)
def no_packages_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LNSTATION_DATA", str(tmp_path / "data"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def words(result: Result) -> str:
    return " ".join(result.output.split())


def test_packages_are_listed_and_those_that_cannot_be_used_say_why(package: Path) -> None:
    (package.parent / "broken.zip").write_bytes(b"PK")
    result = run("models", "list", package.parent)
    assert result.exit_code == 0
    assert "Tiny network for" in words(result)
    assert "synthetic" in result.output
    assert "broken.zip is neither a folder nor a zip file" in words(result)
    listed = json.loads(run("models", "list", package.parent, "--json").output)
    assert [card["id"] for card in listed["models"] if card["source"] == "folder"] == ["tiny"]
    assert len(listed["problems"]) == 1
    (package.parent / "broken.zip").unlink()


def test_a_package_of_the_user_is_found_by_its_id(package: Path, tmp_path: Path) -> None:
    assert run("models", "show", "tiny").exit_code == 2
    folder = tmp_path / "data" / "Models"
    folder.mkdir(parents=True)
    (folder / "mine.zip").write_bytes(package.read_bytes())
    assert "Tiny network for tests (tiny 1)" in run("models", "show", "tiny").output


def test_a_card_shows_cohort_metrics_operating_points_and_what_it_was_trained_on(package: Path) -> None:
    result = run("models", "show", package)
    said = words(result)
    for expected in ("Trained on synthetic patients only", "auc 0.80 (0.70 to 0.90)", "20 patients", "balanced"):
        assert expected in said
    assert "0.400" in said
    assert "Research use only" in said
    card = json.loads(run("models", "show", package, "--json").output)
    assert (card["id"], card["trained_on"], card["operating_points"][0]["threshold"]) == ("tiny", "synthetic", 0.4)


def test_a_sound_package_is_verified_and_its_network_built_where_asked(package: Path) -> None:
    assert "is valid" in words(run("models", "verify", package))
    assert "mobilevitv2_sa_moe accepts them" in words(run("models", "verify", "--build", package))


def test_a_package_of_an_older_schema_is_upgraded(tmp_path: Path) -> None:
    assert "in schema version 2.0" in words(run("models", "upgrade", VERSION_1, tmp_path / "today.zip"))
    assert "is valid" in words(run("models", "verify", "--build", tmp_path / "today.zip"))
    again = run("models", "upgrade", tmp_path / "today.zip", tmp_path / "again.zip")
    assert again.exit_code == 2
    assert "already: use it as it is" in words(again)


def test_a_changed_package_fails_in_one_sentence(package: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.zip"
    changed.write_bytes(package.read_bytes()[:-300])
    result = run("models", "verify", changed)
    assert result.exit_code == 2
    assert result.output.count("\n") == 1
    assert "Error:" in result.output


def test_every_registered_network_is_listed_with_its_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    few = {name: registry.NETWORKS[name] for name in ("mobilenetv2", "mobilevitv2_sa_moe", "station_cnn")}
    monkeypatch.setattr(registry, "NETWORKS", few)
    found = json.loads(run("networks", "--json").output)
    assert found["region"] == [32, 96, 96]
    by_name = {row["name"]: row for row in found["networks"]}
    assert set(by_name) == set(few)
    assert round(by_name["mobilevitv2_sa_moe"]["parameters"] / 1e6, 2) == 4.45
    assert 3e9 < by_name["mobilevitv2_sa_moe"]["multiply_adds"] < 4e9
    assert by_name["mobilevitv2_sa_moe"]["mebibytes"] == pytest.approx(17.00, abs=0.03)
    assert by_name["station_cnn"]["input"] == [2, 64, 64, 64], "its patches are no regions"
    table = run("networks").output
    assert "64 x 64" in table
    assert "4.45" in table
    assert "2.35" in table


def test_without_torch_networks_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "missing_packages", lambda: ["torch", "monai"])
    result = run("networks")
    assert result.exit_code == 2
    assert "learned models need torch, monai, which are not installed: run python -m pip install" in words(result)


def test_options_of_a_package_without_one_are_refused(tmp_path: Path) -> None:
    result = run("assess", "--ct", tmp_path / "ct.nii", "--out", tmp_path / "out", "--operating-point", "balanced")
    assert result.exit_code == 2
    assert "choose it with --metastasis.method station_network" in words(result)


def test_a_missing_package_ends_before_the_case_is_read(tmp_path: Path) -> None:
    result = run("assess", "--ct", tmp_path / "ct.nii", "--out", tmp_path / "out", "--model", tmp_path / "no.zip")
    assert result.exit_code == 2
    assert "there is no model package at" in words(result)


def test_the_commands_teach_themselves() -> None:
    said = words(run("models", "--help"))
    for command in ("list", "show", "verify", "upgrade"):
        assert command in said
    assert models.networks.__doc__ is not None
    assert "multiply-adds" in words(run("networks", "--help"))
