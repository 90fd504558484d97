"""Regions as batches of a fold."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

import numpy as np  # noqa: E402
from training.prepared import SPEC, region, write_prepared  # noqa: E402

from lnstation_training.cohorts.splits import read_splits  # noqa: E402
from lnstation_training.tasks.station_classification.augmentation import RegionAugmentation  # noqa: E402
from lnstation_training.tasks.station_classification.data_module import StationDataModule  # noqa: E402
from lnstation_training.tasks.station_classification.dataset import StationDataset, load_region  # noqa: E402
from lnstation_training.tasks.station_classification.samples import read_samples  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_prepared(tmp_path_factory.mktemp("prepared") / "data")


def module(prepared: Path, **arguments: object) -> StationDataModule:
    built = StationDataModule(prepared, batch_size=4, **arguments)  # type: ignore[arg-type]
    built.setup()
    return built


def test_a_batch_has_regions_labels_groups_and_names(prepared: Path) -> None:
    batch = next(iter(module(prepared).val_dataloader()))
    assert batch["region"].shape == (4, 2, *SPEC.size)
    assert batch["region"].dtype == batch["label"].dtype == torch.float32
    assert batch["group"].tolist() == [{"1R": 0, "4R": 1, "7": 2}[name] for name in batch["station"]]


def test_parts_hold_the_patients_of_the_fold_and_no_unlabeled_station(prepared: Path) -> None:
    built, fold = module(prepared, fold=1), read_splits(prepared / "splits.json").folds[1]
    for part in ("train", "validation", "test"):
        assert {sample.patient for sample in built.datasets[part].samples} == set(getattr(fold, part))
        assert all(sample.label is not None for sample in built.datasets[part].samples)


def test_validation_and_test_regions_are_not_augmented(prepared: Path) -> None:
    built = module(prepared)
    for part in ("validation", "test"):
        sample = built.datasets[part].samples[2]
        assert np.array_equal(built.datasets[part][2]["region"], load_region(prepared, sample.patient, sample.row))


def test_training_regions_are_augmented_unless_switched_off(prepared: Path) -> None:
    def changed(**arguments: object) -> bool:
        built = module(prepared, **arguments)
        samples = built.datasets["train"].samples
        return any(
            not np.array_equal(built.datasets["train"][i]["region"], load_region(prepared, s.patient, s.row))
            for i, s in enumerate(samples)
        )

    assert changed()
    assert not changed(augment=False)


def test_the_balanced_sampler_draws_both_classes_alike(prepared: Path) -> None:
    built = module(prepared, sampler="balanced")
    labels = torch.cat([batch["label"] for _ in range(12) for batch in built.train_dataloader()])
    plain = torch.cat([batch["label"] for batch in module(prepared).train_dataloader()])
    assert labels.mean().item() == pytest.approx(0.5, abs=0.1)
    assert plain.mean().item() < 0.4


def test_one_station_group_can_be_kept_alone(prepared: Path) -> None:
    built = module(prepared, only_group=2)
    assert {sample.station for sample in built.datasets["train"].samples} == {"7"}


def test_a_fold_that_does_not_exist_is_refused(prepared: Path) -> None:
    with pytest.raises(ValueError, match="fold 3 does not exist: there are folds 0 to 2"):
        module(prepared, fold=3)


def test_a_folder_without_prepared_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run prepare first"):
        module(tmp_path)


def test_unlabeled_samples_are_refused(prepared: Path) -> None:
    with pytest.raises(ValueError, match="samples without a label: P00 8"):
        StationDataset(prepared, read_samples(prepared))


@pytest.mark.parametrize("seed", range(5))
def test_augmentation_keeps_ranges_the_mask_and_the_outside(seed: int) -> None:
    ct, mask = region(np.random.default_rng(seed), positive=True)
    augment = RegionAugmentation(SPEC.size, flip=1, affine=1, intensity=1)
    augment.seed(seed)
    changed = augment(torch.from_numpy(np.stack([ct, mask]).astype(np.float32)))
    assert changed.shape == (2, *SPEC.size)
    assert changed[0].min() == -1
    assert changed[0].max() <= 1
    assert set(changed[1].unique().tolist()) == {0.0, 1.0}
    # The node stays where its brightness is.
    assert changed[0][changed[1] > 0].mean() > 0.3
    assert changed[0][changed[1] == 0].mean() < -0.5


def test_the_seed_decides_the_augmentation() -> None:
    given = torch.from_numpy(np.stack(region(np.random.default_rng(0), True)).astype(np.float32))

    def once(seed: int) -> torch.Tensor:
        augment = RegionAugmentation(SPEC.size, 1, 1, 1)
        augment.seed(seed)
        return augment(given)

    torch.testing.assert_close(once(1), once(1))
    assert (once(1) - once(2)).abs().max() > 0.01
