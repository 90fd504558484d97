"""A drawn cohort of nodes, prepared once for all tests of the task."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the 'networks' packages are not installed")
pytest.importorskip("lightning", reason="the 'training' packages are not installed")

from training.drawn_nodes import write_node_cohort

from lnstation_training.cohorts.info import CohortInfo
from lnstation_training.cohorts.tables import CohortPatient, read_cohort
from lnstation_training.engine.prepare import PrepareRequest, prepare
from lnstation_training.tasks import task_named
from lnstation_training.tasks.node_classification.samples import NodeGeometry

TASK = task_named("node_classification")
GEOMETRY = NodeGeometry(size=(4, 32, 32), spacing_mm=(5.0, 2.0, 2.0))


def cohort_of(folder: Path) -> list[CohortPatient]:
    return read_cohort(*(folder / f"{name}.csv" for name in ("patients", "pathology", "node_pathology")), TASK.needs)


def prepared_from(cohort: list[CohortPatient], folder: Path, geometry: NodeGeometry = GEOMETRY) -> Path:
    prepare(TASK, cohort, PrepareRequest(folder, CohortInfo(title="Drawn", synthetic=True), geometry, folds=3))
    return folder


@pytest.fixture(scope="session")
def cohort_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_node_cohort(tmp_path_factory.mktemp("nodes") / "cohort")


@pytest.fixture(scope="session")
def prepared(cohort_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_from(cohort_of(cohort_folder), tmp_path_factory.mktemp("nodes") / "prepared")
