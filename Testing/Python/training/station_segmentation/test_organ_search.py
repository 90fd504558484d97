"""The search for key organs: weights of channels, its ranking, and how well rankings agree."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from lnstation_training.tasks.station_segmentation.organ_search import (  # noqa: E402
    OrganWeights,
    WeightedNetwork,
    mean_ranking,
    rank_agreement,
    ranked,
)


def test_weights_start_alike_and_sum_to_one() -> None:
    weights = OrganWeights(22).weights
    assert weights.tolist() == pytest.approx([1 / 22] * 22)


def test_a_weight_multiplies_its_own_channel_and_no_other() -> None:
    module = OrganWeights(3)
    with torch.no_grad():
        module.logits.copy_(torch.log(torch.tensor([0.5, 0.3, 0.2])))
    answer = module(torch.ones(2, 3, 4, 5, 6))
    assert answer.shape == (2, 3, 4, 5, 6)
    for channel, weight in enumerate((0.5, 0.3, 0.2)):
        assert answer[:, channel].flatten().tolist() == pytest.approx([weight] * 240)


def test_images_go_through_as_they_are() -> None:
    network = WeightedNetwork(torch.nn.Identity(), n_images=2, n_organs=4)
    volume = torch.rand(1, 6, 3, 3, 3)
    answer = network(volume)
    assert torch.equal(answer[:, :2], volume[:, :2])
    assert torch.allclose(answer[:, 2:], volume[:, 2:] / 4)


def test_the_gradient_reaches_the_logits_and_the_network_apart() -> None:
    network = WeightedNetwork(torch.nn.Conv3d(3, 1, 1), n_images=1, n_organs=2)
    network(torch.rand(1, 3, 2, 2, 2)).sum().backward()
    assert network.organ_weights.logits.grad is not None
    assert network.organ_weights.logits.grad.abs().sum() > 0
    own = {id(parameter) for parameter in network.network_parameters()}
    assert id(network.organ_weights.logits) not in own
    assert len(own) == 2


def test_a_search_without_organs_is_refused() -> None:
    with pytest.raises(ValueError, match="needs organ channels"):
        OrganWeights(0)


def test_updates_in_turn_find_the_one_channel_that_tells_the_answer() -> None:
    torch.manual_seed(0)
    network = WeightedNetwork(torch.nn.Conv3d(6, 1, 1), n_images=1, n_organs=5)
    weights = torch.optim.SGD(network.network_parameters(), lr=0.5)
    logits = torch.optim.Adam(network.organ_weights.parameters(), lr=0.05)

    def loss() -> torch.Tensor:
        volume = (torch.rand(4, 6, 4, 4, 4) > 0.5).float()
        return torch.nn.functional.binary_cross_entropy_with_logits(network(volume), volume[:, 3:4])

    for step in range(300):
        for optimizer in (weights, logits) if step >= 60 else (weights,):
            network.zero_grad()
            loss().backward()
            optimizer.step()
        if step == 59:
            assert network.organ_weights.weights.tolist() == pytest.approx([0.2] * 5)
    first = ranked([f"organ {n}" for n in range(5)], network.organ_weights.weights.tolist())[0]
    assert first.organ == "organ 2"
    assert first.weight > 0.4


def test_organs_are_ranked_by_weight_and_a_tie_keeps_their_order() -> None:
    assert [pair.organ for pair in ranked(["a", "b", "c"], [0.2, 0.4, 0.4])] == ["b", "c", "a"]


def test_rankings_that_agree_have_tau_one_and_reversed_ones_minus_one() -> None:
    names = ["a", "b", "c", "d"]
    assert rank_agreement([names, names, names]) == pytest.approx(1)
    assert rank_agreement([names, names[::-1]]) == pytest.approx(-1)
    # One neighboring pair swapped: 5 of 6 pairs agree.
    assert rank_agreement([names, ["b", "a", "c", "d"]]) == pytest.approx(4 / 6)
    assert rank_agreement([names]) is None
    with pytest.raises(ValueError, match="different organs"):
        rank_agreement([names, names[:3]])


def test_several_searches_are_joined_by_mean_weight() -> None:
    one, other = ranked(["a", "b"], [0.6, 0.4]), ranked(["a", "b"], [0.2, 0.8])
    assert [pair.organ for pair in mean_ranking([one, other])] == ["b", "a"]
