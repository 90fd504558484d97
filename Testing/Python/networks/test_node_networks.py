"""Networks that judge nodes: shapes, fusion, streams, gradients, torchvision's keys."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from LNStationLib.networks.node_classification.efficientnet_lite import EfficientNetLite0  # noqa: E402
from LNStationLib.networks.node_classification.mobilenetv3 import MobileNetV3  # noqa: E402
from LNStationLib.networks.node_classification.slices import slice_sets  # noqa: E402
from LNStationLib.networks.registry import build_network  # noqa: E402

SIZE = (8, 32, 32)
SMALL: dict[str, tuple[str, dict[str, Any]]] = {
    "two streams": ("node_slices", {"width": 0.25, "n_sets": 3, "fused": 8, "dropout": 0.0}),
    "small mobilenet": ("node_slices", {"width": 0.25, "n_sets": 3, "fused": 8, "backbone": "mobilenet_v3_small"}),
    "one scale": ("node_slices", {"width": 0.25, "n_sets": 3, "fused": 8, "multi_scale": False}),
    "one stream": ("node_slices", {"width": 0.25, "n_sets": 3, "fused": 8, "streams": ["ct"]}),
    "resnet": ("node_slices", {"width": 0.25, "n_sets": 2, "fused": 8, "backbone": "resnet18"}),
    "mobilevit": ("node_slices", {"width": 0.25, "n_sets": 2, "fused": 8, "backbone": "mobilevitv2"}),
    "efficientnet": ("node_slices", {"width": 0.25, "n_sets": 2, "fused": 8, "backbone": "efficientnet_lite0"}),
    "3d mobilenet": ("node_volumes", {"width": 0.25}),
    "3d resnet": ("node_volumes", {"backbone": "resnet18"}),
    "3d mobilevit": ("node_volumes", {"width": 0.25, "backbone": "mobilevitv2"}),
    "dualnet": ("node_dualnet", {"width": 0.25}),
}


def built(which: str) -> Any:
    name, arguments = SMALL[which]
    torch.manual_seed(0)
    return build_network(name, arguments, ("ct", "ct_zoomed"))


def patches(count: int = 3) -> torch.Tensor:
    return torch.randn(count, 2, *SIZE, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("which", SMALL)
def test_a_node_network_gives_one_logit_a_patch_and_gradients_reach_every_parameter(which: str) -> None:
    network = built(which).train()
    output = network(patches())
    assert output.logits.shape == (3,)
    (output.logits.square().sum() + sum(side.square().sum() for side in output.side_logits.values())).backward()
    assert [name for name, one in network.named_parameters() if one.grad is None] == []


@pytest.mark.parametrize("which", SMALL)
def test_a_batch_of_patches_gives_the_same_as_its_patches_one_by_one(which: str) -> None:
    network = built(which).eval()
    with torch.inference_mode():
        together, alone = network(patches()).logits, [network(patch[None]).logits for patch in patches()]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-3, atol=1e-5)


def test_each_stream_sees_its_own_channel_alone() -> None:
    network = built("two streams").train()
    first, second = patches(), patches()
    second[:, 1] += torch.randn(3, *SIZE, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        before, after = network(first), network(second)
    torch.testing.assert_close(before.side_logits["ct"], after.side_logits["ct"])
    assert not torch.allclose(before.side_logits["ct_zoomed"], after.side_logits["ct_zoomed"])


def test_one_stream_needs_no_side_supervision() -> None:
    assert built("one stream").eval()(patches()).side_logits == {}


def test_a_stream_that_the_input_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="streams must be one or more of ct, ct_zoomed, got pet"):
        build_network("node_slices", {"streams": ["pet"]}, ("ct", "ct_zoomed"))


def test_sets_of_slices_overlap_and_the_outermost_slices_are_their_own_neighbors() -> None:
    volume = torch.arange(4.0).view(1, 4, 1, 1)
    assert slice_sets(volume, 4).flatten(2).tolist() == [[[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 3]]]
    assert slice_sets(volume, 2).flatten(2).tolist() == [[[0, 0, 1], [2, 3, 3]]]


# Of torchvision's 5 483 032 and 2 542 856 parameters, what its classifiers of 1000 classes leave.
@pytest.mark.parametrize(("size", "parameters"), [("large", 2_971_952), ("small", 927_008)])
def test_mobilenetv3_has_torchvisions_parameters_and_keys(size: Any, parameters: int) -> None:
    network = MobileNetV3(2, size)
    assert sum(each.numel() for each in network.parameters()) == parameters
    keys = set(network.state_dict())
    assert {"features.0.0.weight", "features.0.1.running_mean", "features.4.block.2.fc1.weight"} <= keys
    last = 16 if size == "large" else 12
    assert f"features.{last}.0.weight" in keys
    assert f"features.{last + 1}.0.weight" not in keys


def test_mobilenetv3_knows_the_statistics_of_its_data_after_some_dozen_steps() -> None:
    network = MobileNetV3(2, "small", width=0.25).train()
    images = 3 + torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    convolution, normalization = network.features[0][0], network.features[0][1]
    with torch.no_grad():
        for _ in range(60):
            network(images)
        torch.testing.assert_close(
            normalization.running_mean, convolution(images).mean(dim=(0, 2, 3)), rtol=0.01, atol=0.01
        )


def test_efficientnet_lite0_has_the_published_weights_names_and_shapes() -> None:
    network = EfficientNetLite0()
    # Of the published 4 652 008, what its classifier of 1000 classes leaves.
    assert sum(each.numel() for each in network.parameters()) == 4_652_008 - 1000 * 1281
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert shapes["_conv_stem.weight"] == (32, 3, 3, 3)
    assert shapes["_blocks.9._depthwise_conv.weight"] == (672, 1, 5, 5)
    assert shapes["_bn1.running_mean"] == (1280,)


def test_efficientnet_lite0_pads_as_its_weights_expect() -> None:
    stem = EfficientNetLite0(1)._conv_stem
    torch.nn.init.ones_(stem.weight)
    with torch.no_grad():
        # One more pixel behind than before: the first window is whole, the last one is cut.
        assert stem(torch.ones(1, 1, 8, 8))[0, 0, 0].tolist() == [9, 9, 9, 6]


@pytest.mark.parametrize("size", ["large", "small"])
def test_mobilenetv3_gives_an_eighth_a_sixteenth_and_a_thirty_second(size: Any) -> None:
    network = MobileNetV3(2, size, width=0.25).eval()
    scales = network(torch.zeros(1, 3, 64, 64))
    assert [tuple(scale.shape[2:]) for scale in scales] == [(8, 8), (4, 4), (2, 2)]
    assert tuple(scale.shape[1] for scale in scales) == network.channels


@pytest.mark.parametrize("which", SMALL)
def test_the_layer_of_the_heat_map_is_there(which: str) -> None:
    network = built(which)
    channel, layer = network.heat_map_layer()
    assert channel in ("ct", "ct_zoomed")
    assert layer in dict(network.named_modules())


def test_weights_of_a_backbone_fit_every_stream() -> None:
    network = built("two streams")
    found = {
        name: torch.full_like(value, 0.5) for name, value in MobileNetV3(2, "large", width=0.25).state_dict().items()
    }
    spread = network.backbone_weights(found)
    own = network.state_dict()
    assert {name for name in own if ".backbone." in name} == set(spread)
    assert all(own[name].shape == value.shape for name, value in spread.items())
