"""The runtime of networks: batches, warm packages, devices."""

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
