"""Networks that segment, in training: patches, moving average, time budget, anchors, patients still to come."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

import yaml  # noqa: E402
from training.drawn_volumes import SHAPE, SPACING, drawn_arrays, write_volumes  # noqa: E402

from lnstation_training.engine.experiment import Experiment, plan, run_experiment  # noqa: E402
from lnstation_training.engine.export import ExportRequest, export_run  # noqa: E402
from lnstation_training.engine.fit import FitCLI, fit  # noqa: E402
from lnstation_training.engine.loading import load_packaged, load_run  # noqa: E402
from lnstation_training.engine.module import cosine  # noqa: E402
from lnstation_training.engine.results import write_tables  # noqa: E402
from lnstation_training.engine.runs import best_checkpoint  # noqa: E402
from lnstation_training.segmentation.channels import batch_channels  # noqa: E402
from lnstation_training.segmentation.classes import class_set  # noqa: E402
from lnstation_training.segmentation.dataset import ALLOWED, SEED  # noqa: E402
from lnstation_training.segmentation.dataset import SPACING as SPACING_KEY  # noqa: E402
from lnstation_training.segmentation.inference import precision_of, whole_labels  # noqa: E402
from lnstation_training.segmentation.maker import PatientMaker  # noqa: E402
from lnstation_training.segmentation.patients import CT, ORGANS, PatientVolume, write_patient  # noqa: E402
from lnstation_training.segmentation.scores import class_scores, mean_dice  # noqa: E402
from lnstation_training.tasks import task_named  # noqa: E402
from lnstation_training.tasks.organ_segmentation.anchors import AnchorGrid, Anchors  # noqa: E402
from lnstation_training.tasks.organ_segmentation.data_module import OrganDataModule  # noqa: E402
from lnstation_training.tasks.organ_segmentation.lightning_module import OrganModule  # noqa: E402
from LNStationLib.imaging.grid import Grid  # noqa: E402
from LNStationLib.models.package import find_package, read_manifest  # noqa: E402
from LNStationLib.sampling.volume import VolumeSpec, channels_of  # noqa: E402
from LNStationLib.support.errors import InputError  # noqa: E402

ROOT = Path(__file__).resolve().parents[4]
ORGAN_TASK = task_named("organ_segmentation")
PATCH = [8, 8, 12]
NETWORK = {"filters": [4, 4, 4], "strides": [1, 2, 2]}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Any:
    """Networks this small only wait for each other on several threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_volumes(tmp_path_factory.mktemp("volumes") / "data")


def data_of(folder: Path, **settings: Any) -> OrganDataModule:
    module = OrganDataModule(folder, patch=tuple(PATCH), patches_per_epoch=4, **settings)
    module.setup()
    return module


def arguments(folder: Path, out: Path, **model: Any) -> dict[str, Any]:
    classes = model.get("classes", "organs")
    return {
        "task": "organ_segmentation",
        "out": str(out),
        "model": {"network_arguments": NETWORK, "window": list(SHAPE), "warmup_steps": 1, **model},
        "data": {"folder": str(folder), "patch": PATCH, "patches_per_epoch": 2, "batch_size": 1, "classes": classes},
        "trainer": {
            "max_epochs": 1,
            "accelerator": "cpu",
            "enable_progress_bar": False,
            "enable_model_summary": False,
        },
    }


def fitted(folder: Path, out: Path, **model: Any) -> FitCLI:
    return fit(arguments(folder, out, **model), ORGAN_TASK)


@pytest.fixture(scope="module")
def finished(volumes: Path, tmp_path_factory: pytest.TempPathFactory) -> FitCLI:
    return fitted(volumes, tmp_path_factory.mktemp("runs") / "run")


@pytest.mark.parametrize(("trained_in", "dtype"), [("bf16-mixed", torch.bfloat16), ("32-true", torch.float32)])
def test_a_network_is_evaluated_in_the_precision_that_it_was_trained_in(trained_in: str, dtype: Any) -> None:
    one = torch.ones(2, 2)
    with precision_of(trained_in, "cpu"):
        assert (one @ one).dtype == dtype


