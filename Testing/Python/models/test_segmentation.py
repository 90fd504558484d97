"""Networks of volumes in use: both engines, the cascade, the kept conversion, cancel, and what is refused."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from models.packages import write_tiny  # noqa: E402
from models.volume_packages import CLASSES, stratified_section, write_volumes  # noqa: E402

from LNStationLib.imaging.grid import working_grid  # noqa: E402
from LNStationLib.models.package import PackageError, read_package  # noqa: E402
from LNStationLib.models.runtime import model_cache, openvino_engine, volume_engines  # noqa: E402
from LNStationLib.models.runtime.segmentation import (  # noqa: E402
    ClassProbabilities,
    Segmenter,
    organ_probabilities,
    warm_segmenter,
)
from LNStationLib.models.runtime.volume_engines import label_dice  # noqa: E402
from LNStationLib.sampling.crude_chest import crude_chest  # noqa: E402
from LNStationLib.support.errors import CancelledError, InputError  # noqa: E402

needs_openvino = pytest.mark.skipif(not openvino_engine.is_installed(), reason="OpenVINO is not installed")
HALF_PRECISION = 5e-3


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LNSTATION_DATA", str(tmp_path / "data"))
    # What is tested here is the way through; bfloat16 is for networks that were trained.
    monkeypatch.setattr(volume_engines, "_CHECKED_SIZE", (16, 32, 32))
    monkeypatch.setattr(volume_engines, "cpu_precision", lambda: "float32")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_volumes(tmp_path_factory.mktemp("package") / "organs.zip")


def chest() -> sitk.Image:
    hu, _ = crude_chest((24, 30, 40), (5.0, 5.0, 5.0))
    image = sitk.GetImageFromArray(hu.astype(np.int16))
    image.SetSpacing((5.0, 5.0, 5.0))
    return image


def found(segmenter: Segmenter, **arguments: Any) -> ClassProbabilities:
    ct = chest()
    return segmenter.probabilities("all", ct, working_grid(ct, 2.0), **arguments)


def kept_files() -> list[Path]:
    return sorted(model_cache.cache_folder().glob("*.zip"))


def test_probabilities_lie_on_the_network_s_grid_and_add_up_to_one(package: Path) -> None:
    answer = found(Segmenter(read_package(package), "cpu", "torch"))
    assert answer.grid.spacing_mm == (4.0, 4.0, 4.0)
    assert answer.values.shape == (4, *answer.grid.shape)
    assert answer.classes == tuple(CLASSES)
    np.testing.assert_allclose(answer.of(0, 1, 2, 3), 1.0, atol=HALF_PRECISION)
    np.testing.assert_array_equal(answer.labels(), answer.values.astype(np.float32).argmax(axis=0))


def test_the_answer_does_not_depend_on_the_orientation_of_the_image(package: Path) -> None:
    segmenter, ct = Segmenter(read_package(package), "cpu", "torch"), chest()
    turned = sitk.DICOMOrient(ct, "SPR")
    one, other = (segmenter.probabilities("all", each, working_grid(each, 2.0)) for each in (ct, turned))
    np.testing.assert_allclose(other.values, one.values, atol=HALF_PRECISION)


@needs_openvino
def test_the_memory_of_a_pass_is_given_back_and_the_network_answers_again(package: Path) -> None:
    segmenter = Segmenter(read_package(package), "cpu", "openvino")
    first = found(segmenter)
    network = segmenter.network("all")
    assert network._request is None
    assert network._compiled is not None
    np.testing.assert_array_equal(found(segmenter).values, first.values)


@needs_openvino
def test_openvino_answers_as_torch_does_in_windows_of_another_size_too(package: Path) -> None:
    one, other = (Segmenter(read_package(package), "cpu", engine) for engine in ("torch", "openvino"))
    assert (one.network("all").engine, other.network("all").engine) == ("torch", "openvino")
    np.testing.assert_allclose(found(other).values, found(one).values, atol=HALF_PRECISION)
    window = np.random.default_rng(0).uniform(-1, 1, (1, 2, 32, 48, 16)).astype(np.float32)
    expected = one.network("all")(window)
    torch.testing.assert_close(other.network("all")(window), expected, atol=HALF_PRECISION, rtol=0)


@needs_openvino
def test_a_conversion_is_kept_and_used_by_the_next_start(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = found(Segmenter(read_package(package), "cpu", "openvino"))
    assert len(kept_files()) == 1

    def fail(*_: object) -> None:
        raise AssertionError("converted again")

    monkeypatch.setattr(volume_engines, "_converted", fail)
    np.testing.assert_array_equal(found(Segmenter(read_package(package), "cpu", "openvino")).values, first.values)


@needs_openvino
@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 nothing", None])
def test_a_damaged_conversion_is_made_again(
    package: Path, damage: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    first = found(Segmenter(read_package(package), "cpu", "openvino"))
    (file,) = kept_files()
    whole = file.read_bytes()
    # Without a given content: one byte in the middle of the weights.
    middle = len(whole) // 2
    file.write_bytes(
        whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :] if damage is None else damage
    )
    with caplog.at_level(logging.WARNING):
        again = found(Segmenter(read_package(package), "cpu", "openvino"))
    assert "damaged" in caplog.text
    np.testing.assert_array_equal(again.values, first.values)
    (again_kept,) = kept_files()
    assert model_cache.read_converted(again_kept.stem.removeprefix("network-")) is not None


@needs_openvino
def test_a_folder_that_cannot_be_written_costs_the_conversion_alone(
    package: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        assert Segmenter(read_package(package), "cpu", "openvino").network("all").engine == "openvino"
    assert "could not be kept" in caplog.text


@needs_openvino
def test_only_the_newest_conversions_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_cache, "_MAX_FILES", 2)
    for number in range(4):
        converted = model_cache.ConvertedNetwork(b"<xml/>", b"weights", 1.0)
        model_cache.keep_converted(model_cache.cache_key(number=number), converted)
    assert len(kept_files()) == 2


@needs_openvino
def test_an_engine_whose_label_map_differs_is_not_used(
    package: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(volume_engines, "MIN_DICE", 1.1)
    with pytest.raises(InputError, match=r"label map differs from torch's .* choose the engine torch"):
        Segmenter(read_package(package), "cpu", "openvino").network("all")
    with caplog.at_level(logging.WARNING):
        assert Segmenter(read_package(package), "cpu", "auto").network("all").engine == "torch"
    assert "torch runs the network" in caplog.text


def test_without_openvino_auto_takes_torch_and_the_wish_for_it_is_answered(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino_engine, "is_installed", lambda: False)
    assert Segmenter(read_package(package), "cpu", "auto").network("all").engine == "torch"
    with pytest.raises(InputError, match="OpenVINO is not installed: run python -m pip install openvino=="):
        Segmenter(read_package(package), "cpu", "openvino")


def test_openvino_on_a_gpu_is_refused(package: Path) -> None:
    with pytest.raises(InputError, match="runs on the CPU, not on cuda"):
        Segmenter(read_package(package), "cuda", "openvino")


def test_the_anchor_s_organs_are_seen_by_the_other_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter = Segmenter(read_package(write_volumes(tmp_path / "two.zip", stratified_section())), "cpu", "torch")
    ct, seen = chest(), []
    own = volume_engines.TorchVolumes.__call__

    def spied(network: Any, window: np.ndarray) -> Any:
        seen.append(window.copy())
        return own(network, window)

    monkeypatch.setattr(volume_engines.TorchVolumes, "__call__", spied)
    answer = organ_probabilities(segmenter, ct, working_grid(ct, 2.0))
    assert set(answer) == {"anchor", "non_anchor"}
    assert answer["non_anchor"].grid.spacing_mm == (3.0, 3.0, 3.0)
    heart = seen[-1][0, 1]
    assert 0 <= heart.min() < heart.max() <= 1


def test_a_scan_can_be_cancelled(package: Path) -> None:
    def cancel(step: str, done: float) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        found(Segmenter(read_package(package), "cpu", "torch"), progress=cancel)


def test_a_package_of_another_task_is_refused(tmp_path: Path) -> None:
    write_tiny(tmp_path / "tiny.zip")
    with pytest.raises(PackageError, match="'station_classification', which labels no voxels"):
        Segmenter(read_package(tmp_path / "tiny.zip"), "cpu", "torch")


def test_networks_stay_warm(package: Path) -> None:
    assert warm_segmenter(package, "cpu", "torch") is warm_segmenter(package, "cpu", "torch")


def test_dice_of_label_maps_counts_equal_labels_and_not_background() -> None:
    one, other = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 1, 1, 2, 1])
    assert label_dice(one, other) == pytest.approx(2 * 3 / (4 + 5))
    assert label_dice(np.zeros(3), np.zeros(3)) == 1.0
