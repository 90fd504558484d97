"""Organ segmentation as a task of the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from lnstation_training.cohorts.tables import Need
from lnstation_training.engine.experiment_files import Rows
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import FileType, FoldResult, Monitor, PackageContent, Part, Report
from lnstation_training.segmentation.folder import spacing_of
from lnstation_training.segmentation.prediction import PatientScores, predict_scores
from lnstation_training.segmentation.volume_task import VolumeTask
from lnstation_training.tasks.organ_segmentation.data_module import OrganDataModule
from lnstation_training.tasks.organ_segmentation.evaluation import OrganEvaluation, evaluate
from lnstation_training.tasks.organ_segmentation.lightning_module import OrganModule
from lnstation_training.tasks.organ_segmentation.package import package_content, probe
from lnstation_training.tasks.organ_segmentation.plots import draw_dice
from lnstation_training.tasks.organ_segmentation.result_tables import tables_markdown
from LNStationLib.models.package import Manifest, OrganSegmentation
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress


class OrganSegmentationTask(VolumeTask):
    """Organs of a chest CT, voxel by voxel; see ``engine.task.Task``."""

    name = "organ_segmentation"
    title = "Organs on CT, taught by synthetic patients, by real ones with masks, or by both"
    unit = "patient"
    needs: tuple[Need, ...] = ("organs",)
    monitor = Monitor("val_dice", "max", "validation Dice")
    module = OrganModule
    data = OrganDataModule
    evaluation = OrganEvaluation
    example_config = "Training/configs/organs.yaml"

    def check_settings(self, module: OrganModule, data: OrganDataModule) -> None:
        """Module and data must have the same classes.

        Raises:
            InputError: They have not.
        """
        if module.classes.name != data.classes.name:
            raise InputError(
                f"model.classes is {module.classes.name} and data.classes is {data.classes.name}: set both alike."
            )

    def predict(self, module: OrganModule, data: OrganDataModule, part: Part, device: str) -> list[PatientScores]:
        """Dice of every organ in every patient of the part."""
        data.setup()
        return predict_scores(module, data, part, device, spacing_of(data.folder))

    def evaluate(self, run: Run, part: Part, device: str, n_resamples: int) -> OrganEvaluation:
        """Dice by organ; nothing is resampled."""
        return evaluate(run, part, device)

    def report(self, evaluation: OrganEvaluation) -> Report:
        """Dice by organ, mean and worst."""
        rows = [
            [each.organ.replace("_", " "), f"{each.dice:.3f}", f"{each.worst:.3f}", str(each.n)]
            for each in evaluation.organs
            if each.dice is not None and each.worst is not None
        ]
        return Report(("organ", "Dice", "worst", "patients"), rows, [evaluation.headline()])

    def draw(self, folder: Path, evaluation: OrganEvaluation, file_type: FileType) -> list[Path]:
        """Dice of every organ as a chart."""
        return [draw_dice(folder / f"dice.{file_type}", evaluation)]

    def result_tables(self, rows: Rows, results: Mapping[str, Sequence[FoldResult]]) -> str:
        """Dice by organ and row as Markdown."""
        return tables_markdown(rows, results)

    def package(self, run: Run, device: str, progress: Progress) -> PackageContent:
        """Grids, channels and classes, figures of the test part."""
        return package_content(run, device, progress)

    def probe(self, network: nn.Module, manifest: Manifest[OrganSegmentation]) -> Tensor:
        """Logits for a fixed random volume, of the network that the run has trained."""
        roles = manifest.section.network_roles
        return probe(network, manifest, roles[-1])
