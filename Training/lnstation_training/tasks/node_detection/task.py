"""Node detection as a task of the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from lnstation_training.cohorts.tables import Need
from lnstation_training.engine.experiment_files import Rows
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import FileType, FoldResult, Monitor, PackageContent, Part, Report
from lnstation_training.segmentation.appearance.fat import LymphNodes
from lnstation_training.segmentation.folder import existing_samples, spacing_of
from lnstation_training.segmentation.patients import open_patient
from lnstation_training.segmentation.volume_task import VolumeTask
from lnstation_training.tasks.node_detection.data_module import NodeVolumes
from lnstation_training.tasks.node_detection.evaluation import NodeEvaluation, evaluate, predict_nodes
from lnstation_training.tasks.node_detection.lightning_module import NodeDetectionModule
from lnstation_training.tasks.node_detection.package import package_content, probe
from lnstation_training.tasks.node_detection.plots import draw_froc
from lnstation_training.tasks.node_detection.result_tables import figure_text, tables_markdown
from lnstation_training.tasks.node_detection.scoring import PatientDetections
from LNStationLib.models.package import Manifest, NodeDetection
from LNStationLib.support.errors import InputError
from LNStationLib.support.progress import Progress


class NodeDetectionTask(VolumeTask):
    """Visible nodes of a chest CT, or significant ones with PET and tumor; see ``engine.task.Task``."""

    name = "node_detection"
    title = (
        "Lymph nodes on CT by segmentation, taught by synthetic patients, by real ones with node masks, or by both"
    )
    unit = "patient"
    needs: tuple[Need, ...] = ("nodes", "organs", "stations")
    monitor = Monitor("val_mfroc", "max", "validation mFROC")
    module = NodeDetectionModule
    data = NodeVolumes
    evaluation = NodeEvaluation
    example_config = "Training/configs/nodes.yaml"

    def check_settings(self, module: NodeDetectionModule, data: NodeVolumes) -> None:
        """Module and data must be of one grid, and streams need PET and no drawn nodes.

        Raises:
            InputError: They are not.
        """
        spacing = spacing_of(data.folder)
        if any(abs(a - b) > 1e-3 for a, b in zip(module.spacing_mm, spacing, strict=True)):
            raise InputError(f"model.spacing_mm is {module.spacing_mm} and the data's voxels are {spacing} mm.")
        if not module.finds_visible:
            _check_streams(data)

    def predict(
        self, module: NodeDetectionModule, data: NodeVolumes, part: Part, device: str
    ) -> list[PatientDetections]:
        """Candidates of every patient of the part, held to the truth."""
        data.setup()
        return predict_nodes(module, data, part, device)

    def evaluate(self, run: Run, part: Part, device: str, n_resamples: int) -> NodeEvaluation:
        """Free-response curve and what follows from it; intervals by patient."""
        return evaluate(run, part, device, n_resamples)

    def report(self, evaluation: NodeEvaluation) -> Report:
        """Measures, and recall by size and station."""
        rows = [[each.name, figure_text(each)] for each in evaluation.figures]
        rows += [[f"recall, {each.by} {each.title}", f"{each.n_found}/{each.n_nodes}"] for each in evaluation.strata]
        return Report(("measure", "value"), rows, [evaluation.headline()])

    def draw(self, folder: Path, evaluation: NodeEvaluation, file_type: FileType) -> list[Path]:
        """The free-response curve."""
        return [draw_froc(folder / f"froc.{file_type}", evaluation)]

    def result_tables(self, rows: Rows, results: Mapping[str, Sequence[FoldResult]]) -> str:
        """Measures by row as Markdown."""
        return tables_markdown(rows, results)

    def package(self, run: Run, device: str, progress: Progress) -> PackageContent:
        """Grid, channels, operating points, figures of the test part."""
        return package_content(run, device, progress)

    def probe(self, network: nn.Module, manifest: Manifest[NodeDetection]) -> Tensor:
        """Logits for a fixed random volume."""
        return probe(network, manifest)


def _check_streams(data: NodeVolumes) -> None:
    """Refuse data from which significant nodes cannot be learned.

    Raises:
        InputError: Patients lack PET, tumor or significant nodes, or appearance would draw nodes of its own, of which
            nobody knows whether they are significant.
    """
    samples = existing_samples(data.folder)
    missing = set(data.significant_arrays) - set(open_patient(samples[0].path).names) if samples else set()
    if missing:
        raise InputError(
            f"{data.folder} has no {', '.join(sorted(missing))}, which streams of significant nodes need: make it by "
            "train cohort --for nodes --with-pet."
        )
    change = (data.appearance or {}).get(LymphNodes.name, {})
    if data.augment and change.get("prob", LymphNodes.prob_default) > 0:
        raise InputError(
            f"data.appearance draws nodes into fat, and nobody knows whether those are significant: set "
            f"appearance: {{{LymphNodes.name}: {{prob: 0}}}}."
        )
