"""Weights of elsewhere become a package: what they must fit, and what the card says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from safetensors.torch import save_file  # noqa: E402

from lnstation_training.engine.weights_package import package_weights, read_package_settings  # noqa: E402
from LNStationLib.models.package import OrganSegmentation, read_package  # noqa: E402
from LNStationLib.networks.registry import build_network  # noqa: E402
from LNStationLib.support.errors import InputError, OutputError  # noqa: E402

ROOT = Path(__file__).resolve().parents[4]
SMALL = {"filters": [4, 8, 8], "strides": [1, 2, 2]}
SETTINGS: dict[str, Any] = {
    "package_id": "two-organs",
    "version": "1.0.0",
    "title": "Two organs",
    "task": "organ_segmentation",
    "networks": {
        "all": {
            "name": "dynunet",
            "arguments": {**SMALL, "n_classes": 3},
            "keep_outputs": {"layer": "output_block.conv.conv", "first": 3},
        }
    },
    "section": {
        "volumes": {
            "all": {"spacing_mm": [2.0, 2.0, 2.0], "patch": [16, 16, 16], "channels": ["ct_wide", "ct_soft"]}
        },
        "classes": {"all": ["background", "heart", "aorta"]},
    },
    "cohort": {"title": "phantoms", "n_patients": 4},
    "trained_on": "synthetic",
    "licence": "Apache-2.0",
}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Of a network with two outputs more than the package keeps."""
    torch.manual_seed(0)
    network = build_network("dynunet", {**SMALL, "n_classes": 5})
    save_file(
        {name: tensor.half() for name, tensor in network.state_dict().items()}, tmp_path / "weights.safetensors"
    )
    return tmp_path / "weights.safetensors"


def settings_file(folder: Path, **changes: Any) -> Path:
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump({**SETTINGS, **changes}), encoding="utf-8")
    return path


def test_the_package_holds_the_weights_and_the_outputs_that_are_kept(tmp_path: Path, weights: Path) -> None:
    card = package_weights(settings_file(tmp_path), [weights], tmp_path / "two.zip")
    package = read_package(tmp_path / "two.zip")
    assert package.section(OrganSegmentation).classes["all"] == ["background", "heart", "aorta"]
    assert (card.trained_on, card.metrics) == ("synthetic", [])
    torch.manual_seed(0)
    whole = build_network("dynunet", {**SMALL, "n_classes": 5})
    whole.load_state_dict({name: tensor.half().float() for name, tensor in whole.state_dict().items()})
    volume = torch.rand(1, 2, 8, 8, 8)
    with torch.inference_mode():
        torch.testing.assert_close(package.network()(volume), whole.eval()(volume)[:, :3], atol=1e-4, rtol=1e-4)


def test_the_same_weights_and_settings_give_weights_of_the_same_hash(tmp_path: Path, weights: Path) -> None:
    cards = [package_weights(settings_file(tmp_path), [weights], tmp_path / name) for name in ("a.zip", "b.zip")]
    assert cards[0].sha256 == cards[1].sha256


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"task": "painting"}, "unknown task 'painting'"),
        ({"section": {**SETTINGS["section"], "classes": {"all": ["background", "soul"]}}}, "unknown organs soul"),
        ({"networks": {"all": {"name": "unet"}}}, "unknown network 'unet'"),
        (
            {"networks": {"all": {"name": "dynunet", "arguments": {**SMALL, "n_classes": 3}}}},
            "does not fit the network",
        ),
        (
            {"networks": {"all": {**SETTINGS["networks"]["all"], "keep_outputs": {"layer": "head", "first": 3}}}},
            "no layer head with 3 outputs",
        ),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    tmp_path: Path, weights: Path, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        package_weights(settings_file(tmp_path, **changes), [weights], tmp_path / "two.zip")
    assert not (tmp_path / "two.zip").exists()


def test_files_of_weights_are_as_many_as_networks_and_no_pickles(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(InputError, match="give a file of weights for each"):
        package_weights(settings_file(tmp_path), [weights, weights], tmp_path / "two.zip")
    torch.save({}, tmp_path / "weights.pt")
    with pytest.raises(InputError, match="not a safetensors file"):
        package_weights(settings_file(tmp_path), [tmp_path / "weights.pt"], tmp_path / "two.zip")
    with pytest.raises(InputError, match="cannot be read"):
        package_weights(settings_file(tmp_path), [tmp_path / "none.safetensors"], tmp_path / "two.zip")


def test_a_package_is_not_written_over(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "two.zip").write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        package_weights(settings_file(tmp_path), [weights], tmp_path / "two.zip")


def test_the_settings_of_the_shipped_package_are_its_card() -> None:
    settings = read_package_settings(ROOT / "Training" / "configs" / "packages" / "organs_ct.yaml")
    manifest = read_package(ROOT / "Resources" / "Models" / "organs-ct.zip").manifest
    assert (settings.package_id, settings.version, settings.cohort) == (
        manifest.package_id,
        manifest.version,
        manifest.cohort,
    )
    assert OrganSegmentation.model_validate(settings.section) == manifest.section