def test_patches_follow_from_seed_and_epoch_alone(volumes: Path) -> None:
    made = [next(iter(data_of(volumes, seed=seed).train_dataloader())) for seed in (1, 1, 2)]
    data = data_of(volumes)
    first, again, other = (data.drawn(batch) for batch in made)
    assert first[CT].shape == (2, 1, *PATCH)
    assert first[ORGANS].dtype == torch.uint8
    assert first[ALLOWED].shape == (2, 256, 42)
    assert torch.equal(first[CT], again[CT])
    assert not torch.equal(first[CT], other[CT])


def test_an_epoch_has_its_number_of_patches_however_few_patients_there_are(volumes: Path) -> None:
    batches = list(data_of(volumes, batch_size=1).train_dataloader())
    assert len(batches) == 4
    assert len({int(batch[SEED]) for batch in batches}) == 4


def test_whole_patients_are_validated_as_they_are(volumes: Path) -> None:
    data = data_of(volumes)
    batch = data.on_after_batch_transfer(next(iter(data.val_dataloader())), 0)
    number = int(batch["patient"][0].removeprefix("P"))
    assert np.array_equal(batch[CT][0, 0].numpy(), drawn_arrays(number)[CT])


def test_without_augmentation_a_patch_is_the_patient_itself(volumes: Path) -> None:
    data = data_of(volumes, augment=False)
    batch = next(iter(data.train_dataloader()))
    assert torch.allclose(data.drawn(batch)[CT], batch[CT].float(), atol=0.01)


def test_training_and_inference_see_the_same_channels(volumes: Path) -> None:
    hu = drawn_arrays()[CT].astype(np.float32)
    spec = VolumeSpec(spacing_mm=SPACING, channels=("ct_wide", "ct_soft"))
    expected = channels_of(hu, Grid(SHAPE, SPACING, (0.0, 0.0, 0.0)), spec)
    found = batch_channels({CT: torch.from_numpy(hu)[None, None]}, spec.channels)
    assert np.allclose(found[0].numpy(), expected, atol=1e-6)


def test_organs_are_stored_probabilities_where_there_are_any_else_true_masks() -> None:
    arrays = {name: torch.from_numpy(array)[None, None] for name, array in drawn_arrays().items()}
    true = batch_channels(arrays, ["organ:trachea"])
    assert set(true.unique().tolist()) == {0.0, 1.0}
    stored = {**arrays, "organ:trachea": torch.full_like(arrays[ORGANS], 51)}
    assert batch_channels(stored, ["organ:trachea"]).unique().tolist() == pytest.approx([0.2])


def test_patients_that_come_during_training_join_the_next_epoch(tmp_path: Path) -> None:
    folder = write_volumes(tmp_path / "data", 6)
    late = folder / "patients" / "P3.safetensors"
    content = late.read_bytes()
    late.unlink()
    data = data_of(folder)
    data.train_dataloader()
    assert "P3" not in {sample.patient for sample in data.datasets["train"].samples}
    late.write_bytes(content)
    data.train_dataloader()
    assert "P3" in {sample.patient for sample in data.datasets["train"].samples}


def test_real_patients_of_another_folder_are_mixed_in_by_their_fraction(volumes: Path, tmp_path: Path) -> None:
    real = write_volumes(tmp_path / "real", 3)
    for path in (real / "patients").iterdir():
        name = path.stem
        write_patient(real, PatientVolume(f"R{name}", drawn_arrays(9), SPACING, ("heart",)))
        path.unlink()
    splits = (real / "splits.json").read_text(encoding="utf-8").replace('"P', '"RP')
    (real / "splits.json").write_text(splits, encoding="utf-8")
    data = OrganDataModule(volumes, patch=tuple(PATCH), patches_per_epoch=200, mixed_with=[real], mixed_fraction=0.25)
    data.setup()
    order = data.train_dataloader().sampler
    samples = data.datasets["train"].samples
    from_real = [samples[number % len(samples)].patient.startswith("R") for number in order]
    assert 0.15 < np.mean(from_real) < 0.35


def test_a_fold_without_a_patient_yet_is_told(tmp_path: Path) -> None:
    folder = write_volumes(tmp_path / "data", 3)
    for path in sorted((folder / "patients").iterdir())[1:]:
        path.unlink()
    with pytest.raises(InputError, match="has no patient in its"):
        data_of(folder)


