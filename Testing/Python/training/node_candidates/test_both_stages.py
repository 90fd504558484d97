"""Both stages of OSLN from prepared patients to one package, by the commands of a research group."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from training.drawn_volumes import SHAPE, SPACING, drawn_arrays  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from lnstation_training.cli import app  # noqa: E402
from lnstation_training.cohorts.info import CohortInfo  # noqa: E402
from lnstation_training.segmentation.folder import VolumeGeometry, claim_volumes, numbered_splits  # noqa: E402
from lnstation_training.segmentation.patients import (  # noqa: E402
    NODE_KINDS,
    NODES,
    PET,
    SIGNIFICANT,
    TUMOR_DISTANCE,
    VISIBLE_NODE,
    PatientVolume,
    distance_codes,
    pet_codes,
    write_patient,
)
from LNStationLib.cli.app import app as product  # noqa: E402
from LNStationLib.models.package import NodeDetection, read_package  # noqa: E402

PATIENTS = [f"P{number}" for number in range(4)]
QUIET = ("--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false")
SHORT = ("--trainer.accelerator", "cpu", "--trainer.max_epochs", "1")


def call(*arguments: object, of: object = app) -> str:
    result = CliRunner().invoke(of, [str(argument) for argument in arguments])  # type: ignore[arg-type]  # a typer app
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Patients with a hot significant node and a cold other one in station 4R."""
    folder = tmp_path_factory.mktemp("volumes")
    claim_volumes(
        folder, "node_detection", CohortInfo(title="drawn", synthetic=True), VolumeGeometry(spacing_mm=SPACING)
    )
    numbered_splits(folder, PATIENTS, 3)
    for shift, name in enumerate(PATIENTS):
        numbers, kinds, marks = (np.zeros(SHAPE, np.uint8) for _ in range(3))
        numbers[13:15, 13:15, 13 + shift % 2], numbers[16:18, 16:18, 13] = 1, 2
        kinds[numbers > 0], marks[numbers == 1] = VISIBLE_NODE, 31
        arrays = {**drawn_arrays(), NODES: numbers, NODE_KINDS: kinds, SIGNIFICANT: marks}
        arrays["ct"] = np.where(numbers > 0, 50, arrays["ct"]).astype(np.int16)
        arrays[PET] = pet_codes(np.where(numbers == 1, 9.0, 1.0))
        arrays[TUMOR_DISTANCE] = distance_codes(np.full(SHAPE, 30.0))
        write_patient(folder, PatientVolume(name, arrays, SPACING, None, True))
    return folder


@pytest.fixture(scope="module")
def streams(volumes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    call(
        *("fit", "--task", "node_detection", "--data.folder", volumes, "--out", folder / "run", *QUIET, *SHORT),
        *("--model.network_arguments", '{"filters": [4, 4, 4], "strides": [1, 2, 2]}'),
        *("--model.streams", "[ct, pet, ct_near, ct_far, pet_near, pet_far]", "--model.window", "[8, 8, 8]"),
        *("--model.spacing_mm", str(list(SPACING)), "--data.patch", "[8, 8, 8]", "--data.patches_per_epoch", "4"),
        *("--data.appearance", '{"lymph_nodes": {"prob": 0}}', "--data.baselines", "true"),
    )
    call("evaluate", folder / "run")
    call("export", folder / "run", "--out", folder / "streams.zip", "--id", "s", "--title", "S", "--license", "CC0")
    return folder


def test_one_run_measures_every_fusion_and_the_classical_detectors(streams: Path) -> None:
    found = json.loads((streams / "run" / "evaluation_test" / "results.json").read_text(encoding="utf-8"))
    names = [row["name"] for row in found["fusions"]]
    assert names[:6] == ["CT", "EF", "LF", "CT, stratified", "EF, stratified", "LF, stratified"]
    assert names[-2:] == ["blob detector", "PET threshold"]
    hot = {each["name"]: each["value"] for each in found["fusions"][-1]["figures"]}
    assert hot["mFROC"] == 1.0, "the significant node is hot, and nothing else"
    assert found["n_nodes"] == found["n_patients"]


def test_the_package_holds_six_networks_and_how_pet_was_standardized(streams: Path) -> None:
    package = read_package(streams / "streams.zip")
    section = package.section(NodeDetection)
    assert len(section.streams) == 6
    assert not section.finds_visible
    assert section.volumes["pet_far"].pet_suv is not None
    assert section.volumes["ct_far"].pet_suv is None
    assert section.significant is not None
    assert section.significant.near_mm == 70
    for role in section.streams:
        channels = len(section.volumes[role].channels)
        assert package.network(role)(torch.zeros(1, channels, 8, 8, 8)).shape == (1, 3, 8, 8, 8)


def test_the_second_stage_learns_from_the_first_and_joins_its_package(volumes: Path, streams: Path) -> None:
    second = streams / "second"
    call(
        *("fit", "--task", "node_candidates", "--data.folder", volumes, "--out", second, *QUIET, *SHORT),
        *("--model.network_arguments", '{"filters": [4, 4], "features": 8}', "--data.size", "[8, 8, 8]"),
        *("--data.margin", "2", "--data.jitter", "1"),
    )
    call("evaluate", second)
    call("export", second, "--out", streams / "second.zip", "--id", "t", "--title", "T", "--license", "CC0")
    said = call(
        *("models", "join", streams / "streams.zip", streams / "second.zip", "--out", streams / "both.zip"),
        *("--id", "both"),
        of=product,
    )
    assert "second_stage" in said
    section = read_package(streams / "both.zip").section(NodeDetection)
    assert section.second_stage is not None
    assert section.second_stage.judges == "significant"
    result = CliRunner().invoke(
        app,
        ["fit", "--task", "node_candidates", "--data.folder", str(volumes), "--out", str(streams / "third"),
         "--data.detector", str(streams / "streams.zip"), "--data.fusion", "MULAN", *QUIET, *SHORT],
    )  # fmt: skip
    assert result.exit_code == 2
    assert "the first stage has CT, EF, LF" in " ".join(result.output.split())
