"""Whole volumes window by window: every voxel once in sum, no window too many, none smaller than a patch."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from LNStationLib.models.runtime.sliding_window import (  # noqa: E402
    MIN_OVERLAP,
    WINDOW_MULTIPLE,
    Tiling,
    fitted_tiling,
    predict_volume,
)
from LNStationLib.support.errors import CancelledError  # noqa: E402

PATCH = (16, 16, 32)
HALF_PRECISION = 2e-3
"""Up to eight terms, each rounded to eleven bits."""
AIR = (-1.0, -1.0)


class OneVoxelNetwork:
    """Two channels to three classes, each voxel by itself: windows must not change the answer."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = torch.nn.Sequential(torch.nn.Conv3d(2, 4, 1), torch.nn.SiLU(), torch.nn.Conv3d(4, 3, 1))
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, window: np.ndarray) -> torch.Tensor:
        self.shapes.append(window.shape)
        with torch.inference_mode():
            return self.network(torch.from_numpy(window))[0].softmax(0)


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).uniform(-1, 1, (2, *shape)).astype(np.float32)


sizes = st.tuples(*(st.integers(1, 200) for _ in range(3)))


@given(shape=sizes, patch=st.tuples(*(st.integers(4, 80) for _ in range(3))), most=st.integers(0, 10**6))
def test_windows_cover_the_volume_overlap_and_stay_within_memory(
    shape: tuple[int, int, int], patch: tuple[int, int, int], most: int
) -> None:
    tiling = fitted_tiling(shape, patch, most)
    rounded = [math.ceil(p / WINDOW_MULTIPLE) * WINDOW_MULTIPLE for p in patch]
    assert math.prod(tiling.size) <= max(most, math.prod(rounded))
    for n, size, starts, least in zip(shape, tiling.size, tiling.starts, rounded, strict=True):
        assert size % WINDOW_MULTIPLE == 0
        assert size >= least
        assert starts[0] == 0
        assert starts[-1] + size == max(n, size)
    for starts, size, own in zip(tiling.starts, tiling.size, patch, strict=True):
        steps = np.diff(starts)
        # Half a voxel, for starts are rounded.
        assert (size - steps + 1 >= int(MIN_OVERLAP * own)).all()


@given(shape=st.tuples(*(st.integers(1, 60) for _ in range(3))))
def test_the_weights_of_all_windows_add_up_to_one_in_every_voxel(shape: tuple[int, int, int]) -> None:
    tiling = fitted_tiling(shape, PATCH, 0)
    total = np.zeros(tiling.padded)
    for window, (z, y, x) in tiling.windows():
        total[window] += z[:, None, None] * y[:, None] * x
    np.testing.assert_allclose(total, 1.0, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "count", "size"),
    [
        ((10, 10, 10), 1, (16, 16, 32)),
        ((16, 16, 32), 1, (16, 16, 32)),
        ((17, 16, 32), 2, (16, 16, 32)),
        ((28, 28, 56), 8, (16, 16, 32)),
        ((29, 16, 32), 3, (16, 16, 32)),
    ],
)
def test_there_is_no_window_more_than_the_overlap_needs(
    shape: tuple[int, int, int], count: int, size: tuple[int, int, int]
) -> None:
    tiling = fitted_tiling(shape, PATCH, 0)
    assert (tiling.count, tiling.size) == (count, size)


def test_where_memory_allows_one_window_takes_the_place_of_several() -> None:
    tiling = fitted_tiling((28, 28, 56), PATCH, 32 * 32 * 64)
    assert (tiling.count, tiling.size) == (1, (32, 32, 64))


@pytest.mark.parametrize("shape", [(20, 27, 31), (5, 40, 13), (40, 40, 70)])
def test_windows_give_what_one_whole_pass_gives(shape: tuple[int, int, int]) -> None:
    network, volume, told = OneVoxelNetwork(), drawn(*shape), []
    whole = network(volume[None]).numpy()
    network.shapes.clear()
    tiling = fitted_tiling(shape, PATCH, 0)
    answer = predict_volume(network, volume, tiling, 3, AIR, lambda step, done: told.append(done))
    assert answer.shape == (3, *shape)
    assert answer.dtype == np.float16
    np.testing.assert_allclose(answer, whole, atol=HALF_PRECISION)
    assert len(network.shapes) == tiling.count
    assert {size[2:] for size in network.shapes} == {tiling.size}
    assert (told[0], told[-1]) == (0, 1)
    assert told == sorted(told)


def test_beyond_the_volume_lies_what_is_named_for_each_channel() -> None:
    seen = []

    def ask(window: np.ndarray) -> torch.Tensor:
        seen.append(window.copy())
        return torch.ones(1, *window.shape[2:])

    predict_volume(ask, np.ones((2, 10, 16, 32), np.float32), fitted_tiling((10, 16, 32), PATCH, 0), 1, (-1.0, 0.0))
    (window,) = seen
    assert (window[0, :, :10] == 1).all()
    assert (window[0, 0, 10:] == -1).all()
    assert (window[0, 1, 10:] == 0).all()


def test_a_volume_can_be_cancelled_between_windows() -> None:
    network = OneVoxelNetwork()

    def cancel(step: str, done: float) -> None:
        if len(network.shapes) == 2:
            raise CancelledError

    with pytest.raises(CancelledError):
        predict_volume(network, drawn(40, 40, 40), fitted_tiling((40, 40, 40), PATCH, 0), 3, AIR, cancel)
    assert len(network.shapes) == 2


def test_a_tiling_knows_how_many_windows_it_has() -> None:
    assert Tiling((4, 4, 4), (2, 2, 2), ((0, 2), (0, 1, 2), (0, 2))).count == 12
