"""The ceiling of attention in nodes: held to what the best of all maps reaches."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from lnstation_training.tasks.station_classification.attention_reach import (  # noqa: E402
    attention_ceiling,
    block_sizes,
    mean_ceiling,
)
from LNStationLib.networks.classification.attention_map import aggregated, attention_inside  # noqa: E402
from LNStationLib.networks.classification.separable_attention import fold_scores  # noqa: E402
from LNStationLib.networks.registry import build_network  # noqa: E402

REGION = (8, 24, 24)
PATCH = (2, 2, 2)
BLOCKS = [((4, 12, 12), PATCH), ((4, 6, 6), PATCH)]


def one_node(voxels: tuple[slice, slice, slice]) -> torch.Tensor:
    mask = torch.zeros(1, 1, *REGION)
    mask[(0, 0, *voxels)] = 1
    return mask


NODE = one_node((slice(2, 6), slice(6, 10), slice(7, 12)))


def test_a_node_that_fills_the_region_takes_everything() -> None:
    assert attention_ceiling(torch.ones(1, 1, *REGION), BLOCKS).item() == pytest.approx(1)


def test_without_a_node_there_is_nothing_to_reach() -> None:
    assert attention_ceiling(torch.zeros(1, 1, *REGION), BLOCKS).item() == 0


def test_a_node_in_one_voxel_of_the_map_gets_one_of_eight_places_at_most() -> None:
    mask = one_node((slice(0, 1), slice(0, 1), slice(0, 1)))
    assert attention_ceiling(mask, BLOCKS[:1]).item() == pytest.approx(1 / 8)
    free = [(size, (1, 1, 1)) for size, _ in BLOCKS[:1]]
    assert attention_ceiling(mask, free).item() == pytest.approx(1)


def test_no_random_map_passes_the_ceiling_and_training_scores_comes_near_it() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = [
        torch.randn(1, 8, size[0] * size[1] * size[2] // 8, generator=generator).requires_grad_()
        for size, _ in BLOCKS
    ]
    ceiling = attention_ceiling(NODE, BLOCKS).item()
    optimizer = torch.optim.Adam(scores, 0.5)
    inside = 0.0
    for _ in range(150):
        maps = [fold_scores(s.softmax(-1), size, PATCH) for s, (size, _) in zip(scores, BLOCKS, strict=True)]
        found = attention_inside(aggregated(maps), NODE)
        inside = found.item()
        # The sum to 1 after refining is not exactly linear in the scores.
        assert inside <= ceiling + 0.02
        optimizer.zero_grad()
        (-found.sum()).backward()
        optimizer.step()
    assert inside == pytest.approx(ceiling, abs=0.03)
    assert inside < 0.8


def test_the_blocks_of_a_network_say_their_grids_and_others_have_none() -> None:
    network = build_network("mobilevitv2", {"width": 0.1})
    sizes = block_sizes(network, (16, 48, 48))
    assert len(sizes) == 3
    assert sizes[0][0] >= sizes[1][0] >= sizes[2][0]
    assert block_sizes(build_network("mobilenetv2", {"width": 0.1}), (16, 48, 48)) == []


def test_the_mean_is_over_regions_with_a_node() -> None:
    network = build_network("mobilevitv2", {"width": 0.1})
    alone = mean_ceiling(network, NODE)
    assert alone is not None
    assert 0 < alone < 1
    assert mean_ceiling(network, torch.cat([NODE, torch.zeros_like(NODE)])) == pytest.approx(alone)
    assert mean_ceiling(network, torch.zeros_like(NODE)) is None
