"""Regions as batches of a fold."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

import numpy as np  # noqa: E402
from training.prepared import SPEC, region, write_prepared  # noqa: E402

from lnstation_training.cohorts.splits import read_splits  # noqa: E402
from lnstation_training.tasks.station_classification.augmentation import (  # noqa: E402
    OutlineJitter,
    RegionAugmentation,
    _grown,
)
from lnstation_training.tasks.station_classification.channels import as_seen  # noqa: E402
from lnstation_training.tasks.station_classification.data_module import StationDataModule  # noqa: E402
from lnstation_training.tasks.station_classification.dataset import StationDataset, load_regions  # noqa: E402
from lnstation_training.tasks.station_classification.samples import read_samples  # noqa: E402
from LNStationLib.imaging.grid import Grid  # noqa: E402
from LNStationLib.sampling.channels import STATION_CHANNELS  # noqa: E402
from LNStationLib.sampling.station_region import RegionCut  # noqa: E402
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
        assert torch.equal(built.datasets[part][2]["region"], built.datasets[part].regions(sample))


def test_training_regions_are_augmented_unless_switched_off(prepared: Path) -> None:
    def changed(**arguments: object) -> bool:
        built = module(prepared, **arguments)
        train = built.datasets["train"]
        batch = built.on_after_batch_transfer(train.collate([train[i] for i in range(len(train))]), 0)
        return not torch.equal(batch["region"], torch.cat([train.regions(row) for row in train.samples]))

    assert changed()
    assert not changed(augment=False)


def test_without_changes_a_training_region_is_as_an_assessment_shows_it(prepared: Path) -> None:
    stored = load_regions(prepared, read_samples(prepared)[0])
    for spec in (SPEC, SPEC.model_copy(update={"outside": -2.0}), SPEC.model_copy(update={"mask_outside": False})):
        ct, nodes, station = stored[0].numpy()
        cut = RegionCut(ct, station > 0, nodes, Grid(spec.size, spec.spacing_mm, (0.0, 0.0, 0.0)))
        wanted = cut.seen(spec).channels(STATION_CHANNELS)
        assert np.array_equal(as_seen(stored, spec)[0].numpy(), wanted)


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
def test_augmentation_keeps_ranges_and_masks(seed: int) -> None:
    stored = torch.from_numpy(np.stack(region(np.random.default_rng(seed), positive=True)).astype(np.float32))
    augment = RegionAugmentation(flip=1, affine=1, intensity=1, outline=1, flip_axes=(0, 1, 2))
    augment.seed(seed)
    ct, nodes, station = augment(stored[None])[0]
    assert ct.shape == SPEC.size
    assert -1 <= ct.min() < ct.max() <= 1
    assert set(nodes.unique().tolist()) == set(station.unique().tolist()) == {0.0, 1.0}
    # The node stays where its brightness is.
    assert ct[nodes > 0].mean() > 0.3
    assert ct[(nodes == 0) & (station > 0)].mean() < -0.4


def test_another_outline_differs_as_parsed_stations_do_and_keeps_its_place() -> None:
    z, y, x = np.meshgrid(*[np.arange(n) - (n - 1) / 2 for n in (32, 48, 48)], indexing="ij")
    drawn = torch.from_numpy(((1.6 * z) ** 2 + y**2 + x**2 < 15**2).astype(np.float32))[None, None]
    jitter = OutlineJitter(1.0)
    dice = []
    for seed in range(20):
        jitter.random.seed(seed)
        other = jitter(drawn)
        assert set(other.unique().tolist()) == {0.0, 1.0}
        dice.append(float(2 * (other * drawn).sum() / (other.sum() + drawn.sum())))
    assert 0.78 < np.mean(dice) < 0.95
    assert OutlineJitter(0.0)(drawn) is drawn


@pytest.mark.parametrize("voxels", [-2, -1, 1, 2])
def test_an_outline_grows_and_shrinks_as_pooling_does(voxels: int) -> None:
    masks = torch.from_numpy(np.random.default_rng(0).random((2, 1, 9, 12, 15)) > 0.6)
    sign, reach = (1 if voxels > 0 else -1), abs(voxels)
    pooled = sign * torch.nn.functional.max_pool3d(sign * masks.float(), 2 * reach + 1, 1, reach)
    assert torch.equal(_grown(masks, voxels), pooled > 0)


def test_a_batch_holds_all_regions_of_its_stations(tmp_path: Path) -> None:
    folder = write_prepared(tmp_path / "data")
    rows = (folder / "samples.csv").read_text(encoding="utf-8").splitlines()
    # P00's first station has its first two regions; rows and labels of the others stay.
    assert rows[1] == "P00,1R,0,1,2,1,1,7.0,1"
    (folder / "samples.csv").write_text("\n".join([rows[0], rows[1][:-1] + "2", *rows[2:]]), encoding="utf-8")
    samples = [row for row in read_samples(folder) if row.patient == "P00" and row.label is not None]
    dataset = StationDataset(folder, samples)
    batch = dataset.collate([dataset[number] for number in range(3)])
    assert batch["owner"].tolist() == [0, 0, 1, 2]
    assert batch["region"].shape == (4, 2, *SPEC.size)
    assert batch["station"] == ["1R", "4R", "7"]
    assert torch.equal(batch["region"][1], batch["region"][2])


def test_a_region_is_shown_as_the_specification_says(tmp_path: Path) -> None:
    folder = write_prepared(tmp_path / "data")
    text = (folder / "prepared.json").read_text(encoding="utf-8")
    (folder / "prepared.json").write_text(text.replace('"outside": -1.0', '"outside": -2.0'), encoding="utf-8")
    dataset = module(folder).datasets["test"]
    shown = dataset.regions(dataset.samples[0])[0, 0]
    assert shown.min() == -2
    assert (shown[shown > -2] >= -1).all()


def test_regions_of_an_older_version_are_refused(tmp_path: Path) -> None:
    folder = write_prepared(tmp_path / "data")
    for path in (folder / "regions").glob("*_station.npy"):
        path.unlink()
    with pytest.raises(InputError, match="prepared by an older version, so prepare it again"):
        next(iter(module(folder).val_dataloader()))


def test_the_seed_decides_the_augmentation() -> None:
    given = torch.from_numpy(np.stack(region(np.random.default_rng(0), True)).astype(np.float32))

    def once(seed: int) -> torch.Tensor:
        augment = RegionAugmentation(1, 1, 1)
        augment.seed(seed)
        return augment(given[None])

    torch.testing.assert_close(once(1), once(1))
    assert (once(1) - once(2)).abs().max() > 0.01
