"""The networks of PET/CT: size as published, what they are told, stations that were not seen."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from LNStationLib.networks.registry import build_network, network_info  # noqa: E402

SMALL = {"filters": (4, 4), "n_stations": 3}
NAMES = ("station_cnn", "station_stager")


def seeded(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_network(name, SMALL).eval()


def patients(count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, 2, 4, 8, 8, generator=torch.Generator().manual_seed(1))


def test_the_classifier_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        network = build_network("station_cnn")
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(1.18e6, rel=0.01)


def test_the_station_decides_with_the_patch_and_is_asked_for() -> None:
    network, patch = seeded("station_cnn"), patients()[:1, 0]
    answers = [network(patch, groups=torch.tensor([number])).logits.item() for number in range(3)]
    assert len({round(answer, 6) for answer in answers}) == 3
    assert all(network_info(name).needs_groups for name in NAMES)


def test_patches_too_small_for_the_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="smaller than 4"):
        seeded("station_cnn")(torch.zeros(1, 2, 2, 8, 8), groups=torch.tensor([0]))


def test_a_stager_judges_stations_as_the_classifier_that_it_starts_from() -> None:
    classifier, stager, x = seeded("station_cnn"), seeded("station_stager"), patients()
    fitting = {name: value for name, value in classifier.state_dict().items() if name in stager.state_dict()}
    assert len(fitting) == len(classifier.state_dict())
    stager.load_state_dict(fitting, strict=False)
    told = torch.ones(2, 4, dtype=torch.long)
    alone = [classifier(x[:, n], groups=torch.full((2,), n)).logits for n in range(3)]
    torch.testing.assert_close(stager(x, groups=told).station_logits, torch.stack(alone, dim=1))


def test_side_and_unseen_stations_change_the_category_and_unseen_patches_do_not() -> None:
    network, x = seeded("station_stager"), patients(1)
    right, left = torch.tensor([[0, 1, 1, 1]]), torch.tensor([[1, 1, 1, 1]])
    assert not torch.allclose(network(x, groups=right).logits, network(x, groups=left).logits)
    without = torch.tensor([[0, 1, 0, 1]])
    other = x.clone()
    other[:, 1] = 7.0
    torch.testing.assert_close(network(x, groups=without).logits, network(other, groups=without).logits)
    assert not torch.allclose(network(x, groups=right).logits, network(x, groups=without).logits)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_every_parameter(name: str) -> None:
    network, x = seeded(name).train(), patients()
    if name == "station_cnn":
        network(x[:, 0], groups=torch.tensor([0, 2])).logits.sum().backward()
    else:
        network(x, groups=torch.tensor([[0, 1, 0, 1], [1, 1, 1, 1]])).logits.square().sum().backward()
    without = {n for n, p in network.named_parameters() if p.grad is None}
    assert not without
