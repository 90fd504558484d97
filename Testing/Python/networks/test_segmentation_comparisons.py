"""The networks that DeepStationing's backbone is compared with."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from LNStationLib.networks.segmentation.comparisons import LightDecoder, SliceUnet  # noqa: E402

SMALL = {"in_channels": 3, "n_classes": 4, "filters": (4, 6, 8), "strides": (1, 2, 2)}


@pytest.mark.parametrize("network", [LightDecoder, SliceUnet])
@pytest.mark.parametrize("size", [(8, 8, 8), (5, 9, 7), (1, 4, 4), (2, 1, 1)])
def test_the_answer_has_the_size_of_the_input(network, size: tuple[int, int, int]) -> None:
    answer = network(**SMALL)(torch.rand(2, 3, *size))
    assert answer.shape == (2, 4, *size)
    assert torch.isfinite(answer).all()


@pytest.mark.parametrize("network", [LightDecoder, SliceUnet])
def test_the_gradient_reaches_every_parameter(network) -> None:
    built = network(**SMALL)
    built(torch.rand(1, 3, 8, 8, 8)).square().mean().backward()
    assert [name for name, each in built.named_parameters() if each.grad is None] == []


@pytest.mark.parametrize("network", [LightDecoder, SliceUnet])
def test_levels_that_do_not_go_together_are_refused(network) -> None:
    with pytest.raises(ValueError, match="as many filters as strides"):
        network(filters=(4, 8), strides=(1, 2))
    with pytest.raises(ValueError, match="the first stride 1"):
        network(filters=(4, 6, 8), strides=(2, 2, 2))


def test_a_slice_is_seen_without_its_neighbors() -> None:
    network = SliceUnet(**SMALL).eval()
    volume = torch.rand(1, 3, 6, 8, 8)
    other = volume.clone()
    other[:, :, 3] += 1
    with torch.inference_mode():
        changed = (network(volume) - network(other)).abs().amax((0, 1, 3, 4))
    assert changed[3] > 1e-4
    assert changed[[0, 1, 2, 4, 5]].max() == pytest.approx(0, abs=1e-6)


def test_a_light_decoder_has_few_parameters_outside_of_its_encoder() -> None:
    network = LightDecoder(2, 13, (16, 32, 64), (1, 2, 2))
    whole, decoder = (sum(p.numel() for p in part.parameters()) for part in (network, network.answers))
    assert decoder < 0.02 * whole
