"""The command that turns a cohort into samples and folds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lnstation_training.cli.show import say, show_report
from LNStationLib.support import console
from LNStationLib.support.errors import InputError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from lnstation_training.cohorts.info import CohortInfo
    from lnstation_training.cohorts.tables import CohortPatient
    from lnstation_training.engine.task import Task


def prepare(
    out: Annotated[Path, typer.Option(help="Folder for the samples; an unfinished one is completed.")],
    patients: Annotated[
        Path | None,
        typer.Option(help="CSV: patient, ct, and as the task needs pet, stations, organs, tumor, nodes, n_category."),
    ] = None,
    pathology: Annotated[
        Path | None,
        typer.Option(help="CSV: patient, station, nodes_taken, nodes_positive; a row for each dissected station."),
    ] = None,
    node_pathology: Annotated[
        Path | None, typer.Option(help="CSV: patient, node, metastatic; a row for each node of known status.")
    ] = None,
    phantom: Annotated[Path | None, typer.Option(help="Instead of the tables: folder of a synthetic cohort.")] = None,
    task: Annotated[
        str | None, typer.Option(help="What networks will learn. [default: station_classification]")
    ] = None,
    setting: Annotated[
        Path | None, typer.Option(help="Take the geometry from this setting of an experiment (a YAML file).")
    ] = None,
    size: Annotated[str | None, typer.Option(help="Voxels of a sample along z,y,x. [default: the task's]")] = None,
    spacing: Annotated[str | None, typer.Option(help="Its voxels in mm along z,y,x. [default: the task's]")] = None,
    folds: Annotated[int, typer.Option(help="Parts of the cross-validation, 3 or more.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the draw of folds.")] = 0,
    title: Annotated[str | None, typer.Option(help="Name of the cohort, for the cards of models.")] = None,
    description: Annotated[str, typer.Option(help="More about it: hospitals, years, scanners.")] = "",
    workers: Annotated[int, typer.Option(help="Processes; never changes the result.")] = 1,
) -> None:
    """Make the samples of a cohort, once, and draw patient-level folds.

    For the default task, a sample is a region of one station: positive where pathology found at least one metastatic
    node in it, negative where it was dissected and none was found, unlabeled where it was not dissected. Faulty rows
    of the tables are all listed.
    """
    from lnstation_training.engine.prepare import PrepareRequest, positives
    from lnstation_training.engine.prepare import prepare as prepare_cohort
    from lnstation_training.tasks import task_named

    wanted = task_named(task)
    cohort, info = _cohort(wanted, (patients, pathology, node_pathology), phantom, title, description)
    request = PrepareRequest(out, info, _geometry(wanted, setting, size, spacing), folds, seed, workers)
    with console.shown_progress() as progress:
        samples = prepare_cohort(wanted, cohort, request, progress)
    show_report(wanted.prepared_report(samples))
    patients_made, labeled = len({sample.patient for sample in samples}), len(positives(samples))
    say(f"{out}: {patients_made} patients, {labeled} of them with a labeled {wanted.unit}, in {folds} folds.")
    config = f" --config {wanted.example_config}" if wanted.example_config else f" --task {wanted.name}"
    say(f"Next: python3 run.py train fit{config} --data.folder {out} --out RUN")


def _cohort(
    task: Task,
    tables: tuple[Path | None, Path | None, Path | None],
    phantom: Path | None,
    title: str | None,
    description: str,
) -> tuple[list[CohortPatient], CohortInfo]:
    from lnstation_training.cohorts.info import cohort_info
    from lnstation_training.cohorts.tables import read_cohort
    from lnstation_training.synthetic.cohort import cohort_tables

    patients, pathology, nodes = tables
    if phantom is not None and not any(tables):
        patients, pathology, nodes = cohort_tables(phantom)
    elif patients is None or phantom is not None:
        raise InputError("Give the tables (--patients and what the task needs of pathology), or --phantom alone.")
    cohort = read_cohort(patients, pathology, nodes, task.needs)
    return cohort, cohort_info(patients, pathology, title, description, nodes)


def _geometry(task: Task, setting: Path | None, size: str | None, spacing: str | None) -> BaseModel:
    from pydantic import ValidationError

    from lnstation_training.engine.experiment_files import first_fault, read_setting, setting_geometry

    if setting is not None:
        return setting_geometry(read_setting(setting.parent, setting.stem), task.geometry)
    given = {name: text.split(",") for name, text in (("size", size), ("spacing_mm", spacing)) if text is not None}
    try:
        return task.geometry.model_validate(given)
    except ValidationError as error:
        options = " ".join(f"--{name} {text}" for name, text in (("size", size), ("spacing", spacing)) if text)
        raise InputError(f"{options}: {first_fault(error)}.") from error
