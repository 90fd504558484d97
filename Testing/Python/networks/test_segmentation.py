"""Every registered network that labels voxels: shapes, sizes, gradients, deep supervision, half precision."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from safetensors.torch import load  # noqa: E402

from LNStationLib.models.package.writing import weights_bytes  # noqa: E402
from LNStationLib.networks.registry import NETWORKS, build_network  # noqa: E402

NAMES = [name for name, info in NETWORKS.items() if info.kind == "segmentation"]
SMALL: dict[str, dict[str, Any]] = {"dynunet": {"filters": [4, 8, 8, 16], "strides": [1, 2, 2, [1, 2, 2]]}}
N_CLASSES = 3
HALF_PRECISION = 5e-3
"""Of logits of about 1: half precision keeps three digits of each weight."""


def seeded(name: str = "dynunet", **arguments: Any) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_network(name, {**SMALL.get(name, {}), "n_classes": N_CLASSES, **arguments})


def volumes(*size: int, batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, 2, *size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size", [(8, 16, 16), (7, 19, 30), (1, 1, 1), (5, 8, 40)])
@pytest.mark.parametrize("name", NAMES)
def test_a_volume_of_any_size_gets_logits_of_its_own_size(name: str, size: tuple[int, int, int]) -> None:
    with torch.inference_mode():
        logits = seeded(name).eval()(volumes(*size))
    assert logits.shape == (2, N_CLASSES, *size)
    assert logits.isfinite().all()


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("deep_supervision", [False, True])
def test_gradients_reach_every_parameter(residual: bool, deep_supervision: bool) -> None:
    network = seeded(residual=residual, deep_supervision=deep_supervision).train()
    network(volumes(8, 16, 16)).square().sum().backward()
    assert [key for key, parameter in network.named_parameters() if parameter.grad is None] == []


def test_deep_supervision_adds_coarser_answers_in_training_alone() -> None:
    network = seeded(filters=[4, 4, 8, 8, 8], strides=[1, 2, 2, 2, 2], deep_supervision=True)
    answers = network.train()(volumes(16, 32, 17))
    assert answers.shape == (2, 3, N_CLASSES, 16, 32, 17)
    with torch.inference_mode():
        final = network.eval()(volumes(16, 32, 17))
    torch.testing.assert_close(answers[:, 0], final)


def test_a_batch_gives_the_same_as_its_volumes_one_by_one() -> None:
    network, batch = seeded().eval(), volumes(8, 16, 16, batch=3)
    with torch.inference_mode():
        together, alone = network(batch), torch.cat([network(batch[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("arguments", [{}, {"residual": True}, {"deep_supervision": True}])
def test_weights_in_half_precision_give_nearly_the_same_answer(arguments: dict[str, Any]) -> None:
    network, other = seeded(**arguments).eval(), seeded(**arguments).eval()
    weights = load(weights_bytes(network, "float16"))
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}
    other.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    with torch.inference_mode():
        expected, found = network(volumes(8, 16, 16)), other(volumes(8, 16, 16))
    assert (found - expected).abs().max() <= HALF_PRECISION * expected.abs().max()


def test_every_weight_is_stored_once() -> None:
    network = seeded()
    stored = sum(tensor.numel() for tensor in network.state_dict().values())
    assert stored == sum(parameter.numel() for parameter in network.parameters())


def test_a_residual_network_has_further_weights() -> None:
    assert set(seeded(residual=True).state_dict()) > set(seeded().state_dict())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"filters": [4, 8]}, "as many filters as strides"),
        ({"filters": [4, 8], "strides": [1, 2]}, "3 or more"),
        ({"strides": [2, 2, 2, 2]}, "the first stride must be 1"),
        ({"n_classes": 1}, "classes at least 2"),
        ({"strides": [1, 2, 2, 0]}, "must be at least 1"),
        ({"width": 3}, "takes no argument width"),
    ],
)
def test_impossible_arguments_are_refused(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        seeded(**arguments)
