"""Answers of a network that are kept: an edit asks about the windows that it touches alone."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from LNStationLib.models.runtime.remembered import RememberedAnswers  # noqa: E402
from LNStationLib.models.runtime.sliding_window import fitted_tiling, predict_volume  # noqa: E402

SHAPE, PATCH = (80, 16, 16), (32, 16, 16)


class Counting:
    """The second class is as likely as the value; counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, window: np.ndarray) -> torch.Tensor:
        self.asked += 1
        node = torch.from_numpy(window[0, 0].copy())
        return torch.stack([1 - node, node])


def predicted(ask: object, volume: np.ndarray) -> np.ndarray:
    return predict_volume(ask, volume, fitted_tiling(SHAPE, PATCH, 0), 2, [0.0])  # type: ignore[arg-type]


@pytest.fixture
def volume() -> np.ndarray:
    return np.random.default_rng(0).random((1, *SHAPE), dtype=np.float32)


def test_an_edit_asks_about_the_windows_that_it_touches_and_gives_what_a_whole_pass_gives(volume: np.ndarray) -> None:
    network, windows = Counting(), fitted_tiling(SHAPE, PATCH, 0).count
    ask = RememberedAnswers().asking("nodes", network)
    before = predicted(ask, volume)
    assert network.asked == windows > 2
    np.testing.assert_array_equal(predicted(ask, volume), before)
    assert network.asked == windows, "nothing changed"
    edited = volume.copy()
    edited[0, 0, 3, 3] = 0.5
    after = predicted(ask, edited)
    assert network.asked == windows + 1
    np.testing.assert_array_equal(after, predicted(RememberedAnswers().asking("nodes", Counting()), edited))
    np.testing.assert_allclose(after[1], edited[0], atol=2e-3)


def test_networks_and_shapes_are_told_apart(volume: np.ndarray) -> None:
    kept, first, second = RememberedAnswers(), Counting(), Counting()
    kept.asking("a", first)(volume[None])
    kept.asking("b", second)(volume[None])
    kept.asking("b", second)(volume.reshape(1, 1, 16, 80, 16))
    assert (first.asked, second.asked) == (1, 2)


def test_what_a_caller_does_to_an_answer_does_not_change_the_kept_one(volume: np.ndarray) -> None:
    ask = RememberedAnswers().asking("a", Counting())
    ask(volume[None]).mul_(0)
    assert float(ask(volume[None]).max()) > 0.9


def test_the_oldest_answers_go_first(volume: np.ndarray) -> None:
    network = Counting()
    ask = RememberedAnswers(most_values=3 * volume.size * 2).asking("a", network)
    for number in (0, 1, 2, 0, 3, 0, 1):
        ask(volume[None] * (1 - 0.1 * number))
    # 3 takes the place of 1, which was asked longest ago.
    assert network.asked == 5
