"""The command that measures a package's operating points on other patients."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lnstation_training.cli.runs import Device
from lnstation_training.cli.show import say
from LNStationLib.support import console
from LNStationLib.support.errors import InputError

if TYPE_CHECKING:
    from lnstation_training.tasks.node_detection.recalibration import NodeRecalibration

_OF_NODES = ("add_views", "points_part", "kept", "title", "workers")
"""Options for packages that find nodes alone."""


def recalibrate(
    ctx: typer.Context,
    package: Annotated[Path, typer.Argument(help="Package of station_classification or node_detection.")],
    data: Annotated[
        Path,
        typer.Option(
            help="Patients that the network has not seen: for stations a folder of prepare, for nodes a table of "
            "patients (CSV: patient, ct, nodes, and what there is of pet, organs, stations, tumor) or its folder."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Package to write, a .zip file.")],
    version: Annotated[str, typer.Option(help="Of the new package.")],
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = "cpu",
    add_views: Annotated[
        bool, typer.Option("--add-views", help="Nodes: ask in six views a package that is asked once.")
    ] = False,
    points_part: Annotated[
        float,
        typer.Option(
            min=0.05, max=0.95, help="Nodes: part of the patients for operating points; figures are of the others."
        ),
    ] = 0.5,
    kept: Annotated[
        Path | None,
        typer.Option(
            help="Nodes: folder for what was found in each patient, from which a stopped run resumes. "
            "[default: beside --out, its name with -found]"
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Nodes: name of the cohort, for the card.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Nodes: processes; never changes the result.")] = 1,
) -> None:
    """Measure a package's operating points on other patients; its weights stay.

    Use patients of your own hospital that had no part in its training. For stations, calibration and conformal sets
    are fitted as well; regions must be the package's, and where they hold whole stations, so will the new package's.
    For nodes, whole assessments are held to your node masks, in which every visible node must be drawn.
    """
    from LNStationLib.models.package import NodeDetection, StationClassification, read_manifest

    task = read_manifest(package).task
    if task == NodeDetection.task:
        from lnstation_training.tasks.node_detection.recalibration import NodeRecalibration

        _nodes(NodeRecalibration(package, data, out, version, device, add_views, points_part, kept, title, workers))
    elif task == StationClassification.task:
        _refuse_options_of_nodes(ctx)
        _stations(package, data, out, version, device)
    else:
        known = f"{StationClassification.task} and {NodeDetection.task}"
        raise InputError(f"{package} is of the task {task}, and only packages of {known} can be recalibrated.")


def _refuse_options_of_nodes(ctx: typer.Context) -> None:
    """Name the options that would be read and ignored."""
    sources = {name: ctx.get_parameter_source(name) for name in _OF_NODES}
    given = [
        f"--{name.replace('_', '-')}"
        for name, source in sources.items()
        if source is not None and source.name == "COMMANDLINE"
    ]
    if given:
        raise InputError(f"{', '.join(given)}: only for packages that find nodes; leave it out.")


def _stations(package: Path, data: Path, out: Path, version: str, device: Device) -> None:
    from lnstation_training.tasks.station_classification.recalibration import Recalibration, recalibrate

    with console.shown_progress() as progress:
        card = recalibrate(Recalibration(package, data, out, version, device), progress)
    fitted = card.section.calibration
    outcome = (
        f"calibrated on the {fitted.fitted_on}"
        if fitted
        else "not calibrated: its answers run against these patients"
    )
    say(f"{out}: {card.title} {card.version}, {outcome}.")


def _nodes(request: NodeRecalibration) -> None:
    from lnstation_training.tasks.node_detection.recalibration import recalibrate, unmeasured
    from LNStationLib.models.package.card import metric_lines

    with console.shown_progress() as progress:
        card = recalibrate(request, progress)
    points = card.section.points_of
    assert points is not None
    say(f"{request.out}: {card.title} {card.version}, operating points {points.words}.")
    for line in metric_lines(card.metrics):
        say(line)
    left = unmeasured(card.section)
    if left:
        say(left)
