"""A task that LNStation does not know, registered from outside: written, read, verified, shown, and told apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from models.packages import manifest as station_manifest  # noqa: E402
from models.packages import write_tiny  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from LNStationLib.cli.app import app  # noqa: E402
from LNStationLib.models.package import (  # noqa: E402
    CardRow,
    CohortSummary,
    Manifest,
    NetworkEntry,
    OneInputSection,
    PackageError,
    StationClassification,
    WeightsFile,
    find_package,
    read_package,
    register_section,
    sections,
    write_package,
)
from LNStationLib.models.package.card import card  # noqa: E402
from LNStationLib.networks.registry import build_network  # noqa: E402

NETWORK = {"name": "mobilevitv2", "arguments": {"width": 0.1, "n_blocks": 0}}


class ToySegmentation(OneInputSection):
    """A cascade of two networks over one channel."""

    task: ClassVar[str] = "toy_segmentation"
    task_title: ClassVar[str] = "Segmentation of toys"
    roles: ClassVar[tuple[str, ...]] = ("coarse", "fine")

    labels: list[str]

    def card_rows(self) -> list[CardRow]:
        return [CardRow("Toys", (", ".join(self.labels),))]


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LNSTATION_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(sections, "_SECTIONS", dict(sections._SECTIONS))
    register_section(ToySegmentation)


def toy_manifest(weights: dict[str, WeightsFile], **changes: Any) -> Manifest[Any]:
    fields: dict[str, Any] = {
        "package_id": "toys",
        "version": "1",
        "title": "Toys",
        "task": "toy_segmentation",
        "networks": [NetworkEntry(role=role, weights=file, **NETWORK) for role, file in weights.items()],
        "section": ToySegmentation(channels=["ct"], labels=["ball", "bear"]),
        "cohort": CohortSummary(title="nursery", n_patients=3, counts={"scans": 4}),
        "trained_on": "synthetic",
        "licence": "Apache-2.0",
        "created": "2026-11-26T00:00:00+00:00",
        "lnstation_version": "0.1.0",
    }
    return Manifest[ToySegmentation](**{**fields, **changes})


@pytest.fixture
def toys(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    networks = {role: build_network(NETWORK["name"], NETWORK["arguments"], ["ct"]) for role in ("coarse", "fine")}
    write_package(tmp_path / "toys.zip", networks, toy_manifest, "float32")
    return tmp_path / "toys.zip"


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_both_networks_come_back_by_their_roles(toys: Path) -> None:
    package = read_package(toys)
    assert package.section(ToySegmentation).labels == ["ball", "bear"]
    states = [package.network(role).state_dict() for role in ("coarse", "fine")]
    assert any(not torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert len({entry.weights.file for entry in package.manifest.networks}) == 2
    assert package.manifest.sha256 not in {entry.weights.sha256 for entry in package.manifest.networks}


def test_the_console_lists_shows_and_verifies_it(toys: Path) -> None:
    assert "Segmentation of toys" in run("models", "list", toys.parent)
    shown = run("models", "show", toys)
    for expected in ("ball, bear", "nursery: 3 patients, 4 scans", "coarse: mobilevitv2", "fine: mobilevitv2"):
        assert expected in shown
    assert "accepts them" in run("models", "verify", "--build", toys)


def test_its_card_has_the_envelope_the_section_and_rows_for_people(toys: Path) -> None:
    made = json.loads(json.dumps(card(read_package(toys).manifest, toys, "folder")))
    assert (made["task"], made["labels"], made["channels"]) == ("toy_segmentation", ["ball", "bear"], ["ct"])
    assert {"title": "Toys", "lines": ["ball, bear"]} in made["rows"]
    assert "operating_points" not in made


def test_a_step_refuses_a_package_of_another_task(toys: Path) -> None:
    with pytest.raises(
        PackageError, match="was made for the task 'toy_segmentation', and the task here is 'station_"
    ):
        read_package(toys).section(StationClassification)


def test_without_a_reference_the_first_package_of_the_task_is_found(toys: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "Models"
    folder.mkdir(parents=True)
    mine = folder / "toys.zip"
    mine.write_bytes(toys.read_bytes())
    assert find_package(task="toy_segmentation") == mine
    assert find_package(task="station_classification").parent.name == "Models"
    assert find_package("toys", task="station_classification") == mine
    with pytest.raises(PackageError, match="has no model package for the task 'painting'"):
        find_package(task="painting")


def test_a_package_with_another_number_of_networks_than_its_task_is_refused() -> None:
    file = WeightsFile(sha256="0" * 64, n_bytes=1)
    with pytest.raises(ValueError, match="the task has networks coarse, fine, the package has fine"):
        toy_manifest({"fine": file})
    with pytest.raises(ValueError, match="same role or the same file"):
        toy_manifest({"coarse": file, "fine": file})
    with pytest.raises(ValueError, match="the task has networks classifier"):
        station_manifest({"judge": file})


def test_the_weights_of_every_network_are_verified(toys: Path, tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(toys) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "swapped.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, members["coarse.safetensors"] if name == "fine.safetensors" else content)
    with pytest.raises(PackageError, match=r"fine\.safetensors"):
        read_package(tmp_path / "swapped.zip")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        for name, content in {**members, "other.safetensors": b"x"}.items():
            archive.writestr(name, content)
    with pytest.raises(PackageError, match=r"'other\.safetensors' does not belong"):
        read_package(tmp_path / "more.zip")


def test_a_task_is_registered_once(tmp_path: Path) -> None:
    assert register_section(ToySegmentation) is ToySegmentation

    class Other(ToySegmentation):
        pass

    with pytest.raises(ValueError, match="registered already, by ToySegmentation"):
        register_section(Other)


def test_packages_of_a_task_that_is_not_registered_are_listed_as_unusable(
    toys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny(toys.parent / "tiny.zip")
    known = {task: kind for task, kind in sections._SECTIONS.items() if task != "toy_segmentation"}
    monkeypatch.setattr(sections, "_SECTIONS", known)
    listed = run("models", "list", toys.parent)
    assert "unknown task 'toy_segmentation'; known: station_classification" in listed
    assert "Tiny network for tests" in listed
