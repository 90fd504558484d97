"""Commands about one run: fit, evaluate, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from lnstation_training.cli.show import say, show_report
from LNStationLib.support import console

PartName = Literal["train", "validation", "test"]
Device = Literal["cpu", "cuda"]
FileTypeName = Literal["png", "svg"]
Precision = Literal["float16", "float32"]


def fit(ctx: typer.Context) -> None:
    """Train on one fold (fit --help lists every setting; fit --config FILE takes them from YAML).

    The run lies in --out: checkpoints (best on validation data, and last), logs (CSV and TensorBoard), settings. The
    same command resumes a stopped run.
    """
    from lnstation_training.engine.epoch_callbacks import EpochProgress
    from lnstation_training.engine.fit import fit as fit_run
    from lnstation_training.engine.runs import task_of_arguments
    from lnstation_training.tasks import task_named

    task = task_named(task_of_arguments(ctx.args))
    with console.shown_progress() as progress:
        run = fit_run(ctx.args, task, [EpochProgress(progress, task.monitor)])
    if run.trainer.is_global_zero:
        if run.started:
            say(run.started)
        say(f"Trained: {run.folder}. Next: python3 run.py train evaluate {run.folder}")


def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of fit.")],
    part: Annotated[PartName, typer.Option(help="Part of the fold.")] = "test",
    out: Annotated[Path | None, typer.Option(help="Folder for results. [default: RUN/evaluation_PART]")] = None,
    plots: Annotated[FileTypeName, typer.Option(help="Kind of the figures' files.")] = "png",
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = "cpu",
    resamples: Annotated[int, typer.Option(help="Of the bootstrap for 95 % intervals.")] = 1000,
) -> None:
    """Figures and plots of a run on the part of its fold that it has not seen.

    For stations: AUC, specificity at 75 and 80 % recall, recall at 75 and 80 % specificity, for all stations and each
    group, with intervals drawn by patient; calibration; routing; fraction of the attention inside nodes. Calibration
    is fitted on the validation part alone.
    """
    from lnstation_training.engine.evaluate import evaluate_run, write_json
    from lnstation_training.tasks import task_of_run

    folder, task = out or run / f"evaluation_{part}", task_of_run(run)
    with console.shown_progress() as progress:
        progress("predicting", 0.0)
        found = evaluate_run(run, task, part, device, resamples)
        progress("done", 1.0)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "results.json", found)
    files = task.draw(folder, found, plots)
    show_report(task.report(found))
    say(f"Written: {', '.join(map(str, [folder / 'results.json', *(path.name for path in files)]))}")


def export(
    run: Annotated[Path, typer.Argument(help="Folder of fit.")],
    out: Annotated[Path, typer.Option(help="Package to write, a .zip file.")],
    package_id: Annotated[str, typer.Option("--id", help="Name in settings: a-z, 0-9, - and _.")],
    title: Annotated[str, typer.Option(help="Name for people.")],
    license_name: Annotated[str, typer.Option("--license", help="Of the weights, such as CC-BY-4.0.")],
    version: Annotated[str, typer.Option(help="Of the package.")] = "1.0.0",
    precision: Annotated[Precision, typer.Option(help="Of the weights.")] = "float16",
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = "cpu",
) -> None:
    """Make a model package of a run's best model: weights, card, calibration and operating points.

    Calibration and operating points come from the validation part alone; the card's metrics from the test part. The
    package is read back and compared with the run before the command ends.
    """
    from lnstation_training.engine.export import ExportRequest, export_run
    from lnstation_training.tasks import task_of_run

    request = ExportRequest(run, out, package_id, version, title, license_name, precision, device)
    task = task_of_run(run)
    with console.shown_progress() as progress:
        card = export_run(request, task, progress)
    say(f"{out}: {card.title}, {card.n_bytes / 1e6:.1f} MB of weights, trained on {card.trained_on} data.")


def package_weights(
    settings: Annotated[Path, typer.Argument(help="YAML file: networks, task, card (Training/README.md).")],
    weights: Annotated[list[Path], typer.Argument(help="A safetensors file for each network, in the file's order.")],
    out: Annotated[Path, typer.Option(help="Package to write, a .zip file.")],
    precision: Annotated[Precision, typer.Option(help="Of the weights.")] = "float16",
) -> None:
    """Make a model package of weights that were trained elsewhere.

    The weights must be those of a registered network, as safetensors; pickled weights are refused. What the card says
    comes from the settings file alone.
    """
    from lnstation_training.engine.weights_package import package_weights as write

    card = write(settings, weights, out, precision)
    say(f"{out}: {card.title}, {card.n_bytes / 1e6:.1f} MB of weights, trained on {card.trained_on} data.")
