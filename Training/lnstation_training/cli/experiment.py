"""The command that runs the rows of a paper's tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lnstation_training.cli.show import say
from LNStationLib.support import console
from LNStationLib.support.errors import InputError


def experiment(
    folder: Annotated[Path, typer.Argument(help="Holds rows.yaml and settings, as Training/experiments/sa_moe.")],
    data: Annotated[Path, typer.Option(help="Folder of prepare.")],
    out: Annotated[Path, typer.Option(help="Folder for results, ROW/fold_K.json and tables.md.")],
    setting: Annotated[str, typer.Option(help="YAML file beside rows.yaml, without .yaml.")] = "reduced",
    rows: Annotated[str, typer.Option(help="Rows, with commas. [default: the setting's]")] = "",
    folds: Annotated[str, typer.Option(help="Folds, with commas. [default: the setting's]")] = "",
    runs: Annotated[Path | None, typer.Option(help="For checkpoints and logs. [default: OUT-runs]")] = None,
    workers: Annotated[int, typer.Option(help="Runs at a time.")] = 1,
    threads: Annotated[int | None, typer.Option(help="Threads of a run. [default: torch's]")] = None,
    trainer: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE of the trainer, such as accelerator=gpu; may repeat.")
    ] = None,
    backbone: Annotated[
        Path | None, typer.Option(help="Weights of train backbone, for rows that start from a backbone's.")
    ] = None,
    tables_only: Annotated[
        bool, typer.Option("--tables-only", help="Only draw tables, from existing results.")
    ] = False,
) -> None:
    """Train and evaluate rows of a paper's tables on folds, and draw the tables; a stopped experiment is resumed."""
    from lnstation_training.engine.experiment import Experiment, run_experiment
    from lnstation_training.engine.experiment_files import read_rows
    from lnstation_training.engine.results import write_tables
    from lnstation_training.tasks import task_named

    table = read_rows(folder)
    task = task_named(table.task)
    request = Experiment(
        task=task,
        folder=folder,
        setting=setting,
        data=data,
        out=out,
        runs=runs or out.with_name(f"{out.name}-runs"),
        rows=_listed(rows),
        folds=_whole_numbers(folds),
        workers=workers,
        threads=threads,
        trainer=_key_values(trainer or []),
        row_tasks={name: task_named(row.task) for name, row in table.rows.items() if row.task is not None},
        backbone=backbone,
    )
    if not tables_only:
        with console.shown_progress() as progress:
            made = run_experiment(request, progress)
        say(f"{made} new runs.")
    say(f"Written: {write_tables(folder, out, task)}")


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _whole_numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in _listed(text)]
    except ValueError as error:
        raise InputError(f"--folds {text}: give whole numbers with commas, such as 0,1,2.") from error


def _key_values(pairs: list[str]) -> dict[str, Any]:
    import yaml

    values = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InputError(f"--trainer {pair}: give KEY=VALUE.")
        values[key] = yaml.safe_load(value)
    return values
