"""What networks are trained for, one folder a task, and the registry of tasks."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from LNStationLib.support.errors import InputError

if TYPE_CHECKING:
    from lnstation_training.engine.task import Task

# ``module:class`` by name; imported when asked for, since listing them needs no torch.
_TASKS = {
    "station_classification": "lnstation_training.tasks.station_classification.task:StationClassificationTask",
    "node_classification": "lnstation_training.tasks.node_classification.task:NodeClassificationTask",
    "organ_segmentation": "lnstation_training.tasks.organ_segmentation.task:OrganSegmentationTask",
    "node_detection": "lnstation_training.tasks.node_detection.task:NodeDetectionTask",
    "node_candidates": "lnstation_training.tasks.node_candidates.task:NodeCandidatesTask",
    "station_patches": "lnstation_training.tasks.station_patches.task:StationPatchTask",
    "n_staging": "lnstation_training.tasks.n_staging.task:NStagingTask",
    "station_segmentation": "lnstation_training.tasks.station_segmentation.task:StationSegmentationTask",
}
DEFAULT_TASK = "station_classification"
"""Of runs, prepared data and experiments from before tasks had names, and where none is given."""

_added: dict[str, Task] = {}


def task_names() -> list[str]:
    """Names of all registered tasks."""
    return [*_TASKS, *_added]


def task_named(name: str | None = None) -> Task:
    """A registered task.

    Args:
        name: Its name; ``None`` for the default one.

    Raises:
        InputError: There is none of that name; the message lists those there are.
    """
    wanted = DEFAULT_TASK if name is None else name
    if wanted in _added:
        return _added[wanted]
    if wanted not in _TASKS:
        raise InputError(f"There is no task {wanted!r}: choose {', '.join(task_names())}.")
    module, _, attribute = _TASKS[wanted].partition(":")
    task: Task = getattr(import_module(module), attribute)()
    return task


def register_task(task: Task) -> None:
    """Add a task from outside of this package.

    Raises:
        ValueError: There is one of that name already.
    """
    if task.name in task_names():
        raise ValueError(f"there is a task {task.name!r} already")
    _added[task.name] = task


def unregister_task(name: str) -> None:
    """Take a task that was added from outside away again."""
    _added.pop(name, None)


def task_of_run(folder: Path) -> Task:
    """The task of a run.

    Raises:
        InputError: ``folder`` holds no run, or its task is not registered.
    """
    from lnstation_training.engine.runs import task_of_run as name_of

    return task_named(name_of(folder))
