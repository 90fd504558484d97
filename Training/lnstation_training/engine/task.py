"""What the engine must know of a task, and nothing of what is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel
from torch import Tensor, nn

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.cohorts.tables import CohortPatient, Need
from lnstation_training.engine.data_module import FoldDataModule
from lnstation_training.engine.experiment_files import Rows
from lnstation_training.engine.module import NetworkModule
from lnstation_training.engine.runs import Run
from lnstation_training.engine.values import (
    Evaluation,
    FileType,
    FoldResult,
    Monitor,
    PackageContent,
    Part,
    Report,
    Sample,
)
from LNStationLib.models.package import Manifest
from LNStationLib.support.progress import Progress


class Task(Protocol):
    """A task: a unit, a label and an output; what prepares, trains, evaluates and packages its networks."""

    @property
    def name(self) -> str:
        """Name in settings and runs."""

    @property
    def title(self) -> str:
        """One line for lists."""

    @property
    def unit(self) -> str:
        """What one sample is, as a singular noun."""

    @property
    def needs(self) -> tuple[Need, ...]:
        """What every patient of a cohort must have."""

    @property
    def monitor(self) -> Monitor:
        """What chooses the best epoch."""

    @property
    def geometry(self) -> type[BaseModel]:
        """Settings of ``prepare``: size, spacing and scaling of a sample. All have defaults."""

    @property
    def module(self) -> type[NetworkModule]:
        """The Lightning module; its arguments are the settings ``model`` of a run.

        All but ``network`` and ``network_arguments`` have defaults, so that a package's network can be put into it.
        """

    @property
    def data(self) -> type[FoldDataModule]:
        """The data module; its arguments are the settings ``data`` of a run."""

    @property
    def evaluation(self) -> type[Evaluation]:
        """What ``evaluate`` returns, and how it is read back."""

    @property
    def example_config(self) -> str:
        """Settings to start with, as a path in the project; empty where there are none."""

    def prepare(
        self,
        cohort: Sequence[CohortPatient],
        folder: Path,
        info: CohortInfo,
        geometry: Any,
        progress: Progress,
        workers: int,
    ) -> Sequence[Sample]:
        """Turn a cohort into samples on disk, once; an interrupted call is completed.

        Raises:
            CohortError: Images of patients cannot be used; all are listed, and the others are done.
            InputError: ``folder`` holds samples of another geometry.
            OutputError: The folder cannot be written.
        """

    def prepared_report(self, samples: Sequence[Any]) -> Report:
        """What ``prepare`` made, for the console."""

    def check_settings(self, module: Any, data: Any) -> None:
        """Refuse settings of module and data that do not go together.

        Raises:
            InputError: They do not.
        """

    def predict(self, module: Any, data: Any, part: Part, device: str) -> list[Any]:
        """The network's answer for every labeled sample of a part of the fold, in order."""

    def evaluate(self, run: Run, part: Part, device: str, n_resamples: int) -> Evaluation:
        """Evaluate a run; whatever is fitted is fitted on the validation part alone."""

    def report(self, evaluation: Any) -> Report:
        """An evaluation for the console."""

    def draw(self, folder: Path, evaluation: Any, file_type: FileType) -> list[Path]:
        """Draw the figures of an evaluation; return the files written."""

    def result_tables(self, rows: Rows, results: Mapping[str, Sequence[FoldResult]]) -> str:
        """The tables of an experiment as Markdown."""

    def package(self, run: Run, device: str, progress: Progress) -> PackageContent:
        """What a model package of a run must say.

        Raises:
            InputError: The validation part does not allow a calibration or an operating point.
        """

    def probe(self, network: nn.Module, manifest: Manifest[Any]) -> Tensor:
        """What a network answers for a fixed random input, to compare a package with the run that it was made of."""