def test_a_run_keeps_the_moving_average_of_its_weights(finished: FitCLI) -> None:
    state = torch.load(best_checkpoint(finished.folder), weights_only=True)
    averaged, last = state["state_dict"], state["current_model_state"]
    assert averaged.keys() == last.keys()
    assert any(not torch.equal(averaged[name], last[name]) for name in averaged)
    loaded = load_run(finished.folder, ORGAN_TASK).module.state_dict()
    assert all(torch.equal(loaded[name], averaged[name]) for name in averaged)


def test_a_resumed_run_goes_on_with_weights_and_average(volumes: Path, tmp_path: Path) -> None:
    def settings(out: str, epochs: int) -> dict[str, Any]:
        asked = arguments(volumes, tmp_path / out, schedule="constant")
        return {**asked, "trainer": {**asked["trainer"], "max_epochs": epochs}}

    fit(settings("whole", 2), ORGAN_TASK)
    first = fit(settings("parts", 1), ORGAN_TASK)
    config = first.folder / "config.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace("max_epochs: 1", "max_epochs: 2"), encoding="utf-8")
    fit(settings("parts", 2), ORGAN_TASK)
    one, other = (
        torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True) for name in ("whole", "parts")
    )
    assert one["global_step"] == other["global_step"] == 4
    for key in ("state_dict", "current_model_state"):
        for name, value in one[key].items():
            assert torch.allclose(value, other[key][name], atol=1e-5), name


def test_a_budget_of_seconds_ends_the_run_and_leaves_a_model(volumes: Path, tmp_path: Path) -> None:
    settings = arguments(volumes, tmp_path / "run")
    settings["trainer"]["max_epochs"] = 100_000
    start = time.monotonic()
    cli = fit({**settings, "seconds": 1.0}, ORGAN_TASK)
    assert time.monotonic() - start < 120
    assert 1 <= cli.trainer.current_epoch < 100_000
    assert cli.model.done() == 1.0
    assert best_checkpoint(cli.folder).exists()


def test_a_cosine_falls_from_1_to_a_hundredth() -> None:
    assert cosine(0.0) == pytest.approx(1.0)
    assert cosine(0.5) == pytest.approx(0.5)
    assert cosine(1.0) == pytest.approx(0.01)


def test_a_finer_network_of_non_anchors_sees_the_anchors_and_is_packed_with_them(
    volumes: Path, tmp_path: Path
) -> None:
    first = fitted(volumes, tmp_path / "anchors", classes="anchor")
    with pytest.raises(InputError, match="packed with that of the non-anchors"):
        _exported(first.folder, tmp_path / "alone.zip")
    finer = write_volumes(tmp_path / "finer", spacing_mm=(8.0, 4.0, 4.0))
    second = fitted(finer, tmp_path / "others", classes="non_anchor", anchors=str(first.folder))
    trained = {name for name, each in second.model.named_parameters() if each.requires_grad}
    assert trained
    assert not any(name.startswith("anchors.") for name in trained)
    _exported(second.folder, tmp_path / "pair.zip")
    section = read_manifest(tmp_path / "pair.zip").section
    assert section.network_roles == ("anchor", "non_anchor")
    assert set(section.volumes["non_anchor"].organs) == set(section.classes["anchor"][1:])
    packed = load_packaged(tmp_path / "pair.zip", ORGAN_TASK)
    assert isinstance(packed.anchors, Anchors)
    assert section.volumes["non_anchor"].spacing_mm == (8.0, 4.0, 4.0)
    assert section.volumes["anchor"].spacing_mm == packed.anchors.grid.spacing_mm == SPACING


class _FindsBone(torch.nn.Module):
    """Calls what is brighter than 200 HU the first anchor; remembers the size that it was asked about."""

    def forward(self, channels: Any) -> Any:
        self.size = tuple(channels.shape[2:])
        bright = channels[:, :1] > 0.5
        n_classes = len(class_set("anchor").names)
        logits = torch.zeros(len(channels), n_classes, *self.size)
        logits[:, :1], logits[:, 1:2] = torch.where(bright, 0.0, 20.0), torch.where(bright, 20.0, 0.0)
        return logits


