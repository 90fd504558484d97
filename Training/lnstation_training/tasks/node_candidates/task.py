"""Judging node candidates as a task of the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from lnstation_training.cohorts.tables import Need
from lnstation_training.engine.experiment_files import Rows
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import FileType, FoldResult, Monitor, PackageContent, Part, Report
from lnstation_training.segmentation.volume_task import VolumeTask
from lnstation_training.tasks.node_candidates.data_module import NodeCandidateData
from lnstation_training.tasks.node_candidates.evaluation import CandidateAnswer, evaluate, predict
from lnstation_training.tasks.node_candidates.lightning_module import NodeCandidateModule
from lnstation_training.tasks.node_candidates.package import package_content, probe
from lnstation_training.tasks.node_detection.evaluation import NodeEvaluation
from lnstation_training.tasks.node_detection.plots import draw_froc
from lnstation_training.tasks.node_detection.result_tables import figure_text, tables_markdown
from LNStationLib.models.package import Manifest, NodeCandidates
from LNStationLib.support.progress import Progress


class NodeCandidatesTask(VolumeTask):
    """True candidates of a first stage told from false ones (OSLN's GLNet); see ``engine.task.Task``."""

    name = "node_candidates"
    title = "Node candidates of a first stage, true or false, by patch, box and tags"
    unit = "candidate"
    needs: tuple[Need, ...] = ("nodes", "organs", "stations")
    monitor = Monitor("val_loss", "min", "validation cross-entropy")
    module = NodeCandidateModule
    data = NodeCandidateData
    evaluation = NodeEvaluation
    example_config = "Training/configs/second_stage.yaml"

    def check_settings(self, module: NodeCandidateModule, data: NodeCandidateData) -> None:
        """All settings go together."""

    def predict(
        self, module: NodeCandidateModule, data: NodeCandidateData, part: Part, device: str
    ) -> list[CandidateAnswer]:
        """Probability of every candidate of the part."""
        return predict(module, data, part, device)

    def evaluate(self, run: Run, part: Part, device: str, n_resamples: int) -> NodeEvaluation:
        """Free-response curve of both stages together; intervals by patient."""
        return evaluate(run, part, device, n_resamples)

    def report(self, evaluation: NodeEvaluation) -> Report:
        """Measures of both stages."""
        rows = [[each.name, figure_text(each)] for each in evaluation.figures]
        return Report(("measure", "value"), rows, [evaluation.headline()])

    def draw(self, folder: Path, evaluation: NodeEvaluation, file_type: FileType) -> list[Path]:
        """The free-response curve."""
        return [draw_froc(folder / f"froc.{file_type}", evaluation)]

    def result_tables(self, rows: Rows, results: Mapping[str, Sequence[FoldResult]]) -> str:
        """Measures by row as Markdown."""
        return tables_markdown(rows, results)

    def package(self, run: Run, device: str, progress: Progress) -> PackageContent:
        """Patch, tags, operating points, figures of the test part."""
        return package_content(run, device, progress)

    def probe(self, network: nn.Module, manifest: Manifest[NodeCandidates]) -> Tensor:
        """Logits of a fixed random patch."""
        return probe(network, manifest)
