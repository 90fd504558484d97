"""Random changes of whole batches."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")

import numpy as np  # noqa: E402

from lnstation_training.engine.batch_augmentation import BatchAugmentation, Changes  # noqa: E402

NOTHING = Changes((), 0, 0, (0, 0, 0), 0, 0, 0, flip=1, affine=1, intensity=1)
SIZE = (6, 20, 24)


def volumes(count: int = 3) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).uniform(-0.5, 0.5, (count, 2, *SIZE)).astype(np.float32))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_flip_mirrors_every_channel_about_the_middle(axis: int) -> None:
    given = volumes()
    moved = BatchAugmentation(replace(NOTHING, flip_axes=(axis,))).moved(given)
    torch.testing.assert_close(moved, given.flip(axis + 2), atol=1e-4, rtol=0)


def test_a_shift_moves_by_voxels_along_each_axis() -> None:
    given = torch.zeros(20, 1, *SIZE)
    given[:, :, 3, 10, 12] = 1
    moved = BatchAugmentation(replace(NOTHING, shift_voxels=(1, 3, 5))).moved(given)
    places = torch.stack([torch.nonzero(each[0] == each.max())[0] for each in moved])
    reach = (places - torch.tensor([3, 10, 12])).abs().amax(0)
    assert (reach <= torch.tensor([1, 3, 5])).all()
    assert (reach >= torch.tensor([1, 2, 3])).all()


def test_a_rotation_turns_in_the_axial_plane_and_keeps_the_distance_from_the_middle() -> None:
    given = torch.zeros(8, 1, 5, 41, 41)
    given[:, :, 2, 20, 35] = 1
    moved = BatchAugmentation(replace(NOTHING, rotation_deg=40)).moved(given)
    places = torch.stack([torch.nonzero(each[0] == each.max())[0] for each in moved]).float()
    assert (places[:, 0] == 2).all()
    assert ((places[:, 1:] - 20).norm(dim=1) - 15).abs().max() < 1
    assert (places[:, 1] - 20).abs().max() > 3


def test_each_item_is_changed_in_its_own_way_and_some_not_at_all() -> None:
    given = volumes(1).expand(40, -1, -1, -1, -1)
    augmentation = BatchAugmentation(Changes((), 15, 0.1, (1, 2, 2), 0.1, 0.1, 0.1), seed=1)
    changed = augmentation.brightened(augmentation.moved(given))
    alike = torch.isclose(changed, given, atol=1e-4).flatten(1).all(1)
    assert 0 < int(alike.sum()) < 12
    assert len({round(float(each.mean()), 6) for each in changed}) > 25


def test_values_stay_in_their_range() -> None:
    bright = BatchAugmentation(replace(NOTHING, noise_sd=2, intensity_scaling=0.5, intensity_shift=0.5))
    changed = bright.brightened(2 * volumes())
    assert changed.min() == -1
    assert changed.max() == 1


def test_the_seed_decides_and_begins_anew() -> None:
    augmentation = BatchAugmentation(Changes((0, 1, 2), 15, 0.1, (1, 2, 2), 0.1, 0.1, 0.1))

    def once(seed: int) -> torch.Tensor:
        augmentation.seed(seed)
        return augmentation.brightened(augmentation.moved(volumes()))

    torch.testing.assert_close(once(3), once(3))
    assert (once(3) - once(4)).abs().max() > 0.01
