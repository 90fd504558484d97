"""Learned models through the worker: the list of packages, attention volumes, corrections, restored cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from metastasis.network_cases import write_stations_package  # noqa: E402
from worker.client import Client  # noqa: E402
from worker.test_worker import COARSE, box_of, finding, first, image, load_params  # noqa: E402

from LNStationLib import anatomy  # noqa: E402
from LNStationLib.anatomy.station_groups import STATIONS  # noqa: E402
from LNStationLib.imaging.arrays import array_view  # noqa: E402
from LNStationLib.models.package import read_package  # noqa: E402
from LNStationLib.worker import messages  # noqa: E402


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stations_package(tmp_path_factory.mktemp("models") / "tiny.zip", stations=list(STATIONS))


def model_settings(package: Path) -> dict[str, Any]:
    return COARSE | {"nodes": "supplied", "metastasis": "sa_moe", "model": str(package), "device": "cpu"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Iterator[Client]:
    """A worker that has one case, judged by a network."""
    with Client(tmp_path_factory.mktemp("private")) as worker:
        worker.result("load_case", load_params(worker))
        worker.first = worker.result("assess", {"case": "a", "settings": model_settings(package)})  # type: ignore[attr-defined]
        yield worker


def values_on_ct(client: Client, described: dict[str, Any], reference: sitk.Image) -> np.ndarray:
    found = image(client, described)
    whole = sitk.Resample(found, reference, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0, sitk.sitkFloat32)
    return sitk.GetArrayFromImage(whole)


def test_the_models_are_listed_with_their_cards_and_what_cannot_be_used(
    client: Client, package: Path, tmp_path: Path
) -> None:
    (tmp_path / "good.zip").write_bytes(package.read_bytes())
    (tmp_path / "cut.zip").write_bytes(package.read_bytes()[:-200])
    (tmp_path / "notes.txt").write_text("no package")
    answer = client.result("models", {"folders": [str(tmp_path)]})
    (mine,) = (row for row in answer["models"] if row["source"] == "folder")
    card = read_package(package).manifest
    assert (mine["id"], mine["path"], mine["sha256"]) == ("tiny", str(tmp_path / "good.zip"), card.sha256)
    assert mine["operating_points"][0] == card.section.operating_points[0].model_dump(mode="json")
    assert mine["cohort"]["n_patients"] == 20
    assert "trained on synthetic patients only" in mine["summary"]
    (problem,) = answer["problems"]
    assert problem["path"] == str(tmp_path / "cut.zip")
    assert problem["message"].endswith(".")
    assert (answer["missing"], answer["install"]) == ([], None)
    assert Path(answer["user_folder"]).is_absolute()


def test_a_package_whose_weights_were_changed_is_not_offered(client: Client, package: Path, tmp_path: Path) -> None:
    import zipfile

    from models.test_modelpackage import as_folder

    with zipfile.ZipFile(package) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights = bytearray(members["weights.safetensors"])
    weights[-1] ^= 1
    as_folder(tmp_path / "p", members | {"weights.safetensors": bytes(weights)})
    answer = client.result("models", {"folders": [str(tmp_path)]})
    assert "the hash of weights.safetensors is not the one" in answer["problems"][0]["message"]


def test_an_assessment_brings_probabilities_and_an_attention_volume(client: Client) -> None:
    answer = first(client)
    rows = {row["station"]: row for row in answer["assessment"]["stations"]}
    assert 0 < rows["7"]["probability"] < 1
    assert rows["7"]["attention_node"] in {node["node_id"] for node in answer["assessment"]["nodes"]}
    stations = image(client, answer["stations"])
    described = answer["attention"]
    assert described["dtype"] == "float32"
    assert np.prod(described["shape"]) < 0.6 * stations.GetNumberOfPixels()
    values = values_on_ct(client, described, stations)
    labels = array_view(stations)
    judged = [anatomy.station(name).label_value for name, row in rows.items() if row["probability"] is not None]
    assert values.max() <= 1
    assert all(values[labels == value].max() > 0.1 for value in judged)
    assert not values[~np.isin(labels, judged)].any()
    step = next(row for row in answer["assessment"]["provenance"] if row["step"] == "metastasis")
    assert (step["model_package"], step["model_version"], step["trained_on"]) == ("tiny", "1", "synthetic")
    assert step["settings"]["ran_on"] == "cpu"


def test_a_correction_brings_the_whole_attention_and_changes_only_its_station(client: Client) -> None:
    answer = first(client)
    made = client.result("reassess", {"case": "a", "stations": {"7": box_of(client, "7", 0.5)}})
    assert finding(made["assessment"], "7")["probability"] != finding(answer["assessment"], "7")["probability"]
    assert finding(made["assessment"], "4R")["probability"] == finding(answer["assessment"], "4R")["probability"]
    stations = image(client, answer["stations"])
    before, after = (values_on_ct(client, each["attention"], stations) for each in (answer, made))
    labels = array_view(stations)
    other = labels == anatomy.station("4R").label_value
    np.testing.assert_array_equal(before[other], after[other])
    assert not np.array_equal(before, after)
    nothing = client.result("reassess", {"case": "a", "stations": {"7": box_of(client, "7", 0.5)}})
    assert (nothing["changed"], nothing["attention"]) == ([], None)
    client.result("reassess", {"case": "a", "stations": {"7": box_of(client, "7", 1.0)}})


def test_a_restored_case_is_corrected_and_reported_with_attention(
    client: Client, package: Path, tmp_path: Path
) -> None:
    answer = first(client)
    with Client(tmp_path / "private") as worker:
        worker.result("load_case", load_params(worker))
        saved = {name: worker.volume(f"{name}.raw", image(client, answer[name])) for name in ("stations", "nodes")}
        settings = model_settings(package)
        worker.result("restore_case", {"case": "a", "assessment": answer["assessment"], "settings": settings} | saved)
        edit = worker.volume("edit.raw", image(client, box_of(client, "7", 0.5)))
        made = worker.result("reassess", {"case": "a", "stations": {"7": edit}})
        assert made["attention"] is not None
        assert {"7"} <= set(made["changed"]) < {row["station"] for row in made["assessment"]["stations"]}
        params = {"case": "a", "folder": str(tmp_path / "report"), "formats": ["json", "nifti", "html"]}
        files = worker.result("report", params)["files"]
        assert "attention.nii.gz" in {Path(name).name for name in files}
        page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
        assert "SYNTHETIC TRAINING" in page
        assert str(package.parent) not in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "nothing"}, "there is no model package 'nothing'"),
        ({"operating_point": "x"}, "tiny has no operating point 'x'; it has balanced, sensitive"),
        ({"device": "cuda:9"}, "the device 'cuda:9' is not available"),
        ({"nodes": "none"}, "needs nodes"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence_and_changes_nothing(
    client: Client, package: Path, changes: dict[str, Any], words: str
) -> None:
    failure = client.failure("assess", {"case": "a", "settings": model_settings(package) | changes})
    assert failure.code == messages.ErrorCode.INPUT_ERROR
    assert words in failure.message
    after = client.result("reassess", {"case": "a", "stations": {}})["assessment"]
    assert finding(after, "4R")["probability"] is not None


def test_without_a_network_there_is_no_attention(client: Client) -> None:
    client.result("load_case", load_params(client, "plain"))
    answer = client.result("assess", {"case": "plain", "settings": COARSE | {"nodes": "supplied"}})
    assert answer["attention"] is None
    made = client.result("reassess", {"case": "plain", "stations": {"7": box_of(client, "7", 0.5)}})
    assert made["attention"] is None
    client.result("release_case", {"case": "plain"})