@pytest.mark.parametrize(
    ("own_mm", "size"), [((4.0, 3.0, 3.0), (4, 4, 6)), ((2.0, 1.5, 1.5), (8, 8, 12)), ((1.0, 1.5, 1.5), (16, 8, 12))]
)
def test_anchors_are_found_on_voxels_of_their_own_size_and_come_back_in_place(own_mm: Any, size: Any) -> None:
    hu = torch.full((1, 1, 8, 8, 12), -100.0)
    hu[..., 2:6, 4:8, 2:8] = 600.0
    network = _FindsBone()
    anchors = Anchors(network, "drawn", {}, AnchorGrid(own_mm, (8, 8, 8)))
    organ = class_set("anchor").names[1]
    found = anchors({CT: hu, SPACING_KEY: torch.tensor([[2.0, 1.5, 1.5]])}, organ)
    assert network.size == size
    assert found.shape == hu.shape
    # Interpolated from voxels twice as large, a corner inside has 0.75 ** 3, a face's neighbor outside 0.25.
    assert torch.equal(found > 0.3, hu > 0)


def test_anchors_of_a_batch_are_never_taken_for_those_of_a_later_one() -> None:
    anchors = Anchors(_FindsBone(), "drawn", {}, AnchorGrid(SPACING, (8, 8, 8)))
    organ = class_set("anchor").names[1]
    # Each batch is gone before the next is made, which may then lie at the same address.
    for hu in (600.0, -100.0, 600.0):
        batch = {CT: torch.full((1, 1, 4, 4, 4), hu), SPACING_KEY: torch.tensor([SPACING])}
        assert (anchors(batch, organ).mean().item() > 0.5) == (hu > 0)
        del batch


def _exported(run: Path, out: Path) -> None:
    export_run(ExportRequest(run, out, "pair", "1.0.0", "Pair", "CC0"), ORGAN_TASK)


def test_anchors_go_with_non_anchors_alone_and_must_be_anchors(finished: FitCLI) -> None:
    with pytest.raises(InputError, match="anchors go with the classes non_anchor, not with organs"):
        OrganModule(network_arguments=NETWORK, classes="organs", anchors=finished.folder)
    with pytest.raises(InputError, match="was trained on the classes organs, not on anchor"):
        OrganModule(network_arguments=NETWORK, classes="non_anchor", anchors=finished.folder)


def test_a_run_goes_on_from_a_package(finished: FitCLI, volumes: Path, tmp_path: Path) -> None:
    export_run(ExportRequest(finished.folder, tmp_path / "p.zip", "p", "1.0.0", "P", "CC0"), ORGAN_TASK)
    cli = fit({**arguments(volumes, tmp_path / "next"), "start_from": str(tmp_path / "p.zip")}, ORGAN_TASK)
    assert "weights loaded" in cli.started
    assert "randomly initialized" not in cli.started


def test_classes_of_model_and_data_must_agree(volumes: Path, tmp_path: Path) -> None:
    settings = arguments(volumes, tmp_path / "run", classes="anchor")
    settings["data"]["classes"] = "organs"
    with pytest.raises(InputError, match=r"model.classes is anchor and data.classes is organs: set both alike"):
        fit(settings, ORGAN_TASK)


def test_a_whole_volume_is_segmented_window_by_window() -> None:
    def network(channels: torch.Tensor) -> torch.Tensor:
        return torch.cat([-channels, channels], 1)

    volume = torch.randn(1, 1, 20, 18, 25, generator=torch.Generator().manual_seed(0))
    assert torch.equal(whole_labels(network, volume, (8, 8, 8)), (volume[0, 0] > 0).to(torch.uint8))


def test_dice_leaves_out_what_was_not_drawn() -> None:
    found = torch.tensor([[[0, 1, 1, 2]]])
    sets = torch.tensor([[0, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1]]).bool().T.reshape(4, 3).T.reshape(3, 1, 1, 4)
    scores = class_scores(found, sets, ("background", "a", "b"), (10.0, 10.0, 10.0))
    assert [score.name for score in scores] == ["a", "b"]
    assert scores[0].dice == pytest.approx(1.0)
    assert scores[0].true_ml == pytest.approx(1.0)
    assert scores[1].dice == pytest.approx(2 / 3)
    assert mean_dice(scores) == pytest.approx((1 + 2 / 3) / 2)
    absent = class_scores(found, torch.zeros(3, 1, 1, 4, dtype=torch.bool), ("background", "a", "b"), (1, 1, 1))
    assert mean_dice(absent) is None


