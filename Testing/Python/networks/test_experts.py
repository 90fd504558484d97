"""Mixtures of experts: tokens go where the router says, and nowhere else."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from LNStationLib.networks.classification.feed_forward import (  # noqa: E402
    GatedMoE,
    RouterSwitches,
    RoutingRecord,
    StationAwareMoE,
    VisionMoE,
    feed_forward,
)

WIDTH, HIDDEN = 8, 24
BY_GROUP = RouterSwitches(routing="group")


def tokens(batch: int = 2, count: int = 5) -> torch.Tensor:
    return torch.randn(batch, count, WIDTH, generator=torch.Generator().manual_seed(3))


def constant_experts(layer: StationAwareMoE) -> StationAwareMoE:
    """Expert i answers i + 1 in every channel, so that the output names the expert."""
    for number, expert in enumerate(layer.experts):
        for parameter in expert.parameters():
            torch.nn.init.zeros_(parameter)
        torch.nn.init.constant_(expert[3].bias, number + 1.0)
    return layer


def test_tokens_go_to_the_expert_that_the_router_names() -> None:
    layer = constant_experts(StationAwareMoE(WIDTH, HIDDEN)).eval()
    record = RoutingRecord.empty()
    output = layer(tokens(), record)
    named = record.router_logits[0].argmax(dim=-1) + 1.0
    assert named.unique().numel() > 1
    torch.testing.assert_close(output, named[..., None].expand_as(output))


def test_in_training_tokens_may_go_to_their_true_group() -> None:
    layer = constant_experts(StationAwareMoE(WIDTH, HIDDEN, switches=BY_GROUP)).train()
    output = layer(tokens(), RoutingRecord.empty(torch.tensor([2, 0])))
    assert (output[0] == 3).all()
    assert (output[1] == 1).all()


def test_in_evaluation_the_router_decides_whatever_the_training_did() -> None:
    layer = constant_experts(StationAwareMoE(WIDTH, HIDDEN, switches=BY_GROUP)).eval()
    record = RoutingRecord.empty(torch.tensor([2, 0]))
    output = layer(tokens(), record)
    torch.testing.assert_close(output[..., 0], record.router_logits[0].argmax(dim=-1) + 1.0)


def test_routing_by_group_without_groups_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs the station group"):
        StationAwareMoE(WIDTH, HIDDEN, switches=BY_GROUP).train()(tokens(), RoutingRecord.empty())


def test_the_station_aware_router_learns_from_its_logits_alone() -> None:
    layer = StationAwareMoE(WIDTH, HIDDEN).train()
    record = RoutingRecord.empty()
    layer(tokens(), record).sum().backward()
    assert layer.router.weight.grad is None
    record.router_logits[0].sum().backward()
    assert layer.router.weight.grad is not None


def test_all_tokens_of_a_sample_go_where_its_mean_token_goes() -> None:
    layer = constant_experts(StationAwareMoE(WIDTH, HIDDEN, switches=RouterSwitches(route_by="sample"))).eval()
    record, given = RoutingRecord.empty(), tokens(6)
    output = layer(given, record)
    assert record.router_logits[0].shape == (6, 1, 3)
    named = layer.router(given.mean(dim=1)).argmax(dim=-1) + 1.0
    assert named.unique().numel() > 1
    torch.testing.assert_close(output, named[:, None, None].expand_as(output))


@pytest.mark.parametrize("detach", [False, True])
def test_a_detached_router_leaves_the_trunk_alone(detach: bool) -> None:
    layer = StationAwareMoE(WIDTH, HIDDEN, switches=RouterSwitches(detach=detach)).train()
    record, given = RoutingRecord.empty(), tokens().requires_grad_()
    layer(given, record)
    record.router_logits[0].sum().backward()
    assert layer.router.weight.grad is not None
    assert (given.grad is None) == detach


def test_an_expert_without_tokens_still_takes_part() -> None:
    layer = StationAwareMoE(WIDTH, HIDDEN, switches=BY_GROUP).train()
    layer(tokens(), RoutingRecord.empty(torch.tensor([1, 1]))).sum().backward()
    for expert in layer.experts:
        assert all(parameter.grad is not None for parameter in expert.parameters())


def test_vmoe_weights_the_chosen_expert_and_its_balance_loss_is_lowest_when_even() -> None:
    even = torch.eye(3).repeat(4, 1)[None]
    uneven = torch.eye(3)[[0, 0, 0, 1]][None]
    assert VisionMoE._balance(even) == pytest.approx(0.0, abs=1e-6)
    # Importance (3, 1, 0): variance 14/9, mean 4/3.
    assert VisionMoE._balance(uneven) == pytest.approx((14 / 9) / (16 / 9))
    layer = VisionMoE(WIDTH, HIDDEN).eval()
    record = RoutingRecord.empty()
    output = layer(tokens(), record)
    best, index = record.router_logits[0].softmax(-1).max(-1)
    expected = torch.stack([layer.experts[i](t) * b for t, b, i in zip(tokens()[0], best[0], index[0], strict=True)])
    torch.testing.assert_close(output[0], expected)


def test_m4oe_mixes_all_experts_by_the_gate() -> None:
    layer = GatedMoE(WIDTH, HIDDEN).eval()
    record = RoutingRecord.empty()
    output = layer(tokens(), record)
    weights = record.router_logits[0].softmax(-1)
    expected = sum(weights[..., i, None] * expert(tokens()) for i, expert in enumerate(layer.experts))
    torch.testing.assert_close(output, expected)


def test_an_unknown_kind_of_experts_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown experts 'many'"):
        feed_forward("many", WIDTH, HIDDEN, 3, 0.0, False, "argmax")  # type: ignore[arg-type]
