"""Heat maps of every node network: they follow what speaks for metastasis, and leave the network as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from LNStationLib.models.runtime.heat_map import HeatMaps  # noqa: E402
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


@pytest.mark.parametrize("which", NETWORKS)
def test_every_node_network_has_heat_maps_over_the_extent_of_a_channel(which: str) -> None:
    name, arguments = NETWORKS[which]
    torch.manual_seed(0)
    network = build_network(name, arguments, ("ct", "ct_zoomed")).eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    patches = np.random.default_rng(0).normal(size=(3, 2, 4, 32, 32)).astype(np.float32)
    maps = HeatMaps(network, "cpu")
    found = maps.of(patches)
    assert maps.channel in ("ct", "ct_zoomed")
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


def test_a_heat_map_is_highest_where_the_evidence_lies() -> None:
    patch = np.full((1, 2, 4, 8, 8), -1.0, np.float32)
    patch[0, 0, 2, 3, 5] = 1.0
    (found,) = HeatMaps(_Bright(), "cpu").of(patch)
    assert np.unravel_index(found.argmax(), found.shape) == (2, 3, 5)
    assert found[0, 0, 0] == 0