def test_patients_are_drawn_by_a_process_that_ends_with_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing = PatientMaker(tmp_path / "data", patients=9, workers=1)
    assert drawing.command[1:5] == ["-m", "lnstation_training", "cohort", "--for"]
    splits = tmp_path / "data" / "splits.json"
    code = f"import time, pathlib; pathlib.Path({str(splits)!r}).write_text('x'); time.sleep(60)"
    monkeypatch.setattr(drawing, "command", [sys.executable, "-c", code])
    drawing.start()
    assert splits.exists()
    assert drawing.is_running()
    drawing.stop()
    assert not drawing.is_running()


def test_a_drawing_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = PatientMaker(tmp_path / "data", patients=9, workers=1)
    monkeypatch.setattr(drawing, "command", [sys.executable, "-c", "raise SystemExit('no such preset')"])
    with pytest.raises(InputError, match="No patients could be drawn: no such preset"):
        drawing.start()


def test_training_waits_for_the_first_patients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_volumes(tmp_path / "data", 6)
    hidden = {path: path.read_bytes() for path in (folder / "patients").iterdir()}
    for path in hidden:
        path.unlink()
    data = OrganDataModule(folder, patch=tuple(PATCH), draw_patients=6, first_patients=6)
    data.maker = SimpleNamespace(is_running=lambda: True)  # type: ignore[assignment]

    def one_more(seconds: float) -> None:
        path = next(iter(hidden))
        path.write_bytes(hidden.pop(path))

    monkeypatch.setattr("lnstation_training.segmentation.data_module.time.sleep", one_more)
    data.setup()
    assert not hidden


@pytest.mark.parametrize("name", ["organs.yaml", "organs_cpu.yaml"])
def test_the_settings_that_come_along_fit_the_task(name: str, volumes: Path, tmp_path: Path) -> None:
    config = ROOT / "Training" / "configs" / name
    flags = ["--data.folder", str(volumes), "--out", str(tmp_path / "run"), "--trainer.precision", "32-true"]
    cli = FitCLI(["--config", str(config), *flags], ORGAN_TASK)
    ORGAN_TASK.check_settings(cli.model, cli.datamodule)
    assert cli.model.window == cli.datamodule.patch


def test_the_shipped_network_can_be_trained_on() -> None:
    module = load_packaged(find_package("organs-ct"), ORGAN_TASK)
    assert module.names == class_set("organs").names
    assert module.window == (96, 112, 144)


def test_rows_that_need_the_run_of_another_row_come_after_it(volumes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "paper"
    folder.mkdir()
    rows = yaml.safe_load((ROOT / "Training" / "experiments" / "organs" / "rows.yaml").read_text(encoding="utf-8"))
    (folder / "rows.yaml").write_text(yaml.safe_dump(rows), encoding="utf-8")
    setting = {
        "title": "one epoch",
        "region": {"spacing_mm": list(SPACING)},
        "folds": [0],
        "model": {"window": list(SHAPE), "ema_decay": 0.0},
        "data": {"patch": PATCH, "patches_per_epoch": 1, "batch_size": 1},
        "trainer": {"max_epochs": 1, "accelerator": "cpu"},
        "network_arguments": {"dynunet": NETWORK},
        "rows": ["non_anchor", "all"],
    }
    (folder / "quick.yaml").write_text(yaml.safe_dump(setting), encoding="utf-8")
    request = Experiment(ORGAN_TASK, folder, "quick", volumes, tmp_path / "results", tmp_path / "runs")
    assert [job.row for job in plan(request)] == ["anchor", "non_anchor", "all"]
    assert run_experiment(request) == 3
    assert run_experiment(request) == 0
    table = write_tables(folder, tmp_path / "results", ORGAN_TASK).read_text(encoding="utf-8")
    assert "| organ | One network | Anchors | Non-anchors with anchors |" in table
    result = (tmp_path / "results" / "non_anchor" / "fold_0.json").read_text(encoding="utf-8")
    assert "run-of:anchor" in result
    assert str(tmp_path) not in result
