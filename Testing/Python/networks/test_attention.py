"""Unfolding, context scores and the aggregation of attention maps."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

from LNStationLib.networks.classification.attention_map import aggregated, normalized, resized, spatial_softmax  # noqa: E402
from LNStationLib.networks.classification.separable_attention import (  # noqa: E402
    SampleNorm,
    SeparableSelfAttention,
    fold,
    fold_scores,
    unfold,
)


def seeded(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize(("size", "patch"), [((4, 6, 8), (2, 2, 2)), ((3, 6, 8), (1, 3, 2)), ((2, 2, 2), (2, 2, 2))])
def test_folding_undoes_unfolding(size: tuple[int, int, int], patch: tuple[int, int, int]) -> None:
    x = seeded(2, 5, *size)
    tokens = unfold(x, patch)
    places = patch[0] * patch[1] * patch[2]
    assert tokens.shape == (2, places, x[0, 0].numel() // places, 5)
    assert torch.equal(fold(tokens, size, patch), x)


def test_a_patch_holds_neighbors_and_attention_runs_over_patches() -> None:
    x = torch.arange(4.0).reshape(1, 1, 1, 1, 4)
    tokens = unfold(x, (1, 1, 2))[0, :, :, 0]
    assert tokens.tolist() == [[0.0, 2.0], [1.0, 3.0]]


def test_context_scores_sum_to_one_and_follow_the_formula() -> None:
    torch.manual_seed(0)
    attention, tokens = SeparableSelfAttention(3), seeded(1, 2, 4, 3)
    output, scores = attention(tokens)
    torch.testing.assert_close(scores.sum(-1), torch.ones(1, 2))
    projected = attention.project_in(tokens)
    weights = projected[..., :1].softmax(dim=2)
    context = (weights * projected[..., 1:4]).sum(dim=2, keepdim=True)
    torch.testing.assert_close(output, attention.project_out(projected[..., 4:].relu() * context))


def test_folded_scores_sum_to_one() -> None:
    scores = seeded(2, 8, 6).softmax(dim=-1)
    torch.testing.assert_close(fold_scores(scores, (2, 4, 6), (2, 2, 2)).sum(dim=(1, 2, 3, 4)), torch.ones(2))


def test_sample_norm_is_group_norm_with_one_group() -> None:
    tokens, norm = seeded(2, 4, 5, 6), SampleNorm(6)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    expected = torch.nn.functional.group_norm(tokens.movedim(-1, 1), 1, norm.weight, norm.bias).movedim(1, -1)
    torch.testing.assert_close(norm(tokens), expected)


def test_a_resized_map_keeps_its_sum_and_its_place() -> None:
    coarse = torch.zeros(1, 1, 2, 4, 4)
    coarse[0, 0, 1, 3, 0] = 1.0
    fine = resized(coarse, (4, 8, 8))
    assert fine.sum() == pytest.approx(1.0)
    z, y, x = (fine[0, 0] == fine.max()).nonzero()[0].tolist()
    assert (z >= 2, y >= 6, x <= 1) == (True, True, True)


def test_aggregation_averages_at_the_finest_resolution() -> None:
    fine, coarse = torch.zeros(1, 1, 2, 2, 2), torch.ones(1, 1, 1, 1, 1)
    fine[0, 0, 0, 0, 0] = 1.0
    together = aggregated([coarse, fine])
    assert together.shape == fine.shape
    assert together.sum() == pytest.approx(1.0)
    assert together[0, 0, 0, 0, 0] == pytest.approx(0.5 + 0.5 / 8)


def test_aggregating_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no attention map"):
        aggregated([])


def test_an_all_zero_map_does_not_become_nan() -> None:
    assert normalized(torch.zeros(1, 1, 2, 2, 2)).isfinite().all()


def test_spatial_softmax_is_highest_where_features_are() -> None:
    features = torch.zeros(1, 3, 2, 2, 2)
    features[0, :, 1, 0, 1] = 4.0
    attention = spatial_softmax(features)
    assert attention.sum() == pytest.approx(1.0)
    assert attention[0, 0].argmax() == features[0, 0].argmax()
