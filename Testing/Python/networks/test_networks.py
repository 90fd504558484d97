"""Every registered network that classifies: shapes, gradients, attention, batching, saving, cost."""

from __future__ import annotations

import copy
from functools import cache

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from safetensors.torch import load, save  # noqa: E402

from LNStationLib.networks.cost import network_cost  # noqa: E402
from LNStationLib.networks.fusing import fused  # noqa: E402
from LNStationLib.networks.output import StationOutput  # noqa: E402
from LNStationLib.networks.registry import NETWORKS as ALL_NETWORKS  # noqa: E402
from LNStationLib.networks.registry import (  # noqa: E402
    build_network,
    network_info,
    packed_arguments,
    unpacked_arguments,
)

NETWORKS = [name for name, info in ALL_NETWORKS.items() if info.kind == "classification"]

REGION = (16, 48, 48)
NARROW = {
    name: {"width": 0.25} if "mobile" in name else {"size": REGION} if name == "vit_t" else {} for name in NETWORKS
}
BIG = ("resnet50", "swin_t")
SMALL = [name for name in NETWORKS if name not in BIG]


@cache
def _built(name: str) -> torch.nn.Module:
    """Drawing the weights of a network takes longer than most tests of it."""
    torch.manual_seed(0)
    return build_network(name, NARROW[name])


def seeded(name: str) -> torch.nn.Module:
    return copy.deepcopy(_built(name))


def without_weights(name: str, arguments: dict[str, object] | None = None) -> torch.nn.Module:
    """A network to count parameters of; MONAI's Swin transformer reads values while it is built."""
    with torch.device("cpu" if name == "swin_t" else "meta"):
        return build_network(name, arguments)


def batch(size: int = 3, region: tuple[int, int, int] = REGION) -> torch.Tensor:
    return torch.randn(size, 2, *region, generator=torch.Generator().manual_seed(1))


GROUPS = torch.tensor([2, 0, 1])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_gives_one_logit_a_region_and_an_attention_that_sums_to_one(name: str) -> None:
    network = seeded(name).eval()
    with torch.inference_mode():
        output = network(batch(), with_attention=True, groups=GROUPS)
    assert output.logits.shape == (3,)
    assert output.attention.shape[:2] == (3, 1)
    assert (output.attention >= 0).all()
    torch.testing.assert_close(output.attention.sum(dim=(1, 2, 3, 4)), torch.ones(3))


@pytest.mark.parametrize("name", NETWORKS)
def test_attention_is_only_made_where_it_is_asked_for(name: str) -> None:
    with torch.inference_mode():
        assert seeded(name).eval()(batch(), groups=GROUPS).attention is None


@pytest.mark.parametrize("name", SMALL)
def test_attention_moves_when_the_input_does(name: str) -> None:
    # In training mode: fresh running statistics let an untrained MobileNet's signal fade.
    network = seeded(name).train()
    regions = batch(1).repeat(2, 1, 1, 1, 1)
    regions[1] = regions[1].flip(-1)
    with torch.inference_mode():
        attention = network(regions, with_attention=True, groups=torch.tensor([1, 1])).attention
    assert not torch.allclose(attention[0], attention[1], rtol=1e-4, atol=0)


@pytest.mark.parametrize("name", SMALL)
def test_gradients_reach_every_parameter(name: str) -> None:
    network = seeded(name).train()
    output = network(batch(), with_attention=True, groups=GROUPS)
    loss = output.logits.square().sum() + output.attention.square().sum()
    loss = loss + sum(logits.square().sum() for logits in output.router_logits)
    loss.backward()
    without = [key for key, parameter in network.named_parameters() if parameter.grad is None]
    assert without == []


