"""Packages of schema version 1.0: read as they are, and written again in today's with the same weights."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from models.packages import write_tiny  # noqa: E402

from LNStationLib.models.package import PackageError, StationClassification, read_package, upgrade_package  # noqa: E402
from LNStationLib.models.package.version_1 import ManifestV1  # noqa: E402
from LNStationLib.support.errors import InputError, OutputError  # noqa: E402

VERSION_1 = Path(__file__).parent / "data" / "version_1.zip"
"""Written by LNStation 0.1.0 at commit a688899, with the logit of ``ramp`` by the network that it was made of."""
LOGIT, PROBABILITY = 0.28530958, 0.39427419


def ramp() -> torch.Tensor:
    """A region of rising CT whose brightest quarter is a node."""
    region = torch.linspace(-1, 1, 2 * 8 * 32 * 32).reshape(1, 2, 8, 32, 32)
    region[:, 1] = (region[:, 1] > 0.5).float()
    return region


def as_folder(folder: Path, **changes: object) -> Path:
    folder.mkdir()
    with zipfile.ZipFile(VERSION_1) as archive:
        archive.extractall(folder)
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    (folder / "model.json").write_text(json.dumps(card | changes), encoding="utf-8")
    return folder


def assert_gives_its_probability(path: Path) -> None:
    package = read_package(path)
    with torch.inference_mode():
        logit = float(package.network()(ramp()).logits)
    assert logit == pytest.approx(LOGIT, abs=1e-5)
    assert package.section(StationClassification).probability(logit) == pytest.approx(PROBABILITY, abs=1e-5)


def test_a_package_of_version_1_is_read_with_its_channels_by_name_and_gives_its_probability() -> None:
    card = read_package(VERSION_1).manifest
    assert (card.task, card.section.channels) == ("station_classification", ["ct", "node_mask"])
    assert [(entry.role, entry.name) for entry in card.networks] == [("classifier", "mobilevitv2_sa_moe")]
    assert (card.cohort.n_patients, card.cohort.counts) == (20, {"stations": 100, "metastatic stations": 12})
    assert_gives_its_probability(VERSION_1)


def test_an_upgraded_package_has_the_same_weights_card_and_probability(tmp_path: Path) -> None:
    upgrade_package(VERSION_1, tmp_path / "today.zip")
    before, after = read_package(VERSION_1), read_package(tmp_path / "today.zip")
    assert after.weights == before.weights
    assert after.manifest == before.manifest
    assert after.manifest.sha256 == before.manifest.sha256
    with zipfile.ZipFile(tmp_path / "today.zip") as archive:
        assert json.loads(archive.read("model.json"))["schema_version"] == "2.0"
    assert_gives_its_probability(tmp_path / "today.zip")


def test_a_license_beside_the_weights_is_kept(tmp_path: Path) -> None:
    folder = as_folder(tmp_path / "p")
    (folder / "LICENSE").write_text("Apache", encoding="utf-8")
    upgrade_package(folder, tmp_path / "today.zip")
    with zipfile.ZipFile(tmp_path / "today.zip") as archive:
        assert archive.read("LICENSE") == b"Apache"


def test_what_needs_no_upgrade_or_would_replace_a_file_is_refused(tmp_path: Path) -> None:
    write_tiny(tmp_path / "today.zip")
    with pytest.raises(InputError, match=r"is of schema version 2\.0 already"):
        upgrade_package(tmp_path / "today.zip", tmp_path / "again.zip")
    with pytest.raises(OutputError, match="exists already"):
        upgrade_package(VERSION_1, tmp_path / "today.zip")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"surprise": 1}, "surprise"),
        ({"stations": ["4X"]}, "unknown stations 4X"),
        ({"inputs": ["ct"]}, "2 input channels, the inputs are ct"),
        ({"region": {"shape": "round"}}, "does not know; update LNStation"),
        ({"cohort": "many"}, "cohort"),
    ],
)
def test_a_faulty_card_of_version_1_is_refused_in_one_sentence(
    changes: dict[str, object], words: str, tmp_path: Path
) -> None:
    with pytest.raises(PackageError, match=words) as caught:
        read_package(as_folder(tmp_path / "p", **changes))
    assert "\n" not in str(caught.value)


def test_a_package_of_the_ct_alone_names_one_channel(tmp_path: Path) -> None:
    with zipfile.ZipFile(VERSION_1) as archive:
        card = json.loads(archive.read("model.json"))
    card["inputs"] = ["ct"]
    card["network"]["arguments"] = {"in_channels": 1, "width": 0.1}
    upgraded = ManifestV1.model_validate(card).upgraded()
    assert upgraded.section.channels == ["ct"]
    assert upgraded.networks[0].arguments == {"width": 0.1}
