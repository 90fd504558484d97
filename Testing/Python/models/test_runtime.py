"""The runtime of networks: batches, whole volumes window by window, warm packages, devices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from models.packages import REGION, write_tiny  # noqa: E402

from LNStationLib.models.package import PackageError, read_package  # noqa: E402
from LNStationLib.models.runtime import runner as runner_module  # noqa: E402
from LNStationLib.models.runtime.devices import chosen_device  # noqa: E402
from LNStationLib.models.runtime.runner import NetworkRunner  # noqa: E402
from LNStationLib.models.runtime.sliding_window import Windows, predict_volume  # noqa: E402
from LNStationLib.models.runtime.warm import MAX_WARM, warm  # noqa: E402
from LNStationLib.support.errors import CancelledError, InputError  # noqa: E402

ROUNDING = 1e-5


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package") / "tiny.zip"
    write_tiny(path)
    return path


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).uniform(-1, 1, shape).astype(np.float32)


# Batches


def test_many_samples_go_in_several_passes_with_the_same_answers(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = NetworkRunner(read_package(package), "classifier", "cpu", arguments={"with_attention": True})
    samples, steps = drawn(5, 2, *REGION.size), []
    whole = network.predict(samples)
    monkeypatch.setattr(runner_module, "MAX_BATCH_SAMPLES", 2)
    parts = network.predict(samples, progress=lambda step, done: steps.append(done))
    assert [answer.shape[0] for answer in parts] == [5, 5]
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, atol=ROUNDING)
    assert steps == pytest.approx([0.0, 0.4, 0.8])


def test_a_prediction_can_be_cancelled_between_passes(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancel(step: str, done: float) -> None:
        if done > 0:
            raise CancelledError

    monkeypatch.setattr(runner_module, "MAX_BATCH_SAMPLES", 2)
    with pytest.raises(CancelledError):
        NetworkRunner(read_package(package), "classifier", "cpu").predict(drawn(5, 2, *REGION.size), progress=cancel)


def test_an_input_that_the_network_does_not_take_is_named(package: Path) -> None:
    network = NetworkRunner(read_package(package), "classifier", "cpu")
    with pytest.raises(PackageError, match="does not take an input of 24 x 24 x 8"):
        network.predict(drawn(1, 3, *REGION.size))


# Whole volumes


class Volumes:
    """In the place of a runner: a network of volumes, and what it was asked."""

    def __init__(self, network: torch.nn.Module) -> None:
        self.network = network.eval()
        self.shapes: list[tuple[int, ...]] = []

    def run(self, batch: np.ndarray) -> tuple[np.ndarray, ...]:
        self.shapes.append(batch.shape)
        with torch.inference_mode():
            return (self.network(torch.from_numpy(batch)).numpy(),)


def one_voxel_network() -> Volumes:
    """Two channels to three classes, each voxel by itself: windows must not change the answer at all."""
    torch.manual_seed(0)
    return Volumes(torch.nn.Sequential(torch.nn.Conv3d(2, 4, 1), torch.nn.SiLU(), torch.nn.Conv3d(4, 3, 1)))


def neighborhood_network() -> Volumes:
    torch.manual_seed(0)
    return Volumes(torch.nn.Conv3d(1, 2, 3, padding=1))


VOLUME = (2, 20, 27, 31)


@pytest.mark.parametrize("blending", ["gaussian", "constant"])
@pytest.mark.parametrize("size", [(8, 12, 12), (16, 10, 31)])
def test_windows_give_what_one_whole_pass_gives(size: tuple[int, int, int], blending: str) -> None:
    network, volume = one_voxel_network(), drawn(*VOLUME)
    (whole,) = network.run(volume[None])
    answer = predict_volume(network, volume, Windows(size, blending=blending))  # type: ignore[arg-type]
    assert answer.shape == (3, *VOLUME[1:])
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, whole[0], atol=ROUNDING)


def test_a_network_that_sees_neighbors_differs_only_at_the_borders_of_windows() -> None:
    network, volume = neighborhood_network(), drawn(1, 16, 16, 16)
    (whole,) = network.run(volume[None])
    answer = predict_volume(network, volume, Windows((16, 16, 8), overlap=0.0, blending="constant"))
    differs = np.abs(answer - whole[0]).max(axis=(0, 1, 2)) > ROUNDING
    assert set(np.flatnonzero(differs)) == {7, 8}


def test_a_volume_smaller_than_a_window_is_padded_and_cut_back() -> None:
    network, volume = one_voxel_network(), drawn(2, 5, 27, 4)
    (whole,) = network.run(volume[None])
    answer = predict_volume(network, volume, Windows((8, 12, 12)))
    np.testing.assert_allclose(answer, whole[0], atol=ROUNDING)
    assert network.shapes[-1][2:] == (8, 12, 12)


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("shape", [(20, 27, 31), (8, 12, 12), (5, 40, 13)])
def test_the_windows_are_counted_right_and_progress_reaches_one(shape: tuple[int, int, int], overlap: float) -> None:
    network, told = one_voxel_network(), []
    windows = Windows((8, 12, 12), overlap)
    predict_volume(network, drawn(2, *shape), windows, lambda step, done: told.append(done))
    assert len(network.shapes) == windows.count(shape)
    assert told[0] == 0
    assert told[-1] == 1
    assert told == sorted(told)


def test_a_volume_can_be_cancelled_between_windows() -> None:
    network = one_voxel_network()

    def cancel(step: str, done: float) -> None:
        if len(network.shapes) == 2:
            raise CancelledError

    with pytest.raises(CancelledError):
        predict_volume(network, drawn(*VOLUME), Windows((8, 12, 12)), cancel)
    assert len(network.shapes) == 2


# Warm packages


class Kept:
    """What a step makes of a package; counts how often it was made."""

    made = 0

    def __init__(self, package: object, device: str, engine: str) -> None:
        type(self).made += 1
        self.device = device


class KeptByAnotherStep(Kept):
    pass


def test_what_a_step_loads_stays_warm_until_the_file_changes_and_each_step_has_its_own(tmp_path: Path) -> None:
    path = tmp_path / "tiny.zip"
    write_tiny(path)
    first = warm(path, "cpu", "torch", Kept)
    assert warm(path, "cpu", "torch", Kept) is first
    assert isinstance(warm(path, "cpu", "torch", KeptByAnotherStep), KeptByAnotherStep)
    assert warm(path, "cpu", "auto", Kept) is not first
    path.unlink()
    write_tiny(path, version="2", title="Another tiny network")
    assert warm(path, "cpu", "torch", Kept) is not first


def test_the_package_that_was_used_least_recently_is_dropped(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.zip" for number in range(MAX_WARM + 1)]
    for path in paths:
        write_tiny(path)
    first, second, *rest = paths
    kept = [warm(path, "cpu", "torch", Kept) for path in (first, second)]
    warm(first, "cpu", "torch", Kept)
    for path in rest:
        warm(path, "cpu", "torch", Kept)
    assert warm(first, "cpu", "torch", Kept) is kept[0]
    assert warm(second, "cpu", "torch", Kept) is not kept[1]


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="there is no model package at"):
        warm(tmp_path / "none.zip", "cpu", "torch", Kept)


@pytest.mark.parametrize("device", ["cuda:77", "tpu", "cuda:", "CPU"])
def test_a_device_that_is_not_available_is_refused(device: str) -> None:
    with pytest.raises(InputError, match="is not available on this computer: choose cpu or auto"):
        chosen_device(device)


def test_auto_is_a_device_that_is_there() -> None:
    assert chosen_device("auto") in ("cpu", "cuda")
