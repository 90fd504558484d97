"""Heat maps of every node network: they follow what speaks for metastasis, and leave the network as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from LNStationLib.models.runtime.heat_map import GradCam, HeatMaps, IntegratedGradients  # noqa: E402
from LNStationLib.networks.output import NodeOutput  # noqa: E402
from LNStationLib.networks.registry import build_network  # noqa: E402

SMALL = {"width": 0.25, "n_sets": 2, "fused": 8}
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "mobilenet": ("node_slices", SMALL),
    "resnet": ("node_slices", {**SMALL, "backbone": "resnet18"}),
    "mobilevit": ("node_slices", {**SMALL, "backbone": "mobilevitv2", "streams": ["ct"]}),
    "3d mobilenet": ("node_volumes", {"width": 0.25}),
    "3d resnet": ("node_volumes", {"backbone": "resnet18"}),
    "3d mobilevit": ("node_volumes", {"width": 0.25, "backbone": "mobilevitv2"}),
    "dualnet": ("node_dualnet", {"width": 0.25}),
}


CHANNELS = ("ct", "ct_zoomed")


def heat_maps(by: str, network: Any) -> HeatMaps:
    return GradCam(network, "cpu") if by == "grad_cam" else IntegratedGradients(network, "cpu", CHANNELS, -1.0)


@pytest.mark.parametrize("by", ["grad_cam", "integrated_gradients"])
@pytest.mark.parametrize("which", NETWORKS)
def test_every_node_network_has_heat_maps_over_the_extent_of_a_channel(which: str, by: str) -> None:
    name, arguments = NETWORKS[which]
    torch.manual_seed(0)
    network = build_network(name, arguments, CHANNELS).eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    patches = np.random.default_rng(0).normal(size=(3, 2, 4, 32, 32)).astype(np.float32)
    maps = heat_maps(by, network)
    found = maps.of(patches)
    assert maps.channel in CHANNELS
    assert found.shape[0] == 3
    assert found.ndim == 4
    assert min(found.shape[1:]) >= 1
    assert found.min() >= 0
    assert np.isfinite(found).all()
    # Maps of many patches are those of each alone.
    np.testing.assert_allclose(maps.of(patches[1:2])[0], found[1], rtol=1e-3, atol=1e-6)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


class _Bright(torch.nn.Module):
    """Takes bright voxels for metastatic."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Conv3d(1, 1, 1, bias=False)
        torch.nn.init.ones_(self.layer.weight)

    def forward(self, x: torch.Tensor) -> NodeOutput:
        return NodeOutput(self.layer(x[:, :1]).mean(dim=(1, 2, 3, 4)))

    def heat_map_layer(self) -> tuple[str, str]:
        return "ct", "layer"


def test_grad_cam_is_highest_where_the_evidence_lies() -> None:
    patch = np.full((1, 2, 4, 8, 8), -1.0, np.float32)
    patch[0, 0, 2, 3, 5] = 1.0
    (found,) = GradCam(_Bright(), "cpu").of(patch)
    assert np.unravel_index(found.argmax(), found.shape) == (2, 3, 5)
    assert found[0, 0, 0] == 0


def test_integrated_gradients_lie_in_the_cell_of_the_evidence_alone() -> None:
    patch = np.full((1, 2, 4, 8, 10), -1.0, np.float32)
    patch[0, 0, 2, 3, 9] = 1.0
    patch[0, 1, 0, 0, 0] = 1.0  # of another channel
    (found,) = IntegratedGradients(_Bright(), "cpu", CHANNELS, -1.0).of(patch)
    assert found.shape == (4, 2, 3)
    assert np.argwhere(found > 0).tolist() == [[2, 0, 2]]


def test_integrated_gradients_add_up_to_the_difference_of_the_logits() -> None:
    torch.manual_seed(0)
    network = build_network(*NETWORKS["dualnet"], CHANNELS).eval()
    with torch.no_grad():
        network.head.weight.mul_(100)  # untrained, it hardly tells patches apart
    patch = np.random.default_rng(0).normal(size=(2, 8, 32, 32)).astype(np.float32)
    found = IntegratedGradients(network, "cpu", CHANNELS, -1.0).attributions(patch)
    with torch.inference_mode():
        whole, none = (float(network(torch.from_numpy(x)[None]).logits) for x in (patch, np.full_like(patch, -1.0)))
    assert abs(whole - none) > 1e-3
    assert found.sum() == pytest.approx(whole - none, rel=0.1)
