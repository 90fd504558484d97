"""The losses of SA-MoE, by hand-computed values and by law."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from lnstation_training.tasks.station_classification.losses import (  # noqa: E402
    AttentionMarginLoss,
    StationLoss,
    attention_inside,
    mask_on_attention_grid,
    router_loss,
)
from LNStationLib.networks.output import StationOutput  # noqa: E402


def attention_at(z: int, y: int, x: int, part: float = 1.0) -> torch.Tensor:
    """All attention but ``1 - part`` in one voxel of a 2x4x4 grid, the rest in voxel 0."""
    attention = torch.zeros(1, 1, 2, 4, 4)
    attention[0, 0, 0, 0, 0] = 1 - part
    attention[0, 0, z, y, x] += part
    return attention


def node_at(z: int, y: int, x: int) -> torch.Tensor:
    """A node of one voxel in a 4x8x8 region, of which the attention grid is half."""
    mask = torch.zeros(1, 1, 4, 8, 8)
    mask[0, 0, z, y, x] = 1
    return mask


def test_the_margin_loss_is_tau_minus_the_attention_inside() -> None:
    loss = AttentionMarginLoss(tau=0.8)(attention_at(1, 2, 3, part=0.3), node_at(2, 4, 6))
    assert loss.item() == pytest.approx(0.5)


def test_the_margin_loss_falls_when_attention_moves_into_the_node_and_is_zero_beyond_tau() -> None:
    losses = [
        AttentionMarginLoss()(attention_at(1, 2, 3, part), node_at(3, 5, 7)).item() for part in (0, 0.4, 0.8, 0.95)
    ]
    assert losses == pytest.approx([0.8, 0.4, 0.0, 0.0], abs=1e-6)


def test_its_gradient_draws_attention_into_the_node() -> None:
    scores = torch.zeros(1, 1, 2, 4, 4, requires_grad=True)
    attention = scores.flatten(1).softmax(-1).view_as(scores)
    AttentionMarginLoss()(attention, node_at(2, 4, 6)).backward()
    assert scores.grad[0, 0, 1, 2, 3] < 0
    assert (scores.grad.flatten()[:10] > 0).all()


def test_a_region_without_a_node_is_left_out() -> None:
    attention = torch.cat([attention_at(1, 2, 3, 0.3), attention_at(0, 0, 0)])
    mask = torch.cat([node_at(2, 4, 6), torch.zeros(1, 1, 4, 8, 8)])
    assert AttentionMarginLoss()(attention, mask).item() == pytest.approx(0.5)


def test_a_batch_without_any_node_costs_nothing_and_keeps_its_graph() -> None:
    attention = attention_at(0, 0, 0).requires_grad_()
    loss = AttentionMarginLoss()(attention, torch.zeros(1, 1, 4, 8, 8))
    loss.backward()
    assert loss.item() == 0
    assert (attention.grad == 0).all()


def test_touch_counts_what_a_node_reaches_into_and_cover_what_it_fills() -> None:
    assert mask_on_attention_grid(node_at(2, 4, 6), (2, 4, 4), "touch").max() == 1
    assert mask_on_attention_grid(node_at(2, 4, 6), (2, 4, 4), "cover").max() == pytest.approx(1 / 8)
    assert attention_inside(attention_at(1, 2, 3), node_at(2, 4, 6), "cover").item() == pytest.approx(1 / 8)


@pytest.mark.parametrize("tau", [0.0, -0.1, 1.1])
def test_an_impossible_tau_is_refused(tau: float) -> None:
    with pytest.raises(ValueError, match=r"tau must be in \(0, 1\]"):
        AttentionMarginLoss(tau)


def test_the_router_loss_is_the_mean_cross_entropy_of_tokens() -> None:
    logits = torch.tensor([[[0.0, 0.0, 0.0], [math.log(2.0), 0.0, 0.0]]])
    expected = (math.log(3) + math.log(4 / 2)) / 2
    assert router_loss([logits], torch.tensor([0])).item() == pytest.approx(expected)


def test_the_router_loss_falls_when_tokens_find_their_group() -> None:
    groups = torch.tensor([2, 0])
    right = torch.nn.functional.one_hot(groups, 3).float()[:, None].repeat(1, 4, 1) * 5
    assert router_loss([right], groups) < 0.02 < router_loss([right.flip(-1)], groups)


def test_a_network_without_a_router_has_no_router_loss() -> None:
    with pytest.raises(ValueError, match="no router"):
        router_loss([], torch.tensor([0]))


def output(**parts: object) -> StationOutput:
    return StationOutput(logits=torch.zeros(1), **parts)  # type: ignore[arg-type]


LABEL, GROUP = torch.ones(1), torch.tensor([1])


def test_the_sum_has_the_papers_weights() -> None:
    given = output(attention=attention_at(1, 2, 3, 0.3), router_logits=[torch.zeros(1, 4, 3)])
    parts = StationLoss()(given, LABEL, node_at(2, 4, 6), GROUP)
    assert parts.total.item() == pytest.approx(math.log(2) + 0.5 * 0.5 + 1.0 * math.log(3))


def test_each_part_can_be_switched_off() -> None:
    given = output(attention=attention_at(1, 2, 3, 0.3), router_logits=[torch.zeros(1, 4, 3)])
    parts = StationLoss(attention_weight=0, router_weight=0)(given, LABEL, node_at(2, 4, 6), GROUP)
    assert parts.total.item() == pytest.approx(math.log(2))
    assert parts.attention is None
    assert parts.router is None


def test_vmoe_learns_from_balance_and_not_from_station_groups() -> None:
    given = output(router_logits=[torch.zeros(1, 4, 3)], balance_loss=torch.tensor(0.7))
    parts = StationLoss(attention_weight=0)(given, LABEL, node_at(2, 4, 6), GROUP)
    assert parts.router is None
    assert parts.total.item() == pytest.approx(math.log(2) + 0.007)


def test_positive_regions_may_weigh_more() -> None:
    loss = StationLoss(attention_weight=0, positive_weight=3.0)
    assert loss(output(), LABEL, node_at(0, 0, 0), GROUP).total.item() == pytest.approx(3 * math.log(2))
    assert loss(output(), 0 * LABEL, node_at(0, 0, 0), GROUP).total.item() == pytest.approx(math.log(2))


def test_the_attention_loss_without_attention_is_an_error() -> None:
    with pytest.raises(ValueError, match="set attention_weight to 0"):
        StationLoss()(output(), LABEL, node_at(0, 0, 0), GROUP)


def test_negative_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        StationLoss(attention_weight=-1)
