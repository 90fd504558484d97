"""The loss of end-to-end N-staging, computed by hand; groups and pseudo labels as in Table 3."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="the 'training' packages are not installed")

from lnstation_training.tasks.n_staging.data_module import UNKNOWN  # noqa: E402
from lnstation_training.tasks.n_staging.groups import group_members, group_probabilities, pseudo_labels  # noqa: E402
from lnstation_training.tasks.n_staging.losses import pseudo_loss, squared_error, staging_losses  # noqa: E402
from lnstation_training.tasks.station_patches.samples import STATIONS  # noqa: E402

RIGHT, LEFT = 0, 1
TABLE_3 = {
    RIGHT: (
        {"10R", "11R"},
        {"1R", "2R", "3A", "3P", "4R", "5", "6", "7", "8", "9"},
        {"1L", "2L", "4L", "10L", "11L"},
    ),
    LEFT: ({"10L", "11L"}, {"1L", "2L", "3A", "3P", "4L", "5", "6", "7", "8", "9"}, {"1R", "2R", "4R", "10R", "11R"}),
}


@pytest.mark.parametrize("side", [RIGHT, LEFT])
def test_groups_are_those_of_table_3(side: int) -> None:
    members = group_members("petct_paper")[side]
    found = tuple({name for name, inside in zip(STATIONS, row, strict=True) if inside} for row in members)
    assert found == TABLE_3[side]


def test_station_1_is_n3_of_either_side_by_tnm() -> None:
    members = group_members("tnm8")
    assert all(members[side, 2, STATIONS.index(name)] for side in (RIGHT, LEFT) for name in ("1R", "1L"))


def test_an_n_category_says_what_it_must_of_groups_and_nothing_more() -> None:
    found = pseudo_labels(torch.tensor([0, 1, 2, 3, UNKNOWN]))
    unknown = UNKNOWN
    assert found.tolist() == [[0, 0, 0], [1, 0, 0], [unknown, 1, 0], [unknown, unknown, 1], [unknown] * 3]


def test_a_group_has_the_largest_probability_of_its_stations_that_were_seen() -> None:
    members = torch.tensor([[[True, True, False], [False, False, True], [False, False, False]]])
    probabilities, seen = torch.tensor([[0.9, 0.4, 0.7]]), torch.tensor([[False, True, True]])
    torch.testing.assert_close(group_probabilities(probabilities, seen, members), torch.tensor([[0.4, 0.7, 0.0]]))


def test_pseudo_labels_weigh_inversely_to_their_frequency() -> None:
    groups = torch.tensor([[0.2, 0.4, 0.1], [0.5, 0.7, 0.3]])
    labels = torch.tensor([[0, 0, 0], [UNKNOWN, 1, 0]])
    # Five entries, four of them 0 and one 1: weights 5 / (2 * 4) and 5 / (2 * 1).
    expected = (0.625 * (0.2 + 0.4 + 0.1 + 0.3) + 2.5 * 0.3) / 2
    assert float(pseudo_loss(groups, labels)) == pytest.approx(expected)


def test_the_squared_error_is_of_the_expected_category_and_has_a_gradient() -> None:
    logits = torch.zeros(1, 4, requires_grad=True)
    loss = squared_error(logits, torch.tensor([3]))
    assert loss.item() == pytest.approx((1.5 - 3) ** 2)
    loss.backward()
    assert logits.grad is not None
    assert logits.grad.abs().sum() > 0


def batch(stage: int, station: int) -> dict[str, torch.Tensor]:
    stations = torch.full((1, 17), UNKNOWN)
    stations[0, 3] = station
    return {"stage": torch.tensor([stage]), "stations": stations, "told": torch.ones(1, 18, dtype=torch.long)}


@pytest.mark.parametrize(
    ("stage", "station", "known"),
    [
        (2, UNKNOWN, {"cross_entropy", "squared", "pseudo"}),
        (UNKNOWN, 1, {"stations"}),
        (2, 1, {"cross_entropy", "squared", "pseudo", "stations"}),
        (UNKNOWN, UNKNOWN, set()),
    ],
)
def test_a_patient_teaches_what_is_known_and_no_more(stage: int, station: int, known: set[str]) -> None:
    parts = staging_losses(torch.zeros(1, 4), torch.zeros(1, 17), batch(stage, station), group_members("tnm8"))
    assert {name for name, value in parts.items() if float(value) > 0} == known
    if "stations" in known:
        assert float(parts["stations"]) == pytest.approx(math.log(2))
    if "cross_entropy" in known:
        assert float(parts["cross_entropy"]) == pytest.approx(math.log(4))
