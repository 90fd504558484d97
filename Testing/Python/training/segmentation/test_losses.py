"""Dice and cross-entropy under sets of classes, by hand-computed values."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from torch.nn import functional  # noqa: E402

from lnstation_training.segmentation.losses import SegmentationLoss, allowed_classes, boundary  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402

NAMES = ("background", "a", "b")


def table(rows: dict[int, list[int]]) -> torch.Tensor:
    """Classes that each value allows; other values are background."""
    found = torch.zeros(1, 256, 3, dtype=torch.bool)
    found[..., 0] = True
    for value, classes in rows.items():
        found[0, value] = torch.tensor([number in classes for number in range(3)])
    return found


EXACT = table({1: [1], 2: [2]})


def case(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 3, 4, 4, 4, generator=generator), torch.randint(0, 3, (1, 1, 4, 4, 4), generator=generator)


def test_with_one_class_a_voxel_it_is_the_usual_cross_entropy_and_dice() -> None:
    logits, values = case()
    found = SegmentationLoss(NAMES)(logits, values, EXACT)
    assert found["cross_entropy"].item() == pytest.approx(
        functional.cross_entropy(logits, values[:, 0]).item(), rel=1e-5
    )
    p, t = torch.softmax(logits, 1), functional.one_hot(values[:, 0], 3).movedim(-1, 1)
    dice = [1 - (2 * (p * t)[:, c].sum() + 1) / ((p + t)[:, c].sum() + 1) for c in (1, 2)]
    assert found["dice"].item() == pytest.approx(float(sum(dice)) / 2, rel=1e-5)
    assert found["loss"].item() == pytest.approx(found["dice"].item() + found["cross_entropy"].item())


def test_certain_voxels_have_the_same_gradient_with_and_without_a_patient_in_doubt_beside_them() -> None:
    """Batches without any doubt take a shorter way through the loss."""
    logits, values = case()
    values[..., 0] = 0
    alone, beside = (logits.clone().requires_grad_() for _ in range(2))
    SegmentationLoss(NAMES)(alone, values, EXACT)["cross_entropy"].backward()
    doubtful = torch.cat([beside, torch.zeros(1, 3, 4, 4, 4)])
    pair, tables = torch.cat([values, values]), torch.cat([EXACT, table({1: [0, 1, 2], 2: [0, 1, 2]})])
    SegmentationLoss(NAMES)(doubtful, pair, tables)["cross_entropy"].backward()
    # A mean over as many voxels again.
    assert torch.allclose(alone.grad, 2 * beside.grad, atol=1e-7)


def test_a_voxel_that_may_be_of_two_classes_costs_minus_the_log_of_their_sum() -> None:
    logits = torch.log(torch.tensor([0.5, 0.3, 0.2])).view(1, 3, 1, 1, 1).expand(1, 3, 2, 2, 2)
    values = torch.full((1, 1, 2, 2, 2), 7)
    found = SegmentationLoss(NAMES)(logits, values, table({7: [1, 2]}))
    assert found["cross_entropy"].item() == pytest.approx(-math.log(0.5), rel=1e-5)
    assert found["dice"].item() == 0.0


def test_what_may_be_of_a_class_does_not_count_against_it() -> None:
    """A network that finds an organ which was not drawn is not punished for it."""
    values = torch.zeros(1, 1, 2, 2, 2, dtype=torch.long)
    values[..., 0] = 2
    finds = torch.zeros(1, 3, 2, 2, 2)
    finds[:, 1, ..., 1], finds[:, 2, ..., 0] = 20.0, 20.0
    undrawn = table({0: [0, 1], 2: [2]})
    assert SegmentationLoss(NAMES)(finds, values, undrawn)["loss"].item() == pytest.approx(0.0, abs=1e-3)
    assert SegmentationLoss(NAMES)(finds, values, EXACT)["loss"].item() > 5


def test_a_perfect_answer_costs_nothing_and_gradient_reaches_the_logits() -> None:
    _, values = case()
    logits = (20.0 * functional.one_hot(values[:, 0], 3).movedim(-1, 1).float()).requires_grad_()
    found = SegmentationLoss(NAMES, boundary_weight=2.0)(logits, values, EXACT)
    assert found["loss"].item() == pytest.approx(0.0, abs=1e-4)
    found["loss"].backward()
    assert torch.isfinite(logits.grad).all()


def test_boundaries_are_voxels_with_a_neighbor_of_another_class() -> None:
    values = torch.zeros(1, 1, 7, 7, 7, dtype=torch.long)
    values[0, 0, 3, 3, 3] = 1
    found = boundary(allowed_classes(values, EXACT))
    assert found.sum().item() == 27
    assert found[0, 2:5, 2:5, 2:5].all()


def test_a_boundary_weight_makes_a_missed_thin_vessel_dearer_than_a_missed_part_of_a_large_organ() -> None:
    thin, large = (torch.zeros(1, 1, 16, 16, 16, dtype=torch.long) for _ in range(2))
    thin[0, 0, :, 7:9, 7:9], large[0, 0, 4:8, 4:8, 4:8] = 1, 1
    background = torch.zeros(1, 3, 16, 16, 16)
    background[:, 0] = 4.0

    def cost(values: torch.Tensor, weight: float) -> float:
        return SegmentationLoss(NAMES, boundary_weight=weight)(background, values, EXACT)["cross_entropy"].item()

    assert thin.sum() == large.sum()
    assert cost(thin, 0.0) == pytest.approx(cost(large, 0.0))
    assert cost(thin, 3.0) > cost(large, 3.0) * 0.99
    assert cost(thin, 3.0) > cost(thin, 0.0)


def test_deep_supervision_is_the_weighted_mean_of_its_levels() -> None:
    (first, values), (second, _) = case(0), case(1)
    loss = SegmentationLoss(NAMES)
    both = loss(torch.stack([first, second], 1), values, EXACT)["loss"].item()
    apart = [loss(each, values, EXACT)["loss"].item() for each in (first, second)]
    assert both == pytest.approx((2 * apart[0] + apart[1]) / 3, rel=1e-5)


def test_class_weights_count_in_both_terms_and_unknown_ones_are_refused() -> None:
    logits, values = case()
    light, heavy = SegmentationLoss(NAMES), SegmentationLoss(NAMES, {"a": 50.0})
    only_a = torch.where(values == 1, values, 0)
    right = 10.0 * functional.one_hot(values[:, 0], 3).movedim(-1, 1).float()
    assert heavy(logits, only_a, EXACT)["cross_entropy"] != light(logits, only_a, EXACT)["cross_entropy"]
    assert heavy(right, values, EXACT)["dice"].item() == pytest.approx(0.0, abs=1e-2)
    with pytest.raises(InputError, match="unknown classes c; known: background, a, b"):
        SegmentationLoss(NAMES, {"c": 1.0})
