"""Trained networks in the Lightning module of their task: from a run, or from a model package."""

from __future__ import annotations

from pathlib import Path

from lnstation_training.engine.module import NetworkModule
from lnstation_training.engine.runs import Run, best_weights, read_config
from lnstation_training.engine.task import Task
from LNStationLib.models.package import PackageError, read_package


def load_run(folder: Path, task: Task) -> Run:
    """The best model of a run, its data, and its settings.

    Raises:
        InputError: ``folder`` holds no run.
    """
    weights, config = best_weights(folder), read_config(folder)
    module = task.module(**config["model"])
    module.load_state_dict(weights)
    return Run(folder, module.eval(), task.data(**config["data"]), config)


def load_packaged(path: Path, task: Task) -> NetworkModule:
    """The network of a package in the task's Lightning module, in evaluation mode.

    Args:
        path: Folder or zip file.
        task: That the package was made for.

    Raises:
        PackageError: It is not a package, was made for another task, or cannot be used.
    """
    package = read_package(path)
    if package.manifest.task != task.name:
        raise PackageError(f"{path} was made for the task {package.manifest.task}, not for {task.name}.")
    module = task.module.of_package(package)
    module.eval()
    return module
