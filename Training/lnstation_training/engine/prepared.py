"""``prepared.json``: what ``prepare`` made of a cohort."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from lnstation_training.cohorts.info import CohortInfo
from LNStationLib import __version__
from LNStationLib.support.atomic_files import write_atomically
from LNStationLib.support.errors import InputError

PREPARED_FILE = "prepared.json"
M = TypeVar("M", bound=BaseModel)


def claim_folder(
    folder: Path, task: str, info: CohortInfo, geometry: BaseModel, decides: Mapping[str, Any] | None = None
) -> None:
    """Write what decides the samples of a folder; refuse a folder with samples of other settings.

    Args:
        folder: Of prepared data; exists.
        task: Name of the task.
        info: What the cohort is.
        geometry: Of a sample.
        decides: Further settings that decide what a sample is.

    Raises:
        InputError: The folder was prepared otherwise.
    """
    decisive = {"region": geometry.model_dump(mode="json"), **(decides or {})}
    content = {
        "lnstation_version": __version__,
        "task": task,
        "cohort": info.model_dump(mode="json"),
        **decisive,
    }
    path = folder / PREPARED_FILE
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        if found.get("task", task) != task or any(found.get(key) != value for key, value in decisive.items()):
            raise InputError(f"{folder} was prepared with other settings: choose another folder.")
    write_atomically(path, json.dumps(content, indent=1).encode() + b"\n")


def read_prepared(folder: Path) -> dict[str, Any]:
    """Content of ``prepared.json``.

    Raises:
        InputError: ``folder`` holds no prepared data.
    """
    try:
        content: dict[str, Any] = json.loads((folder / PREPARED_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} holds no prepared data: run prepare first.") from error
    if not {"cohort", "region"} <= set(content):
        raise InputError(f"{folder / PREPARED_FILE} is incomplete: run prepare into a new folder.")
    return content


def read_info(folder: Path) -> CohortInfo:
    """What the prepared cohort is.

    Raises:
        InputError: ``folder`` holds no prepared data.
    """
    return CohortInfo.model_validate(read_prepared(folder)["cohort"])


def read_geometry(folder: Path, kind: type[M]) -> M:
    """Geometry of the prepared samples, as the task has it.

    Raises:
        InputError: ``folder`` holds no prepared data.
    """
    return kind.model_validate(read_prepared(folder)["region"])


def check_task(folder: Path, task: str, also: Collection[str] = ()) -> None:
    """Refuse data that were prepared for another task; data that do not name one are accepted.

    Args:
        folder: Of the data.
        task: That they are wanted for.
        also: Further tasks whose data are alike.

    Raises:
        InputError: They were, or ``folder`` holds no prepared data.
    """
    found = read_prepared(folder).get("task", task)
    if found != task and found not in also:
        raise InputError(f"{folder} was prepared for the task {found}, not for {task}: prepare it again.")
