"""The networks that DeepStationing's backbone is compared with."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from LNStationLib.networks.segmentation.comparisons import LightDecoder, SliceUnet  # noqa: E402
from LNStationLib.networks.segmentation.dynunet import DynUnet  # noqa: E402
from LNStationLib.networks.segmentation.osln_backbones import HrNet, Psnn, SqueezedUnet  # noqa: E402

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


@pytest.mark.parametrize("network", [SqueezedUnet, Psnn])
@pytest.mark.parametrize("size", [(8, 8, 8), (5, 9, 7), (2, 4, 4)])
def test_osln_s_backbones_answer_in_the_size_of_the_input(network, size: tuple[int, int, int]) -> None:
    answer = network(**SMALL).eval()(torch.rand(2, 3, *size))
    assert answer.shape == (2, 4, *size)
    assert torch.isfinite(answer).all()


@pytest.mark.parametrize("size", [(16, 16, 16), (5, 9, 7)])
def test_hrnet_answers_in_the_size_of_the_input(size: tuple[int, int, int]) -> None:
    answer = HrNet(3, 4, width=4, n_branches=3, n_blocks=1)(torch.rand(2, 3, *size))
    assert answer.shape == (2, 4, *size)
    with pytest.raises(ValueError, match="at least 1"):
        HrNet(3, 4, width=0)


def test_the_gradient_reaches_every_parameter_of_osln_s_backbones() -> None:
    for built in (SqueezedUnet(**SMALL), Psnn(**SMALL), HrNet(3, 4, width=4, n_blocks=1)):
        built(torch.rand(2, 3, 16, 16, 16)).square().mean().backward()
        assert [name for name, each in built.named_parameters() if each.grad is None] == []


def test_in_training_every_level_of_psnn_answers_the_finest_first() -> None:
    network, volume = Psnn(**SMALL), torch.rand(1, 3, 8, 8, 8)
    levels = network.train()(volume)
    assert levels.shape == (1, 3, 4, 8, 8, 8)
    assert torch.allclose(levels[:, 0], network.eval()(volume), atol=1e-5)


def test_squeeze_and_excitation_is_all_that_parts_se_unet_from_the_unet() -> None:
    plain, squeezed = DynUnet(**SMALL), SqueezedUnet(**SMALL)
    added = set(squeezed.state_dict()) - set(plain.state_dict())
    assert set(plain.state_dict()) <= set(squeezed.state_dict())
    assert {name.split(".")[0] for name in added} == {"down_gates", "up_gates"}