@pytest.mark.parametrize("name", SMALL)
def test_a_batch_gives_the_same_as_its_regions_one_by_one(name: str) -> None:
    network = seeded(name).eval()
    regions = batch()
    with torch.inference_mode():
        together = network(regions, with_attention=True, groups=GROUPS)
        alone = [network(regions[i : i + 1], with_attention=True, groups=GROUPS[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(together.logits, torch.cat([each.logits for each in alone]), rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(
        together.attention, torch.cat([each.attention for each in alone]), rtol=1e-3, atol=1e-6
    )


@pytest.mark.parametrize("name", SMALL)
def test_saved_and_loaded_weights_have_the_same_bits_and_give_the_same_answer(name: str) -> None:
    network, other = seeded(name).eval(), build_network(name, NARROW[name]).eval()
    other.load_state_dict(load(save(network.state_dict())))
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in network.state_dict().items())
    with torch.inference_mode():
        logits = [one(batch(), groups=GROUPS).logits for one in (network, other)]
    torch.testing.assert_close(*logits, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("region", [(16, 48, 48), (15, 50, 47), (32, 40, 56)])
@pytest.mark.parametrize("name", ["mobilevitv2", "mobilevitv2_sa_moe", "resnet18", "mobilenetv2"])
def test_a_region_may_have_any_size(name: str, region: tuple[int, int, int]) -> None:
    with torch.inference_mode():
        output = seeded(name).eval()(batch(2, region), with_attention=True)
    assert output.logits.isfinite().all()
    torch.testing.assert_close(output.attention.sum(dim=(1, 2, 3, 4)), torch.ones(2))


# "Params" of SA-MoE's Tables 1 and 2: MiB of single precision. One channel more than the paper's ResNets is 0.05 %.
@pytest.mark.parametrize(
    ("name", "millions", "paper_mib"),
    [
        ("mobilevitv2", 4.45, 16.99),
        ("mobilevitv2_sa_moe", 4.45, 17.00),
        ("mobilevitv2_vmoe", 4.45, 17.00),
        ("mobilevitv2_m4oe", 4.82, 18.43),
        ("mobilevitv2_multi_branch", 9.20, 35.15),
        ("resnet18", 33.18, 126.50),
        ("resnet50", 46.18, 176.08),
        ("vit_t", 40.20, 153.36),
        ("swin_t", 27.61, 105.19),
    ],
)
def test_networks_have_the_papers_size(name: str, millions: float, paper_mib: float) -> None:
    parameters = sum(parameter.numel() for parameter in without_weights(name).parameters())
    assert round(parameters / 1e6, 2) == millions
    assert parameters * 4 / 2**20 == pytest.approx(paper_mib, rel=0.003)


# What a package of an older version means that names no size, in millions as they were documented then.
@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("mobilevitv2", 17.02),
        ("mobilevitv2_m4oe", 18.44),
        ("mobilevitv2_multi_branch", 35.21),
        ("vit_t", 5.66),
        ("swin_t", 29.17),
    ],
)
def test_packages_of_older_versions_get_the_sizes_of_then(name: str, millions: float) -> None:
    older = sum(each.numel() for each in without_weights(name, unpacked_arguments(name, {})).parameters())
    assert round(older / 1e6, 2) == millions
    today = packed_arguments(name, {})
    assert unpacked_arguments(name, today) == today
    assert set(today) == set(network_info(name).older_defaults)


def test_full_size_experts_triple_the_feed_forward_parameters() -> None:
    share = network_cost(build_network("mobilevitv2_sa_moe", {"width": 0.25}), region=REGION).parameters
    plain = network_cost(build_network("mobilevitv2", {"width": 0.25}), region=REGION).parameters
    full = network_cost(
        build_network("mobilevitv2_sa_moe", {"width": 0.25, "full_size_experts": True}), region=REGION
    ).parameters
    assert share == pytest.approx(plain, rel=0.02)
    assert full > plain * 1.3


@pytest.mark.parametrize("n_experts", [2, 3, 6])
def test_the_number_of_experts_is_free(n_experts: int) -> None:
    network = build_network("mobilevitv2_sa_moe", {"width": 0.25, "n_experts": n_experts}).eval()
    with torch.inference_mode():
        routers = network(batch()).router_logits
    assert len(routers) == 9  # 2 + 4 + 3 transformer layers
    assert {logits.shape[-1] for logits in routers} == {n_experts}


@pytest.mark.parametrize("name", ["mobilevitv2_sa_moe", "mobilenetv2", "resnet18"])
def test_folded_batch_normalization_changes_nothing_but_rounding(name: str) -> None:
    network = seeded(name).train()
    with torch.no_grad():
        network(batch(), groups=GROUPS)
    plain, folded = network.eval(), fused(copy.deepcopy(network).eval())
    with torch.inference_mode():
        expected, found = (one(batch(), with_attention=True, groups=GROUPS) for one in (plain, folded))
    torch.testing.assert_close(found.logits, expected.logits, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(found.attention, expected.attention, rtol=1e-3, atol=1e-6)
    if name != "resnet18":
        assert not any(isinstance(layer, torch.nn.BatchNorm3d) for layer in folded.modules())


def test_a_network_in_training_is_not_folded() -> None:
    with pytest.raises(ValueError, match="only a network in evaluation mode"):
        fused(seeded("mobilenetv2").train())


def test_an_unknown_network_is_refused_with_the_known_names() -> None:
    with pytest.raises(ValueError, match=r"unknown network 'alexnet'; known: mobilevitv2, "):
        network_info("alexnet")


@pytest.mark.parametrize("arguments", [{"depth": 50}, {"layers": 3}])
def test_an_argument_that_a_network_does_not_take_is_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="network 'resnet18' takes no argument"):
        build_network("resnet18", arguments)


def test_the_multi_branch_network_asks_for_station_groups() -> None:
    with pytest.raises(ValueError, match="needs the station group"):
        seeded("mobilevitv2_multi_branch")(batch())


def test_each_group_has_a_branch_of_its_own() -> None:
    network = seeded("mobilevitv2_multi_branch").eval()
    regions = batch(1).repeat(3, 1, 1, 1, 1)
    for branch in network.branches:
        torch.nn.init.normal_(branch["head"][-1].bias)
    with torch.inference_mode():
        logits = network(regions, groups=torch.tensor([0, 1, 0])).logits
    # Where a region stands in a batch decides how its sums are cut into vectors and threads, and so their rounding.
    torch.testing.assert_close(logits[0], logits[2], rtol=1e-3, atol=1e-5)
    assert abs(logits[0] - logits[1]) > 0.01


def test_cost_counts_parameters_and_multiply_adds_of_a_known_layer() -> None:
    class OneConvolution(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Conv3d(2, 5, 3, padding=1)

        def forward(self, x: torch.Tensor, groups: torch.Tensor | None = None) -> torch.Tensor:
            return self.layer(x)

    cost = network_cost(OneConvolution(), region=(4, 6, 8))
    assert cost.parameters == 2 * 5 * 27 + 5
    assert cost.multiply_adds == 2 * 5 * 27 * 4 * 6 * 8


def test_the_node_product_parts_a_nodes_attenuation_at_the_middle_of_the_window() -> None:
    network = build_network("mobilevitv2_sa_moe", {"width": 0.1, "node_product": True}).eval()
    seen: list[torch.Tensor] = []
    network.stem.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    region = torch.full((1, 2, 8, 24, 24), -1.0)
    region[:, 1] = 0
    region[0, 0, 2:6, 4:16, 4:16] = 0.2
    region[0, 0, 2:6, 16:20, 4:16] = -0.3
    region[0, 1, 3:5, 12:20, 8:12] = 1
    with torch.inference_mode():
        network(region)
    assert seen[0].shape[1] == 4
    assert torch.equal(seen[0][:, :2], region)
    above, below = torch.zeros(2, 8, 24, 24)
    above[3:5, 12:16, 8:12] = 4 * 0.2
    below[3:5, 16:20, 8:12] = 4 * 0.3
    torch.testing.assert_close(seen[0][0, 2:], torch.stack([above, below]))


def test_the_node_product_finds_its_channels_by_name() -> None:
    there, back = (
        build_network("mobilevitv2", {"width": 0.1, "node_product": True}, channels).products
        for channels in (["ct", "node_mask"], ["station_mask", "node_mask", "ct"])
    )
    ct, mask = torch.rand(2, 1, 1, 4, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    mask = (mask > 0).float()
    product = there(torch.cat([ct, mask], dim=1))[:, 2:]
    assert torch.equal(back(torch.cat([torch.ones_like(ct), mask, ct], dim=1))[:, 3:], product)
    with pytest.raises(ValueError, match="node_product needs the channel node_mask, and the input has ct"):
        build_network("mobilevitv2", {"width": 0.1, "node_product": True}, ["ct"])


@pytest.mark.parametrize("name", ["mobilevitv2", "mobilenetv2"])
def test_a_network_has_one_input_channel_for_each_name(name: str) -> None:
    network = build_network(name, NARROW[name], ["ct", "node_mask", "station_mask"]).eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, *REGION)).logits.shape == (1,)
    with pytest.raises(ValueError, match="has 2 input channels, and 1 are named: ct"):
        build_network(name, {"in_channels": 2}, ["ct"])
    with pytest.raises(ValueError, match="takes no argument channels"):
        build_network(name, {"channels": ["ct"]})


def test_without_nodes_the_node_product_is_empty_and_the_network_still_answers() -> None:
    network = build_network("mobilevitv2", {"width": 0.1, "node_product": True}).eval()
    region = torch.rand(2, 2, 8, 24, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1
    region[:, 1] = 0
    with torch.inference_mode():
        assert torch.isfinite(network(region).logits).all()


def last_features(network: torch.nn.Module, region: torch.Tensor) -> tuple[torch.Tensor, StationOutput]:
    seen: list[torch.Tensor] = []
    network.blocks[-1].register_forward_hook(lambda *call: seen.append(call[2][0]))
    with torch.inference_mode():
        output = network(region, with_attention=True)
    return seen[0], output


@pytest.mark.parametrize("name", ["mobilevitv2", "mobilevitv2_sa_moe"])
@pytest.mark.parametrize("pooling", ["average", "attention", "max"])
def test_the_head_sums_up_the_last_features_as_told(name: str, pooling: str) -> None:
    torch.manual_seed(0)
    strides = [[1, 2, 2], [2, 2, 2], [1, 2, 2], [1, 1, 1], [1, 1, 1], [1, 1, 1]]
    arguments = {"width": 0.25, "pooling": pooling, "strides": strides, "patch": [1, 1, 1]}
    network = build_network(name, arguments).eval()
    features, output = last_features(network, batch())
    assert output.attention.shape[2:] == features.shape[2:]
    summed = {
        "average": features.mean(dim=(2, 3, 4)),
        "attention": (features * output.attention).sum(dim=(2, 3, 4)),
        "max": features.amax(dim=(2, 3, 4)),
    }
    expected = {key: network.head[-1](value).squeeze(1) for key, value in summed.items()}
    torch.testing.assert_close(output.logits, expected.pop(pooling))
    assert all(not torch.allclose(output.logits, other, atol=1e-4) for other in expected.values())


def test_pooling_by_attention_does_not_depend_on_whether_the_map_is_asked_for() -> None:
    network = build_network("mobilevitv2", {"width": 0.25, "pooling": "attention"}).eval()
    with torch.inference_mode():
        plain, shown = network(batch()), network(batch(), with_attention=True)
    assert plain.attention is None
    torch.testing.assert_close(plain.logits, shown.logits, rtol=1e-3, atol=1e-5)


def test_patches_of_one_voxel_take_regions_of_any_size() -> None:
    network = build_network("mobilevitv2", {"width": 0.25, "patch": [1, 1, 1]}).eval()
    with torch.inference_mode():
        output = network(batch(region=(9, 37, 51)), with_attention=True)
    assert output.attention.shape[2:] == (3, 5, 7)
    torch.testing.assert_close(output.attention.sum(dim=(1, 2, 3, 4)), torch.ones(3))


def test_an_unknown_pooling_is_refused() -> None:
    with pytest.raises(ValueError, match="pooling must be one of average, attention, max, got 'median'"):
        build_network("mobilevitv2", {"pooling": "median"})


@pytest.mark.parametrize(("n_blocks", "channels"), [(0, 32), (1, 64), (2, 96), (3, 128)])
def test_a_network_cut_short_keeps_the_names_of_what_is_left(n_blocks: int, channels: int) -> None:
    whole = build_network("mobilevitv2", {"width": 0.25})
    short = build_network("mobilevitv2", {"width": 0.25, "n_blocks": n_blocks}).eval()
    assert short.head[-1].in_features == channels
    own = {name: value.shape for name, value in short.state_dict().items() if not name.startswith("head.")}
    assert own.items() <= {name: value.shape for name, value in whole.state_dict().items()}.items()
    with torch.inference_mode():
        output = short(batch(), with_attention=True)
    assert output.logits.shape == (3,)
    assert (output.attention is None) == (n_blocks == 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"n_blocks": 4}, "n_blocks must be from 0 to 3"), ({"n_blocks": 0, "pooling": "attention"}, "n_blocks is 0")],
)
def test_impossible_depths_are_refused(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build_network("mobilevitv2", arguments)
